//! One order of RMS as banto's remote order. Pure.

use banto_channel::{
    Address, Bilingual, Carrier, Fulfilment, ListingId, Money, Payment, RemoteLine, RemoteOrder,
    RemoteOrderId, RemoteRefund, RemoteShipment, Timestamp, Totals, both,
};

use crate::carriers::CARRIERS;
use crate::model::{Item, Order, Package, Shipping};
use crate::progress::{self, Progress};
use crate::{JPY, money, people, stock, time, words};

/// Puts an order together from its own text.
///
/// `Err` holds in plain words what could not be understood.
pub(crate) fn order(order: &Order, raw: &str, paid_at: Option<Timestamp>) -> Result<RemoteOrder, Bilingual> {
    let number =
        order.order_number.some().ok_or_else(|| both!("the order has no number", "注文番号がありません"))?;
    let placed_at = time::timestamp(order.order_datetime.as_str())
        .ok_or_else(|| both!("the order has no date", "注文日時がありません"))?;
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
        stock_taken: None,
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
fn unknown_words(order: &Order, progress: Option<Progress>) -> Vec<Bilingual> {
    let mut unknowns = Vec::new();
    if progress.is_none() {
        let word = order.order_progress.as_str();
        unknowns.push(both!(
            "orderProgress {word:?} is not known",
            "不明なステータス「{word}」（orderProgress）です"
        ));
    }
    let kind = order.order_type.as_str();
    if words::order_type(kind).is_none() {
        unknowns.push(both!("orderType {kind:?} is not known", "不明な注文種別「{kind}」（orderType）です"));
    }
    let method = order.settlement.settlement_method_code.as_str();
    if !words::is_known_payment(method) {
        unknowns.push(match method {
            "" => both!("no way of payment", "支払方法がありません"),
            _ => both!(
                "way of payment {method:?} ({title}) is not known",
                "不明な支払方法「{title}」（コード {method}）です",
                title = order.settlement.settlement_method.as_str()
            ),
        });
    }
    unknowns
}

/// Why RMS says that it must not leave yet.
fn wait(order: &Order, progress: Option<Progress>, unfixed: bool) -> Option<Bilingual> {
    let mut reasons = Vec::new();
    match progress {
        Some(Progress::Processing) => {
            reasons.push(both!(
                "Rakuten is still processing it (楽天処理中: payment or check)",
                "楽天処理中です（決済または確認の完了待ち）"
            ));
        }
        Some(Progress::Changing) => {
            reasons.push(both!("a change waits to be settled (変更確定待ち)", "変更確定待ちです"));
        }
        _ => {}
    }
    if order.rakuten_confirm_flag.is_set() {
        reasons.push(both!("Rakuten is checking it (楽天確認中)", "楽天確認中です"));
    }
    if order.caution_display_type.as_str() == "2" {
        reasons.push(both!(
            "Rakuten marks it as to be cancelled (注意表示: キャンセル確定)",
            "注意表示「キャンセル確定」が付いています"
        ));
    }
    if unfixed {
        reasons.push(both!(
            "amounts are not fixed yet; enter postage and fees in RMS",
            "金額が未確定です。RMSで送料と手数料を入力してください"
        ));
    }
    if let Some(package) = order.packages.iter().find(|package| people::awaits_address(package)) {
        let told = both!(
            "the receiver of the social gift has still to enter an address",
            "ソーシャルギフトの受取人の住所入力待ちです"
        );
        reasons.push(match package.gift.input_due_date.as_str() {
            "" => told,
            day => Bilingual {
                en: format!("{}, until {day}", told.en),
                ja: format!("{}（期限 {day}）", told.ja),
            },
        });
    }
    Bilingual::list(reasons)
}

/// The first destination. Where there are several doors, a person has to look.
fn ship_to(order: &Order, unknowns: &mut Vec<Bilingual>) -> Address {
    let Some((first, others)) = order.packages.split_first() else {
        return Address::default();
    };
    let elsewhere = others.iter().filter(|p| !people::same_place(&first.receiver, &p.receiver)).count();
    if elsewhere > 0 {
        unknowns.push(both!(
            "it goes to {places} addresses; banto ships to the first, the note says what goes where",
            "送付先が{places}か所あります。banto は先頭の送付先へ出荷します。内訳はメモにあります",
            places = elsewhere + 1
        ));
    }
    match people::awaits_address(first) {
        true => Address::default(),
        false => people::address(&first.receiver),
    }
}

fn lines(order: &Order, unknowns: &mut Vec<Bilingual>) -> Result<Vec<RemoteLine>, Bilingual> {
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

fn line(item: &Item, unknowns: &mut Vec<Bilingual>) -> Result<RemoteLine, Bilingual> {
    let name = item.item_name.as_str();
    let units = item.units.whole().filter(|units| *units >= 0);
    let units = units.ok_or_else(|| {
        both!(
            "{units:?} is no number of units of {name:?}",
            "「{name}」の数量「{units}」が数値ではありません",
            units = item.units.as_str()
        )
    })?;
    let price = if item.price_tax_incl.is_empty() { &item.price } else { &item.price_tax_incl };
    let unit_price = price.yen()?.known();
    let total = unit_price.0.checked_mul(units).map(Money).ok_or_else(money::too_large)?;
    if item.skus.len() > 1 {
        unknowns.push(both!(
            "{name:?} was bought as {skus} SKUs in one line",
            "「{name}」の1明細にSKUが{skus}件あります",
            skus = item.skus.len()
        ));
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

fn shipments(order: &Order, unknowns: &mut Vec<Bilingual>) -> Vec<RemoteShipment> {
    let mut shipments = Vec::new();
    for package in &order.packages {
        for parcel in package.parcels.iter().filter(|parcel| !parcel.is_blank()) {
            shipments.push(shipment(package, parcel, unknowns));
        }
    }
    shipments
}

fn shipment(package: &Package, parcel: &Shipping, unknowns: &mut Vec<Bilingual>) -> RemoteShipment {
    let code = parcel.delivery_company.as_str();
    let known = Carrier::find(CARRIERS, code);
    if known.is_none() && !code.is_empty() {
        unknowns.push(both!(
            "carrier {code:?} ({name}) is not known",
            "不明な配送会社「{name}」（コード {code}）です",
            name = parcel.delivery_company_name.as_str()
        ));
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
