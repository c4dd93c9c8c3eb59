use banto_channel::{Error, ErrorKind, Secret};

use crate::config::Settings;

fn read(text: &str) -> Result<Settings, Error> {
    Settings::read(&toml::from_str(text).unwrap(), &|name| {
        Ok(Secret::new(if name == "empty" { "" } else { "s3cret" }))
    })
}

const LEAST: &str = "url = \"https://shop.example/admin-api\"\nusername = \"banto\"\npassword_file = \"p\"\n";

#[test]
fn the_sample_is_a_config_and_so_is_each_of_its_keys() {
    read(crate::SAMPLE).unwrap();
    let keys =
        crate::SAMPLE.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| line.contains(" = "));
    for key in keys
        .filter(|key| key.starts_with(|c: char| c.is_ascii_lowercase()) && !key.starts_with("api_key_file"))
    {
        read(&format!("{LEAST}{key}")).unwrap_or_else(|e| panic!("{key}: {e}"));
    }
    for table in
        ["[state_map]\n\"ReadyForPickup\" = \"open\"", "[fulfillment_state_map]\n\"Packed\" = \"pending\""]
    {
        read(&format!("{LEAST}{table}")).unwrap();
    }
    read("url = \"https://shop.example/admin-api/\"\napi_key_file = \"k\"").unwrap();
}

#[test]
fn each_mistake_names_its_key() {
    let with = |extra: &str| format!("{LEAST}{extra}");
    let url = |url: &str| LEAST.replace("https://shop.example/admin-api", url);
    for (text, words) in [
        (with("colour = 1"), "colour"),
        (with("api_key_file = \"k\""), "credentials"),
        (LEAST.replace("username = \"banto\"\n", ""), "credentials"),
        (LEAST.replace("\"p\"", "\"empty\""), "password_file"),
        (with("orders_per_page = 0"), "orders_per_page"),
        (with("overlap_seconds = 0"), "overlap_seconds"),
        (with("money_precision = 9"), "money_precision"),
        (with("note_custom_field = \"a b\""), "note_custom_field"),
        (with("note_custom_field = \"\""), "note_custom_field"),
        (with("since = \"soon\""), "since"),
        (with("[state_map]\nx = \"maybe\""), "maybe"),
        (url("http://shop.example/admin-api"), "allow_http"),
        (url("ftp://shop.example/admin-api"), "https://"),
        (url("https://shop.example"), "whole address"),
        (url("https://user@shop.example/admin-api"), "whole address"),
        (url("https://shop.example/shop-api"), "Admin API"),
    ] {
        let error = read(&text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{text}");
        assert!(error.message.contains(words), "{words} is not in {:?}", error.message);
    }
    for good in
        ["http://127.0.0.1:3000/admin-api", "http://localhost/admin-api", "http://[::1]:3000/admin-api"]
    {
        read(&url(good)).unwrap();
    }
    read(&format!("{}allow_http = true", url("http://shop.example/admin-api"))).unwrap();
}
