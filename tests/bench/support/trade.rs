//! Orders of several channels as their connectors hand them over.

use banto::domain::intake::ChannelFacts;
use banto::domain::mail_policy::{MailRule, MailRules};
use banto_channel::{
    Fulfilment, ListingId, MailOwner, Money, Payment, Read, RemoteLine, RemoteOrder, RemoteShipment,
    Timestamp, Totals, both,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::people::person;

/// Time between two orders: the million fills about a year.
const GAP_SECS: i64 = 30;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// One of so many open orders waits for its money.
const UNPAID: i64 = 9;
/// One of so many open orders is held for something that the connector does not know.
const ODD: i64 = 150;
/// One of so many open orders has a line of an offer that is no item's.
pub const STRANGE: i64 = 200;
/// How many characters of the channel's own text an order brings.
const RAW_BYTES: usize = 1_000;

const KINDS: [&str; 10] =
    ["湯呑", "急須", "茶碗", "小皿", "大皿", "箸置き", "花瓶", "徳利", "ぐい呑み", "手ぬぐい"];
const WARES: [&str; 8] = ["京焼", "有田焼", "信楽焼", "益子焼", "備前焼", "九谷焼", "美濃焼", "萩焼"];
const CARRIERS: [(&str, &str); 3] = [
    ("ヤマト運輸", "https://jizen.kuronekoyamato.co.jp/jizen/"),
    ("佐川急便", "https://k2k.sagawa-exp.co.jp/p/web/okurijosearch?"),
    ("日本郵便", "https://trackings.post.japanpost.jp/services/srv/search/?"),
];
const METHODS: [(&str, &str); 4] =
    [("stripe", "クレジットカード"), ("cod", "代金引換"), ("konbini", "コンビニ決済"), ("bank", "銀行振込")];

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Paid, and nothing wrong with it.
    Paid,
    /// The same, a day later.
    Shipped,
    /// As they lie about on a working day: a few unpaid, held, or with goods that are no item's.
    Open,
}

/// What the orders are about.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// How many items there are.
    pub items: i64,
    /// How many people buy.
    pub people: i64,
    /// When the order of number 0 was placed.
    pub began: Timestamp,
}

/// A channel as intake sees it: everything mailed by us, nothing treated as history.
pub fn facts(name: &str, channel: i64, location: i64) -> ChannelFacts {
    let ours = MailRule { owner: MailOwner::Us, by_hand: false };
    ChannelFacts {
        id: channel,
        name: name.to_owned(),
        locations: vec![location],
        created_at: Timestamp(0),
        live_since: Some(Timestamp(0)),
        restock_returns: true,
        mails: MailRules { received: ours, paid: ours, shipped: ours, cancelled: ours },
    }
}

/// The code of an item, counted from 0.
pub fn code(item: i64) -> String {
    format!("SKU-{item:06}")
}

/// The name of an item.
pub fn title(item: i64) -> String {
    let pick = |all: &[&'static str], by: i64| all[usize::try_from(item / by).unwrap() % all.len()];
    format!("{} {} {item} 番", pick(&WARES, 10), pick(&KINDS, 1))
}

/// The key of an item's offer, the same on every channel.
pub fn listing(item: i64) -> String {
    format!("{}", 100 + item)
}

fn pad() -> String {
    "0123456789abcdef".repeat(RAW_BYTES / 16)
}

impl Range {
    /// When the order of this number is placed.
    pub fn placed(&self, number: i64) -> Timestamp {
        Timestamp(self.began.0 + number * GAP_SECS * 1_000_000)
    }

    /// Orders numbered from `first`. The same numbers give the same orders.
    pub fn page(&self, first: i64, orders: usize, stage: Stage) -> Vec<Read> {
        let one = |number| Read::Order(Box::new(self.order(number, stage)));
        (first..).take(orders).map(one).collect()
    }

    fn order(&self, number: i64, stage: Stage) -> RemoteOrder {
        let (open, shipped) = (stage == Stage::Open, stage == Stage::Shipped);
        let mut rng = StdRng::seed_from_u64(number.unsigned_abs());
        // Most orders have one line, few many.
        let lines = [1, 1, 1, 2, 2, 3, 5][rng.random_range(0..7)];
        let mut lines: Vec<RemoteLine> = (0..lines).map(|at| self.line(number, at, &mut rng)).collect();
        if open && number % STRANGE == 0 {
            lines[0].listing = Some(ListingId(format!("x{number}")));
            lines[0].code = Some(format!("OLD-{number}"));
        }
        let items = Money(lines.iter().map(|l| l.total.0).sum());
        let who = person(rng.random_range(0..self.people));
        let method = METHODS[rng.random_range(0..METHODS.len())];
        let (placed, paid) = (self.placed(number), !open || number % UNPAID != 0);
        let odd = open && number % ODD == 0;
        RemoteOrder {
            id: format!("{}", 1_000_000 + number).into(),
            number: number.to_string(),
            placed_at: placed,
            changed_at: Some(if shipped { Timestamp(placed.0 + DAY) } else { placed }),
            payment: if paid { Payment::Paid } else { Payment::Awaiting },
            paid_at: paid.then_some(placed),
            fulfilment: if shipped { Fulfilment::Shipped } else { Fulfilment::Open },
            status: if shipped { "completed" } else { "processing" }.to_owned(),
            currency: "JPY".to_owned(),
            totals: Totals { items, grand: items, tax: Money(items.0 / 11), ..Totals::default() },
            moves_own_stock: true,
            stock_taken: None,
            buyer: who.buyer,
            bill_to: who.home.clone(),
            ship_to: who.home,
            payment_method: method.0.to_owned(),
            payment_title: method.1.to_owned(),
            note: if number % 20 == 0 {
                "のし紙（御祝）をお願いします。".to_owned()
            } else {
                String::new()
            },
            ship_by: Some(Timestamp(placed.0 + 3 * DAY)),
            lines,
            shipments: if shipped { vec![self.parcel(number)] } else { Vec::new() },
            refunds: Vec::new(),
            unknowns: if odd {
                vec![both!("payment method \"mystery\"", "不明な支払方法「mystery」です")]
            } else {
                Vec::new()
            },
            wait: None,
            raw: format!("{{\"id\":{number},\"stage\":\"{stage:?}\",\"pad\":\"{}\"}}", pad()),
        }
    }

    fn line(&self, number: i64, at: usize, rng: &mut StdRng) -> RemoteLine {
        let item = rng.random_range(0..self.items);
        let (quantity, price) = (rng.random_range(1..=3), (item % 87 + 3) * 110);
        RemoteLine {
            id: format!("{}", number * 10 + i64::try_from(at).unwrap()),
            listing: Some(ListingId(listing(item))),
            code: Some(code(item)),
            title: title(item),
            quantity,
            cancelled: 0,
            returned: 0,
            shipped: None,
            unit_price: Money(price),
            total: Money(price * quantity),
            tax_rate_bp: Some(1_000),
        }
    }

    fn parcel(&self, number: i64) -> RemoteShipment {
        let (carrier, url) = CARRIERS[usize::try_from(number).unwrap() % CARRIERS.len()];
        let tracking = format!("4{number:011}");
        RemoteShipment {
            id: format!("S{number}"),
            carrier: carrier.to_owned(),
            tracking_url: Some(format!("{url}{tracking}")),
            tracking,
            shipped_at: Some(Timestamp(self.placed(number).0 + DAY)),
            lines: Vec::new(),
        }
    }
}
