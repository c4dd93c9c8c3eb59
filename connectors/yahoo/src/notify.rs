//! What Yahoo! is told about an order. It keeps no keys, so the order is read first and only a difference is sent.

use std::time::Duration;

use banto_channel::{
    Bilingual, Carrier, Cx, Error, ErrorKind, Notice, Outcome, Parcel, RemoteOrderId, Result, Timestamp, both,
};

use crate::Yahoo;
use crate::calls::{Api, Body, ORDER_STATUS, PAY_STATUS, SHIP_STATUS};
use crate::codes::{CARRIERS, JAPAN_POST, YAMATO};
use crate::time;
use crate::xml::{Node, element, group};

/// For so long the buyer may cancel and the store cannot write.
const READ_ONLY: i64 = 600;
/// 注文キャンセルの更新を受け付けました: the cancel is done later, or must be asked for again.
const CANCEL_PENDING: &str = "od91704";
/// Yahoo!'s own measure for that is "after a while".
const A_WHILE: Duration = Duration::from_secs(600);
/// 伝票番号が発行されない（追跡できない）配送方法のため.
const NO_NUMBER: &str = "105";
/// ストア都合: その他, which wants 10 to 200 characters of text.
const OTHER_REASON: u16 = 230;
const TOLD_OF_NO_SUCH: (&str, &str) = ("notify_order for this kind of notice", "注文メモの登録と受注確認");

impl Yahoo {
    pub(crate) async fn notify(&self, cx: &Cx, id: &RemoteOrderId, notice: &Notice) -> Result<Outcome> {
        if matches!(notice, Notice::Note { .. } | Notice::Confirmed) {
            return Err(Error::unsupported(TOLD_OF_NO_SUCH));
        }
        let Some(answer) = self.info(cx, id.as_str()).await? else {
            return Err(Error::told(
                ErrorKind::NotFound,
                both!("Yahoo! knows no order {id}", "Yahoo!に注文 {id} がありません"),
            ));
        };
        let order = answer.order().map_err(|why| Error::told(ErrorKind::Malformed, why))?;
        if let Some(outcome) = read_only(order, cx.clock.now()) {
            return Ok(outcome);
        }
        match notice {
            Notice::Shipped(parcel) => self.ship(cx, id, order, parcel).await,
            Notice::Cancelled { reason } => self.cancel(cx, id, order, reason).await,
            Notice::Paid { at } => self.pay(cx, id, order, *at).await,
            Notice::Note { .. } | Notice::Confirmed => Err(Error::unsupported(TOLD_OF_NO_SUCH)),
        }
    }

    async fn ship(&self, cx: &Cx, id: &RemoteOrderId, order: &Node, parcel: &Parcel) -> Result<Outcome> {
        let fields = match shipment(order.at("Ship"), parcel) {
            Shipment::Told => return Ok(Outcome::Applied),
            Shipment::Impossible(reason) => return Ok(Outcome::Refused { reason }),
            Shipment::Fields(fields) => fields,
        };
        let order = group("Order", &[group("Ship", &fields)]);
        self.tell(cx, SHIP_STATUS, id, Some(true), order, "telling a shipment").await
    }

    async fn cancel(&self, cx: &Cx, id: &RemoteOrderId, order: &Node, reason: &str) -> Result<Outcome> {
        if order.text("OrderStatus") == "4" {
            return Ok(Outcome::Applied);
        }
        let code = self.settings.cancel_reason;
        let mut fields = vec![element("OrderStatus", "4"), element("CancelReason", &code.to_string())];
        if code == OTHER_REASON {
            let detail: String =
                format!("ストアの都合によるキャンセルです。{}", reason.trim()).chars().take(200).collect();
            fields.push(element("CancelReasonDetail", &detail));
        }
        self.tell(cx, ORDER_STATUS, id, Some(false), group("Order", &fields), "cancelling").await
    }

    async fn pay(&self, cx: &Cx, id: &RemoteOrderId, order: &Node, at: Timestamp) -> Result<Outcome> {
        if order.at("Pay").text("PayStatus") == "1" {
            return Ok(Outcome::Applied);
        }
        let fields = [element("PayStatus", "1"), element("PayDate", &time::day(at.as_secs()))];
        let order = group("Order", &[group("Pay", &fields)]);
        self.tell(cx, PAY_STATUS, id, None, order, "telling a payment").await
    }

    async fn tell(
        &self,
        cx: &Cx,
        api: Api,
        id: &RemoteOrderId,
        fix_points: Option<bool>,
        order: String,
        doing: &str,
    ) -> Result<Outcome> {
        let mut target = vec![element("OrderId", id.as_str())];
        target.extend(fix_points.map(|fix| element("IsPointFix", &fix.to_string())));
        let body = group("Req", &[group("Target", &target), order, self.seller()]);
        match self.send(cx, api, Body::Xml(body), &format!("{doing} of order {id}")).await {
            Ok(answer) => Ok(outcome(&answer.root)),
            Err(e) if e.kind == ErrorKind::Refused => Ok(Outcome::Refused { reason: e.words() }),
            Err(e) => Err(e),
        }
    }
}

/// What an update's answer means. Warnings stand beside what was done.
fn outcome(answer: &Node) -> Outcome {
    let result = answer.at("Result");
    let pending = result.all("Warning").any(|warning| warning.text("Code") == CANCEL_PENDING);
    match result.text("Status") {
        _ if pending => {
            let reason = both!(
                "Yahoo! took the cancel and does it later (od91704)",
                "Yahoo!がキャンセルを受け付けました。処理の完了待ちです（od91704）"
            );
            Outcome::Retry { after: A_WHILE, reason }
        }
        "OK" => Outcome::Applied,
        other => Outcome::Refused {
            reason: both!(
                "Yahoo! answered with {other:?} instead of OK",
                "Yahoo!の応答がOKではなく「{other}」でした"
            ),
        },
    }
}

/// Nothing can be written while the buyer may cancel.
fn read_only(order: &Node, now: Timestamp) -> Option<Outcome> {
    if order.text("IsReadOnly") != "1" {
        return None;
    }
    let writable = time::seconds(order.text("OrderTime")).unwrap_or(now.as_secs()) + READ_ONLY;
    let left = u64::try_from(writable - now.as_secs()).unwrap_or(0).clamp(30, 600);
    Some(Outcome::Retry {
        after: Duration::from_secs(left),
        reason: both!(
            "the buyer may still cancel, and the order cannot be changed meanwhile",
            "お客様がキャンセルできる期間のため、注文を変更できません"
        ),
    })
}

/// What is to be sent about a parcel.
enum Shipment {
    /// Nothing: Yahoo! knows it.
    Told,
    Impossible(Bilingual),
    Fields(Vec<String>),
}

fn shipment(ship: &Node, parcel: &Parcel) -> Shipment {
    let Some(carrier) = Carrier::find(CARRIERS, &parcel.carrier) else {
        let reason = both!(
            "carrier {carrier:?} is none of Yahoo!'s; name one of its codes or names",
            "Yahoo!の配送会社に「{carrier}」がありません。Yahoo!のコードまたは名称を指定してください",
            carrier = parcel.carrier
        );
        return Shipment::Impossible(reason);
    };
    let number = match number(carrier.code, &parcel.tracking) {
        Ok(number) => number,
        Err(reason) => return Shipment::Impossible(reason),
    };
    let slots = ["ShipInvoiceNumber1", "ShipInvoiceNumber2"];
    let has_it = !number.is_empty() && slots.iter().any(|slot| bare(ship.text(slot)) == bare(&number));
    let is_over = matches!(ship.text("ShipStatus"), "3" | "4");
    if is_over && (has_it || number.is_empty()) || has_it && !parcel.completes {
        return Shipment::Told;
    }
    let mut fields = vec![element("ShipStatus", if parcel.completes || is_over { "3" } else { "2" })];
    let free = slots.into_iter().find(|slot| ship.text(slot).is_empty());
    let first = free == Some(slots[0]);
    match free {
        _ if has_it => {}
        // An order without any number tells why; numbers and that reason exclude each other.
        _ if number.is_empty() && first && parcel.completes => {
            fields.push(element("ShipCompanyCode", carrier.code));
            fields.push(element("ShipInvoiceNumberEmptyReason", NO_NUMBER));
        }
        _ if number.is_empty() => {}
        Some(slot) => {
            // An order has one carrier: that of its first parcel.
            if first {
                fields.push(element("ShipCompanyCode", carrier.code));
                fields.extend(url(parcel));
            }
            fields.push(element(slot, &number));
        }
        None if parcel.completes => {}
        None => {
            let reason = both!(
                "an order of Yahoo! has place for two parcel numbers, and both are taken",
                "Yahoo!の注文に登録できる追跡番号は2つまでで、どちらも登録済みです"
            );
            return Shipment::Impossible(reason);
        }
    }
    fields.push(element("ShipDate", &time::day(parcel.shipped_at.as_secs())));
    Shipment::Fields(fields)
}

fn bare(number: &str) -> String {
    number.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A page of at most 100 characters can be told.
fn url(parcel: &Parcel) -> Option<String> {
    let url = parcel.tracking_url.as_deref()?;
    (url.is_ascii() && url.len() <= 100).then(|| element("ShipUrl", url))
}

/// The number as 出荷ステータス変更API takes it: ASCII letters, digits and hyphens; Yamato's digits and hyphens in 14 bytes;
/// Japan Post's 11 to 13 characters beside the hyphens.
///
/// Errors: why it does not fit, for a person.
fn number(carrier: &str, tracking: &str) -> std::result::Result<String, Bilingual> {
    let tracking = tracking.trim();
    if tracking.is_empty() {
        return Ok(String::new());
    }
    let bare = bare(tracking);
    if !tracking.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') || bare.is_empty() {
        return Err(both!(
            "parcel number {tracking:?}: Yahoo! takes letters, digits and hyphens of ASCII",
            "追跡番号「{tracking}」: Yahoo!で使えるのは半角英数字とハイフンだけです"
        ));
    }
    if carrier == YAMATO && (!bare.bytes().all(|b| b.is_ascii_digit()) || bare.len() > 14) {
        return Err(both!(
            "parcel number {tracking:?}: a number of Yamato has digits and hyphens, 14 at most",
            "追跡番号「{tracking}」: ヤマト運輸の番号は数字とハイフンで14文字までです"
        ));
    }
    if carrier == JAPAN_POST && !(11..=13).contains(&bare.len()) {
        return Err(both!(
            "parcel number {tracking:?}: a number of Japan Post has 11 to 13 characters",
            "追跡番号「{tracking}」: 日本郵便の番号は11～13文字です"
        ));
    }
    Ok(if carrier == YAMATO && tracking.len() > 14 { bare } else { tracking.to_owned() })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn answered(result: &str) -> Outcome {
        outcome(&Node::parse(&format!("<ResultSet><Result>{result}</Result></ResultSet>")).unwrap())
    }

    #[test]
    fn warnings_stand_beside_what_was_done() {
        let warning = |code: &str| format!("<Status>OK</Status><Warning><Code>{code}</Code></Warning>");
        for code in ["od91113", "od91115", "od91123", "od91130", "od91705"] {
            assert_eq!(answered(&warning(code)), Outcome::Applied, "{code}");
        }
        assert!(matches!(answered(&warning("od91704")), Outcome::Retry { .. }));
        assert!(matches!(answered("<Status>NG</Status>"), Outcome::Refused { .. }));
    }
}
