//! The `[connector]` table of a Shopify channel.

use banto_channel::{Error, ErrorKind, Result, Secret};
use serde::Deserialize;

use crate::auth::Credentials;
use crate::id;
use crate::time;

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

/// A location: its number, as such or as text, or its global id.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Location {
    Number(u64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    shop: String,
    url: Option<String>,
    client_id: Option<String>,
    client_secret_file: Option<String>,
    old_client_secret_file: Option<String>,
    access_token_file: Option<String>,
    #[serde(default)]
    location_ids: Vec<Location>,
    #[serde(default = "yes")]
    notify_customer: bool,
    #[serde(default)]
    refund_on_cancel: bool,
    #[serde(default)]
    authorized_is_paid: bool,
    since: Option<Day>,
    #[serde(default = "sixty")]
    orders_per_page: u16,
    #[serde(default = "five_minutes")]
    overlap_seconds: u32,
}

const fn yes() -> bool {
    true
}

const fn sixty() -> u16 {
    60
}

const fn five_minutes() -> u32 {
    300
}

/// The config, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Without a slash at its end.
    pub(crate) url: String,
    pub(crate) shop: String,
    pub(crate) credentials: Credentials,
    /// What webhooks are signed with.
    pub(crate) client_secret: Option<Secret>,
    pub(crate) old_client_secret: Option<Secret>,
    /// Never empty; quantities go to the first.
    pub(crate) locations: Vec<u64>,
    pub(crate) notify_customer: bool,
    pub(crate) refund_on_cancel: bool,
    pub(crate) authorized_is_paid: bool,
    /// First second of the first pull.
    pub(crate) since: Option<i64>,
    pub(crate) orders_per_page: u16,
    /// Seconds.
    pub(crate) overlap: i64,
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
        let shop = domain(&table.shop)?;
        let url = match &table.url {
            Some(url) => address(url)?,
            None => format!("https://{shop}"),
        };
        if !(1..=250).contains(&table.orders_per_page) {
            return Err(bad("orders_per_page: Shopify gives 1 to 250 orders a page"));
        }
        if !(1..=86_400).contains(&table.overlap_seconds) {
            return Err(bad("overlap_seconds: 1 to 86400; 300 is usual"));
        }
        let fetch = |key: &str, path: &Option<String>| {
            path.as_deref().map(|path| needed(secret, key, path)).transpose()
        };
        let client_secret = fetch("client_secret_file", &table.client_secret_file)?;
        let token = fetch("access_token_file", &table.access_token_file)?;
        Ok(Self {
            credentials: credentials(table.client_id.as_deref(), client_secret.as_ref(), token)?,
            locations: locations(&table.location_ids)?,
            since: table.since.as_ref().map(first_second).transpose()?,
            old_client_secret: fetch("old_client_secret_file", &table.old_client_secret_file)?,
            client_secret,
            url,
            shop,
            notify_customer: table.notify_customer,
            refund_on_cancel: table.refund_on_cancel,
            authorized_is_paid: table.authorized_is_paid,
            orders_per_page: table.orders_per_page,
            overlap: i64::from(table.overlap_seconds),
        })
    }

    /// The location that quantities are written to, as a global id.
    pub(crate) fn stock_location(&self) -> String {
        id::gid("Location", self.locations.first().copied().unwrap_or_default())
    }
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

/// Either a lasting token, or an app's id and secret to fetch tokens with.
fn credentials(
    client_id: Option<&str>,
    secret: Option<&Secret>,
    token: Option<Secret>,
) -> Result<Credentials> {
    match (client_id, secret, token) {
        (Some(_), _, Some(_)) => Err(bad(
            "client_id and access_token_file exclude each other: leave out access_token_file for an app of the Dev \
             Dashboard, client_id for a custom app of the shop's admin",
        )),
        (Some(id), _, None) if id.trim().is_empty() => {
            Err(bad("client_id: it is empty; copy it from the app's settings in the Dev Dashboard"))
        }
        (Some(id), Some(secret), None) => Ok(Credentials::grant(id.trim(), secret.clone())),
        (Some(_), None, None) => Err(bad(
            "client_secret_file is missing: name the file with the app's client secret (Dev Dashboard > app > Settings)",
        )),
        (None, _, Some(token)) => Ok(Credentials::token(token)),
        (None, _, None) => Err(bad(
            "client_id is missing: give the app's client ID and client_secret_file, or access_token_file for a custom \
             app of the shop's admin",
        )),
    }
}

fn locations(given: &[Location]) -> Result<Vec<u64>> {
    let read = |location: &Location| match location {
        Location::Number(number) => Ok(*number),
        Location::Text(text) => id::number(text).ok_or_else(|| {
            bad(format!("location_ids: {text:?} is not a location's number, such as 1234567890"))
        }),
    };
    let locations: Vec<u64> = given.iter().map(read).collect::<Result<_>>()?;
    match locations.is_empty() {
        true => Err(bad(
            "location_ids is missing: open the location under Settings > Locations in the shop's admin; the number at \
             the end of the page's address is its id",
        )),
        false => Ok(locations),
    }
}

fn first_second(day: &Day) -> Result<i64> {
    time::seconds(&day.to_string())
        .ok_or_else(|| bad(format!("since: {:?} is not a day; write it as \"2026-11-01\"", day.to_string())))
}

/// The shop's own domain; the name alone is completed.
fn domain(shop: &str) -> Result<String> {
    let shop = shop.trim().trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    let name = shop.strip_suffix(".myshopify.com").unwrap_or(&shop);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(bad(
            "shop: give the shop's own domain, such as my-shop.myshopify.com (Settings > Domains), not the one that \
             buyers see",
        ));
    }
    Ok(format!("{name}.myshopify.com"))
}

/// Checks an address and takes the slash off its end. Plain http goes to this machine only.
fn address(url: &str) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    let fits = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => !host(rest).is_empty(),
        (None, Some(rest)) => {
            let host = host(rest);
            host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        }
        (None, None) => false,
    };
    match fits && !url.contains(['?', '#', '@']) && !url.contains(char::is_whitespace) {
        true => Ok(url.to_owned()),
        false => {
            Err(bad("url: leave it out; it is for tests, and must begin with https:// or go to this machine"))
        }
    }
}
