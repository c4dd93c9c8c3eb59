//! The `[connector]` table of a Vendure channel.

use std::collections::BTreeMap;

use banto_channel::{Error, ErrorKind, Result, Secret, Timestamp};
use serde::Deserialize;

use crate::time;

/// What an order's state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Placed; what was shipped tells how far it is.
    Open,
    Shipped,
    Cancelled,
    /// No order yet.
    Ignore,
}

impl State {
    fn of_core(state: &str) -> Option<Self> {
        Some(match state {
            "PaymentAuthorized"
            | "PaymentSettled"
            | "PartiallyShipped"
            | "PartiallyDelivered"
            | "Modifying"
            | "ArrangingAdditionalPayment" => Self::Open,
            "Shipped" | "Delivered" => Self::Shipped,
            "Cancelled" => Self::Cancelled,
            "Created" | "Draft" | "AddingItems" | "ArrangingPayment" => Self::Ignore,
            _ => return None,
        })
    }
}

/// What a fulfilment's state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ParcelState {
    /// Made, and still in the house.
    Pending,
    Shipped,
    Cancelled,
}

impl ParcelState {
    fn of_core(state: &str) -> Option<Self> {
        Some(match state {
            "Created" | "Pending" => Self::Pending,
            "Shipped" | "Delivered" => Self::Shipped,
            "Cancelled" => Self::Cancelled,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    username: Option<String>,
    password_file: Option<String>,
    api_key_file: Option<String>,
    channel_token: Option<String>,
    stock_location: Option<String>,
    money_precision: Option<u32>,
    note_custom_field: Option<String>,
    #[serde(default = "bank_transfer")]
    manual_payment_method: String,
    #[serde(default = "yes")]
    cancel_shipping: bool,
    #[serde(default)]
    allow_http: bool,
    since: Option<Day>,
    #[serde(default = "fifty")]
    orders_per_page: u32,
    #[serde(default = "five_minutes")]
    overlap_seconds: u32,
    #[serde(default)]
    state_map: BTreeMap<String, State>,
    #[serde(default)]
    fulfillment_state_map: BTreeMap<String, ParcelState>,
}

fn bank_transfer() -> String {
    "bank-transfer".to_owned()
}

const fn yes() -> bool {
    true
}

const fn fifty() -> u32 {
    50
}

const fn five_minutes() -> u32 {
    300
}

/// How a request proves who sends it.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// A session is opened with these.
    Login {
        username: String,
        password: Secret,
    },
    ApiKey(Secret),
}

/// The config, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) credentials: Credentials,
    pub(crate) channel_token: Option<String>,
    pub(crate) stock_location: Option<String>,
    pub(crate) money_precision: Option<u32>,
    pub(crate) note_custom_field: Option<String>,
    pub(crate) manual_payment_method: String,
    pub(crate) cancel_shipping: bool,
    pub(crate) since: Option<Timestamp>,
    pub(crate) orders_per_page: u32,
    /// Milliseconds.
    pub(crate) overlap: i64,
    state_map: BTreeMap<String, State>,
    fulfillment_state_map: BTreeMap<String, ParcelState>,
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
        let credentials = credentials(&table, secret)?;
        if !(1..=100).contains(&table.orders_per_page) {
            return Err(bad("orders_per_page: 1 to 100; 50 is usual"));
        }
        if !(1..=86_400).contains(&table.overlap_seconds) {
            return Err(bad("overlap_seconds: 1 to 86400; 300 is usual"));
        }
        if table.money_precision.is_some_and(|digits| digits > 6) {
            return Err(bad("money_precision: 0 to 6 decimals; Vendure's own is 2"));
        }
        if table.note_custom_field.as_deref().is_some_and(|name| !is_field(name)) {
            return Err(bad(
                "note_custom_field: give the name of a text field of Order's customFields, such as customerNote",
            ));
        }
        Ok(Self {
            url: address(&table.url, table.allow_http)?,
            credentials,
            channel_token: table.channel_token,
            stock_location: table.stock_location,
            money_precision: table.money_precision,
            note_custom_field: table.note_custom_field,
            manual_payment_method: table.manual_payment_method,
            cancel_shipping: table.cancel_shipping,
            since: table.since.as_ref().map(first_moment).transpose()?,
            orders_per_page: table.orders_per_page,
            overlap: i64::from(table.overlap_seconds) * 1000,
            state_map: table.state_map,
            fulfillment_state_map: table.fulfillment_state_map,
        })
    }

    /// What an order's state means; `None` if nobody said.
    pub(crate) fn state(&self, state: &str) -> Option<State> {
        self.state_map.get(state).copied().or_else(|| State::of_core(state))
    }

    /// What a fulfilment's state means; `None` if nobody said.
    pub(crate) fn parcel_state(&self, state: &str) -> Option<ParcelState> {
        self.fulfillment_state_map.get(state).copied().or_else(|| ParcelState::of_core(state))
    }

    /// Whether requests go over plain http.
    pub(crate) fn plain_http(&self) -> bool {
        self.url.starts_with("http://")
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn credentials(table: &Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Credentials> {
    let fetch = |key: &str, path: &str| {
        let found = secret(path).map_err(|e| bad(format!("{key}: {}", e.message)))?;
        match found.is_empty() {
            true => Err(bad(format!("{key}: {path:?} is empty; put the credential into it"))),
            false => Ok(found),
        }
    };
    match (&table.api_key_file, &table.username, &table.password_file) {
        (Some(path), None, None) => Ok(Credentials::ApiKey(fetch("api_key_file", path)?)),
        (None, Some(username), Some(path)) => {
            Ok(Credentials::Login { username: username.clone(), password: fetch("password_file", path)? })
        }
        _ => Err(bad("credentials: set username and password_file, or api_key_file alone")),
    }
}

fn first_moment(day: &Day) -> Result<Timestamp> {
    let text = match day {
        Day::Date(date) => date.to_string(),
        Day::Text(text) => text.clone(),
    };
    time::day(&text).ok_or_else(|| bad(format!("since: {text:?} is not a day; write it as \"2026-11-01\"")))
}

/// Whether GraphQL allows it as the name of a field.
fn is_field(name: &str) -> bool {
    let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    name.starts_with(|c: char| !c.is_ascii_digit()) && !name.is_empty() && name.chars().all(word)
}

/// Checks the address and takes the slash off its end.
fn address(url: &str, allow_http: bool) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let lower = url.to_ascii_lowercase();
    let rest = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if allow_http || is_loopback(rest) => rest,
        (None, Some(_)) => {
            return Err(bad(
                "url: plain http sends the password and buyers' data readable; use https, or set allow_http = true",
            ));
        }
        (None, None) => return Err(bad("url: must begin with https://")),
    };
    if !rest.contains('/') || rest.starts_with('/') || rest.contains(['?', '#', '@', ' ']) {
        return Err(bad(
            "url: give the whole address of the Admin API, such as https://shop.example/admin-api",
        ));
    }
    if rest.ends_with("/shop-api") {
        return Err(bad("url: this is the Shop API; banto needs the Admin API, mostly /admin-api"));
    }
    Ok(url.to_owned())
}

fn is_loopback(rest: &str) -> bool {
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
