//! Vendure's amounts: whole numbers with as many decimals as the shop's `MoneyStrategy` says, the same for every
//! currency. `98000` is 980 yen where the strategy is Vendure's own.

use banto_channel::{Money, minor_digits};

/// From the shop's decimals to the currency's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    times: i64,
    by: i64,
}

impl Scale {
    /// The scale of a shop that keeps so many decimals; `None` for a currency that is not known.
    pub(crate) fn new(precision: u32, currency: &str) -> Option<Self> {
        let digits = minor_digits(currency)?;
        Some(Self {
            times: 10_i64.checked_pow(digits.saturating_sub(precision))?,
            by: 10_i64.checked_pow(precision.saturating_sub(digits))?,
        })
    }

    /// An amount in the currency's minor units, rounded half away from zero; saturates.
    pub(crate) fn money(self, amount: i64) -> Money {
        let amount = i128::from(amount) * i128::from(self.times);
        let by = i128::from(self.by);
        let rounded = (amount.abs() + by / 2) / by * amount.signum();
        Money(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_shops_and_become_the_currencys() {
        let money = |precision, currency, amount| Scale::new(precision, currency).map(|s| s.money(amount));
        assert_eq!(money(2, "USD", 1999), Some(Money(1999)));
        assert_eq!(money(2, "JPY", 98_000), Some(Money(980)));
        assert_eq!(money(0, "JPY", 980), Some(Money(980)));
        assert_eq!(money(2, "JPY", 133_250), Some(Money(1333)));
        assert_eq!(money(2, "JPY", -133_250), Some(Money(-1333)));
        assert_eq!(money(2, "KWD", 76_87), Some(Money(76_870)));
        assert_eq!(money(3, "USD", 19_994), Some(Money(1999)));
        assert_eq!(money(2, "XTS", 1), None);
        assert_eq!(money(0, "USD", i64::MAX), Some(Money(i64::MAX)));
    }
}
