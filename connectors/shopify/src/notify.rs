//! Telling the shop about an order: shipped, cancelled, paid, noted. Each reads first, so that a resend changes nothing.

use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, IdempotencyKey, Notice, Outcome, RemoteOrderId, Result, both,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Shopify;
use crate::calls::{UserError, words};
use crate::documents::{CANCEL, Document, MARK_PAID, ORDER_STATE, SET_NOTE};
use crate::id;

/// Wait before asking again whether a cancellation is done; Shopify carries it out in a job.
const CANCELLING: Duration = Duration::from_secs(15);

/// What an order's note and a cancellation's note may hold, in characters.
const NOTE_MAX: usize = 5000;
const STAFF_NOTE_MAX: usize = 255;

/// How a note of ours begins, on a line of its own. What stands before the first is the buyer's.
const MARK: &str = "[banto:";

/// What decides whether something still has to be done.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    cancelled_at: Option<String>,
    display_financial_status: Option<String>,
    can_mark_as_paid: bool,
    note: Option<String>,
}

#[derive(Deserialize)]
struct StateAnswer {
    order: Option<State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(
        alias = "orderCancel",
        alias = "orderMarkAsPaid",
        alias = "orderUpdate",
        alias = "fulfillmentCreate"
    )]
    payload: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(alias = "orderCancelUserErrors")]
    user_errors: Vec<UserError>,
}

impl Shopify {
    pub(crate) async fn notify(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        let told = match id::order(order) {
            Err(e) => Err(e),
            Ok(gid) => match notice {
                Notice::Shipped(parcel) => self.shipped(cx, &gid, parcel).await,
                Notice::Cancelled { reason } => self.cancelled(cx, &gid, reason).await,
                Notice::Paid { .. } => self.paid(cx, &gid).await,
                Notice::Note { text } => self.noted(cx, &gid, text, key).await,
                Notice::Confirmed => Err(Error::unsupported(("confirming orders", "受注確認"))),
            },
        };
        match told {
            Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused) => Ok(refused(e.words())),
            other => other,
        }
    }

    async fn cancelled(&self, cx: &Cx, gid: &str, reason: &str) -> Result<Outcome> {
        if self.state(cx, gid).await?.cancelled_at.is_some() {
            return Ok(Outcome::Applied);
        }
        let note: String = reason.trim().chars().take(STAFF_NOTE_MAX).collect();
        let variables = json!({
            "id": gid,
            "reason": cause(reason),
            "refund": self.settings.refund_on_cancel,
            "notify": self.settings.notify_customer,
            "note": note,
        });
        let errors = self.tell(cx, CANCEL, &variables, "cancelling an order").await?;
        // Whether the job is through, or was already under way, shows in the order.
        if self.state(cx, gid).await?.cancelled_at.is_some() {
            return Ok(Outcome::Applied);
        }
        Ok(match errors.is_empty() {
            true => Outcome::Retry {
                after: CANCELLING,
                reason: both!("Shopify is still cancelling it", "Shopifyでキャンセルを処理しています"),
            },
            false => refused(words(&errors)),
        })
    }

    async fn paid(&self, cx: &Cx, gid: &str) -> Result<Outcome> {
        let state = self.state(cx, gid).await?;
        match state.display_financial_status.as_deref() {
            Some("PAID" | "PARTIALLY_REFUNDED" | "REFUNDED") => return Ok(Outcome::Applied),
            _ if state.cancelled_at.is_some() => {
                return Ok(refused(both!(
                    "the order is cancelled in Shopify",
                    "Shopifyでキャンセル済みの注文です"
                )));
            }
            word if !state.can_mark_as_paid => {
                return Ok(refused(both!(
                    "Shopify does not let the order be marked as paid while its payment is {word}; where a payment provider \
                     still waits for the buyer, the money is the provider's to report",
                    "決済状況が {word} のため、Shopifyで入金済みにできません。決済会社がお客様の支払いを待っている場合は、\
                     決済会社から入金が通知されます",
                    word = word.unwrap_or("unknown")
                )));
            }
            _ => {}
        }
        let variables = json!({ "input": { "id": gid } });
        Ok(outcome(&self.tell(cx, MARK_PAID, &variables, "marking an order as paid").await?))
    }

    /// Adds to the order's note, which is the only text that staff can read and an app can write.
    async fn noted(&self, cx: &Cx, gid: &str, text: &str, key: &IdempotencyKey) -> Result<Outcome> {
        let state = self.state(cx, gid).await?;
        let marker = format!("{MARK}{key}]");
        let before = state.note.unwrap_or_default();
        if before.contains(&marker) {
            return Ok(Outcome::Applied);
        }
        let gap = if before.trim().is_empty() { "" } else { "\n\n" };
        let note = format!("{before}{gap}{marker} {}", text.trim());
        if note.chars().count() > NOTE_MAX {
            return Ok(refused(both!(
                "the order's note in Shopify is full ({NOTE_MAX} characters)",
                "Shopifyの注文メモが上限（{NOTE_MAX}文字）に達しています"
            )));
        }
        let variables = json!({ "input": { "id": gid, "note": note } });
        Ok(outcome(&self.tell(cx, SET_NOTE, &variables, "writing a note").await?))
    }

    async fn state(&self, cx: &Cx, gid: &str) -> Result<State> {
        let told = self.ask(cx, ORDER_STATE, &json!({ "id": gid }), "reading an order").await?;
        told.data::<StateAnswer>()?.order.ok_or_else(unknown_order)
    }

    /// Sends a mutation about an order; answers with what Shopify has against it.
    pub(crate) async fn tell(
        &self,
        cx: &Cx,
        document: Document,
        variables: &Value,
        doing: &str,
    ) -> Result<Vec<UserError>> {
        let told = self.ask(cx, document, variables, doing).await?;
        let answer: Answer = told.data()?;
        Ok(answer.payload.map(|payload| payload.user_errors).unwrap_or_default())
    }
}

pub(crate) fn outcome(errors: &[UserError]) -> Outcome {
    match errors.is_empty() {
        true => Outcome::Applied,
        false => refused(words(errors)),
    }
}

pub(crate) fn unknown_order() -> Error {
    Error::told(
        ErrorKind::NotFound,
        both!(
            "Shopify does not know this order, or keeps it from an app without read_all_orders",
            "Shopifyにこの注文がないか、アプリに read_all_orders の権限がないため表示されません"
        ),
    )
}

pub(crate) fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

/// Shopify's word for why an order is cancelled.
fn cause(reason: &str) -> &'static str {
    let lower = reason.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match () {
        () if has(&["在庫", "欠品", "stock", "inventory"]) => "INVENTORY",
        () if has(&["お客様", "購入者", "customer", "buyer"]) => "CUSTOMER",
        () => "OTHER",
    }
}

/// An order's note without what was added from here.
pub(crate) fn buyers_part(note: &str) -> String {
    let own = note.find(&format!("\n{MARK}")).or_else(|| note.starts_with(MARK).then_some(0));
    note.get(..own.unwrap_or(note.len())).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buyers_note_stays_the_buyers() {
        assert_eq!(
            buyers_part("ラッピング希望\r\n🎁\n\n[banto:k1] checked\n\n[banto:k2] again"),
            "ラッピング希望\r\n🎁"
        );
        assert_eq!(buyers_part("[banto:k1] checked"), "");
        assert_eq!(buyers_part("I wrote [banto:x] myself"), "I wrote [banto:x] myself");
        assert_eq!(buyers_part(""), "");
    }

    #[test]
    fn reasons_become_shopifys_words() {
        assert_eq!(cause("在庫切れ"), "INVENTORY");
        assert_eq!(cause("お客様都合"), "CUSTOMER");
        assert_eq!(cause("住所不明"), "OTHER");
    }
}
