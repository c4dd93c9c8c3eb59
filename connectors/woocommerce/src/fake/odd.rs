//! Orders that real shops have and parsers trip over.

use std::sync::Arc;

use banto_channel::{Address, Buyer, RemoteOrderId};
use serde_json::{Value, json};

use super::FakeShop;
use super::market::contacts;
use super::order::{Contact, Coupon, Fee, Line, Meta, Order, Refund, RefundLine, ShippingLine, round_div};
use super::state::Shop;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd about it.
    pub name: &'static str,
    /// Its key.
    pub id: RemoteOrderId,
    /// Whether lists of orders show it; the trash is read by its id only.
    pub listed: bool,
}

type Change = fn(&mut Shop, &mut Order);

/// A name and what makes a plain paid order of one line into it.
const ODD: &[(&str, Change)] = &[
    ("gift note over several lines", |_, o| {
        "プレゼント用に包装をお願いします 🎁\r\n\r\n「おめでとう」と書いてください。\t— 髙橋"
            .clone_into(&mut o.customer_note);
    }),
    ("emoji and characters outside Shift_JIS", |_, o| {
        edit(o, |c| {
            "髙﨑①".clone_into(&mut c.last_name);
            "𠮷👨‍👩‍👧".clone_into(&mut c.first_name);
        });
    }),
    ("markup and entities in names", |_, o| {
        edit(o, |c| "<b>O&#039;Hara</b> &amp; Söhne".clone_into(&mut c.company));
        first_line(o, |l| "Tee <em>“Öko”</em> 100% &lt;S/M&gt;".clone_into(&mut l.name));
    }),
    ("combining and right-to-left characters", |_, o| {
        edit(o, |c| "ガギ שלום".clone_into(&mut c.first_name));
    }),
    ("control characters in the note", |_, o| "a\u{1}b\u{7f}c\u{2028}d".clone_into(&mut o.customer_note)),
    ("very long texts", |_, o| {
        edit(o, |c| c.address_2 = "長い建物名".repeat(1000));
        o.customer_note = "とても長い備考。".repeat(2000);
        first_line(o, |l| l.name = "寿限無".repeat(1500));
    }),
    ("no name but a company", |_, o| {
        edit(o, |c| {
            c.first_name.clear();
            c.last_name.clear();
            "株式会社 見本".clone_into(&mut c.company);
        });
    }),
    ("no mail address", |_, o| edit(o, |c| c.email.clear())),
    ("no shipping address", |_, o| o.shipping = Arc::new(Contact::default())),
    ("no address at all", |_, o| {
        o.billing = Arc::new(Contact::default());
        o.shipping = Arc::new(Contact::default());
    }),
    ("address abroad", |_, o| {
        edit(o, |c| {
            for (to, text) in [
                (&mut c.first_name, "María José"),
                (&mut c.last_name, "O’Neill-Çelik"),
                (&mut c.address_1, "1 Main St"),
                (&mut c.address_2, "Apt 4"),
                (&mut c.city, "Springfield"),
                (&mut c.state, "IL"),
                (&mut c.postcode, "62701-0001"),
                (&mut c.country, "US"),
                (&mut c.phone, "+1 (217) 555-0100 ext. 7"),
            ] {
                text.clone_into(to);
            }
        });
    }),
    ("no postcode and no state", |_, o| {
        edit(o, |c| {
            c.postcode.clear();
            c.state.clear();
        });
    }),
    ("reading of the name in the meta data", |s, o| {
        add_meta(s, o, "_billing_yomigana_last_name", json!("ヤマダ"));
        add_meta(s, o, "_billing_yomigana_first_name", json!("タロウ"));
    }),
    ("wished date of delivery in the meta data", |s, o| {
        add_meta(s, o, "wc4jp-delivery-date", json!("2026-12-24"));
        add_meta(s, o, "wc4jp-delivery-time-zone", json!("18:00-20:00"));
    }),
    ("meta data of every type", |s, o| {
        for value in [
            json!({}),
            json!([]),
            json!(null),
            json!(1.5),
            json!(true),
            json!({"a": {"b": [1, "2", null]}}),
            json!("O:8:\"stdClass\":0:{}"),
        ] {
            add_meta(s, o, "_plugin_data", value);
        }
    }),
    ("line meta data of every type", |s, o| {
        for value in [json!("金"), json!(3), json!({"w": 10}), json!([1]), json!(null)] {
            let id = s.item_id();
            let key = "刻印".to_owned();
            first_line(o, |l| l.meta.push(Meta { id, key, value }));
        }
    }),
    ("no lines", |_, o| o.lines.clear()),
    ("no lines but a fee", |s, o| {
        o.lines.clear();
        add_fee(s, o, "修理代", 3000);
    }),
    ("a hundred lines", |s, o| o.lines = goods(s, 100)),
    ("five hundred lines", |s, o| o.lines = goods(s, 500)),
    ("the same product on two lines", |s, o| {
        let mut again = o.lines.clone();
        again.iter_mut().for_each(|l| l.id = s.item_id());
        o.lines.extend(again);
    }),
    ("a line of no units", |s, o| {
        let mut none = goods(s, 1);
        none.iter_mut().for_each(|l| reprice(l, 0, 0));
        o.lines.extend(none);
    }),
    ("a line without a name", |_, o| first_line(o, |l| l.name.clear())),
    ("a free gift beside the goods", |s, o| {
        let mut gift = goods(s, 1);
        gift.iter_mut().for_each(|l| reprice(l, 1, 0));
        o.lines.extend(gift);
    }),
    ("everything free", |_, o| {
        o.shipping_lines.clear();
        o.lines.iter_mut().for_each(|l| reprice(l, l.quantity, 0));
    }),
    ("a product that no longer exists", |_, o| {
        first_line(o, |l| (l.product_id, l.variation_id) = (9_999_999, 0))
    }),
    ("a variation that no longer exists", |_, o| first_line(o, |l| l.variation_id = 9_999_998)),
    ("a line without a product", |_, o| first_line(o, |l| (l.product_id, l.variation_id) = (0, 0))),
    ("two tax rates on one line", |_, o| first_line(o, |l| l.taxes = vec![(1, 30), (2, 12)])),
    ("both tax rates in one order", |_, o| {
        let mut again = o.lines.clone();
        for line in &mut again {
            line.id += 1_000_000;
            let other = if line.tax_class.is_empty() { 2 } else { 1 };
            line.taxes.iter_mut().for_each(|tax| tax.0 = other);
        }
        o.lines.extend(again);
    }),
    ("free of tax", |_, o| {
        o.lines.iter_mut().for_each(|l| (l.taxes, l.subtotal_tax) = (Vec::new(), 0));
        o.shipping_lines.iter_mut().for_each(|s| s.taxes.clear());
    }),
    ("one coupon", |s, o| add_coupon(s, o, "WELCOME10", 10)),
    ("two coupons", |s, o| {
        add_coupon(s, o, "はじめて", 5);
        add_coupon(s, o, "summer-sale_2026!", 20);
    }),
    ("a coupon over everything", |s, o| add_coupon(s, o, "free", 100)),
    ("a coupon that three lines share unevenly", |s, o| {
        o.lines = goods(s, 3);
        add_coupon(s, o, "third", 33);
    }),
    ("cash on delivery with a fee", |s, o| {
        "cod".clone_into(&mut o.payment_method);
        "代金引換".clone_into(&mut o.payment_title);
        o.transaction_id.clear();
        add_fee(s, o, "代引き手数料", 330);
    }),
    ("a negative fee", |s, o| add_fee(s, o, "お詫び値引き", -200)),
    ("a negative total", |s, o| add_fee(s, o, "調整", -1_000_000)),
    ("two ways of shipping", |s, o| {
        let id = s.item_id();
        o.shipping_lines.push(ShippingLine {
            id,
            title: String::new(),
            method: String::new(),
            total: 0,
            taxes: Vec::new(),
        });
    }),
    ("a total that does not add up", |_, o| o.total_override = Some(o.sums().total + 7)),
    ("an amount in the trillions", |_, o| first_line(o, |l| reprice(l, 1, 9_000_000_000_000))),
    ("a million units", |_, o| first_line(o, |l| reprice(l, 1_000_000, 1_000_000))),
    ("a currency that nobody knows", |_, o| "XYZ".clone_into(&mut o.currency)),
    ("another currency than the shop's", |_, o| "KWD".clone_into(&mut o.currency)),
    ("a status of a plugin", |s, o| {
        if s.config.custom_statuses.is_empty() {
            s.config.custom_statuses.push("awaiting-pickup".to_owned());
        }
        s.config.custom_statuses[0].clone_into(&mut o.status);
    }),
    ("not paid yet", |_, o| unpaid(o, "pending")),
    ("payment failed", |_, o| unpaid(o, "failed")),
    ("a checkout left half-way", |_, o| unpaid(o, "checkout-draft")),
    ("shipped and never paid", |_, o| {
        unpaid(o, "completed");
        o.completed = Some(o.created);
    }),
    ("cancelled", |_, o| "cancelled".clone_into(&mut o.status)),
    ("in the trash", |_, o| "trash".clone_into(&mut o.status)),
    ("refunded without a refund", |_, o| "refunded".clone_into(&mut o.status)),
    ("a refund of money only", |s, o| add_refund(s, o, 100, false)),
    ("a refund of the first line", |s, o| add_refund(s, o, o.lines[0].total + o.lines[0].total_tax(), true)),
    ("a refund larger than the order", |s, o| add_refund(s, o, o.sums().total * 2, false)),
    ("no way of payment", |_, o| {
        o.payment_method.clear();
        o.payment_title.clear();
        o.transaction_id.clear();
    }),
    ("a number of its own", |_, o| o.number = Some(format!("B-2026/{:06}", o.id))),
    ("placed eleven years ago", |_, o| o.created -= 11 * 365 * 86_400),
    ("placed tomorrow", |_, o| o.created += 86_400),
];

fn edit(order: &mut Order, f: impl Fn(&mut Contact)) {
    f(Arc::make_mut(&mut order.billing));
    f(Arc::make_mut(&mut order.shipping));
}

fn first_line(order: &mut Order, f: impl FnOnce(&mut Line)) {
    if let Some(line) = order.lines.first_mut() {
        f(line);
    }
}

/// Sets units and total without tax; the tax stays in proportion to nothing and becomes 10 %.
fn reprice(line: &mut Line, quantity: i64, total: i64) {
    line.quantity = quantity;
    let tax = round_div(total, 10);
    (line.subtotal, line.total, line.subtotal_tax) = (total, total, tax);
    line.taxes = vec![(1, tax)];
}

fn add_meta(shop: &mut Shop, order: &mut Order, key: &str, value: Value) {
    let id = shop.item_id();
    let key = key.to_owned();
    order.meta.push(Meta { id, key, value });
}

fn add_fee(shop: &mut Shop, order: &mut Order, name: &str, total: i64) {
    let id = shop.item_id();
    let name = name.to_owned();
    let taxes = Vec::new();
    order.fees.push(Fee { id, name, total, taxes });
}

/// Takes `percent` off every line, as coupons do, and notes the coupon.
fn add_coupon(shop: &mut Shop, order: &mut Order, code: &str, percent: i64) {
    let (mut discount, mut discount_tax) = (0, 0);
    for line in &mut order.lines {
        let off = round_div(line.total * percent, 100);
        line.total -= off;
        discount += off;
        for (_, tax) in &mut line.taxes {
            let off = round_div(*tax * percent, 100);
            *tax -= off;
            discount_tax += off;
        }
    }
    order.coupons.push(Coupon { id: shop.item_id(), code: code.to_owned(), discount, discount_tax });
}

fn add_refund(shop: &mut Shop, order: &mut Order, amount: i64, with_line: bool) {
    let mut lines = Vec::new();
    if let Some(line) = order.lines.first().filter(|_| with_line) {
        lines.push(RefundLine {
            id: shop.item_id(),
            of: line.id,
            quantity: line.quantity,
            total: line.total,
            taxes: line.taxes.clone(),
        });
    }
    order.refunds.push(Refund {
        id: shop.post_id(),
        created: order.created,
        amount,
        reason: "不良品".to_owned(),
        by_gateway: false,
        lines,
    });
}

fn unpaid(order: &mut Order, status: &str) {
    status.clone_into(&mut order.status);
    order.paid = None;
    order.transaction_id.clear();
}

/// Lines of one unit each over what the shop sells, round and round.
fn goods(shop: &mut Shop, count: usize) -> Vec<Line> {
    let rows: Vec<u64> = shop.products.values().filter(|p| !p.is_variable()).map(|p| p.id).collect();
    let mut lines = Vec::with_capacity(count);
    for id in rows.iter().cycle().take(count) {
        if let Some(row) = shop.products.get(id).cloned() {
            lines.push(shop.line_of(&row, 1));
        }
    }
    lines
}

fn plain(shop: &mut Shop) -> Order {
    let lines = goods(shop, 1);
    let mut order = shop.draft(lines);
    let buyer = Buyer {
        name: "山田 太郎".to_owned(),
        email: "taro@example.test".to_owned(),
        phone: "03-0000-0000".to_owned(),
        language: "ja".to_owned(),
    };
    let to = Address {
        name: "山田 花子".to_owned(),
        country: "JP".to_owned(),
        postcode: "100-0001".to_owned(),
        region: "東京都".to_owned(),
        city: "千代田区".to_owned(),
        line1: "千代田1-1".to_owned(),
        ..Address::default()
    };
    let (billing, shipping) = contacts(&buyer, &to);
    order.billing = Arc::new(billing);
    order.shipping = Arc::new(shipping);
    "processing".clone_into(&mut order.status);
    order.paid = Some(order.created);
    "stripe".clone_into(&mut order.payment_method);
    "クレジットカード".clone_into(&mut order.payment_title);
    order.transaction_id = format!("ch_{}", order.id);
    order
}

impl FakeShop {
    /// Places one order of each odd kind, and says which is which.
    ///
    /// They take stock like any other order. The shop must sell something, else they have no lines.
    pub fn place_odd_orders(&self) -> Vec<OddOrder> {
        let mut shop = self.shop();
        let mut placed = Vec::with_capacity(ODD.len());
        for (name, change) in ODD {
            let mut order = plain(&mut shop);
            change(&mut shop, &mut order);
            let id = order.id;
            let takes_stock = matches!(order.status.as_str(), "processing" | "on-hold" | "completed");
            let listed = !order.hidden();
            shop.insert_order(order);
            if takes_stock {
                shop.reduce_stock(id);
            }
            placed.push(OddOrder { name, id: RemoteOrderId(id.to_string()), listed });
        }
        placed
    }
}
