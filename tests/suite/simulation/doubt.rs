//! A channel that sells lowers its own number. What it shows is then not what we told it last, and that must not be
//! forgotten while something else goes wrong, even if our number comes to be the one we told.

use std::time::Duration;

use banto::domain::deeds::Shipment;
use banto::store::{Act, OrderFilter};
use banto_channel::{Address, Buyer, Clock, ListingId};
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

#[tokio::test]
async fn an_order_that_came_and_went_unseen_leaves_no_wrong_number() {
    each_store(async |fresh| {
        let mut house = opened(fresh).await;
        let before = house.shown("1005");
        let lines = vec![BasketLine { listing: ListingId::from("1005"), quantity: 3 }];
        let (buyer, ship_to) = (Buyer::default(), Address::default());
        let purchase = Purchase { lines, buyer, ship_to, ..Purchase::default() };
        let order = house.stalls[KYOTO].market.buy(&purchase).unwrap();
        // Told before anybody knew of the order; the shop then puts back what the order had taken.
        house.receive("BT-0005", "osaka", 1).await;
        house.push(8).await;
        assert_eq!(house.shown("1005"), before + 1);
        house.stalls[KYOTO].market.cancel(&order);
        assert_eq!(house.shown("1005"), before + 4);
        house.hop(Hop::Pull, KYOTO).await;
        house.push(8).await;
        assert_eq!(house.shown("1005"), before + 1);
    })
    .await;
}

#[tokio::test]
async fn a_shop_that_is_told_of_a_cancelled_order_is_told_its_number_again() {
    each_store(async |fresh| {
        let mut house = opened(fresh).await;
        let before = house.shown("1005");
        house.sells("1005").await;
        let channel = house.stalls[KYOTO].channel.clone();
        let open = house.store.orders(OrderFilter::Open, Some(channel.id), i64::MAX, 1).await.unwrap();
        let now = house.clock.now();
        let (order, seller, actor) = (open[0].id, channel.seller(), "cli:test");
        house.store.cancel_order(&Act { order, version: None, seller, actor, now }, "", "").await.unwrap();
        // Our number is there before the shop hears why, and then puts one on it.
        house.push(8).await;
        assert_eq!(house.shown("1005"), before);
        house.hop(Hop::Notices, KYOTO).await;
        assert_eq!(house.shown("1005"), before + 1);
        house.push(8).await;
        assert_eq!(house.shown("1005"), before);
    })
    .await;
}

#[tokio::test]
async fn a_shop_that_takes_back_what_has_left_the_house_is_told_its_number_again() {
    each_store(async |fresh| {
        let mut house = opened(fresh).await;
        let before = house.shown("1005");
        house.sells("1005").await;
        house.push(8).await;
        let channel = house.stalls[KYOTO].channel.clone();
        let open = house.store.orders(OrderFilter::Open, Some(channel.id), i64::MAX, 1).await.unwrap();
        let (order, seller, actor, now) = (open[0].id, channel.seller(), "cli:test", house.clock.now());
        let parcel =
            Shipment { carrier: "ヤマト運輸".into(), tracking: "T1".into(), ..Shipment::default() };
        house.store.ship_order(&Act { order, version: None, seller, actor, now }, &parcel).await.unwrap();
        // The buyer cancels before the shop hears of the parcel.
        let market = &house.stalls[KYOTO].market;
        market.cancel(&market.orders()[0].id);
        assert_eq!(house.shown("1005"), before);
        house.hop(Hop::Pull, KYOTO).await;
        house.push(8).await;
        assert_eq!(house.shown("1005"), before - 1);
    })
    .await;
}
