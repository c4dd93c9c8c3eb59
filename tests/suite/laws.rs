//! What must always be true, over arbitrary histories: the ledger adds up, no unit is sold twice, orders are taken
//! once however they are told, goods go to who waited longest, and no mail is asked for again.

mod books;
mod house;
mod once;
mod trade;

use std::collections::BTreeMap;

use banto::domain::mail_policy::MailKind;
use banto::domain::order::Line;
use banto::domain::stock::{Account, Entry, Level};
use banto::domain::{ItemId, LocationId};
use proptest::prelude::*;
use proptest::sample::Index;

use house::{House, item_of, location_of};
use trade::{ITEMS, SETS, Sold, Step, offer, step};

/// How many histories each law is tried on; `PROPTEST_CASES` says otherwise.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    let quick = std::env::var_os("BANTO_TEST_QUICK").is_some();
    let cases = asked.unwrap_or(if quick { 64 } else { 384 });
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_cases(cases)
    }
}

/// Lives a history, and calls `check` with the house before and after each thing that happens: of a page, after each of
/// its orders, for whoever is served by one was waiting before the next came.
fn live(steps: &[Step], mut check: impl FnMut(&House, usize)) -> (House, Vec<Sold>) {
    let (mut house, mut sold) = (House::default(), Vec::new());
    for step in steps {
        house.now.0 += 1;
        let mut seen = house.entries.len();
        happen(&mut house, &mut sold, step, &mut |house| {
            check(house, seen);
            seen = house.entries.len();
        });
        check(&house, seen);
    }
    (house, sold)
}

fn key(sold: &Sold) -> (usize, String) {
    (sold.shop, sold.now().id.0.clone())
}

fn happen(house: &mut House, sold: &mut Vec<Sold>, step: &Step, told: &mut dyn FnMut(&House)) {
    let pick = |sold: &[Sold], at: &Index| (!sold.is_empty()).then(|| at.index(sold.len()));
    match step {
        Step::Place { shop, lines, paid } => sold.push(Sold::place(*shop, sold.len() + 1, lines, *paid)),
        Step::Change { order, change } => {
            if let Some(at) = pick(sold, order) {
                sold[at].change(change);
            }
        }
        Step::Tell { order, age } => {
            if let Some(at) = pick(sold, order) {
                tell(house, &sold[at], *age);
            }
        }
        Step::TellMany { orders } => {
            for (order, age) in orders {
                if let Some(at) = pick(sold, order) {
                    tell(house, &sold[at], *age);
                    told(house);
                }
            }
        }
        Step::HouseShips { order, line, units } => {
            if let Some(at) = pick(sold, order) {
                house.ship(&key(&sold[at]), line.index(8), *units);
            }
        }
        Step::HouseCancels { order } => {
            if let Some(at) = pick(sold, order) {
                house.cancel(&key(&sold[at]));
            }
        }
        Step::Receive { item, location, units } => {
            house.receive(item_of(ITEMS[*item]), location_of(*location), *units);
        }
        Step::Count { item, location, counted } => {
            house.count(item_of(ITEMS[*item]), location_of(*location), *counted);
        }
    }
}

/// Tells the house, twice: the second time is no news. A new order's shortfall is exactly what is not there.
fn tell(house: &mut House, sold: &Sold, age: usize) {
    let remote = sold.before(age);
    let new = !house.orders.contains_key(&key(sold));
    let free = free_for(house, sold.shop);
    house.take(sold.shop, remote);
    if new {
        shortfall_is_what_is_missing(house, sold, &free);
    }
    assert!(!house.take(sold.shop, remote), "the same news twice: {remote:?}");
}

/// Units of each item that are free where a shop sells from.
fn free_for(house: &House, shop: usize) -> BTreeMap<ItemId, i64> {
    let mut free = BTreeMap::new();
    for ((item, location), level) in &house.levels {
        if house.shops[shop].locations.contains(location) {
            *free.entry(*item).or_default() += level.available;
        }
    }
    free
}

fn shortfall_is_what_is_missing(house: &House, sold: &Sold, free: &BTreeMap<ItemId, i64>) {
    let order = &house.orders[&key(sold)];
    if order.lines.iter().any(|l| l.shipped > 0) {
        return;
    }
    let mut wanted: BTreeMap<ItemId, i64> = BTreeMap::new();
    for (part, units) in order.lines.iter().flat_map(|l| demand(house, l)) {
        *wanted.entry(part).or_default() += units;
    }
    for (item, units) in wanted {
        let holds = house.holds.iter().filter(|(k, _)| k.order == order.id && k.item == item);
        let short: i64 = holds.map(|(_, h)| h.short).sum();
        let there = free.get(&item).copied().unwrap_or(0);
        assert_eq!(short, (units - there).max(0), "item {item}: {units} wanted, {there} there");
    }
}

/// What a line still takes from the shelves.
fn demand(house: &House, line: &Line) -> Vec<(ItemId, i64)> {
    line.item.map(|item| house.catalogue.explode(item, line.to_ship() * line.per)).unwrap_or_default()
}

/// Law 1 and 2: entries form a chain per item and location, sum to the levels, and nothing is below zero.
fn the_ledger_adds_up(house: &House) {
    let mut sums: BTreeMap<(ItemId, LocationId), Level> = BTreeMap::new();
    let mut last = 0;
    for entry in &house.entries {
        assert!(entry.id > last && entry.quantity > 0, "{entry:?}");
        last = entry.id;
        let level = sums.entry((entry.item, entry.location)).or_default();
        assert_eq!(entry.prev, level.last_entry, "{entry:?}");
        for (account, sign) in [(entry.source, -1), (entry.target, 1)] {
            match account {
                Account::Available => level.available += sign * entry.quantity,
                Account::Reserved => level.reserved += sign * entry.quantity,
                Account::Short => level.short += sign * entry.quantity,
                _ => {}
            }
        }
        level.last_entry = entry.id;
        assert_eq!(entry.after, *level, "{entry:?}");
        assert!(level.available >= 0 && level.reserved >= 0 && level.short >= 0, "{entry:?}");
    }
    assert_eq!(sums, house.levels);
}

/// Law 2: each level is what the orders hold of it, and each order holds what it needs, neither more nor less.
fn holds_are_what_orders_need(house: &House) {
    let mut held: BTreeMap<(ItemId, LocationId), (i64, i64)> = BTreeMap::new();
    let mut by_line: BTreeMap<(i64, i64, ItemId), i64> = BTreeMap::new();
    for (key, hold) in &house.holds {
        assert!(hold.reserved >= 0 && hold.short >= 0 && hold.reserved + hold.short > 0, "{key:?} {hold:?}");
        let sum = held.entry((key.item, key.location)).or_default();
        *sum = (sum.0 + hold.reserved, sum.1 + hold.short);
        *by_line.entry((key.order, key.line, key.item)).or_default() += hold.reserved + hold.short;
    }
    for (at, level) in &house.levels {
        let (reserved, short) = held.remove(at).unwrap_or_default();
        assert_eq!((level.reserved, level.short), (reserved, short), "{at:?}");
    }
    assert!(held.is_empty(), "held where there is no level: {held:?}");
    for order in house.orders.values() {
        for line in &order.lines {
            assert!(line.cancelled >= 0 && line.shipped >= 0 && line.returned >= 0, "{line:?}");
            for (part, units) in demand(house, line) {
                let held = by_line.remove(&(order.id, line.no, part)).unwrap_or(0);
                assert_eq!(held, units, "order {} line {line:?} item {part}", order.id);
            }
        }
    }
    assert!(by_line.is_empty(), "held by nobody: {by_line:?}");
}

/// Law 2: nobody waits for what lies free where it may be taken from.
fn nobody_waits_for_what_is_there(house: &House) {
    for (key, hold) in house.holds.iter().filter(|(_, h)| h.short > 0) {
        let shop = house.shop_of(key.order);
        for location in &house.shops[shop].locations {
            let level = house.levels.get(&(key.item, *location)).copied().unwrap_or_default();
            assert_eq!(level.available, 0, "{key:?} is short of {}, and {location} has some", hold.short);
        }
    }
}

/// Law 2: what came in went to the oldest that waited and could have it.
fn the_oldest_is_filled_first(house: &House, seen: usize) {
    let filled = |e: &&Entry| e.reason == "shortfall_filled" && e.source == Account::Available;
    for entry in house.entries[seen..].iter().filter(filled) {
        let (filled, _) = entry.cause.unwrap();
        let older =
            house.holds.iter().filter(|(k, h)| k.item == entry.item && k.order < filled && h.short > 0);
        for (key, _) in older {
            let could_have_it = house.shops[house.shop_of(key.order)].locations.contains(&entry.location);
            assert!(!could_have_it, "{filled} got what {} waits for longer: {entry:?}", key.order);
        }
    }
}

/// Law 4: of each order one mail a kind, and one a parcel.
fn mails_have_one_name_each(house: &House) {
    for (order, kind, revision) in house.mails.keys() {
        let order = house.orders.values().find(|o| o.id == *order).unwrap();
        match kind {
            MailKind::Shipped => {
                assert!(order.parcels.iter().any(|p| p.seq == *revision), "{order:?}");
                assert_eq!(house.mails[&(order.id, *kind, *revision)], 1, "a parcel leaves once: {order:?}");
            }
            _ => assert_eq!(*revision, 1, "{kind:?} of {order:?}"),
        }
    }
    for order in house.orders.values() {
        let mut numbers: Vec<_> = order.parcels.iter().map(|p| p.tracking.as_str()).collect();
        numbers.retain(|n| !n.is_empty());
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "a parcel stands twice: {:?}", order.parcels);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_the_books_are_right(steps in prop::collection::vec(step(), 1..60)) {
        live(&steps, |house, seen| {
            the_ledger_adds_up(house);
            holds_are_what_orders_need(house);
            nobody_waits_for_what_is_there(house);
            the_oldest_is_filled_first(house, seen);
            mails_have_one_name_each(house);
        });
    }

    /// Law 3: what counts is what the shops say last, not how often or in which order they said it.
    #[test]
    fn news_may_come_twice_and_in_any_order(
        steps in prop::collection::vec(step(), 1..40),
        shuffled in prop::collection::vec((any::<Index>(), 0..6usize), 0..40),
    ) {
        let sales: Vec<Step> =
            steps.into_iter().filter(|s| matches!(s, Step::Place { .. } | Step::Change { .. })).collect();
        let (_, sold) = live(&sales, |_, _| {});
        let mut in_order = stocked();
        for one in &sold {
            for remote in &one.told {
                in_order.take(one.shop, remote);
            }
        }
        let mut anyhow = stocked();
        for (order, age) in shuffled.iter().filter(|_| !sold.is_empty()) {
            let one = &sold[order.index(sold.len())];
            anyhow.take(one.shop, one.before(*age));
        }
        for one in sold.iter().rev() {
            anyhow.take(one.shop, one.now());
        }
        prop_assert_eq!(outcome(&in_order), outcome(&anyhow));
    }
}

/// A house with more of everything than anybody can order.
fn stocked() -> House {
    let mut house = House::default();
    for code in ITEMS {
        for location in House::locations() {
            house.receive(item_of(code), location, 100_000);
        }
    }
    house
}

/// An order as it ended: its axes, and of each line that is left what is to be sent, was sent, and came back.
type Ended = (String, Vec<(String, i64, i64, i64)>);
/// Of an item: free, reserved, missing.
type Standing = (i64, i64, i64);

fn outcome(house: &House) -> (Vec<Ended>, BTreeMap<ItemId, Standing>) {
    let line = |l: &Line| (l.remote_id.clone(), l.to_ship(), l.shipped, l.returned);
    let orders = house.orders.iter().map(|((_, id), o)| {
        let mut lines: Vec<_> = o.lines.iter().map(line).filter(|l| l.1 + l.2 + l.3 > 0).collect();
        lines.sort_unstable();
        (format!("{id} {:?}", o.payment), lines)
    });
    let mut standing: BTreeMap<ItemId, Standing> = BTreeMap::new();
    for ((item, _), level) in &house.levels {
        let sum = standing.entry(*item).or_default();
        *sum = (sum.0 + level.available, sum.1 + level.reserved, sum.2 + level.short);
    }
    (orders.collect(), standing)
}

#[test]
fn the_trade_reaches_every_corner() {
    assert_eq!(SETS.len(), 2);
    assert_eq!((offer(0), offer(6), offer(7)), ("l-tea", trade::GIFT_WRAP, trade::UNMAPPED));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = [0usize; 5];
    for _ in 0..200 {
        use proptest::strategy::ValueTree;
        let steps = prop::collection::vec(step(), 1..60).new_tree(&mut runner).unwrap().current();
        let (house, _) = live(&steps, |_, _| {});
        let has = |reason: &str| usize::from(house.entries.iter().any(|e| e.reason == reason));
        let corners = [
            has("shortfall_filled"),
            has("shipped_beyond_ledger"),
            has("returned"),
            has("released"),
            usize::from(house.holds.values().any(|h| h.short > 0)),
        ];
        seen.iter_mut().zip(corners).for_each(|(sum, corner)| *sum += corner);
    }
    assert!(seen.iter().all(|n| *n > 5), "{seen:?}");
}
