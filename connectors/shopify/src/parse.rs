//! One order of Shopify as banto's remote order. Pure.

use banto_channel::{
    Bilingual, Fulfilment, Payment, RemoteLine, RemoteOrder, RemoteOrderId, Timestamp, Totals, both,
};

use crate::config::Settings;
use crate::model::{FulfillmentOrder, Order};
use crate::{address, id, lines, notify, time, totals};

/// Puts an order together. `withheld` says that Shopify denied some of the buyer's data.
///
/// `Err` holds in plain words what could not be understood.
pub(crate) fn order(
    order: &Order,
    raw: &str,
    withheld: Option<&str>,
    settings: &Settings,
) -> Result<RemoteOrder, Bilingual> {
    let number = id::number(&order.id).ok_or_else(|| both!("the order has no id", "注文IDがありません"))?;
    let changed_at = time::timestamp(&order.updated_at);
    let placed = order.processed_at.as_deref().and_then(time::timestamp);
    let placed_at = placed
        .or_else(|| time::timestamp(&order.created_at))
        .ok_or_else(|| both!("the order has no date", "注文日時がありません"))?;
    let mut unknowns = Vec::new();
    let (mut lines, allocated) = lines::lines(order)?;
    let totals = totals::totals(order, &lines, allocated, &mut unknowns)?;
    let fulfilment = fulfilment(order, &mut lines, &mut unknowns);
    let ship_to = address::address(order.shipping_address.as_ref());
    let to_be_shipped = matches!(fulfilment, Fulfilment::Open | Fulfilment::Partial);
    if to_be_shipped {
        unknowns.extend(missing(order, &ship_to, withheld));
    }
    let own = own_stock(order, settings, &mut unknowns);
    Ok(RemoteOrder {
        id: RemoteOrderId(number.to_string()),
        number: order.name.trim().to_owned(),
        placed_at,
        changed_at,
        payment: payment(order, &totals, settings, &mut unknowns),
        paid_at: paid_at(order),
        fulfilment,
        status: status(order),
        currency: order.currency_code.trim().to_owned(),
        totals,
        moves_own_stock: own,
        stock_taken: None,
        buyer: address::buyer(order),
        bill_to: address::address(order.billing_address.as_ref()),
        ship_to,
        payment_method: payment_method(order),
        payment_title: payment_title(order),
        note: notify::buyers_part(order.note.as_deref().unwrap_or_default()),
        ship_by: ship_by(order),
        shipments: lines::parcels(order),
        refunds: lines::refunds(order)?,
        lines,
        unknowns,
        wait: wait(order),
        raw: raw.to_owned(),
    })
}

/// Shopify's own words for both axes.
fn status(order: &Order) -> String {
    let word = |field: &Option<String>| field.clone().unwrap_or_default();
    let cancelled = if order.cancelled_at.is_some() { " CANCELLED" } else { "" };
    let words = format!(
        "{} {}{cancelled}",
        word(&order.display_financial_status),
        word(&order.display_fulfillment_status)
    );
    words.trim().to_owned()
}

/// A payment that expired may still come: konbini slips and bank transfers outlive the three days after which Shopify
/// calls them expired, and the order stays open until somebody cancels it.
fn payment(order: &Order, totals: &Totals, settings: &Settings, unknowns: &mut Vec<Bilingual>) -> Payment {
    match order.display_financial_status.as_deref() {
        Some("PENDING" | "EXPIRED") => Payment::Awaiting,
        Some("AUTHORIZED") if settings.authorized_is_paid => Payment::Paid,
        Some("AUTHORIZED") => Payment::Awaiting,
        Some("PARTIALLY_PAID") => Payment::Partial,
        Some("PAID") => Payment::Paid,
        Some("PARTIALLY_REFUNDED") => Payment::PartlyRefunded,
        Some("REFUNDED") => Payment::Refunded,
        Some("VOIDED") => Payment::Failed,
        None if totals.grand.0 == 0 => Payment::Paid,
        None => Payment::Awaiting,
        Some(word) => {
            unknowns.push(both!("financial status {word:?} is not known", "不明な決済状況「{word}」です"));
            Payment::Awaiting
        }
    }
}

/// When the last money of the payment came; refunds and authorizations do not count.
fn paid_at(order: &Order) -> Option<Timestamp> {
    order
        .transactions
        .iter()
        .filter(|t| t.status == "SUCCESS" && matches!(t.kind.as_str(), "SALE" | "CAPTURE"))
        .filter_map(|t| time::timestamp(t.processed_at.as_deref()?))
        .max()
}

fn payment_method(order: &Order) -> String {
    let told = order.transactions.iter().filter_map(|t| t.gateway.as_deref()).find(|name| !name.is_empty());
    told.or_else(|| order.payment_gateway_names.first().map(String::as_str)).unwrap_or_default().to_owned()
}

fn payment_title(order: &Order) -> String {
    let told = order
        .transactions
        .iter()
        .filter_map(|t| t.formatted_gateway.as_deref())
        .find(|name| !name.is_empty());
    told.map_or_else(|| order.payment_gateway_names.join(", "), ToOwned::to_owned)
}

fn fulfilment(order: &Order, lines: &mut [RemoteLine], unknowns: &mut Vec<Bilingual>) -> Fulfilment {
    let shipped: i64 = lines.iter().filter_map(|line| line.shipped).sum();
    if order.cancelled_at.is_some() {
        lines::close(lines);
        if shipped == 0 {
            return Fulfilment::Cancelled;
        }
        unknowns.push(both!(
            "cancelled after goods left: did they come back?",
            "出荷後にキャンセルされました。商品が返品されたか確認してください"
        ));
        return Fulfilment::Shipped;
    }
    let units: i64 = lines.iter().map(|line| line.quantity).sum();
    let left: i64 = lines.iter().map(|line| line.quantity - line.cancelled - line.shipped.unwrap_or(0)).sum();
    if units > 0
        && left <= 0
        && shipped == 0
        && order.display_fulfillment_status.as_deref() != Some("FULFILLED")
    {
        return Fulfilment::Cancelled;
    }
    match order.display_fulfillment_status.as_deref().unwrap_or_default() {
        "FULFILLED" | "FULFILLMENT_NOT_REQUIRED" => return Fulfilment::Shipped,
        "PARTIALLY_FULFILLED"
        | "UNFULFILLED"
        | "OPEN"
        | "PENDING_FULFILLMENT"
        | "SCHEDULED"
        | "IN_PROGRESS"
        | "ON_HOLD"
        | "REQUEST_DECLINED"
        | "RESTOCKED" => {}
        word => {
            unknowns.push(both!("fulfillment status {word:?} is not known", "不明な出荷状況「{word}」です"));
        }
    }
    match (shipped, left) {
        (0, _) => Fulfilment::Open,
        (_, ..=0) => Fulfilment::Shipped,
        _ => Fulfilment::Partial,
    }
}

/// Why an order that is to be shipped cannot be.
fn missing(order: &Order, ship_to: &banto_channel::Address, withheld: Option<&str>) -> Vec<Bilingual> {
    let mut reasons = Vec::new();
    if order.test {
        reasons.push(both!("a test order: nobody pays for it", "テスト注文です（入金されません）"));
    }
    if let Some(message) = withheld {
        reasons.push(both!(
            "Shopify withholds the buyer's data ({message}); ask for access to protected customer data in the Dev \
             Dashboard",
            "Shopifyから購入者の情報を受け取れません（{message}）。Dev Dashboardで「保護された顧客データ」への\
             アクセスを申請してください"
        ));
    } else if order.requires_shipping && !address::is_known(ship_to) {
        reasons.push(both!(
            "there is no shipping address; if the order has one in the admin, the app lacks access to protected \
             customer data",
            "配送先がありません。管理画面の注文に配送先がある場合は、アプリに「保護された顧客データ」へのアクセス権が\
             ありません"
        ));
    }
    reasons
}

/// Whether the goods are the seller's own to ship. Shopify may have given an order, or a part of it, to another location.
fn own_stock(order: &Order, settings: &Settings, unknowns: &mut Vec<Bilingual>) -> bool {
    let given = order.fulfillment_orders.nodes.iter().filter(|work| work.status != "CANCELLED");
    let places: Vec<u64> =
        given.filter_map(|work| id::number(&work.assigned_location.location.as_ref()?.id)).collect();
    let elsewhere: Vec<&u64> = places.iter().filter(|place| !settings.locations.contains(place)).collect();
    if elsewhere.is_empty() {
        return true;
    }
    if elsewhere.len() == places.len() {
        return false;
    }
    unknowns.push(both!(
        "a part of it ships from location {place}, which is not in location_ids: add it, or move the part in Shopify",
        "一部の商品の出荷元がロケーション {place} です。location_ids に追加するか、Shopifyで出荷元を変更してください",
        place = elsewhere[0]
    ));
    true
}

/// What Shopify itself wants to wait for, if there is nothing else to do meanwhile.
fn wait(order: &Order) -> Option<Bilingual> {
    if order.cancelled_at.is_some() {
        return None;
    }
    let open: Vec<&FulfillmentOrder> =
        order.fulfillment_orders.nodes.iter().filter(|work| work.is_open()).collect();
    if !open.iter().all(|work| matches!(work.status.as_str(), "ON_HOLD" | "SCHEDULED")) {
        return None;
    }
    let first = open.first()?;
    Some(match (first.status.as_str(), first.fulfillment_holds.first(), first.fulfill_at.as_deref()) {
        ("SCHEDULED", _, Some(at)) => {
            both!("Shopify has it scheduled for {at}", "Shopifyで {at} に出荷予定です")
        }
        ("SCHEDULED", _, None) => both!("Shopify has it scheduled for later", "Shopifyで後日の出荷予定です"),
        (_, Some(hold), _) if !hold.display_reason.is_empty() => {
            both!("Shopify holds its fulfillment", "Shopifyで出荷が保留されています")
                .with(&Bilingual::quoted(&hold.display_reason))
        }
        _ => both!("Shopify holds its fulfillment", "Shopifyで出荷が保留されています"),
    })
}

/// The earliest date that a part of it must leave by.
fn ship_by(order: &Order) -> Option<Timestamp> {
    let open = order.fulfillment_orders.nodes.iter().filter(|work| work.is_open());
    open.filter_map(|work| time::timestamp(work.fulfill_by.as_deref()?)).min()
}
