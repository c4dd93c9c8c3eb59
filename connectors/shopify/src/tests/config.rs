use banto_channel::{Connector as _, ErrorKind};

use super::script::{secrets, shop};
use crate::config::Settings;

const LEAST: &str = "shop = \"tea.myshopify.com\"\nclient_id = \"id\"\nclient_secret_file = \"secret\"\nlocation_ids = [\"17\"]\n";

fn settings(text: &str) -> banto_channel::Result<Settings> {
    Settings::read(&toml::from_str(text).unwrap(), &secrets)
}

fn fault(text: &str) -> String {
    let error = settings(text).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config, "{error}");
    error.message
}

#[test]
fn the_sample_is_a_config_with_or_without_its_optional_keys() {
    let any = |_: &str| Ok(banto_channel::Secret::new("0123456789abcdef"));
    let table: toml::Table = toml::from_str(crate::SAMPLE).unwrap();
    let connector = crate::build(&table, &any).unwrap();
    assert_eq!(connector.capabilities().kind, crate::KIND);

    // Every commented-out key is a real one with a value that works.
    let uncommented: String = crate::SAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|code| code.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    let mut table: toml::Table = toml::from_str(&uncommented).unwrap();
    assert_eq!(table.len(), 13, "{uncommented}");
    // The one pair that excludes each other.
    table.remove("access_token_file");
    crate::build(&table, &any).unwrap();
}

#[test]
fn faults_name_the_key_and_the_remedy() {
    let with = |extra: &str| fault(&format!("{LEAST}{extra}"));
    assert!(with("shpo = 1").contains("unknown field `shpo`"));
    assert!(with("orders_per_page = 251").contains("1 to 250"));
    assert!(with("overlap_seconds = 0").contains("overlap_seconds"));
    assert!(with("since = \"yesterday\"").contains("\"2026-11-01\""));
    assert!(with("access_token_file = \"token\"").contains("exclude each other"));
    assert!(with("old_client_secret_file = \"none\"").contains("empty"));
    assert!(with("url = \"http://shop.example\"").contains("url"));
    assert!(with("url = \"https://a b\"").contains("url"));
    let without = |line: &str| {
        let kept: Vec<&str> = LEAST.lines().filter(|l| !l.starts_with(line)).collect();
        fault(&kept.join("\n"))
    };
    assert!(without("location_ids").contains("Settings > Locations"));
    assert!(without("client_id").contains("access_token_file"));
    assert!(without("client_secret_file").contains("Dev Dashboard"));
    assert!(fault(&LEAST.replace("\"17\"", "\"Tokyo\"")).contains("\"Tokyo\""));
    assert!(fault(&LEAST.replace("\"id\"", "\" \"")).contains("client_id"));
    for shop in ["", "https://tea.example/", "tea.example", "tea/admin"] {
        assert!(fault(&LEAST.replace("tea.myshopify.com", shop)).contains("my-shop.myshopify.com"), "{shop}");
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let read = settings(&LEAST.replace("tea.myshopify.com", "https://Tea.myshopify.com/")).unwrap();
    assert_eq!(read.url, "https://tea.myshopify.com");
    assert_eq!(read.stock_location(), "gid://shopify/Location/17");
    let read = settings(&format!(
        "{}since = 2026-11-01\nurl = \"http://127.0.0.1:99/\"",
        LEAST.replace("[\"17\"]", "[\"gid://shopify/Location/5\", 6]")
    ));
    let read = read.unwrap();
    assert_eq!((read.locations, read.since), (vec![5, 6], Some(1_793_491_200)));
    assert_eq!(read.url, "http://127.0.0.1:99");
}

#[test]
fn webhooks_are_claimed_only_with_a_secret() {
    assert!(shop("").capabilities().webhooks);
    let text = "shop = \"tea\"\naccess_token_file = \"token\"\nlocation_ids = [1]";
    let without = crate::Shopify::new(settings(text).unwrap());
    assert!(!without.capabilities().webhooks);
    let hook = banto_channel::Webhook { headers: &[], body: b"" };
    assert_eq!(without.verify_webhook(&hook).map_err(|e| e.kind), Err(ErrorKind::Unsupported));
    assert!(!format!("{:?} {without:?}", shop("")).contains("shp"));
}
