//! An item's ledger as people read it: movements in words, and its levels over time.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Timestamp, both};

use super::Place;
use crate::domain::{LocationId, OrderId};
use crate::store::{EntryRow, PastLevel};
use crate::web::screen::plot::{self, Line};
use crate::web::screen::{Desk, Fault, Page};

/// How far back a plot goes.
const PLOT_DAYS: i64 = 90;
/// Movements of a location that a plot looks at.
const PLOT_MOVES: i64 = 600;
/// Points of a line.
const PLOT_POINTS: i64 = 220;
const DAY: i64 = 86_400_000_000;

/// An order, to be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderLink {
    pub href: String,
    pub name: String,
    pub reserved: i64,
    pub short: i64,
}

/// One movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub at: i64,
    pub place: String,
    pub reason: String,
    /// What it did to what is on hand, or to what is free: `+3`.
    pub signed: String,
    pub on_hand: i64,
    pub available: i64,
    pub reserved: i64,
    pub short: i64,
    pub order: Option<OrderLink>,
    pub actor: String,
}

/// Movements in words; the orders behind them are looked up at once.
pub(super) async fn moves(
    desk: &Desk,
    p: &Page,
    places: &[Place],
    entries: Vec<EntryRow>,
) -> Result<Vec<Move>, Fault> {
    let ids: BTreeSet<OrderId> = entries.iter().filter_map(|e| e.order_id).collect();
    let names = if ids.is_empty() { BTreeMap::new() } else { desk.store().order_names(&ids).await? };
    let link = |id: OrderId| OrderLink {
        href: format!("/orders/{id}"),
        name: names
            .get(&id)
            .map_or_else(|| format!("#{id}"), |(channel, number)| format!("{channel}/{number}")),
        reserved: 0,
        short: 0,
    };
    let place = |id: LocationId| {
        places.iter().find(|l| l.id == id).map_or_else(|| format!("#{id}"), |l| l.name.clone())
    };
    let one = |e: EntryRow| Move {
        at: e.at,
        place: place(e.location_id),
        reason: reason_words(p, &e),
        signed: signed(&e),
        on_hand: e.available_after + e.reserved_after,
        available: e.available_after,
        reserved: e.reserved_after,
        short: e.short_after,
        order: e.order_id.map(link),
        actor: e.actor,
    };
    Ok(entries.into_iter().map(one).collect())
}

/// What an entry does: a plus where goods come on the shelf or into an account of it, a minus where they leave.
fn signed(entry: &EntryRow) -> String {
    let shelf = |account: &str| matches!(account, "available" | "reserved");
    match (shelf(&entry.source), shelf(&entry.target)) {
        (false, true) => format!("+{}", entry.quantity),
        (true, false) => format!("−{}", entry.quantity),
        _ => entry.quantity.to_string(),
    }
}

/// The stable word of a reason, as people say it, with where the goods went where that is not plain.
fn reason_words(p: &Page, entry: &EntryRow) -> String {
    let words = match (entry.reason.as_str(), entry.source.as_str(), entry.target.as_str()) {
        (_, "owed", "short") => both!("short: an order waits", "不足が発生"),
        (_, "short", "owed") => both!("no longer short", "不足が解消"),
        ("ordered" | "matched", ..) => both!("ordered: reserved", "受注により引当"),
        ("shortfall_filled", ..) => both!("reserved for a waiting order", "不足分へ引当"),
        ("released" | "cancelled", ..) => both!("cancelled: free again", "キャンセルにより引当解除"),
        ("shipped", ..) => both!("shipped", "出荷"),
        ("shipped_to_another", ..) => both!("given to an order that was shipped", "先に出荷した受注へ回した"),
        ("shipped_beyond_ledger", ..) => both!("shipped beyond what the ledger had", "帳簿在庫を超えて出荷"),
        ("received", ..) => both!("received", "入荷"),
        ("returned_restocked", ..) => both!("returned goods on sale again", "返品を再販売"),
        ("returned", ..) => both!("returned by the buyer", "返品"),
        ("written_off", ..) => both!("written off", "廃棄"),
        ("set", ..) => both!("corrected", "在庫修正"),
        ("counted", ..) => both!("stocktake", "棚卸"),
        ("opening_stock", ..) => both!("opening stock", "期首在庫"),
        (other, source, target) => {
            let way = format!("{other} ({source} → {target})");
            return way;
        }
    };
    p.say(&words)
}

/// On hand and free over the last 90 days, as SVG; empty when nothing ever moved.
pub(super) async fn plot(desk: &Desk, p: &Page, heads: &[i64]) -> Result<String, Fault> {
    let since = p.now.0 - PLOT_DAYS * DAY;
    let past = desk.store().past_levels(heads, Timestamp(since), PLOT_MOVES).await?;
    let (on_hand, available) = series(&past, PLOT_MOVES, since, p.now.0);
    let title = p.t("On hand and available, last 90 days", "実在庫と販売可能数（直近90日）");
    let lines = [
        Line { name: p.t("On hand", "実在庫"), points: &on_hand, stepped: true },
        Line { name: p.t("Available", "販売可能"), points: &available, stepped: true },
    ];
    Ok(plot::lines(title, &lines, &p.zone, &plot::plain))
}

type Points = Vec<(i64, i64)>;

/// What was on hand and free after each movement, all locations together; one point a slice of time, the last of it. A
/// location of which `most` movements were read had others before, so that the sum begins where it is known.
fn series(past: &[PastLevel], most: i64, since: i64, now: i64) -> (Points, Points) {
    let mut read: BTreeMap<LocationId, (i64, i64)> = BTreeMap::new();
    for one in past {
        read.entry(one.location_id).or_insert((one.at, 0)).1 += 1;
    }
    let known = read.values().filter(|(_, count)| *count >= most).map(|(first, _)| *first).max();
    let mut levels: BTreeMap<LocationId, (i64, i64)> = BTreeMap::new();
    let slice = ((now - since) / PLOT_POINTS).max(1);
    let (mut on_hand, mut available): (Points, Points) = (Vec::new(), Vec::new());
    for one in past {
        levels.insert(one.location_id, (one.available + one.reserved, one.available));
        if known.is_some_and(|known| one.at < known) {
            continue;
        }
        let sum = levels.values().fold((0, 0), |sum, level| (sum.0 + level.0, sum.1 + level.1));
        let at = one.at.max(since);
        let same = on_hand.last().is_some_and(|(last, _)| at == *last || at / slice == *last / slice);
        if same {
            on_hand.pop();
            available.pop();
        }
        on_hand.push((at, sum.0));
        available.push((at, sum.1));
    }
    if let (Some((_, on)), Some((_, free))) = (on_hand.last().copied(), available.last().copied()) {
        on_hand.push((now, on));
        available.push((now, free));
    }
    (on_hand, available)
}

#[cfg(test)]
mod tests {
    use super::super::tests::page;
    use super::*;
    use crate::web::screen::Language;

    fn entry(source: &str, target: &str) -> EntryRow {
        EntryRow {
            id: 1,
            at: 1,
            item_id: 1,
            location_id: 1,
            source: source.into(),
            target: target.into(),
            quantity: 2,
            available_after: 0,
            reserved_after: 0,
            short_after: 0,
            prev_id: 0,
            order_id: None,
            line_no: None,
            reason: "received".into(),
            actor: "cli:aki".into(),
        }
    }

    #[test]
    fn levels_of_all_locations_are_added_up() {
        let level =
            |at, location_id, available, reserved| PastLevel { id: at, at, location_id, available, reserved };
        let past = [level(10, 1, 5, 0), level(400 * DAY, 2, 3, 1), level(410 * DAY, 1, 4, 1)];
        let (on_hand, available) = series(&past, PLOT_MOVES, 390 * DAY, 480 * DAY);
        assert_eq!(on_hand, [(390 * DAY, 5), (400 * DAY, 9), (410 * DAY, 9), (480 * DAY, 9)]);
        assert_eq!(available, [(390 * DAY, 5), (400 * DAY, 8), (410 * DAY, 7), (480 * DAY, 7)]);
        let many: Vec<PastLevel> = (0..900).map(|n| level(390 * DAY + n * DAY / 10, 1, n, 0)).collect();
        let (on_hand, _) = series(&many, 1000, 390 * DAY, 480 * DAY);
        assert!(on_hand.len() as i64 <= PLOT_POINTS + 3, "{}", on_hand.len());
        assert_eq!(on_hand.last(), Some(&(480 * DAY, 899)));
        assert_eq!(series(&[], PLOT_MOVES, 0, 10), (vec![], vec![]));
    }

    #[test]
    fn the_sum_begins_where_every_location_is_known() {
        let level = |at, location_id, available| PastLevel {
            id: at,
            at: at * DAY,
            location_id,
            available,
            reserved: 0,
        };
        // Of the first location three movements were read; what lay there before the 450th day is not known.
        let past =
            [level(380, 2, 7), level(420, 2, 6), level(450, 1, 10), level(460, 1, 9), level(470, 1, 8)];
        let (on_hand, _) = series(&past, 3, 390 * DAY, 480 * DAY);
        assert_eq!(on_hand, [(450, 16), (460, 15), (470, 14), (480, 14)].map(|(day, n)| (day * DAY, n)));
        let (on_hand, _) = series(&past, 4, 390 * DAY, 480 * DAY);
        assert_eq!(on_hand[..3], [(390, 7), (420, 6), (450, 16)].map(|(day, n)| (day * DAY, n)));
    }

    #[test]
    fn a_movement_is_told_in_words() {
        let p = page(Language::Ja);
        let told = |source: &str, target: &str, reason: &str| {
            let entry = EntryRow { reason: reason.into(), ..entry(source, target) };
            (reason_words(&p, &entry), signed(&entry))
        };
        assert_eq!(told("supplier", "available", "received"), ("入荷".into(), "+2".into()));
        assert_eq!(told("available", "reserved", "ordered"), ("受注により引当".into(), "2".into()));
        assert_eq!(told("owed", "short", "ordered").0, "不足が発生");
        assert_eq!(told("reserved", "shipped", "shipped"), ("出荷".into(), "−2".into()));
        assert_eq!(told("a", "b", "new_word").0, "new_word (a → b)");
    }
}
