//! The way out, and the time there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Clock, Http, Quota, Request, Response, Result, Timestamp};
use banto_wire::{Wire, WireConfig};
use tokio::time::{Instant, sleep};

/// tokio's clock, as connectors and fakes know one: it stands and moves with the runtime's time.
#[derive(Debug)]
pub struct RuntimeClock {
    began: Instant,
    start: Timestamp,
}

impl RuntimeClock {
    /// Shows the morning of 1 April 2026 in Tokyo now, as [`banto_sim::SimClock::usual`].
    #[must_use]
    pub fn usual() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), start: banto_sim::SimClock::usual().now() })
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.began.elapsed())
    }
}

/// A wire whose time stands still while an answer is on its way.
#[derive(Debug)]
pub(super) struct Way {
    wire: Wire,
    /// How long one call may wait for its turn, as it is for the daemon.
    wait_max: Duration,
    calls: Mutex<BTreeMap<&'static str, u64>>,
}

impl Way {
    pub(super) fn new(quotas: &'static [Quota], clock: Arc<RuntimeClock>) -> Result<Self> {
        let usual = WireConfig::new("month", quotas);
        let wait_max = usual.retry_time_max;
        // It neither waits nor tries again, so that the marketplace's first refusal is seen.
        let config = WireConfig { retry_time_max: Duration::ZERO, attempts_max: 1, ..usual };
        Ok(Self { wire: Wire::new(config, clock)?, wait_max, calls: Mutex::default() })
    }

    /// Calls since the last time, by group.
    pub(super) fn take_calls(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Http for Way {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut left = self.wait_max;
        loop {
            let wait = self.wire.group_wait(request.group);
            if wait.is_zero() || wait > left {
                break;
            }
            left -= wait;
            sleep(wait).await;
        }
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(request.group).or_default() += 1;
        let _still = stand_still();
        self.wire.send(request).await
    }
}

/// A paused clock jumps to the next timer whenever the runtime is idle, and a runtime that waits for a socket is; but not
/// while blocking work is under way. Time moves again when the sender is dropped.
fn stand_still() -> mpsc::Sender<()> {
    let (hold, held) = mpsc::channel();
    drop(tokio::task::spawn_blocking(move || held.recv()));
    hold
}
