//! The config: what it fills in, and what it refuses.

use banto_channel::{Connector as _, ErrorKind};

use super::script::{amazon, secrets, table};
use crate::config::{OrdersApi, Settings};

#[test]
fn the_least_table_is_japan_by_todays_api() {
    let settings = amazon("").settings;
    assert_eq!(settings.store.id, "A1VC38T7YXB528");
    assert_eq!(settings.endpoint, "https://sellingpartnerapi-fe.amazon.com");
    assert_eq!((settings.orders_api, settings.overlap, settings.patch_up_to), (OrdersApi::Current, 600, 50));
    assert!(settings.personal_data && settings.fba_orders);
}

#[test]
fn the_sample_is_read_as_it_stands_and_with_every_key() {
    let read = |text: &str| {
        let credential = |_: &str| Ok(banto_channel::Secret::new("something secret"));
        Settings::read(&toml::from_str(text).unwrap(), &credential)
    };
    read(crate::SAMPLE).unwrap();
    let all: Vec<&str> = crate::SAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|l| l.contains(" = ") || l.starts_with('[')).unwrap_or(line)
        })
        .collect();
    let settings = read(&all.join("\n")).unwrap();
    assert_eq!(settings.carrier_code("fedex"), Some("FedEx"));
    assert_eq!(settings.client_secret_expires, Some(1_810_771_200));
}

#[test]
fn a_bad_key_is_named_with_its_remedy() {
    let mut told = Vec::new();
    for extra in [
        "orders_api = \"v1\"",
        "orders_per_page = 0",
        "overlap_minutes = 5",
        "patch_up_to = 1000",
        "since = \"soon\"",
        "endpoint = \"http://api.example\"",
        "endpoint = \"http://127.0.0.1.example\"",
        "token_url = \"https://a.example/?b\"",
        "client_secret_expires = \"2026-13-01\"",
        "product_type = \"\"",
        "secret = \"x\"",
    ] {
        let error = Settings::read(&table(extra), &secrets).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{extra}");
        told.push(error.message);
    }
    let empty = table("").into_iter().map(|(key, value)| match key.as_str() {
        "refresh_token_file" => (key, toml::Value::from("nothing")),
        _ => (key, value),
    });
    told.push(Settings::read(&empty.collect(), &secrets).unwrap_err().message);
    let mars = table("").into_iter().map(|(key, value)| match key.as_str() {
        "marketplace" => (key, toml::Value::from("MARS")),
        _ => (key, value),
    });
    told.push(Settings::read(&mars.collect(), &secrets).unwrap_err().message);
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn quotas_are_one_for_each_operation_and_polling_stays_inside() {
    let amazon = amazon("");
    let can = amazon.capabilities();
    let search = can.quotas.iter().find(|quota| quota.group == "searchOrders").unwrap();
    let calls = can.pull_interval_min.as_secs_f64().recip();
    assert!(calls < f64::from(search.calls) / search.per.as_secs_f64());
    assert!(!can.mail_policy.may_widen);
}
