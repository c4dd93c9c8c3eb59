//! What happens to an order: statuses, money, stock, refunds — as WooCommerce's own functions do it.

use super::order::{Order, Refund, RefundLine};
use super::state::Shop;

/// A refund that is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct RefundAsked {
    pub(super) amount: i64,
    pub(super) reason: String,
    /// What of which line; the ids are given when it is recorded.
    pub(super) lines: Vec<RefundLine>,
    pub(super) by_gateway: bool,
    pub(super) restock: bool,
}

impl Shop {
    /// Moves an order to a status, with everything that hangs on it. Nothing happens if it has it already.
    pub(super) fn set_status(&mut self, id: u64, status: &str) {
        let now = self.now();
        let Some(old) = self.orders.get(&id).map(|o| o.status.clone()).filter(|old| old != status) else {
            return;
        };
        self.edit_order(id, true, |order| {
            status.clone_into(&mut order.status);
            let paid_status = if order.needs_processing() { "processing" } else { "completed" };
            if order.paid.is_none() && (status == paid_status || status == "completed") {
                order.paid = Some(now);
            }
            if status == "completed" {
                order.completed = Some(now);
            }
        });
        let text = format!("Order status changed from {old} to {status}.");
        self.note_event(id, &text);
        match status {
            "processing" | "completed" | "on-hold" => self.reduce_stock(id),
            "cancelled" | "pending" => self.restore_stock(id),
            "refunded" => self.refund_rest(id),
            _ => {}
        }
        let deleted = status == "trash";
        self.emit(if deleted { "order.deleted" } else { "order.updated" }, id);
    }

    /// `payment_complete`: money for an order that waits for it, wherever it came from.
    pub(super) fn payment_complete(&mut self, id: u64, transaction: Option<&str>) {
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        if !matches!(order.status.as_str(), "on-hold" | "pending" | "failed" | "cancelled") {
            return;
        }
        let next = if order.needs_processing() { "processing" } else { "completed" };
        if let Some(transaction) = transaction {
            self.edit_order(id, true, |order| transaction.clone_into(&mut order.transaction_id));
        }
        self.set_status(id, next);
    }

    /// `wc_maybe_reduce_stock_levels`: once for each order, and once for each line.
    pub(super) fn reduce_stock(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id).filter(|o| !o.stock_reduced) else {
            return;
        };
        let wanted: Vec<(usize, u64, i64)> = order
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.reduced_stock.is_none())
            .map(|(at, line)| (at, row(line.product_id, line.variation_id), line.quantity))
            .collect();
        let mut taken = Vec::new();
        for (at, row, quantity) in wanted {
            if self.move_stock(row, quantity) {
                taken.push((at, quantity));
            }
        }
        self.edit_order(id, false, |order| {
            order.stock_reduced = true;
            for (at, quantity) in taken {
                if let Some(line) = order.lines.get_mut(at) {
                    line.reduced_stock = Some(quantity);
                }
            }
        });
    }

    /// `wc_maybe_increase_stock_levels`: puts back what the lines say they took.
    fn restore_stock(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id).filter(|o| o.stock_reduced) else {
            return;
        };
        let back: Vec<(u64, i64)> = order
            .lines
            .iter()
            .filter_map(|line| Some((row(line.product_id, line.variation_id), line.reduced_stock?)))
            .collect();
        for (row, quantity) in back {
            self.move_stock(row, -quantity);
        }
        self.edit_order(id, false, |order| {
            order.stock_reduced = false;
            for line in &mut order.lines {
                line.reduced_stock = None;
            }
        });
    }

    /// A status `refunded` without a refund makes one over what is left, without lines.
    fn refund_rest(&mut self, id: u64) {
        let Some(rest) = self.orders.get(&id).map(|o| o.sums().total - o.refunded()) else {
            return;
        };
        if rest > 0 {
            let asked = RefundAsked {
                amount: rest,
                reason: "Order fully refunded.".to_owned(),
                ..RefundAsked::default()
            };
            self.record_refund(id, asked);
        }
    }

    /// `wc_create_refund`. Moves the date of modification, and when nothing is left the status too.
    ///
    /// Errors: the sentence of WooCommerce.
    pub(super) fn create_refund(&mut self, id: u64, asked: RefundAsked) -> Result<u64, &'static str> {
        let order = self.orders.get(&id).ok_or("Invalid order ID.")?;
        let left = order.sums().total - order.refunded();
        if asked.amount < 0 || asked.amount > left {
            return Err("Invalid refund amount.");
        }
        if asked.by_gateway && matches!(order.payment_method.as_str(), "" | "bacs" | "cod" | "cheque") {
            return Err("The payment gateway for this order does not support automatic refunds.");
        }
        let all = asked.amount == left;
        if asked.restock {
            self.restock_refunded(id, &asked);
        }
        let refund = self.record_refund(id, asked).ok_or("Invalid order ID.")?;
        if all {
            self.set_status(id, "refunded");
        }
        self.emit("order.updated", id);
        Ok(refund)
    }

    fn record_refund(&mut self, id: u64, asked: RefundAsked) -> Option<u64> {
        let refund_id = self.post_id();
        let mut lines = asked.lines;
        for line in &mut lines {
            line.id = self.item_id();
        }
        let refund = Refund {
            id: refund_id,
            created: self.now(),
            amount: asked.amount,
            reason: asked.reason,
            by_gateway: asked.by_gateway,
            lines,
        };
        self.edit_order(id, true, |order| order.refunds.push(refund))?;
        Some(refund_id)
    }

    /// `wc_restock_refunded_items`.
    fn restock_refunded(&mut self, id: u64, asked: &RefundAsked) {
        for RefundLine { of, quantity, .. } in &asked.lines {
            let Some(line) = self
                .orders
                .get(&id)
                .and_then(|o| o.lines.iter().find(|l| l.id == *of))
                .filter(|l| l.reduced_stock.is_some_and(|n| n != 0) && *quantity != 0)
            else {
                continue;
            };
            let (row, line_id) = (row(line.product_id, line.variation_id), line.id);
            if self.move_stock(row, -quantity) {
                self.edit_order(id, false, |order| {
                    if let Some(line) = order.lines.iter_mut().find(|l| l.id == line_id) {
                        line.reduced_stock = line.reduced_stock.map(|n| n - quantity);
                    }
                });
            }
        }
    }
}

/// The row that a line's stock is counted from.
pub(super) fn row(product: u64, variation: u64) -> u64 {
    if variation == 0 { product } else { variation }
}

/// What giving back `units` of each line costs: amounts in proportion, and all that is left of a line with its
/// last unit, so that rounding never leaves a yen behind.
pub(super) fn refund_of(order: &Order, units: &[(u64, i64)]) -> RefundAsked {
    let mut asked = RefundAsked::default();
    for (id, quantity) in units {
        let Some(line) = order.lines.iter().find(|l| l.id == *id && l.quantity > 0) else {
            continue;
        };
        let before = order.refunded_units(*id);
        let quantity = (*quantity).clamp(0, line.quantity - before);
        let share = |whole: i64| {
            let upto = |n: i64| super::order::round_div(whole * n, line.quantity);
            upto(before + quantity) - upto(before)
        };
        let taxes: Vec<(u64, i64)> = line.taxes.iter().map(|(rate, tax)| (*rate, share(*tax))).collect();
        let total = share(line.total);
        asked.amount += total + taxes.iter().map(|(_, tax)| tax).sum::<i64>();
        asked.lines.push(RefundLine { id: 0, of: *id, quantity, total, taxes });
    }
    asked
}
