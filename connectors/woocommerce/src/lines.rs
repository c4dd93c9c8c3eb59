//! Lines, refunds and parcels of an order.

use std::collections::BTreeMap;

use banto_channel::{Bilingual, ListingId, RemoteLine, RemoteRefund, RemoteShipment, Timestamp, both};

use crate::address::plain;
use crate::lenient::List;
use crate::model::{Fulfillment, Item, Order, Refund, TrackingItem};
use crate::money::Exact;
use crate::time;

/// How many units of a line came back, by line id: before and after the goods left.
#[derive(Debug, Default)]
pub(crate) struct Given {
    cancelled: BTreeMap<String, i64>,
    returned: BTreeMap<String, i64>,
}

/// Reads the lines; `unknowns` gathers what a person must look at.
pub(crate) fn lines(
    order: &Order<'_>,
    given: &Given,
    unknowns: &mut Vec<Bilingual>,
) -> Result<Vec<RemoteLine>, Bilingual> {
    order.line_items.0.iter().map(|item| line(order, item, given, unknowns)).collect()
}

fn line(
    order: &Order<'_>,
    item: &Item<'_>,
    given: &Given,
    unknowns: &mut Vec<Bilingual>,
) -> Result<RemoteLine, Bilingual> {
    let id = item.id.0.to_string();
    let quantity = count(&item.quantity.0, &id, unknowns)?;
    let total = gross(order, &item.total.0, &item.total_tax.0)?;
    let currency = order.currency.0.trim();
    // Where the currency is unknown the order is held anyway; its goods still have to be set aside.
    let money = |exact: Exact| exact.money(currency).unwrap_or_default();
    let cancelled = given.cancelled.get(&id).copied().unwrap_or(0).clamp(0, quantity);
    let returned = given.returned.get(&id).copied().unwrap_or(0).clamp(0, quantity - cancelled);
    Ok(RemoteLine {
        listing: listing(item),
        code: Some(item.sku.0.trim().to_owned()).filter(|code| !code.is_empty()),
        title: plain(&item.name.0),
        quantity,
        cancelled,
        returned,
        shipped: None,
        unit_price: money(total.divided(quantity)),
        total: money(total),
        tax_rate_bp: tax_rate(order, item),
        id,
    })
}

/// A line's money: with its tax where the shop's prices include tax.
pub(crate) fn gross(order: &Order<'_>, total: &str, tax: &str) -> Result<Exact, Bilingual> {
    let net = Exact::parse(total)?;
    match order.prices_include_tax.0 {
        true => Ok(net + Exact::parse(tax)?),
        false => Ok(net),
    }
}

/// The offer of a line; what was deleted has the id 0.
fn listing(item: &Item<'_>) -> Option<ListingId> {
    match (item.product_id.0, item.variation_id.0) {
        (product, _) if product <= 0 => None,
        (product, variation) if variation > 0 => Some(ListingId(format!("{product}:{variation}"))),
        (product, _) => Some(ListingId(product.to_string())),
    }
}

fn count(text: &str, line: &str, unknowns: &mut Vec<Bilingual>) -> Result<i64, Bilingual> {
    let exact = Exact::parse(text).map_err(|_| {
        both!("line {line}: {text:?} is not a quantity", "明細 {line}: 数量「{text}」が数値ではありません")
    })?;
    let quantity = exact.whole().unwrap_or_else(|| {
        unknowns.push(both!(
            "line {line} asks for {text} pieces; counted as {counted}",
            "明細 {line} の数量が {text} です。{counted}個として取り込みました",
            counted = exact.ceil()
        ));
        exact.ceil()
    });
    if quantity < 0 {
        unknowns.push(both!(
            "line {line} asks for {text} pieces; counted as 0",
            "明細 {line} の数量が {text} です。0個として取り込みました"
        ));
    }
    Ok(quantity.max(0))
}

/// The rate in hundredths of a percent, if all of the line's rates are known and none is on top of another.
fn tax_rate(order: &Order<'_>, item: &Item<'_>) -> Option<i64> {
    let charged = item.taxes.0.iter().filter(|tax| !tax.total.0.is_empty());
    let rates: Vec<i64> = charged
        .map(|tax| {
            let line = order.tax_lines.0.iter().find(|line| line.rate_id == tax.id)?;
            let percent = line.rate_percent.0.as_str();
            if percent.is_empty() || line.compound.0 {
                return None;
            }
            Exact::parse(percent).ok()?.hundredths()
        })
        .collect::<Option<_>>()?;
    (!rates.is_empty()).then(|| rates.iter().sum())
}

/// Refunds with their lines. One made before `completed` took goods out of the order; one made later brought them back.
pub(crate) fn refunds(
    order: &Order<'_>,
    details: &[Refund<'_>],
    completed: Option<Timestamp>,
    unknowns: &mut Vec<Bilingual>,
) -> Result<(Vec<RemoteRefund>, Given), Bilingual> {
    let mut given = Given::default();
    let mut out = Vec::with_capacity(order.refunds.0.len());
    for summary in &order.refunds.0 {
        let detail = details.iter().find(|detail| detail.id == summary.id);
        if detail.is_none() {
            unknowns.push(both!(
                "what refund {id} gives back could not be read",
                "返金 {id} の内容を読み取れません",
                id = summary.id.0
            ));
        }
        let at = detail.and_then(|d| time::timestamp(&d.date_created_gmt.0));
        let lines = detail.map(refunded_lines).unwrap_or_default();
        let after_shipping = completed.is_some_and(|shipped| at.is_none_or(|at| at >= shipped));
        let side = if after_shipping { &mut given.returned } else { &mut given.cancelled };
        for (line, quantity) in &lines {
            *side.entry(line.clone()).or_default() += quantity;
        }
        let amount = detail.map_or(&summary.total.0, |d| &d.amount.0);
        out.push(RemoteRefund {
            id: summary.id.0.to_string(),
            amount: Exact::parse(amount)?.abs().money(order.currency.0.trim()).unwrap_or_default(),
            at,
            reason: summary_reason(&summary.reason.0, detail),
            lines,
        });
    }
    Ok((out, given))
}

fn summary_reason(summary: &str, detail: Option<&Refund<'_>>) -> String {
    detail.map(|d| d.reason.0.trim()).filter(|r| !r.is_empty()).unwrap_or(summary.trim()).to_owned()
}

fn refunded_lines(refund: &Refund<'_>) -> Vec<(String, i64)> {
    refund
        .line_items
        .0
        .iter()
        .filter_map(|item| {
            let quantity = Exact::parse(&item.quantity.0).ok()?.abs().ceil();
            (quantity > 0).then_some((item.refunded_item()?, quantity))
        })
        .collect()
}

/// The amounts given back, added up exactly.
pub(crate) fn refunded(order: &Order<'_>) -> Result<Exact, Bilingual> {
    total(order.refunds.0.iter().map(|r| Exact::parse(&r.total.0).map(Exact::abs)))
}

/// How many units the shop has taken off its own numbers for this order. It does so when an order leaves `pending`, and
/// keeps count in the lines.
pub(crate) fn stock_taken(order: &Order<'_>) -> i64 {
    let taken = |item: &Item<'_>| {
        let meta = item.meta_data.0.iter().find(|meta| meta.key.0 == "_reduced_stock")?;
        Exact::parse(&meta.text()?).ok().map(Exact::ceil)
    };
    order.line_items.0.iter().filter_map(taken).fold(0, i64::saturating_add)
}

/// Adds up amounts that may not have been readable.
pub(crate) fn total(amounts: impl Iterator<Item = Result<Exact, Bilingual>>) -> Result<Exact, Bilingual> {
    let amounts: Vec<Exact> = amounts.collect::<Result<_, _>>()?;
    Ok(amounts.into_iter().sum())
}

/// Parcels from the Shipment Tracking extension's meta.
pub(crate) fn tracked(order: &Order<'_>) -> Vec<RemoteShipment> {
    let items = order
        .meta_data
        .0
        .iter()
        .find(|m| m.key.0 == "_wc_shipment_tracking_items")
        .and_then(|m| m.value)
        .and_then(|value| serde_json::from_str::<List<TrackingItem>>(value.get()).ok());
    items.map(|List(items)| items.iter().map(tracked_parcel).collect()).unwrap_or_default()
}

fn tracked_parcel(item: &TrackingItem) -> RemoteShipment {
    let carrier = match item.custom_tracking_provider.0.trim() {
        "" => item.tracking_provider.0.trim(),
        custom => custom,
    };
    let tracking = item.tracking_number.0.trim();
    let id = match item.tracking_id.0.trim() {
        "" => tracking,
        id => id,
    };
    let link = item.custom_tracking_link.0.trim();
    // The extension keeps the day as seconds since 1970.
    let shipped_at = item.date_shipped.0.parse::<i64>().ok().map(Timestamp::from_secs);
    RemoteShipment {
        id: id.to_owned(),
        carrier: carrier.to_owned(),
        tracking: tracking.to_owned(),
        tracking_url: (!link.is_empty()).then(|| link.replace("%1$s", tracking)),
        shipped_at: shipped_at.or_else(|| time::timestamp(&item.date_shipped.0)),
        lines: Vec::new(),
    }
}

/// Parcels from WooCommerce's own fulfilments, and what they say was shipped by line. Their dates are the shop's own
/// time, so many seconds `ahead` of GMT.
pub(crate) fn fulfilled(
    fulfillments: &[Fulfillment<'_>],
    lines: &mut [RemoteLine],
    ahead: i64,
) -> Vec<RemoteShipment> {
    let parcels: Vec<RemoteShipment> =
        fulfillments.iter().filter(|f| f.left()).map(|f| fulfilled_parcel(f, ahead)).collect();
    if parcels.is_empty() {
        return parcels;
    }
    for line in lines {
        let shipped: i64 = parcels
            .iter()
            .flat_map(|parcel| &parcel.lines)
            .filter(|(id, _)| *id == line.id)
            .map(|(_, quantity)| quantity)
            .sum();
        line.shipped = Some(shipped.min(line.quantity));
    }
    parcels
}

fn fulfilled_parcel(fulfillment: &Fulfillment<'_>, ahead: i64) -> RemoteShipment {
    let carrier = ["_shipment_provider", "_shipping_provider", "_provider_name"]
        .iter()
        .find_map(|key| fulfillment.meta(key));
    let lines = fulfillment.items().into_iter().filter_map(|item| {
        let quantity = Exact::parse(&item.qty.0).ok()?.ceil();
        (quantity > 0).then(|| (item.item_id.0.to_string(), quantity))
    });
    RemoteShipment {
        id: fulfillment.id.0.to_string(),
        carrier: carrier.unwrap_or_default(),
        tracking: fulfillment.meta("_tracking_number").unwrap_or_default(),
        tracking_url: fulfillment.meta("_tracking_url"),
        shipped_at: fulfillment
            .meta("_date_fulfilled")
            .and_then(|date| time::seconds(&date))
            .map(|local| Timestamp::from_secs(local - ahead)),
        lines: lines.collect(),
    }
}

/// Marks what remains of every line as gone before shipping, or as come back after it.
pub(crate) fn close(lines: &mut [RemoteLine], after_shipping: bool) {
    for line in lines {
        match after_shipping {
            true => line.returned = line.quantity - line.cancelled,
            false => line.cancelled = line.quantity - line.returned,
        }
    }
}

/// Whether every unit that was not cancelled is in a parcel.
pub(crate) fn all_shipped(lines: &[RemoteLine]) -> bool {
    lines.iter().all(|line| line.shipped.is_some_and(|shipped| shipped >= line.quantity - line.cancelled))
}
