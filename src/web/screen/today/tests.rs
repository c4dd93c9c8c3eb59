#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::path::Path;

use super::*;
use crate::config::Surroundings;
use crate::store::{AlertRow, ChannelRow, Count, Work};
use crate::web::screen::{Language, Role};

const NASTY: &str = "<script>alert(1)</script>";

fn page(language: Language) -> Page {
    Page {
        visit: Visit {
            user: 1,
            name: NASTY.to_owned(),
            role: Role::Owner,
            language,
            csrf: "c".to_owned(),
            told: None,
            path: "/".to_owned(),
        },
        section: Section::Today,
        title: "Today".to_owned(),
        shop: NASTY.to_owned(),
        zone: TimeZone::fixed(jiff::tz::offset(9)),
        // 2026-11-22 10:30 in Japan.
        now: Timestamp(1_795_311_000_000_000),
    }
}

fn config() -> Config {
    let channel = "kind = \"woocommerce\"\nmode = \"live\"\n[orders.unpaid.bank]\ncancel_days = 7\n";
    Config::from_texts(
        Path::new("."),
        &Surroundings::default(),
        "[shop]\nname = \"x\"\n",
        &[("honten", channel)],
    )
    .unwrap()
}

fn pace() -> Pace {
    let row = ChannelRow {
        id: 1,
        name: "honten".to_owned(),
        kind: "woocommerce".to_owned(),
        mode: "live".to_owned(),
        locations: "[]".to_owned(),
        paused: false,
        stopped: None,
        approved: false,
        cursor: None,
        created_at: 0,
        live_since: Some(0),
        pulled_at: Some(1_795_310_000_000_000),
        pull_error: None,
        pull_failed_since: None,
        last_order_at: None,
        order_gap: None,
        credentials_expire: None,
        owner: None,
        lease_until: None,
        mapped: 0,
        push_asked: 0,
    };
    Pace { row, pushed_at: None, behind: 0, failed: Count::default(), usual_lag: None, worst_lag: None }
}

fn one() -> Count {
    Count { n: 1, oldest: Some(1_795_310_000_000_000) }
}

fn everything() -> Work {
    let alert = |id: i64, kind: &str, channel: Option<i64>| AlertRow {
        id,
        key: format!("{kind}:{id}"),
        channel_id: channel,
        kind: kind.to_owned(),
        detail: NASTY.to_owned(),
        since: 0,
        last_at: 0,
        mailed_at: None,
        cleared_at: None,
    };
    Work {
        short: one(),
        held: one(),
        late: one(),
        due: one(),
        unpaid: one(),
        lines: one(),
        listings: one(),
        quarantine: one(),
        dead: one(),
        uncertain: one(),
        refused: one(),
        by_hand: one(),
        alerts: vec![
            alert(7, "push_failed", Some(1)),
            alert(8, "disk_full", None),
            alert(9, "guard", Some(1)),
        ],
    }
}

fn troubled() -> Pace {
    let pace = pace();
    let row = ChannelRow {
        stopped: Some(NASTY.to_owned()),
        pull_error: Some(NASTY.to_owned()),
        credentials_expire: Some(page(Language::En).now.0 + 86_400_000_000),
        last_order_at: Some(0),
        order_gap: Some(60_000_000),
        ..pace.row
    };
    Pace { row, failed: one(), ..pace }
}

#[test]
fn every_kind_of_trouble_has_a_line_with_its_next_action() {
    let needs = needs::needs(&page(Language::En), &everything(), &[troubled()], &config());
    let found: Vec<(&str, &str)> = needs.iter().map(|n| (n.key.as_str(), n.href.as_str())).collect();
    for line in [
        ("guard-honten", "/channels/honten/diff"),
        ("pull-honten", "/channels/honten"),
        ("expiry-honten", "/channels/honten/credentials"),
        ("silent-honten", "/channels/honten"),
        ("failed-honten", "/listings?tab=errors&channel=honten"),
        ("late", "/orders?tab=late"),
        ("due", "/orders?tab=ship"),
        ("short", "/orders?tab=short"),
        ("held", "/orders?tab=held"),
        ("unpaid", "/orders?tab=unpaid"),
        ("lines", "/orders?tab=unmatched"),
        ("quarantine", "/quarantine"),
        ("uncertain", "/mails?tab=uncertain"),
        ("refused", "/mails?tab=refused"),
        ("by-hand", "/mails?tab=by_hand"),
        ("listings", "/listings"),
        ("dead", "/queue?tab=dead"),
        ("alert-7", "/channels/honten"),
        ("alert-8", "/channels"),
    ] {
        assert!(found.contains(&line), "{line:?} is not in {found:?}");
    }
    assert!(!found.iter().any(|(key, _)| *key == "alert-9"), "the guard is told of once");
    assert!(needs.iter().all(|n| !n.go.is_empty()));
    let tones: Vec<&str> = needs.iter().map(|n| n.tone).collect();
    assert!(tones.is_sorted_by_key(|t| ["bad", "warn", "info"].iter().position(|x| x == t)), "{tones:?}");
}

#[test]
fn a_house_where_all_is_well_says_so() {
    for (language, said) in [(Language::En, "All is well"), (Language::Ja, "問題ありません")] {
        let p = page(language);
        let needs = needs::needs(&p, &Work::default(), &[pace()], &config());
        assert_eq!(needs, []);
        let then = "11/15".to_owned();
        let page = TodayPage { p, needs, shops: Vec::new(), sum: Sold::default(), then };
        assert!(page.render().unwrap().contains(said));
    }
}

#[test]
fn what_others_wrote_stays_text() {
    for language in [Language::En, Language::Ja] {
        let p = page(language);
        let needs = needs::needs(&p, &everything(), &[troubled()], &config());
        let mut shop = shop(&p, &troubled(), &config(), (&[], &[]));
        shop.name = NASTY.to_owned();
        let then = NASTY.to_owned();
        let text = TodayPage { p, needs, shops: vec![shop], sum: Sold::default(), then }.render().unwrap();
        assert!(!text.contains("<script>alert"), "{text}");
        assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
    }
}

#[test]
fn a_day_is_the_shops_and_its_deadlines_come_from_the_config() {
    let p = page(Language::En);
    let today = day(p.now, &p.zone, 0);
    assert_eq!(today.begins.0, p.now.0 - (10 * 3600 + 30 * 60) * 1_000_000);
    assert_eq!(today.ends.0 - today.begins.0, DAY);
    assert_eq!(day(p.now, &p.zone, 7).begins.0, today.begins.0 - 7 * DAY);
    let rules = unpaid(&config(), &[pace()], p.now);
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].method.as_str(), rules[0].before.0), ("bank", p.now.0 - 7 * DAY));
}

#[test]
fn amounts_of_two_currencies_are_not_added_up() {
    let sale =
        |currency: &str, total| Sales { channel_id: 1, currency: currency.to_owned(), orders: 1, total };
    let all = [sale("JPY", 1000), sale("USD", 1050), sale("JPY", 500)];
    let sold = Sold::of(&all.iter().collect::<Vec<_>>(), &[]);
    assert_eq!((sold.orders, sold.sales.as_str(), sold.sales_then.as_str()), (3, "¥1,500 + $10.50", "–"));
}
