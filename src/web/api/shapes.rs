//! What answers are made of: the words that every route shares.

use serde::Serialize;
use utoipa::ToSchema;

use banto_channel::Money;

pub(super) use crate::channels::explain::Numbers;

/// Most rows of one page.
pub(super) const PAGE_MAX: i64 = 200;
/// Most units in one request, as the document says.
pub(super) const QUANTITY_MAX: i64 = 1_000_000_000;
/// Rows of a page that nobody asked a size of.
pub(super) const PAGE: i64 = 50;

/// Money: a decimal text without a float's rounding, and its currency.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Amount {
    #[schema(example = "1080")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "JPY")]
    currency: String,
}

impl Amount {
    pub(super) fn new(minor: i64, currency: &str) -> Self {
        Self { amount: Money(minor).to_decimal(currency), currency: currency.to_owned() }
    }
}

/// A time: RFC 3339, UTC.
pub(super) fn time(micros: i64) -> String {
    crate::cli::utc(micros)
}
