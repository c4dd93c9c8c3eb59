//! The lane of a channel against a connector whose every answer is decided here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use banto::domain::deeds::Shipment;
use banto::domain::plan::Push;
use banto::queue::lane_once;
use banto::queue::notice_lane::NoticeLane;
use banto::store::{JobFilter, PlanRules, PushOutcome, Scope};
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, Error, ErrorKind, IdempotencyKey, ListingId, MailOwner, MailPolicy,
    Notice, Outcome, Page, Payment, ProbeReport, Read, RemoteOffer, RemoteOrderId, Result, StockBasis,
    StockItem, both,
};
use tokio_util::sync::CancellationToken;

use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

const POLICY: MailPolicy = MailPolicy {
    received: MailOwner::Us,
    paid: MailOwner::Us,
    shipped: MailOwner::Us,
    cancelled: MailOwner::Us,
    may_widen: true,
    source: "this test",
};
const CAPABILITIES: Capabilities = Capabilities::least("ear", "an ear", POLICY);

/// A channel that only listens.
#[derive(Debug)]
pub struct Ear {
    capabilities: Capabilities,
    next: Mutex<VecDeque<Result<Outcome>>>,
    heard: Mutex<Vec<(String, Notice, String)>>,
}

impl Ear {
    pub fn counting(basis: StockBasis) -> Self {
        let mut capabilities = CAPABILITIES;
        capabilities.stock_basis = basis;
        Self { capabilities, next: Mutex::default(), heard: Mutex::default() }
    }

    pub fn will(&self, answer: Result<Outcome>) {
        self.next.lock().unwrap().push_back(answer);
    }

    fn heard(&self) -> Vec<(String, Notice, String)> {
        self.heard.lock().unwrap().clone()
    }
}

#[async_trait]
impl Connector for Ear {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self, _: &Cx) -> Result<ProbeReport> {
        Ok(ProbeReport::default())
    }

    async fn pull_orders(&self, _: &Cx, _: Option<&Cursor>) -> Result<Page<Read>> {
        Err(Error::unsupported("pull_orders"))
    }

    async fn push_stock(&self, _: &Cx, _: &[StockItem]) -> Result<Vec<Outcome>> {
        Err(Error::unsupported("push_stock"))
    }

    async fn notify_order(
        &self,
        _: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        if order.0 == "poison" {
            return away();
        }
        self.heard.lock().unwrap().push((order.0.clone(), notice.clone(), key.0.clone()));
        self.next.lock().unwrap().pop_front().unwrap_or(Ok(Outcome::Applied))
    }
}

struct House {
    trading: Trading,
    ear: Arc<Ear>,
    lane: NoticeLane,
}

impl House {
    async fn open(fresh: &Fresh) -> Self {
        Self::open_as(fresh, StockBasis::Sellable).await
    }

    async fn open_as(fresh: &Fresh, basis: StockBasis) -> Self {
        let trading = Trading::live(fresh).await;
        let ear = Arc::new(Ear::counting(basis));
        let lane = NoticeLane::new("honten", Arc::clone(&ear) as _, trading.clock.cx());
        Self { trading, ear, lane }
    }

    async fn run(&self) -> usize {
        lane_once(&self.lane, &self.trading.cx(), &CancellationToken::new()).await.unwrap()
    }

    /// What the pusher believes that a listing shows.
    async fn shown(&self, listing: &ListingId, basis: StockBasis) -> Option<i64> {
        let (channel, locations) = (self.trading.facts.id, &self.trading.facts.locations[..]);
        let rules = PlanRules { channel, locations, basis };
        let all = self.trading.store.stocked(&rules, Scope::Page(0, 100)).await.unwrap();
        all.iter().find(|one| one.row.remote_id == listing.0).unwrap().shown()
    }

    async fn unpaid(&self, id: &str) -> i64 {
        let mut order = self.trading.remote(id, &[("CUP", 2)]);
        order.payment = Payment::Awaiting;
        self.trading.order(raw(order)).await
    }

    async fn pay(&self, order: i64) {
        self.trading.store.pay_order(&self.trading.act(order), self.trading.now()).await.unwrap();
    }

    async fn ship(&self, order: i64, tracking: &str, units: i64) {
        let shipment = Shipment {
            carrier: "ヤマト運輸".to_owned(),
            tracking: tracking.to_owned(),
            tracking_url: None,
            lines: vec![(1, units)],
        };
        self.trading.store.ship_order(&self.trading.act(order), &shipment).await.unwrap();
    }

    async fn waiting(&self) -> usize {
        let lane = JobFilter { lane: Some("channel:honten"), dead: false };
        self.trading.store.jobs(lane, 0, 100).await.unwrap().len()
    }
}

fn away() -> Result<Outcome> {
    Err(Error::new(ErrorKind::Unreachable, "the shop is away"))
}

#[tokio::test]
async fn a_channel_is_told_each_thing_once_and_in_order() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let order = house.unpaid("7").await;
        house.pay(order).await;
        house.ship(order, "111", 1).await;
        house.ship(order, "222", 1).await;
        while house.run().await > 0 {}
        let heard = house.ear.heard();
        let kinds: Vec<_> = heard.iter().map(|(_, n, _)| n.kind()).collect();
        use banto_channel::NoticeKind::{Paid, Shipped};
        assert_eq!(kinds, [Paid, Shipped, Shipped]);
        assert!(heard.iter().all(|(id, ..)| id == "7"));
        let Notice::Shipped(parcel) = &heard[1].1 else { panic!("{heard:?}") };
        assert_eq!((parcel.lines.clone(), parcel.completes), (vec![("L1".to_owned(), 1)], false));
        let Notice::Shipped(parcel) = &heard[2].1 else { panic!("{heard:?}") };
        assert!(parcel.completes);
        assert_eq!(house.waiting().await, 0);
        let told = house.trading.story(order).await.iter().filter(|w| *w == "told").count();
        assert_eq!(told, 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_repeated_keeps_its_key_and_the_next_waits_for_it() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let order = house.unpaid("7").await;
        house.pay(order).await;
        house.ship(order, "111", 2).await;
        let busy = Ok(Outcome::Retry {
            after: Duration::from_secs(30),
            reason: both!("locked", "ロック中です"),
        });
        house.ear.will(busy);
        house.run().await;
        assert_eq!(house.ear.heard().len(), 1, "the shipment waits for the payment");
        house.trading.pass(Duration::from_secs(10));
        house.run().await;
        assert_eq!(house.ear.heard().len(), 1, "even when it is looked at again");
        house.trading.pass(Duration::from_secs(30));
        house.run().await;
        house.trading.pass(Duration::from_secs(60));
        house.run().await;
        let heard = house.ear.heard();
        assert_eq!(heard.len(), 3);
        assert_eq!(heard[0], heard[1], "the same notice under the same key");
        assert_ne!(heard[1].2, heard[2].2);
        assert_eq!(house.waiting().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_shown_and_can_be_tried_again_by_a_person() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let order = house.unpaid("7").await;
        house.pay(order).await;
        house.ear.will(Ok(Outcome::Refused {
            reason: both!("the order is locked", "注文がロックされています"),
        }));
        house.run().await;
        let view = house.trading.view(order).await;
        assert_eq!(view.jobs.len(), 1);
        assert_eq!(
            (view.jobs[0].state.as_str(), view.jobs[0].last_error.as_deref()),
            ("dead", Some("the order is locked\u{1e}注文がロックされています"))
        );
        assert!(view.timeline.iter().any(|e| e.kind == "told_refused" && e.detail.contains("locked")));
        assert_eq!(house.trading.store.alerts().await.unwrap().len(), 1);
        let retried =
            house.trading.store.retry_order(order, "cli:hanako", house.trading.now()).await.unwrap();
        assert_eq!(retried.jobs, 1);
        house.run().await;
        assert_eq!(house.waiting().await, 0);
        assert_eq!(house.trading.store.alerts().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn no_outage_makes_a_notice_be_given_up_but_one_that_alone_fails_is() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let order = house.unpaid("7").await;
        house.pay(order).await;
        for _ in 0..200 {
            house.ear.will(away());
            assert_eq!(house.run().await, 1);
            assert_eq!(house.run().await, 0, "the lane rests");
            house.trading.pass(Duration::from_secs(3601));
        }
        house.run().await;
        assert_eq!(house.waiting().await, 0);

        // Others get through; this one makes the shop fail each time.
        let poison = house.unpaid("poison").await;
        house.pay(poison).await;
        let mut rounds = 0;
        while house.trading.view(poison).await.jobs[0].state != "dead" {
            let other = house.unpaid(&format!("other {rounds}")).await;
            house.pay(other).await;
            for _ in 0..3 {
                house.run().await;
                house.trading.pass(Duration::from_secs(1300));
            }
            assert_eq!(house.trading.view(other).await.jobs, [], "others are told");
            rounds += 1;
            assert!(rounds < 50, "never given up");
        }
        assert!(rounds > 5, "given up after {rounds} rounds");
    })
    .await;
}

#[tokio::test]
async fn a_paused_or_observed_channel_is_told_nothing() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let order = house.unpaid("7").await;
        house.pay(order).await;
        let mut write = house.trading.store.write().await.unwrap();
        write.pause_channel(house.trading.facts.id, true).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(house.run().await, 0);
        let mut write = house.trading.store.write().await.unwrap();
        write.pause_channel(house.trading.facts.id, false).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(house.run().await, 1);
    })
    .await;
    each_store(async |fresh: &Fresh| {
        let trading = Trading::open(fresh, "honten", false).await;
        let order = trading.order(trading.remote("7", &[("CUP", 2)])).await;
        let done = trading.store.cancel_order(&trading.act(order), "sold out", "").await.unwrap();
        assert_eq!(trading.jobs().await, []);
        assert!(done.remarks.iter().any(|r| r.en.contains("only observed")), "{:?}", done.remarks);
    })
    .await;
}

#[tokio::test]
async fn a_shop_that_counts_the_shelf_is_told_its_number_again_after_a_parcel() {
    each_store(async |fresh: &Fresh| {
        for (basis, expected) in [(StockBasis::Sellable, Some(9)), (StockBasis::Physical, None)] {
            let house = House::open_as(fresh, basis).await;
            let listing = ListingId(format!("cup {basis:?}"));
            let offer = RemoteOffer {
                id: listing.clone(),
                code: Some("CUP".to_owned()),
                gtin: None,
                title: "湯呑".to_owned(),
                quantity: Some(9),
                price: None,
                active: true,
            };
            let store = &house.trading.store;
            let row = store
                .take_offers(house.trading.facts.id, std::slice::from_ref(&offer), house.trading.now())
                .await
                .unwrap()
                .remove(0);
            let push =
                Push { listing: row.id, remote_id: listing.0.clone(), quantity: 9, was: None, version: 1 };
            let done = [PushOutcome { push, outcome: Outcome::Applied }];
            let early = house.trading.now();
            store.settle_pushes(&done, &[], early, early).await.unwrap();
            house.trading.pass(Duration::from_secs(1));
            let mut order = house.trading.remote(&format!("{basis:?}"), &[("CUP", 2)]);
            order.lines[0].listing = Some(listing.clone());
            let order = house.trading.order(raw(order)).await;
            house.ship(order, &format!("T-{basis:?}"), 2).await;
            house.run().await;
            house.trading.pass(Duration::from_secs(1));
            assert_eq!(house.shown(&listing, basis).await, expected, "{basis:?}");
            // What was asked and sent before the parcel was told, and ends after it, knows no better.
            store.take_offers(house.trading.facts.id, &[offer], early).await.unwrap();
            store.settle_pushes(&done, &[], early, house.trading.now()).await.unwrap();
            assert_eq!(house.shown(&listing, basis).await, expected, "{basis:?}");
            store.settle_pushes(&done, &[], house.trading.now(), house.trading.now()).await.unwrap();
            assert_eq!(house.shown(&listing, basis).await, Some(9), "{basis:?}");
        }
    })
    .await;
}
