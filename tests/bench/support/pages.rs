//! Pages of orders as a connector hands them over.

use banto::domain::intake::ChannelFacts;
use banto::domain::mail_policy::{MailRule, MailRules};
use banto_channel::{
    Address, Buyer, Fulfilment, ListingId, MailOwner, Money, Payment, Read, RemoteLine, RemoteOrder,
    RemoteShipment, Timestamp, Totals,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Items in the catalogue of the benchmarks' house.
pub const ITEMS: i64 = 10_000;
/// Lines of every order.
pub const LINES: usize = 3;
/// A WooCommerce order of three lines is four times as long; other marketplaces send about this much.
const RAW_BYTES: usize = 1_000;
/// Time between two orders: the million fills about a year.
const GAP_SECS: i64 = 30;
const FIRST_DAY: i64 = 1_735_689_600;

/// The channel as intake sees it: everything mailed by us, nothing treated as history.
pub fn facts(channel: i64, location: i64) -> ChannelFacts {
    let ours = MailRule { owner: MailOwner::Us, by_hand: false };
    ChannelFacts {
        id: channel,
        name: "honten".to_owned(),
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

/// The key of an item's offer.
pub fn listing(item: i64) -> String {
    format!("{}", 100 + item)
}

/// When the order of this number is placed.
pub fn placed(number: i64) -> Timestamp {
    Timestamp::from_secs(FIRST_DAY + number * GAP_SECS)
}

/// Orders numbered from `first`, paid and open, of three lines each. The same numbers give the same orders.
pub fn page(first: i64, orders: usize) -> Vec<Read> {
    (first..).take(orders).map(|number| Read::Order(Box::new(order(number)))).collect()
}

/// The same orders, shipped a day later.
pub fn shipped(page: &[Read]) -> Vec<Read> {
    page.iter()
        .map(|read| {
            let Read::Order(order) = read else { return read.clone() };
            let mut order = order.clone();
            let number: i64 = order.number.parse().unwrap();
            let at = Timestamp::from_secs(FIRST_DAY + number * GAP_SECS + 86_400);
            order.fulfilment = Fulfilment::Shipped;
            "completed".clone_into(&mut order.status);
            order.changed_at = Some(at);
            order.shipments.push(RemoteShipment {
                id: format!("S{number}"),
                carrier: "ヤマト運輸".to_owned(),
                tracking: format!("4{number:011}"),
                tracking_url: Some(format!("https://jizen.kuronekoyamato.co.jp/jizen/{number}")),
                shipped_at: Some(at),
                lines: Vec::new(),
            });
            order.raw.push_str(" completed");
            Read::Order(order)
        })
        .collect()
}

fn order(number: i64) -> RemoteOrder {
    let mut rng = StdRng::seed_from_u64(number.unsigned_abs());
    let lines: Vec<RemoteLine> = (0..LINES).map(|at| line(number, at, &mut rng)).collect();
    let items = Money(lines.iter().map(|l| l.total.0).sum());
    let buyer = format!("髙﨑 久美子 {}", rng.random_range(0..100_000));
    let address = Address {
        name: buyer.clone(),
        country: "JP".to_owned(),
        postcode: format!("{:03}-{:04}", rng.random_range(100..999), rng.random_range(0..9_999)),
        region: "京都府".to_owned(),
        city: "京都市中京区".to_owned(),
        line1: format!("烏丸通御池上る {}", rng.random_range(1..400)),
        line2: "番頭ビル 3階".to_owned(),
        phone: "075-000-0000".to_owned(),
        ..Address::default()
    };
    RemoteOrder {
        id: format!("{}", 1_000_000 + number).into(),
        number: number.to_string(),
        placed_at: placed(number),
        changed_at: Some(placed(number)),
        payment: Payment::Paid,
        paid_at: Some(placed(number)),
        fulfilment: Fulfilment::Open,
        status: "processing".to_owned(),
        currency: "JPY".to_owned(),
        totals: Totals { items, grand: items, tax: Money(items.0 / 11), ..Totals::default() },
        moves_own_stock: true,
        stock_taken: None,
        buyer: Buyer {
            name: buyer,
            email: format!("buyer{}@example.com", rng.random_range(0..1_000_000)),
            phone: "075-000-0000".to_owned(),
            language: "ja".to_owned(),
        },
        bill_to: address.clone(),
        ship_to: address,
        payment_method: "stripe".to_owned(),
        payment_title: "クレジットカード".to_owned(),
        note: String::new(),
        ship_by: None,
        lines,
        shipments: Vec::new(),
        refunds: Vec::new(),
        unknowns: Vec::new(),
        wait: None,
        raw: format!("{{\"id\":{number},\"pad\":\"{}\"}}", "0123456789abcdef".repeat(RAW_BYTES / 16)),
    }
}

fn line(number: i64, at: usize, rng: &mut StdRng) -> RemoteLine {
    let item = rng.random_range(0..ITEMS);
    let (quantity, price) = (rng.random_range(1..=3), rng.random_range(3..90) * 110);
    RemoteLine {
        id: format!("{}", number * 10 + i64::try_from(at).unwrap()),
        listing: Some(ListingId(listing(item))),
        code: Some(code(item)),
        title: format!("京焼 湯呑 {item} 番"),
        quantity,
        cancelled: 0,
        returned: 0,
        shipped: None,
        unit_price: Money(price),
        total: Money(price * quantity),
        tax_rate_bp: Some(1_000),
    }
}
