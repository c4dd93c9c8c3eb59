//! The kinds of channels that banto speaks to: one line each.

use std::sync::Arc;

use banto_channel::{Connector, Error, ErrorKind, Result, Secret};

/// Reads the secret that a `*_file` key of a channel's config names.
pub type ReadSecret<'a> = dyn Fn(&str) -> Result<Secret> + 'a;

/// A kind of channel.
pub struct Kind {
    /// What `kind = "…"` says.
    pub name: &'static str,
    /// Builds a connector from the `[connector]` table.
    pub build: fn(&toml::Table, &ReadSecret<'_>) -> Result<Arc<dyn Connector>>,
    /// A commented `[connector]` table.
    pub sample: &'static str,
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind { name: banto_amazon::KIND, build: banto_amazon::build, sample: banto_amazon::SAMPLE },
    Kind { name: banto_csv_folder::KIND, build: banto_csv_folder::build, sample: banto_csv_folder::SAMPLE },
    Kind { name: banto_rakuten::KIND, build: banto_rakuten::build, sample: banto_rakuten::SAMPLE },
    Kind { name: banto_shopify::KIND, build: banto_shopify::build, sample: banto_shopify::SAMPLE },
    Kind { name: banto_vendure::KIND, build: banto_vendure::build, sample: banto_vendure::SAMPLE },
    Kind {
        name: banto_woocommerce::KIND,
        build: banto_woocommerce::build,
        sample: banto_woocommerce::SAMPLE,
    },
    Kind { name: banto_yahoo::KIND, build: banto_yahoo::build, sample: banto_yahoo::SAMPLE },
];

/// Builds the connector of a kind.
///
/// Errors: [`ErrorKind::Config`] for an unknown kind or a config that cannot work, naming the key and the remedy.
pub fn build(kind: &str, table: &toml::Table, secret: &ReadSecret<'_>) -> Result<Arc<dyn Connector>> {
    match KINDS.iter().find(|k| k.name == kind) {
        Some(found) => (found.build)(table, secret),
        None => {
            let known: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
            Err(Error::new(
                ErrorKind::Config,
                format!("kind {kind:?} is not known; it is one of: {}", known.join(", ")),
            ))
        }
    }
}
