//! The `[connector]` table of a WooCommerce channel.

use std::collections::BTreeMap;

use banto_channel::{Error, ErrorKind, Result, Secret};
use serde::Deserialize;

use crate::auth::Credentials;
use crate::time;

/// Where parcels are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tracking {
    #[default]
    OrderNote,
    /// The Shipment Tracking extension.
    #[serde(rename = "shipment_tracking")]
    Extension,
    Fulfillments,
}

/// What an order status of the shop means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    AwaitingPayment,
    Paid,
    PartiallyShipped,
    Shipped,
    Cancelled,
    Refunded,
    Failed,
    /// No order at all (a checkout that is still being filled in).
    Ignore,
}

impl State {
    /// The meaning of WooCommerce's own statuses.
    fn of_core(status: &str) -> Option<Self> {
        Some(match status {
            "pending" | "on-hold" => Self::AwaitingPayment,
            "processing" => Self::Paid,
            "completed" => Self::Shipped,
            "cancelled" | "trash" => Self::Cancelled,
            "refunded" => Self::Refunded,
            "failed" => Self::Failed,
            "checkout-draft" | "auto-draft" | "draft" | "new" => Self::Ignore,
            _ => return None,
        })
    }
}

/// A day, quoted or as TOML's own date.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Day {
    Date(toml::value::Datetime),
    Text(String),
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Date(date) => date.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    consumer_key_file: String,
    consumer_secret_file: String,
    webhook_secret_file: Option<String>,
    #[serde(default)]
    allow_http: bool,
    #[serde(default)]
    auth_in_query: bool,
    #[serde(default)]
    tracking: Tracking,
    #[serde(default = "yes")]
    complete_on_ship: bool,
    since: Option<Day>,
    #[serde(default = "hundred")]
    orders_per_page: u16,
    #[serde(default = "five_minutes")]
    overlap_seconds: u32,
    #[serde(default = "cod")]
    pay_on_delivery: Vec<String>,
    ean_meta_key: Option<String>,
    #[serde(default)]
    status_map: BTreeMap<String, State>,
}

const fn yes() -> bool {
    true
}

const fn hundred() -> u16 {
    100
}

const fn five_minutes() -> u32 {
    300
}

fn cod() -> Vec<String> {
    vec!["cod".to_owned()]
}

/// The config, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) credentials: Credentials,
    pub(crate) webhook_secret: Option<Secret>,
    pub(crate) tracking: Tracking,
    pub(crate) complete_on_ship: bool,
    /// First second of the first pull.
    pub(crate) since: Option<i64>,
    pub(crate) orders_per_page: u32,
    /// Seconds.
    pub(crate) overlap: i64,
    pub(crate) pay_on_delivery: Vec<String>,
    pub(crate) ean_meta_key: Option<String>,
    status_map: BTreeMap<String, State>,
}

impl Settings {
    /// Reads the table; `secret` fetches what stands in a file or credential.
    ///
    /// Errors: [`ErrorKind::Config`] that names the key and the remedy.
    pub(crate) fn read(table: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Self> {
        let table: Table = table.clone().try_into().map_err(|e: toml::de::Error| {
            let text = e.to_string();
            bad(format!("connector: {}", text.trim().replace('\n', ", ")))
        })?;
        let url = address(&table.url, table.allow_http)?;
        let plain = url.starts_with("http://");
        if plain && table.auth_in_query {
            return Err(bad("auth_in_query: only over https; take it out, plain http is signed instead"));
        }
        let key = needed(secret, "consumer_key_file", &table.consumer_key_file)?;
        let consumer_secret = needed(secret, "consumer_secret_file", &table.consumer_secret_file)?;
        if key.expose().starts_with("cs_") || consumer_secret.expose().starts_with("ck_") {
            return Err(bad(
                "consumer_key_file and consumer_secret_file are swapped: the key begins with ck_, the secret with cs_",
            ));
        }
        if !(1..=100).contains(&table.orders_per_page) {
            return Err(bad("orders_per_page: WooCommerce gives 1 to 100 orders a page"));
        }
        if !(1..=86_400).contains(&table.overlap_seconds) {
            return Err(bad("overlap_seconds: 1 to 86400; 300 is usual"));
        }
        let since = table.since.as_ref().map(first_second).transpose()?;
        let webhook_secret =
            table.webhook_secret_file.as_deref().map(|path| webhook_secret(secret, path)).transpose()?;
        Ok(Self {
            credentials: Credentials::new(key, consumer_secret, plain, table.auth_in_query),
            url,
            webhook_secret,
            tracking: table.tracking,
            complete_on_ship: table.complete_on_ship,
            since,
            orders_per_page: u32::from(table.orders_per_page),
            overlap: i64::from(table.overlap_seconds),
            pay_on_delivery: table.pay_on_delivery,
            ean_meta_key: table.ean_meta_key,
            status_map: table
                .status_map
                .into_iter()
                .map(|(status, state)| (bare(&status).to_owned(), state))
                .collect(),
        })
    }

    /// What a status means; `None` if nobody said.
    pub(crate) fn state(&self, status: &str) -> Option<State> {
        let status = bare(status);
        self.status_map.get(status).copied().or_else(|| State::of_core(status))
    }

    /// Whether requests go over plain http.
    pub(crate) fn plain_http(&self) -> bool {
        self.url.starts_with("http://")
    }
}

/// A status without the prefix that WooCommerce's database puts before it.
fn bare(status: &str) -> &str {
    status.strip_prefix("wc-").unwrap_or(status)
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn needed(secret: &dyn Fn(&str) -> Result<Secret>, key: &str, path: &str) -> Result<Secret> {
    let found = secret(path).map_err(|e| bad(format!("{key}: {}", e.message)))?;
    match found.is_empty() {
        true => Err(bad(format!("{key}: {path:?} is empty; put the credential into it"))),
        false => Ok(found),
    }
}

/// WooCommerce stores a webhook's secret through WordPress' HTML escaping, so some characters do not survive.
fn webhook_secret(secret: &dyn Fn(&str) -> Result<Secret>, path: &str) -> Result<Secret> {
    let found = needed(secret, "webhook_secret_file", path)?;
    let text = found.expose();
    if text.len() < 16 || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b)) {
        return Err(bad(
            "webhook_secret_file: use 16 or more letters, digits or -_.~+/= (others are changed by WordPress); \
             `openssl rand -hex 24` makes one",
        ));
    }
    Ok(found)
}

fn first_second(day: &Day) -> Result<i64> {
    time::seconds(&day.to_string())
        .ok_or_else(|| bad(format!("since: {:?} is not a day; write it as \"2026-11-01\"", day.to_string())))
}

/// Checks the shop's address and takes the slash off its end.
fn address(url: &str, allow_http: bool) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let lower = url.to_ascii_lowercase();
    let rest = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if allow_http || is_loopback(host(rest)) => rest,
        (None, Some(_)) => {
            return Err(bad(
                "url: plain http sends buyers' data readable; use https, or set allow_http = true",
            ));
        }
        (None, None) => return Err(bad("url: must begin with https://")),
    };
    if host(rest).is_empty() || rest.contains(['?', '#', '@']) || rest.contains(char::is_whitespace) {
        return Err(bad(
            "url: give the shop's address alone, such as https://shop.example; keys go into files",
        ));
    }
    if lower.contains("/wp-json") || lower.contains("/wp-admin") {
        return Err(bad("url: leave out /wp-json and /wp-admin"));
    }
    let scheme = url.len() - rest.len();
    let host = host(rest).len();
    // Scheme and host carry no case; the path does, and both are signed.
    Ok(format!(
        "{}{}",
        lower.get(..scheme + host).unwrap_or_default(),
        url.get(scheme + host..).unwrap_or_default()
    ))
}

/// The host (with port) at the beginning of what follows the scheme.
fn host(rest: &str) -> &str {
    rest.split('/').next().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name == "::1"
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}
