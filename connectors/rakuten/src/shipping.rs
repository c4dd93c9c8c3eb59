//! 発送完了報告: what `updateOrderShipping` has to be told about a parcel. Pure.
//!
//! RMS counts an order as shipped when every destination has a row, and every row has carrier, number and day. So the
//! parcel of a part is entered without a day, and the one that completes the order brings the day for all of them.

use banto_channel::{Bilingual, Carrier, Parcel, both};
use serde::Serialize;

use crate::carriers::CARRIERS;
use crate::model::{Order, Package, Shipping};
use crate::time;

/// Rows of one destination in one call.
const ROWS_MAX: usize = 20;
/// Characters of a tracking number.
const NUMBER_MAX: usize = 120;

/// The rows of one destination.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Basket {
    #[serde(rename = "basketId")]
    id: i64,
    #[serde(rename = "ShippingModelList")]
    rows: Vec<Row>,
}

/// What is not in it stays as it is.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Without it a row is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_detail_id: Option<i64>,
    delivery_company: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_date: Option<String>,
}

/// What is still to be told; empty if RMS knows it all already, so that a resend adds nothing.
///
/// `Err` says in plain words why it cannot be told.
pub(crate) fn plan(order: &Order, parcel: &Parcel) -> Result<Vec<Basket>, Bilingual> {
    let carrier = Carrier::find(CARRIERS, &parcel.carrier).ok_or_else(|| {
        both!(
            "{carrier:?} is none of Rakuten's carriers (1000 to 1031)",
            "「{carrier}」は楽天の配送会社（1000～1031）にありません",
            carrier = parcel.carrier
        )
    })?;
    let number = parcel.tracking.trim();
    if number.chars().count() > NUMBER_MAX {
        return Err(both!(
            "a tracking number has at most {NUMBER_MAX} characters at Rakuten",
            "楽天の追跡番号は{NUMBER_MAX}文字までです"
        ));
    }
    let day = parcel.completes.then(|| time::day(parcel.shipped_at));
    let targets = targets(order, parcel)?;
    let mut baskets = Vec::new();
    for (at, package) in order.packages.iter().enumerate() {
        let is_told = |row: &Shipping| {
            row.delivery_company.as_str() == carrier.code && row.shipping_number.as_str() == number
        };
        let is_new = targets.contains(&at) && !package.parcels.iter().any(is_told);
        // A blank row that stays beside a filled one would keep the order from ever being shipped.
        let blank = package.parcels.iter().find(|row| is_new && row.is_blank());
        let mut rows = Vec::new();
        for row in package.parcels.iter().filter(|row| blank.is_none_or(|blank| !std::ptr::eq(blank, *row))) {
            rows.extend(dated(row, carrier, day.as_deref())?);
        }
        if is_new {
            rows.push(Row {
                shipping_detail_id: blank.map(detail_id).transpose()?,
                delivery_company: carrier.code.to_owned(),
                shipping_number: (!number.is_empty()).then(|| number.to_owned()),
                shipping_date: day.clone(),
            });
        }
        if is_new && blank.is_none() && package.parcels.len() >= ROWS_MAX {
            return Err(both!(
                "a destination has at most {ROWS_MAX} parcels at Rakuten",
                "楽天では送付先1件につき{ROWS_MAX}個口までです"
            ));
        }
        if !rows.is_empty() {
            baskets.push(Basket { id: basket_id(package)?, rows });
        }
    }
    Ok(baskets)
}

/// The destinations that the parcel goes to: those of its lines, and, where it completes the order or says nothing of
/// lines, those that have no parcel yet.
fn targets(order: &Order, parcel: &Parcel) -> Result<Vec<usize>, Bilingual> {
    let holds =
        |package: &Package, line: &str| package.items.iter().any(|item| item.item_detail_id.as_str() == line);
    let mut targets = Vec::new();
    for (line, _) in &parcel.lines {
        let at = order.packages.iter().position(|package| holds(package, line));
        targets.push(
            at.ok_or_else(|| both!("the order has no line {line:?}", "注文に明細「{line}」がありません"))?,
        );
    }
    if parcel.completes || parcel.lines.is_empty() {
        let without = order
            .packages
            .iter()
            .enumerate()
            .filter(|(_, package)| package.parcels.iter().all(Shipping::is_blank));
        targets.extend(without.map(|(at, _)| at));
    }
    if targets.is_empty() {
        // Every destination has a parcel: this is another one of the last.
        targets.extend(order.packages.len().checked_sub(1));
    }
    match targets.is_empty() {
        true => Err(both!("the order has no destination", "注文に送付先がありません")),
        false => Ok(targets),
    }
}

/// The day for a row that has none. A row without a carrier went with this one.
fn dated(row: &Shipping, carrier: &Carrier, day: Option<&str>) -> Result<Option<Row>, Bilingual> {
    let Some(day) = day.filter(|_| row.shipping_date.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(Row {
        shipping_detail_id: Some(detail_id(row)?),
        delivery_company: row.delivery_company.some().unwrap_or_else(|| carrier.code.to_owned()),
        shipping_number: None,
        shipping_date: Some(day.to_owned()),
    }))
}

fn detail_id(row: &Shipping) -> Result<i64, Bilingual> {
    row.shipping_detail_id.whole().ok_or_else(|| {
        both!("a parcel at Rakuten has no shippingDetailId", "楽天の発送情報に shippingDetailId がありません")
    })
}

fn basket_id(package: &Package) -> Result<i64, Bilingual> {
    package.basket_id.whole().ok_or_else(|| {
        both!("a destination at Rakuten has no basketId", "楽天の送付先に basketId がありません")
    })
}
