//! The task that keeps what the screen shows beside the order book (search, customers, reports) up to date.

use std::sync::Arc;
use std::time::{Duration, Instant};

use banto_channel::Clock;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// Orders in one transaction: some tens of milliseconds of the writers' turn.
const BATCH: i64 = 500;
/// How long it gathers after something was written, so that a burst of orders is one batch and not many.
const GATHER: Duration = Duration::from_millis(200);
/// How often it looks by itself: other processes write orders too.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits when the store does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// Follows the order book until it is stopped. Between two batches it waits twice as long as the batch took, so that
/// intake has the store most of the time also while a year of orders is caught up with.
pub async fn follow_orders(store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let work = async {
        let mut written = store.watch_stock();
        loop {
            let begun = Instant::now();
            match store.project(BATCH, clock.now()).await {
                Ok(0) => {
                    // Ends with either; the writer of a channel that is gone is the store, which this task holds.
                    tokio::select! {
                        _ = written.changed() => {}
                        () = sleep(LOOK) => {}
                    }
                    sleep(GATHER).await;
                }
                Ok(orders) => {
                    tracing::debug!(orders, "search, customers and reports follow");
                    sleep((begun.elapsed() * 2).clamp(GATHER / 4, LOOK)).await;
                }
                Err(error) => {
                    tracing::warn!(error = %error, "search, customers and reports cannot follow the orders now");
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}
