//! Orders that break programs.

use banto_channel::{Address, Buyer, RemoteOrderId};
use banto_sim::market::Purchase;
use serde_json::{Value, json};

use super::FakeShop;
use super::order::{Order, Parcel, Payment, Refund, Units};
use super::state::Shop;

/// An odd order that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd about it.
    pub name: &'static str,
    /// Its key.
    pub id: RemoteOrderId,
    /// Whether it is an order at all; carts and sums of orders are none.
    pub listed: bool,
}

/// How an odd order differs from a usual one with two units of the first and one of the second variant.
struct Odd {
    name: &'static str,
    edit: fn(&mut Order),
    show: Option<fn(&mut Value)>,
    listed: bool,
}

const fn edited(name: &'static str, edit: fn(&mut Order)) -> Odd {
    Odd { name, edit, show: None, listed: true }
}

const fn shown(name: &'static str, show: fn(&mut Value)) -> Odd {
    Odd { name, edit: |_| (), show: Some(show), listed: true }
}

const fn no_order(name: &'static str, show: fn(&mut Value)) -> Odd {
    Odd { name, edit: |_| (), show: Some(show), listed: false }
}

/// What buyers, addresses and words can be.
const PEOPLE: &[Odd] = &[
    edited("a gift with a message", |o| o.note = "🎁 お誕生日おめでとう！\n値札は外してください".to_owned()),
    shown("bought for somebody else", |v| {
        address(
            v,
            "billingAddress",
            &json!({"fullName": "伊藤 花子", "streetLine1": "梅田2-4-9", "countryCode": "JP"}),
        );
    }),
    shown("characters outside of JIS", |v| v["shippingAddress"]["fullName"] = json!("𠮷田 髙﨑①")),
    shown("emoji in every field", |v| {
        address(
            v,
            "shippingAddress",
            &json!({"fullName": "🌸", "company": "🏢", "streetLine1": "🛣️", "city": "🏙️", "countryCode": "JP"}),
        );
    }),
    edited("markup in the note", |o| o.note = "<script>alert(1)</script> & \"急ぎ\" 'すぐ'".to_owned()),
    edited("a note of ten thousand characters", |o| o.note = "あ".repeat(10_000)),
    shown("no customer", |v| v["customer"] = Value::Null),
    shown("a customer without a phone", |v| v["customer"]["phoneNumber"] = Value::Null),
    shown("no shipping address", |v| v["shippingAddress"] = Value::Null),
    shown("an address of nothing", |v| {
        address(
            v,
            "shippingAddress",
            &json!({"fullName": null, "streetLine1": null, "city": null, "countryCode": null}),
        );
    }),
    shown("a name of one letter", |v| v["shippingAddress"]["fullName"] = json!("I")),
    shown("an address abroad", |v| {
        address(
            v,
            "shippingAddress",
            &json!({"fullName": "Conor O'Brien", "streetLine1": "5 O'Connell Bridge", "city": "Dublin", "postalCode": "D02 X285", "countryCode": "IE"}),
        );
    }),
];

/// What prices and lines can be.
const MONEY: &[Odd] = &[
    edited("no lines", |o| o.lines.clear()),
    edited("a hundred lines", |o| {
        let line = o.lines[0].clone();
        o.lines = (1..=100).map(|n| super::order::Line { id: line.id * 1000 + n, ..line.clone() }).collect();
        o.payments[0].amount = o.total();
    }),
    edited("a coupon over the whole order", |o| {
        o.lines.iter_mut().for_each(|line| line.distributed = 10_000);
        o.payments[0].amount = o.total();
    }),
    edited("a promotion on one line", |o| {
        o.lines[0].discount = 20_000;
        o.payments[0].amount = o.total();
    }),
    edited("coupon and promotion", |o| {
        o.lines[0].discount = 20_000;
        o.lines.iter_mut().for_each(|line| line.distributed = 5_000);
        o.payments[0].amount = o.total();
    }),
    edited("8 and 10 percent in one order", |o| o.lines[1].tax = 8),
    shown("a fee for cash on delivery", |v| surcharge(v, 33_000)),
    shown("points as a negative surcharge", |v| surcharge(v, -50_000)),
    edited("free shipping", |o| {
        o.shipping = 0;
        o.payments[0].amount = o.total();
    }),
    edited("costs nothing and has no payment", |o| {
        o.lines.iter_mut().for_each(|line| line.price = 0);
        o.shipping = 0;
        o.payments.clear();
    }),
    edited("fractions of a yen", |o| {
        o.lines.iter_mut().for_each(|line| line.price = 133_272);
        o.payments[0].amount = o.total();
    }),
    shown("dollars", |v| v["currencyCode"] = json!("USD")),
    shown("a currency with three decimals", |v| v["currencyCode"] = json!("KWD")),
    shown("an unknown currency", |v| v["currencyCode"] = json!("XTS")),
    shown("a tax rate of three decimals", |v| v["lines"][0]["taxRate"] = json!(6.125)),
    shown("a tax rate of 7.7 percent", |v| v["lines"][0]["taxRate"] = json!(7.7)),
    shown("a line without a SKU", |v| v["lines"][0]["productVariant"]["sku"] = json!("")),
    shown("a negative quantity", |v| v["lines"][0]["quantity"] = json!(-3)),
    edited("a total that does not add up", |o| o.payments[0].amount = 1)
        .with(|v| add(v, "totalWithTax", 123_400)),
    edited("paid twice", |o| {
        let second = Payment { id: o.payments[0].id * 1000 + 1, ..o.payments[0].clone() };
        o.payments.push(second);
    }),
    edited("oversold by a pre-order", |o| {
        o.lines[0].quantity = 9_999;
        o.lines[0].placed = 9_999;
        o.payments[0].amount = o.total();
    }),
];

/// What states, payments and parcels can be.
const STATES: &[Odd] = &[
    shown("a state that nobody knows", |v| v["state"] = json!("ReadyForPickup")),
    edited("staff are changing it", |o| o.state = "Modifying".to_owned()),
    edited("changed, and more is to be paid", |o| {
        o.state = "ArrangingAdditionalPayment".to_owned();
        o.lines[0].quantity += 1;
    }),
    edited("a line that staff added", |o| o.lines[1].placed = 0),
    edited("one unit cancelled and not refunded", |o| o.lines[0].quantity -= 1),
    edited("cancelled, and the shipping kept", |o| {
        o.lines.iter_mut().for_each(|line| line.quantity = 0);
        o.state = "Cancelled".to_owned();
    }),
    edited("cancelled after it was shipped", |o| {
        parcel(o, "Shipped", &[2, 1]);
        o.lines.iter_mut().for_each(|line| line.quantity = 0);
        o.state = "Cancelled".to_owned();
        refund(o, "Settled");
    }),
    edited("a refund that is still to go", |o| refund(o, "Pending")),
    edited("a refund that failed", |o| refund(o, "Failed")),
    edited("a refund in a state that nobody knows", |o| refund(o, "Disputed")),
    edited("all of it refunded and nothing cancelled", |o| {
        refund(o, "Settled");
        o.payments[0].refunds[0].total = o.payments[0].amount;
        o.payments[0].refunds[0].lines =
            o.lines.iter().map(|l| Units { line: l.id, quantity: l.quantity }).collect();
    }),
    edited("a payment that is only authorized", |o| {
        o.state = "PaymentAuthorized".to_owned();
        o.payments[0].state = "Authorized".to_owned();
    }),
    edited("a payment that was declined before", |o| {
        let declined = Payment {
            state: "Declined".to_owned(),
            method: "other-card".to_owned(),
            ..o.payments[0].clone()
        };
        o.payments.insert(0, declined);
    }),
    edited("nothing but declined payments", |o| o.payments[0].state = "Declined".to_owned()),
    edited("half of it paid", |o| o.payments[0].amount /= 2),
    edited("a payment in a state that nobody knows", |o| o.payments[0].state = "Chargeback".to_owned()),
    edited("a parcel that is packed and still there", |o| parcel(o, "Pending", &[2, 1])),
    edited("a parcel in a state that nobody knows", |o| parcel(o, "AtTheGate", &[2, 1])),
    edited("two parcels, one of them delivered", |o| {
        parcel(o, "Delivered", &[1, 0]);
        parcel(o, "Shipped", &[1, 1]);
        o.state = "PartiallyDelivered".to_owned();
    }),
    edited("a parcel that was cancelled", |o| parcel(o, "Cancelled", &[2, 1])),
    edited("a part that was shipped", |o| {
        parcel(o, "Shipped", &[1, 0]);
        o.state = "PartiallyShipped".to_owned();
    }),
    shown("neither payments nor fulfilments", |v| {
        v["payments"] = Value::Null;
        v["fulfillments"] = Value::Null;
    }),
    shown("a seller's part of an order", |v| v["type"] = json!("Seller")),
    no_order("the sum of sellers' orders", |v| v["type"] = json!("Aggregate")),
    no_order("a cart", |v| v["state"] = json!("ArrangingPayment")),
    no_order("a draft", |v| v["state"] = json!("Draft")),
    shown("a total that is no number", |v| v["totalWithTax"] = json!("many")),
    shown("an amount that does not fit", |v| v["totalWithTax"] = json!(1e300)),
    shown("no lines where lines must be", |v| v["lines"] = Value::Null),
    edited("a variant that cannot be resolved", |o| o.spoilt = true),
];

impl Odd {
    const fn with(self, show: fn(&mut Value)) -> Self {
        Self { show: Some(show), ..self }
    }
}

/// Another address, with nothing in the fields that are not named.
fn address(value: &mut Value, which: &str, parts: &Value) {
    const FIELDS: [&str; 9] = [
        "fullName",
        "company",
        "streetLine1",
        "streetLine2",
        "city",
        "province",
        "postalCode",
        "countryCode",
        "phoneNumber",
    ];
    value[which] = FIELDS.iter().map(|name| ((*name).to_owned(), parts[*name].clone())).collect();
}

fn add(value: &mut Value, name: &str, amount: i64) {
    value[name] = json!(value[name].as_i64().unwrap_or(0) + amount);
}

fn surcharge(value: &mut Value, amount: i64) {
    value["surcharges"] = json!([{ "priceWithTax": amount }]);
    add(value, "totalWithTax", amount);
    let all = value["totalWithTax"].clone();
    value["payments"][0]["amount"] = all;
}

/// A parcel with so many units of each line.
fn parcel(order: &mut Order, state: &str, units: &[i64]) {
    let lines = order.lines.iter().zip(units).filter(|(_, n)| **n > 0);
    let lines = lines.map(|(line, &quantity)| Units { line: line.id, quantity }).collect();
    let id = order.id * 1000 + order.parcels.len() as u64;
    order.parcels.push(Parcel {
        id,
        state: state.to_owned(),
        method: "ヤマト運輸".to_owned(),
        tracking: format!("4212-{id}"),
        lines,
        updated: order.placed,
    });
}

/// A refund over one unit of the first line.
fn refund(order: &mut Order, state: &str) {
    let made = Refund {
        id: order.id * 1000 + 500,
        state: state.to_owned(),
        total: order.lines[0].price,
        reason: String::new(),
        lines: vec![Units { line: order.lines[0].id, quantity: 1 }],
        made: order.placed,
    };
    order.payments[0].refunds.push(made);
}

impl FakeShop {
    /// Places one order of every odd kind, oldest first.
    pub fn place_odd_orders(&self) -> Vec<OddOrder> {
        let mut shop = self.shop();
        let all = PEOPLE.iter().chain(MONEY).chain(STATES);
        all.enumerate().map(|(n, odd)| place(&mut shop, n, odd)).collect()
    }
}

fn place(shop: &mut Shop, n: usize, odd: &Odd) -> OddOrder {
    let name = "山田 太郎".to_owned();
    let ship_to = Address {
        name: name.clone(),
        country: "JP".to_owned(),
        postcode: "150-0001".to_owned(),
        region: "東京都".to_owned(),
        city: "渋谷区".to_owned(),
        line1: "神宮前1-2-3".to_owned(),
        phone: "09000000000".to_owned(),
        ..Address::default()
    };
    let buyer = Buyer { name, email: format!("odd.{n}@example.test"), ..Buyer::default() };
    let lines =
        [(1, 2), (2, 1)].iter().filter_map(|(variant, quantity)| shop.line_of(*variant, *quantity)).collect();
    let purchase = Purchase { buyer, ship_to, paid: true, ..Purchase::default() };
    let id = shop.place(&purchase, lines);
    if let Some(order) = shop.orders.get_mut(&id) {
        (odd.edit)(order);
        order.patch = odd.show;
    }
    OddOrder { name: odd.name, id: RemoteOrderId(id.to_string()), listed: odd.listed }
}
