//! The files in `config/` are what a merchant starts from: they must be right and complete.

use serde::de::DeserializeOwned;

use super::channel::{ListingKeys, StockKeys};
use super::daemon::DaemonFile;
use super::secrets::looks_secret;
use super::*;
use crate::channels::registry::KINDS;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// A sample with every switched-off key (`#key = …`, no blank after the `#`) switched on.
fn spelled_out(text: &str) -> String {
    let is_key =
        |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(k, _)| !k.contains(' '));
    text.lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if is_key(rest) => rest,
            _ => line,
        })
        .fold(String::new(), |all, line| all + line + "\n")
}

/// The keys that a section knows, from what it answers to one that it does not know.
fn keys_of<T: DeserializeOwned>() -> Vec<String> {
    let error = toml::from_str::<T>("no-such-key = 1").err().unwrap();
    error.message().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

/// Asserts that `text` has every key of `T` in `section`.
fn has_all<T: DeserializeOwned>(text: &str, section: &str) {
    has_all_but::<T>(text, section, &[]);
}

/// The same, but for keys that may not stand beside the others and are shown elsewhere.
fn has_all_but<T: DeserializeOwned>(text: &str, section: &str, elsewhere: &[&str]) {
    let document: toml::Table = toml::from_str(text).unwrap();
    let mut place = &document;
    for step in section.split('.').filter(|s| !s.is_empty()) {
        let inner = match &place[step] {
            toml::Value::Array(list) => &list[0],
            other => other,
        };
        place = inner.as_table().unwrap();
    }
    let known = keys_of::<T>();
    assert!(!known.is_empty(), "{section}");
    for key in known.iter().filter(|k| !elsewhere.contains(&k.as_str())) {
        assert!(place.contains_key(key), "no sample shows {section}.{key}");
    }
}

#[test]
fn the_shipped_folder_is_a_sound_config_that_touches_nothing() {
    let config = Config::load_in(&folder(), &Surroundings::default()).map_err(|e| said(Err(e))).unwrap();
    assert!(!config.channels.is_empty());
    assert_eq!(config.enabled_channels().count(), 0, "a sample that runs would call somebody's shop");
}

#[test]
fn every_switched_off_key_of_a_sample_is_right_too() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("secrets")).unwrap();
    let house = spelled_out(&fs::read_to_string(folder().join("banto.toml")).unwrap());
    // The two ways to name a store exclude each other; both stand in the sample to be seen.
    let house = house.replace("url_file = \"secrets/store-url\"\n", "");
    assert!(house.contains("password_file = "), "the key was switched on");
    let named = |text: &str| {
        let file = |l: &str| Some(l.split_once("_file = \"")?.1.split('"').next()?.to_owned());
        text.lines().filter_map(file).collect::<Vec<_>>()
    };
    let mut channels = Vec::new();
    for path in channel_files(&folder().join("channels"), &mut Vec::new()) {
        let text =
            spelled_out(&fs::read_to_string(&path).unwrap()).replace("enabled = false", "enabled = true");
        channels.push((path.file_stem().unwrap().to_string_lossy().into_owned(), text));
    }
    for name in channels.iter().flat_map(|(_, t)| named(t)).chain(named(&house)) {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    let channels: Vec<_> = channels.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let config = Config::from_texts(dir.path(), &Surroundings::default(), &house, &channels);
    let config = config.map_err(|e| said(Err(e))).unwrap();
    assert_eq!(config.enabled_channels().count(), config.channels.len());
}

#[test]
fn what_a_connectors_sample_shows_may_be_written() {
    for kind in KINDS {
        let lines = kind.sample.lines().map(|line| line.trim_start_matches(['#', ' ']));
        let keys: Vec<_> =
            lines.filter_map(|l| l.split_once(" = ")).filter(|(k, _)| !k.contains(' ')).collect();
        assert!(!keys.is_empty(), "{}", kind.name);
        for (key, _) in keys {
            assert!(!looks_secret(key), "{}: a config with {key} is refused", kind.name);
        }
    }
}

#[test]
fn every_key_stands_in_a_sample() {
    let house = spelled_out(&fs::read_to_string(folder().join("banto.toml")).unwrap());
    has_all::<DaemonFile>(&house, "");
    let mut sections = keys_of::<DaemonFile>();
    for (name, check) in [
        ("store", has_all::<StoreConfig> as fn(&str, &str)),
        ("shop", has_all::<ShopConfig>),
        ("web", has_all::<WebConfig>),
        ("mail", has_all::<MailConfig>),
        ("log", has_all::<LogConfig>),
        ("alerts", has_all::<AlertsConfig>),
        ("guard", has_all::<GuardConfig>),
        ("retention", has_all::<RetentionConfig>),
    ] {
        check(&house, name);
        sections.retain(|s| s != name);
    }
    assert_eq!(sections, [] as [&str; 0], "sections that this test forgot");
    has_all::<LocationConfig>(&house, "shop.locations");

    let channel = spelled_out(&fs::read_to_string(folder().join("channels/woocommerce.toml")).unwrap());
    has_all::<ChannelConfig>(&channel, "");
    has_all::<OrdersConfig>(&channel, "orders");
    has_all::<UnpaidRule>(&channel, "orders.unpaid.bacs");
    has_all_but::<StockKeys>(&channel, "stock", &["fixed"]);
    has_all_but::<ListingKeys>(&channel, "stock.listing.TEA-50", &["fixed"]);
    has_all_but::<ListingKeys>(
        &channel,
        "stock.listing.GIFT-CARD",
        &["buffer", "cap", "share_percent", "paused"],
    );
    has_all::<ChannelMailConfig>(&channel, "mail");
    has_all::<RelayConfig>(&channel, "mail.relay");
    has_all::<GuardOverrides>(&channel, "guard");
    has_all::<LimitsConfig>(&channel, "limits");
    has_all::<ChannelRetention>(&channel, "retention");
}
