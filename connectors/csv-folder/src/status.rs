//! What a status word of the marketplace means.

use banto_channel::{Fulfilment, Payment};
use serde::Deserialize;

/// The meaning that the config gives to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// To be paid, then shipped.
    OpenUnpaid,
    /// To be shipped.
    OpenPaid,
    /// To be shipped, but not yet: the marketplace still looks at it.
    Wait,
    /// A part left; the rest is to be shipped.
    PartlyShipped,
    Shipped,
    /// Left, and is paid afterwards.
    ShippedUnpaid,
    Cancelled,
    /// Cancelled, and the money was given back.
    Refunded,
    /// A payment failed; the buyer may try again.
    PaymentFailed,
    /// No order at all (a basket, a test).
    Ignore,
}

impl State {
    pub(crate) const fn payment(self) -> Payment {
        match self {
            Self::OpenPaid | Self::PartlyShipped | Self::Shipped => Payment::Paid,
            Self::OpenUnpaid | Self::Wait | Self::ShippedUnpaid | Self::Cancelled | Self::Ignore => {
                Payment::Awaiting
            }
            Self::Refunded => Payment::Refunded,
            Self::PaymentFailed => Payment::Failed,
        }
    }

    pub(crate) const fn fulfilment(self) -> Fulfilment {
        match self {
            Self::OpenUnpaid | Self::OpenPaid | Self::Wait | Self::PaymentFailed | Self::Ignore => {
                Fulfilment::Open
            }
            Self::PartlyShipped => Fulfilment::Partial,
            Self::Shipped | Self::ShippedUnpaid => Fulfilment::Shipped,
            Self::Cancelled | Self::Refunded => Fulfilment::Cancelled,
        }
    }
}

/// What a row of an order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LineKind {
    /// Something that was bought.
    Goods,
    /// The amounts of the next three go into the totals, where no column of the order holds them.
    Shipping,
    Fee,
    Discount,
    /// Nothing that is not said elsewhere.
    Skip,
}

/// What several rows of one order, each with a state of its own, come to.
pub(crate) fn fulfilment(rows: &[State]) -> Fulfilment {
    let any = |wanted: Fulfilment| rows.iter().any(|state| state.fulfilment() == wanted);
    // What is cancelled does not count as long as something else is there.
    match (any(Fulfilment::Open), any(Fulfilment::Partial), any(Fulfilment::Shipped)) {
        (false, false, false) if !rows.is_empty() => Fulfilment::Cancelled,
        (_, true, _) | (true, _, true) => Fulfilment::Partial,
        (false, _, true) => Fulfilment::Shipped,
        _ => Fulfilment::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_different_states_make_one_order() {
        use State::{Cancelled, OpenPaid, PartlyShipped, Refunded, Shipped};
        for (rows, expected) in [
            (&[OpenPaid, OpenPaid][..], Fulfilment::Open),
            (&[Shipped, OpenPaid], Fulfilment::Partial),
            (&[PartlyShipped], Fulfilment::Partial),
            (&[Shipped, Cancelled], Fulfilment::Shipped),
            (&[OpenPaid, Cancelled], Fulfilment::Open),
            (&[Cancelled, Refunded], Fulfilment::Cancelled),
            (&[], Fulfilment::Open),
        ] {
            assert_eq!(fulfilment(rows), expected, "{rows:?}");
        }
    }
}
