//! `confirmShipment` of v0.

use serde_json::Value;

use super::order::{Line, Order, Parcel, Status};
use super::server::{Answer, Call, Reply, SpError};
use super::state::{Shop, second};

pub(super) fn confirm(shop: &mut Shop, call: &Call, id: &str) -> Answer {
    let body = call.json()?;
    if body["marketplaceId"] != shop.config.marketplace_id.as_str() {
        return Err(SpError::input("marketplaceId is not the store of the order."));
    }
    let order = shop.order(id).ok_or_else(|| SpError::missing(format!("Order {id} is not found.")))?;
    if matches!(order.status, Status::Pending | Status::Cancelled) {
        return Err(SpError::input(format!("The order is {} and takes no shipment.", order.status.word())));
    }
    let method = body["codCollectionMethod"].as_str();
    if method.is_some_and(|method| method != "DirectPayment") || order.cash != method.is_some() {
        return Err(SpError::input(
            "codCollectionMethod must be DirectPayment for cash on delivery, and only then.",
        ));
    }
    let parcel = parcel(&body["packageDetail"])?;
    let mut lines = order.lines.clone();
    let known = order.parcels.iter().position(|p| p.reference == parcel.reference);
    if let Some(before) = known.and_then(|at| order.parcels.get(at)) {
        pack(&mut lines, &before.items, -1)?;
    } else if lines.iter().all(|line| line.open() == 0) {
        let text =
            "Failed to create package due to not finding a matching package or order already fulfilled.";
        return Err(SpError::input(text));
    }
    pack(&mut lines, &parcel.items, 1)?;
    shop.edit(id, |order: &mut Order| {
        order.lines = lines;
        match known.and_then(|at| order.parcels.get_mut(at)) {
            Some(before) => *before = parcel,
            None => order.parcels.push(parcel),
        }
        order.settle();
    });
    Ok(Reply::empty(204))
}

fn parcel(detail: &Value) -> Result<Parcel, SpError> {
    let invalid = |field: &str| SpError::input(format!("{field}: is invalid."));
    let text = |field: &str| detail[field].as_str().ok_or_else(|| invalid(field));
    let reference = text("packageReferenceId")?;
    if !reference.parse::<u64>().is_ok_and(|number| number > 0) {
        return Err(SpError::input("PackageReferenceId: is invalid, must be a positive numeric value."));
    }
    let carrier = match (text("carrierCode")?, detail["carrierName"].as_str()) {
        ("", _) | ("Other", None | Some("")) => return Err(invalid("carrierName")),
        ("Other", Some(name)) => name,
        (code, _) => code,
    };
    let item = |item: &Value| {
        let id = item["orderItemId"].as_str()?.to_owned();
        Some((id, item["quantity"].as_i64().filter(|n| *n > 0)?))
    };
    let items = detail["orderItems"].as_array().filter(|items| !items.is_empty());
    let items = items.and_then(|items| items.iter().map(item).collect::<Option<Vec<_>>>());
    Ok(Parcel {
        reference: reference.to_owned(),
        carrier: carrier.to_owned(),
        tracking: text("trackingNumber")?.to_owned(),
        shipped: second(text("shipDate")?).ok_or_else(|| invalid("shipDate"))?,
        items: items.ok_or_else(|| invalid("orderItems"))?,
    })
}

/// Puts items into a parcel (1) or takes them out again (-1).
fn pack(lines: &mut [Line], items: &[(String, i64)], sign: i64) -> Result<(), SpError> {
    for (id, quantity) in items {
        let line = lines.iter_mut().find(|line| line.id == *id);
        let line = line.ok_or_else(|| SpError::input(format!("Order item {id} is not in the order.")))?;
        line.shipped += sign * quantity;
        if line.shipped < 0 || line.open() < 0 {
            return Err(SpError::input(format!("More of order item {id} than was ordered.")));
        }
    }
    Ok(())
}
