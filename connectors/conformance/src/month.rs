//! A month of a channel's life in virtual time: what the daemon asks of a marketplace, at the pace at which it asks.
//!
//! The suite looks at single calls. Whether a marketplace's allowances last is a matter of time: a poll that comes a
//! little more often than its bucket fills empties a burst of twenty in two weeks, and what is read again grows with the
//! orders that are open. So [`Month`] trades for thirty days, and beside it runs what `src/channels/task.rs` runs: pulls
//! at the connector's own interval, open orders read again, offers, webhooks and the probe at theirs, pushes of what was
//! sold and of a stocktake each night, receipts, and a parcel for each order on its second day. Each call goes over HTTP
//! and through `banto-wire` with the connector's quotas.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # async fn a_month(connector: Arc<dyn banto_channel::Connector>, market: Arc<dyn banto_sim::Market>) {
//! use banto_conformance::month::{Month, RuntimeClock};
//! // In a test with `#[tokio::test(start_paused = true)]`; the fake has the same clock, and its limits in force.
//! let clock = RuntimeClock::usual();
//! let told = Month::new(connector, market, clock).live().await;
//! told.assert_kept(Some(50_000), std::time::Duration::ZERO);
//! # }
//! ```
//!
//! tokio's paused clock is the only one: the fake's limits, the wire's pace and every wait here go by it, so each quota is
//! kept to the millisecond although a month takes seconds. Where polls come so often that a month of them would take
//! minutes, [`Month::thinned`] spreads them out until the last days.

mod house;
mod told;
mod way;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx};
use banto_sim::{Deed, Market, Trade, TradeRates};
use tokio::time::{Instant, sleep_until};

use house::House;
pub use told::{Day, Stretch, Told};
pub use way::RuntimeClock;
use way::Way;

/// Days of the month.
const DAYS: u32 = 30;
const DAY: Duration = Duration::from_secs(86_400);
/// What buyers and staff do in a day, two thirds of it orders.
const DEEDS: u32 = 12;
/// Deeds that the last day tries for each order.
const TRIES_MAX: u32 = 50;
/// Buyers do not come at the very moment of a pull.
const OFF_BEAT: Duration = Duration::from_millis(13_700);

/// How often the daemon does what, by default; `src/channels/task.rs` and the config's defaults hold the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Between two readings of the open orders, where the search misses changes (`orders.reread_minutes`).
    pub rereads: Duration,
    /// Between two readings of the offers.
    pub offers: Duration,
    /// Between two looks at the webhooks.
    pub hooks: Duration,
    /// Between two probes.
    pub probe: Duration,
    /// Between two questions after a receipt.
    pub receipts: Duration,
}

impl Cadence {
    /// The daemon's own.
    pub const DAEMON: Self = Self {
        rereads: Duration::from_secs(30 * 60),
        offers: Duration::from_secs(3_600),
        hooks: Duration::from_secs(3_600),
        probe: Duration::from_secs(24 * 3_600),
        receipts: Duration::from_secs(1),
    };
}

/// A channel that is going to live for a month.
pub struct Month {
    connector: Arc<dyn Connector>,
    market: Arc<dyn Market>,
    clock: Arc<RuntimeClock>,
    meanwhile: Box<dyn FnMut()>,
    thinned: (u32, Duration),
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Month").field("connector", &self.connector).finish_non_exhaustive()
    }
}

impl Month {
    /// A month of this connector at this marketplace, which goes by the same clock.
    pub fn new(connector: Arc<dyn Connector>, market: Arc<dyn Market>, clock: Arc<RuntimeClock>) -> Self {
        Self { connector, market, clock, meanwhile: Box::new(|| ()), thinned: (1, DAY * DAYS) }
    }

    /// What else happens, twelve times a day.
    #[must_use]
    pub fn meanwhile(self, deed: impl FnMut() + 'static) -> Self {
        Self { meanwhile: Box::new(deed), ..self }
    }

    /// What is read is read so many times less often until the last stretch of so long. Trade, pushes and parcels go on
    /// as always, so that the last stretch meets what a month leaves behind. Only for allowances that forget within that
    /// stretch: a bucket that takes longer to fill has to be lived through.
    #[must_use]
    pub fn thinned(self, times: u32, full: Duration) -> Self {
        Self { thinned: (times, full), ..self }
    }

    /// Lives through it.
    pub async fn live(mut self) -> Told {
        for offer in self.market.offers().iter().filter(|offer| offer.active && offer.quantity.is_some()) {
            self.market.set_shown(&offer.id, house::SHELF);
        }
        let capabilities = self.connector.capabilities();
        let (times, full_for) = self.thinned;
        let poll = capabilities.pull_interval_min;
        let mut told =
            Told { days: Vec::new(), full: Stretch::default(), findings: Vec::new(), poll, full_for };
        let way = match Way::new(capabilities.quotas, Arc::clone(&self.clock)) {
            Ok(way) => Arc::new(way),
            Err(e) => return Told { findings: vec![format!("the quotas cannot be kept: {e}")], ..told },
        };
        let cx = Cx { http: Arc::<Way>::clone(&way), clock: Arc::<RuntimeClock>::clone(&self.clock) };
        let began = Instant::now();
        let end = began + DAY * DAYS;
        let parts = (Arc::clone(&self.connector), Arc::clone(&self.market), cx);
        let house = House::new(parts, (times, end - full_for), end);
        let days = async {
            let mut trade = Trade::new(4711, vec![Arc::clone(&self.market)], TRADE);
            for day in 0..DAYS {
                for deed in 0..DEEDS {
                    sleep_until(began + DAY * day + DAY / DEEDS * deed + OFF_BEAT).await;
                    (self.meanwhile)();
                    let sold = |deeds: &[Deed]| deeds.iter().any(|deed| matches!(deed, Deed::Placed { .. }));
                    // The last day's orders are timed, so there have to be some.
                    let tries = if day + 1 == DAYS { TRIES_MAX } else { 1 };
                    for _ in 0..tries {
                        let deeds = trade.step();
                        house.saw(&deeds);
                        if sold(&deeds) {
                            break;
                        }
                    }
                }
                sleep_until(began + DAY * (day + 1)).await;
                house.count_stock();
                let seen = self.market.take_seen().len();
                told.days.push(Day { seen, ..house.day(way.take_calls()) });
            }
        };
        tokio::join!(days, house.pulls(), house.pushes(), house.upkeep(), house.parcels());
        (told.full, told.findings) = house.end();
        told
    }
}

/// Everything that happens to orders but what banto does itself.
const TRADE: TradeRates = TradeRates { ship: 0, refund: 0, ..TradeRates::usual() };
