//! `channels/<name>.toml`: one account at one marketplace or shop.

use std::collections::BTreeMap;

use banto_channel::{MailOwner, Timestamp};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::daemon::{GuardConfig, Uncertain};

/// One channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// What orders, webhooks, metrics and commands call it; the file's stem unless the file says otherwise.
    #[serde(default)]
    pub name: String,
    /// Which connector (`woocommerce`).
    pub kind: String,
    /// Whether the channel runs at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether banto may write there.
    #[serde(default)]
    pub mode: Mode,
    /// The connector's own keys, as written.
    #[serde(default)]
    pub connector: toml::Table,
    /// How orders come in.
    #[serde(default)]
    pub orders: OrdersConfig,
    /// What the channel shows of the stock.
    #[serde(default)]
    pub stock: StockConfig,
    /// Who mails the buyer.
    #[serde(default)]
    pub mail: ChannelMailConfig,
    /// Guards that differ from the house's.
    #[serde(default)]
    pub guard: GuardOverrides,
    /// How much of the marketplace's allowances is used.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// How long what tells of its buyers is kept.
    #[serde(default)]
    pub retention: ChannelRetention,
}

/// Amazon wants buyers' data gone 30 days after the shipment (Data Protection Policy, "Data Retention").
const AMAZON_PERSONAL_DAYS: u32 = 30;

impl ChannelConfig {
    /// Days after an order was shipped or cancelled on which it forgets its buyer: as the channel's file says, else as
    /// the house's, else as the marketplace demands. `None` keeps it.
    #[must_use]
    pub fn personal_days(&self, house: Option<u32>) -> Option<u32> {
        let demanded = (self.kind == "amazon").then_some(AMAZON_PERSONAL_DAYS);
        self.retention.personal_days.or(house).or(demanded)
    }
}

/// `[retention]` of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelRetention {
    /// See [`super::RetentionConfig::personal_days`].
    pub personal_days: Option<u32>,
}

const fn yes() -> bool {
    true
}

/// Whether banto may write to a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Read only: nothing is pushed, notified or mailed.
    #[default]
    Observe,
    /// Everything.
    Live,
}

/// `[orders]` of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrdersConfig {
    /// Seconds between two pulls; the connector's shortest sensible gap if absent.
    pub poll_seconds: Option<u32>,
    /// Orders placed before this are not taken. Read it through [`OrdersConfig::since`].
    pub since: Option<toml::value::Datetime>,
    /// What happens to goods that the channel reports as returned.
    pub returns: Returns,
    /// Minutes between two readings of each open order, where the channel's search misses changes.
    pub reread_minutes: u32,
    /// Who tells the marketplace that an order is taken, where it waits for that word.
    pub confirm: Confirm,
    /// Deadlines of unpaid orders by payment method, as the channel names it.
    pub unpaid: BTreeMap<String, UnpaidRule>,
}

impl Default for OrdersConfig {
    fn default() -> Self {
        Self {
            poll_seconds: None,
            since: None,
            returns: Returns::Hold,
            reread_minutes: 30,
            confirm: Confirm::default(),
            unpaid: BTreeMap::new(),
        }
    }
}

impl OrdersConfig {
    /// The moment of `since`; a date or a time without offset is meant in `zone`.
    ///
    /// Errors: a time without a date, or a moment that the calendar does not have.
    pub fn since(&self, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
        let Some(since) = self.since else { return Ok(None) };
        let text = since.to_string();
        let moment = match (since.date, since.offset) {
            (None, _) => return Err("a time of day alone is no moment".into()),
            (Some(_), Some(_)) => text.parse::<jiff::Timestamp>().map_err(|e| e.to_string())?,
            (Some(_), None) => {
                let civil = text.parse::<jiff::civil::DateTime>().map_err(|e| e.to_string())?;
                zone.to_timestamp(civil).map_err(|e| e.to_string())?
            }
        };
        Ok(Some(Timestamp(moment.as_microsecond())))
    }
}

/// What happens to goods that come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Returns {
    /// They wait until a person has looked at them.
    #[default]
    Hold,
    /// They are for sale again at once.
    Restock,
}

/// Who tells a marketplace that an order is taken (Rakuten's 注文確認).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// A person, with `banto orders confirm` or in the marketplace's own screen.
    #[default]
    ByHand,
    /// banto, for every order that is not on hold.
    Auto,
}

/// `[orders.unpaid.<method>]`: off unless given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnpaidRule {
    /// Days after the order on which the buyer is reminded.
    pub remind_days: Option<u32>,
    /// Days after the order on which it is cancelled and its goods are for sale again.
    pub cancel_days: Option<u32>,
    /// How to pay, for mails to buyers who have not paid yet (the bank account). May have several lines.
    pub how_to_pay: Option<String>,
}

/// How much of the stock something shows. `None` means "as the level above says".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRule {
    /// Units held back.
    pub buffer: Option<u32>,
    /// Most units shown.
    pub cap: Option<u32>,
    /// Share of what is available, rounded down (percent, 0 to 100).
    pub share_percent: Option<u8>,
    /// Exactly this many units, whatever the ledger says; outranks the three above.
    pub fixed: Option<u32>,
    /// Nothing is pushed; what the channel shows stays.
    pub paused: Option<bool>,
}

impl StockRule {
    /// This rule where it says something, `base` where it does not.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            buffer: self.buffer.or(base.buffer),
            cap: self.cap.or(base.cap),
            share_percent: self.share_percent.or(base.share_percent),
            fixed: self.fixed.or(base.fixed),
            paused: self.paused.or(base.paused),
        }
    }
}

/// `[stock]` of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StockKeys", into = "StockKeys")]
pub struct StockConfig {
    /// The rule of every listing that has none of its own.
    pub rule: StockRule,
    /// Codes of the locations this channel sells from; empty means all.
    pub locations: Vec<String>,
    /// Rules of single listings, by remote id or by our item code.
    pub listings: BTreeMap<String, StockRule>,
}

impl StockConfig {
    /// The rule of one listing: by its remote id, else by its item's code, over the channel's own.
    #[must_use]
    pub fn rule_for(&self, remote_id: &str, code: &str) -> StockRule {
        match self.listings.get(remote_id).or_else(|| self.listings.get(code)) {
            Some(own) => own.over(self.rule),
            None => self.rule,
        }
    }
}

/// `[stock]` as it is written: the rule's keys stand beside the others (serde cannot both flatten and refuse
/// unknown keys).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StockKeys {
    buffer: Option<u32>,
    cap: Option<u32>,
    share_percent: Option<u8>,
    fixed: Option<u32>,
    paused: Option<bool>,
    locations: Vec<String>,
    listing: BTreeMap<String, ListingKeys>,
}

/// `[stock.listing."…"]` as it is written.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListingKeys {
    buffer: Option<u32>,
    cap: Option<u32>,
    share_percent: Option<u8>,
    fixed: Option<u32>,
    paused: Option<bool>,
}

impl From<ListingKeys> for StockRule {
    fn from(k: ListingKeys) -> Self {
        let ListingKeys { buffer, cap, share_percent, fixed, paused } = k;
        Self { buffer, cap, share_percent, fixed, paused }
    }
}

impl From<StockRule> for ListingKeys {
    fn from(r: StockRule) -> Self {
        let StockRule { buffer, cap, share_percent, fixed, paused } = r;
        Self { buffer, cap, share_percent, fixed, paused }
    }
}

impl From<StockKeys> for StockConfig {
    fn from(k: StockKeys) -> Self {
        let StockKeys { buffer, cap, share_percent, fixed, paused, locations, listing } = k;
        Self {
            rule: StockRule { buffer, cap, share_percent, fixed, paused },
            locations,
            listings: listing.into_iter().map(|(k, r)| (k, r.into())).collect(),
        }
    }
}

impl From<StockConfig> for StockKeys {
    fn from(c: StockConfig) -> Self {
        let StockRule { buffer, cap, share_percent, fixed, paused } = c.rule;
        let listing = c.listings.into_iter().map(|(k, r)| (k, r.into())).collect();
        Self { buffer, cap, share_percent, fixed, paused, locations: c.locations, listing }
    }
}

/// Who sends one kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mailer {
    /// banto.
    Us,
    /// The marketplace or shop.
    Channel,
    /// Nobody.
    Nobody,
}

impl From<Mailer> for MailOwner {
    fn from(mailer: Mailer) -> Self {
        match mailer {
            Mailer::Us => Self::Us,
            Mailer::Channel => Self::Channel,
            Mailer::Nobody => Self::Nobody,
        }
    }
}

/// A kind of mail to buyers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKind {
    /// Order received.
    Received,
    /// Payment received.
    Paid,
    /// Shipped, per parcel.
    Shipped,
    /// Cancelled.
    Cancelled,
}

/// `[mail]` of a channel. An absent kind follows the connector's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelMailConfig {
    /// Order received.
    pub received: Option<Mailer>,
    /// Payment received.
    pub paid: Option<Mailer>,
    /// Shipped.
    pub shipped: Option<Mailer>,
    /// Cancelled.
    pub cancelled: Option<Mailer>,
    /// Kinds that are prepared but wait for a person to send them.
    pub by_hand: Vec<MailKind>,
    /// The folder of `mails/` to use before the house's own.
    pub templates: Option<String>,
    /// Language of this channel's mails, if not the shop's.
    pub language: Option<String>,
    /// Sender address, if not the house's.
    pub from: Option<String>,
    /// Sender name, if not the house's.
    pub from_name: Option<String>,
    /// Where answers go, if not where the house says.
    pub reply_to: Option<String>,
    /// What happens to a mail whose acceptance is not known, if not what the house says.
    pub uncertain: Option<Uncertain>,
    /// The log-in at the marketplace's own mail server, where it masks its buyers' addresses.
    pub relay: Option<RelayConfig>,
}

/// `[mail.relay]` of a channel: the log-in at the marketplace's mail server (Rakuten's あんしんメルアド).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// SMTP user.
    pub username: String,
    /// Secret file with the SMTP password.
    pub password_file: String,
    /// Server, if not the one that the marketplace documents.
    #[serde(default)]
    pub host: Option<String>,
    /// Port, if not the documented one.
    #[serde(default)]
    pub port: Option<u16>,
    /// PEM file with certificates to trust beside the system's.
    #[serde(default)]
    pub ca_file: Option<String>,
}

impl ChannelMailConfig {
    /// Who sends `kind` by this file; `None` leaves it to the connector's policy.
    #[must_use]
    pub fn mailer(&self, kind: MailKind) -> Option<Mailer> {
        match kind {
            MailKind::Received => self.received,
            MailKind::Paid => self.paid,
            MailKind::Shipped => self.shipped,
            MailKind::Cancelled => self.cancelled,
        }
    }
}

/// `[limits]` of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Percent of the documented allowances that banto uses: less where another program uses the same key, more where
    /// the marketplace has granted more.
    pub percent: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { percent: 100 }
    }
}

/// `[guard]` of a channel: the keys of the house's `[guard]` that differ here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardOverrides {
    /// See [`GuardConfig::zeros_percent`].
    pub zeros_percent: Option<u8>,
    /// See [`GuardConfig::zeros_min`].
    pub zeros_min: Option<u32>,
    /// See [`GuardConfig::raise_factor`].
    pub raise_factor: Option<u32>,
    /// See [`GuardConfig::raise_percent`].
    pub raise_percent: Option<u8>,
}

impl GuardOverrides {
    /// The guards of this channel.
    #[must_use]
    pub fn over(self, house: &GuardConfig) -> GuardConfig {
        GuardConfig {
            zeros_percent: self.zeros_percent.unwrap_or(house.zeros_percent),
            zeros_min: self.zeros_min.unwrap_or(house.zeros_min),
            raise_factor: self.raise_factor.unwrap_or(house.raise_factor),
            raise_percent: self.raise_percent.unwrap_or(house.raise_percent),
            clock_back_seconds: house.clock_back_seconds,
        }
    }
}
