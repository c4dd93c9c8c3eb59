//! The `[connector]` table of an Amazon channel.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Error, ErrorKind, Result, Secret};
use serde::Deserialize;

use crate::stores::Store;
use crate::time;

/// Which Orders API is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum OrdersApi {
    /// Today's.
    #[default]
    #[serde(rename = "2026-01-01")]
    Current,
    /// The one before it, until it ends.
    #[serde(rename = "v0")]
    V0,
}

/// A day, quoted or as TOML's own date.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Day {
    Date(toml::value::Datetime),
    Text(String),
}

impl Day {
    fn second(&self, key: &str) -> Result<i64> {
        let text = match self {
            Self::Date(date) => date.to_string(),
            Self::Text(text) => text.clone(),
        };
        time::day(&text)
            .or_else(|| time::seconds(&text))
            .ok_or_else(|| bad(format!("{key}: {text:?} is not a day; write it as \"2026-11-01\"")))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    marketplace: String,
    seller_id: String,
    client_id: String,
    client_secret_file: String,
    refresh_token_file: String,
    client_secret_expires: Option<Day>,
    #[serde(default)]
    orders_api: OrdersApi,
    #[serde(default = "yes")]
    personal_data: bool,
    #[serde(default = "yes")]
    fba_orders: bool,
    since: Option<Day>,
    #[serde(default = "ten")]
    overlap_minutes: u32,
    #[serde(default = "hundred")]
    orders_per_page: u32,
    #[serde(default = "fifty")]
    patch_up_to: usize,
    #[serde(default = "any_product")]
    product_type: String,
    #[serde(default)]
    payment_methods: BTreeSet<String>,
    endpoint: Option<String>,
    token_url: Option<String>,
    #[serde(default)]
    carrier_codes: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

const fn ten() -> u32 {
    10
}

const fn hundred() -> u32 {
    100
}

const fn fifty() -> usize {
    50
}

fn any_product() -> String {
    "PRODUCT".to_owned()
}

/// More listings than this go as a feed whatever the config says: five a second would take too long.
const PATCH_MAX: usize = 100;
const TOKEN_URL: &str = "https://api.amazon.com/auth/o2/token";

/// The config, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) store: &'static Store,
    pub(crate) seller_id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) refresh_token: Secret,
    /// First second of the day on which the client secret runs out.
    pub(crate) client_secret_expires: Option<i64>,
    pub(crate) orders_api: OrdersApi,
    pub(crate) personal_data: bool,
    pub(crate) fba_orders: bool,
    /// First second of the first pull.
    pub(crate) since: Option<i64>,
    /// Seconds.
    pub(crate) overlap: i64,
    pub(crate) orders_per_page: u32,
    pub(crate) patch_up_to: usize,
    pub(crate) product_type: String,
    pub(crate) payment_methods: BTreeSet<String>,
    /// Without a slash at its end.
    pub(crate) endpoint: String,
    pub(crate) token_url: String,
    carrier_codes: BTreeMap<String, String>,
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
        let store = Store::find(&table.marketplace).ok_or_else(|| {
            bad(format!(
                "marketplace: {:?} is no store that banto knows; write a country code such as JP, or Amazon's marketplace id",
                table.marketplace
            ))
        })?;
        for (key, value) in [
            ("seller_id", &table.seller_id),
            ("client_id", &table.client_id),
            ("product_type", &table.product_type),
        ] {
            if value.trim().is_empty() || value.chars().any(|c| c.is_whitespace() || c == '/') {
                return Err(bad(format!(
                    "{key}: {value:?} cannot be right; it has no blanks and no slashes"
                )));
            }
        }
        if !(1..=100).contains(&table.orders_per_page) {
            return Err(bad("orders_per_page: Amazon gives 1 to 100 orders a page"));
        }
        if !(10..=1440).contains(&table.overlap_minutes) {
            return Err(bad("overlap_minutes: 10 to 1440; Amazon shows changes minutes later"));
        }
        if table.patch_up_to > PATCH_MAX {
            return Err(bad(format!("patch_up_to: at most {PATCH_MAX}; more listings go faster as a feed")));
        }
        let day = |key, day: &Option<Day>| day.as_ref().map(|day| day.second(key)).transpose();
        Ok(Self {
            client_secret: needed(secret, "client_secret_file", &table.client_secret_file)?,
            refresh_token: needed(secret, "refresh_token_file", &table.refresh_token_file)?,
            client_secret_expires: day("client_secret_expires", &table.client_secret_expires)?,
            since: day("since", &table.since)?,
            endpoint: address("endpoint", table.endpoint.as_deref().unwrap_or(store.endpoint))?,
            token_url: address("token_url", table.token_url.as_deref().unwrap_or(TOKEN_URL))?,
            store,
            seller_id: table.seller_id,
            client_id: table.client_id,
            orders_api: table.orders_api,
            personal_data: table.personal_data,
            fba_orders: table.fba_orders,
            overlap: i64::from(table.overlap_minutes) * 60,
            orders_per_page: table.orders_per_page,
            patch_up_to: table.patch_up_to,
            product_type: table.product_type,
            payment_methods: table.payment_methods,
            carrier_codes: table.carrier_codes,
        })
    }

    /// Amazon's code of a carrier, if the config has one. Compared without regard to case and blanks.
    pub(crate) fn carrier_code(&self, written: &str) -> Option<&str> {
        let plain = |text: &str| {
            text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<String>()
        };
        let written = plain(written);
        let known = self.carrier_codes.iter();
        let mut fitting = known.filter(|(name, code)| plain(name) == written || plain(code) == written);
        fitting.next().map(|(_, code)| code.as_str())
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

/// Tokens travel with each call, so plain http goes nowhere but to this machine.
fn address(key: &str, url: &str) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let plain = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let local = plain
        .iter()
        .any(|p| url.strip_prefix(p).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    let sound = local || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
    if !sound || url.contains(['?', '#', '@']) || url.contains(char::is_whitespace) {
        return Err(bad(format!("{key}: must be an address that begins with https://, and nothing more")));
    }
    Ok(url.to_owned())
}
