//! What a type cannot say: names that must exist, numbers that must make sense, keys that belong together.

use std::collections::BTreeSet;

use axum::http::Uri;
use jiff::tz::{self, TimeZone};
use lettre::Address;

use super::channel::{ChannelConfig, Mailer, StockRule};
use super::daemon::{
    DaemonFile, GuardConfig, LocationConfig, MailConfig, ShopConfig, StoreConfig, Tls, WebConfig,
};
use super::error::{ConfigError, nearest, suggest};
use super::secrets::{has_password, looks_secret};
use super::sheet::{Sheet, quoted};
use crate::log::{self, LogError};

/// More units than any shop has; what is above is a slip.
const UNITS_MAX: u32 = 10_000_000;
/// A thousand times what is documented.
const PERCENT_MAX: u32 = 100_000;

/// Where the findings about one file go.
pub(super) struct Findings<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) problems: &'a mut Vec<ConfigError>,
    pub(super) warnings: &'a mut Vec<ConfigError>,
    /// Whether every key could be read. If not, a check across keys would complain about what is only unread.
    pub(super) whole: bool,
}

impl Findings<'_> {
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(self.sheet.problem(key, message, remedy));
    }

    pub(super) fn warn(&mut self, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.warnings.push(self.sheet.problem(key, message, remedy));
    }

    fn percent(&mut self, key: &str, value: Option<u8>) {
        if value.is_some_and(|p| p > 100) {
            self.refuse(key, "is a share and cannot be more than 100", "write a number from 0 to 100");
        }
    }

    fn at_least(&mut self, key: &str, value: Option<u32>, least: u32) {
        if value.is_some_and(|v| v < least) {
            self.refuse(key, format!("must be at least {least}"), "");
        }
    }

    fn address(&mut self, key: &str, value: Option<&str>) {
        if let Some(text) = value
            && let Err(e) = text.parse::<Address>()
        {
            self.refuse(key, format!("{text:?} is no mail address ({e})"), "write it as name@example.jp");
        }
    }

    fn one_line(&mut self, key: &str, value: Option<&str>) {
        if value.is_some_and(|v| v.chars().any(char::is_control)) {
            self.refuse(key, "must be one line of text", "");
        }
    }

    fn language(&mut self, key: &str, value: Option<&str>) {
        if value.is_some_and(|v| !(2..=3).contains(&v.len()) || !v.bytes().all(|b| b.is_ascii_lowercase())) {
            self.refuse(key, "is no language code", "write it as \"ja\" or \"en\"");
        }
    }
}

/// Checks `banto.toml`; the shop's zone if it is known.
pub(super) fn house(file: &DaemonFile, f: &mut Findings<'_>) -> Option<TimeZone> {
    store(&file.store, f);
    web(&file.web, f);
    if let Some(mail) = &file.mail {
        house_mail(mail, f);
    }
    if let Err(LogError::Level { cause, .. }) = log::filter(&file.log.level) {
        f.refuse(
            "log.level",
            format!("{:?} is no log level ({cause})", file.log.level),
            "write \"info\" or \"debug\"",
        );
    }
    f.at_least("alerts.silent_factor", Some(file.alerts.silent_factor), 2);
    f.at_least("alerts.repeat_hours", Some(file.alerts.repeat_hours), 1);
    f.at_least("retention.payload_days", Some(file.retention.payload_days), 1);
    f.at_least("retention.personal_days", file.retention.personal_days, 1);
    let GuardConfig { zeros_percent, raise_factor, raise_percent, .. } = file.guard;
    guard(Some(zeros_percent), Some(raise_factor), Some(raise_percent), f);
    shop(&file.shop, f)
}

fn store(store: &StoreConfig, f: &mut Findings<'_>) {
    if store.url.is_some() && store.url_file.is_some() {
        f.refuse("store.url_file", "url and url_file are both given", "keep one of them");
    }
    let Some(url) = &store.url else { return };
    if let Some(path) = url.strip_prefix("sqlite:") {
        if path.trim_start_matches('/').is_empty() || path.contains('?') {
            f.refuse("store.url", "names no SQLite file", "write it as \"sqlite:banto.db\"");
        }
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        if has_password(url) {
            let remedy =
                "write the whole address into a file of mode 600 and name that file: url_file = \"…\"";
            f.refuse("store.url", "a secret must not stand in the config text", remedy);
        }
    } else {
        f.refuse("store.url", "is neither sqlite: nor postgres://", "write it as \"sqlite:banto.db\"");
    }
}

fn shop(shop: &ShopConfig, f: &mut Findings<'_>) -> Option<TimeZone> {
    f.one_line("shop.name", Some(&shop.name));
    f.one_line("shop.phone", Some(&shop.phone));
    for (n, line) in shop.address.iter().enumerate() {
        f.one_line(&format!("shop.address[{n}]"), Some(line));
    }
    if !shop.url.is_empty() && !shop.url.starts_with("https://") && !shop.url.starts_with("http://") {
        let remedy = "write it as buyers open it: https://…";
        f.refuse("shop.url", format!("{:?} is no web address", shop.url), remedy);
    }
    f.language("shop.language", Some(&shop.language));
    if banto_channel::minor_digits(&shop.currency).is_none() {
        let remedy = "write its ISO 4217 code in capitals, such as JPY or EUR";
        f.refuse("shop.currency", format!("unknown currency {:?}", shop.currency), remedy);
    }
    locations(&shop.locations, f);
    let zone = TimeZone::get(&shop.timezone).ok();
    if zone.is_none() {
        let names: Vec<String> = tz::db().available().map(|n| n.as_str().to_owned()).collect();
        let remedy = match nearest(&shop.timezone, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "write its IANA name, such as \"Asia/Tokyo\"".into(),
        };
        f.refuse("shop.timezone", format!("unknown time zone {:?}", shop.timezone), remedy);
    }
    zone
}

fn locations(locations: &[LocationConfig], f: &mut Findings<'_>) {
    if locations.is_empty() && f.whole {
        f.refuse("shop.locations", "a shop needs a place where its stock lies", "add [{ code = \"main\" }]");
    }
    let mut codes = BTreeSet::new();
    for (n, location) in locations.iter().enumerate() {
        let key = format!("shop.locations[{n}].code");
        if !is_name(&location.code) {
            f.refuse(&key, format!("{:?} is no code of a location", location.code), NAME_RULE);
        } else if !codes.insert(&location.code) {
            f.refuse(&key, format!("two locations have the code {:?}", location.code), "rename one of them");
        }
    }
}

fn web(web: &WebConfig, f: &mut Findings<'_>) {
    if !web.listen.ip().is_loopback() && !web.allow_remote {
        f.refuse(
            "web.listen",
            format!("{} can be reached from other machines", web.listen),
            "listen on 127.0.0.1 behind a reverse proxy, or set allow_remote = true",
        );
    }
    let Some(url) = &web.public_url else { return };
    let uri: Option<Uri> = url.parse().ok();
    let sound = uri.as_ref().is_some_and(|u| {
        matches!(u.scheme_str(), Some("http" | "https")) && u.query().is_none() && !has_password(url)
    });
    if !sound {
        f.refuse("web.public_url", "is no web address", "write it as \"https://banto.example.jp\"");
    } else if url.starts_with("http://") {
        let remedy = "let a reverse proxy speak https; most marketplaces send webhooks nowhere else";
        f.warn("web.public_url", "is not https", remedy);
    }
}

fn house_mail(mail: &MailConfig, f: &mut Findings<'_>) {
    f.address("mail.from", Some(&mail.from));
    f.address("mail.reply_to", mail.reply_to.as_deref());
    f.address("mail.alert_to", mail.alert_to.as_deref());
    f.one_line("mail.from_name", mail.from_name.as_deref());
    if mail.host.is_empty()
        || mail.host.contains([' ', '/', ':']) && mail.host.parse::<std::net::Ipv6Addr>().is_err()
    {
        f.refuse(
            "mail.host",
            "is no host name",
            "write it as \"smtp.example.jp\"; the port has a key of its own",
        );
    }
    f.at_least("mail.port", mail.port.map(u32::from), 1);
    f.at_least("mail.connections", Some(mail.connections.into()), 1);
    if !f.whole {
        return;
    }
    match (&mail.username, &mail.password_file) {
        (Some(_), None) => f.refuse("mail.username", "has no password", "add password_file = \"…\""),
        (None, Some(_)) => f.refuse("mail.password_file", "has no user", "add username = \"…\""),
        (Some(_), Some(_)) if mail.tls == Tls::None && !is_this_machine(&mail.host) => f.refuse(
            "mail.tls",
            "the password would cross the network in plain text",
            "use \"starttls\" or \"implicit\"",
        ),
        _ => {}
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn guard(
    zeros_percent: Option<u8>,
    raise_factor: Option<u32>,
    raise_percent: Option<u8>,
    f: &mut Findings<'_>,
) {
    f.percent("guard.zeros_percent", zeros_percent);
    f.percent("guard.raise_percent", raise_percent);
    f.at_least("guard.raise_factor", raise_factor, 2);
}

/// What a channel's file refers to in the house's.
pub(super) struct House<'a> {
    pub(super) file: &'a DaemonFile,
    pub(super) zone: &'a TimeZone,
    /// Whether the house's own file is sound, so that a missing name there is really missing.
    pub(super) whole: bool,
}

/// Checks one channel's file.
pub(super) fn channel(channel: &ChannelConfig, house: &House<'_>, f: &mut Findings<'_>) {
    if !is_name(&channel.name) {
        let remedy = format!("{NAME_RULE}; rename the file or add name = \"…\"");
        f.refuse("name", format!("{:?} is no name for a channel", channel.name), remedy);
    }
    orders(channel, house, f);
    stock(channel, house, f);
    channel_mail(channel, house, f);
    f.at_least("limits.percent", Some(channel.limits.percent), 1);
    f.at_least("retention.personal_days", channel.retention.personal_days, 1);
    if channel.limits.percent > PERCENT_MAX {
        f.refuse("limits.percent", "is more than any marketplace grants", "100 is what it documents");
    }
    let over = channel.guard;
    guard(over.zeros_percent, over.raise_factor, over.raise_percent, f);
    inline_secrets(&channel.connector, "connector", f);
}

fn orders(channel: &ChannelConfig, house: &House<'_>, f: &mut Findings<'_>) {
    f.at_least("orders.poll_seconds", channel.orders.poll_seconds, 1);
    f.at_least("orders.reread_minutes", Some(channel.orders.reread_minutes), 1);
    if let Err(e) = channel.orders.since(house.zone) {
        f.refuse("orders.since", e, "write it as 2026-11-01 or 2026-11-01T09:00:00+09:00");
    }
    for (method, rule) in &channel.orders.unpaid {
        let key = format!("orders.unpaid.{}", quoted(method));
        f.at_least(&format!("{key}.remind_days"), rule.remind_days, 1);
        f.at_least(&format!("{key}.cancel_days"), rule.cancel_days, 1);
        if let (Some(remind), Some(cancel)) = (rule.remind_days, rule.cancel_days)
            && cancel <= remind
        {
            f.refuse(&key, "would cancel before it reminds", "let cancel_days be more than remind_days");
        }
    }
}

fn stock(channel: &ChannelConfig, house: &House<'_>, f: &mut Findings<'_>) {
    rule("stock", channel.stock.rule, f);
    for (listing, own) in &channel.stock.listings {
        rule(&format!("stock.listing.{}", quoted(listing)), *own, f);
    }
    if !house.whole {
        return;
    }
    let known: Vec<&str> = house.file.shop.locations.iter().map(|l| l.code.as_str()).collect();
    for (n, code) in channel.stock.locations.iter().enumerate() {
        if !known.contains(&code.as_str()) {
            let message = format!("there is no location {code:?} in banto.toml");
            f.refuse(&format!("stock.locations[{n}]"), message, suggest(code, &known));
        }
    }
}

fn rule(section: &str, rule: StockRule, f: &mut Findings<'_>) {
    f.percent(&format!("{section}.share_percent"), rule.share_percent);
    for (name, value) in [("buffer", rule.buffer), ("cap", rule.cap), ("fixed", rule.fixed)] {
        if value.is_some_and(|v| v > UNITS_MAX) {
            f.refuse(&format!("{section}.{name}"), format!("is more than {UNITS_MAX} units"), "");
        }
    }
    if rule.fixed.is_some() && (rule.buffer.is_some() || rule.cap.is_some() || rule.share_percent.is_some()) {
        let remedy = "keep fixed, or buffer, cap and share_percent";
        f.refuse(&format!("{section}.fixed"), "leaves the other rules beside it without effect", remedy);
    }
}

fn channel_mail(channel: &ChannelConfig, house: &House<'_>, f: &mut Findings<'_>) {
    let mail = &channel.mail;
    f.address("mail.from", mail.from.as_deref());
    f.address("mail.reply_to", mail.reply_to.as_deref());
    f.one_line("mail.from_name", mail.from_name.as_deref());
    f.language("mail.language", mail.language.as_deref());
    if mail.relay.as_ref().is_some_and(|relay| relay.username.trim().is_empty()) {
        f.refuse(
            "mail.relay.username",
            "is empty",
            "write the user name that the marketplace gave for its mail server",
        );
    }
    if mail.templates.as_ref().is_some_and(|t| !is_name(t)) {
        f.refuse("mail.templates", "is no folder of mails/", NAME_RULE);
    }
    if house.file.mail.is_some() || !house.whole {
        return;
    }
    let kinds = [
        ("received", mail.received),
        ("paid", mail.paid),
        ("shipped", mail.shipped),
        ("cancelled", mail.cancelled),
    ];
    for (kind, mailer) in kinds {
        if mailer == Some(Mailer::Us) {
            let remedy = "add a [mail] section to banto.toml";
            f.refuse(&format!("mail.{kind}"), "there is no way out for our mails", remedy);
        }
    }
}

fn inline_secrets(table: &toml::Table, section: &str, f: &mut Findings<'_>) {
    for (key, value) in table {
        let path = format!("{section}.{}", quoted(key));
        match value {
            toml::Value::Table(inner) => inline_secrets(inner, &path, f),
            toml::Value::String(_) | toml::Value::Integer(_) if looks_secret(key) => f.refuse(
                &path,
                "a secret must not stand in the config text",
                format!("write it into a file of mode 600 and name that file: {key}_file = \"…\""),
            ),
            toml::Value::String(text) if has_password(text) => f.refuse(
                &path,
                "carries a password, and a secret must not stand in the config text",
                "write the address without it and name a file with the secret",
            ),
            _ => {}
        }
    }
}

/// What a channel, a location and a template set may be called: it stands in addresses, file names and metrics.
const NAME_RULE: &str = "use a to z, 0 to 9, - and _, at most 40 of them, a letter or digit first";

pub(super) fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=40).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with(['-', '_'])
}
