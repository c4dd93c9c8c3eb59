//! The house's own staff: ships what is paid and complete, through banto.

use banto_channel::{Fulfilment, Payment, Timestamp};

use super::house::House;
use crate::domain::deeds::Shipment;
use crate::domain::order::{fulfilment_name, payment_name};
use crate::store::{Act, OrderFilter, StoreError};

/// Most orders looked at in one go.
const LOOK: i64 = 200;
/// Most parcels made in one go.
const SHIP: usize = 4;

/// Ships some paid orders that lack nothing.
///
/// Errors: the store's. An order that cannot be shipped as things stand is left alone.
pub(super) async fn ship_some(house: &House, now: Timestamp) -> anyhow::Result<()> {
    let open = house.store.orders(OrderFilter::Open, None, i64::MAX, LOOK).await?;
    let ready = open.iter().rev().filter(|o| {
        o.payment == payment_name(Payment::Paid)
            && o.fulfilment == fulfilment_name(Fulfilment::Open)
            && o.hold.is_none()
    });
    let app = house.current.app();
    for row in ready.take(SHIP) {
        let Some(running) = app.channels.iter().find(|r| r.channel.id == row.channel_id) else { continue };
        let channel = &running.channel;
        let act = Act { order: row.id, version: None, seller: channel.seller(), actor: "demo:clerk", now };
        let shipment = Shipment {
            carrier: "ヤマト運輸".to_owned(),
            tracking: format!("4000{:08}", row.id),
            ..Shipment::default()
        };
        match house.store.ship_order(&act, &shipment).await {
            Ok(_) | Err(StoreError::Refused(_) | StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
