//! Items × channels: one row an item, one column a channel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use banto_channel::both;
use serde::Deserialize;

use super::cells::Cell;
use super::{Place, encoded, item_path, places, sales_window};
use crate::domain::{ChannelId, ItemId, naming};
use crate::store::{ItemRow, ListingRow, SellingPace, ShelfFilter, ShelfPage};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// Rows of a page.
const ROWS: i64 = 50;
/// Goods that last less than this are about to run out.
const RUNS_OUT: i64 = 14;

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GridQuery {
    q: String,
    /// `short`, `drift`, `errors`, `out`, `unlisted`.
    f: String,
    /// Code of a location.
    at: String,
    after: String,
    days: String,
}

#[derive(Template)]
#[template(path = "stock.html", config = "src/web/askama.toml")]
struct GridPage {
    p: Page,
    q: String,
    filter: String,
    at: String,
    days: i64,
    places: Vec<Place>,
    channels: Vec<String>,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    looked_through: Option<i64>,
}

/// One item.
#[derive(Clone, Debug)]
struct Row {
    href: String,
    code: String,
    name: String,
    set: bool,
    on_hand: i64,
    reserved: i64,
    available: i64,
    short: i64,
    /// Days for which it lasts.
    lasts: Option<i64>,
    runs_out: bool,
    /// By channel, in the order of the columns.
    cells: Vec<Vec<Cell>>,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<GridQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Stock, &both!("Stock", "在庫"));
    let app = desk.app();
    let days = query.days.parse().unwrap_or(RUNS_OUT).clamp(1, 365);
    let currency = app.config.shop.currency.clone();
    let filter = match query.f.as_str() {
        "short" => ShelfFilter::Short,
        "drift" => ShelfFilter::Drift,
        "errors" => ShelfFilter::Failed,
        "unlisted" => ShelfFilter::Unlisted,
        "out" => ShelfFilter::RunningOut { days, window: sales_window(&p), currency: &currency },
        _ => ShelfFilter::All,
    };
    let page = desk.store().shelf(filter, &naming::words(&query.q), &query.after, ROWS).await?;
    let places = places(&desk).await?;
    let location = places.iter().find(|l| l.code == query.at).map(|l| l.id);
    let rows = rows(&desk, &p, &page, location, days).await?;
    html(&GridPage {
        channels: app.channels.iter().map(|r| r.channel.name.clone()).collect(),
        first: (!query.after.is_empty()).then(|| address(&query, "")),
        next: page.next.as_deref().map(|after| address(&query, after)),
        looked_through: page.looked_through,
        q: query.q,
        filter: query.f,
        at: query.at,
        p,
        days,
        places,
        rows,
    })
}

/// The address of another page of the same list.
fn address(query: &GridQuery, after: &str) -> String {
    let fields = [("q", &query.q), ("f", &query.f), ("at", &query.at), ("days", &query.days)];
    let mut all: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    if !after.is_empty() {
        all.push(format!("after={}", encoded(after)));
    }
    if all.is_empty() { "/stock".to_owned() } else { format!("/stock?{}", all.join("&")) }
}

/// The rows of a page: a handful of queries for all of them, and two or three a channel.
async fn rows(
    desk: &Desk,
    p: &Page,
    page: &ShelfPage,
    location: Option<i64>,
    days: i64,
) -> Result<Vec<Row>, Fault> {
    let (app, store) = (desk.app(), desk.store());
    let ids: BTreeSet<ItemId> = page.items.iter().map(|i| i.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let codes: BTreeMap<ItemId, &str> = page.items.iter().map(|i| (i.id, i.code.as_str())).collect();
    let levels = store.levels(&ids).await?;
    let pace = store.pace(&ids, sales_window(p)).await?;
    let mut listings: HashMap<ChannelId, Vec<ListingRow>> = HashMap::new();
    for row in store.listings_of(&ids).await? {
        listings.entry(row.channel_id).or_default().push(row);
    }
    let mut cells: HashMap<(ItemId, usize), Vec<Cell>> = HashMap::new();
    for (at, running) in app.channels.iter().enumerate() {
        let channel = &running.channel;
        for offer in channel.offers(store, listings.remove(&channel.id).unwrap_or_default()).await? {
            let Some((item, code)) = offer.row.item_id.and_then(|id| codes.get_key_value(&id)) else {
                continue;
            };
            cells.entry((*item, at)).or_default().push(Cell::of(p, code, &channel.name, &offer));
        }
    }
    let mut row = |item: &ItemRow| {
        let level = levels.of(item.id, location);
        let pace: SellingPace = pace.get(&item.id).copied().unwrap_or_default();
        let lasts = pace.lasts(levels.of(item.id, None).available);
        Row {
            href: item_path(&item.code),
            code: item.code.clone(),
            name: item.name.clone(),
            set: item.is_set,
            on_hand: level.on_hand(),
            reserved: level.reserved,
            available: level.available,
            short: level.short,
            lasts,
            runs_out: lasts.is_some_and(|n| n < days),
            cells: (0..app.channels.len())
                .map(|at| cells.remove(&(item.id, at)).unwrap_or_default())
                .collect(),
        }
    };
    Ok(page.items.iter().map(&mut row).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, assert_tame, page};
    use super::*;
    use crate::web::screen::Language;

    fn grid(language: Language) -> String {
        let cell = Cell {
            href: "/stock/A/explain/honten/1".into(),
            ours: "7".into(),
            shows: "9".into(),
            answered: Some("8".into()),
            rule: "−2".into(),
            class: "warn",
            state: "ずれ".into(),
            error: Some(NASTY.into()),
        };
        let row = Row {
            href: item_path(NASTY),
            code: NASTY.into(),
            name: NASTY.into(),
            set: true,
            on_hand: 1200,
            reserved: 3,
            available: 1197,
            short: 2,
            lasts: Some(4),
            runs_out: true,
            cells: vec![vec![cell], Vec::new()],
        };
        let place = Place { id: 1, code: NASTY.into(), name: NASTY.into() };
        GridPage {
            p: page(language),
            q: NASTY.into(),
            filter: "drift".into(),
            at: NASTY.into(),
            days: 14,
            places: vec![place],
            channels: vec![NASTY.into(), "b".into()],
            rows: vec![row],
            first: None,
            next: Some(address(&GridQuery { q: NASTY.into(), ..GridQuery::default() }, NASTY)),
            looked_through: Some(10_000),
        }
        .render()
        .unwrap()
    }

    #[test]
    fn strangers_texts_are_texts_and_every_number_is_there() {
        for (language, words) in [
            (Language::Ja, ["販売可能", "出品なし", "1,197"]),
            (Language::En, ["Available", "not listed", "1,197"]),
        ] {
            let text = grid(language);
            assert_tame(&text);
            assert!(words.iter().all(|w| text.contains(w)), "{text}");
            assert!(
                text.contains("href=\"/stock/A/explain/honten/1\"") && text.contains("chip warn"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_next_page_keeps_what_was_asked_for() {
        let query =
            GridQuery { q: "茶 &".into(), f: "short".into(), at: "main".into(), ..GridQuery::default() };
        assert_eq!(address(&query, "A-1"), "/stock?q=%E8%8C%B6%20%26&f=short&at=main&after=A-1");
        assert_eq!(address(&GridQuery::default(), ""), "/stock");
    }
}
