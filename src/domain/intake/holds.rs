//! What puts an order on hold at intake, and what ends such a hold.

use banto_channel::{Bilingual, RemoteOrder, minor_digits};

use super::Taking;
use crate::domain::order::Order;
use crate::domain::timeline::{self, hold_in_words};

impl Taking<'_> {
    /// Puts the order on hold for reasons that its last version did not have, so that a person's release stays.
    pub(super) fn note_holds(&mut self, order: &mut Order, before: Option<&Order>, remote: &RemoteOrder) {
        let mut reasons = Vec::new();
        let same_currency = before.is_some_and(|b| b.currency == remote.currency);
        if minor_digits(&remote.currency).is_none() && !same_currency {
            reasons.push(timeline::UNKNOWN_CURRENCY.both(&[&format!("{:?}", remote.currency)]));
        }
        let adds_up = remote.totals.sum() == Some(remote.totals.grand);
        let same_totals = before.is_some_and(|b| b.totals == remote.totals);
        if !adds_up && !same_totals && minor_digits(&remote.currency).is_some() {
            let sum = remote.totals.sum().unwrap_or_default().to_decimal(&remote.currency);
            let grand = remote.totals.grand.to_decimal(&remote.currency);
            reasons.push(timeline::ADDS_UP.both(&[&sum, &remote.currency, &grand]));
        }
        if remote.lines.is_empty() && before.is_none() {
            reasons.push(timeline::NO_LINES.both(&[]));
        }
        if before.is_none_or(|b| b.status != remote.status) {
            reasons.extend(remote.unknowns.iter().cloned());
        }
        let waited = before.and_then(|b| b.details.wait.as_deref());
        if waited.map(|text| hold_in_words(text).en) != remote.wait.as_ref().map(|wait| wait.en.clone()) {
            if let (Some(waited), Some(hold)) = (waited, &order.hold) {
                order.hold = timeline::held_without(hold, waited);
                if order.hold.is_none() {
                    self.event("released", timeline::NO_LONGER.around(&hold_in_words(waited)).packed());
                }
            }
            reasons.extend(remote.wait.clone());
        }
        if let Some(reason) = Bilingual::list(reasons) {
            self.event("held", reason.packed());
            order.hold = Some(timeline::held_also(order.hold.as_deref(), reason));
        }
    }
}
