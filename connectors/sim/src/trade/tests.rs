#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{SimClock, SimMarket, SimSetup};

fn town() -> Vec<Arc<dyn Market>> {
    let clock = SimClock::usual();
    let shop: Arc<dyn Market> = SimMarket::open(SimSetup::direct("D"), clock.clone());
    let feed: Arc<dyn Market> = SimMarket::open(SimSetup::by_feed("F"), clock);
    vec![shop, feed]
}

fn trade(seed: u64, steps: u32, rates: TradeRates) -> (Vec<Arc<dyn Market>>, Vec<Deed>, Counts) {
    let markets = town();
    let mut trade = Trade::new(seed, markets.clone(), rates);
    let deeds = (0..steps).flat_map(|_| trade.step()).collect();
    (markets, deeds, trade.counts())
}

#[test]
fn equal_seeds_do_equal_deeds() {
    let deeds = |seed| trade(seed, 500, TradeRates::usual()).1;
    assert_eq!(deeds(11), deeds(11));
    assert_ne!(deeds(11), deeds(12));
}

#[test]
fn the_counts_are_what_happened_in_the_markets() {
    let (markets, deeds, counts) = trade(21, 3000, TradeRates::usual());
    let orders: Vec<_> = markets.iter().flat_map(|m| m.orders()).collect();
    assert_eq!(orders.len() as u64, counts.placed);
    let cancelled: BTreeSet<_> =
        deeds.iter().filter_map(|d| if let Deed::Cancelled(_, id) = d { Some(id) } else { None }).collect();
    assert_eq!(cancelled.len() as u64, counts.cancelled);
    for id in cancelled {
        let order = orders.iter().find(|o| o.id == *id).unwrap();
        assert_eq!(order.fulfilment, Fulfilment::Cancelled, "{id}");
    }
    let by_hand = orders.iter().filter(|o| !o.parcels.is_empty()).count() as u64;
    assert_eq!(by_hand, counts.shipped);
}

#[test]
fn every_kind_of_deed_is_met() {
    let mut rates = TradeRates::usual();
    rates.ship = 10;
    let (_, deeds, counts) = trade(31, 3000, rates);
    assert!(deeds.iter().any(|d| matches!(d, Deed::Placed { paid: false, .. })));
    for (what, count) in [
        ("placed", counts.placed),
        ("paid", counts.paid),
        ("cancelled", counts.cancelled),
        ("refunded", counts.refunded),
        ("returned", counts.returned),
        ("shipped", counts.shipped),
        ("sold out", counts.sold_out),
        ("edited", counts.edited),
        ("touched", counts.touched),
    ] {
        assert!(count > 0, "{what}");
    }
}

#[test]
fn what_came_back_is_what_the_market_says_came_back() {
    let (markets, deeds, _) = trade(41, 3000, TradeRates::usual());
    let mut back: BTreeMap<(RemoteOrderId, String), i64> = BTreeMap::new();
    for deed in &deeds {
        if let Deed::Refunded(_, order, lines) | Deed::Returned(_, order, lines) = deed {
            for (line, units) in lines {
                *back.entry((order.clone(), line.clone())).or_default() += units;
            }
        }
    }
    assert!(!back.is_empty());
    for ((id, line), units) in back {
        let order = markets.iter().find_map(|m| m.order(&id)).unwrap();
        if order.fulfilment == Fulfilment::Cancelled {
            continue;
        }
        let gone = order.lines.iter().find(|l| l.0 == line).unwrap().3;
        assert_eq!(gone, units, "{id} {line}");
    }
}

#[test]
fn no_sale_goes_below_zero_unless_it_is_decreed() {
    let lowest = |rates| {
        let (markets, ..) = trade(51, 4000, rates);
        let shown = |m: &Arc<dyn Market>| m.offers().into_iter().filter_map(|o| m.shown(&o.id)).min();
        markets.iter().filter_map(shown).min().unwrap()
    };
    // Staff who type numbers can take away what is already sold.
    let honest = TradeRates { edit: 0, ..TradeRates::usual() };
    assert!(lowest(honest) >= 0);
    let reckless = TradeRates { oversell: 20, cancel: 0, ..honest };
    assert!(lowest(reckless) < 0);
}

#[test]
fn nothing_to_do_is_no_deed() {
    let waiting = TradeRates { buy: 0, ..TradeRates::usual() };
    let (_, deeds, counts) = trade(61, 200, waiting);
    assert!(deeds.iter().all(|d| matches!(d, Deed::Edited(..))));
    assert_eq!(counts.placed, 0);
    assert!(Trade::new(1, Vec::new(), TradeRates::usual()).step().is_empty());
}
