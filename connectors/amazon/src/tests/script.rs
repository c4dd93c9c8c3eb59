//! A connector with a config of its own.

use banto_channel::{Result, Secret};

use crate::Amazon;
use crate::config::Settings;

/// The credentials of the tests.
pub fn secrets(name: &str) -> Result<Secret> {
    Ok(Secret::new(match name {
        "secret" => "amzn1.oa2-cs.v1.0123456789",
        "refresh" => "Atzr|IwEBI0123456789",
        _ => "",
    }))
}

/// The least table, with `extra` at its end.
pub fn table(extra: &str) -> toml::Table {
    let text = format!(
        "marketplace = \"JP\"\nseller_id = \"A1EXAMPLE\"\nclient_id = \"amzn1.application-oa2-client.1\"\n\
         client_secret_file = \"secret\"\nrefresh_token_file = \"refresh\"\n{extra}"
    );
    toml::from_str(&text).unwrap()
}

/// A connector with the least table and `extra`.
pub fn amazon(extra: &str) -> Amazon {
    Amazon::new(Settings::read(&table(extra), &secrets).unwrap())
}
