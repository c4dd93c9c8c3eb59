//! The suite that every connector runs against its fake.
//!
//! The names of the checks are the contract of [`Connector`](banto_channel::Connector), read aloud. A test of a
//! connector is one call:
//!
//! ```
//! use banto_conformance::Fixture;
//! use banto_sim::{SimClock, SimConnector};
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let report = banto_conformance::run(async || {
//!     let clock = SimClock::usual();
//!     let connector = SimConnector::direct("S", clock.clone());
//!     let market = Arc::clone(connector.market());
//!     let hooks = Arc::clone(&market);
//!     let odd = Arc::clone(&market);
//!     let secrets = vec![market.setup().token.expose().to_owned()];
//!     let cx = clock.cx();
//!     Fixture {
//!         secrets,
//!         hook: Some(Box::new(move || { let h = hooks.sample_hook(); (h.headers, h.body) })),
//!         odd: Some(Box::new(move || odd.place_odd_orders())),
//!         ..Fixture::new(Arc::new(connector), market, cx, move |by| clock.advance(by))
//!     }
//! })
//! .await;
//! report.assert_ok();
//! # }
//! ```
//!
//! Each check gets a fresh fixture and may take a minute. A check that does not fit a marketplace is skipped by
//! name and with the reason, which the report prints; a capability that is not claimed skips its checks by itself.

mod checks;
mod fixture;
pub mod month;
mod pull;
mod push;
mod report;
mod suite;

pub use fixture::{Fixture, SignedHook};
pub use report::{Failure, Report, Skip};
pub use suite::{names, run, run_some};

/// What a check says: nothing, or what was wrong, for whoever writes the connector.
pub(crate) type Finding = Result<(), String>;

/// Ends a check with an explanation unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($explanation:tt)+) => {
        if !$condition {
            return Err(format!($($explanation)+));
        }
    };
}
pub(crate) use ensure;
