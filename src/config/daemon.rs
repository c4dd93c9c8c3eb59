//! `banto.toml`: what belongs to the whole house.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The file as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DaemonFile {
    pub(super) store: StoreConfig,
    pub(super) shop: ShopConfig,
    pub(super) web: WebConfig,
    pub(super) mail: Option<MailConfig>,
    pub(super) log: LogConfig,
    pub(super) alerts: AlertsConfig,
    pub(super) guard: GuardConfig,
    pub(super) retention: RetentionConfig,
}

/// `[store]`: where the ledger lives. Read it through [`super::Config::store_url`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:PATH` (relative to the state folder) or `postgres://…` without a password.
    pub url: Option<String>,
    /// A secret file that holds the whole address, password included.
    pub url_file: Option<String>,
}

/// `[shop]`: the merchant's house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShopConfig {
    /// The name buyers know, used in mails.
    pub name: String,
    /// Web address below mails; nothing if empty.
    pub url: String,
    /// Phone number below mails; nothing if empty.
    pub phone: String,
    /// Postal address and what the law wants named, below mails, line by line.
    pub address: Vec<String>,
    /// IANA name of the zone that dates in mails and config mean.
    pub timezone: String,
    /// ISO 4217 code of the house's own books; orders keep their channel's.
    pub currency: String,
    /// Language of mails where a channel names none (`ja`, `en`).
    pub language: String,
    /// Where stock lies; at least one.
    pub locations: Vec<LocationConfig>,
}

impl Default for ShopConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            url: String::new(),
            phone: String::new(),
            address: Vec::new(),
            timezone: "Asia/Tokyo".into(),
            currency: "JPY".into(),
            language: "ja".into(),
            locations: vec![LocationConfig { code: "main".into(), name: String::new() }],
        }
    }
}

/// One place where stock lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationConfig {
    /// What ledger entries and channels call it.
    pub code: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
}

/// `[web]`: health, metrics, webhooks and the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// How the outside reaches this daemon; webhooks are registered as `{public_url}/hooks/{channel}`.
    pub public_url: Option<String>,
    /// Must be true to listen on anything but this machine's loopback.
    pub allow_remote: bool,
    /// Whether webhooks that were registered on the screen or by the API may go to this machine and private networks.
    pub webhooks_private: bool,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            public_url: None,
            allow_remote: false,
            webhooks_private: false,
        }
    }
}

impl WebConfig {
    /// Where a marketplace sends the webhooks of `channel`; `None` if the outside cannot reach us.
    #[must_use]
    pub fn hook_url(&self, channel: &str) -> Option<String> {
        let base = self.public_url.as_ref()?;
        Some(format!("{}/hooks/{channel}", base.trim_end_matches('/')))
    }
}

/// `[mail]`: the way out for mails to buyers and alerts to the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Sender address, unless a channel has its own.
    pub from: String,
    /// Sender name; the shop's name if absent.
    #[serde(default)]
    pub from_name: Option<String>,
    /// Where buyers' answers go, if not to the sender.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// SMTP server.
    pub host: String,
    /// SMTP port; read it through [`MailConfig::port`].
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// SMTP user; no AUTH if absent.
    #[serde(default)]
    pub username: Option<String>,
    /// Secret file with the SMTP password.
    #[serde(default)]
    pub password_file: Option<String>,
    /// PEM file with certificates to trust beside the system's.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Most SMTP connections at once; at least 1.
    #[serde(default = "four")]
    pub connections: u8,
    /// Who is told when something needs a person; nobody if absent.
    #[serde(default)]
    pub alert_to: Option<String>,
    /// What happens to a mail whose acceptance is not known, unless a channel says otherwise.
    #[serde(default)]
    pub uncertain: Uncertain,
}

const fn four() -> u8 {
    4
}

impl MailConfig {
    /// The SMTP port: as given, or the usual one of [`MailConfig::tls`] (465, 587 or 25).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Implicit => 465,
            Tls::Starttls => 587,
            Tls::None => 25,
        })
    }
}

/// How an SMTP connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte (port 465).
    #[default]
    Implicit,
    /// STARTTLS, required (port 587).
    Starttls,
    /// Plain text; for a server on this machine.
    None,
}

/// What to do with a mail when the server's answer to its last line was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uncertain {
    /// It waits for a person.
    #[default]
    Ask,
    /// It is sent again, with the same Message-ID; the buyer may get it twice.
    Resend,
    /// It counts as sent; the buyer may get none.
    Drop,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `error` … `trace`, or directives such as `info,banto::channels=debug`; `BANTO_LOG` outranks it.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Auto }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, JSON everywhere else.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// `[alerts]`: when the merchant gets a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// A channel is silent when nothing came for this many times its normal gap between orders.
    pub silent_factor: u32,
    /// But never before this many minutes.
    pub silent_min_minutes: u32,
    /// Days before a credential runs out on which to say so.
    pub credential_days: Vec<u32>,
    /// Hours before the same alert is mailed again.
    pub repeat_hours: u32,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            silent_factor: 6,
            silent_min_minutes: 180,
            credential_days: vec![14, 7, 3, 1],
            repeat_hours: 24,
        }
    }
}

/// `[guard]`: what stops and asks instead of doing great harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    /// A push that would set more than this share of a channel's listings to zero stops (percent).
    pub zeros_percent: u8,
    /// But only if it is at least this many listings.
    pub zeros_min: u32,
    /// A listing that would show this many times what it shows counts as raised wildly.
    pub raise_factor: u32,
    /// A push that would raise more than this share of a channel's listings wildly stops (percent).
    pub raise_percent: u8,
    /// The clock may step back this far (seconds) before timers distrust it.
    pub clock_back_seconds: u32,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self { zeros_percent: 30, zeros_min: 10, raise_factor: 10, raise_percent: 30, clock_back_seconds: 5 }
    }
}

/// `[retention]`: how long what is not needed for the books is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Days that marketplaces' raw answers (with buyers' data) are kept after an order was last touched.
    pub payload_days: u32,
    /// Days after an order was shipped or cancelled on which its buyer's name, addresses, phone and mails are taken out;
    /// for ever if absent.
    pub personal_days: Option<u32>,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { payload_days: 180, personal_days: None }
    }
}
