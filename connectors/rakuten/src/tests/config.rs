use banto_channel::{Connector as _, ErrorKind};

use super::script::{secrets, shop};
use crate::config::{Restock, Settings};

const LEAST: &str = "service_secret_file = \"secret\"\nlicense_key_file = \"key\"\n";

fn fault(text: &str) -> String {
    let refused = Settings::read(&toml::from_str(text).unwrap(), &secrets).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Config);
    refused.message
}

#[test]
fn the_sample_is_the_least_config_and_every_key_of_it_is_known() {
    let credential = |_: &str| Ok(banto_channel::Secret::new("x-0123456789"));
    Settings::read(&toml::from_str(crate::SAMPLE).unwrap(), &credential).unwrap();
    let all: String = crate::SAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line))
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let read = Settings::read(&toml::from_str(&all).unwrap(), &credential).unwrap();
    let least = Settings::read(&toml::from_str(LEAST).unwrap(), &secrets).unwrap();
    // What is commented out is what holds without it.
    assert_eq!(
        (read.url, read.overlap, read.orders_per_page),
        (least.url, least.overlap, least.orders_per_page)
    );
    assert_eq!((read.cancel_reason, read.restock), (least.cancel_reason, least.restock));
    assert!(!read.cancel_shipped_orders && !read.read_payment_dates);
}

#[test]
fn what_is_wrong_is_named_with_the_remedy() {
    let with = |line: &str| fault(&format!("{LEAST}{line}"));
    assert!(with("orders_per_page = 101").contains("1 to 100"));
    assert!(with("overlap_seconds = 0").contains("overlap_seconds"));
    assert!(with("since = \"yesterday\"").contains("\"2026-11-01\""));
    assert!(with("cancel_reason = 7").contains("欠品"));
    assert!(with("restock_on_cancel = \"perhaps\"").contains("perhaps"));
    assert!(with("licence_key = \"x\"").contains("licence_key"));
    assert!(with("url = \"http://api.rms.rakuten.co.jp\"").contains("https://"));
    assert!(with("url = \"https://api.rms.rakuten.co.jp/es/2.0\"").contains("host alone"));
    assert!(with("license_key_next_file = \"none\"").contains("empty"));
    assert!(fault("license_key_file = \"key\"").contains("service_secret_file"));
    let swapped = "service_secret_file = \"key\"\nlicense_key_file = \"secret\"";
    assert!(fault(swapped).contains("swapped"));
}

#[test]
fn what_is_written_is_what_is_read() {
    let text = format!(
        "{LEAST}since = 2026-11-01\nrestock_on_cancel = \"as_item_is_set\"\nurl = \"http://127.0.0.1:8080/\""
    );
    let read = Settings::read(&toml::from_str(&text).unwrap(), &secrets).unwrap();
    // Midnight in Japan.
    assert_eq!(read.since, Some(1_793_458_800));
    assert_eq!(read.restock, Restock::AsItemIsSet);
    assert_eq!(read.url, "http://127.0.0.1:8080");
}

#[test]
fn the_same_key_twice_is_one_key() {
    let one = format!("{LEAST}license_key_next_file = \"key\"");
    let read = Settings::read(&toml::from_str(&one).unwrap(), &secrets).unwrap();
    assert_eq!(read.keys.licence_keys().len(), 1);
}

#[test]
fn no_credential_shows() {
    let shown = format!("{:?}", shop("license_key_next_file = \"next\""));
    for secret in ["aaaaaaaa", "bbbbbbbb", "cccccccc"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(shop("").capabilities().stock_batch_max.get(), 400);
}
