#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{BasketLine, Fault, Market, Purchase, SimClock};

fn one(market: &dyn Market, listing: &ListingId, quantity: i64) -> RemoteOrderId {
    let line = BasketLine { listing: listing.clone(), quantity };
    let purchase = Purchase { lines: vec![line], paid: true, ..Purchase::default() };
    market.buy(&purchase).unwrap()
}

fn item(listing: &ListingId, quantity: i64) -> StockItem {
    StockItem {
        listing: listing.clone(),
        quantity,
        was: None,
        version: 1,
        key: IdempotencyKey(format!("{listing}:{quantity}")),
    }
}

/// Every order id from `after` to the end, in the order of arrival, and where the pull then stands.
async fn pull(connector: &SimConnector, cx: &Cx, mut after: Option<Cursor>) -> (Vec<String>, Cursor) {
    let mut ids = Vec::new();
    loop {
        let page = connector.pull_orders(cx, after.as_ref()).await.unwrap();
        ids.extend(page.items.iter().filter_map(|read| match read {
            Read::Order(order) => Some(order.id.0.clone()),
            Read::Unreadable { .. } => None,
        }));
        if !page.more {
            return (ids, page.next);
        }
        after = Some(page.next);
    }
}

#[tokio::test]
async fn each_fault_is_the_error_that_it_says_and_does_as_much_as_it_says() {
    let clock = SimClock::usual();
    let connector = SimConnector::direct("D", clock.clone());
    let market = Arc::clone(connector.market());
    let (cx, listing) = (clock.cx(), market.offers()[0].id.clone());
    let status = |code, retry_after| Fault::Status { code, retry_after };
    let faults = [
        (status(429, Some(7)), ErrorKind::RateLimited, false),
        (status(503, None), ErrorKind::Unreachable, false),
        (status(403, None), ErrorKind::Auth, false),
        (status(422, None), ErrorKind::Refused, false),
        (Fault::Html, ErrorKind::Malformed, false),
        (Fault::Reset, ErrorKind::Unreachable, false),
        (Fault::Torn, ErrorKind::Malformed, true),
        (Fault::Huge(50_000_000), ErrorKind::Malformed, true),
        (Fault::LostAnswer, ErrorKind::Unreachable, true),
    ];
    for (number, (fault, kind, done)) in (100..).zip(faults) {
        market.set_shown(&listing, 1);
        market.faults().play(fault.clone());
        let error = connector.push_stock(&cx, &[item(&listing, number)]).await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault:?}");
        let delay = (kind == ErrorKind::RateLimited).then(|| Duration::from_secs(7));
        assert_eq!(error.retry_after, delay, "{fault:?}");
        assert_eq!(market.shown(&listing), Some(if done { number } else { 1 }), "{fault:?}");
    }
}

#[tokio::test]
async fn a_late_search_result_is_caught_by_the_overlap() {
    let clock = SimClock::usual();
    let connector = SimConnector::by_feed("F", clock.clone());
    let market = Arc::clone(connector.market());
    let (cx, listing) = (clock.cx(), market.offers()[0].id.clone());
    market.set_shown(&listing, 100_000);
    let (mut placed, mut pulled, mut late) = (0, std::collections::BTreeSet::new(), 0);
    let mut cursor = None;
    for round in 0..200_u64 {
        one(&*market, &listing, 1);
        placed += 1;
        clock.advance(Duration::from_millis(20 + round * 37 % 400));
        let (ids, next) = pull(&connector, &cx, cursor).await;
        let newest = ids.iter().max().cloned();
        late += usize::from(ids.iter().any(|id| pulled.insert(id.clone()) && Some(id) < newest.as_ref()));
        cursor = Some(next);
    }
    clock.advance(Duration::from_secs(1));
    pulled.extend(pull(&connector, &cx, cursor).await.0);
    assert_eq!(pulled.len(), placed);
    assert!(late > 10, "the search never lagged, so this test shows nothing");
}

#[tokio::test]
async fn the_mark_stays_before_what_changed_during_a_long_walk() {
    let clock = SimClock::usual();
    let connector = SimConnector::by_feed("F", clock.clone());
    let market = Arc::clone(connector.market());
    let (cx, listing) = (clock.cx(), market.offers()[0].id.clone());
    let began = clock.now();
    (0..25).for_each(|_| drop(one(&*market, &listing, 1)));
    clock.advance(Duration::from_secs(2));
    let first = connector.pull_orders(&cx, None).await.unwrap();
    assert!(first.more);
    clock.advance(Duration::from_secs(3600));
    one(&*market, &listing, 1);
    clock.advance(Duration::from_secs(2));
    let (_, next) = pull(&connector, &cx, Some(first.next)).await;
    let Place::Rest { mark } = Place::read(&next).unwrap() else { unreachable!("the walk is through") };
    assert!(mark <= began.plus(Duration::from_secs(2)), "{mark:?}");
}

#[tokio::test]
async fn a_quiet_shop_with_an_old_last_order_sends_next_to_nothing() {
    let clock = SimClock::usual();
    let connector = SimConnector::direct("D", clock.clone());
    let market = Arc::clone(connector.market());
    let (cx, listing) = (clock.cx(), market.offers()[0].id.clone());
    for _ in 0..5 {
        one(&*market, &listing, 1);
        clock.advance(Duration::from_secs(60));
    }
    let (ids, next) = pull(&connector, &cx, None).await;
    assert_eq!(ids.len(), 5);
    let (again, same) = pull(&connector, &cx, Some(next.clone())).await;
    assert_eq!(again, [ids[4].clone()], "only what lies in the overlap");
    assert_eq!(same, next);
}

#[tokio::test]
async fn a_key_used_for_a_refused_item_is_not_used_up() {
    let clock = SimClock::usual();
    let mut setup = SimSetup::direct("K");
    setup.capabilities.keeps_idempotency_keys = true;
    let connector = SimConnector::new(SimMarket::open(setup, clock.clone()));
    let market = Arc::clone(connector.market());
    let (cx, listing) = (clock.cx(), market.offers()[0].id.clone());
    market.faults().play(Fault::RefuseItem(listing.clone()));
    let refused = connector.push_stock(&cx, &[item(&listing, 77)]).await.unwrap();
    assert!(matches!(refused[..], [Outcome::Refused { .. }]));
    assert_eq!(connector.push_stock(&cx, &[item(&listing, 77)]).await.unwrap(), [Outcome::Applied]);
    assert_eq!(market.shown(&listing), Some(77));
    market.set_shown(&listing, 5);
    connector.push_stock(&cx, &[item(&listing, 77)]).await.unwrap();
    assert_eq!(market.shown(&listing), Some(5), "the marketplace knows the key");
}

#[tokio::test]
async fn webhooks_that_were_switched_off_are_mended_once() {
    let clock = SimClock::usual();
    let connector = SimConnector::direct("D", clock.clone());
    let (market, cx, url) = (connector.market(), clock.cx(), "http://banto.invalid/hook/d");
    assert_eq!(connector.ensure_webhooks(&cx, url).await, Ok(1));
    market.switch_hooks_off();
    assert_eq!(connector.ensure_webhooks(&cx, url).await, Ok(1));
    assert_eq!(connector.ensure_webhooks(&cx, url).await, Ok(0));
    let listing = market.offers()[0].id.clone();
    one(&**market, &listing, 1);
    let hooks = market.take_hooks();
    assert_eq!(hooks.len(), 1);
    let arrived = Webhook { headers: &hooks[0].headers, body: &hooks[0].body };
    assert_eq!(connector.verify_webhook(&arrived), Ok(()));
}

#[tokio::test]
async fn a_token_runs_out_at_its_time() {
    let clock = SimClock::usual();
    let mut setup = SimSetup::direct("E");
    let end = clock.now().plus(Duration::from_secs(3600));
    setup.token_expires = Some(end);
    let connector = SimConnector::new(SimMarket::open(setup, clock.clone()));
    let cx = clock.cx();
    assert_eq!(connector.probe(&cx).await.unwrap().credentials_expire, Some(end));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(connector.probe(&cx).await.map_err(|e| e.kind), Err(ErrorKind::Auth));
    let other = SimConnector::direct("O", clock.clone()).with_token(Secret::new("wrong"));
    assert_eq!(other.probe(&cx).await.map_err(|e| e.kind), Err(ErrorKind::Auth));
}
