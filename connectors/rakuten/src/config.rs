//! The `[connector]` table of a Rakuten channel.

use banto_channel::{Error, ErrorKind, Result, Secret};
use serde::Deserialize;

use crate::keys::Keys;
use crate::time;

/// What RMS does with its own number when an order is cancelled (`inventoryRestoreType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Restock {
    /// As each item is set.
    AsItemIsSet,
    #[default]
    Yes,
    No,
}

impl Restock {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::AsItemIsSet => 0,
            Self::Yes => 1,
            Self::No => 2,
        }
    }
}

/// Reasons for a cancellation that `cancelOrder` documents.
const CANCEL_REASONS: [u8; 11] = [1, 2, 3, 4, 5, 6, 8, 10, 13, 14, 15];

/// A day, quoted or as TOML's own date.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Day {
    Date(toml::value::Datetime),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    service_secret_file: String,
    license_key_file: String,
    license_key_next_file: Option<String>,
    #[serde(default = "real_address")]
    url: String,
    since: Option<Day>,
    #[serde(default = "hundred")]
    orders_per_page: u16,
    #[serde(default = "ten_minutes")]
    overlap_seconds: u32,
    #[serde(default = "other_reason")]
    cancel_reason: u8,
    #[serde(default)]
    restock_on_cancel: Restock,
    #[serde(default)]
    cancel_shipped_orders: bool,
    #[serde(default)]
    read_payment_dates: bool,
}

fn real_address() -> String {
    "https://api.rms.rakuten.co.jp".to_owned()
}

const fn hundred() -> u16 {
    100
}

const fn ten_minutes() -> u32 {
    600
}

/// 店舗様都合 - その他.
const fn other_reason() -> u8 {
    10
}

/// The config, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) keys: Keys,
    /// First second of the first pull.
    pub(crate) since: Option<i64>,
    /// 1 to 100, which is as much as one `getOrder` takes.
    pub(crate) orders_per_page: u16,
    /// Seconds.
    pub(crate) overlap: i64,
    pub(crate) cancel_reason: u8,
    pub(crate) restock: Restock,
    pub(crate) cancel_shipped_orders: bool,
    pub(crate) read_payment_dates: bool,
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
        if !(1..=100).contains(&table.orders_per_page) {
            return Err(bad("orders_per_page: getOrder takes 1 to 100 orders"));
        }
        if !(1..=86_400).contains(&table.overlap_seconds) {
            return Err(bad("overlap_seconds: 1 to 86400; 600 is usual"));
        }
        if !CANCEL_REASONS.contains(&table.cancel_reason) {
            return Err(bad(format!(
                "cancel_reason: {} is not a reason that cancelOrder knows; 10 is 店舗様都合 - その他, 8 is 欠品",
                table.cancel_reason
            )));
        }
        Ok(Self {
            url: address(&table.url)?,
            keys: keys(&table, secret)?,
            since: table.since.as_ref().map(first_second).transpose()?,
            orders_per_page: table.orders_per_page,
            overlap: i64::from(table.overlap_seconds),
            cancel_reason: table.cancel_reason,
            restock: table.restock_on_cancel,
            cancel_shipped_orders: table.cancel_shipped_orders,
            read_payment_dates: table.read_payment_dates,
        })
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn keys(table: &Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Keys> {
    let service_secret = needed(secret, "service_secret_file", &table.service_secret_file)?;
    let licence_key = needed(secret, "license_key_file", &table.license_key_file)?;
    if service_secret.expose().starts_with("SL") && licence_key.expose().starts_with("SP") {
        return Err(bad(
            "service_secret_file and license_key_file are swapped: the serviceSecret begins with SP, the licenseKey \
             with SL",
        ));
    }
    let next = match &table.license_key_next_file {
        Some(path) => Some(needed(secret, "license_key_next_file", path)?),
        None => None,
    };
    // The same key twice is no second key.
    let next = next.filter(|next| *next != licence_key);
    Ok(Keys::new(service_secret, licence_key, next))
}

fn needed(secret: &dyn Fn(&str) -> Result<Secret>, key: &str, path: &str) -> Result<Secret> {
    let found = secret(path).map_err(|e| bad(format!("{key}: {}", e.message)))?;
    match found.is_empty() {
        true => Err(bad(format!("{key}: {path:?} is empty; put the credential into it"))),
        false => Ok(found),
    }
}

fn first_second(day: &Day) -> Result<i64> {
    let text = match day {
        Day::Date(date) => date.to_string(),
        Day::Text(text) => text.clone(),
    };
    time::first_second(&text)
        .ok_or_else(|| bad(format!("since: {text:?} is not a day; write it as \"2026-11-01\"")))
}

/// Checks the address and takes the slash off its end. Plain http is for a test server on this machine.
fn address(url: &str) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let is_local = local.iter().any(|start| {
        url.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    let host = url.strip_prefix("https://").unwrap_or_default();
    if !is_local && (host.is_empty() || host.starts_with('/')) {
        return Err(bad("url: must begin with https://; leave it out to use Rakuten's own"));
    }
    if url.contains(['?', '#', '@']) || url.contains(char::is_whitespace) || url.contains("/es/") {
        return Err(bad("url: give the host alone, such as https://api.rms.rakuten.co.jp"));
    }
    Ok(url.to_owned())
}
