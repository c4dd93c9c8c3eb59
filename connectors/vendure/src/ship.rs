//! `notify_order(Shipped)`: a fulfilment is made, and moved to `Shipped`.

use banto_channel::{Cx, Outcome, Parcel, Result, both};
use serde::Serialize;

use crate::Vendure;
use crate::calls::Question;
use crate::config::ParcelState;
use crate::documents::{FULFIL, MOVE_FULFILMENT};
use crate::model::{Stand, StandParcel, Told, Units, units_of};
use crate::notify::{HANDLER, Input, MoveTo, busy, refused, result};

const SHIPPING: &str = "telling a shipment";

#[derive(Serialize)]
struct Fulfil<'a> {
    lines: &'a [Units],
    handler: Handler<'a>,
}

#[derive(Serialize)]
struct Handler<'a> {
    code: &'a str,
    arguments: [Argument<'a>; 2],
}

#[derive(Serialize)]
struct Argument<'a> {
    name: &'a str,
    value: &'a str,
}

impl Vendure {
    pub(crate) async fn ship(&self, cx: &Cx, id: &str, parcel: &Parcel) -> Result<Outcome> {
        let order = self.stand(cx, id).await?;
        if let Some(known) = order.fulfillments.iter().flatten().find(|f| self.is_same(f, parcel)) {
            return match self.settings.parcel_state(&known.state) {
                Some(ParcelState::Pending) => self.let_go(cx, &known.id).await,
                _ => Ok(Outcome::Applied),
            };
        }
        if let Some(later) = busy(&order) {
            return Ok(later);
        }
        let lines = self.lines_of(&order, parcel);
        if lines.is_empty() {
            return Ok(refused(both!(
                "nothing of the order is left to be shipped (state {state})",
                "出荷する商品が残っていません（ステータス {state}）",
                state = order.state
            )));
        }
        let made = self.make(cx, &order, parcel, &lines).await?;
        match made.error_code {
            Some(_) => Ok(refused(both!("{said}", "ショップの応答: {said}", said = made.words()))),
            None => self.let_go(cx, &made.id).await,
        }
    }

    /// Whether a fulfilment of the shop's is this parcel, told before. The tracking code tells; where several parts of
    /// an order share one, or a parcel has none, what is in it tells as well.
    fn is_same(&self, there: &StandParcel, parcel: &Parcel) -> bool {
        let tracking = there.tracking_code.as_deref().unwrap_or_default().trim();
        let same_lines = parcel.lines.is_empty() || same(&there.lines, &parcel.lines);
        let same_name = tracking == parcel.tracking.trim()
            && (!tracking.is_empty() || there.method.trim() == parcel.carrier.trim());
        self.counts(&there.state) && same_name && same_lines
    }

    /// What is in the parcel: what it names, or all that is in no fulfilment yet.
    fn lines_of(&self, order: &Stand, parcel: &Parcel) -> Vec<Units> {
        if !parcel.lines.is_empty() {
            let units =
                |(line, quantity): &(String, i64)| Units { order_line_id: line.clone(), quantity: *quantity };
            return parcel.lines.iter().map(units).collect();
        }
        let parcels = order.fulfillments.as_deref().unwrap_or_default();
        let taken: Vec<&Units> =
            parcels.iter().filter(|f| self.counts(&f.state)).flat_map(|f| &f.lines).collect();
        let open = order.lines.iter().map(|line| Units {
            quantity: line.quantity - units_of(&line.id, taken.iter().copied()),
            order_line_id: line.id.clone(),
        });
        open.filter(|units| units.quantity > 0).collect()
    }

    /// Makes the fulfilment. Goods that left the house cannot wait for the shop's number: where that is too low,
    /// because it no longer counts them, it is raised by what is missing, which the fulfilment takes off again.
    async fn make(&self, cx: &Cx, order: &Stand, parcel: &Parcel, lines: &[Units]) -> Result<Told> {
        let arguments = [
            Argument { name: "method", value: parcel.carrier.trim() },
            Argument { name: "trackingCode", value: parcel.tracking.trim() },
        ];
        let input = Input { input: Fulfil { lines, handler: Handler { code: HANDLER, arguments } } };
        let mut lifts = order.lines.len();
        loop {
            let told = result(&self.ask(cx, Question::once(FULFIL, SHIPPING), &input).await?)?;
            let short = told.error_code.as_deref() == Some("INSUFFICIENT_STOCK_ON_HAND_ERROR");
            let missing = units_of_variant(order, &told.product_variant_id, lines) - told.stock_on_hand;
            if !short || lifts == 0 || missing <= 0 {
                return Ok(told);
            }
            lifts -= 1;
            self.lift_stock(cx, &told.product_variant_id, missing).await?;
        }
    }

    async fn let_go(&self, cx: &Cx, fulfilment: &str) -> Result<Outcome> {
        let to = MoveTo { id: fulfilment, state: "Shipped" };
        self.outcome(cx, Question::once(MOVE_FULFILMENT, SHIPPING), &to).await
    }
}

fn same(there: &[Units], told: &[(String, i64)]) -> bool {
    there.len() == told.len() && told.iter().all(|(line, quantity)| units_of(line, there) == *quantity)
}

/// Units of a variant in a parcel, of all the lines that sell it.
fn units_of_variant(order: &Stand, variant: &str, parcel: &[Units]) -> i64 {
    let lines = order.lines.iter().filter(|line| line.product_variant.id == variant);
    lines.map(|line| units_of(&line.id, parcel)).sum()
}
