//! Orders that real sellers get and parsers trip over.

use banto_channel::{Address, Buyer, ListingId, RemoteOrderId};
use banto_sim::market::{BasketLine, Purchase};
use serde_json::{Value, json};

use super::FakeAmazon;

/// What makes a plain paid order of one line (550 and 450 for shipping) into an odd one, as the API tells it.
pub(super) type Change = fn(&mut Value);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd about it.
    pub name: &'static str,
    /// Its key.
    pub id: RemoteOrderId,
}

const ODD: &[(&str, Change)] = &[
    ("gift with a message", |o| gift(o, "お誕生日おめでとう 🎂\n— 髙﨑", "PREMIUM")),
    ("gift wrap without a message", |o| gift(o, "", "STANDARD")),
    ("gift wrap that costs", |o| {
        gift(o, "感謝をこめて", "STANDARD");
        part(o, "GIFT_WRAP", "300");
        grand(o, "1300");
    }),
    ("emoji and characters outside Shift_JIS", |o| {
        address(o)["name"] = json!("髙﨑①𠮷 👨‍👩‍👧");
        item(o)["product"]["title"] = json!("抹茶 🍵 ㈱〜");
    }),
    ("combining and right-to-left characters", |o| address(o)["name"] = json!("ガギ שלום")),
    ("markup in a title", |o| item(o)["product"]["title"] = json!("<b>Tee</b> &amp; “Öko” 100%")),
    ("very long texts", |o| {
        address(o)["addressLine2"] = json!("長い建物名".repeat(1000));
        item(o)["product"]["title"] = json!("寿限無".repeat(1500));
    }),
    ("no buyer and no address", |o| {
        remove(o, "buyer");
        remove(o, "recipient");
    }),
    ("buyer and address are null", |o| {
        o["buyer"] = Value::Null;
        o["recipient"] = Value::Null;
    }),
    ("an address without a street", |o| {
        o["recipient"]["deliveryAddress"] =
            json!({ "stateOrRegion": "東京都", "postalCode": "100-0001", "countryCode": "JP" });
    }),
    ("an address of four lines, district and company", |o| {
        let a = address(o);
        for (field, text) in [
            ("companyName", "株式会社 見本"),
            ("addressLine3", "受付 3F"),
            ("districtOrCounty", "Beyoglu"),
            ("municipality", "Istanbul"),
        ] {
            a[field] = json!(text);
        }
    }),
    ("a pickup point", |o| {
        address(o)["addressType"] = json!("PICKUP_POINT");
        o["recipient"]["deliveryPreference"]["dropOffLocation"] = json!("宅配ボックス");
    }),
    ("cash on delivery with its fee", |o| {
        o["payment"]["paymentExecutions"] = json!([{ "paymentMethod": "CashOnDelivery" }]);
        part(o, "COD_FEE", "330");
        grand(o, "1330");
    }),
    ("points and a card", |o| {
        o["payment"]["paymentExecutions"] =
            json!([{ "paymentMethod": "PointsAccount" }, { "paymentMethod": "CreditCard" }]);
        item(o)["expense"] = json!({ "pointsCost": { "pointsGranted": { "pointsNumber": 6, "pointsMonetaryValue": yen("6") } } });
    }),
    ("paid at a convenience store", |o| {
        o["payment"]["paymentExecutions"] = json!([{ "paymentMethod": "ConvenienceStore" }]);
    }),
    ("an unknown payment method", |o| {
        o["payment"]["paymentExecutions"] = json!([{ "paymentMethod": "MoonDollars" }]);
    }),
    ("no payment told", |o| remove(o, "payment")),
    ("a coupon with a minus", |o| {
        part(o, "DISCOUNT", "-100");
        grand(o, "900");
    }),
    ("a coupon without a minus", |o| {
        part(o, "DISCOUNT", "100");
        grand(o, "900");
    }),
    ("tax on top", |o| {
        part(o, "TAX", "95");
        grand(o, "1095");
    }),
    ("tax included, 8 % and 10 % mixed", |o| part(o, "TAX", "82")),
    ("a tip for the delivery", |o| {
        o["proceeds"]["breakdowns"].as_array_mut().into_iter().for_each(|rows| {
            rows.push(json!({ "type": "DELIVERY_TIP", "status": "FINALIZED", "subtotal": yen("200") }));
        });
        grand(o, "1200");
    }),
    ("a kind of money that is not documented", |o| {
        part(o, "MOON_FEE", "77");
        grand(o, "1077");
    }),
    ("a total that does not add up", |o| grand(o, "9999")),
    ("no breakdowns at the order", |o| remove(&mut o["proceeds"], "breakdowns")),
    ("no breakdowns at all", |o| {
        remove(&mut o["proceeds"], "breakdowns");
        remove(&mut item(o)["proceeds"], "breakdowns");
    }),
    ("no proceeds", |o| {
        remove(o, "proceeds");
        remove(item(o), "proceeds");
    }),
    ("a free replacement", |o| {
        o["associatedOrders"] =
            json!([{ "orderId": "250-0000001-0000001", "associationType": "REPLACEMENT_ORIGINAL_ID" }]);
        o["proceeds"] = json!({ "grandTotal": yen("0") });
        item(o)["proceeds"] = json!({ "proceedsTotal": yen("0") });
        item(o)["product"]["price"] = json!({ "unitPrice": yen("0") });
    }),
    ("an unknown currency", |o| recoin(o, "ABC")),
    ("dollars", |o| {
        recoin(o, "USD");
        grand(o, "1000.00");
        o["proceeds"]["grandTotal"]["currencyCode"] = json!("USD");
    }),
    ("two currencies", |o| o["proceeds"]["grandTotal"]["currencyCode"] = json!("USD")),
    ("an amount with too many decimals", |o| grand(o, "1000.5")),
    ("an amount that is a number", |o| o["proceeds"]["grandTotal"]["amount"] = json!(1000)),
    ("an amount that is no number", |o| grand(o, "¥1,000")),
    ("an unknown status", |o| status(o, "ON_THE_MOON")),
    ("no status", |o| remove(o, "fulfillment")),
    ("a pending order", |o| {
        status(o, "PENDING");
        remove(o, "proceeds");
        remove(item(o), "proceeds");
        remove(&mut item(o)["product"], "price");
        item(o)["fulfillment"] = json!({ "quantityFulfilled": 0, "quantityUnfulfilled": 0 });
    }),
    ("a pre-order", |o| status(o, "PENDING_AVAILABILITY")),
    ("Amazon ships it", |o| o["fulfillment"]["fulfilledBy"] = json!("AMAZON")),
    ("Amazon cannot fulfil it", |o| {
        status(o, "UNFULFILLABLE");
        o["fulfillment"]["fulfilledBy"] = json!("AMAZON");
    }),
    ("somebody unknown ships it", |o| o["fulfillment"]["fulfilledBy"] = json!("ROBOTS")),
    ("shipped in part", |o| {
        status(o, "PARTIALLY_SHIPPED");
        item(o)["quantityOrdered"] = json!(3);
        item(o)["fulfillment"] = json!({ "quantityFulfilled": 1, "quantityUnfulfilled": 2 });
    }),
    ("two parcels, one of an unknown state", |o| {
        status(o, "SHIPPED");
        item(o)["fulfillment"] = json!({ "quantityFulfilled": 1, "quantityUnfulfilled": 0 });
        o["packages"] = json!([
            { "packageReferenceId": "1", "carrier": "佐川急便", "trackingNumber": "4000", "shipTime": "2026-04-01T01:00:00Z" },
            { "packageReferenceId": "PKG-2", "packageStatus": { "status": "LOST_IN_SPACE" } },
        ]);
    }),
    ("the buyer asks to cancel", |o| {
        item(o)["cancellation"] =
            json!({ "cancellationRequest": { "requester": "BUYER", "cancelReason": "間違えて注文した" } });
    }),
    ("one of three was cancelled", |o| {
        item(o)["quantityOrdered"] = json!(3);
        item(o)["cancellation"] =
            json!({ "cancellationExecution": { "cancelledBy": "MERCHANT", "cancelReason": "NoInventory" } });
        item(o)["fulfillment"] = json!({ "quantityFulfilled": 0, "quantityUnfulfilled": 2 });
    }),
    ("cancelled as a whole", |o| {
        status(o, "CANCELLED");
        item(o)["fulfillment"] = json!({ "quantityFulfilled": 0, "quantityUnfulfilled": 0 });
    }),
    ("no lines", |o| o["orderItems"] = json!([])),
    ("a hundred lines", |o| {
        let first = item(o).clone();
        let lines = (0..100).map(|n| {
            let mut line = first.clone();
            line["orderItemId"] = json!(format!("9{n:05}"));
            line["product"]["sellerSku"] = json!(format!("SKU-{n}"));
            line["proceeds"] = json!({ "breakdowns": [{ "type": "ITEM", "subtotal": yen("10") }] });
            line
        });
        o["orderItems"] = lines.collect();
        o["proceeds"] = json!({ "grandTotal": yen("1000") });
    }),
    ("a line without a SKU", |o| remove(&mut item(o)["product"], "sellerSku")),
    ("a SKU of blanks, commas and slashes", |o| item(o)["product"]["sellerSku"] = json!("A b/c,髙?#")),
    ("a negative quantity", |o| item(o)["quantityOrdered"] = json!(-1)),
    ("a quantity that is a text", |o| item(o)["quantityOrdered"] = json!("2")),
    ("sold by weight", |o| item(o)["measurement"] = json!({ "unit": "GRAMS", "value": 250.5 })),
    ("no id", |o| remove(o, "orderId")),
    ("no date of creation", |o| remove(o, "createdTime")),
    ("no date at all", |o| {
        remove(o, "createdTime");
        o["lastUpdatedTime"] = json!("yesterday");
    }),
    ("fields that nobody has heard of", |o| {
        o["quantumState"] = json!({ "spin": [1, -1, null] });
        item(o)["aura"] = json!(true);
    }),
    ("no order but a list", |o| *o = json!([1, 2, 3])),
];

fn yen(amount: &str) -> Value {
    json!({ "amount": amount, "currencyCode": "JPY" })
}

fn item(order: &mut Value) -> &mut Value {
    &mut order["orderItems"][0]
}

fn address(order: &mut Value) -> &mut Value {
    &mut order["recipient"]["deliveryAddress"]
}

fn remove(value: &mut Value, name: &str) {
    if let Some(map) = value.as_object_mut() {
        map.remove(name);
    }
}

fn status(order: &mut Value, word: &str) {
    order["fulfillment"]["fulfillmentStatus"] = json!(word);
}

fn grand(order: &mut Value, amount: &str) {
    order["proceeds"]["grandTotal"]["amount"] = json!(amount);
}

/// Adds a part to the order's money and to its first line's.
fn part(order: &mut Value, kind: &str, amount: &str) {
    let row = json!({ "type": kind, "subtotal": yen(amount) });
    for rows in ["/proceeds/breakdowns", "/orderItems/0/proceeds/breakdowns"] {
        if let Some(rows) = order.pointer_mut(rows).and_then(Value::as_array_mut) {
            rows.push(row.clone());
        }
    }
}

/// Another currency everywhere.
fn recoin(value: &mut Value, code: &str) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if name == "currencyCode" {
                    *inner = json!(code);
                } else {
                    recoin(inner, code);
                }
            }
        }
        Value::Array(rows) => rows.iter_mut().for_each(|row| recoin(row, code)),
        _ => {}
    }
}

fn gift(order: &mut Value, message: &str, level: &str) {
    item(order)["fulfillment"]["packing"] =
        json!({ "giftOption": { "giftMessage": message, "giftWrapLevel": level } });
}

fn purchase() -> Purchase {
    Purchase {
        lines: vec![BasketLine { listing: ListingId::from("TEA-00001"), quantity: 1 }],
        buyer: Buyer {
            name: "見本 花子".to_owned(),
            email: "hanako@example.com".to_owned(),
            ..Buyer::default()
        },
        ship_to: Address {
            name: "見本 花子".to_owned(),
            country: "JP".to_owned(),
            postcode: "150-0002".to_owned(),
            region: "東京都".to_owned(),
            city: "渋谷区".to_owned(),
            line1: "渋谷 1-2-3".to_owned(),
            line2: "見本荘 101".to_owned(),
            phone: "03-0000-0000".to_owned(),
            ..Address::default()
        },
        paid: true,
        ..Purchase::default()
    }
}

impl FakeAmazon {
    /// Places one of each odd order over the first listing.
    pub fn place_odd_orders(&self) -> Vec<OddOrder> {
        let purchase = purchase();
        let mut shop = self.inner.shop();
        let mut placed = Vec::with_capacity(ODD.len());
        for (name, change) in ODD {
            let Some((sku, offer)) = shop.offers.first_key_value() else {
                break;
            };
            let line = shop.line(1, sku, offer, 1);
            let mut order = shop.draft(vec![line], &purchase);
            order.odd = Some(*change);
            placed.push(OddOrder { name, id: RemoteOrderId(order.id.clone()) });
            shop.insert(order);
        }
        placed
    }
}
