#![expect(clippy::unwrap_used, reason = "tests")]

use banto_channel::{Fulfilment, Payment};

use super::*;
use crate::SimClock;

fn shop(setup: SimSetup) -> (Arc<SimMarket>, ListingId) {
    let market = SimMarket::open(setup, SimClock::usual());
    let listing = market.offers()[0].id.clone();
    market.set_shown(&listing, 10);
    (market, listing)
}

fn basket(listing: &ListingId, quantity: i64) -> Purchase {
    Purchase {
        lines: vec![BasketLine { listing: listing.clone(), quantity }],
        paid: true,
        ..Purchase::default()
    }
}

#[test]
fn a_checkout_takes_and_a_cancel_gives_back() {
    for setup in [SimSetup::direct("D"), SimSetup::by_feed("F")] {
        let (market, listing) = shop(setup);
        let id = market.buy(&basket(&listing, 4)).unwrap();
        assert_eq!(market.shown(&listing), Some(6));
        market.cancel(&id);
        market.cancel(&id);
        assert_eq!(market.shown(&listing), Some(10));
        let order = market.order(&id).unwrap();
        assert_eq!((order.fulfilment, order.payment), (Fulfilment::Cancelled, Payment::Refunded));
    }
}

#[test]
fn the_shop_refuses_what_it_does_not_show_unless_the_sale_had_begun() {
    let (market, listing) = shop(SimSetup::direct("D"));
    let mut twice = basket(&listing, 6);
    twice.lines.push(twice.lines[0].clone());
    assert_eq!(market.buy(&twice), Err(SoldOut(listing.clone())));
    assert_eq!(market.shown(&listing), Some(10));
    twice.oversell = true;
    market.buy(&twice).unwrap();
    assert_eq!(market.shown(&listing), Some(-2));
    let unknown = basket(&ListingId::from("none"), 1);
    assert!(market.buy(&unknown).is_err());
}

#[test]
fn a_refund_cancels_before_shipping_and_returns_afterwards() {
    let (market, listing) = shop(SimSetup::direct("D"));
    let id = market.buy(&basket(&listing, 4)).unwrap();
    market.refund(&id, &[("1".to_owned(), 1)]);
    assert_eq!(market.shown(&listing), Some(7));
    market.ship(&id);
    market.refund(&id, &[("1".to_owned(), 9)]);
    assert_eq!(market.shown(&listing), Some(7), "what comes back is not on the shelf by itself");
    let order = market.order(&id).unwrap();
    assert_eq!((order.fulfilment, order.payment), (Fulfilment::Shipped, Payment::Refunded));
    assert_eq!(order.lines[0].3, 4);
}

#[test]
fn a_full_refund_before_shipping_ends_the_order() {
    let (market, listing) = shop(SimSetup::direct("D"));
    let id = market.buy(&basket(&listing, 2)).unwrap();
    market.refund(&id, &[("1".to_owned(), 2)]);
    let order = market.order(&id).unwrap();
    assert_eq!((order.fulfilment, order.payment), (Fulfilment::Cancelled, Payment::Refunded));
    market.ship(&id);
    assert!(market.order(&id).unwrap().parcels.is_empty());
}

#[test]
fn money_and_parcels_of_an_order_without_lines_make_sense() {
    let (market, _) = shop(SimSetup::direct("D"));
    let id = market.buy(&Purchase::default()).unwrap();
    assert_eq!(market.order(&id).unwrap().fulfilment, Fulfilment::Open);
    market.pay(&id);
    market.ship(&id);
    let order = market.order(&id).unwrap();
    assert_eq!((order.fulfilment, order.payment), (Fulfilment::Shipped, Payment::Paid));
}

#[test]
fn calls_nobody_takes_are_forgotten_from_the_old_end() {
    let (market, _) = shop(SimSetup::direct("D"));
    for _ in 0..SEEN_MAX + 5 {
        market.about(&market.setup().token).unwrap();
    }
    assert_eq!(market.take_seen().len(), SEEN_MAX);
    assert!(market.take_seen().is_empty());
}
