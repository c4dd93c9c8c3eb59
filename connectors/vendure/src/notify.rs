//! Telling the shop about an order. The Admin API keeps no keys, so what is there is read before anything is written.

use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, IdempotencyKey, Notice, Outcome, RemoteOrderId, Result, both,
};
use serde::{Deserialize, Serialize};

use crate::Vendure;
use crate::calls::{Answer, Question};
use crate::config::ParcelState;
use crate::documents::{ADD_NOTE, CANCEL, MOVE_ORDER, NOTES, PAY, SETTLE, STAND};
use crate::model::{List, Stand, Told, units_of};
use crate::pull::is_id;

/// Vendure's own way to ship, with a carrier's name and a tracking code.
pub(crate) const HANDLER: &str = "manual-fulfillment";
/// Staff need that long to finish what they change in an order.
const EDITING: Duration = Duration::from_secs(600);

#[derive(Serialize)]
pub(crate) struct ById<'a> {
    pub(crate) id: &'a str,
}

#[derive(Serialize)]
pub(crate) struct MoveTo<'a> {
    pub(crate) id: &'a str,
    pub(crate) state: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Input<T> {
    pub(crate) input: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelInput<'a> {
    order_id: &'a str,
    reason: &'a str,
    cancel_shipping: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PayInput<'a> {
    order_id: &'a str,
    method: &'a str,
    transaction_id: &'a str,
    /// The schema lets it be left out; the database does not.
    metadata: Empty,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoteInput<'a> {
    pub(crate) id: &'a str,
    pub(crate) note: String,
    pub(crate) is_public: bool,
}

#[derive(Deserialize)]
struct Standing {
    order: Option<Stand>,
}

#[derive(Deserialize)]
struct Noted {
    order: Option<NotedOrder>,
}

#[derive(Deserialize)]
struct NotedOrder {
    history: List<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    data: EntryData,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EntryData {
    note: String,
}

/// The one mutation of a document, whatever its name.
type Done = std::collections::BTreeMap<String, Option<Told>>;

impl Vendure {
    pub(crate) async fn notify(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        let id = order.as_str();
        if !is_id(id) {
            return Err(unknown(id));
        }
        match notice {
            Notice::Shipped(parcel) => self.ship(cx, id, parcel).await,
            Notice::Cancelled { reason } => self.cancel(cx, id, reason).await,
            Notice::Paid { .. } => self.settle(cx, id, key).await,
            Notice::Note { text } => self.note(cx, id, text, key).await,
            Notice::Confirmed => Err(Error::unsupported(("notify_order(confirmed)", "受注確認"))),
        }
    }

    /// How the order stands.
    ///
    /// Errors: [`ErrorKind::NotFound`].
    pub(crate) async fn stand(&self, cx: &Cx, id: &str) -> Result<Stand> {
        let standing: Standing =
            self.told(cx, Question::safe(STAND, "looking at an order"), &ById { id }).await?;
        standing.order.ok_or_else(|| unknown(id))
    }

    async fn cancel(&self, cx: &Cx, id: &str, reason: &str) -> Result<Outcome> {
        let order = self.stand(cx, id).await?;
        if order.state == "Cancelled" {
            return Ok(Outcome::Applied);
        }
        if let Some(later) = busy(&order) {
            return Ok(later);
        }
        if order.fulfillments.iter().flatten().any(|f| self.counts(&f.state)) {
            return Ok(refused(both!(
                "parts of the order are fulfilled; Vendure would put those goods back on the shelf too. Cancel the \
                 rest in the shop",
                "一部が出荷済みの注文です。Vendureが出荷済みの商品も在庫に戻すため、残りはショップの管理画面で\
                 キャンセルしてください"
            )));
        }
        if !order.next_states.iter().any(|next| next == "Cancelled") {
            return Ok(refused(both!(
                "an order in the state {state} cannot be cancelled",
                "ステータスが {state} の注文はキャンセルできません",
                state = order.state
            )));
        }
        let input = CancelInput { order_id: id, reason, cancel_shipping: self.settings.cancel_shipping };
        let question = Question::once(CANCEL, "cancelling an order");
        self.outcome(cx, question, &Input { input }).await
    }

    /// Money arrived: what is authorized is settled; what staff added to an order is paid by hand.
    async fn settle(&self, cx: &Cx, id: &str, key: &IdempotencyKey) -> Result<Outcome> {
        let order = self.stand(cx, id).await?;
        let payments = order.payments.as_deref().unwrap_or_default();
        let in_state = |state: &'static str| payments.iter().filter(move |p| p.state == state);
        let arrived: i64 = in_state("Settled").fold(0, |sum, p| sum.saturating_add(p.amount));
        let raised = order.state == "ArrangingAdditionalPayment";
        if arrived >= order.total_with_tax && !raised {
            return Ok(Outcome::Applied);
        }
        let mut settled = false;
        for payment in in_state("Authorized") {
            let question = Question::once(SETTLE, "settling a payment");
            match self.outcome(cx, question, &ById { id: &payment.id }).await? {
                Outcome::Applied => settled = true,
                other => return Ok(other),
            }
        }
        if !raised {
            return Ok(match settled {
                true => Outcome::Applied,
                false => refused(both!(
                    "an order in the state {state} waits for no payment",
                    "ステータスが {state} の注文は入金待ちではありません",
                    state = order.state
                )),
            });
        }
        let booked = payments.iter().any(|p| p.transaction_id.as_deref() == Some(key.as_str()));
        if !booked && arrived < order.total_with_tax && !settled {
            let method = &self.settings.manual_payment_method;
            let input = PayInput { order_id: id, method, transaction_id: key.as_str(), metadata: Empty {} };
            match self.outcome(cx, Question::once(PAY, "adding a payment"), &Input { input }).await? {
                Outcome::Applied => {}
                other => return Ok(other),
            }
        }
        // Vendure leaves it to whoever added the payment to move the order back to where it was.
        let state = self.paid_state(&order);
        self.outcome(cx, Question::once(MOVE_ORDER, "moving a paid order on"), &MoveTo { id, state }).await
    }

    /// Where an order belongs that is paid for again.
    fn paid_state(&self, order: &Stand) -> &'static str {
        let parcels = order.fulfillments.as_deref().unwrap_or_default();
        let left: Vec<_> = parcels
            .iter()
            .filter(|f| self.settings.parcel_state(&f.state) == Some(ParcelState::Shipped))
            .flat_map(|f| &f.lines)
            .collect();
        let all = order.lines.iter().all(|l| units_of(&l.id, left.iter().copied()) >= l.quantity);
        match (left.is_empty(), all) {
            (true, _) => "PaymentSettled",
            (false, true) => "Shipped",
            (false, false) => "PartiallyShipped",
        }
    }

    async fn note(&self, cx: &Cx, id: &str, text: &str, key: &IdempotencyKey) -> Result<Outcome> {
        let mark = format!("[banto:{key}]");
        let noted: Noted = self.told(cx, Question::safe(NOTES, "reading notes"), &ById { id }).await?;
        let order = noted.order.ok_or_else(|| unknown(id))?;
        if order.history.items.iter().any(|entry| entry.data.note.contains(&mark)) {
            return Ok(Outcome::Applied);
        }
        let input = NoteInput { id, note: format!("{text}\n{mark}"), is_public: false };
        self.outcome(cx, Question::once(ADD_NOTE, "writing a note"), &Input { input }).await
    }

    /// Whether a fulfilment in this state holds goods.
    pub(crate) fn counts(&self, state: &str) -> bool {
        self.settings.parcel_state(state) != Some(ParcelState::Cancelled)
    }

    /// Sends a mutation and says what came of it.
    pub(crate) async fn outcome<V: Serialize>(
        &self,
        cx: &Cx,
        question: Question<'_>,
        variables: &V,
    ) -> Result<Outcome> {
        let answer = self.ask(cx, question, variables).await?;
        let told = result(&answer)?;
        Ok(match told.error_code {
            None => Outcome::Applied,
            Some(_) => refused(both!("{said}", "ショップの応答: {said}", said = told.words())),
        })
    }
}

/// The result of the one mutation in an answer.
///
/// Errors: those of GraphQL.
pub(crate) fn result(answer: &Answer) -> Result<Told> {
    let done: Done = answer.data()?;
    done.into_values().flatten().next().ok_or_else(|| {
        let what = both!("the shop answered a mutation with nothing", "ショップの応答が空でした");
        Error::told(ErrorKind::Malformed, what)
    })
}

/// While staff change an order nothing is told about it.
pub(crate) fn busy(order: &Stand) -> Option<Outcome> {
    (order.state == "Modifying").then(|| Outcome::Retry {
        after: EDITING,
        reason: both!(
            "the shop's staff are changing this order (state Modifying)",
            "ショップの管理画面で変更中の注文です（Modifying）"
        ),
    })
}

pub(crate) fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

fn unknown(id: &str) -> Error {
    Error::told(
        ErrorKind::NotFound,
        both!("the shop has no order {id:?}", "ショップに注文「{id}」がありません"),
    )
}
