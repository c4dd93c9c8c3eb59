//! Lines and amounts.

use std::collections::BTreeMap;

use banto_channel::{Bilingual, Fulfilment, ListingId, Money, RemoteLine, Totals, both, minor_digits};

use super::{Fault, Slip};
use crate::columns::OrderField;
use crate::status::{self, LineKind, State};
use crate::table::Row;
use crate::value::{self, money, units};

fn too_large() -> Bilingual {
    both!("the amount is too large", "金額が大きすぎます")
}

fn sum_too_large() -> Bilingual {
    both!("the sum is too large", "合計が大きすぎます")
}

impl Slip<'_> {
    fn amount(&self, row: &Row, field: OrderField) -> Result<Money, Fault> {
        if minor_digits(&self.currency).is_none() {
            return Ok(Money(0));
        }
        let mut sum = 0_i64;
        for part in self.layout.parts(row, field) {
            let read = money(&part, &self.currency).map_err(|why| self.fault(row, field, &why))?;
            // Some write what is taken off as a negative number, and some only a part of it.
            let part = if field == OrderField::Discount { read.0.saturating_abs() } else { read.0 };
            sum = sum.checked_add(part).ok_or_else(|| self.fault(row, field, &too_large()))?;
        }
        Ok(Money(sum))
    }

    /// An amount of the whole order, which each row repeats or the first alone has. `None` if the file has no such
    /// column. Where rows differ it is probably an amount of each row, and the order is held.
    fn total(&mut self, field: OrderField) -> Result<Option<Money>, Fault> {
        if !self.layout.has(field) {
            return Ok(None);
        }
        let mut found: Option<Money> = None;
        for (row, _) in self.rows.clone() {
            if self.layout.parts(row, field).is_empty() {
                continue;
            }
            let amount = self.amount(row, field)?;
            match found {
                Some(first) if first != amount => {
                    let title = self.layout.name(field);
                    self.unknown(both!(
                        "its rows differ in {en}: if that is an amount of each row, do not map it",
                        "行によって{ja}の値が異なります。行ごとの金額であれば、この列の割り当てを外してください",
                        en = title.en,
                        ja = title.ja
                    ));
                }
                _ => found = Some(amount),
            }
        }
        Ok(Some(found.unwrap_or_default()))
    }

    fn count(&self, row: &Row, field: OrderField) -> Result<Option<i64>, Fault> {
        let text = self.layout.text(row, field);
        if text.is_empty() {
            return Ok(None);
        }
        units(&text).map(Some).map_err(|why| self.fault(row, field, &why))
    }

    /// One for each row that is about goods.
    pub(super) fn lines(&mut self) -> Result<Vec<RemoteLine>, Fault> {
        let rows = self.goods.clone();
        let all: Vec<State> = rows.iter().map(|(_, state)| *state).collect();
        let order = status::fulfilment(&all);
        let (mut lines, mut met) = (Vec::new(), BTreeMap::new());
        for (row, state) in rows {
            let mut line = self.line(row)?;
            // Rows with states of their own say by line what is gone and what left.
            match state.fulfilment() {
                Fulfilment::Cancelled if order != Fulfilment::Cancelled => line.cancelled = line.quantity,
                Fulfilment::Shipped if order == Fulfilment::Partial => {
                    line.shipped = line.shipped.or(Some(line.quantity - line.cancelled))
                }
                Fulfilment::Open if order == Fulfilment::Partial => line.shipped = line.shipped.or(Some(0)),
                _ => {}
            }
            let times = met.entry(line.id.clone()).or_insert(0_u32);
            *times += 1;
            if *times > 1 {
                line.id = format!("{}#{times}", line.id);
            }
            lines.push(line);
        }
        Ok(lines)
    }

    fn line(&mut self, row: &Row) -> Result<RemoteLine, Fault> {
        use OrderField as F;
        let text = |field| Some(self.layout.text(row, field)).filter(|text| !text.is_empty());
        let code = text(F::Code);
        // Where no column holds a key of the marketplace's own, the seller's code is the key.
        let listing = if self.layout.has(F::Listing) { text(F::Listing) } else { code.clone() };
        let id = text(F::LineId).or_else(|| listing.clone()).or_else(|| code.clone());
        let quantity = self.count(row, F::Quantity)?;
        let quantity = quantity
            .ok_or_else(|| self.fault(row, F::Quantity, &both!("there is no number", "数量がありません")))?;
        let (cancelled, returned) = (self.count(row, F::Cancelled)?, self.count(row, F::Returned)?);
        let (cancelled, returned) = (cancelled.unwrap_or(0), returned.unwrap_or(0));
        if cancelled > quantity {
            return Err(self.fault(
                row,
                F::Cancelled,
                &both!(
                    "{cancelled} of {quantity} units are cancelled",
                    "数量{quantity}に対してキャンセル数が{cancelled}です"
                ),
            ));
        }
        if returned > quantity - cancelled {
            return Err(self.fault(
                row,
                F::Returned,
                &both!(
                    "{returned} of {quantity} units came back",
                    "数量{quantity}に対して返品数が{returned}です"
                ),
            ));
        }
        let (unit_price, total) = self.prices(row, quantity)?;
        let rate = text(F::TaxRate);
        let tax_rate_bp = rate.as_deref().and_then(value::rate_bp);
        if let (Some(rate), None) = (&rate, tax_rate_bp) {
            self.unknown(both!("tax rate {rate:?}", "不明な税率「{rate}」です"));
        }
        let title = self.layout.text(row, F::Title);
        let shipped = self.count(row, F::Shipped)?;
        Ok(RemoteLine {
            id: id.unwrap_or_else(|| "?".to_owned()),
            listing: listing.map(ListingId),
            code,
            title,
            quantity,
            cancelled,
            returned,
            shipped,
            unit_price,
            total,
            tax_rate_bp,
        })
    }

    /// Price of one and of all; what the file does not say is worked out from the other.
    fn prices(&self, row: &Row, quantity: i64) -> Result<(Money, Money), Fault> {
        use OrderField::{LineTotal, UnitPrice};
        let told = |field| -> Result<Option<Money>, Fault> {
            match self.layout.parts(row, field).is_empty() {
                true => Ok(None),
                false => self.amount(row, field).map(Some),
            }
        };
        Ok(match (told(UnitPrice)?, told(LineTotal)?) {
            (Some(one), Some(all)) => (one, all),
            (None, Some(all)) => (Money(all.0.checked_div(quantity).unwrap_or(0)), all),
            (Some(one), None) => {
                let all = one.0.checked_mul(quantity);
                (one, Money(all.ok_or_else(|| self.fault(row, UnitPrice, &too_large()))?))
            }
            (None, None) => (Money(0), Money(0)),
        })
    }

    /// What rows of a kind come to, where no column of the order says it.
    fn extra(&self, kind: LineKind) -> Result<Money, Fault> {
        let mut sum = 0_i64;
        for (row, _) in self.extras.iter().filter(|(_, of)| *of == kind) {
            let units = self.count(row, OrderField::Quantity)?.unwrap_or(1);
            let (_, all) = self.prices(row, units)?;
            sum = sum
                .checked_add(all.0)
                .ok_or_else(|| self.fault(row, OrderField::LineTotal, &sum_too_large()))?;
        }
        Ok(Money(sum))
    }

    /// What the file says, and what it leaves out worked out from the rest.
    pub(super) fn totals(&mut self, lines: &[RemoteLine]) -> Result<Totals, Fault> {
        use OrderField as F;
        let of_lines = lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.total.0));
        let of_lines = of_lines.ok_or_else(|| self.fault(self.rows[0].0, F::LineTotal, &sum_too_large()))?;
        let mut part = |field, kind| self.total(field)?.map_or_else(|| self.extra(kind), Ok);
        let shipping = part(F::Shipping, LineKind::Shipping)?;
        let fees = part(F::Fees, LineKind::Fee)?;
        let discount = part(F::Discount, LineKind::Discount)?;
        let mut totals = Totals {
            items: self.total(F::Items)?.unwrap_or(Money(of_lines)),
            // Rows about discounts have negative prices.
            discount: Money(discount.0.saturating_abs()),
            shipping,
            fees,
            tax_on_top: self.total(F::TaxOnTop)?.unwrap_or_default(),
            tax: Money(0),
            grand: Money(0),
            refunded: Money(self.total(F::Refunded)?.unwrap_or_default().0.saturating_abs()),
        };
        totals.tax = self.total(F::Tax)?.unwrap_or(totals.tax_on_top);
        totals.grand = match self.total(F::Grand)? {
            Some(grand) => grand,
            None => totals.sum().ok_or_else(|| self.fault(self.rows[0].0, F::Items, &sum_too_large()))?,
        };
        Ok(totals)
    }
}
