//! What intake asks of the customers: whether a new order is of somebody who is blocked, and whether an order is one
//! whose buyer was forgotten.

use super::super::db::args;
use super::super::{Result, Write, keys};
use super::{CUSTOMER_KEYS_BLOCKED, CUSTOMERS_BLOCKED_ANY};
use crate::domain::customer::{Face, forget};
use crate::domain::order::{Event, Order};
use crate::domain::timeline::{BLOCKED, held_also};

impl Write {
    /// Whether anybody is blocked at all; mostly nobody is, and orders need not be looked at.
    pub(in crate::store) async fn anybody_blocked(&mut self) -> Result<bool> {
        Ok(self.tx.first::<(i64,)>(CUSTOMERS_BLOCKED_ANY, args![]).await?.is_some())
    }

    /// Puts a new order of a blocked customer on hold, before anything is sent or confirmed for it. Says why.
    pub(in crate::store) async fn hold_if_blocked(
        &mut self,
        order: &mut Order,
        events: &mut Vec<Event>,
        actor: &str,
    ) -> Result<()> {
        let face = Face::of(&order.details);
        if !order.is_open() || face.keys.is_empty() {
            return Ok(());
        }
        let texts = keys(face.keys.iter().map(|key| key.text.as_str()))?;
        let known: Vec<(String, String, Option<String>)> =
            self.tx.all(CUSTOMER_KEYS_BLOCKED, args![&texts]).await?;
        let same = |text: &str, name: &str| face.keys.iter().any(|k| k.text == text && k.joins(name));
        let Some((_, _, reason)) = known.into_iter().find(|(text, name, _)| same(text, name)) else {
            return Ok(());
        };
        let reason = BLOCKED.both(&[&reason.unwrap_or_default()]);
        events.push(Event { kind: "held", detail: reason.packed(), actor: actor.to_owned() });
        order.hold = Some(held_also(order.hold.as_deref(), reason));
        Ok(())
    }
}

/// Takes out again what a shop told anew of a buyer who was forgotten. Whether there was something to take out.
pub(in crate::store) fn stay_forgotten(order: &mut Order) -> bool {
    let Some(at) = order.details.house.forgotten_at else { return false };
    forget(&mut order.details, at);
    true
}
