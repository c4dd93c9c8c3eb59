//! What the house does with orders by itself, where the channel's config says so: confirms those that the marketplace
//! waits for, reminds buyers whose money does not come, then cancels.

use std::collections::BTreeMap;

use banto_channel::Timestamp;

use crate::domain::deadline::{Due, UnpaidRule};
use crate::domain::deeds::Seller;
use crate::domain::timeline::NOT_PAID;
use crate::store::{Act, Result, Store, StoreError};

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// Buyers reminded.
    pub reminded: usize,
    /// Orders cancelled.
    pub cancelled: usize,
}

/// Does what is due on one channel now. Rules stand by the channel's name of the payment method.
///
/// An order that changes meanwhile (the money comes, somebody cancels it) is left for the next time.
///
/// Errors: the store's.
pub async fn deadlines_once(
    store: &Store,
    seller: Seller<'_>,
    rules: &BTreeMap<String, UnpaidRule>,
    now: Timestamp,
) -> Result<Deadlines> {
    let mut done = Deadlines::default();
    for (order, due) in store.unpaid_due(seller.facts, rules, now).await? {
        let act = Act { order: order.id, version: Some(order.version), seller, actor: "daemon", now };
        let acted = match due {
            Due::Reminder => store.remind_order(&act).await,
            Due::Cancel => store.cancel_order(&act, &NOT_PAID.fill(&[]), "").await,
        };
        match (acted, due) {
            (Ok(_), Due::Reminder) => done.reminded += 1,
            (Ok(_), Due::Cancel) => done.cancelled += 1,
            (Err(StoreError::Refused(why)), _) => tracing::info!(order = order.id, %why, "left as it is"),
            (Err(error), _) => return Err(error),
        }
    }
    Ok(done)
}

/// Confirms the open orders of a channel that waits for that word. Returns how many.
///
/// An order that changes meanwhile is left for the next time.
///
/// Errors: the store's.
pub async fn confirm_once(store: &Store, seller: Seller<'_>, now: Timestamp) -> Result<usize> {
    let mut confirmed = 0;
    for order in store.to_confirm(seller.facts).await? {
        let act = Act { order: order.id, version: Some(order.version), seller, actor: "daemon", now };
        match store.confirm_order(&act).await {
            Ok(_) => confirmed += 1,
            Err(StoreError::Refused(why)) => tracing::info!(order = order.id, %why, "left as it is"),
            Err(error) => return Err(error),
        }
    }
    Ok(confirmed)
}
