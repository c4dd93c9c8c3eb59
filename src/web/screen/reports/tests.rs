#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use askama::Template;
use banto_channel::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::sales::{Asked, Sales};
use super::times::{Against, Period, Step, date_from};
use super::*;
use crate::store::day_number;
use crate::web::screen::{Language, Role, Section, Visit};

const NASTY: &str = "<script>alert(1)</script>\"'&";

fn frame(language: Language) -> Page {
    let visit = Visit {
        user: 1,
        name: "aki".into(),
        role: Role::Staff,
        language,
        csrf: "token".into(),
        told: None,
        path: "/reports".into(),
    };
    Page {
        visit,
        section: Section::Reports,
        title: NASTY.into(),
        shop: NASTY.into(),
        zone: TimeZone::UTC,
        now: Timestamp(1_795_311_000_000_000),
    }
}

fn day(date: Date, channel_id: i64, currency: &str, orders: i64, total: i64) -> DaySales {
    let day = day_number(date);
    DaySales {
        day,
        channel_id,
        currency: currency.into(),
        orders,
        cancelled: 1,
        units: orders,
        total,
        refunded: 0,
    }
}

fn report(language: Language, shop: &str) -> String {
    let channels = [(1, "honten".to_owned()), (2, NASTY.to_owned())];
    let until = date(2026, 11, 22);
    let asked = Asked {
        step: Step::Day,
        against: Against::LastYear,
        until,
        today: until,
        currency: "JPY",
        shop,
        channels: &channels,
        on_hand: 100,
    };
    let now = [day(until, 1, "JPY", 11, 10_000), day(until, 2, "JPY", 6, 5_000), day(until, 1, "USD", 99, 1)];
    let before = [day(date(2025, 11, 23), 1, "JPY", 5, 8_000)];
    Sales::of(&asked, &now, &before).page(frame(language), true).render().unwrap()
}

#[test]
fn a_report_stands_beside_last_year() {
    for (language, sales, total) in [(Language::Ja, "売上", "¥15,000"), (Language::En, "Sales", "¥15,000")]
    {
        let html = report(language, "");
        assert!(html.contains(sales) && html.contains(total), "{html}");
        assert!(html.contains("+87.5 %") && html.contains("¥8,000"), "{html}");
        // 15 orders were not cancelled.
        assert!(html.contains("¥1,000"), "{html}");
        assert!(!html.contains("<script>alert") && !html.contains(" style="), "{html}");
        assert_eq!(html.matches("<svg").count(), 2);
        assert!(html.len() < 100_000, "{} bytes", html.len());
    }
    let html = report(Language::En, "honten");
    assert!(html.contains("¥10,000") && !html.contains("¥15,000"), "{html}");
}

#[test]
fn times_meet_what_they_are_compared_with() {
    let period = |y, m, d, days: i64| {
        let first = date(y, m, d);
        Period { first, end: first.saturating_add(jiff::ToSpan::days(days)) }
    };
    let sunday = date(2026, 11, 22);
    assert_eq!(Step::Week.around(sunday), period(2026, 11, 16, 7));
    assert_eq!(Step::Week.around(date(2026, 11, 16)), period(2026, 11, 16, 7));
    assert_eq!(Step::Month.around(sunday), period(2026, 11, 1, 30));
    let of = |step: Step, against, many| step.compared(step.around(sunday), against, many);
    assert_eq!(of(Step::Day, Against::LastYear, 30), period(2025, 11, 23, 1), "a Sunday too");
    assert_eq!(of(Step::Week, Against::LastYear, 13), period(2025, 11, 17, 7));
    assert_eq!(of(Step::Month, Against::LastYear, 12), period(2025, 11, 1, 30));
    assert_eq!(of(Step::Month, Against::Before, 1), period(2026, 10, 1, 31));
    assert_eq!(
        Step::Month.compared(Step::Month.around(date(2024, 2, 29)), Against::LastYear, 1),
        period(2023, 2, 1, 28)
    );
    for step in [Step::Day, Step::Week, Step::Month] {
        let all = step.up_to(sunday);
        assert_eq!(all.len(), usize::try_from(step.many()).unwrap());
        assert!(all.windows(2).all(|pair| pair[0].end == pair[1].first), "{step:?}: {all:?}");
        assert!(all.last().unwrap().first <= sunday && sunday < all.last().unwrap().end);
        assert_eq!(Step::from_name(step.name()), step);
    }
    assert_eq!(date_from(" 2026-11-22 "), Some(sunday));
    for wrong in ["", "x", "2026-13-01", "9999-12-31", "-0001-01-01", "0000-00-00"] {
        assert_eq!(date_from(wrong), None, "{wrong}");
    }
}

#[test]
fn changes_and_turns_are_told_in_tenths() {
    let told = |now, before| change(now, before).text;
    assert_eq!((told(110, 100).as_str(), told(5, 10).as_str()), ("+10.0 %", "−50.0 %"));
    assert_eq!((told(7, 7).as_str(), told(7, 0).as_str()), ("±0.0 %", "–"));
    assert_eq!(told(1, 2), "−50.0 %");
    assert_eq!(told(999, 1000), "−0.1 %");
    assert_eq!(turns(30, 30, 100).as_deref(), Some("3.6"));
    assert_eq!((turns(30, 30, 0), turns(30, 0, 5)), (None, None));
    let sum = Sum { orders: 3, cancelled: 1, total: 301, ..Sum::default() };
    assert_eq!((sum.average(), sum.cancel_rate().as_str()), (Some(150), "33.3 %"));
    assert_eq!((Sum::default().average(), Sum::default().cancel_rate().as_str()), (None, "–"));
}
