//! Lines and amounts. All prices include tax.

use banto_channel::{Bilingual, ListingId, Money, RemoteLine, Totals, both};

use crate::parse::CURRENCY;
use crate::xml::Node;

/// The lines, in their order.
///
/// Errors: a price or number that is none.
pub(crate) fn read(order: &Node, unknowns: &mut Vec<Bilingual>) -> Result<Vec<RemoteLine>, Bilingual> {
    order.all("Item").map(|item| line(item, unknowns)).collect()
}

fn line(item: &Node, unknowns: &mut Vec<Bilingual>) -> Result<RemoteLine, Bilingual> {
    let id = item.text("LineId").to_owned();
    let (code, sub) = (item.text("ItemId"), item.text("SubCode"));
    let quantity: i64 = item.text("Quantity").parse().map_err(|_| {
        both!(
            "line {id}: the quantity is {text:?}, which is no number",
            "明細 {id}: 数量「{text}」が数値ではありません",
            text = item.text("Quantity")
        )
    })?;
    if quantity < 0 {
        return Err(both!("line {id}: the quantity is {quantity}", "明細 {id}: 数量が {quantity} です"));
    }
    // The price after the store's coupon and the sale of the day, as the buyer pays it.
    let unit_price = amount(item, "UnitPrice")?;
    let total = unit_price
        .0
        .checked_mul(quantity)
        .ok_or_else(|| both!("line {id}: it costs too much", "明細 {id}: 金額が大きすぎます"))?;
    Ok(RemoteLine {
        listing: listing(code, sub),
        code: [sub, code].into_iter().find(|c| !c.is_empty()).map(str::to_owned),
        title: title(item),
        quantity,
        cancelled: 0,
        returned: 0,
        shipped: None,
        unit_price,
        total: Money(total),
        tax_rate_bp: tax_rate(item, &id, unknowns),
        id,
    })
}

/// The key of an offer: what `setStock` wants, `code` or `code:sub`.
pub(crate) fn listing(code: &str, sub: &str) -> Option<ListingId> {
    match (code, sub) {
        ("", _) => None,
        (code, "") => Some(code.into()),
        (code, sub) => Some(format!("{code}:{sub}").into()),
    }
}

/// The title with what was chosen and what is to be engraved.
fn title(item: &Node) -> String {
    let mut title = item.text("Title").to_owned();
    let chosen = item.text("SubCodeOption");
    if !chosen.is_empty() {
        title.push_str(&format!(" {chosen}"));
    }
    for option in item.all("ItemOption").chain(item.all("Inscription")) {
        let (name, value) = (option.text("Name"), option.text("Value"));
        if !name.is_empty() || !value.is_empty() {
            title.push_str(&format!(" [{name}: {value}]"));
        }
    }
    title
}

fn tax_rate(item: &Node, id: &str, unknowns: &mut Vec<Bilingual>) -> Option<i64> {
    match item.text("ItemTaxRatio") {
        "" => None,
        "10" => Some(1000),
        "8" => Some(800),
        "0" => Some(0),
        other => {
            unknowns.push(both!(
                "line {id}: a tax rate of {other:?} is not known",
                "明細 {id}: 不明な税率「{other}」です"
            ));
            None
        }
    }
}

/// The totals, sorted into banto's parts.
///
/// TotalPrice is 商品金額合計 + ギフト包装料 + 送料 + 手数料 − 値引き − 利用ポイント − モールクーポン − 特典の一部利用 − 商品券 + 調整額. The documents
/// also say that UsePoint already holds 特典の一部利用 and 商品券, so whichever of the two adds up is taken.
///
/// Errors: an amount that is none.
pub(crate) fn totals(detail: &Node, lines: &[RemoteLine]) -> Result<Totals, Bilingual> {
    let adjustment = amount(detail, "Adjustments")?.0;
    let sum = |fields: &[&str]| -> Result<i64, Bilingual> {
        fields.iter().try_fold(0_i64, |sum, field| {
            sum.checked_add(amount(detail, field)?.0)
                .ok_or_else(|| both!("{field}: the sum is too large", "{field}: 合計が大きすぎます"))
        })
    };
    let items = lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.total.0));
    let discount = sum(&["Discount", "UsePoint", "TotalMallCouponDiscount"])? - adjustment.min(0);
    let totals = Totals {
        items: Money(items.ok_or_else(|| both!("the lines cost too much", "明細の合計が大きすぎます"))?),
        discount: Money(discount),
        shipping: amount(detail, "ShipCharge")?,
        fees: Money(sum(&["PayCharge", "GiftWrapCharge"])? + adjustment.max(0)),
        grand: amount(detail, "TotalPrice")?,
        ..Totals::default()
    };
    let vouchers = sum(&["TotalImmediateBonusAmount", "GiftCardDiscount"])?;
    let apart = Totals { discount: Money(discount.saturating_add(vouchers)), ..totals };
    match totals.sum() != Some(totals.grand) && apart.sum() == Some(apart.grand) {
        true => Ok(apart),
        false => Ok(totals),
    }
}

/// An amount; an empty field is nothing.
fn amount(node: &Node, name: &str) -> Result<Money, Bilingual> {
    match node.text(name) {
        "" => Ok(Money(0)),
        text => Money::parse(text, CURRENCY).map_err(|e| Bilingual::quoted(name).with(&e.words())),
    }
}
