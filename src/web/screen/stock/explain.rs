//! Why one channel shows one number: which entries, orders, buffers and caps make it, and what was said and answered. The
//! grid's script shows the page's `#explain` beside the grid.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use banto_channel::both;

use super::cells::{number, ours, standing_words, step_words};
use super::history::{Move, OrderLink, moves};
use super::{Place, item_path, places};
use crate::channels::offer::Offer;
use crate::domain::plan::Why;
use crate::domain::{ItemId, LocationId};
use crate::store::{ItemRow, LevelRow};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// Movements and orders shown of each item.
const MOVES: usize = 10;
const ORDERS: i64 = 30;

/// One item that the number draws on.
#[derive(Clone, Debug)]
struct Good {
    href: String,
    code: String,
    name: String,
    units: i64,
    levels: Vec<Shelf>,
    orders: Vec<OrderLink>,
    moves: Vec<Move>,
}

#[derive(Clone, Debug)]
struct Shelf {
    place: String,
    /// Whether the channel sells from here.
    counts: bool,
    on_hand: i64,
    reserved: i64,
    available: i64,
    short: i64,
}

#[derive(Template)]
#[template(path = "item_explain.html", config = "src/web/askama.toml")]
struct ExplainPage {
    p: Page,
    back: String,
    code: String,
    channel: String,
    listing: String,
    listing_title: String,
    class: &'static str,
    state: String,
    steps: Vec<(String, i64)>,
    ours: String,
    shows: String,
    sent: String,
    sent_at: Option<i64>,
    taken: String,
    taken_at: Option<i64>,
    receipt: Option<String>,
    answered: String,
    answered_at: Option<i64>,
    error: Option<String>,
    tries: i64,
    next_try: Option<i64>,
    goods: Vec<Good>,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path((code, channel, listing)): Path<(String, String, String)>,
) -> Result<Response, Fault> {
    let app = desk.app();
    let item = desk.store().item(&code).await?;
    let unknown = || {
        Fault::not_found(both!(
            "{channel} has no listing {listing:?} of {code}",
            "{channel} に {code} の出品「{listing}」はありません"
        ))
    };
    let running = app.running(&channel).ok_or_else(unknown)?;
    let rows = desk.store().listings_by_remote(running.channel.id, &[&listing]).await?;
    let offers = running.channel.offers(desk.store(), rows).await?;
    let offer = offers.into_iter().next().ok_or_else(unknown)?;
    let drawn = drawn(&offer);
    if offer.row.item_id != Some(item.id) && !drawn.iter().any(|(id, _)| *id == item.id) {
        return Err(unknown());
    }
    let title = both!("Why {channel} shows this", "{channel} の表示数の内訳");
    let p = desk.page(&visit, Section::Stock, &title);
    html(&page(&desk, p, (code, channel), offer, &drawn, &running.channel.facts.locations).await?)
}

/// The items that the number draws on, with how many of each.
fn drawn(offer: &Offer) -> Vec<(ItemId, i64)> {
    let there = |why: &Why| match why {
        Why::There(supply) => Some((supply.item, supply.units)),
        _ => None,
    };
    let drawn: Vec<(ItemId, i64)> = offer.way.iter().filter_map(|step| there(&step.why)).collect();
    // With a fixed number nothing is drawn on; the item is still the one to look at.
    let fixed = offer.row.item_id.filter(|_| drawn.is_empty()).map(|id| (id, offer.row.per));
    drawn.into_iter().chain(fixed).collect()
}

async fn page(
    desk: &Desk,
    p: Page,
    (code, channel): (String, String),
    offer: Offer,
    drawn: &[(ItemId, i64)],
    sells_from: &[LocationId],
) -> Result<ExplainPage, Fault> {
    let ids: BTreeSet<ItemId> = drawn.iter().map(|(id, _)| *id).collect();
    let items = desk.store().items_of(&ids).await?;
    let places = places(desk).await?;
    let mut levels: BTreeMap<ItemId, Vec<LevelRow>> = BTreeMap::new();
    for level in desk.store().levels_of(&ids).await? {
        levels.entry(level.item_id).or_default().push(level);
    }
    let mut goods = Vec::with_capacity(drawn.len());
    for (id, units) in drawn {
        let Some(item) = items.get(id) else { continue };
        let levels = levels.remove(id).unwrap_or_default();
        goods.push(good(desk, &p, &places, item, (*units, levels), sells_from).await?);
    }
    let steps = offer.way.iter().map(|s| (p.say(&step_words(&s.why, &items)), s.gives)).collect();
    let (class, state) = standing_words(offer.standing);
    let (ours, shows) = (number(&p, ours(&offer)), number(&p, offer.shows));
    let row = offer.row;
    Ok(ExplainPage {
        back: item_path(&code),
        code,
        channel,
        class,
        state: p.say(&state),
        steps,
        ours,
        shows,
        sent: number(&p, row.sent),
        sent_at: row.sent_at,
        taken: number(&p, row.shown),
        taken_at: row.shown_at,
        receipt: row.receipt,
        answered: number(&p, row.answered),
        answered_at: row.answered_at,
        error: row.error.map(|why| p.kept(&why)),
        tries: row.tries,
        next_try: row.retry_at,
        listing: row.remote_id,
        listing_title: row.title,
        goods,
        p,
    })
}

async fn good(
    desk: &Desk,
    p: &Page,
    places: &[Place],
    item: &ItemRow,
    (units, levels): (i64, Vec<LevelRow>),
    sells_from: &[LocationId],
) -> Result<Good, Fault> {
    let heads: Vec<i64> = levels.iter().map(|l| l.last_entry).collect();
    let (entries, _) = desk.store().history(item.id, &heads, MOVES).await?;
    let orders = desk.store().first_holdings(item.id, ORDERS).await?;
    let name = |id: LocationId| {
        places.iter().find(|l| l.id == id).map_or_else(|| format!("#{id}"), |l| l.name.clone())
    };
    let shelf = |l: &LevelRow| Shelf {
        place: name(l.location_id),
        counts: sells_from.contains(&l.location_id),
        on_hand: l.available + l.reserved,
        reserved: l.reserved,
        available: l.available,
        short: l.short,
    };
    let order = |h: crate::store::Holding| OrderLink {
        href: format!("/orders/{}", h.order_id),
        name: format!("{}/{}", h.channel, h.number),
        reserved: h.reserved,
        short: h.short,
    };
    Ok(Good {
        href: item_path(&item.code),
        code: item.code.clone(),
        name: item.name.clone(),
        units,
        levels: levels.iter().map(shelf).collect(),
        orders: orders.into_iter().map(order).collect(),
        moves: moves(desk, p, places, entries).await?,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, assert_tame, page};
    use super::*;
    use crate::web::screen::Language;

    fn explained(language: Language) -> String {
        let nasty = || NASTY.to_owned();
        let order = OrderLink { href: "/orders/5".into(), name: nasty(), reserved: 2, short: 1 };
        let shelf = Shelf { place: nasty(), counts: false, on_hand: 5, reserved: 2, available: 3, short: 1 };
        let movement = Move {
            at: 1_795_311_000_000_000,
            place: nasty(),
            reason: nasty(),
            signed: "+2".into(),
            on_hand: 5,
            available: 3,
            reserved: 2,
            short: 0,
            order: Some(order.clone()),
            actor: nasty(),
        };
        let good = Good {
            href: item_path(NASTY),
            code: nasty(),
            name: nasty(),
            units: 2,
            levels: vec![shelf],
            orders: vec![order],
            moves: vec![movement],
        };
        ExplainPage {
            p: page(language),
            back: item_path(NASTY),
            code: nasty(),
            channel: nasty(),
            listing: nasty(),
            listing_title: nasty(),
            class: "bad",
            state: "エラー".into(),
            steps: vec![(nasty(), 3), (nasty(), 1)],
            ours: "1".into(),
            shows: "4".into(),
            sent: "1".into(),
            sent_at: Some(1_795_310_900_000_000),
            taken: "4".into(),
            taken_at: None,
            receipt: Some(nasty()),
            answered: "4".into(),
            answered_at: None,
            error: Some(nasty()),
            tries: 3,
            next_try: Some(1_795_311_060_000_000),
            goods: vec![good],
        }
        .render()
        .unwrap()
    }

    #[test]
    fn strangers_texts_are_texts_and_the_way_is_told() {
        let (ja, en) = (explained(Language::Ja), explained(Language::En));
        assert_tame(&ja);
        assert_tame(&en);
        for words in ["送るべき数", "次の試行", "あと1分", "1分前", "このチャネルでは対象外"]
        {
            assert!(ja.contains(words), "{words}: {ja}");
        }
        for words in ["Ours", "Next try", "in 1 min", "not sold from here"] {
            assert!(en.contains(words), "{words}: {en}");
        }
    }
}
