use banto_channel::{Connector as _, ErrorKind};

use super::script::{secrets, shop};
use crate::config::{Settings, State, Tracking};

const LEAST: &str =
    "url = \"https://shop.example/\"\nconsumer_key_file = \"key\"\nconsumer_secret_file = \"secret\"\n";

fn fault(text: &str) -> String {
    let error = Settings::read(&toml::from_str(text).unwrap(), &secrets).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    error.message
}

#[test]
fn the_sample_is_a_config_with_or_without_its_optional_keys() {
    let table: toml::Table = toml::from_str(crate::SAMPLE).unwrap();
    let any = |_: &str| Ok(banto_channel::Secret::new("0123456789abcdef"));
    let connector = crate::build(&table, &any).unwrap();
    assert_eq!(connector.capabilities().kind, crate::KIND);

    // Every commented-out key is a real one with a value that works.
    let uncommented: String = crate::SAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.contains(" = ") && !code.contains(": ") => code,
            Some(code) if code == "[status_map]" => code,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let table: toml::Table = toml::from_str(&uncommented).unwrap();
    assert!(table.len() > 12, "{uncommented}");
    let mut table = table;
    // The one pair that excludes each other is https with auth_in_query, which the sample's url is.
    table.remove("auth_in_query");
    crate::build(&table, &any).unwrap();
}

#[test]
fn faults_name_the_key_and_the_remedy() {
    let with = |extra: &str| fault(&format!("{LEAST}{extra}"));
    assert!(with("ulr = 1").contains("unknown field `ulr`"));
    assert!(with("orders_per_page = \"x\"").contains("orders_per_page"));
    assert!(with("orders_per_page = 101").contains("1 to 100"));
    assert!(with("overlap_seconds = 0").contains("overlap_seconds"));
    assert!(with("since = \"yesterday\"").contains("\"2026-11-01\""));
    assert!(with("tracking = \"pigeon\"").contains("pigeon"));
    assert!(with("[status_map]\n\"x\" = \"gone\"").contains("gone"));
    assert!(with("webhook_secret_file = \"odd-hook\"").contains("letters, digits"));
    assert!(with("webhook_secret_file = \"none\"").contains("empty"));
    let url = |url: &str| fault(&LEAST.replace("https://shop.example/", url));
    assert!(url("http://shop.example").contains("allow_http"));
    assert!(url("shop.example").contains("https://"));
    assert!(url("https:///tea").contains("address alone"));
    assert!(url("https://ck_1:cs_1@shop.example").contains("keys go into files"));
    assert!(url("https://shop.example/wp-json/wc/v3").contains("/wp-json"));
    let swapped = LEAST.replace("\"key\"", "\"secret\"");
    assert!(fault(&swapped).contains("swapped"));
    assert!(fault(&LEAST.replace("\"key\"", "\"none\"")).starts_with("consumer_key_file"));
    assert!(fault("url = \"https://shop.example\"").contains("consumer_key_file"));
}

#[test]
fn what_is_written_is_what_is_read() {
    let settings = |extra: &str, url: &str| {
        let text = format!("{}{extra}", LEAST.replace("https://shop.example/", url));
        Settings::read(&toml::from_str(&text).unwrap(), &secrets).unwrap()
    };
    let read = settings("since = 2026-11-01\ntracking = \"fulfillments\"", "HTTPS://Shop.Example/Tea/");
    assert_eq!(read.url, "https://shop.example/Tea");
    assert_eq!(read.since, Some(1_793_491_200));
    assert_eq!(read.tracking, Tracking::Fulfillments);
    assert!(settings("", "http://127.0.0.1:8080").plain_http());
    assert!(settings("", "http://localhost").plain_http());
    assert!(settings("", "http://[::1]:8080").plain_http());
    assert!(settings("allow_http = true", "http://shop.example").plain_http());
    let mapped =
        settings("[status_map]\n\"wc-packing\" = \"paid\"\n\"on-hold\" = \"cancelled\"", "https://a.example");
    assert_eq!(mapped.state("packing"), Some(State::Paid));
    assert_eq!(mapped.state("on-hold"), Some(State::Cancelled));
    assert_eq!(mapped.state("wc-completed"), Some(State::Shipped));
    assert_eq!(mapped.state("delivered"), None);
}

#[test]
fn webhooks_are_claimed_only_with_a_secret() {
    assert!(!shop("").capabilities().webhooks);
    assert!(shop("webhook_secret_file = \"hook\"").capabilities().webhooks);
    let shown = format!("{:?}", shop("webhook_secret_file = \"hook\""));
    assert!(!shown.contains("ck_0") && !shown.contains("0123456789abcdef"), "{shown}");
}
