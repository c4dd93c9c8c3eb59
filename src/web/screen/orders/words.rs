//! States, events and outcomes in the words of a shop.

use std::collections::BTreeMap;

use banto_channel::{Bilingual, NoticeKind, both};

use crate::domain::deeds::mail_in_words;
use crate::domain::mail_policy::{MailKind, mail_state_in_words};
use crate::domain::order::{
    fulfilment_from, fulfilment_in_words, fulfilment_name, payment_from, payment_in_words, payment_name,
};
use crate::domain::timeline::hold_in_words;
use crate::domain::{ItemId, OrderId};
use crate::store::{Done, MailChange, Move, OrderRow, OrderTab};
use crate::web::screen::Visit;

/// A state as a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    /// `ok`, `warn`, `bad`, `info` or `quiet`.
    pub(super) class: &'static str,
    pub(super) text: String,
}

impl Chip {
    pub(super) fn new(class: &'static str, text: String) -> Self {
        Self { class, text }
    }
}

pub(super) fn payment(visit: &Visit, name: &str) -> Chip {
    let class = match name {
        "paid" => "ok",
        "failed" => "bad",
        "refunded" | "partly_refunded" => "quiet",
        _ => "warn",
    };
    let text = payment_from(name).map(payment_in_words).unwrap_or_else(|| Bilingual::quoted(name));
    Chip::new(class, visit.say(&text))
}

pub(super) fn fulfilment(visit: &Visit, name: &str) -> Chip {
    let class = match name {
        "shipped" => "ok",
        "partial" => "info",
        "cancelled" => "quiet",
        _ => "",
    };
    let text = fulfilment_from(name).map(fulfilment_in_words).unwrap_or_else(|| Bilingual::quoted(name));
    Chip::new(class, visit.say(&text))
}

pub(super) fn tab(tab: OrderTab) -> Bilingual {
    match tab {
        OrderTab::Open => both!("To do", "未完了"),
        OrderTab::ToShip => both!("To ship", "出荷待ち"),
        OrderTab::Unpaid => both!("Unpaid", "入金待ち"),
        OrderTab::Held => both!("On hold", "保留"),
        OrderTab::Short => both!("Short", "在庫不足"),
        OrderTab::Unmatched => both!("No item", "未紐付け"),
        OrderTab::Late => both!("Late", "出荷遅れ"),
        OrderTab::Uncertain => both!("Uncertain mail", "メール不明"),
        OrderTab::All => both!("All", "すべて"),
    }
}

/// A kind of mail by its stored word.
pub(super) fn mail_kind(name: &str) -> Bilingual {
    MailKind::from_name(name).map(mail_in_words).unwrap_or_else(|| Bilingual::quoted(name))
}

pub(super) fn mail_state(visit: &Visit, state: &str) -> Chip {
    let class = match state {
        "queued" | "sending" => "info",
        "by_hand" | "held" => "warn",
        "sent" => "ok",
        "refused" | "uncertain" => "bad",
        _ => "quiet",
    };
    Chip::new(class, visit.say(&mail_state_in_words(state)))
}

/// What the timeline says, by its stored word.
pub(super) fn event(kind: &str) -> Bilingual {
    match kind {
        "imported" => both!("taken in", "取り込み"),
        "changed" => both!("changed", "変更"),
        "paid" => both!("paid", "入金"),
        "payment" => both!("payment", "支払い状況"),
        "refunded" => both!("refunded", "返金"),
        "status" => both!("status at the channel", "チャネルの状態"),
        "shortfall" => both!("short", "在庫不足"),
        "unmatched" => both!("no item", "商品未紐付け"),
        "shipped" => both!("shipped", "出荷"),
        "cancelled" => both!("cancelled", "キャンセル"),
        "returned" => both!("returned", "返品"),
        "held" => both!("put on hold", "保留"),
        "released" => both!("released", "保留解除"),
        "confirmed" => both!("confirmed", "受注確認"),
        "reminded" => both!("reminded of the money", "入金のお願い"),
        "told" => both!("channel told", "チャネルへ通知"),
        "told_refused" => both!("channel not told", "チャネルへの通知不可"),
        "forgotten" => both!("personal data taken out", "個人情報を削除"),
        "no_mail" => both!("no mail", "メールなし"),
        "note" => both!("note", "メモ"),
        "matched" => both!("item found", "商品に紐付け"),
        "mail_sent" => both!("mail sent", "メール送信"),
        "mail_refused" => both!("mail refused", "メール送信不可"),
        "mail_uncertain" => both!("mail uncertain", "メール到達不明"),
        "mail_send" => both!("mail let go", "メール送信の指示"),
        "mail_resend" | "mail_rewrite" => both!("mail sent again", "メール再送の指示"),
        "mail_hold" => both!("mail held", "メール保留"),
        "mail_drop" | "mail_dropped" => both!("mail dropped", "メール取りやめ"),
        "mail_arrived" => both!("mail arrived", "メール到着を確認"),
        other => Bilingual::quoted(other.replace('_', " ")),
    }
}

pub(super) fn notice(kind: NoticeKind) -> Bilingual {
    match kind {
        NoticeKind::Shipped => both!("the shipment", "出荷"),
        NoticeKind::Cancelled => both!("the cancellation", "キャンセル"),
        NoticeKind::Paid => both!("the payment", "入金"),
        NoticeKind::Note => both!("a note", "メモ"),
        NoticeKind::Confirmed => both!("the confirmation", "受注確認"),
    }
}

/// What comes of a wish, one sentence each: states, who is told, what moves, and what a person should know. The same for
/// a rehearsal as for the deed.
pub(super) fn outcome(
    before: &OrderRow,
    done: &Done,
    channel: &str,
    codes: &BTreeMap<ItemId, String>,
) -> Vec<Bilingual> {
    let mut told = states(before, done);
    told.extend(done.notices.iter().map(|kind| {
        let what = notice(*kind);
        both!("{channel} is told of {en}", "{channel}に{ja}を通知", en = what.en, ja = what.ja)
    }));
    told.extend(done.mails.iter().map(mail_change));
    told.extend(done.moves.iter().map(|m| movement(m, done.order.id, codes)));
    told.extend(done.remarks.iter().cloned());
    if told.is_empty() {
        told.push(both!("nothing changes", "変わるものはありません"));
    }
    told
}

fn states(before: &OrderRow, done: &Done) -> Vec<Bilingual> {
    let order = &done.order;
    let arrow = |from: Bilingual, to: Bilingual| Bilingual {
        en: format!("{} → {}", from.en, to.en),
        ja: format!("{} → {}", from.ja, to.ja),
    };
    let mut told = Vec::new();
    if before.payment != payment_name(order.payment) {
        let from = payment_from(&before.payment).map(payment_in_words).unwrap_or_default();
        told.push(arrow(from, payment_in_words(order.payment)));
    }
    if before.fulfilment != fulfilment_name(order.fulfilment) {
        let from = fulfilment_from(&before.fulfilment).map(fulfilment_in_words).unwrap_or_default();
        told.push(arrow(from, fulfilment_in_words(order.fulfilment)));
    }
    match (&before.hold, &order.hold) {
        (None, Some(why)) => {
            let why = hold_in_words(why);
            told.push(both!("on hold: {en}", "保留：{ja}", en = why.en, ja = why.ja));
        }
        (Some(_), None) => told.push(both!("the hold ends", "保留を解除")),
        _ => {}
    }
    told
}

fn mail_change(change: &MailChange) -> Bilingual {
    let (kind, to) = (mail_kind(&change.mail.kind), &change.mail.recipient);
    let (en, ja) = (kind.en, kind.ja);
    match change.mail.state.as_str() {
        "queued" => both!("mail \"{en}\" to {to}", "メール「{ja}」を{to}へ送信"),
        "by_hand" => both!("mail \"{en}\" waits for your word", "メール「{ja}」は送信の確認待ち"),
        "held" => both!("mail \"{en}\" is held", "メール「{ja}」は保留"),
        "dropped" => both!("mail \"{en}\" is not sent any more", "メール「{ja}」は送信取りやめ"),
        state => {
            let now = mail_state_in_words(state).ja;
            both!("mail \"{en}\": {state}", "メール「{ja}」：{now}")
        }
    }
}

fn movement(m: &Move, own: OrderId, codes: &BTreeMap<ItemId, String>) -> Bilingual {
    let code = codes.get(&m.item).cloned().unwrap_or_else(|| format!("#{}", m.item));
    let (from, to, n) = (m.source.in_words(), m.target.in_words(), m.quantity);
    let text = both!(
        "{code} × {n}: {from_en} → {to_en}",
        "{code}を{n}点：{from_ja} → {to_ja}",
        from_en = from.en,
        to_en = to.en,
        from_ja = from.ja,
        to_ja = to.ja
    );
    match m.order.filter(|order| *order != own) {
        Some(order) => text.then(both!("For order #{order}", "注文 #{order} の分")),
        None => text,
    }
}
