//! `banto demo`: the whole house on loopback. A fake of every kind of marketplace, buyers and staff from a seed,
//! faults, a mail server that keeps what it gets, and the daemon itself, doing its job as it would for a merchant.

mod clerk;
mod house;
mod report;
mod shops;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{Clock, Timestamp};
use banto_sim::faults::FaultRates;
use banto_sim::{Trade, TradeRates};

use crate::clock::SystemClock;
use crate::mail::SinkRates;

pub use house::House;
pub use report::Report;

/// How to run the demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Repeats a run's buyers and faults.
    pub seed: u64,
    /// How long buyers buy; `None` until Ctrl-C.
    pub time: Option<Duration>,
    /// No faults.
    pub calm: bool,
    /// Deeds of buyers and staff a second, over all shops.
    pub pace: u32,
    /// Show a live summary on standard error.
    pub live: bool,
}

/// Longest wait for the first numbers to stand in every shop.
const OPENING_MAX: Duration = Duration::from_secs(30);
/// Longest wait for everything to come to rest after the last buyer.
const SETTLE_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether everything has come to rest.
const SETTLE_LOOK: Duration = Duration::from_millis(250);
/// How often the summary is shown.
const SUMMARY_EVERY: Duration = Duration::from_secs(1);
/// How often shops' numbers are read back, to find what their staff typed.
const RECHECK_EVERY: Duration = Duration::from_secs(5);
/// How often the clerk ships what is paid.
const SHIP_EVERY: Duration = Duration::from_millis(500);

impl Demo {
    /// Runs it in a folder of its own.
    ///
    /// Errors: whatever keeps a part from starting.
    pub async fn run(&self, dir: &Path) -> anyhow::Result<Report> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
        let mut house = House::open(self, dir, &clock).await?;
        let (name, password) = house.make_owner().await?;
        eprintln!("the screen: http://{}/  (name {name}, password {password})", house.address());
        let running = house.start(dir);
        house.map_bundles(OPENING_MAX).await?;
        if let Some(what) = house.at_rest(OPENING_MAX, SETTLE_LOOK).await? {
            tracing::warn!(what, "the shops do not all show their first numbers yet");
        }
        self.set_faults(&house, !self.calm);
        let mut trade = Trade::new(self.seed, house.markets(), TradeRates::usual());
        let began = clock.now();
        self.trade(&house, &mut trade, clock.as_ref(), began).await?;
        let traded = clock.now().since(began);
        // The weather clears; what it left behind must come right by itself.
        self.set_faults(&house, false);
        house.recheck();
        let unfinished = house.at_rest(SETTLE_MAX, SETTLE_LOOK).await?;
        let report = report::make(self, &house, &trade, traded, unfinished).await?;
        house.life.stop("the demo is over");
        running.await?;
        Ok(report)
    }

    fn set_faults(&self, house: &House, on: bool) {
        for shop in &house.shops {
            shop.market.faults().set_rates(if on { FaultRates::usual() } else { FaultRates::default() });
        }
        house.sink.set_rates(if on { SinkRates::usual() } else { SinkRates::default() });
    }

    async fn trade(
        &self,
        house: &House,
        trade: &mut Trade,
        clock: &dyn Clock,
        began: Timestamp,
    ) -> anyhow::Result<()> {
        let over = async {
            match self.time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let placed = Mutex::new(trade);
        let buyers = async {
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / self.pace.max(1));
            loop {
                ticks.tick().await;
                lock(&placed).step();
            }
        };
        let staff = async {
            loop {
                tokio::time::sleep(SHIP_EVERY).await;
                clerk::ship_some(house, clock.now()).await?;
            }
        };
        let rechecks = async {
            loop {
                tokio::time::sleep(RECHECK_EVERY).await;
                house.recheck();
            }
        };
        let summaries = async {
            loop {
                tokio::time::sleep(SUMMARY_EVERY).await;
                if self.live {
                    let counts = lock(&placed).counts();
                    eprint!("{}", report::summary(house, counts, clock.now().since(began)).await?);
                }
            }
        };
        let stop = house.life.soft();
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
            () = over => Ok(()),
            () = buyers => Ok(()),
            () = rechecks => Ok(()),
            ended = staff => ended,
            ended = summaries => ended,
        }
    }
}

/// A panic elsewhere leaves plain counts behind, which are as good as before.
fn lock<'a, 't>(trade: &'a Mutex<&'t mut Trade>) -> MutexGuard<'a, &'t mut Trade> {
    trade.lock().unwrap_or_else(PoisonError::into_inner)
}
