//! What a person who packs must read: the buyer's remarks, and the wishes that RMS keeps in fields of their own.

use crate::model::{Order, Package};
use crate::people;

/// RMS puts this line before the remarks of every order; the wishes for a date stand below it.
const WISHES: &str = "[配送日時指定:]";

/// The note: remarks first, then one line for each wish.
pub(crate) fn note(order: &Order) -> String {
    let mut lines = vec![remarks(order)];
    let mut say = |what: &str, value: &str| {
        if !value.trim().is_empty() {
            lines.push(format!("{what}: {}", value.trim().replace('\n', " / ")));
        }
    };
    say("お届け日指定", order.delivery_date.as_str());
    say("お届け時間帯", &term(order.shipping_term.as_str()));
    say("配送区分", delivery_class(order.delivery.delivery_class.as_str()));
    say("注文種別", order_type(order.order_type.as_str()).unwrap_or_default());
    say("ラッピング", order.wrapping_1.name.as_str());
    say("ラッピング", order.wrapping_2.name.as_str());
    if order.gift_check_flag.is_set() {
        say("ギフト", "ギフト配送希望");
    }
    if order.isolated_island_flag.is_set() {
        say("送付先", "離島を含む");
    }
    if order.caution_display_type.as_str() != "0" {
        say("注意表示", caution(order.caution_display_detail_type.as_str()));
    }
    let several = order.packages.len() > 1;
    for package in &order.packages {
        say("のし", package.noshi.as_str());
        say("受取店舗", &people::store(package));
        if package.drop_off_flag.is_set() {
            say("置き配", package.drop_off_location.as_str());
        }
        if several {
            say("送付先", &destination(package));
        }
        for item in &package.items {
            say(item.item_name.as_str(), item.selected_choice.as_str());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// The remarks without the heading that stands in every order, if nothing stands below it.
fn remarks(order: &Order) -> String {
    let whole = order.remarks.as_str();
    match whole.strip_prefix(WISHES) {
        Some(rest) if rest.is_empty() || rest.starts_with("\n\n") || rest.starts_with("\r\n\r\n") => {
            rest.trim().to_owned()
        }
        _ => whole.to_owned(),
    }
}

/// Receiver and goods of one package.
fn destination(package: &Package) -> String {
    let goods: Vec<String> = package
        .items
        .iter()
        .map(|item| format!("{} × {}", item.item_name.as_str(), item.units.as_str()))
        .collect();
    format!("{} ← {}", people::on_one_line(&package.receiver), goods.join(", "))
}

/// `1416` is 14時-16時.
fn term(code: &str) -> String {
    match code {
        "" | "0" => String::new(),
        "1" => "午前".to_owned(),
        "2" => "午後".to_owned(),
        "9" => "その他".to_owned(),
        _ => match code.split_at_checked(code.len().saturating_sub(2)) {
            Some((from, to)) if !from.is_empty() => format!("{from}時-{}時", to.trim_start_matches('0')),
            _ => code.to_owned(),
        },
    }
}

fn delivery_class(code: &str) -> &str {
    match code {
        "" | "0" | "1" => "",
        "2" => "冷蔵",
        "3" => "冷凍",
        other => other,
    }
}

/// The kind of order, empty for an ordinary one; `None` for a code that is not documented.
pub(crate) fn order_type(code: &str) -> Option<&'static str> {
    Some(match code {
        "" | "1" => "",
        "4" => "定期購入",
        "5" => "頒布会",
        "6" => "予約商品",
        _ => return None,
    })
}

fn caution(code: &str) -> &str {
    match code {
        "101" => "前払い未払いに注意",
        "102" => "受取拒否に注意",
        "103" => "長期不在による受取拒否に注意",
        "104" => "開梱後の返品に注意",
        "105" => "高いサービスレベルの要望に注意",
        other => other,
    }
}

/// Why an order was changed or cancelled (`changeReasonDetail`).
pub(crate) fn change_reason(code: &str) -> &str {
    match code {
        "1" => "キャンセル",
        "2" => "受取後の返品",
        "3" => "長期不在による受取拒否",
        "4" => "未入金",
        "5" => "代引決済の受取拒否",
        "6" => "お客様都合 - その他",
        "8" => "欠品",
        "10" => "店舗様都合 - その他",
        "13" => "発送遅延",
        "14" => "顧客・配送対応注意表示",
        "15" => "返品(破損・品間違い)",
        "16" => "受取情報入力期限切れ",
        other => other,
    }
}

/// Whether a way of payment is one that `getOrder` documents.
pub(crate) fn is_known_payment(code: &str) -> bool {
    const KNOWN: [&str; 16] =
        ["1", "2", "3", "4", "5", "6", "7", "8", "9", "12", "13", "14", "16", "17", "21", "27"];
    KNOWN.contains(&code)
}
