//! Usage plans: a bucket for each operation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Operation, calls a second, burst; as the models document them.
const PLANS: [(&str, f64, f64); 13] = [
    ("searchOrders", 0.0056, 20.0),
    ("getOrder", 0.5, 30.0),
    ("getOrdersV0", 0.0167, 20.0),
    ("getOrderV0", 0.5, 30.0),
    ("getOrderItemsV0", 0.5, 30.0),
    ("confirmShipment", 2.0, 10.0),
    ("patchListingsItem", 5.0, 5.0),
    ("getListingsItem", 5.0, 10.0),
    ("searchListingsItems", 5.0, 5.0),
    ("createFeedDocument", 0.5, 15.0),
    // Five submissions of a listings feed in five minutes.
    ("createFeed", 5.0 / 300.0, 5.0),
    ("getFeed", 2.0, 15.0),
    ("getFeedDocument", 0.0222, 10.0),
];

/// Calls may come so many seconds early: the way here takes a different time for each.
const JITTER: f64 = 0.05;

/// The buckets of all operations.
#[derive(Debug)]
pub(super) struct Buckets {
    on: bool,
    levels: Mutex<HashMap<&'static str, (f64, Instant)>>,
    refused: AtomicU64,
}

impl Buckets {
    pub(super) fn new(on: bool) -> Self {
        Self { on, levels: Mutex::default(), refused: AtomicU64::new(0) }
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Takes one call of an operation. `Ok` holds its rate, if it has a plan that is kept; `Err` is a call too many.
    pub(super) fn take(&self, operation: &str) -> Result<Option<f64>, ()> {
        let Some((name, rate, burst)) =
            PLANS.iter().find(|(name, ..)| *name == operation).filter(|_| self.on)
        else {
            return Ok(None);
        };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (level, at) = levels.get(name).copied().unwrap_or((*burst, now));
        let level = (level + rate * (now - at).as_secs_f64()).min(*burst);
        let enough = level + rate * JITTER >= 1.0;
        levels.insert(name, (if enough { level - 1.0 } else { level }, now));
        match enough {
            true => Ok(Some(*rate)),
            false => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(())
            }
        }
    }
}
