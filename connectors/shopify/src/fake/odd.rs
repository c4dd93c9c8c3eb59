//! Orders that real shops have and parsers trip over.

use banto_channel::{Address, RemoteOrderId};

use super::FakeShop;
use super::market::contact;
use super::order::{Contact, Line, Order, Parcel, Payment, Refund};
use super::state::Shop;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd about it.
    pub name: &'static str,
    /// Its key.
    pub id: RemoteOrderId,
}

type Change = fn(&mut Shop, &mut Order);

/// A name and what makes a plain paid order of one line into it, before it is placed.
const ODD: &[(&str, Change)] = &[
    ("gift note over several lines", |_, o| {
        "プレゼント用に包装をお願いします 🎁\r\n\r\n「おめでとう」と書いてください。\t— 髙橋"
            .clone_into(&mut o.note);
    }),
    ("gift to somebody else", |_, o| {
        if let Some(to) = &mut o.shipping {
            "髙﨑".clone_into(&mut to.last);
            "凜".clone_into(&mut to.first);
            "大阪市".clone_into(&mut to.city);
        }
    }),
    ("emoji and characters outside CP932", |_, o| {
        edit(o, |c| {
            "髙﨑①".clone_into(&mut c.last);
            "𠮷👨‍👩‍👧".clone_into(&mut c.first);
        });
    }),
    ("combining and right-to-left characters", |_, o| edit(o, |c| "ガギ שלום".clone_into(&mut c.first))),
    ("control characters in the note", |_, o| "a\u{1}b\u{7f}c\u{2028}d".clone_into(&mut o.note)),
    ("markup in names", |_, o| first(o, |l| "<b>Tee</b> &amp; “Öko” 100%".clone_into(&mut l.name))),
    ("very long texts", |_, o| {
        edit(o, |c| c.line2 = "長い建物名".repeat(50));
        o.note = "とても長い備考。".repeat(600);
        first(o, |l| l.name = "寿限無".repeat(80));
    }),
    ("no name but a company", |_, o| {
        edit(o, |c| {
            c.first.clear();
            c.last.clear();
            "株式会社 見本".clone_into(&mut c.company);
        });
    }),
    ("no mail address", |_, o| o.email.clear()),
    ("no shipping address", |_, o| o.shipping = None),
    ("no address at all", |_, o| (o.shipping, o.billing) = (None, None)),
    ("an address without anything in it", |_, o| o.shipping = Some(Contact::default())),
    ("address abroad", |_, o| {
        edit(o, |c| {
            for (to, text) in [
                (&mut c.first, "María José"),
                (&mut c.last, "O’Neill-Çelik"),
                (&mut c.line1, "1 Main St"),
                (&mut c.line2, "Apt 4"),
                (&mut c.city, "Springfield"),
                (&mut c.province, "Illinois"),
                (&mut c.province_code, "IL"),
                (&mut c.zip, "62701-0001"),
                (&mut c.country, "US"),
                (&mut c.phone, "+1 217-555-0100"),
            ] {
                text.clone_into(to);
            }
        });
    }),
    ("no lines", |_, o| o.lines.clear()),
    ("a hundred lines", |s, o| o.lines = goods(s, 100)),
    ("a hundred lines in one parcel", |s, o| {
        o.lines = goods(s, 100);
        shipped(s, o);
    }),
    ("the same variant on two lines", |s, o| {
        let mut again = o.lines.clone();
        again.iter_mut().for_each(|line| line.id = s.id());
        o.lines.extend(again);
    }),
    ("a line of no units", |s, o| {
        let mut none = goods(s, 1);
        none.iter_mut().for_each(|line| (line.quantity, line.open) = (0, 0));
        o.lines.extend(none);
    }),
    ("a free gift beside the goods", |s, o| {
        let mut gift = goods(s, 1);
        gift.iter_mut().for_each(|line| line.unit = 0);
        o.lines.extend(gift);
    }),
    ("everything free", |_, o| {
        o.shipping_price = 0;
        o.payments.clear();
        o.gateway_title.clear();
        first(o, |line| line.discount = line.unit * line.quantity);
    }),
    ("free and without a financial status", |_, o| {
        o.shipping_price = 0;
        o.financial.clear();
        first(o, |line| line.unit = 0);
    }),
    ("a variant that no longer exists", |_, o| first(o, |line| line.variant = None)),
    ("no SKU", |_, o| first(o, |line| line.sku.clear())),
    ("both tax rates in one order", |s, o| {
        o.lines = goods(s, 2);
        o.lines.iter_mut().zip([1000, 800]).for_each(|(line, rate)| line.rates = vec![rate]);
    }),
    ("two taxes on one line", |_, o| first(o, |line| line.rates = vec![500, 300])),
    ("no tax", |_, o| first(o, |line| line.rates.clear())),
    ("points and a coupon", |s, o| {
        o.lines = goods(s, 3);
        o.lines.iter_mut().for_each(|line| line.discount = line.unit / 10);
    }),
    ("a coupon over shipping", |_, o| (o.shipping_price, o.shipping_discount) = (800, 800)),
    ("cash on delivery with a fee", |_, o| {
        unpaid(o, "PENDING");
        "Cash on Delivery (COD)".clone_into(&mut o.gateway_title);
        o.fees = 330;
    }),
    ("a tip and duties", |_, o| (o.tip, o.duties) = (300, 1200)),
    ("konbini, not paid yet", |_, o| konbini(o, "PENDING")),
    ("konbini, expired and not cancelled", |_, o| konbini(o, "EXPIRED")),
    ("a card that is authorized only", |_, o| {
        "AUTHORIZED".clone_into(&mut o.financial);
        o.payments.iter_mut().for_each(|payment| payment.kind = "AUTHORIZATION");
    }),
    ("paid in part", |_, o| "PARTIALLY_PAID".clone_into(&mut o.financial)),
    ("a voided payment", |_, o| unpaid(o, "VOIDED")),
    ("a financial status that nobody knows", |_, o| "BARTERED".clone_into(&mut o.financial)),
    ("a fulfillment status that nobody knows", |_, o| o.fulfillment = Some("TELEPORTED".to_owned())),
    ("a pre-order that is scheduled", |s, o| {
        worked(s, o, |work, now| {
            "SCHEDULED".clone_into(&mut work.status);
            work.fulfill_at = Some(now + 30 * 86_400);
        })
    }),
    ("held by a fraud check", |s, o| {
        worked(s, o, |work, _| {
            "ON_HOLD".clone_into(&mut work.status);
            work.hold = Some("High risk of fraud".to_owned());
        })
    }),
    ("to be shipped by tomorrow", |s, o| worked(s, o, |work, now| work.fulfill_by = Some(now + 86_400))),
    ("shipped by a service of somebody else", |s, o| {
        worked(s, o, |work, _| {
            work.location = 77_777;
            work.elsewhere = true;
        })
    }),
    ("half of it shipped from elsewhere", |s, o| {
        o.lines = goods(s, 2);
        first(o, |line| line.location = 77_777);
    }),
    ("nothing that is shipped", |_, o| {
        o.shipping = None;
        o.fulfillment = Some("FULFILLMENT_NOT_REQUIRED".to_owned());
        first(o, |line| line.location = 0);
    }),
    ("cancelled", |_, o| {
        o.cancelled = Some(o.created);
        o.lines.iter_mut().for_each(|line| (line.gone, line.open) = (line.quantity, 0));
    }),
    ("cancelled after it was shipped", |s, o| {
        shipped(s, o);
        o.cancelled = Some(o.created);
    }),
    ("a parcel that was cancelled", |s, o| {
        shipped(s, o);
        o.parcels.iter_mut().for_each(|parcel| parcel.cancelled = true);
        o.lines.iter_mut().for_each(|line| line.open = line.quantity);
    }),
    ("five parcels", |s, o| {
        o.lines = goods(s, 5);
        let lines: Vec<u64> = o.lines.iter().map(|line| line.id).collect();
        for line in lines {
            let id = s.id();
            let (created, location) = (o.created, s.config.location);
            let number = format!("{id}");
            o.parcels.push(Parcel {
                id,
                created,
                location,
                number,
                lines: vec![(line, 1)],
                ..Parcel::default()
            });
        }
        o.lines.iter_mut().for_each(|line| line.open = 0);
    }),
    ("a line removed before it was paid", |s, o| {
        o.lines = goods(s, 2);
        unpaid(o, "PENDING");
        o.removed = o.lines[1].total();
        let id = s.id();
        o.refunds.push(Refund {
            id,
            created: o.created,
            lines: vec![(o.lines[1].id, 1)],
            ..Refund::default()
        });
        (o.lines[1].gone, o.lines[1].open) = (1, 0);
    }),
    ("a refund of money only", |s, o| {
        let id = s.id();
        "PARTIALLY_REFUNDED".clone_into(&mut o.financial);
        o.refunds.push(Refund {
            id,
            created: o.created,
            amount: 100,
            note: "お詫び".to_owned(),
            lines: vec![],
        });
    }),
    ("everything refunded before it left", |s, o| {
        let id = s.id();
        "REFUNDED".clone_into(&mut o.financial);
        let lines = o.lines.iter().map(|line| (line.id, line.quantity)).collect();
        o.refunds.push(Refund { id, created: o.created, amount: o.total(), note: String::new(), lines });
        o.lines.iter_mut().for_each(|line| (line.gone, line.open) = (line.quantity, 0));
    }),
    ("one of three came back", |s, o| {
        first(o, |line| (line.quantity, line.open) = (3, 3));
        shipped(s, o);
        let (id, line) = (s.id(), o.lines[0].id);
        let amount = o.lines[0].unit;
        "PARTIALLY_REFUNDED".clone_into(&mut o.financial);
        o.refunds.push(Refund {
            id,
            created: o.created,
            amount,
            note: "返品".to_owned(),
            lines: vec![(line, 1)],
        });
        o.lines[0].gone = 1;
    }),
    ("a refund larger than the order", |s, o| {
        let id = s.id();
        let amount = o.total() * 2;
        "REFUNDED".clone_into(&mut o.financial);
        o.refunds.push(Refund { id, created: o.created, amount, note: String::new(), lines: vec![] });
    }),
    ("a total that does not add up", |_, o| o.total_override = Some(o.total() + 7)),
    ("an amount in the trillions", |_, o| first(o, |line| line.unit = 9_000_000_000_000)),
    ("a million units", |_, o| first(o, |line| (line.quantity, line.open) = (1_000_000, 1_000_000))),
    ("a currency that nobody knows", |_, o| "XYZ".clone_into(&mut o.currency)),
    ("another currency than the shop's", |_, o| "KWD".clone_into(&mut o.currency)),
    ("a test order", |_, o| o.test = true),
    ("a name of its own", |_, o| "茶-2026/000042".clone_into(&mut o.name)),
    ("placed eleven years ago", |_, o| o.created -= 11 * 365 * 86_400),
    ("placed tomorrow", |_, o| o.created += 86_400),
];

fn edit(order: &mut Order, f: impl Fn(&mut Contact)) {
    [&mut order.billing, &mut order.shipping].into_iter().flatten().for_each(f);
}

fn first(order: &mut Order, f: impl FnOnce(&mut Line)) {
    if let Some(line) = order.lines.first_mut() {
        f(line);
    }
}

fn unpaid(order: &mut Order, status: &str) {
    status.clone_into(&mut order.financial);
    order.payments.clear();
}

fn konbini(order: &mut Order, status: &str) {
    unpaid(order, status);
    "komoju".clone_into(&mut order.gateway);
    "コンビニ決済".clone_into(&mut order.gateway_title);
    order.payments.push(Payment { id: order.id + 1, kind: "SALE", status: "PENDING", at: order.created });
}

fn shipped(shop: &mut Shop, order: &mut Order) {
    let parcel = Parcel {
        id: shop.id(),
        created: order.created,
        location: shop.config.location,
        company: "Yamato (JA)".to_owned(),
        number: "4212-0000-0000".to_owned(),
        url: "https://tracking.example/4212".to_owned(),
        lines: order.lines.iter().map(|line| (line.id, line.quantity)).collect(),
        cancelled: false,
    };
    order.parcels.push(parcel);
    order.lines.iter_mut().for_each(|line| line.open = 0);
}

/// Gives the order its work before others do, and changes it.
fn worked(shop: &mut Shop, order: &mut Order, change: impl Fn(&mut super::order::Work, i64)) {
    shop.assign(order);
    let now = order.created;
    order.work.iter_mut().for_each(|work| change(work, now));
}

/// Lines of one unit each over what the shop sells, round and round.
fn goods(shop: &mut Shop, count: usize) -> Vec<Line> {
    let variants: Vec<_> = shop.variants.values().cloned().collect();
    let location = shop.config.location;
    variants.iter().cycle().take(count).map(|variant| shop.line_of(variant, 1, location)).collect()
}

fn plain(shop: &mut Shop) -> Order {
    let lines = goods(shop, 1);
    let mut order = shop.draft(lines);
    let to = Address {
        name: "山田 花子".to_owned(),
        country: "JP".to_owned(),
        postcode: "100-0001".to_owned(),
        region: "東京都".to_owned(),
        city: "千代田区".to_owned(),
        line1: "千代田1-1".to_owned(),
        ..Address::default()
    };
    let buyer = Address { name: "山田 太郎".to_owned(), ..to.clone() };
    (order.shipping, order.billing) = (Some(contact(&to)), Some(contact(&buyer)));
    "taro@example.test".clone_into(&mut order.email);
    "+81300000000".clone_into(&mut order.phone);
    shop.paid_by_card(&mut order);
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
            let id = shop.place(order);
            placed.push(OddOrder { name, id: RemoteOrderId(id.to_string()) });
        }
        placed
    }
}
