//! The pages over views with the nastiest texts that an order can have.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use askama::Template;
use banto_channel::Timestamp;
use jiff::tz::TimeZone;

use super::list::{ListQuery, OrdersPage, Row, Saved, Tab};
use super::words::{self, Chip};
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
        tabs: vec![Tab { href: NASTY.to_owned(), name: NASTY.to_owned(), here: true }],
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
fn who_may_only_look_is_offered_nothing_to_do() {
    let html = list(Language::En, Role::ReadOnly).render().unwrap();
    assert!(!html.contains("/orders/bulk"));
    assert!(!html.contains("data-select"));
}
