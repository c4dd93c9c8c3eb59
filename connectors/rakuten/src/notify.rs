//! Telling RMS about an order: confirmed, shipped, cancelled. RMS keeps no keys, so each reads the order first.

use std::time::Duration;

use banto_channel::{Bilingual, Cx, Error, ErrorKind, Notice, Outcome, Parcel, RemoteOrderId, Result, both};
use serde::Serialize;

use crate::Rakuten;
use crate::model::{Message, Messages, Order};
use crate::progress::{self, Progress};
use crate::pull::is_number;
use crate::shipping::{self, Basket};

/// How long an order in a passing state (楽天処理中, 変更確定待ち) is left alone.
const PASSING: Duration = Duration::from_secs(300);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Confirm<'a> {
    order_number_list: [&'a str; 1],
}

#[derive(Serialize)]
struct Ship<'a> {
    #[serde(rename = "orderNumber")]
    number: &'a str,
    #[serde(rename = "BasketidModelList")]
    baskets: Vec<Basket>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cancel<'a> {
    order_number: &'a str,
    inventory_restore_type: u8,
    change_reason_detail_apply: u8,
}

impl Rakuten {
    pub(crate) async fn notify(&self, cx: &Cx, order: &RemoteOrderId, notice: &Notice) -> Result<Outcome> {
        let number = order.as_str();
        if !is_number(number) {
            return Ok(refused(both!(
                "{number:?} is not an order number of Rakuten",
                "「{number}」は楽天の注文番号ではありません"
            )));
        }
        let told = match notice {
            Notice::Confirmed => self.confirmed(cx, number).await,
            Notice::Shipped(parcel) => self.shipped(cx, number, parcel).await,
            Notice::Cancelled { .. } => self.cancelled(cx, number).await,
            Notice::Paid { .. } => Err(Error::unsupported(("telling of a payment", "入金の通知"))),
            Notice::Note { .. } => Err(Error::unsupported(("notes on orders", "注文メモの登録"))),
        };
        match told {
            Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused) => Ok(refused(e.words())),
            other => other,
        }
    }

    async fn confirmed(&self, cx: &Cx, number: &str) -> Result<Outcome> {
        let order = self.known_order(cx, number).await?;
        match Progress::of(&order) {
            Some(Progress::Unconfirmed) => self.confirm(cx, number).await.map(|()| Outcome::Applied),
            Some(progress) if progress.is_cancelled() => Ok(refused(cancelled_words(&order))),
            _ => Ok(Outcome::Applied),
        }
    }

    /// 注文確認. An order that moved on meanwhile is confirmed.
    async fn confirm(&self, cx: &Cx, number: &str) -> Result<()> {
        let request = self.order_call("confirmOrder", &Confirm { order_number_list: [number] })?.idempotent();
        let response = self.send_any(cx, request).await?;
        let told: Messages = serde_json::from_slice(&response.body).unwrap_or_default();
        let Some(error) = told.error() else {
            return match response.is_success() {
                true => response.json::<Messages>().map(drop),
                false => Err(self.refusal(&response, "confirming an order")),
            };
        };
        match error.code.as_str() {
            // Its status was moved already.
            "ORDER_EXT_API_CONFIRM_ORDER_ERROR_103" => Ok(()),
            "ORDER_EXT_API_CONFIRM_ORDER_ERROR_105" => Err(Error::told(
                ErrorKind::Refused,
                both!(
                    "{said}; enter postage and fees in RMS, then confirm it again",
                    "{said}。RMSで送料と手数料を入力してから、もう一度受注確認してください",
                    said = error.words()
                ),
            )),
            _ => Err(self.refusal(&response, "confirming an order")),
        }
    }

    /// A single order is told at once; `updateOrderShippingAsync` is for a hundred, and would answer later.
    async fn shipped(&self, cx: &Cx, number: &str, parcel: &Parcel) -> Result<Outcome> {
        let mut order = self.known_order(cx, number).await?;
        if Progress::of(&order) == Some(Progress::Unconfirmed) {
            self.confirm(cx, number).await?;
            order = self.known_order(cx, number).await?;
        }
        match Progress::of(&order) {
            Some(Progress::Unconfirmed | Progress::Processing | Progress::Changing) => {
                return Ok(Outcome::Retry {
                    after: PASSING,
                    reason: both!(
                        "the order is {status} at Rakuten, where nothing can be reported as shipped",
                        "楽天のステータスが「{status}」のため、出荷を報告できません",
                        status = progress::status(&order, Progress::of(&order))
                    ),
                });
            }
            Some(progress) if progress.is_cancelled() => return Ok(refused(cancelled_words(&order))),
            _ => {}
        }
        let baskets = match shipping::plan(&order, parcel) {
            Ok(baskets) if baskets.is_empty() => return Ok(Outcome::Applied),
            Ok(baskets) => baskets,
            Err(reason) => return Ok(refused(reason)),
        };
        // Sent twice it would add a second parcel.
        let request = self.order_call("updateOrderShipping", &Ship { number, baskets })?;
        self.told(cx, request, "reporting an order as shipped").await
    }

    async fn cancelled(&self, cx: &Cx, number: &str) -> Result<Outcome> {
        let order = self.known_order(cx, number).await?;
        let call = match Progress::of(&order) {
            Some(progress) if progress.is_cancelled() => return Ok(Outcome::Applied),
            Some(Progress::Unconfirmed | Progress::Processing | Progress::Ready) => "cancelOrder",
            Some(progress) if progress.is_shipped() && self.settings.cancel_shipped_orders => {
                "cancelOrderAfterShipping"
            }
            Some(progress) if progress.is_shipped() => {
                return Ok(refused(both!(
                    "the order is {word} at Rakuten; cancel it there when the goods are back, or set \
                     cancel_shipped_orders = true",
                    "楽天のステータスが「{word}」です。商品の返送後にRMSでキャンセルするか、\
                     cancel_shipped_orders = true を設定してください",
                    word = progress.word()
                )));
            }
            progress => {
                return Ok(refused(both!(
                    "the order is {status} at Rakuten, where it cannot be cancelled",
                    "楽天のステータスが「{status}」のため、キャンセルできません",
                    status = progress::status(&order, progress)
                )));
            }
        };
        let body = Cancel {
            order_number: number,
            inventory_restore_type: self.settings.restock.code(),
            change_reason_detail_apply: self.settings.cancel_reason,
        };
        self.told(cx, self.order_call(call, &body)?, "cancelling an order").await
    }

    /// Sends it; an error among the messages is a refusal even where the status says 200.
    async fn told(&self, cx: &Cx, request: banto_channel::Request, doing: &str) -> Result<Outcome> {
        let response = self.send(cx, request, doing).await?;
        let told: Messages = response.json()?;
        Ok(match told.error().map(Message::words) {
            Some(words) => refused(both!("{doing}: {words}", "楽天の応答: {words}")),
            None => Outcome::Applied,
        })
    }

    /// Errors: [`ErrorKind::NotFound`] for an order that Rakuten does not know.
    async fn known_order(&self, cx: &Cx, number: &str) -> Result<Order> {
        self.one_order(cx, number).await?.ok_or_else(|| {
            Error::told(
                ErrorKind::NotFound,
                both!("Rakuten does not know the order {number}", "楽天に注文 {number} がありません"),
            )
        })
    }
}

fn cancelled_words(order: &Order) -> Bilingual {
    both!(
        "the order is {status} at Rakuten",
        "楽天のステータスが「{status}」です",
        status = progress::status(order, Progress::of(order))
    )
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}
