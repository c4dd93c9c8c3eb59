//! Telling the shop about an order: shipped, cancelled, paid, noted. Each reads first, so that a resend changes nothing.

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, IdempotencyKey, Notice, Outcome, Parcel, RemoteOrderId, Result,
    Timestamp, both,
};
use serde::{Deserialize, Serialize};

use crate::WooCommerce;
use crate::calls::{json, text};
use crate::config::{State, Tracking};
use crate::lenient::{List, Text, Whole};
use crate::pull::order_id;
use crate::time;

/// What decides whether something still has to be done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stand {
    pub(crate) status: Text,
    date_paid_gmt: Text,
    date_modified: Text,
    date_modified_gmt: Text,
    pub(crate) line_items: List<StandLine>,
}

impl Stand {
    /// The day of a time where the shop is.
    pub(crate) fn day(&self, at: Timestamp) -> String {
        time::day(at, time::ahead(&self.date_modified.0, &self.date_modified_gmt.0))
    }
}

/// A line, for parcels that hold "everything that is still open".
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StandLine {
    pub(crate) id: Whole,
    pub(crate) quantity: crate::lenient::Amount,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Note {
    note: Text,
}

#[derive(Serialize)]
struct NewNote {
    note: String,
    customer_note: bool,
}

impl WooCommerce {
    pub(crate) async fn notify(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        let told = match order_id(order) {
            Err(e) => Err(e),
            Ok(id) => match notice {
                Notice::Shipped(parcel) => self.shipped(cx, id, parcel, key).await,
                Notice::Cancelled { reason } => self.cancelled(cx, id, reason, key).await,
                Notice::Paid { at } => self.paid(cx, id, *at, key).await,
                Notice::Note { text } => self.note_once(cx, id, text, key).await.map(|()| Outcome::Applied),
                Notice::Confirmed => Err(Error::unsupported(("confirming orders", "受注確認"))),
            },
        };
        match told {
            Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused) => Ok(refused(e.words())),
            other => other,
        }
    }

    async fn shipped(&self, cx: &Cx, id: u64, parcel: &Parcel, key: &IdempotencyKey) -> Result<Outcome> {
        let stand = self.stand(cx, id).await?;
        match self.settings.tracking {
            // The extension has no entry without a number.
            Tracking::Extension if !parcel.tracking.trim().is_empty() => {
                self.track_once(cx, id, &stand, parcel).await?
            }
            Tracking::Fulfillments => self.fulfil_once(cx, id, &stand, parcel, key).await?,
            _ => self.note_once(cx, id, &parcel_words(&stand, parcel), key).await?,
        }
        if !parcel.completes || !self.settings.complete_on_ship {
            return Ok(Outcome::Applied);
        }
        match self.settings.state(&stand.status.0) {
            Some(State::Shipped) => Ok(Outcome::Applied),
            Some(State::Cancelled | State::Refunded) => Ok(refused(both!(
                "the parcel is noted, but the order is {status:?} in the shop and was not set to completed",
                "出荷は記録しましたが、ショップのステータスが「{status}」のため完了にできませんでした",
                status = stand.status.0
            ))),
            _ => self.set_status(cx, id, "completed").await,
        }
    }

    async fn cancelled(&self, cx: &Cx, id: u64, reason: &str, key: &IdempotencyKey) -> Result<Outcome> {
        let stand = self.stand(cx, id).await?;
        match self.settings.state(&stand.status.0) {
            Some(State::Cancelled | State::Refunded) => {}
            Some(State::Shipped) => {
                return Ok(refused(both!(
                    "the order is {status:?} in the shop; refund it there instead of cancelling it",
                    "ショップのステータスが「{status}」です。キャンセルではなく、ショップで返金してください",
                    status = stand.status.0
                )));
            }
            _ => match self.set_status(cx, id, "cancelled").await? {
                Outcome::Applied => {}
                other => return Ok(other),
            },
        }
        if !reason.trim().is_empty() {
            self.note_once(cx, id, &format!("Cancelled: {reason}"), key).await?;
        }
        Ok(Outcome::Applied)
    }

    /// `set_paid` works only where WooCommerce itself would still take a payment, which "on-hold" (a bank transfer) is
    /// not; there the step to "processing" sets the date of payment.
    async fn paid(&self, cx: &Cx, id: u64, at: Timestamp, key: &IdempotencyKey) -> Result<Outcome> {
        #[derive(Serialize)]
        struct SetPaid {
            set_paid: bool,
        }
        let stand = self.stand(cx, id).await?;
        if !stand.date_paid_gmt.0.is_empty() {
            return Ok(Outcome::Applied);
        }
        match (self.settings.state(&stand.status.0), stand.status.0.as_str()) {
            (_, "pending" | "failed") => {
                let request = self
                    .put(&format!("orders/{id}"))
                    .query("_fields", "id,status,date_paid_gmt")
                    .json(&SetPaid { set_paid: true })?;
                let response = self.send(cx, request, "marking an order as paid").await?;
                let body = text(&response);
                let stand: Stand = json(&response, &body)?;
                let paid = !stand.date_paid_gmt.0.is_empty()
                    || !matches!(stand.status.0.as_str(), "pending" | "failed");
                Ok(match paid {
                    true => Outcome::Applied,
                    false => refused(both!(
                        "the shop left the order {status:?}",
                        "ショップのステータスが「{status}」のまま変わりません",
                        status = stand.status.0
                    )),
                })
            }
            (Some(State::AwaitingPayment), _) => self.set_status(cx, id, "processing").await,
            (Some(State::Cancelled | State::Refunded), status) => Ok(refused(both!(
                "the order is {status:?} in the shop",
                "ショップのステータスが「{status}」です"
            ))),
            // Cash on delivery is "processing" all along; WooCommerce dates the payment when it is completed.
            _ => {
                let words = format!("Payment received on {}", stand.day(at));
                self.note_once(cx, id, &words, key).await.map(|()| Outcome::Applied)
            }
        }
    }

    async fn stand(&self, cx: &Cx, id: u64) -> Result<Stand> {
        let fields = "id,status,date_paid_gmt,date_modified,date_modified_gmt,line_items";
        let request = self.get(&format!("orders/{id}")).query("_fields", fields);
        let response = self.send(cx, request, "reading an order").await?;
        let body = text(&response);
        json(&response, &body)
    }

    /// A step to a status the order already has changes nothing and mails nobody.
    async fn set_status(&self, cx: &Cx, id: u64, status: &'static str) -> Result<Outcome> {
        #[derive(Serialize)]
        struct SetStatus {
            status: &'static str,
        }
        let request =
            self.put(&format!("orders/{id}")).query("_fields", "id,status").json(&SetStatus { status })?;
        let response = self.send(cx, request, "changing an order's status").await?;
        let body = text(&response);
        let stand: Stand = json(&response, &body)?;
        Ok(match stand.status.0.as_str() {
            "" => Outcome::Applied,
            now if now == status => Outcome::Applied,
            // A plugin may move an order on at once ("completed" to "delivered").
            now if self.settings.state(now) == self.settings.state(status) => Outcome::Applied,
            now => refused(both!(
                "the shop set the order to {now:?} instead of {status:?}",
                "ショップのステータスが「{status}」ではなく「{now}」になりました"
            )),
        })
    }

    /// Writes a private note unless one with this key is there.
    async fn note_once(&self, cx: &Cx, id: u64, words: &str, key: &IdempotencyKey) -> Result<()> {
        let path = format!("orders/{id}/notes");
        let response = self.send(cx, self.get(&path), "reading an order's notes").await?;
        let body = text(&response);
        let List(notes): List<Note> = json(&response, &body)?;
        let marker = marker(key);
        if notes.iter().any(|note| note.note.0.contains(&marker)) {
            return Ok(());
        }
        let note = NewNote { note: format!("{words}\n{marker}"), customer_note: false };
        let request = self.post(&path).json(&note)?;
        self.send(cx, request, "writing a note").await.map(drop)
    }
}

/// The text by which a note of ours is known again.
pub(crate) fn marker(key: &IdempotencyKey) -> String {
    format!("[banto:{key}]")
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

fn parcel_words(stand: &Stand, parcel: &Parcel) -> String {
    let day = stand.day(parcel.shipped_at);
    let mut words = format!("Shipped on {day} with {}", parcel.carrier.trim());
    if !parcel.tracking.trim().is_empty() {
        words.push_str(", tracking number ");
        words.push_str(parcel.tracking.trim());
    }
    if let Some(url) = &parcel.tracking_url {
        words.push_str(", ");
        words.push_str(url);
    }
    if !parcel.completes {
        words.push_str(" (part of the order)");
    }
    words
}
