//! Virtual time, and the way out that a simulation does not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Clock, Cx, Error, ErrorKind, Http, Request, Response, Result, Timestamp};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SimClock(AtomicI64);

impl SimClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn starting(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(start.0)))
    }

    /// A clock that shows the morning of 1 April 2026 in Tokyo.
    #[must_use]
    pub fn usual() -> Arc<Self> {
        Self::starting(Timestamp::from_secs(1_775_001_600))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the clock, backwards too, for the tests that ask what happens then.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// What a connector without HTTP is handed: this clock, and [`NoHttp`].
    #[must_use]
    pub fn cx(self: &Arc<Self>) -> Cx {
        Cx { http: Arc::new(NoHttp), clock: Arc::<Self>::clone(self) }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A way out that leads nowhere.
#[derive(Debug)]
pub struct NoHttp;

#[async_trait]
impl Http for NoHttp {
    async fn send(&self, request: Request) -> Result<Response> {
        let message = format!("a simulation has no network, and something sent {request:?}");
        Err(Error::new(ErrorKind::Unexpected, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_only_when_it_is_told_to() {
        let clock = SimClock::starting(Timestamp::from_secs(10));
        let seen = clock.cx().clock;
        assert_eq!(seen.now(), Timestamp::from_secs(10));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(seen.now(), Timestamp(11_500_000));
        clock.set(Timestamp::from_secs(3));
        assert_eq!(seen.now(), Timestamp::from_secs(3));
    }

    #[tokio::test]
    async fn nothing_leaves_a_simulation() {
        let request = Request::new(banto_channel::Method::Get, "http://shop.invalid/orders");
        let refused = NoHttp.send(request).await.map_err(|e| e.kind);
        assert_eq!(refused.err(), Some(ErrorKind::Unexpected));
    }
}
