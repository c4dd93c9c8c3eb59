//! What a channel offers, as programs are told.

use std::time::Duration;

use banto::domain::plan::Push;
use banto::store::PushOutcome;
use banto_channel::{Clock as _, Outcome, RemoteOffer, both};

use super::{House, read};
use crate::stores::each_store;

#[tokio::test]
async fn a_listing_shows_what_the_channel_said_after_our_push() {
    each_store(async |fresh| {
        let house = House::open(fresh).await;
        let (store, now) = (&house.site.store, house.site.clock.now());
        let channel = store.channel("honten").await.unwrap().id;
        let offer = |quantity| RemoteOffer {
            id: "10".into(),
            code: None,
            gtin: None,
            title: "煎茶".to_owned(),
            quantity: Some(quantity),
            price: None,
            active: true,
        };
        let row = store.take_offers(channel, &[offer(9)], now).await.unwrap().remove(0);
        let push = Push { listing: row.id, remote_id: row.remote_id, quantity: 5, was: Some(9), version: 1 };
        let program = house.all_powerful().await;
        let told = async |what: &str| {
            let page = read(&program.get("/channels/honten/listings").await.expect(200));
            page["listings"][0][what].clone()
        };
        let reason = both!("the product is archived", "アーカイブ済みの商品です");
        let refused = [PushOutcome { push: push.clone(), outcome: Outcome::Refused { reason } }];
        store.settle_pushes(&refused, &[], now, now).await.unwrap();
        assert_eq!(told("error").await, "the product is archived", "programs read English");
        let taken = [PushOutcome { push, outcome: Outcome::Applied }];
        store.settle_pushes(&taken, &[], now, now).await.unwrap();
        assert_eq!((told("shows").await, told("error").await), (5.into(), serde_json::Value::Null));
        store.take_offers(channel, &[offer(4)], now.plus(Duration::from_secs(1))).await.unwrap();
        assert_eq!(told("shows").await, 4, "somebody changed it there");
    })
    .await;
}
