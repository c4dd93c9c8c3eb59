//! Totals. RMS: 総合計 = totalPrice - couponAllTotalPrice + deliveryPrice + paymentCharge +
//! additionalFeeOccurAmountToUser, with totalPrice = goods + wrapping + postage; points come off afterwards, and what
//! is left is requestPrice.

use banto_channel::{Bilingual, Money, RemoteLine, Totals, both};

use crate::lenient::{Text, Yen};
use crate::model::{Order, Wrapping};

/// The totals, and whether some amount is not fixed yet (-9999).
///
/// What is not fixed counts as nothing, and `grand` is then what the rest makes, so that the parts of a sound order
/// always add up.
pub(crate) fn totals(order: &Order, lines: &[RemoteLine]) -> Result<(Totals, bool), Bilingual> {
    let mut unfixed = [&order.goods_price, &order.request_price]
        .into_iter()
        .map(Text::yen)
        .collect::<Result<Vec<_>, _>>()?
        .contains(&Yen::Unfixed);
    let mut sum = |parts: &[&Text]| -> Result<Money, Bilingual> {
        let mut total = Money(0);
        for part in parts {
            let yen = part.yen()?;
            unfixed |= yen == Yen::Unfixed;
            total = add(total, yen.known())?;
        }
        Ok(total)
    };
    let fees =
        sum(&[&order.delivery_price, &order.payment_charge, &order.additional_fee_occur_amount_to_user])?;
    let mut totals = Totals {
        items: lines.iter().try_fold(Money(0), |sum, line| add(sum, line.total))?,
        discount: sum(&[&order.coupon_all_total_price, &order.point.used_point])?,
        shipping: sum(&[&order.postage_price])?,
        fees: add(add(fees, wrapping(&order.wrapping_1)?)?, wrapping(&order.wrapping_2)?)?,
        tax_on_top: Money(0),
        tax: taxes(order)?,
        ..Totals::default()
    };
    let asked = order.request_price.yen()?;
    totals.grand = match asked {
        Yen::Fixed(asked) if !unfixed && !order.request_price.is_empty() => asked,
        _ => totals.sum().ok_or_else(too_large)?,
    };
    Ok((totals, unfixed))
}

/// What wrapping costs with its tax, which stands beside the price where that leaves it out.
fn wrapping(wrapping: &Wrapping) -> Result<Money, Bilingual> {
    let price = wrapping.price.yen()?.known();
    match wrapping.include_tax_flag.is_set() {
        true => Ok(price),
        false => add(price, wrapping.tax_price.yen()?.known()),
    }
}

/// All tax, included in the other parts: 請求額に対する税額 by rate.
fn taxes(order: &Order) -> Result<Money, Bilingual> {
    order.taxes.iter().try_fold(Money(0), |sum, rate| add(sum, rate.req_price_tax.yen()?.known()))
}

fn add(a: Money, b: Money) -> Result<Money, Bilingual> {
    a.0.checked_add(b.0).map(Money).ok_or_else(too_large)
}

/// Amounts that do not fit.
pub(crate) fn too_large() -> Bilingual {
    both!("the amounts are too large", "金額が大きすぎます")
}
