//! What happens to an order: payment, parcels, cancellation, refunds, and the stock that moves with them.

use super::order::{Order, Parcel, Payment, Refund, Work};
use super::state::Shop;

/// A parcel that is asked for: units of lines by fulfillment order.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) company: String,
    pub(super) number: String,
    pub(super) url: String,
    pub(super) location: u64,
    /// Line and units.
    pub(super) lines: Vec<(u64, i64)>,
}

impl Shop {
    /// The work that a new order makes: one fulfillment order for each location, unless it has some.
    pub(super) fn assign(&mut self, order: &mut Order) {
        if !order.work.is_empty() {
            return;
        }
        let mut places: Vec<u64> =
            order.lines.iter().map(|line| line.location).filter(|place| *place != 0).collect();
        places.sort_unstable();
        places.dedup();
        for location in places {
            let lines: Vec<u64> =
                order.lines.iter().filter(|line| line.location == location).map(|line| line.id).collect();
            let lines = lines.into_iter().map(|line| (self.id(), line)).collect();
            let work = Work {
                id: self.id(),
                status: "OPEN".to_owned(),
                updated: order.updated,
                location,
                lines,
                ..Work::default()
            };
            order.work.push(work);
        }
    }

    /// The buyer pays.
    pub(super) fn pay(&mut self, id: u64) {
        let step = Payment { id: self.id(), kind: "SALE", status: "SUCCESS", at: self.now() };
        if self.orders.get(&id).is_some_and(|order| order.cancelled.is_none() && !order.is_paid()) {
            self.edit_order(id, |order| {
                "PAID".clone_into(&mut order.financial);
                order.payments.push(step);
            });
        }
    }

    /// The order ends: what did not leave goes back on the shelf.
    pub(super) fn cancel(&mut self, id: u64) {
        let now = self.now();
        let Some(order) = self.orders.get(&id).filter(|order| order.cancelled.is_none()) else {
            return;
        };
        let back: Vec<(Option<u64>, u64, i64)> =
            order.lines.iter().map(|line| (line.variant, line.location, line.open)).collect();
        for (variant, location, units) in back {
            if let Some(variant) = variant {
                self.move_stock(variant, location, -units);
            }
        }
        self.edit_order(id, |order| {
            order.cancelled = Some(now);
            order.cancelling = false;
            for line in &mut order.lines {
                line.gone += line.open;
                line.open = 0;
            }
            if !order.is_paid() {
                "VOIDED".clone_into(&mut order.financial);
                order.removed = order.total();
            }
        });
        self.edit_work(id, |work| "CANCELLED".clone_into(&mut work.status));
    }

    /// Gives the money for some units back. Units that did not leave are taken out, others came back.
    pub(super) fn refund(&mut self, id: u64, units: &[(u64, i64)]) {
        let (refund, now, restock) = (self.id(), self.now(), self.config.refunds_restock);
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        let (mut amount, mut lines, mut back) = (0, Vec::new(), Vec::new());
        for (line, units) in units {
            let Some(line) = order.lines.iter().find(|l| l.id == *line && l.quantity > 0) else {
                continue;
            };
            let units = (*units).clamp(0, line.quantity - line.gone);
            let on_top = if order.taxes_included { 0 } else { order.line_tax(line) };
            // What is left of a line goes with its last unit, so that rounding never leaves a yen behind.
            let up_to = |n: i64| (line.total() + on_top) * n / line.quantity;
            amount += up_to(line.gone + units) - up_to(line.gone);
            lines.push((line.id, units));
            back.extend(line.variant.filter(|_| restock).map(|variant| (variant, line.location, units)));
        }
        back.into_iter().for_each(|(variant, location, units)| self.move_stock(variant, location, -units));
        self.edit_order(id, |order| {
            for (id, units) in &lines {
                if let Some(line) = order.lines.iter_mut().find(|line| line.id == *id) {
                    line.gone += units;
                    line.open = (line.open - units).max(0);
                }
            }
            order
                .refunds
                .push(Refund { id: refund, created: now, note: "不良品".to_owned(), amount, lines });
            order.financial = match order.refunded() >= order.total() {
                true => "REFUNDED".to_owned(),
                false => "PARTIALLY_REFUNDED".to_owned(),
            };
        });
        self.emit("REFUNDS_CREATE", id);
    }

    /// A parcel leaves.
    pub(super) fn ship(&mut self, id: u64, asked: Asked) -> u64 {
        let (parcel, now) = (self.id(), self.now());
        self.edit_order(id, |order| {
            for (line, units) in &asked.lines {
                if let Some(line) = order.lines.iter_mut().find(|l| l.id == *line) {
                    line.open -= units;
                }
            }
            let Asked { company, number, url, location, lines } = asked;
            order.parcels.push(Parcel {
                id: parcel,
                created: now,
                location,
                company,
                number,
                url,
                lines,
                cancelled: false,
            });
        });
        let open: Vec<(u64, i64)> = self
            .orders
            .get(&id)
            .map(|o| o.lines.iter().map(|l| (l.id, l.open)).collect())
            .unwrap_or_default();
        self.edit_work(id, |work| {
            let left: i64 =
                open.iter().filter(|(id, _)| work.lines.iter().any(|(_, l)| l == id)).map(|l| l.1).sum();
            if work.is_open() && left == 0 {
                "CLOSED".clone_into(&mut work.status);
            }
        });
        parcel
    }

    /// Staff ships everything that is open, location by location, without a number.
    pub(super) fn ship_all(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id).filter(|order| order.cancelled.is_none()) else {
            return;
        };
        let mut asked: Vec<Asked> = Vec::new();
        for line in order.lines.iter().filter(|line| line.open > 0) {
            match asked.iter_mut().find(|asked| asked.location == line.location) {
                Some(asked) => asked.lines.push((line.id, line.open)),
                None => asked.push(Asked {
                    location: line.location,
                    lines: vec![(line.id, line.open)],
                    ..Asked::default()
                }),
            }
        }
        for asked in asked {
            self.ship(id, asked);
        }
    }
}
