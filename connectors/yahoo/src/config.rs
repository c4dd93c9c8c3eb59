//! The `[connector]` table of a Yahoo!ショッピング channel.

use banto_channel::{Error, ErrorKind, Result, Secret};
use serde::Deserialize;

use crate::auth::PublicKey;
use crate::time;

const DAY: i64 = 86_400;

/// A refresh token lives for four weeks, and refreshing does not renew it.
const CONSENT_LIVES: i64 = 28 * DAY;
/// Without the public key the order APIs refuse twelve hours after the consent (`px-04102`).
const UNSIGNED_CONSENT_LIVES: i64 = DAY / 2;
/// A public key lives for a year.
const KEY_LIVES: i64 = 365 * DAY;

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
    seller_id: String,
    client_id: String,
    client_secret_file: String,
    refresh_token_file: String,
    consented_at: Option<Day>,
    public_key_file: Option<String>,
    public_key_version: Option<String>,
    public_key_issued: Option<Day>,
    #[serde(default = "circus")]
    url: String,
    #[serde(default = "yconnect")]
    auth_url: String,
    since: Option<Day>,
    #[serde(default = "twenty")]
    orders_per_page: u16,
    #[serde(default = "twenty")]
    overlap_minutes: u16,
    #[serde(default = "thirty")]
    thorough_minutes: u16,
    #[serde(default = "thirty")]
    look_back_days: u16,
    #[serde(default = "other_reason")]
    cancel_reason: u16,
    #[serde(default)]
    create_stock: bool,
}

fn circus() -> String {
    "https://circus.shopping.yahooapis.jp".to_owned()
}

fn yconnect() -> String {
    "https://auth.login.yahoo.co.jp".to_owned()
}

const fn twenty() -> u16 {
    20
}

const fn thirty() -> u16 {
    30
}

const fn other_reason() -> u16 {
    230
}

/// キャンセル理由 that a store may give, from 注文ステータス変更API.
const CANCEL_REASONS: [u16; 12] = [100, 110, 120, 130, 140, 150, 160, 170, 180, 200, 210, 220];

/// How far and how often the order list is read. All in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Each look begins so long before the newest change.
    pub(crate) overlap: i64,
    /// Between two thorough looks.
    pub(crate) thorough: i64,
    /// A thorough look reaches back so far.
    pub(crate) look_back: i64,
}

/// The config, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) seller_id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) refresh_token: Secret,
    /// When the consent was given, in seconds since 1970.
    pub(crate) consented_at: Option<i64>,
    pub(crate) public_key: Option<PublicKey>,
    key_issued: Option<i64>,
    /// Both without a slash at their end.
    pub(crate) url: String,
    pub(crate) auth_url: String,
    /// First second of the first pull.
    pub(crate) since: Option<i64>,
    pub(crate) orders_per_page: usize,
    pub(crate) pace: Pace,
    pub(crate) cancel_reason: u16,
    pub(crate) create_stock: bool,
}

impl Settings {
    /// Reads the table; `secret` fetches what stands in a file or credential.
    ///
    /// Errors: [`ErrorKind::Config`] that names the key and the remedy.
    pub(crate) fn read(table: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Self> {
        let table: Table = table.clone().try_into().map_err(|e: toml::de::Error| {
            bad(format!("connector: {}", e.to_string().trim().replace('\n', ", ")))
        })?;
        in_range("orders_per_page", table.orders_per_page, 1, 100)?;
        in_range("overlap_minutes", table.overlap_minutes, 1, 1440)?;
        in_range("thorough_minutes", table.thorough_minutes, 1, 1440)?;
        in_range("look_back_days", table.look_back_days, 1, 365)?;
        if table.cancel_reason != 230 && !CANCEL_REASONS.contains(&table.cancel_reason) {
            return Err(bad(
                "cancel_reason: 200, 210, 220 or 230, or one of the buyer's reasons, 100 to 180",
            ));
        }
        Ok(Self {
            seller_id: seller(&table.seller_id)?,
            client_id: client(&table.client_id)?,
            client_secret: needed(secret, "client_secret_file", &table.client_secret_file)?,
            refresh_token: needed(secret, "refresh_token_file", &table.refresh_token_file)?,
            consented_at: moment("consented_at", table.consented_at.as_ref())?,
            public_key: public_key(&table, secret)?,
            key_issued: moment("public_key_issued", table.public_key_issued.as_ref())?,
            url: address("url", &table.url)?,
            auth_url: address("auth_url", &table.auth_url)?,
            since: moment("since", table.since.as_ref())?,
            orders_per_page: usize::from(table.orders_per_page),
            pace: Pace {
                overlap: i64::from(table.overlap_minutes) * 60,
                thorough: i64::from(table.thorough_minutes) * 60,
                look_back: i64::from(table.look_back_days) * DAY,
            },
            cancel_reason: table.cancel_reason,
            create_stock: table.create_stock,
        })
    }

    /// When the consent runs out, if the config says when it was given.
    pub(crate) fn consent_ends(&self) -> Option<i64> {
        let lives = if self.public_key.is_some() { CONSENT_LIVES } else { UNSIGNED_CONSENT_LIVES };
        Some(self.consented_at? + lives)
    }

    /// When the public key runs out, if the config says when it was issued.
    pub(crate) fn key_ends(&self) -> Option<i64> {
        self.public_key.as_ref().and(self.key_issued).map(|issued| issued + KEY_LIVES)
    }

    /// Whether this is Yahoo!'s test environment.
    pub(crate) fn is_test(&self) -> bool {
        self.url.starts_with("https://test.")
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn in_range(key: &str, value: u16, least: u16, most: u16) -> Result<()> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(bad(format!("{key}: {least} to {most}, not {value}"))),
    }
}

fn needed(secret: &dyn Fn(&str) -> Result<Secret>, key: &str, path: &str) -> Result<Secret> {
    let found = secret(path).map_err(|e| bad(format!("{key}: {}", e.message)))?;
    match found.is_empty() {
        true => Err(bad(format!("{key}: {path:?} is empty; put the credential into it"))),
        false => Ok(found),
    }
}

/// ストアアカウント: lower case letters, digits, hyphen and underscore.
fn seller(account: &str) -> Result<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    match !account.is_empty() && account.len() <= 128 && account.bytes().all(plain) {
        true => Ok(account.to_owned()),
        false => Err(bad(
            "seller_id: the store's account, in lower case letters, digits, - and _, as it stands in its address",
        )),
    }
}

/// It stands before a colon in an HTTP header.
fn client(id: &str) -> Result<String> {
    match !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        true => Ok(id.to_owned()),
        false => Err(bad("client_id: the Client ID of the application, without blanks")),
    }
}

fn public_key(table: &Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Option<PublicKey>> {
    match (&table.public_key_file, &table.public_key_version) {
        (None, None) => Ok(None),
        (Some(path), Some(version)) if version.bytes().all(|b| b.is_ascii_digit()) && !version.is_empty() => {
            let text = needed(secret, "public_key_file", path)?;
            PublicKey::read(text.expose(), version).map(Some).ok_or_else(|| {
                bad(format!(
                    "public_key_file: {path:?} holds no RSA public key; copy it with the copy button of ストアクリエイターPro > \
                     設定 > 暗号鍵管理"
                ))
            })
        }
        _ => Err(bad(
            "public_key_file and public_key_version belong together; the version is a number, as 暗号鍵管理 shows it",
        )),
    }
}

fn moment(key: &str, day: Option<&Day>) -> Result<Option<i64>> {
    let Some(day) = day else { return Ok(None) };
    let text = day.to_string();
    let found = time::seconds(&text);
    found.map(Some).ok_or_else(|| bad(format!("{key}: {text:?} is not a day; write it as \"2026-11-01\"")))
}

/// Checks an address and takes the slash off its end. Plain http is for tests on this machine alone.
fn address(key: &str, url: &str) -> Result<String> {
    let url = url.trim().trim_end_matches('/');
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    let fits = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => !host(rest).is_empty(),
        (None, Some(rest)) => matches!(host(rest).as_str(), "localhost" | "127.0.0.1"),
        (None, None) => false,
    };
    match fits && !url.contains(['?', '#', '@']) && !url.contains(char::is_whitespace) {
        true => Ok(url.to_owned()),
        false => Err(bad(format!("{key}: must be an https address without anything behind the host"))),
    }
}
