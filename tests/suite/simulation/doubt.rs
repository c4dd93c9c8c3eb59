//! A channel that sells lowers its own number. What it shows is then not what we told it last, and that must not be
//! forgotten while something else goes wrong, even if our number comes to be the one we told.

use std::time::Duration;

use banto_channel::{Address, Buyer, ListingId};
use banto_sim::{BasketLine, Fault, FaultRates, Market, Purchase};

use super::acts::Hop;
use super::house::House;
use crate::stores::each_store;

/// The stall that sells by itself and cannot be read back.
const KYOTO: usize = 1;

/// A house in good weather whose numbers stand everywhere.
async fn opened(fresh: &crate::stores::Fresh) -> House {
    let mut house = House::open(fresh, 1).await;
    for stall in &house.stalls {
        stall.market.faults().set_rates(FaultRates::default());
    }
    house.push(8).await;
    house
}

impl House {
    async fn push(&mut self, times: u32) {
        for _ in 0..times {
            self.hop(Hop::Push, KYOTO).await;
            self.clock.advance(Duration::from_secs(1));
        }
    }

    fn shown(&self, listing: &str) -> i64 {
        self.stalls[KYOTO].market.shown(&ListingId::from(listing)).unwrap()
    }

    /// Somebody buys one there, and the house hears of it.
    async fn sells(&mut self, listing: &str) {
        let lines = vec![BasketLine { listing: ListingId::from(listing), quantity: 1 }];
        let (buyer, ship_to) = (Buyer::default(), Address::default());
        let purchase = Purchase { lines, buyer, ship_to, paid: true, ..Purchase::default() };
        self.stalls[KYOTO].market.buy(&purchase).unwrap();
        self.hop(Hop::Pull, KYOTO).await;
    }

    fn next_call_fails(&self) {
        self.stalls[KYOTO].market.faults().play(Fault::Status { code: 500, retry_after: None });
    }
}

#[tokio::test]
async fn a_push_that_failed_is_made_again_although_the_number_is_back() {
    each_store(async |fresh| {
        let mut house = opened(fresh).await;
        let before = house.shown("1005");
        house.sells("1005").await;
        assert_eq!(house.shown("1005"), before - 1);
        house.next_call_fails();
        house.push(1).await;
        house.receive("BT-0005", "osaka", 1).await;
        house.push(8).await;
        assert_eq!(house.shown("1005"), before);
    })
    .await;
}

#[tokio::test]
async fn a_sale_is_not_forgotten_while_pushes_rest() {
    each_store(async |fresh| {
        let mut house = opened(fresh).await;
        let before = house.shown("1005");
        house.receive("BT-0006", "osaka", 1).await;
        house.next_call_fails();
        house.hop(Hop::Push, KYOTO).await;
        house.sells("1005").await;
        house.hop(Hop::Push, KYOTO).await;
        house.receive("BT-0005", "osaka", 1).await;
        house.hop(Hop::Push, KYOTO).await;
        house.push(8).await;
        assert_eq!(house.shown("1005"), before);
    })
    .await;
}
