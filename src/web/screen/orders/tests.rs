//! The pages over views with the nastiest texts that an order can have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use askama::Template;
use banto_channel::{NoticeKind, Timestamp, has_japanese};
use jiff::tz::TimeZone;

use super::list::{ListQuery, OrdersPage, Row, Saved, Tab};
use super::words::{self, Chip};
use crate::domain::timeline;
use crate::mail::{Stage, Verdict};
use crate::web::screen::{Language, Page, Role, Section, Visit};

const NASTY: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

fn page(language: Language, role: Role) -> Page {
    let visit = Visit {
        user: 1,
        name: NASTY.to_owned(),
        role,
        language,
        csrf: "token".to_owned(),
        told: Some(NASTY.to_owned()),
        path: "/orders".to_owned(),
    };
    Page {
        visit,
        section: Section::Orders,
        title: NASTY.to_owned(),
        shop: NASTY.to_owned(),
        zone: TimeZone::UTC,
        now: Timestamp(1_795_311_000_000_000),
    }
}

fn list(language: Language, role: Role) -> OrdersPage {
    let p = page(language, role);
    let row = Row {
        id: 5,
        seen: "5:2".to_owned(),
        channel: NASTY.to_owned(),
        number: NASTY.to_owned(),
        placed_at: p.now.0,
        buyer: NASTY.to_owned(),
        summary: NASTY.to_owned(),
        more: 2,
        unmatched: true,
        total: 1080,
        currency: NASTY.to_owned(),
        payment: words::payment(&p.visit, "awaiting"),
        fulfilment: Chip::new("ok", NASTY.to_owned()),
        hold: Some(NASTY.to_owned()),
        short: 3,
        ship_by: Some(p.now.0 - 1),
        late: true,
    };
    OrdersPage {
        query: ListQuery { q: NASTY.to_owned(), ..ListQuery::default() },
        tabs: vec![Tab {
            href: NASTY.to_owned(),
            name: NASTY.to_owned(),
            count: "999+".to_owned(),
            here: true,
        }],
        channels: vec![(NASTY.to_owned(), true)],
        payments: vec![("paid", NASTY.to_owned(), true)],
        actions: super::bulk::actions(&p.visit),
        saved: vec![Saved { id: 1, name: NASTY.to_owned(), href: NASTY.to_owned() }],
        rows: vec![row],
        next: Some(NASTY.to_owned()),
        further: Some(NASTY.to_owned()),
        here: NASTY.to_owned(),
        p,
    }
}

fn harmless(html: &str) {
    assert!(!html.contains("<script>alert"), "a script got through");
    assert!(!html.contains("<img"), "an element got through");
    assert!(html.contains("&#60;script&#62;alert(1)"), "the text is shown");
    assert!(!html.contains(" style="), "the content policy forbids it");
}

#[test]
fn a_list_shows_scripts_as_text_in_both_languages() {
    for (language, says) in [(Language::Ja, "入金待ち"), (Language::En, "unpaid")] {
        let html = list(language, Role::Staff).render().unwrap();
        harmless(&html);
        assert!(html.contains(says), "{says}");
        assert_eq!(html.matches("<h1>").count(), 1);
    }
    let ja = list(Language::Ja, Role::Staff).render().unwrap();
    for expected in
        ["data-row data-href=\"/orders/5\"", "value=\"5:2\" data-select", "遅れ", "不足 3", "他 2点"]
    {
        assert!(ja.contains(expected), "{expected}");
    }
}

#[test]
fn a_refused_sender_is_told_in_japanese() {
    let sender = Verdict::SenderRefused { code: 553, text: "5.7.1 not yours".to_owned() }.to_string();
    assert_eq!(
        timeline::answer_in_words(&sender).ja,
        "差出人がメールサーバーに拒否されました: 553 5.7.1 not yours"
    );
}

#[test]
fn every_event_is_told_in_japanese() {
    let refusal = |stage| Verdict::Permanent { code: Some(550), text: "5.1.1 unknown".to_owned(), stage };
    let refused = refusal(Stage::Recipient).to_string();
    let stopped = Verdict::Stopped { reason: format!("{}: 535 5.7.8 no", Stage::Login) }.to_string();
    let lost = Verdict::Unknown { text: "no answer within 30 s".to_owned() }.to_string();
    for (kind, detail, told) in [
        ("imported", "1001 4980 JPY, new".to_owned(), "取り込み 1001 4980 JPY, new"),
        ("payment", "failed".to_owned(), "支払い状況 決済失敗"),
        ("status", "on-hold".to_owned(), "チャネルの状態 on-hold"),
        ("shortfall", timeline::shortfall(3), "在庫不足 3点が足りません"),
        ("shortfall", timeline::shortfall(1), "在庫不足 1点が足りません"),
        ("held", timeline::NO_LINES.fill(&[]), "保留 明細がありません"),
        ("held", "call the buyer first".to_owned(), "保留 call the buyer first"),
        ("released", timeline::NO_LONGER.fill(&["審査中"]), "保留解除 チャネルで解消: 審査中"),
        ("cancelled", timeline::NOT_PAID.fill(&[]), "キャンセル 期限までに入金がありませんでした"),
        ("shipped", format!("Yamato {}", timeline::NO_TRACKING), "出荷 Yamato 追跡番号なし"),
        ("returned", timeline::SET_ASIDE.fill(&["1", "Mug"]), "返品 1 × Mug（返品保管）"),
        ("unmatched", timeline::NO_CODE.fill(&["Mug"]), "商品未紐付け Mug: 商品コードがないため"),
        ("matched", "Mug: 2 × CUP".to_owned(), "商品に紐付け Mug: 2 × CUP"),
        ("no_mail", timeline::NO_ADDRESS.fill(&["paid"]), "メールなし 「入金確認」を送れません"),
        ("told", NoticeKind::Shipped.name().to_owned(), "チャネルへ通知 出荷"),
        (
            "told_refused",
            "paid: no such order (try 12 of 12)".to_owned(),
            "通知不可 入金: no such order（12回目",
        ),
        ("mail_sent", "received 1: 250 2.0.0 OK".to_owned(), "メール送信 「注文受付」250 2.0.0 OK"),
        (
            "mail_refused",
            format!("shipped 2: {refused}"),
            "「発送通知」（2） 受け付けられませんでした（宛先の指定）: 550 5.1.1",
        ),
        (
            "mail_refused",
            format!("paid 1: given up: {stopped} (try 9 of 9)"),
            "打ち切りました: メールサーバーに拒否されました（ログイン）: 535",
        ),
        (
            "mail_uncertain",
            format!("paid 1: {lost}; counted as sent, as the setting says"),
            "30秒以内に応答がありませんでした。設定により",
        ),
        ("mail_hold", "received 1: a@example.jp".to_owned(), "メール保留 「注文受付」a@example.jp"),
    ] {
        let name = words::event(kind).ja;
        let ja = format!("{name} {}", timeline::detail_in_words(kind, &detail).ja);
        assert!(ja.contains(told), "{kind} {detail}: {ja}");
        assert!(has_japanese(&name), "{kind} has a name");
        assert_eq!(timeline::detail_in_words(kind, &detail).en, detail, "programs and English pages: {kind}");
    }
    let stages = [Stage::Connect, Stage::Greeting, Stage::Tls, Stage::Check, Stage::Sender, Stage::Data];
    for stage in stages.into_iter().chain([Stage::Content, Stage::Answer]) {
        let ja = timeline::answer_in_words(&refusal(stage).to_string()).ja;
        assert!(!ja.contains(&stage.to_string()), "{ja}");
    }
    for kind in ["confirmed", "reminded", "refunded", "forgotten", "changed", "mail_drop", "mail_arrived"] {
        assert!(has_japanese(&words::event(kind).ja), "{kind} has a name");
    }
}

#[test]
fn who_may_only_look_is_offered_nothing_to_do() {
    let html = list(Language::En, Role::ReadOnly).render().unwrap();
    assert!(!html.contains("/orders/bulk"));
    assert!(!html.contains("data-select"));
}
