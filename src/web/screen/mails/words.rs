//! The words for kinds and states of mails.

use banto_channel::{Bilingual, both};

/// A kind of mail.
pub(super) fn kind(name: &str) -> Bilingual {
    match name {
        "received" => both!("Order received", "注文受付"),
        "reminder" => both!("Payment reminder", "入金のお願い"),
        "paid" => both!("Payment received", "入金確認"),
        "shipped" => both!("Shipped", "発送完了"),
        "cancelled" => both!("Cancelled", "キャンセル"),
        other => Bilingual::quoted(other),
    }
}

/// A state of a mail: the tone of its label, and the words on it.
pub(super) fn state(name: &str) -> (&'static str, Bilingual) {
    match name {
        "queued" => ("info", both!("waits to be sent", "送信待ち")),
        "by_hand" => ("info", both!("waits for you to send it", "手動送信待ち")),
        "held" => ("warn", both!("held", "保留")),
        "sending" => ("info", both!("is being sent", "送信中")),
        "sent" => ("ok", both!("sent", "送信済み")),
        "refused" => ("bad", both!("refused", "拒否")),
        "uncertain" => ("bad", both!("nobody knows whether it arrived", "到達不明")),
        "dropped" => ("quiet", both!("dropped", "破棄")),
        other => ("quiet", Bilingual::quoted(other)),
    }
}
