//! Several ways out, and senders that a server does not take.

use banto::queue::mail_lane::Relay;

use super::*;

/// The channel of the tests masks addresses under this domain.
fn relay(house: &House, post: Option<&Arc<Server>>) -> Relay {
    Relay {
        channel: house.trading.facts.name.clone(),
        domain: "fw.mall.example".to_owned(),
        post: post.map(|server| Arc::clone(server) as _),
    }
}

impl House {
    /// An unpaid order of a buyer whose address the marketplace masks.
    async fn masked_order(&self, id: &str) -> i64 {
        let mut order = self.trading.remote(id, &[("CUP", 1)]);
        order.payment = Payment::Awaiting;
        order.buyer.email = format!("buyer-{id}@pc.FW.mall.example");
        self.trading.order(raw(order)).await
    }
}

#[tokio::test]
async fn masked_addresses_are_reached_through_their_marketplaces_server_alone() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        let theirs = Arc::new(Server::default());
        let relay = relay(&house, Some(&theirs));
        house.lane = house.lane.with_relay(relay);
        house.order("1").await;
        house.masked_order("2").await;
        assert_eq!(house.run().await, 2);
        assert_eq!(
            house.server.taken().iter().map(|m| m.to.as_str()).collect::<Vec<_>>(),
            ["buyer-1@example.jp"]
        );
        assert_eq!(theirs.taken()[0].to, "buyer-2@pc.FW.mall.example");
        assert_eq!(theirs.taken().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_is_away_does_not_keep_the_houses_mails() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        let theirs = Arc::new(Server::default());
        let relay = relay(&house, Some(&theirs));
        house.lane = house.lane.with_relay(relay);
        let masked = house.masked_order("1").await;
        theirs.will(Next::Say(busy(Stage::Connect)));
        house.run().await;
        assert_eq!(house.state(masked).await, "queued");
        let plain = house.order("2").await;
        let waiting = house.masked_order("3").await;
        house.run().await;
        assert_eq!(
            (house.state(plain).await.as_str(), house.state(waiting).await.as_str()),
            ("sent", "queued")
        );
        assert_eq!(theirs.taken().len(), 0, "it rests");
        house.trading.pass(Duration::from_secs(31));
        house.run().await;
        assert_eq!(
            (house.state(masked).await.as_str(), house.state(waiting).await.as_str()),
            ("sent", "sent")
        );
        assert_eq!(theirs.taken().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn without_a_log_in_at_the_relay_a_person_is_told_and_the_mail_waits() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        let relay = relay(&house, None);
        house.lane = house.lane.with_relay(relay);
        let masked = house.masked_order("1").await;
        house.run().await;
        assert_eq!(house.state(masked).await, "queued");
        assert_eq!(house.server.taken().len(), 0, "never through another server");
        let alerts = house.trading.store.alerts().await.unwrap();
        assert!(alerts.iter().any(|a| a.detail.contains("[mail.relay]")), "{alerts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_refused_sender_keeps_its_shops_mails_until_it_is_mended() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        let orders = [house.order("1").await, house.order("2").await];
        let refused =
            || Next::Say(Verdict::SenderRefused { code: 553, text: "5.7.1 not owned by user".to_owned() });
        for _ in 0..50 {
            house.server.will(refused());
            house.server.will(refused());
            assert_eq!(house.run().await, 2);
            assert_eq!(house.run().await, 0, "they wait");
            house.trading.pass(Duration::from_secs(301));
        }
        for order in orders {
            assert_eq!(house.state(order).await, "queued");
        }
        let alerts = house.trading.store.alerts().await.unwrap();
        assert_eq!(alerts.len(), 1);
        assert!(alerts[0].detail.contains("553 5.7.1 not owned by user"), "{}", alerts[0].detail);
        // Mended: the daemon reads its settings again and makes the lane anew.
        house.lane = MailLane::new(Arc::clone(&house.pen) as _, Arc::clone(&house.server) as _);
        house.run().await;
        for order in orders {
            assert_eq!(house.state(order).await, "sent");
        }
        assert_eq!(house.trading.store.alerts().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_refused_sender_does_not_keep_the_other_ways_mails() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        let theirs = Arc::new(Server::default());
        let relay = relay(&house, Some(&theirs));
        house.lane = house.lane.with_relay(relay);
        theirs.will(Next::Say(Verdict::SenderRefused { code: 550, text: "not registered".to_owned() }));
        let masked = house.masked_order("1").await;
        house.run().await;
        let (plain, later) = (house.order("2").await, house.masked_order("3").await);
        house.run().await;
        for (order, state) in [(masked, "queued"), (plain, "sent"), (later, "queued")] {
            assert_eq!(house.state(order).await, state);
        }
        assert_eq!(
            house.trading.store.alerts().await.unwrap().len(),
            1,
            "the other way's mail ends no alert"
        );
        house.trading.pass(Duration::from_secs(301));
        house.run().await;
        assert_eq!(theirs.taken().len(), 2);
        assert_eq!(house.trading.store.alerts().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn an_alert_of_before_a_restart_ends_with_the_first_mail_that_is_taken() {
    each_store(async |fresh: &Fresh| {
        let mut house = House::open(fresh, Uncertain::Ask).await;
        house.order("1").await;
        house.server.will(Next::Say(Verdict::Stopped { reason: "535 wrong password".to_owned() }));
        house.run().await;
        assert_eq!(house.trading.store.alerts().await.unwrap().len(), 1);
        house.lane = MailLane::new(Arc::clone(&house.pen) as _, Arc::clone(&house.server) as _);
        house.trading.pass(Duration::from_secs(301));
        house.run().await;
        assert_eq!(house.trading.store.alerts().await.unwrap(), []);
    })
    .await;
}
