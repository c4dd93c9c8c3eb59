#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use banto_channel::Timestamp;
use jiff::tz::TimeZone;

use super::one::{CustomerPage, MergePage, page};
use super::*;
use crate::store::{CustomerKeyRow, CustomerNoteRow, CustomerTotal, CustomerView};
use crate::web::screen::{Language, Role};

const NASTY: &str = "<script>alert(1)</script>\"'&";

fn frame(language: Language, role: Role) -> Page {
    let visit = Visit {
        user: 1,
        name: NASTY.into(),
        role,
        language,
        csrf: "token".into(),
        told: Some(NASTY.into()),
        path: "/customers".into(),
    };
    Page {
        visit,
        section: Section::Customers,
        title: NASTY.into(),
        shop: NASTY.into(),
        zone: TimeZone::UTC,
        now: Timestamp(1_795_311_000_000_000),
    }
}

fn row(id: i64) -> CustomerRow {
    CustomerRow {
        id,
        version: 3,
        name: NASTY.into(),
        email: format!("{NASTY}@fw.rakuten.ne.jp"),
        phone: NASTY.into(),
        terms: String::new(),
        orders: 1234,
        first_order_at: 1,
        last_order_at: 1_795_310_000_000_000,
        blocked_at: Some(1),
        blocked_reason: Some(NASTY.into()),
        merged_into: None,
        erased_at: None,
    }
}

fn whole(language: Language, role: Role) -> String {
    let note = |kind: &str| CustomerNoteRow {
        customer_id: 7,
        id: 1,
        at: 1,
        kind: kind.into(),
        text: NASTY.into(),
        actor: NASTY.into(),
    };
    let view = CustomerView {
        customer: row(7),
        orders: Vec::new(),
        totals: vec![CustomerTotal {
            currency: "JPY".into(),
            orders: 2,
            cancelled: 1,
            total: 12_345,
            refunded: 5,
        }],
        notes: vec![note("note"), note("split"), note("blocked")],
        keys: vec![CustomerKeyRow { key: format!("a:{NASTY}|1"), customer_id: 7, name: String::new() }],
        apart: vec![row(8)],
    };
    let page: CustomerPage = page(frame(language, role), view, &[]);
    page.render().unwrap()
}

fn clean(html: &str) {
    assert!(!html.contains("<script>alert") && html.contains("&#60;script&#62;"), "{html}");
    assert!(!html.contains(" style=") && !html.contains("onclick"), "{html}");
    assert_eq!(html.matches("<h1").count(), 1);
}

#[test]
fn a_customers_page_shows_nasty_texts_as_texts() {
    let (ja, en) = (whole(Language::Ja, Role::Owner), whole(Language::En, Role::Owner));
    clean(&ja);
    clean(&en);
    assert!(ja.contains("取引停止") && ja.contains("¥12,345") && ja.contains("個人情報"));
    assert!(en.contains("Known again by") && en.contains("Masked") | en.contains("masked"));
    assert!(en.contains("action=\"/customers/7/unblock\"") && !en.contains("action=\"/customers/7/block\""));
}

#[test]
fn who_may_only_look_sees_no_form_and_only_the_owner_erases() {
    let form = |html: &str, what: &str| html.contains(&format!("action=\"/customers/7/{what}\""));
    let html = whole(Language::En, Role::ReadOnly);
    for what in ["note", "unblock", "export", "erase"] {
        assert!(!form(&html, what), "{what}");
    }
    let html = whole(Language::En, Role::Staff);
    assert!(form(&html, "note") && form(&html, "export") && !form(&html, "erase"));
    assert!(form(&whole(Language::En, Role::Owner), "erase"));
}

#[test]
fn lists_and_merges_show_nasty_texts_as_texts() {
    for language in [Language::Ja, Language::En] {
        let list = CustomersPage {
            p: frame(language, Role::Staff),
            query: ListQuery { q: NASTY.into(), ..ListQuery::default() },
            rows: vec![row(7).into()],
            next: Some(format!("/customers?q={NASTY}")),
        };
        let html = list.render().unwrap();
        clean(&html);
        assert!(html.contains("1,234") && html.contains("/customers/7"));
        let merge = MergePage {
            p: frame(language, Role::Staff),
            q: NASTY.into(),
            who: row(7).into(),
            version: 3,
            other: Some((row(8).into(), 5)),
            were_apart: true,
            offers: vec![row(9).into()],
        };
        let html = merge.render().unwrap();
        clean(&html);
        assert!(html.contains("name=\"with_version\" value=\"5\""));
        clean(&MergePage { other: None, ..merge }.render().unwrap());
    }
    let nobody = CustomersPage {
        p: frame(Language::En, Role::Staff),
        query: ListQuery::default(),
        rows: Vec::new(),
        next: None,
    };
    assert!(nobody.render().unwrap().contains("There are no customers yet"));
}
