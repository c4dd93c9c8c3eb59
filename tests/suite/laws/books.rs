//! The same laws on a real store, with the shops, the warehouse and the office all at it at once.

use std::time::Duration;

use banto::doctor::{State, examine, worst};
use banto::domain::catalogue::Draft;
use banto::domain::deeds::{Seller, Shipment};
use banto::domain::intake::ChannelFacts;
use banto::domain::mail_policy::{MailRule, MailRules};
use banto::store::{Act, Import, LocationRow, OrderFilter, StockAct, Store, StoreError};
use banto_channel::{ListingId, MailOwner, Payment, Read, RemoteOffer, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::house::House;
use super::trade::{
    Change, GIFT_WRAP, ITEMS, LOCATIONS, OFFERS, OPENED, SETS, SHOPS, Sold, Step, offer, step,
};
use crate::stores::{Fresh, each_store};

/// Mapped by a person while orders for it come in already.
const MAPPED_LATE: &str = "l-tea-6";

/// A house on a real store.
#[derive(Clone)]
struct Real {
    store: Store,
    shops: Vec<ChannelFacts>,
    locations: Vec<LocationRow>,
    now: Timestamp,
}

impl Real {
    async fn open(fresh: &Fresh) -> Self {
        let store = fresh.store.clone();
        let names: Vec<_> = (0..LOCATIONS).map(|n| (format!("shelf-{n}"), String::new())).collect();
        let mut write = store.write().await.unwrap();
        let locations = write.ensure_locations(&names).await.unwrap();
        let rule = MailRule { owner: MailOwner::Us, by_hand: false };
        let mut shops = Vec::new();
        for (name, from) in SHOPS {
            let from: Vec<i64> = from.iter().map(|l| locations[*l].id).collect();
            let row = write.ensure_channel(name, "sim", true, &from, OPENED).await.unwrap();
            shops.push(ChannelFacts {
                id: row.id,
                name: row.name,
                locations: from,
                created_at: OPENED,
                live_since: Some(OPENED),
                restock_returns: name == SHOPS[0].0,
                mails: MailRules { received: rule, paid: rule, shipped: rule, cancelled: rule },
            });
        }
        write.commit().await.unwrap();
        let real = Self { store, shops, locations, now: OPENED.plus(Duration::from_secs(86_400)) };
        real.fill_catalogue().await;
        real
    }

    async fn fill_catalogue(&self) {
        let draft = |code: &str, parts: Option<&[(&str, i64)]>| Draft {
            code: code.to_owned(),
            name: Some(code.to_owned()),
            parts: parts.map(|p| p.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect()),
            ..Draft::default()
        };
        let items = ITEMS.iter().map(|code| draft(code, None));
        let drafts: Vec<Draft> =
            items.chain(SETS.iter().map(|(code, parts)| draft(code, Some(parts)))).collect();
        let import = Import {
            currency: "JPY",
            location: self.locations[0].id,
            skip_bad: false,
            dry_run: false,
            source: "test",
            actor: "cli:hanako",
            now: OPENED,
        };
        assert!(self.store.import_items(&drafts, &import).await.unwrap().written);
        for shop in &self.shops {
            let offers: Vec<RemoteOffer> = (0..OFFERS.len() + 1).map(|n| remote_offer(offer(n))).collect();
            self.store.take_offers(shop.id, &offers, OPENED).await.unwrap();
            self.store.ignore_listing(&shop.name, GIFT_WRAP, "cli:hanako", OPENED).await.unwrap();
        }
        for (key, code, per) in OFFERS.into_iter().filter(|o| o.0 != MAPPED_LATE) {
            self.map(key, code, per).await;
        }
    }

    async fn map(&self, key: &str, code: &str, per: i64) {
        for shop in &self.shops {
            self.store.map_listing((&shop.name, key), (code, per), "cli:hanako", self.now).await.unwrap();
        }
    }

    /// A shop tells its news, in pages.
    async fn tell(&self, shop: usize, pages: Vec<Vec<Read>>) {
        for page in pages {
            let report = self.store.take_page(&self.shops[shop], &page, None, self.now).await.unwrap();
            assert_eq!(report.quarantined, []);
            tokio::task::yield_now().await;
        }
    }

    /// The warehouse takes goods in and counts, the office ships and cancels.
    async fn work(&self, steps: Vec<Step>) {
        for (at, step) in steps.into_iter().enumerate() {
            let act = |item: usize, location: usize| StockAct {
                code: ITEMS[item],
                location: &self.locations[location],
                actor: "cli:hanako",
                note: "",
                now: self.now,
            };
            match step {
                Step::Receive { item, location, units } => {
                    drop(self.store.receive_stock(&act(item, location), units, false).await.unwrap());
                }
                Step::Count { item, location, counted } => {
                    drop(self.store.set_stock(&act(item, location), counted).await.unwrap());
                }
                Step::HouseShips { order, .. } => self.deed(&order, true).await,
                Step::HouseCancels { order } => self.deed(&order, false).await,
                _ => {}
            }
            if at == 2 {
                self.map(MAPPED_LATE, "tea", 6).await;
            }
        }
    }

    async fn deed(&self, pick: &Index, ship: bool) {
        let open = self.store.orders(OrderFilter::Open, None, i64::MAX, 100).await.unwrap();
        let Some(row) = (!open.is_empty()).then(|| &open[pick.index(open.len())]) else {
            return;
        };
        let facts = self.shops.iter().find(|s| s.id == row.channel_id).unwrap();
        let seller = Seller { facts, notices: &[], carriers: &[] };
        let act = Act { order: row.id, version: None, seller, actor: "cli:hanako", now: self.now };
        let done = if ship {
            let parcel = Shipment { carrier: "yamato".to_owned(), ..Shipment::default() };
            self.store.ship_order(&act, &parcel).await
        } else {
            self.store.cancel_order(&act, "test", "").await
        };
        // What is on hold, or gone meanwhile, is refused.
        assert!(matches!(done, Ok(_) | Err(StoreError::Refused(_))), "{done:?}");
    }

    /// What is left of each order's lines: to be sent, sent, come back.
    async fn lines(&self) -> Vec<(String, Vec<(String, i64, i64, i64)>)> {
        let mut orders = Vec::new();
        for row in self.store.orders(OrderFilter::All, None, i64::MAX, 1_000).await.unwrap() {
            let order = self.store.order_view(row.id).await.unwrap().order;
            let line =
                |l: &banto::domain::order::Line| (l.remote_id.clone(), l.to_ship(), l.shipped, l.returned);
            let mut lines: Vec<_> = order.lines.iter().map(line).filter(|l| l.1 + l.2 + l.3 > 0).collect();
            lines.sort_unstable();
            orders.push((format!("{} {:?}", order.remote_id, order.payment), lines));
        }
        orders.sort_unstable();
        orders
    }

    async fn is_in_order(&self, steps: &[Step]) {
        let findings = examine(&self.store, None, self.now, &mut |_| ()).await.unwrap();
        assert_ne!(worst(&findings), State::Broken, "{findings:#?} after {steps:#?}");
    }
}

fn remote_offer(key: &str) -> RemoteOffer {
    RemoteOffer {
        id: ListingId(key.to_owned()),
        code: None,
        gtin: None,
        title: key.to_owned(),
        quantity: Some(0),
        price: None,
        active: true,
    }
}

/// Everything that shops say in a history, as pages by shop; the last page has each order as it is now.
fn pages(steps: &[Step]) -> (Vec<Sold>, Vec<Vec<Vec<Read>>>) {
    let mut sold: Vec<Sold> = Vec::new();
    let mut pages = vec![Vec::new(); SHOPS.len()];
    for step in steps {
        match step {
            Step::Place { shop, lines, paid } => sold.push(Sold::place(*shop, sold.len() + 1, lines, *paid)),
            Step::Change { order, change } if !sold.is_empty() => {
                let at = order.index(sold.len());
                sold[at].change(change);
            }
            Step::Tell { order, age } if !sold.is_empty() => {
                let one = &sold[order.index(sold.len())];
                pages[one.shop].push(vec![read(one, *age)]);
            }
            Step::TellMany { orders } if !sold.is_empty() => {
                let mut together = vec![Vec::new(); SHOPS.len()];
                for (order, age) in orders {
                    let one = &sold[order.index(sold.len())];
                    // Twice on one page, too.
                    together[one.shop].extend([read(one, *age), read(one, 0), read(one, *age)]);
                }
                pages.iter_mut().zip(together).for_each(|(p, page)| p.push(page));
            }
            _ => {}
        }
    }
    for (shop, pages) in pages.iter_mut().enumerate() {
        pages.push(sold.iter().filter(|o| o.shop == shop).map(|o| read(o, 0)).collect());
    }
    (sold, pages)
}

fn read(sold: &Sold, age: usize) -> Read {
    Read::Order(Box::new(sold.before(age).clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_at_once_the_books_are_right_on_every_engine() {
    let cases = if std::env::var_os("BANTO_TEST_QUICK").is_some() { 2 } else { 6 };
    let mut runner = TestRunner::deterministic();
    for case in 0..cases {
        let steps = prop::collection::vec(step(), 40..90).new_tree(&mut runner).unwrap().current();
        let (sold, pages) = pages(&steps);
        // Every other time nobody in the house ships or cancels, and the outcome is what the shops say.
        let (office, deeds): (Vec<Step>, Vec<Step>) = steps.iter().cloned().partition(|s| {
            case % 2 == 0 || !matches!(s, Step::HouseShips { .. } | Step::HouseCancels { .. })
        });
        each_store(async |fresh| {
            let real = Real::open(fresh).await;
            let shops = pages.iter().cloned().enumerate().map(|(shop, pages)| {
                let real = real.clone();
                tokio::spawn(async move { real.tell(shop, pages).await })
            });
            let mut tasks: Vec<_> = shops.collect();
            tasks.push(tokio::spawn({
                let (real, office) = (real.clone(), office.clone());
                async move { real.work(office).await }
            }));
            for task in tasks {
                task.await.unwrap();
            }
            real.is_in_order(&steps).await;
            if !deeds.is_empty() {
                assert_eq!(real.lines().await, as_told(&sold), "{steps:#?}");
            }
        })
        .await;
    }
}

/// An order's name and its lines: name, and what was cancelled, shipped and returned.
type Told = (String, Vec<(String, i64, i64, i64)>);

/// What the rules alone make of the same orders, told once.
fn as_told(sold: &[Sold]) -> Vec<Told> {
    let mut house = House::default();
    for one in sold {
        house.take(one.shop, one.now());
    }
    let mut orders = super::outcome(&house).0;
    orders.sort_unstable();
    orders
}

#[tokio::test]
async fn an_order_may_stand_on_a_page_more_than_once() {
    each_store(async |fresh| {
        let real = Real::open(fresh).await;
        let mut sold = Sold::place(0, 1, &[(0, 1)], false);
        for change in
            [Change::Cancel, Change::Reopen, Change::Pay(Payment::Paid), Change::Cancel, Change::Reopen]
        {
            sold.change(&change);
        }
        let history = |ages: &[usize]| ages.iter().map(|age| read(&sold, *age)).collect::<Vec<_>>();
        // Whole and in order; backwards; and what is known already around what is not.
        for page in [history(&[5, 4, 3, 2, 1]), history(&[1, 5, 1]), history(&[1, 0, 3, 0]), history(&[0, 0])]
        {
            real.tell(0, vec![page]).await;
        }
        assert_eq!(fresh.number("SELECT CAST(COUNT(*) AS BIGINT) FROM orders").await, 1);
        assert_eq!(
            fresh.number("SELECT CAST(COUNT(*) AS BIGINT) FROM mail").await,
            3,
            "received, cancelled, paid"
        );
        assert_eq!(real.lines().await, as_told(std::slice::from_ref(&sold)));
        real.is_in_order(&[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_status_that_flaps_sends_no_mail_again() {
    each_store(async |fresh| {
        let real = Real::open(fresh).await;
        let mut sold = Sold::place(0, 1, &[(0, 1)], true);
        real.tell(0, vec![vec![read(&sold, 0)]]).await;
        let mails = "SELECT CAST(COUNT(*) AS BIGINT) FROM mail";
        let jobs = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE lane = 'mail'";
        assert_eq!((fresh.number(mails).await, fresh.number(jobs).await), (2, 2), "received and paid");
        sold.change(&Change::Cancel);
        real.tell(0, vec![vec![read(&sold, 0)]]).await;
        assert_eq!(fresh.number(mails).await, 3, "cancelled");
        // All of them went out.
        fresh.run("UPDATE mail SET state = 'sent'").await;
        fresh.run("DELETE FROM job WHERE lane = 'mail'").await;
        let flaps = [
            Change::Reopen,
            Change::Pay(Payment::Failed),
            Change::Pay(Payment::Paid),
            Change::Cancel,
            Change::Reopen,
            Change::Pay(Payment::Awaiting),
            Change::Pay(Payment::Paid),
            Change::Cancel,
        ];
        for flap in flaps {
            sold.change(&flap);
            real.tell(0, vec![vec![read(&sold, 0)], vec![read(&sold, 1), read(&sold, 0)]]).await;
        }
        let unsent = "SELECT CAST(COUNT(*) AS BIGINT) FROM mail WHERE state <> 'sent'";
        let counts = (fresh.number(mails).await, fresh.number(unsent).await, fresh.number(jobs).await);
        assert_eq!(counts, (3, 0, 0));
        real.is_in_order(&[]).await;
    })
    .await;
}
