//! English counts: `1 order`, `2 orders`. Japanese has one form for both.

use std::fmt::Display;

/// The first form for one of it, the second for any other number.
#[must_use]
pub fn by_number<'a>(n: impl TryInto<i64>, one: &'a str, many: &'a str) -> &'a str {
    if n.try_into().is_ok_and(|n| n == 1) { one } else { many }
}

/// A number and the form that goes with it.
#[must_use]
pub fn counted(n: impl TryInto<i64> + Copy + Display, one: &str, many: &str) -> String {
    format!("{n} {}", by_number(n, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_every_other_number_is_many() {
        let orders = |n: i64| counted(n, "order", "orders");
        assert_eq!([0, 1, 2, -1].map(orders), ["0 orders", "1 order", "2 orders", "-1 orders"]);
        assert_eq!(counted(1_usize, "item", "items"), "1 item");
        assert_eq!(by_number(u64::MAX, "is", "are"), "are");
    }
}
