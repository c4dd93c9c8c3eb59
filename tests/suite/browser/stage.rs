//! The demo's house with people before its screen: every kind of shop, the daemon, and browsers.

use std::sync::Arc;
use std::time::Duration;

use banto::clock::SystemClock;
use banto::demo::{Demo, House};
use banto::lifecycle::ExitReason;
use banto_channel::{Address, Buyer, Clock, ListingId, RemoteOrderId};
use banto_sim::{BasketLine, Market, MarketOrder, Purchase};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::driver::{Browser, Driver};
use crate::e2e::{banto, eventually, settled};

/// Long enough for a loaded machine; on an idle one each of these takes a second or two.
pub const SOON: Duration = Duration::from_secs(30);
/// How often it is looked whether the house has come to rest.
const LOOK: Duration = Duration::from_millis(100);

/// See the module.
pub struct Stage {
    pub house: House,
    driver: Driver,
    running: JoinHandle<Option<ExitReason>>,
    dir: TempDir,
}

impl Stage {
    /// Opens the house and waits until every shop shows its numbers; `None` where there is no browser.
    pub async fn open() -> Option<Self> {
        let driver = Driver::start().await?;
        let dir = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
        let demo = Demo { seed: 4, time: None, calm: true, pace: 1, live: false };
        let mut house = House::open(&demo, dir.path(), &clock).await.unwrap();
        let running = house.start(dir.path());
        settled(async || Vec::from_iter(house.at_rest(Duration::ZERO, LOOK).await.unwrap())).await;
        // Buyers of orders from before a channel went live get no mail; shops know whole seconds.
        let second = || clock.now().0 / 1_000_000;
        let opened = second();
        eventually("the next second", SOON, async || second() > opened).await;
        Some(Self { house, driver, running, dir })
    }

    /// Somebody sits down before the screen, in a browser of their own.
    pub async fn browser(&self) -> Browser {
        self.browser_in("ja").await
    }

    /// As [`Self::browser`], whose language is this one.
    pub async fn browser_in(&self, language: &str) -> Browser {
        self.driver.browser(&format!("http://{}", self.house.address()), language).await
    }

    /// Runs a command beside the daemon, as somebody at the machine's own keyboard does; its answer as JSON.
    pub async fn command(&self, words: &[&str]) -> Value {
        let output = banto(self.dir.path()).args(words).arg("--json").output().await.unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {output:?}"))
    }

    /// A shop, as its buyers and its own staff see it.
    pub fn shop(&self, name: &str) -> &dyn Market {
        self.house.market(name).unwrap_or_else(|| panic!("no shop {name}"))
    }

    /// Somebody buys one offer of a shop, found by its code or title.
    pub fn buy(&self, shop: &str, (code, quantity): (&str, i64), buyer: &str, paid: bool) -> RemoteOrderId {
        self.shop(shop).buy(&purchase((self.offer(shop, code), quantity), buyer, paid)).unwrap()
    }

    /// As [`Self::buy`], of a checkout that began when there still was enough.
    pub fn oversell(&self, shop: &str, (code, quantity): (&str, i64), buyer: &str) -> RemoteOrderId {
        let purchase = purchase((self.offer(shop, code), quantity), buyer, true);
        self.shop(shop).buy(&Purchase { oversell: true, ..purchase }).unwrap()
    }

    fn offer(&self, shop: &str, code: &str) -> ListingId {
        let offers = self.shop(shop).offers();
        let same = |o: &&banto_channel::RemoteOffer| {
            o.code.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(code)) || o.title == code
        };
        offers.iter().find(same).unwrap_or_else(|| panic!("{shop} offers no {code}")).id.clone()
    }

    /// What the shop itself knows of an order.
    pub fn order(&self, shop: &str, order: &RemoteOrderId) -> MarketOrder {
        self.shop(shop).order(order).unwrap_or_else(|| panic!("{shop} has no order {order}"))
    }

    /// Waits until the shop itself knows this of an order.
    pub async fn shop_knows(&self, shop: &str, order: &RemoteOrderId, is_so: impl Fn(&MarketOrder) -> bool) {
        let what = format!("{shop} knows of {order}");
        eventually(&what, SOON, async || is_so(&self.order(shop, order))).await;
    }

    /// Waits until a buyer was sent a mail of this kind, as its Message-ID names it.
    pub async fn mailed(&self, to: &str, kind: &str) {
        let is_it = |m: &banto::mail::Received| {
            m.to == [to] && m.message_id.trim_start_matches('<').starts_with(&format!("{kind}."))
        };
        eventually(&format!("{to} gets {kind}"), SOON, async || {
            self.house.sink().received().iter().any(is_it)
        })
        .await;
    }

    /// Ends the browsers and the house.
    pub async fn close(self) {
        drop(self.driver);
        self.house.stop();
        let ended = tokio::time::timeout(SOON, self.running).await;
        assert_eq!(ended.unwrap().unwrap(), Some(ExitReason::Clean));
    }
}

fn purchase((listing, quantity): (ListingId, i64), buyer: &str, paid: bool) -> Purchase {
    Purchase {
        lines: vec![BasketLine { listing, quantity }],
        buyer: Buyer { name: buyer.to_owned(), email: mail_of(buyer), ..Buyer::default() },
        ship_to: Address {
            name: buyer.to_owned(),
            line1: "南青山1-1-1".to_owned(),
            city: "港区".to_owned(),
            region: "東京都".to_owned(),
            postcode: "107-0062".to_owned(),
            country: "JP".to_owned(),
            ..Address::default()
        },
        paid,
        ..Purchase::default()
    }
}

/// A buyer's address: their name's characters, as numbers.
pub fn mail_of(buyer: &str) -> String {
    let letters: String =
        buyer.chars().filter(|c| !c.is_whitespace()).map(|c| format!("{:x}", u32::from(c))).collect();
    format!("b{letters}@example.test")
}
