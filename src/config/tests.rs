//! Good and bad configs, as a merchant would write them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod bad;
mod changes;
mod samples;

use std::fs;
use std::path::Path;

use super::*;

/// A config that is sound and says little.
const HOUSE: &str = "[mail]\nfrom = \"shop@example.jp\"\nhost = \"smtp.example.jp\"\n";
const CHANNEL: &str = "kind = \"woocommerce\"\n";

fn load(house: &str, channels: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    Config::from_texts(Path::new("config"), &Surroundings::default(), house, channels)
}

/// The problems as lines, as `banto check` prints them.
fn said(result: Result<Config, Vec<ConfigError>>) -> Vec<String> {
    result.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_short_config_has_safe_defaults() {
    let config = load(HOUSE, &[("honten", CHANNEL)]).unwrap();
    let channel = config.channel("honten").unwrap();
    assert_eq!(channel.mode, Mode::Observe, "nothing is written anywhere unless the merchant says so");
    assert_eq!(channel.orders.returns, Returns::Hold);
    assert!(channel.orders.unpaid.is_empty() && config.warnings.is_empty());
    assert!(config.web.listen.ip().is_loopback());
    let mail = config.mail.as_ref().unwrap();
    assert_eq!((mail.port(), mail.uncertain, mail.connections), (465, Uncertain::Ask, 4));
    assert_eq!(config.zone.iana_name(), Some("Asia/Tokyo"));
    assert_eq!(config.shop.locations[0].code, "main");
}

#[test]
fn an_empty_house_is_a_house() {
    let config = load("", &[]).unwrap();
    assert!(config.mail.is_none() && config.channels.is_empty());
    assert_eq!(config.store_url().unwrap().expose(), "sqlite:config/banto.db");
}

#[test]
fn the_stores_path_begins_in_the_state_folder() {
    let around = Surroundings { state_directory: Some("/var/lib/banto".into()), ..Surroundings::default() };
    for (url, meant) in [
        ("sqlite:banto.db", "sqlite:/var/lib/banto/banto.db"),
        ("sqlite://a/banto.db", "sqlite:/var/lib/banto/a/banto.db"),
        ("sqlite:///srv/banto.db", "sqlite:/srv/banto.db"),
        ("sqlite:/srv/banto.db", "sqlite:/srv/banto.db"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("postgres://banto@db/banto", "postgres://banto@db/banto"),
    ] {
        let house = format!("[store]\nurl = \"{url}\"\n");
        let config = Config::from_texts(Path::new("config"), &around, &house, &[]).unwrap();
        assert_eq!(config.store_url().unwrap().expose(), meant, "{url}");
    }
}

#[test]
fn a_channel_takes_its_name_from_the_file_or_from_itself() {
    let named = format!("name = \"rakuten-2\"\nenabled = false\n{CHANNEL}");
    let config = load(HOUSE, &[("honten", CHANNEL), ("zz", &named)]).unwrap();
    let names: Vec<_> = config.channels.iter().map(|c| (c.name.as_str(), c.enabled)).collect();
    assert_eq!(names, [("honten", true), ("rakuten-2", false)]);
    assert_eq!(config.enabled_channels().count(), 1);
}

#[test]
fn a_listings_own_rule_outranks_the_channels_key_by_key() {
    let text = "\
kind = \"sim\"
[stock]
buffer = 2
cap = 20
[stock.listing.\"8801\"]
buffer = 0
[stock.listing.TEA-50]
paused = true
";
    let stock = load(HOUSE, &[("a", text)]).unwrap().channels.remove(0).stock;
    let by_id = stock.rule_for("8801", "TEA-50");
    assert_eq!((by_id.buffer, by_id.cap, by_id.paused), (Some(0), Some(20), None));
    let by_code = stock.rule_for("8802", "TEA-50");
    assert_eq!((by_code.buffer, by_code.paused), (Some(2), Some(true)));
    assert_eq!(stock.rule_for("8803", "TEA-51"), stock.rule);
}

#[test]
fn since_means_the_shops_own_midnight() {
    for (written, seconds) in [
        ("2026-11-01", 1_793_458_800),
        ("2026-11-01T09:00:00", 1_793_491_200),
        ("2026-11-01T09:00:00Z", 1_793_523_600),
    ] {
        let text = format!("{CHANNEL}[orders]\nsince = {written}\n");
        let config = load(HOUSE, &[("a", &text)]).unwrap();
        assert_eq!(config.since(&config.channels[0]), Some(Timestamp::from_secs(seconds)), "{written}");
    }
}

#[test]
fn a_channels_guard_is_the_houses_where_it_says_nothing() {
    let house = "[guard]\nzeros_percent = 20\nclock_back_seconds = 9\n";
    let config = load(house, &[("a", &format!("{CHANNEL}[guard]\nzeros_min = 1\n"))]).unwrap();
    let guard = config.guard_of(&config.channels[0]);
    assert_eq!((guard.zeros_percent, guard.zeros_min, guard.clock_back_seconds), (20, 1, 9));
}

#[test]
fn webhooks_are_registered_below_the_public_address() {
    let house = "[web]\npublic_url = \"https://banto.example.jp/\"\n";
    let config = load(house, &[]).unwrap();
    assert_eq!(config.web.hook_url("honten").unwrap(), "https://banto.example.jp/hooks/honten");
    assert_eq!(load("", &[]).unwrap().web.hook_url("honten"), None);
}

#[test]
fn another_part_can_point_at_a_line() {
    let text = "kind = \"sim\"\n\n[connector]\nurl = \"x\"\n";
    let config = load(HOUSE, &[("a", text)]).unwrap();
    let problem = config.problem(Some("a"), "connector.url", "is no address", "");
    assert_eq!(problem.to_string(), "config/channels/a.toml:4: connector.url: is no address");
    for (said, shown) in [
        ("url: must be https", "config/channels/a.toml:4: connector.url: must be https"),
        ("user: is missing", "config/channels/a.toml:3: connector: user: is missing"),
        ("is odd", "config/channels/a.toml:3: connector: is odd"),
    ] {
        assert_eq!(config.connector_problem("a", said).to_string(), shown);
    }
    let problem = config.problem(None, "mail.ca_file", "is no PEM", "");
    assert_eq!(problem.to_string(), "config/banto.toml:1: mail.ca_file: is no PEM");
}

#[test]
fn a_folder_is_read_as_it_lies_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("channels")).unwrap();
    for (name, text) in [
        ("banto.toml", HOUSE),
        ("channels/b.toml", CHANNEL),
        ("channels/a.toml", CHANNEL),
        ("channels/.a.toml.swp", "not ours"),
        ("channels/c.toml.disabled", "not ours"),
        ("channels/README", "not ours"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let config = Config::load_in(dir.path(), &Surroundings::default()).unwrap();
    let names: Vec<_> = config.channels.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}
