//! One item: where it lies, who holds it, what each channel shows, how it moved; and what a person does about it.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::cells::Cell;
use super::history::{Move, OrderLink, moves, plot};
use super::once::{Turn, end, new_key, sent_key, turn};
use super::{Place, item_path, moved_words, place, places, sales_window};
use crate::domain::stock::{Level, QUANTITY_MAX};
use crate::domain::{ItemId, LocationId};
use crate::store::{Holding, ItemRow, LevelRow, Moved, StockAct, Store, WriteOff};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, html};

/// Movements of a page, and orders.
const MOVES: usize = 40;
const ORDERS: i64 = 50;

/// `?from=12-34`: the entries of its locations from which the history goes on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemQuery {
    from: String,
}

#[derive(Template)]
#[template(path = "item.html", config = "src/web/askama.toml")]
struct ItemPage {
    p: Page,
    path: String,
    item: ItemRow,
    total: Level,
    lasts: Option<i64>,
    shelves: Vec<Shelf>,
    /// What the shelves were when the page was made: `location:entry`, for the optimistic lock.
    seen: String,
    places: Vec<Place>,
    parts: Vec<Part>,
    sets: Vec<Part>,
    offers: Vec<(String, String, Cell)>,
    orders: Vec<OrderLink>,
    more_orders: bool,
    plot: String,
    moves: Vec<Move>,
    newest: bool,
    older: Option<String>,
    /// Why a wish was not granted, and what was typed then.
    problem: Option<String>,
    typed: MoveForm,
}

#[derive(Clone, Debug)]
struct Shelf {
    place: String,
    level: Level,
}

/// A part of a set, or a set.
#[derive(Clone, Debug)]
struct Part {
    href: String,
    code: String,
    name: String,
    units: i64,
}

impl Part {
    fn of((item, units): &(ItemRow, i64)) -> Self {
        Self { href: item_path(&item.code), code: item.code.clone(), name: item.name.clone(), units: *units }
    }
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path(code): Path<String>,
    Query(query): Query<ItemQuery>,
) -> Result<Response, Fault> {
    html(&page(&desk, &visit, &code, &query.from).await?)
}

async fn page(desk: &Desk, visit: &Visit, code: &str, from: &str) -> Result<ItemPage, Fault> {
    let item = desk.store().item(code).await?;
    let title = both!("{code} {name}", "{code} {name} の在庫", name = item.name);
    build(desk, desk.page(visit, Section::Stock, &title), item, from).await
}

async fn build(desk: &Desk, p: Page, item: ItemRow, from: &str) -> Result<ItemPage, Fault> {
    let store = desk.store();
    let own = BTreeSet::from([item.id]);
    let (parts, sets) = store.made_of(item.id).await?;
    let levels = store.levels(&own).await?;
    let rows = store.levels_of(&own).await?;
    let places = places(desk).await?;
    let heads: Vec<i64> = rows.iter().map(|l| l.last_entry).collect();
    let from: Vec<i64> = from.split('-').filter_map(|id| id.parse().ok()).collect();
    let begin = if from.is_empty() { &heads } else { &from };
    let (entries, older) = store.history(item.id, begin, MOVES).await?;
    let path = item_path(&item.code);
    let going_on = older.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
    let total = levels.of(item.id, None);
    let pace = store.pace(&own, sales_window(&p)).await?.get(&item.id).copied().unwrap_or_default();
    let mut holdings = store.first_holdings(item.id, ORDERS + 1).await?;
    let held: i64 = holdings.iter().map(|h| h.reserved).sum();
    let more_orders = holdings.len() as i64 > ORDERS || held < total.reserved;
    holdings.truncate(usize::try_from(ORDERS).unwrap_or(0));
    Ok(ItemPage {
        offers: offers(desk, &p, &item).await?,
        plot: plot(desk, &p, &heads).await?,
        moves: moves(desk, &p, &places, entries).await?,
        lasts: pace.lasts(total.available),
        shelves: shelves(&rows, &places),
        seen: rows
            .iter()
            .map(|l| format!("{}:{}", l.location_id, l.last_entry))
            .collect::<Vec<_>>()
            .join(","),
        parts: parts.iter().map(Part::of).collect(),
        sets: sets.iter().map(Part::of).collect(),
        orders: holdings.into_iter().map(order_link).collect(),
        newest: from.is_empty(),
        older: (!older.is_empty()).then(|| format!("{path}?from={going_on}#history")),
        more_orders,
        total,
        places,
        path,
        item,
        problem: None,
        typed: MoveForm { key: new_key(), ..MoveForm::default() },
        p,
    })
}

fn order_link(h: Holding) -> OrderLink {
    OrderLink {
        href: format!("/orders/{}", h.order_id),
        name: format!("{}/{}", h.channel, h.number),
        reserved: h.reserved,
        short: h.short,
    }
}

fn shelves(rows: &[LevelRow], places: &[Place]) -> Vec<Shelf> {
    let name = |id: LocationId| {
        places.iter().find(|l| l.id == id).map_or_else(|| format!("#{id}"), |l| l.name.clone())
    };
    rows.iter().map(|row| Shelf { place: name(row.location_id), level: row.level() }).collect()
}

/// What each channel shows: channel, the offer's title, its cell. A part's listings are those of its sets, too.
async fn offers(desk: &Desk, p: &Page, item: &ItemRow) -> Result<Vec<(String, String, Cell)>, Fault> {
    let own: BTreeSet<ItemId> = BTreeSet::from([item.id]);
    let mut all = Vec::new();
    for running in desk.app().channels {
        let channel = &running.channel;
        for offer in channel.offers_of(desk.store(), &own).await? {
            let cell = Cell::of(p, &item.code, &channel.name, &offer);
            all.push((channel.name.clone(), offer.row.title, cell));
        }
    }
    Ok(all)
}

/// What a person does to a shelf.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct MoveForm {
    what: String,
    quantity: String,
    #[serde(default)]
    at: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    seen: String,
    /// Made when the page was opened, so that the movement is booked once.
    #[serde(default)]
    key: String,
}

impl MoveForm {
    /// The number that was typed; people type `１２` and `1,200`, too.
    fn quantity(&self) -> Result<i64, Fault> {
        let plain: String = unicode_normalization::UnicodeNormalization::nfkc(self.quantity.as_str())
            .filter(|c| !matches!(c, ',' | ' '))
            .collect();
        let number = plain.parse::<i64>().ok().filter(|n| (0..=QUANTITY_MAX).contains(n));
        number.ok_or_else(|| {
            let typed = self.quantity.clone();
            Fault::bad_input(both!(
                "{typed:?} is not a quantity; nothing was changed",
                "「{typed}」は数量として読み取れません。何も変更されていません"
            ))
        })
    }

    /// The newest movement of a shelf that the person had seen; 0 where there was none.
    fn seen(&self, location: LocationId) -> i64 {
        let shelves = self.seen.split(',').filter_map(|one| one.split_once(':'));
        let mut here =
            shelves.filter(|(id, _)| id.parse() == Ok(location)).filter_map(|(_, seen)| seen.parse().ok());
        here.next().unwrap_or(0)
    }
}

pub(super) async fn act(
    State(desk): State<Desk>,
    visit: Visit,
    Path(code): Path<String>,
    Form(form): Form<MoveForm>,
) -> Result<Response, Fault> {
    let fault = match book(&desk, &visit, &code, &form).await {
        Ok(words) => return Ok(done(&visit, &item_path(&code), &words)),
        Err(fault) if fault.status.is_server_error() => return Err(fault),
        Err(fault) => fault,
    };
    // The page as it is now, with why not, and with what was typed.
    let mut page = page(&desk, &visit, &code, "").await?;
    page.problem = Some(page.p.say(&fault.why));
    let key = sent_key(&form.key).unwrap_or(page.typed.key);
    page.typed = MoveForm { key, ..form };
    Ok((fault.status, html(&page)?).into_response())
}

/// Does what the form says, once; what it did.
async fn book(desk: &Desk, visit: &Visit, code: &str, form: &MoveForm) -> Result<Bilingual, Fault> {
    let (location, actor, quantity) = (place(desk, &form.at).await?, visit.actor(), form.quantity()?);
    let key = sent_key(&form.key).ok_or_else(|| {
        Fault::refused(both!(
            "This page is of an older version, and nothing was booked: look it over and book it again",
            "古い画面のため登録していません。内容を確認して、もう一度登録してください"
        ))
    })?;
    let note = form.note.trim();
    let this =
        match turn(desk, &key, &[code, &form.what, &quantity.to_string(), &location.code, note]).await? {
            Turn::First(this) => this,
            Turn::Again => return Ok(Turn::Again.words()),
            other => return Err(Fault::refused(other.words())),
        };
    let act = StockAct { code, location: &location, actor: &actor, note, now: desk.now() };
    let moved = move_stock(&desk.store().once(this), &act, quantity, form).await;
    end(desk, this).await;
    Ok(moved_words(&moved?, &Place::from(location).name))
}

async fn move_stock(
    store: &Store,
    act: &StockAct<'_>,
    quantity: i64,
    form: &MoveForm,
) -> Result<Moved, Fault> {
    let moved = match form.what.as_str() {
        "receive" => store.receive_stock(act, quantity, false).await,
        "returned" => store.receive_stock(act, quantity, true).await,
        "set" => store.set_stock_seen(act, quantity, form.seen(act.location.id)).await,
        "write_off" => store.write_off_stock(act, quantity, WriteOff::Free).await,
        "write_off_reserved" => store.write_off_stock(act, quantity, WriteOff::EvenReserved).await,
        "write_off_returned" => store.write_off_stock(act, quantity, WriteOff::Returned).await,
        other => {
            return Err(Fault::bad_input(both!(
                "{other:?} is not something to do",
                "不明な操作です: {other}"
            )));
        }
    };
    Ok(moved?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, assert_tame, page_of};
    use super::*;
    use crate::web::screen::{Language, Role};

    fn movement(order: &OrderLink) -> Move {
        Move {
            at: 1_795_311_000_000_000,
            place: NASTY.to_owned(),
            reason: NASTY.to_owned(),
            signed: "+2".into(),
            on_hand: 5,
            available: 3,
            reserved: 2,
            short: 0,
            order: Some(order.clone()),
            actor: NASTY.to_owned(),
        }
    }

    fn shown(language: Language, role: Role, problem: Option<&str>) -> String {
        let nasty = || NASTY.to_owned();
        let item = ItemRow {
            id: 1,
            code: nasty(),
            name: nasty(),
            gtin: Some(nasty()),
            price: Some(1980),
            currency: "JPY".into(),
            tax_rate_bp: Some(800),
            is_set: false,
            created_at: 1,
            updated_at: 1,
        };
        let level = Level { available: 3, reserved: 2, short: 1, last_entry: 9 };
        let part = Part { href: item_path(NASTY), code: nasty(), name: nasty(), units: 2 };
        let order = OrderLink { href: "/orders/5".into(), name: nasty(), reserved: 2, short: 1 };
        let cell = Cell {
            href: "/stock/A/explain/honten/1".into(),
            ours: "3".into(),
            shows: "3".into(),
            answered: None,
            rule: String::new(),
            class: "ok",
            state: "一致".into(),
            error: Some(nasty()),
        };
        ItemPage {
            p: page_of(language, role),
            path: item_path(NASTY),
            item,
            total: level,
            lasts: Some(5),
            shelves: vec![Shelf { place: nasty(), level }],
            seen: "1:9".into(),
            places: vec![Place { id: 1, code: nasty(), name: nasty() }],
            parts: vec![part.clone()],
            sets: vec![part],
            offers: vec![(nasty(), nasty(), cell)],
            orders: vec![order.clone()],
            more_orders: true,
            plot: "<svg role=\"img\"></svg>".into(),
            moves: vec![movement(&order)],
            newest: true,
            older: Some("/stock/A?from=1-2#history".into()),
            problem: problem.map(str::to_owned),
            typed: MoveForm {
                what: "write_off".into(),
                quantity: nasty(),
                note: nasty(),
                key: "once".into(),
                ..MoveForm::default()
            },
        }
        .render()
        .unwrap()
    }

    #[test]
    fn strangers_texts_are_texts_and_readers_get_no_forms() {
        for language in [Language::Ja, Language::En] {
            let text = shown(language, Role::Staff, None);
            assert_tame(&text);
            assert!(text.contains("name=\"csrf\" value=\"token\"") && text.contains("<svg role"), "{text}");
            assert!(!text.contains("role=\"alert\""), "{text}");
            let reader = shown(language, Role::ReadOnly, None);
            assert!(!reader.contains("/move\""), "{reader}");
        }
        assert!(shown(Language::Ja, Role::Staff, None).contains("在庫を合わせる"));
        assert!(shown(Language::En, Role::Staff, None).contains("Write off"));
    }

    #[test]
    fn a_refusal_stands_at_the_form_and_what_was_typed_stays() {
        let text = shown(Language::Ja, Role::Staff, Some(NASTY));
        assert_tame(&text);
        let form = text.split_once("id=\"change\"").unwrap().1.split_once("</form>").unwrap().0;
        assert!(form.contains("role=\"alert\"") && form.contains("id=\"refused\""), "{form}");
        assert!(form.contains("aria-describedby=\"refused\""), "{form}");
        assert!(
            form.contains("value=\"write_off\" selected") && form.matches(" selected").count() == 1,
            "{form}"
        );
        assert_eq!(form.matches("value=\"&#60;script&#62;alert(1)").count(), 2, "quantity and note: {form}");
        assert!(form.contains("name=\"key\" value=\"once\""), "{form}");
    }

    #[test]
    fn a_number_is_read_as_people_type_it() {
        let form = |quantity: &str| MoveForm {
            what: "set".into(),
            quantity: quantity.into(),
            at: String::new(),
            note: String::new(),
            seen: "1:9,22:10".into(),
            key: String::new(),
        };
        assert_eq!(form("１，２００").quantity().unwrap(), 1200);
        assert_eq!(form(" 7 ").quantity().unwrap(), 7);
        for bad in ["", "-1", "x", "1.5", "9999999999999"] {
            assert!(form(bad).quantity().is_err(), "{bad}");
        }
        assert_eq!([1, 22, 3].map(|id| form("1").seen(id)), [9, 10, 0]);
    }
}
