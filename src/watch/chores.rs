//! What the watchman does by the way: forgets buyers who were kept long enough, empties old raw answers, and keeps what
//! the reports need of the whole house.

use std::time::{Duration, Instant};

use banto_channel::Timestamp;

use super::{DAY, Watchman};
use crate::store::{Keep, StoreError};

/// Orders of a channel and raw answers that one round forgets: some milliseconds of the writers' turn.
const BATCH: i64 = 100;
/// How often every level is added up, and old sales by item are forgotten.
const COUNTED: Duration = Duration::from_secs(3600);

/// When what is not done every round was done.
#[derive(Debug, Default)]
pub(super) struct Chores {
    counted: Option<Instant>,
}

impl Watchman {
    pub(super) async fn do_chores(&self, chores: &mut Chores) -> Result<(), StoreError> {
        let (store, config, now) = (&self.app.store, &self.app.config, self.app.clock.now());
        if store.count_days_in(&config.shop.timezone).await? {
            tracing::info!(zone = config.shop.timezone, "the reports count days in this zone from now on");
        }
        let erased = store.forget_old(&self.keep(now), BATCH, now).await?;
        if erased.orders > 0 {
            tracing::info!(orders = erased.orders, "orders were kept long enough and forgot their buyers");
        }
        if chores.counted.is_none_or(|at| at.elapsed() > COUNTED) {
            store.count_on_hand().await?;
            store.forget_recent_sales(now).await?;
            chores.counted = Some(Instant::now());
        }
        Ok(())
    }

    fn keep(&self, now: Timestamp) -> Keep {
        let config = &self.app.config;
        let before = |days: u32| Timestamp(now.0 - i64::try_from((DAY * days).as_micros()).unwrap_or(now.0));
        let channels = self.app.channels.iter().filter_map(|running| {
            let file = config.channel(&running.channel.name)?;
            Some((running.channel.id, before(file.personal_days(config.retention.personal_days)?)))
        });
        Keep { persons_before: channels.collect(), payloads_before: before(config.retention.payload_days) }
    }
}
