//! Telling Amazon that a parcel left: `confirmShipment` of v0, which today's API has no successor for.
//!
//! Amazon knows a parcel of an order by the number that we give it, and takes a second call with the same number as a
//! correction. So a resend changes nothing.

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, Fulfilment, IdempotencyKey, Method, Notice, Outcome, Parcel, Payment,
    Read, RemoteOrder, RemoteOrderId, Request, Result, both,
};
use serde::Serialize;

use crate::Amazon;
use crate::calls::percent;
use crate::limits;
use crate::time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Confirmation<'a> {
    marketplace_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cod_collection_method: Option<&'static str>,
    package_detail: PackageDetail<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageDetail<'a> {
    package_reference_id: String,
    carrier_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier_name: Option<&'a str>,
    tracking_number: &'a str,
    ship_date: String,
    order_items: Vec<PackedItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackedItem {
    order_item_id: String,
    quantity: i64,
}

impl Amazon {
    pub(crate) async fn notify(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        let Notice::Shipped(parcel) = notice else {
            let call = format!("telling Amazon that an order is {}", notice.kind().name());
            return Err(Error::unsupported((call.as_str(), "Amazonへの出荷以外の通知")));
        };
        match self.shipped(cx, order, parcel, key).await {
            Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused) => Ok(refused(e.words())),
            other => other,
        }
    }

    async fn shipped(
        &self,
        cx: &Cx,
        id: &RemoteOrderId,
        parcel: &Parcel,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        if parcel.carrier.trim().is_empty() {
            return Ok(refused(both!(
                "the parcel has no carrier, and Amazon takes none without",
                "配送会社が指定されていません。Amazonの出荷通知には配送会社が必要です"
            )));
        }
        let order = match self.read_order(cx, id).await? {
            Read::Order(order) => order,
            Read::Unreadable { reason, .. } => {
                return Ok(refused(
                    both!("the order cannot be read", "注文データを読み取れません").with(&reason),
                ));
            }
        };
        let reference = reference(key);
        if let Some(outcome) = stand(&order, &reference, parcel) {
            return Ok(outcome);
        }
        let request = self.confirmation(&order, parcel, reference)?;
        self.send(cx, request, "confirming a shipment").await.map(|_| Outcome::Applied)
    }

    fn confirmation(&self, order: &RemoteOrder, parcel: &Parcel, reference: String) -> Result<Request> {
        let carrier = parcel.carrier.trim();
        let code = self.settings.carrier_code(carrier);
        let cash = self.settings.store.is_japan() && order.payment_method == "CashOnDelivery";
        let confirmation = Confirmation {
            marketplace_id: self.settings.store.id,
            cod_collection_method: cash.then_some("DirectPayment"),
            package_detail: PackageDetail {
                package_reference_id: reference,
                carrier_code: code.unwrap_or("Other"),
                carrier_name: code.is_none().then_some(carrier),
                tracking_number: parcel.tracking.trim(),
                ship_date: time::iso(parcel.shipped_at.as_secs()),
                order_items: contents(order, parcel),
            },
        };
        let path = format!("/orders/v0/orders/{}/shipmentConfirmation", percent(order.id.as_str()));
        // The same number again is a correction of the same parcel.
        Ok(self.request(Method::Post, &path, limits::CONFIRM).json(&confirmation)?.idempotent())
    }
}

/// What there is to say without a call: the parcel is there, or the order takes none.
fn stand(order: &RemoteOrder, reference: &str, parcel: &Parcel) -> Option<Outcome> {
    let tracking = parcel.tracking.trim();
    let same = |known: &&banto_channel::RemoteShipment| match tracking {
        "" => known.id == reference,
        tracking => known.tracking == tracking,
    };
    if order.shipments.iter().any(|known| same(&known)) {
        return Some(Outcome::Applied);
    }
    if !order.moves_own_stock {
        return Some(refused(both!("Amazon ships this order itself", "Amazonが出荷する注文です")));
    }
    if order.fulfilment == Fulfilment::Cancelled {
        return Some(refused(both!("the order is cancelled at Amazon", "Amazonでキャンセル済みの注文です")));
    }
    if order.status.starts_with("PENDING") && order.payment == Payment::Awaiting {
        return Some(refused(both!(
            "Amazon has not released the order yet (its payment is pending)",
            "Amazonの注文確定待ちです（支払いが保留中）"
        )));
    }
    let ours = order.shipments.iter().any(|known| known.id == reference);
    if order.fulfilment == Fulfilment::Shipped && !order.shipments.is_empty() && !ours {
        let known: Vec<&str> = order.shipments.iter().map(|s| s.tracking.as_str()).collect();
        let words = both!(
            "Amazon has the order as shipped already, with {known}; correct that in Seller Central",
            "Amazonではすでに出荷済みです（追跡番号 {known}）。セラーセントラルで修正してください",
            known = known.join(", ")
        );
        return Some(refused(words));
    }
    None
}

/// What the parcel holds: what it names, or everything that is still open. With nothing open it is a correction of all.
fn contents(order: &RemoteOrder, parcel: &Parcel) -> Vec<PackedItem> {
    let item =
        |order_item_id: &str, quantity| PackedItem { order_item_id: order_item_id.to_owned(), quantity };
    if !parcel.lines.is_empty() {
        return parcel.lines.iter().map(|(line, quantity)| item(line, *quantity)).collect();
    }
    let lines = || order.lines.iter().map(|line| (line, line.quantity - line.cancelled));
    let open = lines().map(|(line, units)| item(&line.id, units - line.shipped.unwrap_or(0)));
    let open: Vec<PackedItem> = open.filter(|item| item.quantity > 0).collect();
    match open.is_empty() {
        false => open,
        true => lines().map(|(line, units)| item(&line.id, units)).filter(|i| i.quantity > 0).collect(),
    }
}

/// Amazon wants a positive number for a parcel. FNV-1a of the key, within 31 bits, so that it fits whatever Amazon
/// keeps it in; two parcels of one order meet once in two thousand million.
fn reference(key: &IdempotencyKey) -> String {
    let hash = key.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    ((hash ^ (hash >> 32)) % 0x7fff_ffff + 1).to_string()
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_positive_number_and_always_the_same() {
        for key in ["", "01JC0SHIP", "01JC0PART1", "01JC0PART2"] {
            let number: i64 = reference(&IdempotencyKey::from(key)).parse().unwrap_or(0);
            assert!((1..=0x7fff_ffff).contains(&number), "{key}: {number}");
            assert_eq!(reference(&key.into()), reference(&key.into()));
        }
        assert_ne!(reference(&"01JC0PART1".into()), reference(&"01JC0PART2".into()));
    }
}
