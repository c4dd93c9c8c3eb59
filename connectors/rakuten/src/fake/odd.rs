//! Orders that real shops have and parsers trip over: plain paid orders of one line, made odd in the text that
//! `getOrder` hands out.

use banto_channel::{Address, Buyer, RemoteOrderId};
use banto_sim::market::Purchase;
use serde_json::{Value, json};

use super::FakeShop;
use super::order::When;
use super::state::{Shop, Sku};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd about it.
    pub name: &'static str,
    /// Its key.
    pub id: RemoteOrderId,
}

type Change = fn(&mut Value);

/// What is odd about the people, the texts and the way.
const PEOPLE: &[(&str, Change)] = &[
    ("remarks over several lines, with emoji", |o| {
        o["remarks"] =
            json!("[配送日時指定:]\n\nプレゼント用に 🎁\r\n「おめでとう」と書いてください。— 髙橋");
    }),
    ("a wished date in the remarks and in its fields", |o| {
        o["remarks"] = json!("[配送日時指定:]\n2026-11-25(水)\n14:00～16:00\n留守なら隣へ");
        o["deliveryDate"] = json!("2026-11-25");
        o["shippingTerm"] = json!(1416);
    }),
    ("a gift with noshi", |o| {
        o["giftCheckFlag"] = json!(1);
        package(o)["noshi"] = json!("御祝 山田");
    }),
    ("characters outside CP932", |o| {
        o["OrdererModel"]["familyName"] = json!("𠮷田👨‍👩‍👧");
        package(o)["SenderModel"]["familyName"] = json!("髙﨑①");
        package(o)["SenderModel"]["subAddress"] = json!("神宮前1‒2−3 🌸荘");
    }),
    ("markup in an item's name", |o| item(o)["itemName"] = json!("<b>Tee</b> “Öko” 100% &lt;S/M&gt;")),
    ("control characters in the remarks", |o| o["remarks"] = json!("a\u{1}b\u{7f}c\u{2028}d")),
    ("very long texts", |o| {
        o["remarks"] = json!("とても長い備考。".repeat(4000));
        item(o)["itemName"] = json!("寿限無".repeat(1000));
    }),
    ("options chosen for an item", |o| item(o)["selectedChoice"] = json!("刻印:A.Y.\n領収書:同封しません")),
    ("no mail address", |o| o["OrdererModel"]["emailAddress"] = Value::Null),
    ("no phone and no first name", |o| {
        for part in ["phoneNumber1", "phoneNumber2", "phoneNumber3", "firstName", "firstNameKana"] {
            package(o)["SenderModel"][part] = Value::Null;
        }
    }),
    ("an address abroad", |o| {
        for (field, text) in
            [("zipCode1", "94110"), ("zipCode2", ""), ("prefecture", "CA"), ("city", "San Francisco")]
        {
            package(o)["SenderModel"][field] = json!(text);
        }
    }),
    ("an isolated island", |o| o["isolatedIslandFlag"] = json!(1)),
    ("two destinations", |o| {
        let mut other = package(o).clone();
        other["basketId"] = json!(77);
        other["SenderModel"]["city"] = json!("那覇市");
        other["ItemModelList"][0]["itemDetailId"] = json!(771);
        push(&mut o["PackageModelList"], other);
        o["severalSenderFlag"] = json!(1);
        add_up(o);
    }),
    ("two packages for one door", |o| {
        let mut other = package(o).clone();
        other["basketId"] = json!(78);
        other["ItemModelList"][0]["itemDetailId"] = json!(781);
        push(&mut o["PackageModelList"], other);
        add_up(o);
    }),
    ("picked up at a convenience store", |o| {
        package(o)["DeliveryCvsModel"] = json!({ "cvsCode": 50, "storeName": "ローソン 見本店", "storeZip": "100-0001", "storePrefecture": "東京都" });
    }),
    ("left at the door, frozen", |o| {
        package(o)["dropOffFlag"] = json!(1);
        package(o)["dropOffLocation"] = json!("玄関前");
        o["DeliveryModel"]["deliveryClass"] = json!(3);
    }),
    ("a social gift without an address", |o| {
        o["socialGiftFlag"] = json!(1);
        let parts = [("zipCode1", "999"), ("zipCode2", "9999"), ("familyNameKana", "ニュウリョクマチ")];
        let waiting =
            ["prefecture", "city", "subAddress", "familyName", "firstName"].map(|f| (f, "入力待ち"));
        for (field, text) in parts.into_iter().chain(waiting) {
            package(o)["SenderModel"][field] = json!(text);
        }
        package(o)["SocialGiftModel"] =
            json!({ "sgMngNumber": "123456-sg", "inputDueDate": "2026-12-01", "inputFlag": 0 });
    }),
    ("a social gift whose address was entered", |o| {
        o["socialGiftFlag"] = json!(1);
        package(o)["SocialGiftModel"] =
            json!({ "sgMngNumber": "123457-sg", "inputDueDate": "2026-12-01", "inputFlag": 1 });
    }),
];

/// What is odd about the goods.
const GOODS: &[(&str, Change)] = &[
    ("no lines", |o| {
        package(o)["ItemModelList"] = json!([]);
        add_up(o);
    }),
    ("no packages", |o| {
        o["PackageModelList"] = Value::Null;
        add_up(o);
    }),
    ("a hundred lines", |o| multiply(o, 100)),
    ("five hundred lines", |o| multiply(o, 500)),
    ("the same SKU on two lines", |o| multiply(o, 2)),
    ("one id for two lines", |o| {
        multiply(o, 2);
        package(o)["ItemModelList"][1]["itemDetailId"] = item(o)["itemDetailId"].clone();
    }),
    ("a line of no units", |o| {
        item(o)["units"] = json!(0);
        add_up(o);
    }),
    ("a negative number of units", |o| item(o)["units"] = json!(-1)),
    ("units in words", |o| item(o)["units"] = json!("三")),
    ("everything free", |o| {
        item(o)["price"] = json!(0);
        item(o)["priceTaxIncl"] = json!(0);
        o["postagePrice"] = json!(0);
        add_up(o);
    }),
    ("an order from before SKUs", |o| {
        item(o)["SkuModelList"] = json!([{ "variantId": "", "merchantDefinedSkuId": null, "skuInfo": null }]);
    }),
    ("no list of SKUs", |o| item(o)["SkuModelList"] = Value::Null),
    ("two SKUs in one line", |o| {
        let sku = item(o)["SkuModelList"][0].clone();
        push(&mut item(o)["SkuModelList"], sku);
    }),
    ("an item that no longer exists", |o| item(o)["manageNumber"] = json!("gone-2019")),
    ("an item with a strange name", |o| item(o)["manageNumber"] = json!("髙 級/品")),
    ("a million units", |o| {
        item(o)["units"] = json!(1_000_000);
        add_up(o);
    }),
];

/// What is odd about the money.
const MONEY: &[(&str, Change)] = &[
    ("both tax rates", |o| {
        multiply(o, 2);
        package(o)["ItemModelList"][1]["taxRate"] = json!(0.08);
        push(&mut o["TaxSummaryModelList"], json!({ "taxRate": 0.08, "reqPrice": 108, "reqPriceTax": 8 }));
    }),
    ("free of tax", |o| {
        item(o)["taxRate"] = json!(0);
        o["TaxSummaryModelList"] = json!([]);
    }),
    ("a price that leaves the tax out", |o| {
        item(o)["includeTaxFlag"] = json!(0);
        item(o)["price"] = json!(1000);
        item(o)["priceTaxIncl"] = json!(1100);
        add_up(o);
    }),
    ("a coupon of the shop", |o| {
        o["couponAllTotalPrice"] = json!(100);
        o["couponShopPrice"] = json!(100);
        add_up(o);
    }),
    ("a coupon of Rakuten and points", |o| {
        o["couponAllTotalPrice"] = json!(200);
        o["couponOtherPrice"] = json!(200);
        o["PointModel"]["usedPoint"] = json!(123);
        add_up(o);
    }),
    ("points for everything", |o| {
        o["SettlementModel"] =
            json!({ "settlementMethodCode": 8, "settlementMethod": "ポイント", "rpaySettlementFlag": 1 });
        o["PointModel"]["usedPoint"] = o["totalPrice"].clone();
        add_up(o);
    }),
    ("cash on delivery with its fee", |o| {
        o["SettlementModel"] =
            json!({ "settlementMethodCode": 2, "settlementMethod": "代金引換", "rpaySettlementFlag": 0 });
        o["deliveryPrice"] = json!(330);
        add_up(o);
    }),
    ("paid later, with both of its fees", |o| {
        o["SettlementModel"] =
            json!({ "settlementMethodCode": 21, "settlementMethod": "後払い決済", "rpaySettlementFlag": 1 });
        o["paymentCharge"] = json!(250);
        o["additionalFeeOccurAmountToUser"] = json!(110);
        add_up(o);
    }),
    ("wrapping, with and without its tax", |o| {
        o["WrappingModel1"] =
            json!({ "title": 1, "name": "包装紙", "price": 100, "includeTaxFlag": 1, "taxPrice": 9 });
        o["WrappingModel2"] =
            json!({ "title": 2, "name": "赤リボン", "price": 200, "includeTaxFlag": 0, "taxPrice": 20 });
        add_up(o);
    }),
    ("no amount is fixed yet", |o| {
        let amounts =
            ["goodsPrice", "postagePrice", "deliveryPrice", "paymentCharge", "totalPrice", "requestPrice"];
        amounts.iter().for_each(|amount| o[*amount] = json!(-9999));
        o["orderProgress"] = json!(100);
    }),
    ("only the postage is not fixed yet", |o| {
        ["postagePrice", "totalPrice", "requestPrice"].iter().for_each(|amount| o[*amount] = json!(-9999));
    }),
    ("a total that does not add up", |o| {
        o["requestPrice"] = json!(o["requestPrice"].as_i64().unwrap_or(0) + 7)
    }),
    ("amounts as text", |o| {
        o["requestPrice"] = json!(o["requestPrice"].to_string());
        item(o)["priceTaxIncl"] = json!(item(o)["priceTaxIncl"].to_string());
    }),
    ("an amount with a fraction", |o| o["postagePrice"] = json!(550.5)),
    ("an amount in the trillions", |o| {
        item(o)["priceTaxIncl"] = json!(9_000_000_000_000_i64);
        add_up(o);
    }),
    ("an amount beyond all bounds", |o| {
        item(o)["priceTaxIncl"] = json!(i64::MAX);
        item(o)["units"] = json!(3);
    }),
    ("a way of payment that nobody knows", |o| {
        o["SettlementModel"] =
            json!({ "settlementMethodCode": 99, "settlementMethod": "未来払い", "rpaySettlementFlag": 1 });
    }),
    ("no way of payment", |o| o["SettlementModel"] = Value::Null),
];

/// What is odd about the state and the form.
const STATE: &[(&str, Change)] = &[
    ("a pre-order", |o| o["orderType"] = json!(6)),
    ("a subscription", |o| o["orderType"] = json!(4)),
    ("a kind of order that nobody knows", |o| o["orderType"] = json!(9)),
    ("a state that nobody knows", |o| o["orderProgress"] = json!(550)),
    ("a sub-status of the shop", |o| o["subStatusName"] = json!("03.入荷待ち")),
    ("in Rakuten's hands", |o| {
        o["orderProgress"] = json!(200);
        o["orderFixDatetime"] = Value::Null;
    }),
    ("being checked by Rakuten", |o| o["rakutenConfirmFlag"] = json!(1)),
    ("a change waits", |o| o["orderProgress"] = json!(400)),
    ("a buyer to be careful with", |o| {
        o["cautionDisplayType"] = json!(1);
        o["cautionDisplayDetailType"] = json!(102);
    }),
    ("a buyer whose order is to be cancelled", |o| o["cautionDisplayType"] = json!(2)),
    ("one parcel entered", |o| {
        package(o)["ShippingModelList"] =
            json!([{ "shippingDetailId": 1, "shippingNumber": "4880", "deliveryCompany": "1001" }]);
    }),
    ("a blank row for a parcel to come", |o| {
        package(o)["ShippingModelList"] = json!([{ "shippingDetailId": 2, "shippingNumber": null, "deliveryCompany": "1001", "shippingDate": null }]);
    }),
    ("shipped with a carrier that nobody knows", |o| {
        shipped(o, 500);
        package(o)["ShippingModelList"][0]["deliveryCompany"] = json!("1099");
        package(o)["ShippingModelList"][0]["deliveryCompanyName"] = json!("伝書鳩");
    }),
    ("shipped and paid out", |o| shipped(o, 700)),
    ("cash on delivery, shipped", |o| {
        shipped(o, 500);
        o["SettlementModel"]["settlementMethodCode"] = json!(2);
        o["SettlementModel"]["rpaySettlementFlag"] = json!(0);
    }),
    ("cancelled because it was not paid", |o| {
        cancelled(o, 900, 4);
        o["orderFixDatetime"] = Value::Null;
    }),
    ("cancelled after it was fixed", |o| cancelled(o, 900, 8)),
    ("a cancellation waits", |o| cancelled(o, 800, 1)),
    ("cancelled after it came back", |o| {
        shipped(o, 500);
        cancelled(o, 900, 2);
    }),
    ("a cancellation waits after shipping", |o| {
        shipped(o, 500);
        cancelled(o, 800, 3);
    }),
    ("no date", |o| o["orderDatetime"] = Value::Null),
    ("no number", |o| o["orderNumber"] = Value::Null),
    ("a text for a list", |o| o["PackageModelList"] = json!("なし")),
    ("a time with a colon in its zone", |o| {
        let at = o["orderDatetime"].as_str().unwrap_or_default().replace("+0900", "+09:00");
        o["orderDatetime"] = json!(at);
    }),
];

fn package(order: &mut Value) -> &mut Value {
    &mut order["PackageModelList"][0]
}

fn item(order: &mut Value) -> &mut Value {
    &mut order["PackageModelList"][0]["ItemModelList"][0]
}

fn push(list: &mut Value, value: Value) {
    if let Value::Array(list) = list {
        list.push(value);
    }
}

/// The first line so many times, each with an id of its own.
fn multiply(order: &mut Value, times: usize) {
    let first = item(order).clone();
    let lines = (0..times).map(|n| {
        let mut line = first.clone();
        line["itemDetailId"] = json!(first["itemDetailId"].as_u64().unwrap_or(0) + n as u64);
        line
    });
    package(order)["ItemModelList"] = lines.collect();
    add_up(order);
}

/// Makes the sums fit the lines and fees again.
fn add_up(order: &mut Value) {
    let mut goods: i64 = order["PackageModelList"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|package| package["ItemModelList"].as_array().cloned().unwrap_or_default())
        .map(|item| item["priceTaxIncl"].as_i64().unwrap_or(0) * item["units"].as_i64().unwrap_or(0))
        .sum();
    for wrapping in ["WrappingModel1", "WrappingModel2"] {
        let wrapping = &order[wrapping];
        let on_top = wrapping["includeTaxFlag"].as_i64() == Some(0);
        goods += wrapping["price"].as_i64().unwrap_or(0);
        goods += if on_top { wrapping["taxPrice"].as_i64().unwrap_or(0) } else { 0 };
    }
    let amount = |name: &str| order[name].as_i64().unwrap_or(0);
    let total = goods + amount("postagePrice");
    let fees = amount("deliveryPrice") + amount("paymentCharge") + amount("additionalFeeOccurAmountToUser");
    let off = amount("couponAllTotalPrice") + order["PointModel"]["usedPoint"].as_i64().unwrap_or(0);
    order["goodsPrice"] = json!(goods);
    order["totalPrice"] = json!(total);
    order["requestPrice"] = json!(total + fees - off);
}

fn shipped(order: &mut Value, progress: i64) {
    order["orderProgress"] = json!(progress);
    order["shippingCmplRptDatetime"] = order["orderDatetime"].clone();
    package(order)["ShippingModelList"] = json!([{
        "shippingDetailId": 9, "shippingNumber": "4880-1", "deliveryCompany": "1001",
        "deliveryCompanyName": "ヤマト運輸", "shippingDate": "2026-04-02",
    }]);
}

fn cancelled(order: &mut Value, progress: i64, detail: i64) {
    order["orderProgress"] = json!(progress);
    order["ChangeReasonModelList"] = json!([{
        "changeId": 5, "changeType": i64::from(progress == 900), "changeReasonDetail": detail,
        "changeApplyDatetime": order["orderDatetime"], "changeFixDatetime": Value::Null,
    }]);
}

fn somebody() -> Purchase {
    Purchase {
        buyer: Buyer {
            name: "山田 太郎".to_owned(),
            email: "taro@example.test".to_owned(),
            phone: "03-0000-0000".to_owned(),
            ..Buyer::default()
        },
        ship_to: Address {
            name: "山田 花子".to_owned(),
            country: "JP".to_owned(),
            postcode: "100-0001".to_owned(),
            region: "東京都".to_owned(),
            city: "千代田区".to_owned(),
            line1: "千代田1-1".to_owned(),
            phone: "090-0000-0000".to_owned(),
            ..Address::default()
        },
        paid: true,
        ..Purchase::default()
    }
}

/// An order of one unit that is paid and ready.
fn place(shop: &mut Shop, change: Change) -> Option<String> {
    let first = shop.items.values().next()?;
    let sku: Sku = (first.manage_number.clone(), first.variants.first()?.id.clone());
    let lines = shop.line(&sku, 1).into_iter().collect();
    let mut order = shop.place(&somebody(), lines);
    let now = shop.now();
    order.progress = 300;
    order.dates.extend([(When::Confirmed, now), (When::Fixed, now)]);
    order.odd = Some(change);
    let number = order.number.clone();
    shop.insert(order);
    Some(number)
}

impl FakeShop {
    /// Places one order of each odd kind, and says which is which. They take no stock. The shop must sell something.
    pub fn place_odd_orders(&self) -> Vec<OddOrder> {
        let mut shop = self.shop();
        let all = [PEOPLE, GOODS, MONEY, STATE].into_iter().flatten();
        all.filter_map(|(name, change)| {
            place(&mut shop, *change).map(|number| OddOrder { name, id: RemoteOrderId(number) })
        })
        .collect()
    }
}
