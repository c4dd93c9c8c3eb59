#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use jiff::tz::TimeZone;

use super::*;
use crate::store::{ChannelRow, Count};
use crate::web::screen::{Language, Role};

pub(super) const NASTY: &str = "<script>alert(1)</script>";

pub(super) fn page(language: Language) -> Page {
    Page {
        visit: Visit {
            user: 1,
            name: NASTY.to_owned(),
            role: Role::Owner,
            language,
            csrf: "c".to_owned(),
            told: None,
            path: "/channels".to_owned(),
        },
        section: Section::Channels,
        title: NASTY.to_owned(),
        shop: NASTY.to_owned(),
        zone: TimeZone::UTC,
        now: Timestamp(1_795_311_000_000_000),
    }
}

fn pace() -> Pace {
    let row = ChannelRow {
        id: 1,
        name: NASTY.to_owned(),
        kind: NASTY.to_owned(),
        mode: "live".to_owned(),
        locations: "[]".to_owned(),
        paused: false,
        stopped: Some(NASTY.to_owned()),
        approved: false,
        cursor: None,
        created_at: 0,
        live_since: Some(0),
        pulled_at: Some(1),
        pull_error: Some(format!("{NASTY} (auth)")),
        pull_failed_since: Some(1),
        last_order_at: Some(1),
        order_gap: None,
        credentials_expire: Some(1),
        owner: None,
        lease_until: None,
        mapped: 0,
        push_asked: 0,
    };
    let failed = Count { n: 2, oldest: Some(1) };
    Pace { row, pushed_at: Some(1), behind: 3, failed, usual_lag: Some(400_000), worst_lag: Some(9_000_000) }
}

#[test]
fn what_others_wrote_stays_text_and_trouble_comes_with_its_remedy() {
    for (language, remedy) in
        [(Language::En, "does not accept the credentials"), (Language::Ja, "認証情報・権限")]
    {
        let p = page(language);
        let card = card(&p, NASTY, Some(&pace()), None, None, &[]);
        assert_eq!((card.waiting, card.troubles.len()), (5, 1));
        let facts = vec![(NASTY.to_owned(), NASTY.to_owned())];
        let text = ChannelPage {
            card: card.clone(),
            failing: Vec::new(),
            limits: facts.clone(),
            facts,
            notices: 1,
            waits_to_run: true,
            is_being_switched_on: false,
            p: p.clone(),
        };
        let text = text.render().unwrap();
        assert!(!text.contains("<script>alert"), "{text}");
        assert!(text.contains(remedy), "{text}");
        let list = ChannelsPage { cards: vec![card], dir: NASTY.to_owned(), p }.render().unwrap();
        assert!(!list.contains("<script>alert"), "{list}");
    }
}

#[test]
fn credentials_that_have_run_out_are_told_in_red() {
    let card = card(&page(Language::En), "x", Some(&pace()), None, None, &[]);
    let (text, tone) = card.expires.unwrap();
    assert_eq!((text.as_str(), tone), ("the credentials ran out on 1970-01-01", "bad"));
}
