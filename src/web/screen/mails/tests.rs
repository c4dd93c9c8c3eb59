#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use banto_channel::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::web::screen::{Language, Role};

const NASTY: &str = "<script>alert(1)</script>";

pub(super) fn page(language: Language) -> Page {
    Page {
        visit: Visit {
            user: 1,
            name: NASTY.to_owned(),
            role: Role::Owner,
            language,
            csrf: "c".to_owned(),
            told: None,
            path: "/mails".to_owned(),
        },
        section: Section::Mails,
        title: "Mails".to_owned(),
        shop: NASTY.to_owned(),
        zone: TimeZone::UTC,
        now: Timestamp(1_795_311_000_000_000),
    }
}

fn head() -> MailHead {
    MailHead {
        order_id: 7,
        kind: "shipped".to_owned(),
        revision: 2,
        state: "uncertain".to_owned(),
        recipient: NASTY.to_owned(),
        subject: Some(NASTY.to_owned()),
        attempts: 1,
        answer: Some(NASTY.to_owned()),
        updated_at: 5,
        place: 0,
        channel: NASTY.to_owned(),
        number: NASTY.to_owned(),
        buyer_name: NASTY.to_owned(),
        hold: None,
    }
}

#[test]
fn what_others_wrote_stays_text_in_the_list() {
    for language in [Language::En, Language::Ja] {
        let p = page(language);
        let acts = buttons(&p, "uncertain");
        let mails = vec![line(&p, head())];
        let tabs = vec![Tab { state: "uncertain", name: "x".to_owned(), count: Some(1) }];
        let page =
            MailsPage { p, tab: "uncertain", tabs, mails, acts, next: None, turned: false, no_server: true };
        let text = page.render().unwrap();
        assert!(!text.contains("<script>alert"), "{text}");
        assert!(text.contains("href=\"/mails/7/shipped/2\""), "{text}");
        let said = if language == Language::Ja { "届いていた" } else { "It arrived" };
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_place_is_written_and_read_and_nonsense_begins_anew() {
    let place_of = MailPlace::from(&head());
    assert_eq!(place(&place_text(&place_of)), Some(place_of));
    for nonsense in ["", "1.2", "1.2.x.1", "a.7.paid.1", "1.7.paid.'"] {
        assert_eq!(place(nonsense), None, "{nonsense}");
    }
}

#[test]
fn a_mail_is_named_by_order_kind_and_revision() {
    let key = key("7/shipped/2").unwrap();
    assert_eq!((key.order, key.kind, key.revision), (7, MailKind::Shipped, 2));
    assert_eq!(super::key("7/nothing/2"), None);
}

#[test]
fn every_state_offers_only_what_the_store_grants() {
    for (state, ..) in TABS {
        for button in buttons(&page(Language::En), state) {
            assert!(act_named(button.act).is_some(), "{} in {state}", button.act);
        }
    }
    assert!(buttons(&page(Language::En), "sending").is_empty());
}
