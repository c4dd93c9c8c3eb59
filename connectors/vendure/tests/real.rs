//! A real Vendure server, at the address in `BANTO_TEST_VENDURE` (`tests/vendure/run` starts one).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../../../tests/vendure/shop.rs"]
mod shop;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use banto_channel::{
    Clock, Connector, Cursor, Cx, ErrorKind, Fulfilment, Http, IdempotencyKey, ListingId, Notice, Outcome,
    Parcel, Payment, Read, RemoteOrder, RemoteOrderId, Secret, StockItem, Timestamp,
};
use banto_wire::{Wire, WireConfig};
use serde_json::{Value, json};
use shop::{SUPERADMIN, Shop};

#[derive(Debug)]
struct Now;

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "a real server has the real time")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_micros()).unwrap())
    }
}

/// The server, and all that a connector to it needs.
struct Real {
    shop: Shop,
    cx: Cx,
    connector: Arc<dyn Connector>,
}

/// `None`, and a word about it, where no server is to be used.
async fn real(test: &str, extra: &str) -> Option<Real> {
    let Ok(server) = std::env::var("BANTO_TEST_VENDURE") else {
        println!("not run: {test} needs a server; BANTO_TEST_VENDURE is not set");
        return None;
    };
    let server = server.trim_end_matches('/').to_owned();
    let table = format!(
        "url = \"{server}/admin-api\"\nusername = \"{SUPERADMIN}\"\npassword_file = \"p\"\n\
         note_custom_field = \"customerNote\"\norders_per_page = 2\n{extra}"
    );
    let connector =
        banto_vendure::build(&toml::from_str(&table).unwrap(), &|_| Ok(Secret::new(SUPERADMIN))).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(Now);
    let wire = Wire::new(WireConfig::new("real", connector.capabilities().quotas), clock.clone()).unwrap();
    let http: Arc<dyn Http> = Arc::new(wire);
    let cx = Cx { http, clock };
    let shop = Shop::open(&cx, &server).await;
    Some(Real { shop, cx, connector })
}

impl Real {
    /// A product with two sizes, so many units of each on the shelf.
    async fn product(&mut self, name: &str, stock: i64) -> Vec<ListingId> {
        let stamp = self.cx.clock.now().0;
        let sizes = [(format!("T-{stamp}-1"), 980), (format!("T-{stamp}-2"), 1960)];
        self.shop.product(name, &sizes, stock).await
    }

    /// Everything that the pull brings from here on, with the cursor behind it.
    async fn pull(&self, mut cursor: Option<Cursor>) -> (Vec<RemoteOrder>, Cursor) {
        let mut orders = Vec::new();
        loop {
            let page = self.connector.pull_orders(&self.cx, cursor.as_ref()).await.unwrap();
            orders.extend(page.items.into_iter().map(understood));
            if !page.more {
                return (orders, page.next);
            }
            assert_ne!(cursor.as_ref(), Some(&page.next));
            cursor = Some(page.next);
        }
    }

    async fn order(&self, id: &RemoteOrderId) -> RemoteOrder {
        let reads = self.connector.reread_orders(&self.cx, std::slice::from_ref(id)).await.unwrap();
        understood(reads.into_iter().next().unwrap())
    }

    async fn tell(&self, id: &RemoteOrderId, notice: &Notice, key: &str) -> Outcome {
        self.connector.notify_order(&self.cx, id, notice, &IdempotencyKey::from(key)).await.unwrap()
    }

    async fn stock(&self, listing: &ListingId) -> i64 {
        self.connector.read_stock(&self.cx, std::slice::from_ref(listing)).await.unwrap()[0].1
    }

    fn parcel(&self, tracking: &str, lines: &[(&str, i64)], completes: bool) -> Notice {
        Notice::Shipped(Parcel {
            carrier: "ヤマト運輸".to_owned(),
            tracking: tracking.to_owned(),
            tracking_url: None,
            shipped_at: self.cx.clock.now(),
            lines: lines.iter().map(|(line, n)| ((*line).to_owned(), *n)).collect(),
            completes,
        })
    }
}

fn understood(read: Read) -> RemoteOrder {
    match read {
        Read::Order(order) => *order,
        Read::Unreadable { reason, raw, .. } => panic!("{reason}\n{raw}"),
    }
}

fn item(listing: &ListingId, quantity: i64) -> StockItem {
    StockItem { listing: listing.clone(), quantity, was: None, version: 1, key: IdempotencyKey::from("k") }
}

#[tokio::test]
async fn the_probe_knows_the_shop_and_refuses_a_wrong_password() {
    let Some(real) = real("the probe", "").await else { return };
    let report = real.connector.probe(&real.cx).await.unwrap();
    assert_eq!(report.server, "Vendure, channel __default_channel__, JPY");
    assert!(
        matches!(&report.warnings[..], [w] if w.en.starts_with("plain http: the password")),
        "{:?}",
        report.warnings
    );
    let table = format!(
        "url = \"{}/admin-api\"\nusername = \"{SUPERADMIN}\"\npassword_file = \"p\"",
        real.shop.server
    );
    let wrong =
        banto_vendure::build(&toml::from_str(&table).unwrap(), &|_| Ok(Secret::new("wrong-one"))).unwrap();
    let error = wrong.probe(&real.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains("The provided credentials are invalid"), "{error}");
}

#[tokio::test]
async fn orders_are_pulled_shipped_in_parts_and_cancelled() {
    let Some(mut real) = real("orders", "").await else { return };
    let tea = real.product("煎茶", 50).await;
    let (_, cursor) = real.pull(None).await;
    let order = real.shop.buy(&[(&tea[0], 3), (&tea[1], 1)], "card").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(real.shop.buy(&[(&tea[0], 1)], "card").await);
    }
    let (pulled, cursor) = real.pull(Some(cursor)).await;
    for id in others.iter().chain([&order]) {
        assert!(pulled.iter().any(|o| o.id == *id), "{id} was not pulled");
    }
    let found = pulled.iter().find(|o| o.id == order).unwrap();
    assert_eq!((found.payment, found.fulfilment), (Payment::Paid, Fulfilment::Open));
    assert_eq!((found.totals.grand.0, found.totals.shipping.0), (980 * 3 + 1960 + 550, 550));
    assert_eq!(found.totals.sum(), Some(found.totals.grand));
    assert_eq!((found.ship_to.name.as_str(), found.ship_to.line2.as_str()), ("髙橋 太郎", "コーポ①号室"));
    assert_eq!((found.buyer.name.as_str(), found.note.as_str()), ("髙橋 太郎", "プレゼント用です🎁"));
    assert_eq!(found.lines.iter().map(|l| l.tax_rate_bp).collect::<Vec<_>>(), [Some(1000), Some(800)]);
    assert!(found.unknowns.is_empty(), "{:?}", found.unknowns);

    // A part leaves, and is told three times.
    let line = found.lines[0].id.clone();
    let part = real.parcel("4212-0001", &[(&line, 2)], false);
    for _ in 0..3 {
        assert_eq!(real.tell(&order, &part, "k1").await, Outcome::Applied);
    }
    let partly = real.order(&order).await;
    assert_eq!((partly.fulfilment, partly.status.as_str()), (Fulfilment::Partial, "PartiallyShipped"));
    assert_eq!(partly.lines.iter().map(|l| l.shipped).collect::<Vec<_>>(), [Some(2), Some(0)]);
    assert_eq!(partly.shipments.len(), 1);
    assert_eq!(
        (partly.shipments[0].carrier.as_str(), partly.shipments[0].tracking.as_str()),
        ("ヤマト運輸", "4212-0001")
    );
    assert!(partly.changed_at >= found.changed_at);
    assert_eq!(real.tell(&order, &real.parcel("4212-0002", &[], true), "k2").await, Outcome::Applied);
    let shipped = real.order(&order).await;
    assert_eq!((shipped.fulfilment, shipped.shipments.len()), (Fulfilment::Shipped, 2));
    assert_eq!(real.stock(&tea[0]).await, 47);

    // Another is cancelled, and what was allocated is free again.
    let cancel = Notice::Cancelled { reason: "在庫切れ".to_owned() };
    for _ in 0..2 {
        assert_eq!(real.tell(&others[0], &cancel, "k3").await, Outcome::Applied);
    }
    let cancelled = real.order(&others[0]).await;
    assert_eq!((cancelled.fulfilment, cancelled.payment), (Fulfilment::Cancelled, Payment::Paid));
    assert_eq!((cancelled.lines[0].quantity, cancelled.lines[0].cancelled), (1, 1));
    assert_eq!((cancelled.totals.grand.0, cancelled.totals.sum()), (1530, Some(cancelled.totals.grand)));
    assert!(matches!(real.tell(&order, &cancel, "k4").await, Outcome::Refused { .. }));

    let last = real.shop.buy(&[(&tea[1], 1)], "card").await;
    let (later, _) = real.pull(Some(cursor)).await;
    assert!(later.iter().any(|o| o.id == last), "{last} was not pulled");
}

#[tokio::test]
async fn money_notes_and_refunds_are_told_and_seen() {
    let Some(mut real) = real("money", "").await else { return };
    let tea = real.product("玉露", 20).await;
    let order = real.shop.buy(&[(&tea[0], 2)], "bank-transfer").await;
    assert_eq!(real.order(&order).await.payment, Payment::Awaiting);
    let paid = Notice::Paid { at: real.cx.clock.now() };
    for _ in 0..2 {
        assert_eq!(real.tell(&order, &paid, "k1").await, Outcome::Applied);
    }
    assert_eq!(real.order(&order).await.payment, Payment::Paid);
    let note = Notice::Note { text: "倉庫で確認済み ①".to_owned() };
    for _ in 0..2 {
        assert_eq!(real.tell(&order, &note, "k2").await, Outcome::Applied);
    }
    let query = "query ($id: ID!) { order(id: $id) { payments { id } lines { id } history { items { type isPublic data } } } }";
    let history = real.shop.admin.ask(query, json!({"id": order.as_str()})).await["order"].clone();
    let notes: Vec<&Value> = history["history"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["type"] == "ORDER_NOTE")
        .collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(
        (&notes[0]["isPublic"], &notes[0]["data"]["note"]),
        (&json!(false), &json!("倉庫で確認済み ①\n[banto:k2]"))
    );

    // Staff cancel one unit and give its money back.
    let unit = json!([{"orderLineId": history["lines"][0]["id"], "quantity": 1}]);
    let query = "mutation ($i: CancelOrderInput!) { cancelOrder(input: $i) { ... on ErrorResult { errorCode message } } }";
    real.shop.admin.act(query, json!({"i": {"orderId": order.as_str(), "lines": unit}})).await;
    let query = "mutation ($i: RefundOrderInput!) { refundOrder(input: $i) { ... on Refund { id } ... on ErrorResult { errorCode message } } }";
    let refund = real
        .shop
        .admin
        .act(query, json!({"i": {"paymentId": history["payments"][0]["id"], "amount": 98_000, "lines": unit, "shipping": 0, "adjustment": 0}}))
        .await;
    assert_eq!(
        real.order(&order).await.payment,
        Payment::Paid,
        "a refund that is pending gave nothing back yet"
    );
    let query = "mutation ($i: SettleRefundInput!) { settleRefund(input: $i) { ... on ErrorResult { errorCode message } } }";
    real.shop.admin.act(query, json!({"i": {"id": refund["id"], "transactionId": "r-1"}})).await;
    let back = real.order(&order).await;
    assert_eq!((back.payment, back.totals.refunded.0), (Payment::PartlyRefunded, 980));
    assert_eq!((back.totals.grand.0, back.totals.sum()), (2510, Some(back.totals.grand)));
    assert_eq!((back.lines[0].quantity, back.lines[0].cancelled), (2, 1));
}

#[tokio::test]
async fn stock_is_pushed_and_read_back() {
    let Some(mut real) = real("stock", "").await else { return };
    let tea = real.product("ほうじ茶", 10).await;
    let order = real.shop.buy(&[(&tea[0], 3)], "card").await;
    assert_eq!(real.stock(&tea[0]).await, 10, "an open order does not lower what lies there");
    let items = [
        item(&tea[0], 25),
        item(&ListingId::from("999999"), 5),
        item(&ListingId::from("no-such-id"), 5),
        item(&tea[1], 0),
    ];
    let outcomes = real.connector.push_stock(&real.cx, &items).await.unwrap();
    assert!(
        matches!(
            &outcomes[..],
            [Outcome::Applied, Outcome::Refused { .. }, Outcome::Refused { .. }, Outcome::Applied]
        ),
        "{outcomes:?}"
    );
    assert_eq!((real.stock(&tea[0]).await, real.stock(&tea[1]).await), (25, 0));
    let mut cursor = None;
    let mut offers = Vec::new();
    loop {
        let page = real.connector.list_offers(&real.cx, cursor.as_ref()).await.unwrap();
        offers.extend(page.items);
        if !page.more {
            break;
        }
        cursor = Some(page.next);
    }
    let offer = offers.iter().find(|o| o.id == tea[0]).unwrap();
    assert_eq!((offer.quantity, offer.active), (Some(25), true));
    assert_eq!(offer.price.as_ref().map(|(m, c)| (m.0, c.as_str())), Some((980, "JPY")));

    // The shelf of the shop is empty already when the parcel is told.
    let empty = real.connector.push_stock(&real.cx, &[item(&tea[0], 1)]).await.unwrap();
    assert_eq!(empty, [Outcome::Applied]);
    assert_eq!(real.tell(&order, &real.parcel("4212-0009", &[], true), "k").await, Outcome::Applied);
    assert_eq!(real.order(&order).await.fulfilment, Fulfilment::Shipped);
    assert_eq!(real.stock(&tea[0]).await, 0);
}

/// Pulls and pushes rest for longer than Node keeps a connection open.
#[tokio::test]
async fn a_connection_that_the_server_closed_is_no_fault() {
    let Some(real) = real("idle connections", "").await else { return };
    for _ in 0..2 {
        real.connector.pull_orders(&real.cx, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5_300)).await;
    }
    real.connector.probe(&real.cx).await.unwrap();
}

/// A role with the four permissions that the README names is enough, for an administrator and for an API key.
#[tokio::test]
async fn four_permissions_are_enough() {
    let Some(mut real) = real("permissions", "").await else { return };
    let tea = real.product("番茶", 10).await;
    let name = format!("banto-{}", real.cx.clock.now().0);
    let query = "mutation ($i: CreateRoleInput!) { createRole(input: $i) { id } }";
    let permissions = ["ReadOrder", "UpdateOrder", "ReadCatalog", "UpdateCatalog"];
    let role = real
        .shop
        .admin
        .act(query, json!({"i": {"code": name, "description": "banto", "permissions": permissions}}))
        .await;
    let query = "mutation ($i: CreateAdministratorInput!) { createAdministrator(input: $i) { id } }";
    let mail = format!("{name}@shop.example");
    let administrator = json!({"firstName": "banto", "lastName": "-", "emailAddress": mail,
        "password": "a-password-of-banto", "roleIds": [role["id"]]});
    real.shop.admin.act(query, json!({"i": administrator})).await;
    let query = "mutation ($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey } }";
    let key = json!({"roleIds": [role["id"]], "translations": [{"languageCode": "ja", "name": name}]});
    let key = real.shop.admin.act(query, json!({"i": key})).await["apiKey"].as_str().unwrap().to_owned();

    for credentials in
        [format!("username = \"{mail}\"\npassword_file = \"password\""), "api_key_file = \"key\"".to_owned()]
    {
        let table = format!("url = \"{}/admin-api\"\n{credentials}", real.shop.server);
        let secret = |name: &str| Ok(Secret::new(if name == "key" { &key } else { "a-password-of-banto" }));
        real.connector = banto_vendure::build(&toml::from_str(&table).unwrap(), &secret).unwrap();
        real.connector.probe(&real.cx).await.unwrap();
        let order = real.shop.buy(&[(&tea[0], 1)], "bank-transfer").await;
        let paid = Notice::Paid { at: real.cx.clock.now() };
        let note = Notice::Note { text: "①".to_owned() };
        for notice in [&paid, &note, &real.parcel("4212-0020", &[], true)] {
            assert_eq!(real.tell(&order, notice, "k").await, Outcome::Applied);
        }
        assert_eq!(real.order(&order).await.fulfilment, Fulfilment::Shipped);
        assert_eq!(
            real.connector.push_stock(&real.cx, &[item(&tea[0], 7)]).await.unwrap(),
            [Outcome::Applied]
        );
        assert_eq!(real.stock(&tea[0]).await, 7);
        assert!(!real.pull(None).await.0.is_empty());
    }
}

#[tokio::test]
async fn the_rest_of_a_raised_price_is_booked() {
    let Some(mut real) = real("raised orders", "manual_payment_method = \"bank-transfer\"").await else {
        return;
    };
    let tea = real.product("抹茶", 10).await;
    let order = real.shop.buy(&[(&tea[0], 1)], "card").await;
    let line = real.order(&order).await.lines[0].id.clone();
    const MOVE: &str = "mutation ($id: ID!, $to: String!) { transitionOrderToState(id: $id, state: $to) {
        ... on ErrorResult { errorCode message } } }";
    real.shop.admin.act(MOVE, json!({"id": order.as_str(), "to": "Modifying"})).await;
    assert!(real.order(&order).await.wait.is_some());
    assert!(matches!(
        real.tell(&order, &real.parcel("4212-0030", &[], true), "k").await,
        Outcome::Retry { .. }
    ));
    let query = "mutation ($i: ModifyOrderInput!) { modifyOrder(input: $i) { ... on ErrorResult { errorCode message } } }";
    let more = json!({"dryRun": false, "orderId": order.as_str(), "adjustOrderLines": [{"orderLineId": line, "quantity": 2}]});
    real.shop.admin.act(query, json!({"i": more})).await;
    real.shop.admin.act(MOVE, json!({"id": order.as_str(), "to": "ArrangingAdditionalPayment"})).await;
    let raised = real.order(&order).await;
    assert_eq!(
        (raised.payment, raised.totals.grand.0, raised.lines[0].quantity),
        (Payment::Partial, 2510, 2)
    );
    let paid = Notice::Paid { at: real.cx.clock.now() };
    for _ in 0..2 {
        assert_eq!(real.tell(&order, &paid, "k-paid").await, Outcome::Applied);
    }
    let settled = real.order(&order).await;
    assert_eq!((settled.payment, settled.status.as_str()), (Payment::Paid, "PaymentSettled"));
    assert_eq!((settled.totals.grand.0, settled.totals.sum()), (2510, Some(settled.totals.grand)));
}
