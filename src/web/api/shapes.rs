//! What answers are made of: the words that every route shares.

use serde::Serialize;
use utoipa::ToSchema;

use banto_channel::Money;

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

/// Units of an item at a place, or of all places together.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub(super) struct Numbers {
    /// On the shelf: reserved and available ones.
    pub(super) on_hand: i64,
    /// Held for orders.
    pub(super) reserved: i64,
    /// Free to be sold.
    pub(super) available: i64,
    /// Missing: orders wait for them.
    pub(super) short: i64,
}

impl From<crate::domain::stock::Level> for Numbers {
    fn from(level: crate::domain::stock::Level) -> Self {
        Self {
            on_hand: level.on_hand(),
            reserved: level.reserved,
            available: level.available,
            short: level.short,
        }
    }
}

impl Numbers {
    pub(super) fn add(self, other: Self) -> Self {
        Self {
            on_hand: self.on_hand + other.on_hand,
            reserved: self.reserved + other.reserved,
            available: self.available + other.available,
            short: self.short + other.short,
        }
    }
}
