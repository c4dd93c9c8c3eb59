//! A house with one channel, for tests of what happens to orders after they came in.

use std::sync::Arc;
use std::time::Duration;

use banto::domain::catalogue::Draft;
use banto::domain::deeds::Seller;
use banto::domain::intake::ChannelFacts;
use banto::domain::mail_policy::{MailRule, MailRules};
use banto::queue::QueueCx;
use banto::store::{Act, Import, IntakeReport, JobFilter, JobRow, MailRow, OrderRow, OrderView, Store};
use banto_channel::{
    Address, Buyer, Clock as _, Fulfilment, MailOwner, Money, NoticeKind, Payment, Read, RemoteLine,
    RemoteOrder, Timestamp, Totals,
};
use banto_sim::SimClock;

use crate::stores::Fresh;

/// One channel of a house and its clock.
pub struct Trading {
    pub store: Store,
    pub clock: Arc<SimClock>,
    pub facts: ChannelFacts,
    pub notices: Vec<NoticeKind>,
}

impl Trading {
    /// A live channel that can be told everything, on which we send every mail by ourselves.
    pub async fn live(fresh: &Fresh) -> Self {
        Self::open(fresh, "honten", true).await
    }

    /// A channel of that name.
    pub async fn open(fresh: &Fresh, name: &str, live: bool) -> Self {
        let store = fresh.store.clone();
        let clock = SimClock::usual();
        let now = clock.now();
        let mut write = store.write().await.unwrap();
        let places = write.ensure_locations(&[("main".to_owned(), String::new())]).await.unwrap();
        let locations: Vec<i64> = places.iter().map(|l| l.id).collect();
        let row = write.ensure_channel(name, "sim", live, &locations, now).await.unwrap();
        write.commit().await.unwrap();
        let ours = MailRule { owner: MailOwner::Us, by_hand: false };
        let facts = ChannelFacts {
            id: row.id,
            name: name.to_owned(),
            locations,
            created_at: Timestamp(row.created_at),
            live_since: row.live_since.map(Timestamp),
            restock_returns: false,
            mails: MailRules { received: ours, paid: ours, shipped: ours, cancelled: ours },
        };
        let notices = vec![NoticeKind::Shipped, NoticeKind::Cancelled, NoticeKind::Paid, NoticeKind::Note];
        Self { store, clock, facts, notices }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub fn cx(&self) -> QueueCx {
        QueueCx { store: self.store.clone(), clock: Arc::clone(&self.clock) as _, owner: "clerk".into() }
    }

    /// What a person does to an order now.
    pub fn act(&self, order: i64) -> Act<'_> {
        let seller = Seller { facts: &self.facts, notices: &self.notices, carriers: &[] };
        Act { order, version: None, seller, actor: "cli:hanako", now: self.now() }
    }

    /// The channel tells these orders.
    pub async fn take(&self, orders: Vec<RemoteOrder>) -> IntakeReport {
        let page: Vec<Read> = orders.into_iter().map(|o| Read::Order(Box::new(o))).collect();
        self.store.take_page(&self.facts, &page, None, self.now()).await.unwrap()
    }

    /// The channel tells one order; returns our key of it.
    pub async fn order(&self, order: RemoteOrder) -> i64 {
        let report = self.take(vec![order]).await;
        assert_eq!(report.quarantined, []);
        report.new.iter().chain(&report.changed).copied().next().unwrap()
    }

    /// An order that the channel has now: lines are (code, quantity).
    pub fn remote(&self, id: &str, lines: &[(&str, i64)]) -> RemoteOrder {
        let line = |(at, (code, quantity)): (usize, &(&str, i64))| RemoteLine {
            id: format!("L{}", at + 1),
            listing: None,
            code: Some((*code).to_owned()),
            title: format!("{code} 湯呑み"),
            quantity: *quantity,
            cancelled: 0,
            returned: 0,
            shipped: None,
            unit_price: Money(100),
            total: Money(100 * quantity),
            tax_rate_bp: None,
        };
        let lines: Vec<RemoteLine> = lines.iter().enumerate().map(line).collect();
        let sum = Money(lines.iter().map(|l| l.total.0).sum());
        let address =
            Address {
                name: "髙﨑 花子".to_owned(), line1: "神宮前1-2-3".to_owned(), ..Address::default()
            };
        let order = RemoteOrder {
            id: id.into(),
            number: format!("N-{id}"),
            placed_at: self.now(),
            changed_at: Some(self.now()),
            payment: Payment::Paid,
            paid_at: None,
            fulfilment: Fulfilment::Open,
            status: "processing".to_owned(),
            currency: "JPY".to_owned(),
            totals: Totals { items: sum, grand: sum, ..Totals::default() },
            moves_own_stock: true,
            stock_taken: None,
            buyer: Buyer {
                name: "髙﨑 花子".to_owned(),
                email: format!("buyer-{id}@example.jp"),
                language: "ja".to_owned(),
                ..Buyer::default()
            },
            bill_to: address.clone(),
            ship_to: address,
            payment_method: "bacs".to_owned(),
            payment_title: "銀行振込".to_owned(),
            note: String::new(),
            ship_by: None,
            lines,
            shipments: Vec::new(),
            refunds: Vec::new(),
            unknowns: Vec::new(),
            wait: None,
            raw: String::new(),
        };
        raw(order)
    }

    pub async fn view(&self, order: i64) -> OrderView {
        self.store.order_view(order).await.unwrap()
    }

    pub async fn row(&self, order: i64) -> OrderRow {
        self.store.find_order(&format!("#{order}")).await.unwrap()
    }

    pub async fn mail(&self, order: i64, kind: &str) -> Option<MailRow> {
        self.store.mails_of(order).await.unwrap().into_iter().find(|m| m.kind == kind)
    }

    pub async fn jobs(&self) -> Vec<JobRow> {
        self.store.jobs(JobFilter::default(), 0, 1000).await.unwrap()
    }

    /// Words of the timeline, oldest first.
    pub async fn story(&self, order: i64) -> Vec<String> {
        self.view(order).await.timeline.into_iter().map(|e| e.kind).collect()
    }
}

/// The order with the text of its payload renewed, as the channel would tell it after a change.
pub fn raw(order: RemoteOrder) -> RemoteOrder {
    let text = format!("{:?}", RemoteOrder { raw: String::new(), ..order.clone() });
    RemoteOrder { raw: text, ..order }
}

/// Stock.
impl Trading {
    /// Makes items with this many on the shelf.
    pub async fn stock(&self, items: &[(&str, i64)]) {
        let draft = |(code, units): &(&str, i64)| Draft {
            code: (*code).to_owned(),
            name: Some((*code).to_owned()),
            stock: Some(*units),
            ..Draft::default()
        };
        let import = Import {
            currency: "JPY",
            location: self.facts.locations[0],
            skip_bad: false,
            dry_run: false,
            source: "test",
            actor: "cli:hanako",
            now: self.now(),
        };
        let drafts: Vec<Draft> = items.iter().map(draft).collect();
        let done = self.store.import_items(&drafts, &import).await.unwrap();
        assert!(done.written, "{:?}", done.plan.faults);
    }

    /// (available, reserved, short) of an item.
    pub async fn level(&self, code: &str) -> (i64, i64, i64) {
        let item = self.store.item(code).await.unwrap();
        let levels = self.store.levels_of(&[item.id].into()).await.unwrap();
        levels.first().map_or((0, 0, 0), |l| (l.available, l.reserved, l.short))
    }
}
