//! Arbitrary trade: shops that sell a small catalogue, change their minds, and tell it out of order.

use banto_channel::{
    Address, Buyer, Fulfilment, ListingId, Money, Payment, RemoteLine, RemoteOrder, RemoteOrderId,
    RemoteShipment, Timestamp, Totals,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// The plain items: their codes are these, their stock is counted.
pub const ITEMS: [&str; 3] = ["tea", "cup", "tray"];
/// Sets and what is in them; every item is in two of them or sold alone as well.
pub const SETS: [(&str, &[(&str, i64)]); 2] =
    [("pair", &[("tea", 2), ("cup", 1)]), ("party", &[("cup", 3), ("tray", 1)])];
/// Offers: their key at every shop, the code that they are mapped to, and units of it in one.
pub const OFFERS: [(&str, &str, i64); 6] = [
    ("l-tea", "tea", 1),
    ("l-tea-6", "tea", 6),
    ("l-cup", "cup", 1),
    ("l-tray", "tray", 1),
    ("l-pair", "pair", 1),
    ("l-party", "party", 2),
];
/// An offer behind which nothing stands, and one that nobody has mapped.
pub const GIFT_WRAP: &str = "l-wrap";
pub const UNMAPPED: &str = "l-unknown";
/// How many offers an order may name: all of the above.
const OFFER_COUNT: usize = OFFERS.len() + 2;
/// How many locations the house has.
pub const LOCATIONS: usize = 3;
/// Shops, and the locations that each sells from, by number.
pub const SHOPS: [(&str, &[usize]); 3] = [("honten", &[0, 1]), ("market", &[1]), ("mall", &[2, 0])];

/// The shop opened before anything was sold.
pub const OPENED: Timestamp = Timestamp(1_795_000_000_000_000);

/// The key of an offer by number.
pub fn offer(number: usize) -> &'static str {
    OFFERS.get(number).map_or(if number == OFFERS.len() { GIFT_WRAP } else { UNMAPPED }, |o| o.0)
}

/// What happens to an order at its shop.
#[derive(Clone, Debug)]
pub enum Change {
    Quantity(Index, i64),
    AddLine(usize, i64),
    DropLine(Index),
    TakeOut(Index, i64),
    Ship(Index, i64),
    ShipAll,
    Return(Index, i64),
    Cancel,
    Reopen,
    Pay(Payment),
}

/// What happens in the house.
#[derive(Clone, Debug)]
pub enum Step {
    /// A buyer buys.
    Place { shop: usize, lines: Vec<(usize, i64)>, paid: bool },
    /// The shop changes an order; nobody has told us yet.
    Change { order: Index, change: Change },
    /// News of an order arrive: its newest state, or one from before.
    Tell { order: Index, age: usize },
    /// A page with the news of many orders arrives, some of them twice.
    TellMany { orders: Vec<(Index, usize)> },
    /// The house sends some of an order off, without waiting for the shop.
    HouseShips { order: Index, line: Index, units: i64 },
    /// The house cancels what has not left.
    HouseCancels { order: Index },
    /// Goods arrive.
    Receive { item: usize, location: usize, units: i64 },
    /// Somebody counts a shelf.
    Count { item: usize, location: usize, counted: i64 },
}

fn change() -> impl Strategy<Value = Change> {
    let line = any::<Index>;
    let payment = prop_oneof![
        3 => Just(Payment::Paid),
        1 => Just(Payment::Failed),
        1 => Just(Payment::Awaiting),
        1 => Just(Payment::PartlyRefunded),
        1 => Just(Payment::Refunded),
    ];
    prop_oneof![
        2 => (line(), 0..9i64).prop_map(|(l, n)| Change::Quantity(l, n)),
        1 => (0..OFFER_COUNT, 1..5i64).prop_map(|(o, n)| Change::AddLine(o, n)),
        1 => line().prop_map(Change::DropLine),
        2 => (line(), 1..4i64).prop_map(|(l, n)| Change::TakeOut(l, n)),
        3 => (line(), 1..4i64).prop_map(|(l, n)| Change::Ship(l, n)),
        2 => Just(Change::ShipAll),
        2 => (line(), 1..4i64).prop_map(|(l, n)| Change::Return(l, n)),
        2 => Just(Change::Cancel),
        1 => Just(Change::Reopen),
        2 => payment.prop_map(Change::Pay),
    ]
}

fn age() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0usize), 1 => 0..6usize]
}

/// One thing that happens.
pub fn step() -> impl Strategy<Value = Step> {
    let order = any::<Index>;
    let lines = prop::collection::vec((0..OFFER_COUNT, 1..6i64), 0..5);
    prop_oneof![
        4 => (0..SHOPS.len(), lines, any::<bool>()).prop_map(|(shop, lines, paid)| Step::Place { shop, lines, paid }),
        6 => (order(), change()).prop_map(|(order, change)| Step::Change { order, change }),
        6 => (order(), age()).prop_map(|(order, age)| Step::Tell { order, age }),
        2 => prop::collection::vec((order(), age()), 1..8).prop_map(|orders| Step::TellMany { orders }),
        2 => (order(), order(), 1..4i64).prop_map(|(order, line, units)| Step::HouseShips { order, line, units }),
        1 => order().prop_map(|order| Step::HouseCancels { order }),
        3 => (0..ITEMS.len(), 0..LOCATIONS, 1..30i64)
            .prop_map(|(item, location, units)| Step::Receive { item, location, units }),
        2 => (0..ITEMS.len(), 0..LOCATIONS, 0..12i64)
            .prop_map(|(item, location, counted)| Step::Count { item, location, counted }),
    ]
}

/// One order at its shop, with everything it ever said.
#[derive(Clone, Debug)]
pub struct Sold {
    /// Number of its shop.
    pub shop: usize,
    /// Its states, oldest first; each is later than the one before.
    pub told: Vec<RemoteOrder>,
}

impl Sold {
    /// What the shop says now.
    pub fn now(&self) -> &RemoteOrder {
        self.told.last().unwrap()
    }

    /// What it said `age` changes ago, or at first.
    pub fn before(&self, age: usize) -> &RemoteOrder {
        &self.told[self.told.len().saturating_sub(age + 1)]
    }

    /// A buyer buys.
    pub fn place(shop: usize, number: usize, lines: &[(usize, i64)], paid: bool) -> Self {
        let mut order = RemoteOrder {
            id: RemoteOrderId(format!("{}-{number}", SHOPS[shop].0)),
            number: number.to_string(),
            placed_at: OPENED.plus(std::time::Duration::from_secs(number as u64)),
            changed_at: Some(OPENED.plus(std::time::Duration::from_secs(number as u64))),
            payment: if paid { Payment::Paid } else { Payment::Awaiting },
            paid_at: None,
            fulfilment: Fulfilment::Open,
            status: "new".to_owned(),
            currency: "JPY".to_owned(),
            totals: Totals::default(),
            moves_own_stock: true,
            stock_taken: None,
            buyer: Buyer { email: "buyer@example.jp".to_owned(), ..Buyer::default() },
            bill_to: Address::default(),
            ship_to: Address::default(),
            payment_method: "card".to_owned(),
            payment_title: "Card".to_owned(),
            note: String::new(),
            ship_by: None,
            lines: Vec::new(),
            shipments: Vec::new(),
            refunds: Vec::new(),
            unknowns: Vec::new(),
            wait: None,
            raw: String::new(),
        };
        for (offer, quantity) in lines {
            add_line(&mut order, *offer, *quantity);
        }
        finish(&mut order);
        Self { shop, told: vec![order] }
    }

    /// The shop changes it and will say so with a later time. What makes no sense leaves it as it is.
    pub fn change(&mut self, change: &Change) {
        self.edit(|order| apply(order, change));
    }

    /// The shop makes something else of it and will say so with a later time.
    pub fn edit(&mut self, how: impl FnOnce(&mut RemoteOrder)) {
        let mut order = self.now().clone();
        order.changed_at = order.changed_at.map(|t| t.plus(std::time::Duration::from_secs(1000)));
        how(&mut order);
        finish(&mut order);
        self.told.push(order);
    }
}

fn add_line(order: &mut RemoteOrder, number: usize, quantity: i64) {
    // A shop does not give a line's id to another line, even when the first is gone.
    let id = order.lines.iter().filter_map(|l| l.id.parse::<usize>().ok()).max().unwrap_or(0) + 1;
    order.lines.push(RemoteLine {
        id: id.to_string(),
        listing: Some(ListingId(offer(number).to_owned())),
        code: None,
        title: offer(number).to_owned(),
        quantity,
        cancelled: 0,
        returned: 0,
        shipped: Some(0),
        unit_price: Money(100),
        total: Money(100 * quantity),
        tax_rate_bp: None,
    });
}

fn apply(order: &mut RemoteOrder, change: &Change) {
    if let Change::Quantity(l, _)
    | Change::DropLine(l)
    | Change::TakeOut(l, _)
    | Change::Ship(l, _)
    | Change::Return(l, _) = change
    {
        if order.lines.is_empty() {
            return;
        }
        let at = l.index(order.lines.len());
        change_line(order, at, change);
        return;
    }
    match change {
        Change::AddLine(offer, quantity) => add_line(order, *offer, *quantity),
        Change::ShipAll => {
            order.fulfilment = Fulfilment::Shipped;
            for line in &mut order.lines {
                line.shipped = Some(line.quantity - line.cancelled);
            }
        }
        Change::Cancel => order.fulfilment = Fulfilment::Cancelled,
        Change::Reopen => order.fulfilment = Fulfilment::Open,
        Change::Pay(payment) => order.payment = *payment,
        _ => {}
    }
}

fn change_line(order: &mut RemoteOrder, at: usize, change: &Change) {
    let line = &mut order.lines[at];
    let shipped = line.shipped.unwrap_or(0);
    let left = line.quantity - line.cancelled - shipped;
    match change {
        Change::Quantity(_, n) => line.quantity = (*n).max(shipped + line.cancelled),
        Change::DropLine(_) if shipped == 0 => drop(order.lines.remove(at)),
        Change::TakeOut(_, n) => line.cancelled += (*n).min(left),
        Change::Ship(_, n) if left > 0 => {
            let units = (*n).min(left);
            line.shipped = Some(shipped + units);
            let lines = vec![(line.id.clone(), units)];
            let number = order.shipments.len() + 1;
            order.shipments.push(RemoteShipment {
                id: number.to_string(),
                carrier: "yamato".to_owned(),
                tracking: format!("{}-{number}", order.number),
                tracking_url: None,
                shipped_at: order.changed_at,
                lines,
            });
        }
        Change::Return(_, n) => line.returned += (*n).min(shipped - line.returned),
        _ => {}
    }
}

/// Makes the totals add up and the raw text say everything.
fn finish(order: &mut RemoteOrder) {
    let sum = order.lines.iter().map(|l| l.total.0).sum();
    order.totals = Totals { items: Money(sum), grand: Money(sum), ..Totals::default() };
    order.raw.clear();
    order.raw = format!("{order:?}");
}
