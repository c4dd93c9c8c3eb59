//! Weeks of trade in virtual time, from a seed: the real hops of the daemon over simulated marketplaces that answer
//! badly, cut off at random and begun again, without a socket and without waiting.
//!
//! A failing run prints its seed. `BANTO_SIM_SEED=42` plays that one alone, `BANTO_SIM_DAYS=3` for so many days.

mod acts;
mod checks;
mod cut;
mod doubt;
mod end;
mod house;
mod post;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use banto::clock::SystemClock;
use banto_channel::Clock;
use futures_util::FutureExt;

use crate::e2e::from_env;
use crate::stores::Fresh;
use house::House;

/// Steps of a virtual day; each is one deed of somebody or one hop of the daemon.
const STEPS_A_DAY: u64 = 150;
/// Between two proofs of the whole ledger.
const PROOF_EVERY: u64 = 150;

fn quick() -> bool {
    std::env::var_os("BANTO_TEST_QUICK").is_some()
}

/// Two seeds that stay, and one that is new each time; or that of the property tests, where a run is to be the same again.
fn seeds() -> Vec<u64> {
    if let Some(seed) = from_env("BANTO_SIM_SEED") {
        return vec![seed];
    }
    let new = from_env("PROPTEST_RNG_SEED")
        .unwrap_or_else(|| SystemClock::new(Duration::ZERO).now().0.unsigned_abs() % 1_000_000);
    if quick() { vec![new] } else { vec![7, 2026, new] }
}

async fn weeks(fresh: &Fresh, seed: u64, days: u64) {
    eprintln!("{}: BANTO_SIM_SEED={seed} BANTO_SIM_DAYS={days}", fresh.engine());
    let mut house = House::open(fresh, seed).await;
    let steps = days * STEPS_A_DAY;
    let played = AssertUnwindSafe(async {
        for step in 0..steps {
            house.step().await;
            house.cheap_checks().await;
            if step % PROOF_EVERY == 0 {
                house.prove().await;
            }
        }
        house.drain().await;
        house.last_checks(days).await;
    });
    if let Err(panic) = played.catch_unwind().await {
        eprintln!("failed with BANTO_SIM_SEED={seed} after {}", house.diary());
        resume_unwind(panic);
    }
    eprintln!("{}: {}", fresh.engine(), house.summary());
}

#[tokio::test]
async fn weeks_of_trade_on_sqlite() {
    let days = from_env("BANTO_SIM_DAYS").unwrap_or(if quick() { 3 } else { 14 });
    for seed in seeds() {
        weeks(&Fresh::sqlite().await, seed, days).await;
    }
}

#[tokio::test]
async fn weeks_of_trade_on_postgres() {
    let days = from_env("BANTO_SIM_DAYS").unwrap_or(if quick() { 2 } else { 5 });
    for seed in seeds() {
        let Some(fresh) = Fresh::postgres().await else {
            eprintln!("SKIP: BANTO_TEST_POSTGRES is not set");
            return;
        };
        weeks(&fresh, seed, days).await;
    }
}
