//! Weeks of trade in bad weather, seen through the connector only, and the same again from the same seed.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cursor, Cx, Fulfilment, Payment, Read, RemoteOrder, RemoteOrderId};
use banto_sim::{Counts, FaultRates, Market, SimClock, SimConnector, SimMarket, SimSetup, Trade, TradeRates};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// What a daemon would know: each order as it was last told.
#[derive(Default)]
struct Mirror {
    orders: BTreeMap<RemoteOrderId, RemoteOrder>,
    cursor: Option<Cursor>,
    errors: u32,
}

impl Mirror {
    /// One round of the daemon's: pages until there are no more, or an error ends the round.
    async fn pull(&mut self, connector: &SimConnector, cx: &Cx) {
        loop {
            match connector.pull_orders(cx, self.cursor.as_ref()).await {
                Ok(page) => {
                    self.learn(page.items);
                    self.cursor = Some(page.next);
                    if !page.more {
                        return;
                    }
                }
                Err(e) => {
                    assert!(e.kind.is_temporary(), "{e}");
                    self.errors += 1;
                    return;
                }
            }
        }
    }

    async fn reread(&mut self, connector: &SimConnector, cx: &Cx) {
        let open = |o: &&RemoteOrder| o.payment == Payment::Awaiting && o.fulfilment != Fulfilment::Cancelled;
        let ids: Vec<_> = self.orders.values().filter(open).map(|o| o.id.clone()).collect();
        for some in ids.chunks(usize::from(connector.capabilities().reread_batch_max)) {
            self.learn(connector.reread_orders(cx, some).await.unwrap());
        }
    }

    fn learn(&mut self, reads: Vec<Read>) {
        for read in reads {
            let Read::Order(order) = read else { unreachable!("{read:?}") };
            self.orders.insert(order.id.clone(), *order);
        }
    }
}

/// A fortnight of trade; answers with the mirror, the truth, what was done, and how many faults were played.
async fn fortnight(setup: SimSetup, seed: u64) -> (Mirror, Arc<SimMarket>, Counts, u64) {
    let clock = SimClock::usual();
    let market = SimMarket::open(setup, clock.clone());
    let connector = SimConnector::new(Arc::clone(&market));
    let (cx, inside): (Cx, Arc<dyn Market>) = (clock.cx(), market.clone());
    // The staff must ship here, or a channel that counts the shelf runs out of what it may sell.
    let rates = TradeRates { ship: 60, ..TradeRates::usual() };
    let mut trade = Trade::new(seed, vec![inside], rates);
    market.faults().set_rates(FaultRates::usual());
    let mut mirror = Mirror::default();
    for round in 0..14 * 24 * 6_u32 {
        if round % 144 == 0 {
            market.offers().iter().for_each(|offer| market.set_shown(&offer.id, 60));
        }
        trade.step();
        clock.advance(TEN_MINUTES);
        mirror.pull(&connector, &cx).await;
    }
    let played = market.faults().played();
    market.faults().set_rates(FaultRates::default());
    mirror.pull(&connector, &cx).await;
    if connector.capabilities().needs_open_order_rereads {
        mirror.reread(&connector, &cx).await;
    }
    (mirror, market, trade.counts(), played)
}

/// Line id, ordered, and what is no longer wanted.
type Lines = Vec<(String, i64, i64)>;

#[tokio::test]
async fn the_connector_tells_the_truth_about_every_order() {
    for setup in [SimSetup::direct("D"), SimSetup::by_feed("F")] {
        let (mirror, market, counts, played) = fortnight(setup, 77).await;
        assert!(counts.placed > 500 && counts.returned > 0 && played > 100, "{counts:?}, {played} faults");
        assert!(mirror.errors > 20);
        assert_eq!(mirror.orders.len() as u64, counts.placed);
        for truth in market.orders() {
            let told = &mirror.orders[&truth.id];
            let lines: Lines =
                told.lines.iter().map(|l| (l.id.clone(), l.quantity, l.cancelled + l.returned)).collect();
            let true_lines: Lines =
                truth.lines.iter().map(|(id, _, n, gone)| (id.clone(), *n, *gone)).collect();
            assert_eq!(lines, true_lines, "{}", truth.id);
            assert_eq!((told.payment, told.fulfilment), (truth.payment, truth.fulfilment), "{}", truth.id);
            assert_eq!(
                (told.totals.grand, told.totals.sum()),
                (truth.grand, Some(truth.grand)),
                "{}",
                truth.id
            );
        }
    }
}

#[tokio::test]
async fn equal_seeds_make_equal_fortnights() {
    let run = async |seed| {
        let (mirror, market, counts, played) = fortnight(SimSetup::direct("D"), seed).await;
        (mirror.orders, mirror.errors, market.orders(), counts, played)
    };
    let (one, same, other) = (run(5).await, run(5).await, run(6).await);
    assert!(one == same);
    assert!(one != other);
}
