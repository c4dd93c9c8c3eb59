//! The channels: one connector each, built from its config, and the tasks that run it.
//!
//! A channel's three tasks go their own ways, so that a slow pull never holds up a zero: `pull` brings orders in,
//! `push` sends stock out, and the lane of its name in the [`crate::queue`] tells it of shipments. What goes wrong
//! in one channel stays there.

pub mod diff;
pub mod explain;
pub mod offer;
pub mod pull;
pub mod push;
pub mod registry;
pub mod task;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Clock, Connector, Cx, Error, ErrorKind, Http, MailOwner, Timestamp};

use crate::config::{ChannelConfig, Config, MailKind as ConfigMail, Mode, Returns};
use crate::domain::LocationId;
use crate::domain::deeds::Seller;
use crate::domain::guard::GuardLimits;
use crate::domain::intake::ChannelFacts;
use crate::domain::mail_policy::{MailKind, MailRule, MailRules};
use crate::domain::plan::StockRule;
use crate::store::{ChannelRow, ListingRow, LocationRow, Store};

/// One channel, ready to run: its connector, its way out, and what its config says.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name: the config file's.
    pub name: String,
    /// Its key in the store.
    pub id: i64,
    /// What speaks to the marketplace.
    pub connector: Arc<dyn Connector>,
    /// HTTP and time for the connector.
    pub cx: Cx,
    /// What intake must know.
    pub facts: ChannelFacts,
    /// Whether banto may write to it.
    pub live: bool,
    /// When to stop and ask.
    pub limits: GuardLimits,
    /// Its config, as loaded.
    pub config: ChannelConfig,
    /// Time between two pulls when nothing is going on.
    pub poll: Duration,
    /// Where webhooks for it arrive, if the world can reach us.
    pub hook_url: Option<String>,
}

impl Channel {
    /// The stock rule of one listing: its own over the channel's.
    #[must_use]
    pub fn rule(&self, listing: &ListingRow) -> StockRule {
        let code = listing.code.as_deref().unwrap_or_default();
        let rule = self.config.stock.rule_for(&listing.remote_id, code);
        StockRule {
            share_percent: rule.share_percent.map(i64::from),
            buffer: rule.buffer.map_or(0, i64::from),
            cap: rule.cap.map(i64::from),
            fixed: rule.fixed.map(i64::from),
            paused: rule.paused.unwrap_or(false),
        }
    }

    /// What a deed on one of its orders must know.
    #[must_use]
    pub fn seller(&self) -> Seller<'_> {
        let capabilities = self.connector.capabilities();
        Seller { facts: &self.facts, notices: capabilities.notices, carriers: capabilities.carriers }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.cx.clock.now()
    }

    /// Registers a channel in the store and joins what runs it.
    ///
    /// Errors: [`crate::store::StoreError`], or a location that the house does not have (which `Config` has
    /// checked before).
    pub async fn open(
        store: &Store,
        config: &Config,
        channel: &ChannelConfig,
        (connector, http, clock): (Arc<dyn Connector>, Arc<dyn Http>, Arc<dyn Clock>),
    ) -> anyhow::Result<Self> {
        let now = clock.now();
        let houses: Vec<(String, String)> =
            config.shop.locations.iter().map(|l| (l.code.clone(), l.name.clone())).collect();
        let mut write = store.write().await?;
        let all = write.ensure_locations(&houses).await?;
        let locations = locations_of(channel, &all);
        let live = channel.mode == Mode::Live;
        let row = write.ensure_channel(&channel.name, &channel.kind, live, &locations, now).await?;
        write.commit().await?;
        let capabilities = connector.capabilities();
        let guard = config.guard_of(channel);
        Ok(Self {
            name: channel.name.clone(),
            id: row.id,
            facts: facts(&row, channel, locations, &MailRules::from_policy(&capabilities.mail_policy)),
            live,
            limits: GuardLimits {
                zeros_percent: i64::from(guard.zeros_percent),
                zeros_min: i64::from(guard.zeros_min),
                raise_factor: i64::from(guard.raise_factor),
                raise_percent: i64::from(guard.raise_percent),
                ..GuardLimits::default()
            },
            config: channel.clone(),
            poll: channel
                .orders
                .poll_seconds
                .map_or(capabilities.pull_interval_min, |s| Duration::from_secs(u64::from(s.max(1)))),
            hook_url: config.web.hook_url(&channel.name),
            cx: Cx { http, clock },
            connector,
        })
    }
}

fn locations_of(channel: &ChannelConfig, all: &[LocationRow]) -> Vec<LocationId> {
    let named: Vec<LocationId> = channel
        .stock
        .locations
        .iter()
        .filter_map(|code| Some(all.iter().find(|l| l.code == *code)?.id))
        .collect();
    if named.is_empty() { all.iter().map(|l| l.id).collect() } else { named }
}

fn facts(
    row: &ChannelRow,
    channel: &ChannelConfig,
    locations: Vec<LocationId>,
    default: &MailRules,
) -> ChannelFacts {
    ChannelFacts {
        id: row.id,
        name: row.name.clone(),
        locations,
        created_at: Timestamp(row.created_at),
        live_since: row.live_since.map(Timestamp),
        restock_returns: channel.orders.returns == Returns::Restock,
        mails: mail_rules(channel, default),
    }
}

/// Who mails what on a channel: its config over the connector's policy.
#[must_use]
pub fn mail_rules(channel: &ChannelConfig, default: &MailRules) -> MailRules {
    let rule = |kind: ConfigMail, default: MailRule| MailRule {
        owner: channel.mail.mailer(kind).map_or(default.owner, MailOwner::from),
        by_hand: channel.mail.by_hand.contains(&kind),
    };
    MailRules {
        received: rule(ConfigMail::Received, default.of(MailKind::Received)),
        paid: rule(ConfigMail::Paid, default.of(MailKind::Paid)),
        shipped: rule(ConfigMail::Shipped, default.of(MailKind::Shipped)),
        cancelled: rule(ConfigMail::Cancelled, default.of(MailKind::Cancelled)),
    }
}

/// Growing delays after failures of a whole channel; a success starts again from the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    failures: u32,
}

/// Longest pause of a channel that cannot be reached: it is found again soon after it is back.
const PAUSE_AWAY_MAX: Duration = Duration::from_secs(30);
/// Longest pause of a channel that refuses our credentials.
const PAUSE_REFUSED_MAX: Duration = Duration::from_secs(300);

impl Patience {
    /// Counts a failure and says how long to wait. Credentials that were refused are not tried at full pace: a
    /// marketplace may lock the account.
    pub fn failed(&mut self, error: &Error) -> Duration {
        let (first, most): (u64, _) = match error.kind {
            ErrorKind::Auth | ErrorKind::Config => (10, PAUSE_REFUSED_MAX),
            _ => (1, PAUSE_AWAY_MAX),
        };
        let own = Duration::from_secs(first << self.failures.min(8)).min(most);
        self.failures += 1;
        error.retry_after.map_or(own, |wish| wish.max(own))
    }

    /// Counts a success.
    pub fn worked(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}
