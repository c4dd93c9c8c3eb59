//! Stock: what lies where, what every channel shows of it and why, and what people do at the shelf.

pub(super) mod cells;
mod count;
mod explain;
mod grid;
mod history;
mod import;
mod item;
mod once;
mod scan;
mod sheet;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use banto_channel::{Bilingual, both};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::Routes;
use super::visit::FORM_MAX;
use super::{Access, Desk, Fault, Page};
use crate::store::{LocationRow, Moved, SalesWindow};

/// What may stand in a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

pub(super) fn routes(routes: Routes) -> Routes {
    let large = DefaultBodyLimit::max(FORM_MAX);
    routes
        .page("/stock", grid::show)
        .get("/stock/receive", Access::Staff, scan::receive)
        .post("/stock/receive", Access::Staff, scan::receive_act.layer(large))
        .get("/stock/count", Access::Staff, count::show)
        .post("/stock/count", Access::Staff, count::scan_act.layer(large))
        .post("/stock/count/sheet", Access::Staff, count::sheet.layer(large))
        .post("/stock/count/commit", Access::Staff, count::commit.layer(large))
        .get("/stock/import", Access::Staff, import::show)
        .post("/stock/import", Access::Staff, import::look.layer(large))
        .post("/stock/import/take", Access::Staff, import::take.layer(large))
        .page("/stock/{code}", item::show)
        .post("/stock/{code}/move", Access::Staff, item::act)
        .page("/stock/{code}/explain/{channel}/{listing}", explain::show)
}

/// A text as a part of a path or the value of a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The address of an item's page.
pub(super) fn item_path(code: &str) -> String {
    format!("/stock/{}", encoded(code))
}

/// A location as a page names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub id: i64,
    pub code: String,
    /// Its name, or its code where it has none.
    pub name: String,
}

impl From<LocationRow> for Place {
    fn from(row: LocationRow) -> Self {
        let name = if row.name.is_empty() { row.code.clone() } else { row.name };
        Self { id: row.id, code: row.code, name }
    }
}

/// The house's locations, in the config's order.
async fn places(desk: &Desk) -> Result<Vec<Place>, Fault> {
    Ok(rows_of_places(desk).await?.into_iter().map(Place::from).collect())
}

async fn rows_of_places(desk: &Desk) -> Result<Vec<LocationRow>, Fault> {
    let config = desk.app().config;
    let order = |row: &LocationRow| config.shop.locations.iter().position(|l| l.code == row.code);
    let mut rows = desk.store().locations().await?;
    rows.sort_by_key(|row| order(row).unwrap_or(usize::MAX));
    Ok(rows)
}

/// The location of that code; without one, the config's first.
async fn place(desk: &Desk, code: &str) -> Result<LocationRow, Fault> {
    let rows = rows_of_places(desk).await?;
    let found =
        if code.is_empty() { rows.into_iter().next() } else { rows.into_iter().find(|r| r.code == code) };
    found.ok_or_else(|| {
        Fault::not_found(both!("There is no location {code:?}", "ロケーション「{code}」はありません"))
    })
}

/// The last days in the shop's zone: how fast things sell now.
fn sales_window(p: &Page) -> SalesWindow {
    let now = jiff::Timestamp::from_microsecond(p.now.0).unwrap_or_default();
    SalesWindow::up_to(now.to_zoned(p.zone.clone()).date())
}

/// What a movement did, for the person who made it.
fn moved_words(moved: &Moved, place: &str) -> Bilingual {
    let code = &moved.item.code;
    let (before, after) = (moved.before.on_hand(), moved.after.on_hand());
    let mut words = both!(
        "{code} at {place}: on hand {before} → {after}",
        "{code}（{place}）: 実在庫 {before} → {after}"
    );
    if !moved.served.is_empty() {
        let orders = list(&moved.served);
        words = words.then(both!("Got what they waited for: {orders}", "不足が解消した受注: {orders}"));
    }
    if !moved.waiting.is_empty() {
        let waiting: Vec<String> =
            moved.waiting.iter().map(|h| format!("{}/{} ({})", h.channel, h.number, h.short)).collect();
        let orders = list(&waiting);
        words = words.then(both!("Still lacking: {orders}", "まだ不足している受注: {orders}"));
    }
    words
}

/// The first few of a list, and how many more there are.
fn list(all: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} (+{more})"),
    }
}

/// Frames and visitors for tests of pages.
#[cfg(test)]
pub(super) mod tests {
    use banto_channel::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::web::screen::{Language, Role, Section, Visit};

    /// What a buyer or a marketplace might write.
    pub(in crate::web::screen) const NASTY: &str = "<script>alert(1)</script>\"'&";

    pub(in crate::web::screen) fn page(language: Language) -> Page {
        page_of(language, Role::Owner)
    }

    pub(in crate::web::screen) fn page_of(language: Language, role: Role) -> Page {
        let visit = Visit {
            user: 1,
            name: "aki".into(),
            role,
            language,
            csrf: "token".into(),
            told: None,
            path: "/stock".into(),
        };
        Page {
            visit,
            section: Section::Stock,
            title: "在庫".into(),
            shop: "店".into(),
            zone: TimeZone::fixed(jiff::tz::offset(9)),
            now: Timestamp(1_795_311_000_000_000),
        }
    }

    /// No markup of a stranger's is in it.
    pub(in crate::web::screen) fn assert_tame(html: &str) {
        assert!(!html.contains("<script>") && !html.contains("alert(1)</"), "{html}");
        assert!(html.contains("&#60;script&#62;alert(1)"), "{html}");
        assert!(!html.contains(" style=\"") && !html.contains(" onclick="), "{html}");
    }

    #[test]
    fn months_and_days_are_numbered_in_the_shops_zone() {
        let window = sales_window(&page(Language::Ja));
        assert_eq!(window.month, 2026 * 12 + 10, "November is the eleventh");
        assert_eq!((window.today, window.first_day), (20_779, 20_752), "28 days, today among them");
    }

    #[test]
    fn a_long_list_says_how_many_more() {
        let all: Vec<String> = (1..=10).map(|n| n.to_string()).collect();
        assert_eq!(list(&all), "1, 2, 3, 4, 5, 6, 7, 8 (+2)");
        assert_eq!(item_path("A/B 茶"), "/stock/A%2FB%20%E8%8C%B6");
    }
}
