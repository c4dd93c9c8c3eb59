//! One order of RMS as banto's remote order. Pure.

use banto_channel::{
    Address, Carrier, Fulfilment, ListingId, Money, Payment, RemoteLine, RemoteOrder, RemoteOrderId,
    RemoteRefund, RemoteShipment, Timestamp, Totals,
};

use crate::carriers::CARRIERS;
use crate::model::{Item, Order, Package, Shipping};
use crate::progress::{self, Progress};
use crate::{JPY, money, people, stock, time, words};

/// Puts an order together from its own text.
///
/// `Err` holds in plain words what could not be understood.
pub(crate) fn order(order: &Order, raw: &str, paid_at: Option<Timestamp>) -> Result<RemoteOrder, String> {
    let number = order.order_number.some().ok_or("the order has no number")?;
    let placed_at = time::timestamp(order.order_datetime.as_str()).ok_or("the order has no date")?;
    let progress = Progress::of(order);
    let fulfilment = progress::fulfilment(order, progress);
    let payment = progress::payment(order, progress);
    let mut unknowns = unknown_words(order, progress);
    let mut lines = lines(order, &mut unknowns)?;
    close(&mut lines, fulfilment, progress);
    let (mut totals, unfixed) = money::totals(order, &lines)?;
    let refunds = refunds(order, payment, &mut totals, &lines);
    Ok(RemoteOrder {
        id: RemoteOrderId(number.clone()),
        number,
        placed_at,
        changed_at: None,
        payment,
        paid_at,
        fulfilment,
        status: progress::status(order, progress),
        currency: JPY.to_owned(),
        totals,
        moves_own_stock: true,
        buyer: people::buyer(order),
        bill_to: people::address(&order.orderer),
        ship_to: ship_to(order, &mut unknowns),
        payment_method: order.settlement.settlement_method_code.as_str().to_owned(),
        payment_title: order.settlement.settlement_method.as_str().to_owned(),
        note: words::note(order),
        ship_by: None,
        lines,
        shipments: shipments(order, &mut unknowns),
        refunds,
        unknowns,
        wait: wait(order, progress, unfixed),
        raw: raw.to_owned(),
    })
}

/// Words of RMS that the documents do not have.
fn unknown_words(order: &Order, progress: Option<Progress>) -> Vec<String> {
    let mut unknowns = Vec::new();
    if progress.is_none() {
        unknowns.push(format!("orderProgress {:?} is not known", order.order_progress.as_str()));
    }
    if words::order_type(order.order_type.as_str()).is_none() {
        unknowns.push(format!("orderType {:?} is not known", order.order_type.as_str()));
    }
    let method = order.settlement.settlement_method_code.as_str();
    if !words::is_known_payment(method) {
        unknowns.push(match method {
            "" => "no way of payment".to_owned(),
            _ => format!(
                "way of payment {method:?} ({}) is not known",
                order.settlement.settlement_method.as_str()
            ),
        });
    }
    unknowns
}

/// Why RMS says that it must not leave yet.
fn wait(order: &Order, progress: Option<Progress>, unfixed: bool) -> Option<String> {
    let mut reasons = Vec::new();
    match progress {
        Some(Progress::Processing) => {
            reasons.push("Rakuten is still processing it (楽天処理中: payment or check)".to_owned());
        }
        Some(Progress::Changing) => reasons.push("a change waits to be settled (変更確定待ち)".to_owned()),
        _ => {}
    }
    if order.rakuten_confirm_flag.is_set() {
        reasons.push("Rakuten is checking it (楽天確認中)".to_owned());
    }
    if order.caution_display_type.as_str() == "2" {
        reasons.push("Rakuten marks it as to be cancelled (注意表示: キャンセル確定)".to_owned());
    }
    if unfixed {
        reasons.push("amounts are not fixed yet; enter postage and fees in RMS".to_owned());
    }
    if let Some(package) = order.packages.iter().find(|package| people::awaits_address(package)) {
        let until = match package.gift.input_due_date.as_str() {
            "" => String::new(),
            day => format!(", until {day}"),
        };
        reasons.push(format!("the receiver of the social gift has still to enter an address{until}"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The first destination. Where there are several doors, a person has to look.
fn ship_to(order: &Order, unknowns: &mut Vec<String>) -> Address {
    let Some((first, others)) = order.packages.split_first() else {
        return Address::default();
    };
    let elsewhere = others.iter().filter(|p| !people::same_place(&first.receiver, &p.receiver)).count();
    if elsewhere > 0 {
        unknowns.push(format!(
            "it goes to {} addresses; banto ships to the first, the note says what goes where",
            elsewhere + 1
        ));
    }
    match people::awaits_address(first) {
        true => Address::default(),
        false => people::address(&first.receiver),
    }
}

fn lines(order: &Order, unknowns: &mut Vec<String>) -> Result<Vec<RemoteLine>, String> {
    let mut lines: Vec<RemoteLine> = Vec::new();
    for package in &order.packages {
        for item in &package.items {
            let mut line = line(item, unknowns)?;
            if line.id.is_empty() || lines.iter().any(|other| other.id == line.id) {
                line.id = format!("{}-{}", package.basket_id.as_str(), lines.len() + 1);
            }
            lines.push(line);
        }
    }
    Ok(lines)
}

fn line(item: &Item, unknowns: &mut Vec<String>) -> Result<RemoteLine, String> {
    let name = item.item_name.as_str();
    let units = item.units.whole().filter(|units| *units >= 0);
    let units =
        units.ok_or_else(|| format!("{:?} is no number of units of {name:?}", item.units.as_str()))?;
    let price = if item.price_tax_incl.is_empty() { &item.price } else { &item.price_tax_incl };
    let unit_price = price.yen()?.known();
    let total = unit_price.0.checked_mul(units).map(Money).ok_or("the amounts are too large")?;
    if item.skus.len() > 1 {
        unknowns.push(format!("{name:?} was bought as {} SKUs in one line", item.skus.len()));
    }
    // A set of several SKUs is not one listing.
    let sku = item.skus.first().filter(|_| item.skus.len() == 1);
    let listing = sku.and_then(|sku| stock::listing(item.manage_number.as_str(), sku.variant_id.as_str()));
    let code = sku.and_then(|sku| sku.merchant_defined_sku_id.some()).or_else(|| item.item_number.some());
    let details = sku.map(|sku| sku.sku_info.as_str().replace('\n', " / ")).unwrap_or_default();
    Ok(RemoteLine {
        id: item.item_detail_id.as_str().to_owned(),
        listing: listing.map(ListingId),
        code,
        title: if details.is_empty() { name.to_owned() } else { format!("{name} ({details})") },
        quantity: units,
        cancelled: 0,
        returned: 0,
        shipped: None,
        unit_price,
        total,
        tax_rate_bp: item.tax_rate.basis_points(),
    })
}

/// An order that ended without its goods staying out: everything was taken out again, or came back.
fn close(lines: &mut [RemoteLine], fulfilment: Fulfilment, progress: Option<Progress>) {
    let came_back = fulfilment == Fulfilment::Shipped && progress == Some(Progress::Cancelled);
    for line in lines {
        match fulfilment {
            Fulfilment::Cancelled => line.cancelled = line.quantity,
            _ if came_back => line.returned = line.quantity,
            _ => {}
        }
    }
}

/// RMS gives money back by itself, for a whole order when it is cancelled. A part is given back by changing the order,
/// whose amounts are then smaller.
fn refunds(order: &Order, payment: Payment, totals: &mut Totals, lines: &[RemoteLine]) -> Vec<RemoteRefund> {
    if payment != Payment::Refunded || totals.grand.0 <= 0 {
        return Vec::new();
    }
    totals.refunded = totals.grand;
    // 1 and 2: キャンセル確定, キャンセル完了.
    let change = order.changes.iter().rev().find(|c| matches!(c.change_type.as_str(), "0" | "1" | "2"));
    let at = change.and_then(|c| {
        time::timestamp(c.change_fix_datetime.as_str())
            .or_else(|| time::timestamp(c.change_apply_datetime.as_str()))
    });
    vec![RemoteRefund {
        id: change.and_then(|c| c.change_id.some()).unwrap_or_else(|| "cancel".to_owned()),
        amount: totals.grand,
        at,
        reason: change
            .map(|c| words::change_reason(c.change_reason_detail.as_str()).to_owned())
            .unwrap_or_default(),
        lines: lines.iter().map(|line| (line.id.clone(), line.quantity)).collect(),
    }]
}

fn shipments(order: &Order, unknowns: &mut Vec<String>) -> Vec<RemoteShipment> {
    let mut shipments = Vec::new();
    for package in &order.packages {
        for parcel in package.parcels.iter().filter(|parcel| !parcel.is_blank()) {
            shipments.push(shipment(package, parcel, unknowns));
        }
    }
    shipments
}

fn shipment(package: &Package, parcel: &Shipping, unknowns: &mut Vec<String>) -> RemoteShipment {
    let code = parcel.delivery_company.as_str();
    let known = Carrier::find(CARRIERS, code);
    if known.is_none() && !code.is_empty() {
        unknowns.push(format!("carrier {code:?} ({}) is not known", parcel.delivery_company_name.as_str()));
    }
    let name = known.and_then(|known| known.names.first()).map_or(code, |name| name);
    // Which units lie in which parcel is known only where there is one.
    let whole = package.parcels.len() == 1;
    let goods = package.items.iter().filter(|_| whole);
    RemoteShipment {
        id: parcel.shipping_detail_id.as_str().to_owned(),
        carrier: name.to_owned(),
        tracking: parcel.shipping_number.as_str().to_owned(),
        tracking_url: None,
        shipped_at: time::timestamp(parcel.shipping_date.as_str()),
        lines: goods.filter_map(|item| Some((item.item_detail_id.some()?, item.units.whole()?))).collect(),
    }
}
