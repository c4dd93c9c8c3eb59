//! One order of Amazon as banto's remote order. Pure.

use banto_channel::{
    Address, Bilingual, Buyer, Fulfilment, ListingId, Money, Payment, Read, RemoteLine, RemoteOrder,
    RemoteOrderId, RemoteShipment, both,
};
use serde::Deserialize;

use crate::config::Settings;
use crate::model::{self, CustomerAddress, Item, Order, Package};
use crate::totals;
use crate::{time, v0};

/// Payment methods that Amazon's documents name, those of v0 among them.
const PAYMENT_METHODS: [&str; 14] = [
    "CashOnDelivery",
    "COD",
    "ConvenienceStore",
    "CVS",
    "CreditCard",
    "GiftCard",
    "GiftCertificate",
    "GC",
    "Invoice",
    "Pix",
    "Points",
    "PointsAccount",
    "Standard",
    "Other",
];

/// Reads an order of the Orders API 2026-01-01 from its own text.
pub(crate) fn current(raw: &str, settings: &Settings) -> Read {
    let read = model::read::<Order>(raw).and_then(|order| remote(&order, raw, settings));
    finished(read, raw, "orderId")
}

/// Reads an order of v0, which has its items apart, from both texts.
pub(crate) fn of_v0(order: &str, items: &[String], settings: &Settings) -> Read {
    let raw = format!("{{\"Order\":{order},\"OrderItems\":[{}]}}", items.join(","));
    let read = v0::order(order, items).and_then(|order| remote(&order, &raw, settings));
    finished(read, &raw, "AmazonOrderId")
}

fn finished(read: Result<RemoteOrder, Bilingual>, raw: &str, key: &str) -> Read {
    match read {
        Ok(order) => Read::Order(Box::new(order)),
        Err(reason) => Read::Unreadable { id: id(raw, key), reason, raw: raw.to_owned() },
    }
}

/// The id of an order that could not be read otherwise.
fn id(raw: &str, key: &str) -> Option<RemoteOrderId> {
    let value: serde_json::Value = serde_json::from_str(raw).ok()?;
    let found = value.get(key).or_else(|| value.get("Order")?.get(key))?;
    String::deserialize(found).ok().filter(|id| !id.is_empty()).map(RemoteOrderId)
}

/// Puts an order together. `Err` holds in plain words what could not be understood.
fn remote(order: &Order, raw: &str, settings: &Settings) -> Result<RemoteOrder, Bilingual> {
    if order.order_id.trim().is_empty() {
        return Err(both!("the order has no id", "注文番号がありません"));
    }
    let changed_at = time::timestamp(&order.last_updated_time);
    let placed_at = time::timestamp(&order.created_time)
        .or(changed_at)
        .ok_or_else(|| both!("the order has no date", "注文日時がありません"))?;
    let mut unknowns = Vec::new();
    let fulfilment = fulfilment(order, &mut unknowns);
    let currency = totals::currency(order, settings.store.currency, &mut unknowns);
    let (lines, totals) = match lines(order, &currency) {
        Ok(lines) => {
            let totals = totals::totals(order, &lines, &currency);
            (lines, totals)
        }
        Err(LineFault::Units(reason)) => return Err(reason),
        Err(LineFault::Money(reason)) => (lines_without_money(order), Err(reason)),
    };
    let totals = totals.unwrap_or_else(|reason| {
        unknowns.extend(Bilingual::list([
            reason,
            both!("the order's totals are left empty", "受注の金額は空欄のまま取り込みました"),
        ]));
        banto_channel::Totals::default()
    });
    let methods = methods(order);
    note_unknown_methods(&methods, settings, &mut unknowns);
    let cash = is_cash_on_delivery(order);
    Ok(RemoteOrder {
        id: RemoteOrderId(order.order_id.clone()),
        number: order.order_id.clone(),
        placed_at,
        changed_at,
        payment: payment(order, fulfilment, cash),
        paid_at: None,
        fulfilment,
        status: order.fulfillment.fulfillment_status.clone(),
        currency,
        totals,
        moves_own_stock: moves_own_stock(order, &mut unknowns),
        stock_taken: None,
        buyer: buyer(order),
        bill_to: Address::default(),
        ship_to: address(&order.recipient.delivery_address),
        payment_method: payment_method(&methods, cash),
        payment_title: methods.join(", "),
        note: note(order),
        ship_by: time::timestamp(&order.fulfillment.ship_by_window.latest_date_time),
        lines,
        shipments: order.packages.iter().map(shipment).collect(),
        refunds: Vec::new(),
        unknowns,
        wait: wait(order),
        raw: raw.to_owned(),
    })
}

fn payment_method(methods: &[String], cash: bool) -> String {
    if cash { "CashOnDelivery".to_owned() } else { methods.first().cloned().unwrap_or_default() }
}

fn fulfilment(order: &Order, unknowns: &mut Vec<Bilingual>) -> Fulfilment {
    match order.fulfillment.fulfillment_status.as_str() {
        "PENDING" | "PENDING_AVAILABILITY" | "UNSHIPPED" | "UNFULFILLABLE" => Fulfilment::Open,
        "PARTIALLY_SHIPPED" => Fulfilment::Partial,
        "SHIPPED" => Fulfilment::Shipped,
        "CANCELLED" => Fulfilment::Cancelled,
        other => {
            unknowns.push(both!(
                "status {other:?} is not one that Amazon documents",
                "Amazonの仕様書にないステータス「{other}」です"
            ));
            Fulfilment::Open
        }
    }
}

/// Amazon tells no payments. An order leaves `PENDING` when its payment is authorized, from then on Amazon guarantees
/// it; what is paid at the door is paid when it was delivered, which is never told, so shipping stands for it.
fn payment(order: &Order, fulfilment: Fulfilment, cash: bool) -> Payment {
    match (order.fulfillment.fulfillment_status.as_str(), fulfilment) {
        ("PENDING" | "PENDING_AVAILABILITY", _) | (_, Fulfilment::Cancelled) => Payment::Awaiting,
        (_, Fulfilment::Shipped) => Payment::Paid,
        _ if cash => Payment::Awaiting,
        _ => Payment::Paid,
    }
}

fn moves_own_stock(order: &Order, unknowns: &mut Vec<Bilingual>) -> bool {
    match order.fulfillment.fulfilled_by.as_str() {
        "AMAZON" => false,
        "MERCHANT" | "" => true,
        other => {
            unknowns.push(both!(
                "fulfilled by {other:?}, which Amazon does not document",
                "出荷元「{other}」はAmazonの仕様書にありません"
            ));
            true
        }
    }
}

/// Why it must not leave yet, where that ends by itself.
fn wait(order: &Order) -> Option<Bilingual> {
    match order.fulfillment.fulfillment_status.as_str() {
        "CANCELLED" | "SHIPPED" => return None,
        // Any other pending order is known to be unpaid; this one looks like one whose money comes at the door.
        "PENDING" if is_cash_on_delivery(order) => {
            return Some(both!("Amazon has not released the order yet", "Amazonの注文確定待ちです"));
        }
        "PENDING_AVAILABILITY" => {
            return Some(both!("a pre-order: the release date is still to come", "予約注文です（発売日前）"));
        }
        "UNFULFILLABLE" => {
            return Some(both!(
                "Amazon cannot fulfil it from its warehouse",
                "Amazonの倉庫から出荷できません"
            ));
        }
        _ => {}
    }
    let asked = order.order_items.iter().filter(|item| item.cancellation.cancellation_execution.is_none());
    let request = asked.filter_map(|item| item.cancellation.cancellation_request.as_ref()).next()?;
    let reason = request.cancel_reason.trim();
    let (en, ja) = match reason {
        "" => (String::new(), String::new()),
        reason => (format!(": {reason}"), format!("（理由: {reason}）")),
    };
    Some(Bilingual {
        en: format!("the buyer asks to cancel{en}; decide it in Seller Central"),
        ja: format!("お客様からキャンセルの依頼があります{ja}。セラーセントラルで対応してください"),
    })
}

/// Whether the money is collected at the door.
pub(crate) fn is_cash_on_delivery(order: &Order) -> bool {
    let methods = order.payment.payment_executions.iter().map(|e| e.payment_method.as_str());
    let constraints = order.order_items.iter().map(|i| &i.fulfillment.shipping.shipping_constraints);
    methods.into_iter().any(|method| matches!(method, "CashOnDelivery" | "COD"))
        || constraints.into_iter().any(|c| c.cash_on_delivery == "MANDATORY")
}

fn methods(order: &Order) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for execution in &order.payment.payment_executions {
        let method = execution.payment_method.trim();
        if !method.is_empty() && !methods.iter().any(|known| known == method) {
            methods.push(method.to_owned());
        }
    }
    methods
}

fn note_unknown_methods(methods: &[String], settings: &Settings, unknowns: &mut Vec<Bilingual>) {
    for method in methods {
        if !PAYMENT_METHODS.contains(&method.as_str()) && !settings.payment_methods.contains(method) {
            unknowns.push(both!(
                "payment method {method:?} is not known; add it to payment_methods in the channel's config",
                "不明な支払方法「{method}」です。チャネルの設定の payment_methods に追加してください"
            ));
        }
    }
}

fn buyer(order: &Order) -> Buyer {
    Buyer {
        name: tidy(&order.buyer.buyer_name),
        email: tidy(&order.buyer.buyer_email),
        phone: tidy(&order.recipient.delivery_address.phone),
        language: String::new(),
    }
}

fn address(from: &CustomerAddress) -> Address {
    let city = first_of(&[&from.city, &from.municipality, &from.district_or_county]);
    let region = first_of(&[&from.state_or_region, &from.district_or_county]);
    let mut line2: Vec<&str> = Vec::new();
    for part in [&from.address_line2, &from.address_line3, &from.municipality, &from.district_or_county] {
        let part = part.trim();
        if !part.is_empty() && part != city && part != region && !line2.contains(&part) {
            line2.push(part);
        }
    }
    Address {
        name: tidy(&from.name),
        name_kana: String::new(),
        company: tidy(&from.company_name),
        country: tidy(&from.country_code),
        postcode: tidy(&from.postal_code),
        line1: tidy(&from.address_line1),
        line2: line2.join(", "),
        phone: tidy(&from.phone),
        region,
        city,
    }
}

fn first_of(parts: &[&String]) -> String {
    parts.iter().map(|part| part.trim()).find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}

fn tidy(text: &str) -> String {
    text.trim().to_owned()
}

/// Delivery instructions, and what is to be written into presents.
fn note(order: &Order) -> String {
    let preference = &order.recipient.delivery_preference;
    let mut notes = vec![preference.address_instruction.trim().to_owned()];
    if !preference.drop_off_location.trim().is_empty() {
        notes.push(format!("Drop off: {}", preference.drop_off_location.trim()));
    }
    for item in &order.order_items {
        let gift = &item.fulfillment.packing.gift_option;
        let (message, wrap) = (gift.gift_message.trim(), gift.gift_wrap_level.trim());
        match (message.is_empty(), wrap.is_empty()) {
            (true, true) => {}
            (true, false) => notes.push(format!("Gift wrap: {wrap}")),
            (false, true) => notes.push(format!("Gift: {message}")),
            (false, false) => notes.push(format!("Gift ({wrap}): {message}")),
        }
    }
    notes.retain(|note| !note.is_empty());
    notes.dedup();
    notes.join("\n")
}

enum LineFault {
    /// The goods cannot be counted: the order cannot be read.
    Units(Bilingual),
    /// An amount is none: the goods are known all the same.
    Money(Bilingual),
}

fn lines(order: &Order, currency: &str) -> Result<Vec<RemoteLine>, LineFault> {
    order
        .order_items
        .iter()
        .map(|item| {
            let mut line = line(order, item).map_err(LineFault::Units)?;
            let money = totals::line(item, currency).map_err(LineFault::Money)?;
            (line.unit_price, line.total) = money;
            Ok(line)
        })
        .collect()
}

fn lines_without_money(order: &Order) -> Vec<RemoteLine> {
    order.order_items.iter().filter_map(|item| line(order, item).ok()).collect()
}

fn line(order: &Order, item: &Item) -> Result<RemoteLine, Bilingual> {
    let ordered = item.quantity_ordered;
    if item.order_item_id.trim().is_empty() {
        return Err(both!("a line has no id", "IDのない明細があります"));
    }
    if ordered < 0 {
        let id = &item.order_item_id;
        return Err(both!("line {id} has a negative quantity", "明細 {id} の数量が負の数です"));
    }
    let sku = Some(item.product.seller_sku.clone()).filter(|sku| !sku.is_empty());
    Ok(RemoteLine {
        id: item.order_item_id.clone(),
        listing: sku.clone().map(ListingId),
        code: sku,
        title: item.product.title.trim().to_owned(),
        quantity: ordered,
        cancelled: cancelled(order, item),
        returned: 0,
        shipped: item.fulfillment.quantity_fulfilled.map(|n| n.clamp(0, ordered)),
        unit_price: Money(0),
        total: Money(0),
        tax_rate_bp: None,
    })
}

/// Units that were cancelled. Amazon names no number: it is what is neither fulfilled nor to be fulfilled. Before the
/// payment is authorized both numbers may be 0 without meaning that.
fn cancelled(order: &Order, item: &Item) -> i64 {
    let progress = &item.fulfillment;
    let fulfilled = progress.quantity_fulfilled.unwrap_or(0);
    let left = match (order.fulfillment.fulfillment_status.as_str(), progress.quantity_unfulfilled) {
        ("CANCELLED", _) => 0,
        ("PENDING" | "PENDING_AVAILABILITY", _) | (_, None) => return 0,
        (_, Some(_)) if item.cancellation.cancellation_execution.is_none() => return 0,
        (_, Some(left)) => left,
    };
    (item.quantity_ordered - fulfilled - left).clamp(0, item.quantity_ordered)
}

fn shipment(package: &Package) -> RemoteShipment {
    RemoteShipment {
        id: package.package_reference_id.clone(),
        carrier: package.carrier.trim().to_owned(),
        tracking: package.tracking_number.trim().to_owned(),
        tracking_url: None,
        shipped_at: time::timestamp(&package.ship_time),
        lines: package.package_items.iter().map(|item| (item.order_item_id.clone(), item.quantity)).collect(),
    }
}
