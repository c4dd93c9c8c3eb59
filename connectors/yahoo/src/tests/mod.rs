//! The config, key by key.

use banto_channel::{ErrorKind, Result, Secret};

use crate::config::Settings;
use crate::{SAMPLE, build};

const LEAST: &str = "seller_id = \"my-store\"\nclient_id = \"dj00\"\nclient_secret_file = \"a\"\nrefresh_token_file = \"b\"\n";

fn secret(name: &str) -> Result<Secret> {
    Ok(Secret::new(if name == "empty" { "" } else { "a-secret-that-nobody-may-see" }))
}

fn read(text: &str) -> Result<Settings> {
    let table: toml::Table = text.parse().unwrap_or_default();
    Settings::read(&table, &secret)
}

#[test]
fn the_sample_works_and_so_does_every_key_that_is_commented_out() {
    let table: toml::Table = SAMPLE.parse().unwrap_or_default();
    assert!(build(&table, &secret).is_ok());
    let optional = SAMPLE.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    });
    let keys: Vec<&str> = optional.filter(|line| !line.starts_with("public_key_")).collect();
    assert_eq!(keys.len(), 9, "{keys:?}");
    assert_eq!(read(&format!("{LEAST}{}", keys.join("\n"))).map(|_| ()), Ok(()));
}

#[test]
fn what_cannot_work_is_refused_by_its_key() {
    for (line, key) in [
        ("seller_id = \"My Store\"", "seller_id"),
        ("seller_id = \"\"", "seller_id"),
        ("client_id = \"a:b\"", "client_id"),
        ("client_secret_file = \"empty\"", "client_secret_file"),
        ("refresh_token_file = \"empty\"", "refresh_token_file"),
        ("consented_at = \"yesterday\"", "consented_at"),
        ("since = \"2026-02-30\"", "since"),
        ("public_key_version = \"3\"", "public_key_file"),
        ("public_key_file = \"a\"", "public_key_version"),
        ("public_key_file = \"a\"\npublic_key_version = \"3\"", "public_key_file"),
        ("url = \"http://shopping.example\"", "url"),
        ("url = \"https://a.example/?b\"", "url"),
        ("auth_url = \"ftp://a.example\"", "auth_url"),
        ("orders_per_page = 0", "orders_per_page"),
        ("overlap_minutes = 0", "overlap_minutes"),
        ("look_back_days = 1000", "look_back_days"),
        ("cancel_reason = 5", "cancel_reason"),
        ("colour = \"red\"", "colour"),
    ] {
        let changed: Vec<&str> = line.lines().filter_map(|l| l.split(" = ").next()).collect();
        let rest = LEAST.lines().filter(|l| !changed.contains(&l.split(" = ").next().unwrap_or_default()));
        let text = format!("{}\n{line}", rest.collect::<Vec<_>>().join("\n"));
        let error = read(&text).err();
        let fits = error.as_ref().is_some_and(|e| e.kind == ErrorKind::Config && e.message.contains(key));
        assert!(fits, "{line}: {error:?}");
    }
}

#[test]
fn a_credential_is_in_no_debug_output() {
    let table: toml::Table = LEAST.parse().unwrap_or_default();
    let shown = format!("{:?}", build(&table, &secret));
    assert!(shown.contains("my-store") && !shown.contains("nobody-may-see"), "{shown}");
}
