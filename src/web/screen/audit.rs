//! The audit: every change that a person or a program of the house made, from what to what.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::access::Routes;
use super::{Desk, Fault, Page, Section, Visit, html};
use crate::store::{AuditFilter, AuditRow};

/// Changes on a page.
const PAGE: i64 = 100;

#[derive(Template)]
#[template(path = "audit.html", config = "src/web/askama.toml")]
struct AuditPage {
    p: Page,
    rows: Vec<Row>,
    asked: Asked,
    actors: Vec<String>,
    /// Word and title.
    actions: Vec<(String, String)>,
    /// Address of the next page.
    next: Option<String>,
}

struct Row {
    at: i64,
    actor: String,
    action: String,
    title: String,
    subject: String,
    /// Address of what it was done to.
    link: Option<String>,
    detail: String,
    diff: Vec<Difference>,
}

/// One value that was changed.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    label: String,
    before: Option<String>,
    after: Option<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.page("/audit", show)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    person: String,
    action: String,
    about: String,
    before: Option<i64>,
}

async fn show(State(desk): State<Desk>, visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Fault> {
    let (actor, action, about) = (asked.person.trim(), asked.action.trim(), asked.about.trim());
    let filter = AuditFilter { actor, action, about };
    let page = desk.store().audit_page(filter, asked.before.unwrap_or(i64::MAX), PAGE).await?;
    let actors = desk.store().audit_actors().await?;
    let actions = desk.store().audit_actions().await?;
    let p = desk.page(&visit, Section::House, &both!("Audit log", "操作履歴"));
    let titled = |action: String| (action.clone(), p.say(&title(&action)));
    let actions = actions.into_iter().map(titled).collect();
    let rows = page.rows.into_iter().map(|row| Row::new(&p, row)).collect();
    let next = page.next.map(|before| next_page(&asked, before));
    html(&AuditPage { p, rows, asked, actors, actions, next })
}

fn next_page(asked: &Asked, before: i64) -> String {
    let text = |text: &str| utf8_percent_encode(text.trim(), NON_ALPHANUMERIC).to_string();
    let (person, action, about) = (text(&asked.person), text(&asked.action), text(&asked.about));
    format!("/audit?person={person}&action={action}&about={about}&before={before}")
}

impl Row {
    fn new(p: &Page, row: AuditRow) -> Self {
        Self {
            at: row.at,
            title: p.say(&title(&row.action)),
            link: link(&row.action, &row.subject),
            diff: diff(p, row.before_state.as_deref(), row.after_state.as_deref()),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        }
    }
}

/// Where to see what a change was made to.
fn link(action: &str, subject: &str) -> Option<String> {
    let order = subject.rsplit_once('#').filter(|_| action.starts_with("order_"));
    order.and_then(|(_, id)| id.parse::<i64>().ok()).map(|id| format!("/orders/{id}"))
}

/// What changed, by name, in the order of the names; all of what is new.
fn diff(p: &Page, before: Option<&str>, after: Option<&str>) -> Vec<Difference> {
    let read = |text: Option<&str>| match text.map(serde_json::from_str) {
        Some(Ok(Value::Object(map))) => map,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (read(before), read(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed
        .map(|name| {
            let value =
                |map: &serde_json::Map<String, Value>| map.get(name).and_then(|value| shown(p, value));
            let (before, after) = lines(value(&before), value(&after));
            let label = label(name).map_or_else(|| name.clone(), |label| p.say(&label));
            Difference { label, before, after }
        })
        .collect()
}

/// Most characters of a changed text that are shown.
const TEXT_MAX: usize = 1000;

/// What changed of a text: what lies between the lines that are the same at its beginning and its end.
fn lines(before: Option<String>, after: Option<String>) -> (Option<String>, Option<String>) {
    let split = |text: &Option<String>| -> Vec<String> {
        text.as_deref().unwrap_or_default().lines().map(str::to_owned).collect()
    };
    let (old, new) = (split(&before), split(&after));
    let head = old.iter().zip(&new).take_while(|(o, n)| o == n).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(o, n)| o == n).count();
    let middle = |lines: &[String]| {
        let text = lines[head..lines.len() - tail].join("\n");
        let short: String = text.chars().take(TEXT_MAX).collect();
        let cut = if short.len() < text.len() { "…" } else { "" };
        (!text.is_empty()).then(|| format!("{short}{cut}"))
    };
    (middle(&old), middle(&new))
}

fn shown(p: &Page, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(is) => {
            Some(p.t(if *is { "yes" } else { "no" }, if *is { "はい" } else { "いいえ" }).to_owned())
        }
        Value::String(text) => Some(word(text).map_or_else(|| text.clone(), |word| p.say(&word))),
        Value::Number(n) => Some(n.as_i64().map_or_else(|| n.to_string(), |n| p.number(&n))),
        other => Some(other.to_string()),
    }
}

/// What people call a value's name.
fn label(name: &str) -> Option<Bilingual> {
    Some(match name {
        "payment" => both!("payment", "入金"),
        "fulfilment" => both!("fulfilment", "出荷"),
        "hold" => both!("hold", "保留"),
        "ordered" => both!("ordered", "受注数"),
        "cancelled" => both!("cancelled", "キャンセル数"),
        "shipped" => both!("shipped", "出荷数"),
        "returned" => both!("returned", "返品数"),
        "version" => both!("version", "版"),
        "available" => both!("free", "引当可能"),
        "reserved" => both!("reserved", "引当済"),
        "short" => both!("short", "不足"),
        "full_name" => both!("name", "氏名"),
        "role" => both!("role", "権限"),
        "language" => both!("language", "表示言語"),
        "one_time_codes" => both!("one-time codes", "2段階認証"),
        "disabled" => both!("disabled", "無効"),
        "paused" => both!("paused", "一時停止"),
        "stopped" => both!("stopped", "停止"),
        "mode" => both!("mode", "動作モード"),
        "state" => both!("state", "状態"),
        "note" => both!("note", "メモ"),
        "blocked" => both!("blocked", "取引停止"),
        _ => return None,
    })
}

/// What people call a stored word.
fn word(text: &str) -> Option<Bilingual> {
    Some(match text {
        "awaiting" => both!("waiting", "未入金"),
        "paid" => both!("paid", "入金済"),
        "failed" => both!("failed", "決済失敗"),
        "partly_refunded" => both!("partly refunded", "一部返金"),
        "refunded" => both!("refunded", "返金済"),
        "open" => both!("not shipped", "未出荷"),
        "partial" => both!("partly", "一部"),
        "shipped" => both!("shipped", "出荷済"),
        "cancelled" => both!("cancelled", "キャンセル"),
        "owner" => both!("owner", "管理者"),
        "staff" => both!("staff", "スタッフ"),
        "read_only" => both!("read-only", "閲覧のみ"),
        "ja" => both!("Japanese", "日本語"),
        "en" => both!("English", "英語"),
        _ => return None,
    })
}

/// What people call the kinds of change: the audit's word, English, Japanese.
const TITLES: &[(&str, &str, &str)] = &[
    ("order_hold", "Order held", "受注を保留"),
    ("order_release", "Order released", "保留を解除"),
    ("order_cancel", "Order cancelled", "受注をキャンセル"),
    ("order_pay", "Marked as paid", "入金済みに変更"),
    ("order_ship", "Shipped", "出荷"),
    ("order_return", "Return taken", "返品を受付"),
    ("order_confirm", "Order confirmed", "受注を確認"),
    ("order_remind", "Payment reminder", "入金のお願い"),
    ("order_retry", "Order retried", "受注の処理を再試行"),
    ("order_note", "Note on an order", "受注にメモ"),
    ("quarantine_close", "Unreadable order closed", "取込不能の受注を完了"),
    ("stock_received", "Goods received", "入庫"),
    ("stock_returned_restocked", "Returns on sale again", "返品を再販"),
    ("stock_set", "Stock set", "在庫数を設定"),
    ("stock_written_off", "Written off", "在庫を除却"),
    ("stock_count", "Stocktake", "棚卸"),
    ("items_import", "Items imported", "商品を取込"),
    ("listing_map", "Listing mapped", "出品を紐付け"),
    ("listing_unmap", "Listing unmapped", "出品の紐付けを解除"),
    ("listing_ignore", "Listing ignored", "出品を対象外に"),
    ("mail_send", "Mail sent", "メールを送信"),
    ("mail_resend", "Mail sent again", "メールを再送"),
    ("mail_drop", "Mail dropped", "メールを破棄"),
    ("mail_rewrite", "Mail rewritten", "メールを書き直し"),
    ("mail_hold", "Mail held", "メールを保留"),
    ("mail_test", "Test mail sent", "テストメールを送信"),
    ("template_save", "Template changed", "テンプレートを変更"),
    ("template_reset", "Template reset", "テンプレートを初期化"),
    ("mail_arrived", "Mail had arrived", "メールは送信済みと判断"),
    ("job_retry", "Job retried", "処理を再試行"),
    ("job_drop", "Job dropped", "処理を破棄"),
    ("push", "Stock pushed", "在庫を送信"),
    ("approve_push", "Push approved", "在庫の送信を承認"),
    ("pause_channel", "Channel paused", "チャネルを一時停止"),
    ("resume_channel", "Channel resumed", "チャネルを再開"),
    ("channel_mode", "Observe or live", "動作モードを変更"),
    ("credentials_write", "Credentials written", "認証情報を登録"),
    ("pull", "Orders fetched", "受注を取得"),
    ("pull_from_start", "Orders fetched from the start", "受注を最初から取得"),
    ("restore", "Backup restored", "バックアップから復元"),
    ("user_add", "User added", "利用者を追加"),
    ("user_change", "User changed", "利用者を変更"),
    ("user_language", "Language changed", "表示言語を変更"),
    ("user_password", "Password changed", "パスワードを変更"),
    ("user_totp_on", "One-time codes on", "2段階認証を設定"),
    ("user_totp_off", "One-time codes off", "2段階認証を解除"),
    ("user_disable", "User disabled", "利用者を無効化"),
    ("user_enable", "User enabled", "利用者を有効化"),
    ("login", "Logged in", "ログイン"),
    ("logout", "Logged out", "ログアウト"),
    ("logout_all", "Logins ended", "すべてログアウト"),
    ("customer_merge", "Customers merged", "顧客を統合"),
    ("customer_split", "Customer split", "顧客を分割"),
    ("customer_note", "Note on a customer", "顧客にメモ"),
    ("customer_block", "Customer blocked", "顧客を取引停止"),
    ("customer_unblock", "Customer unblocked", "取引停止を解除"),
    ("customer_export", "Personal data exported", "個人情報を出力"),
    ("customer_erase", "Personal data erased", "個人情報を消去"),
    ("token_add", "API token made", "APIトークンを発行"),
    ("token_revoke", "API token revoked", "APIトークンを失効"),
    ("webhook_add", "Webhook added", "Webhookを追加"),
    ("webhook_remove", "Webhook removed", "Webhookを削除"),
    ("webhook_on", "Webhook on", "Webhookを有効化"),
    ("webhook_off", "Webhook off", "Webhookを無効化"),
    ("webhook_ping", "Webhook tried", "Webhookをテスト"),
];

fn title(action: &str) -> Bilingual {
    match TITLES.iter().find(|(word, _, _)| *word == action) {
        Some((_, en, ja)) => Bilingual { en: (*en).to_owned(), ja: (*ja).to_owned() },
        None => Bilingual::quoted(action),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::super::visit::sample_page;
    use super::*;

    const NASTY: &str = "<script>alert(1)</script>\"'";

    fn row(before: &str, after: &str) -> AuditRow {
        AuditRow {
            id: 1,
            at: 1_795_311_000_000_000,
            actor: NASTY.into(),
            action: NASTY.into(),
            subject: NASTY.into(),
            detail: NASTY.into(),
            before_state: Some(before.into()),
            after_state: Some(after.into()),
        }
    }

    #[test]
    fn only_what_changed_is_shown() {
        let p = sample_page(Language::Ja);
        let changes = diff(
            &p,
            Some(r#"{"payment":"awaiting","hold":null,"version":3,"same":1}"#),
            Some(r#"{"payment":"paid","hold":"住所","version":4,"same":1}"#),
        );
        let told: Vec<String> = changes
            .iter()
            .map(|d| format!("{}: {:?} {:?}", d.label, d.before.as_deref(), d.after.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                "保留: None Some(\"住所\")",
                "入金: Some(\"未入金\") Some(\"入金済\")",
                "版: Some(\"3\") Some(\"4\")"
            ]
        );
    }

    #[test]
    fn of_a_text_the_lines_that_changed_are_shown() {
        let told = |before: &str, after: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let (before, after) = lines(some(before), some(after));
            (before.unwrap_or_default(), after.unwrap_or_default())
        };
        assert_eq!(told("a\nb\nc\nd", "a\nX\nY\nd"), ("b\nc".into(), "X\nY".into()));
        assert_eq!(told("a\na", "a"), ("a".into(), String::new()), "what repeats is counted once");
        assert_eq!(told("", "new"), (String::new(), "new".into()));
        assert_eq!(told("住所", "電話"), ("住所".into(), "電話".into()));
        assert_eq!(told(&"髙".repeat(TEXT_MAX + 1), "").0.chars().count(), TEXT_MAX + 1);
    }

    #[test]
    fn everything_comes_out_as_text() {
        for language in [Language::Ja, Language::En] {
            let p = sample_page(language);
            let state = serde_json::json!({ NASTY: NASTY }).to_string();
            let rows = vec![Row::new(&p, row("", &state)), Row::new(&p, row(&state, ""))];
            let asked =
                Asked { person: NASTY.into(), action: NASTY.into(), about: NASTY.into(), before: None };
            let next = Some(next_page(&asked, 7));
            let actions = vec![(NASTY.to_owned(), NASTY.to_owned())];
            let page = AuditPage { p, rows, asked, actors: vec![NASTY.into()], actions, next };
            let text = page.render().unwrap();
            assert!(!text.contains("<script>alert"), "{text}");
            assert!(text.matches("&#60;script&#62;").count() >= 12, "{text}");
        }
    }

    #[test]
    fn an_order_is_linked() {
        assert_eq!(link("order_ship", "honten/1001 #5").as_deref(), Some("/orders/5"));
        assert_eq!(link("stock_set", "TEA #5"), None);
        assert_eq!(link("order_ship", "honten/#x"), None);
    }
}
