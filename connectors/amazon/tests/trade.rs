//! What the suite does not ask: tokens that run out, feeds that fail, money at the door, allowances kept.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use banto_amazon::fake::{FakeAmazon, FakeConfig, FakeOffer};
use banto_channel::{
    Address, Buyer, Connector, Cursor, Cx, ErrorKind, Fulfilment, IdempotencyKey, ListingId, Notice, Outcome,
    Parcel, Payment, Read, RemoteOrder, RemoteOrderId, Secret, StockItem,
};
use banto_sim::{BasketLine, Fault, Market, Purchase, SimClock};
use banto_wire::{Wire, WireConfig};

struct Trade {
    fake: FakeAmazon,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
}

async fn open(change: impl FnOnce(&mut FakeConfig), extra: &str) -> Trade {
    let clock = SimClock::usual();
    let mut config = FakeConfig::new(5, clock.clone());
    change(&mut config);
    let limits = config.limits;
    let fake = FakeAmazon::start(config).await.unwrap();
    let connector = connector(&fake, extra);
    let quotas = if limits { connector.capabilities().quotas } else { &[] };
    let wire = WireConfig { delay_first: Duration::from_millis(5), ..WireConfig::new("amazon", quotas) };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    Trade { fake, connector, cx, clock }
}

fn connector(fake: &FakeAmazon, extra: &str) -> Arc<dyn Connector> {
    let table = toml::from_str(&format!("{}{extra}", fake.table())).unwrap();
    banto_amazon::build(&table, &|name: &str| Ok(Secret::new(&fake.credential(name)))).unwrap()
}

fn purchase(quantity: i64) -> Purchase {
    Purchase {
        lines: vec![BasketLine { listing: ListingId::from("TEA-00001"), quantity }],
        buyer: Buyer { email: "hanako@example.com".to_owned(), ..Buyer::default() },
        ship_to: Address { name: "見本 花子".to_owned(), country: "JP".to_owned(), ..Address::default() },
        paid: true,
        ..Purchase::default()
    }
}

fn item(sku: &str, quantity: i64) -> StockItem {
    let listing = ListingId::from(sku);
    StockItem { listing, quantity, was: None, version: 1, key: IdempotencyKey::from("k") }
}

fn shipped(trade: &Trade, tracking: &str, lines: Vec<(String, i64)>) -> Notice {
    Notice::Shipped(Parcel {
        carrier: "ヤマト運輸".to_owned(),
        tracking: tracking.to_owned(),
        tracking_url: None,
        shipped_at: trade.cx.clock.now(),
        lines,
        completes: false,
    })
}

impl Trade {
    fn buy(&self, quantity: i64) -> RemoteOrderId {
        let id = self.fake.buy(&purchase(quantity)).unwrap();
        self.clock.advance(Duration::from_secs(180));
        id
    }

    async fn order(&self, id: &RemoteOrderId) -> RemoteOrder {
        let mut reads = self.connector.reread_orders(&self.cx, std::slice::from_ref(id)).await.unwrap();
        match reads.pop() {
            Some(Read::Order(order)) => *order,
            other => panic!("{other:?}"),
        }
    }

    async fn tell(&self, id: &RemoteOrderId, notice: &Notice, key: &str) -> Outcome {
        self.connector.notify_order(&self.cx, id, notice, &key.into()).await.unwrap()
    }

    fn calls(&self, of: &str) -> usize {
        self.fake.take_seen().iter().filter(|seen| seen.call.contains(of)).count()
    }
}

#[tokio::test]
async fn a_token_is_used_until_it_runs_out_and_renewed_in_mid_run() {
    let trade = open(|_| (), "").await;
    trade.buy(1);
    for _ in 0..3 {
        trade.connector.pull_orders(&trade.cx, None).await.unwrap();
    }
    assert_eq!(trade.calls("/auth/"), 1, "one token for three calls");
    trade.clock.advance(Duration::from_secs(3600));
    trade.connector.pull_orders(&trade.cx, None).await.unwrap();
    assert_eq!(trade.calls("/auth/"), 1, "the clock says that it ran out");
    trade.fake.expire_tokens();
    trade.connector.pull_orders(&trade.cx, None).await.unwrap();
    assert_eq!(trade.calls("/auth/"), 1, "Amazon says that it ran out");
}

#[tokio::test]
async fn a_rotated_secret_is_told_with_its_remedy() {
    let trade = open(|_| (), "").await;
    trade.connector.probe(&trade.cx).await.unwrap();
    trade.fake.rotate_client_secret("amzn1.oa2-cs.v1.another");
    trade.connector.probe(&trade.cx).await.unwrap();
    trade.fake.expire_tokens();
    let error = trade.connector.probe(&trade.cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains("client_secret_file") && error.message.contains("rotated"), "{error}");
    assert_eq!(trade.calls("/auth/"), 2, "the first token, and one refusal");
}

#[tokio::test]
async fn the_probe_says_what_runs_out() {
    let trade = open(|_| (), "").await;
    let report = trade.connector.probe(&trade.cx).await.unwrap();
    assert_eq!(report.server, "Amazon JP (A1VC38T7YXB528), Orders API 2026-01-01");
    assert!(report.warnings.is_empty() && report.credentials_expire.is_none());
    let old = connector(&trade.fake, "orders_api = \"v0\"\nclient_secret_expires = \"2026-04-10\"");
    let report = old.probe(&trade.cx).await.unwrap();
    assert!(report.credentials_expire.is_some());
    let told: Vec<String> = report.warnings.iter().map(|w| format!("{}\n{}", w.en, w.ja)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_lost_answer_to_a_shipment_makes_one_parcel() {
    let trade = open(|_| (), "orders_api = \"v0\"").await;
    let id = trade.buy(2);
    let notice = shipped(&trade, "4880-1", Vec::new());
    // The order and its items are read first; then the confirmation is done and its answer lost, four times.
    for _ in 0..4 {
        trade.fake.faults().play_after(3, Fault::LostAnswer);
    }
    let lost = trade.connector.notify_order(&trade.cx, &id, &notice, &"01JC0".into()).await;
    assert!(lost.as_ref().is_err_and(|e| e.kind == ErrorKind::Unreachable) || lost == Ok(Outcome::Applied));
    trade.fake.faults().clear();
    assert_eq!(trade.tell(&id, &notice, "01JC0").await, Outcome::Applied);
    assert_eq!(trade.fake.order(&id).unwrap().parcels.len(), 1);
}

#[tokio::test]
async fn a_tracking_number_that_the_staff_typed_is_not_sent_again() {
    let trade = open(|_| (), "").await;
    let id = trade.buy(1);
    trade.fake.ship(&id);
    let known = trade.fake.order(&id).unwrap().parcels[0].tracking.clone();
    assert_eq!(trade.tell(&id, &shipped(&trade, &known, Vec::new()), "a").await, Outcome::Applied);
    assert_eq!(trade.calls("shipmentConfirmation"), 0);
    match trade.tell(&id, &shipped(&trade, "another", Vec::new()), "b").await {
        Outcome::Refused { reason } => assert!(reason.en.contains(&known), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_parcel_is_corrected_under_its_own_number() {
    let trade = open(|_| (), "").await;
    let id = trade.buy(2);
    assert_eq!(trade.tell(&id, &shipped(&trade, "wrong", Vec::new()), "a").await, Outcome::Applied);
    assert_eq!(trade.tell(&id, &shipped(&trade, "right", Vec::new()), "a").await, Outcome::Applied);
    let parcels = trade.fake.order(&id).unwrap().parcels;
    assert_eq!((parcels.len(), parcels[0].tracking.as_str()), (1, "right"));
    assert_eq!(parcels[0].carrier, "ヤマト運輸", "a carrier without a code goes by its name");
}

#[tokio::test]
async fn cash_on_delivery_is_confirmed_as_japan_wants_it() {
    for api in ["2026-01-01", "v0"] {
        let trade = open(|_| (), &format!("orders_api = \"{api}\"")).await;
        let id = trade.buy(2);
        trade.fake.make_cash_on_delivery(&id);
        let before = trade.order(&id).await;
        assert_eq!((before.payment, before.payment_method.as_str()), (Payment::Awaiting, "CashOnDelivery"));
        assert_eq!(before.totals.sum(), Some(before.totals.grand), "{:?}", before.totals);
        assert_eq!(before.totals.fees.0, 330);
        assert_eq!(trade.tell(&id, &shipped(&trade, "4880", Vec::new()), "a").await, Outcome::Applied);
        assert_eq!(trade.order(&id).await.payment, Payment::Paid, "{api}");
    }
}

#[tokio::test]
async fn what_takes_no_parcel_is_refused_before_a_call() {
    let trade = open(|_| (), "").await;
    let (pending, cancelled, plain) =
        (trade.fake.buy(&Purchase { paid: false, ..purchase(1) }).unwrap(), trade.buy(1), trade.buy(1));
    trade.fake.cancel(&cancelled);
    for (id, word) in [(&pending, "pending"), (&cancelled, "cancelled")] {
        match trade.tell(id, &shipped(&trade, "1", Vec::new()), "a").await {
            Outcome::Refused { reason } => assert!(reason.en.contains(word), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    let nobody = Notice::Shipped(Parcel { carrier: " ".to_owned(), ..parcel(&trade) });
    assert!(matches!(trade.tell(&plain, &nobody, "a").await, Outcome::Refused { .. }));
    assert_eq!(trade.calls("shipmentConfirmation"), 0);
    let odd = vec![("no-such-line".to_owned(), 1)];
    match trade.tell(&plain, &shipped(&trade, "1", odd), "a").await {
        Outcome::Refused { reason } => assert!(reason.en.contains("no-such-line"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

fn parcel(trade: &Trade) -> Parcel {
    match shipped(trade, "1", Vec::new()) {
        Notice::Shipped(parcel) => parcel,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn units_that_are_cancelled_before_shipping_are_told() {
    let trade = open(|_| (), "").await;
    let id = trade.buy(3);
    let line = trade.fake.order(&id).unwrap().lines[0].0.clone();
    trade.fake.refund(&id, &[(line, 1)]);
    let order = trade.order(&id).await;
    assert_eq!((order.lines[0].quantity, order.lines[0].cancelled), (3, 1));
    assert_eq!(order.fulfilment, Fulfilment::Open);
    assert_eq!(trade.tell(&id, &shipped(&trade, "1", Vec::new()), "a").await, Outcome::Applied);
    let order = trade.order(&id).await;
    assert_eq!((order.fulfilment, order.lines[0].shipped), (Fulfilment::Shipped, Some(2)));
}

#[tokio::test]
async fn buyers_who_are_not_told_are_no_fault() {
    let trade = open(|config| config.personal_data = false, "").await;
    let id = trade.buy(1);
    let order = trade.order(&id).await;
    assert_eq!((order.buyer, order.ship_to, order.unknowns.len()), (Buyer::default(), Address::default(), 0));
    let modest = connector(&trade.fake, "personal_data = false");
    assert_eq!(modest.reread_orders(&trade.cx, &[id]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_token_that_ran_out_loses_no_order() {
    let trade = open(|_| (), "orders_per_page = 5").await;
    let placed: Vec<RemoteOrderId> = (0..12).map(|_| trade.fake.buy(&purchase(1)).unwrap()).collect();
    trade.clock.advance(Duration::from_secs(180));
    let first = trade.connector.pull_orders(&trade.cx, None).await.unwrap();
    assert!(first.more);
    // Once while the token lives, once a day after it ran out.
    let mut seen = Vec::new();
    for wait in [22 * 3600, 26 * 3600] {
        trade.clock.advance(Duration::from_secs(wait));
        let mut cursor = first.next.clone();
        loop {
            let page = trade.connector.pull_orders(&trade.cx, Some(&cursor)).await.unwrap();
            seen.extend(page.items);
            cursor = page.next;
            if !page.more {
                break;
            }
        }
    }
    seen.extend(first.items);
    let ids = seen.iter().filter_map(|read| match read {
        Read::Order(order) => Some(order.id.clone()),
        Read::Unreadable { .. } => None,
    });
    let ids: Vec<RemoteOrderId> = ids.collect();
    assert!(placed.iter().all(|id| ids.contains(id)));
}

#[tokio::test]
async fn a_token_that_amazon_refuses_begins_the_window_again() {
    let trade = open(|_| (), "orders_per_page = 5").await;
    (0..7).for_each(|_| drop(trade.fake.buy(&purchase(1)).unwrap()));
    trade.clock.advance(Duration::from_secs(180));
    let first = trade.connector.pull_orders(&trade.cx, None).await.unwrap();
    let broken = Cursor(first.next.as_str().replace(".fake", ".gone").replace("\"1.", "\"77."));
    let again = trade.connector.pull_orders(&trade.cx, Some(&broken)).await.unwrap();
    assert_eq!((again.items.len(), again.more), (5, true), "the first page once more");
}

#[tokio::test]
async fn a_feed_of_thousands_is_decided_by_message() {
    let trade = open(|config| *config = config.clone().with_offers(3000), "").await;
    let mut items: Vec<StockItem> =
        (1..=3000).map(|n| item(&format!("TEA-{n:05}"), i64::from(n % 7))).collect();
    items[1500].listing = ListingId::from("NO-SUCH / 髙");
    let outcomes = trade.connector.push_stock(&trade.cx, &items).await.unwrap();
    let mut receipts: BTreeMap<_, usize> = BTreeMap::new();
    for outcome in &outcomes {
        match outcome {
            Outcome::Pending(receipt) => *receipts.entry(receipt.clone()).or_default() += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(receipts.len(), 120);
    trade.fake.take_seen();
    for receipt in receipts.keys() {
        assert!(trade.connector.poll_receipt(&trade.cx, receipt).await.unwrap().is_empty());
    }
    assert_eq!(trade.calls("/feeds/2021-06-30/feeds/"), 1, "one question for all receipts of a feed");
    trade.clock.advance(Duration::from_secs(120));
    let mut decided = BTreeMap::new();
    for receipt in receipts.keys() {
        decided.extend(trade.connector.poll_receipt(&trade.cx, receipt).await.unwrap());
    }
    assert_eq!(trade.calls("/storage/"), 1, "one report for all receipts of a feed");
    assert_eq!(decided.len(), 3000);
    let refused: Vec<_> = decided.iter().filter(|(_, outcome)| **outcome != Outcome::Applied).collect();
    assert!(
        matches!(refused[..], [(id, Outcome::Refused { .. })] if id.as_str() == "NO-SUCH / 髙"),
        "{refused:?}"
    );
    assert_eq!(trade.fake.shown(&ListingId::from("TEA-03000")), Some(3000 % 7));
}

#[tokio::test]
async fn a_signed_address_is_shown_nowhere() {
    let trade = open(|_| (), "patch_up_to = 0").await;
    trade.connector.probe(&trade.cx).await.unwrap();
    let status = |code| Fault::Status { code, retry_after: None };
    for fault in [status(403), status(400), status(500), Fault::Reset, Fault::Html, Fault::Torn] {
        for _ in 0..4 {
            trade.fake.faults().play_after(1, fault.clone());
        }
        let told = trade.connector.push_stock(&trade.cx, &[item("TEA-00001", 3)]).await;
        trade.fake.faults().clear();
        let told = format!("{told:?}");
        assert!(!told.contains("X-Amz") && !told.contains("Signature"), "{fault:?}: {told}");
    }
}

#[tokio::test]
async fn another_store_has_another_currency() {
    let change = |config: &mut FakeConfig| {
        "US".clone_into(&mut config.marketplace);
        "ATVPDKIKX0DER".clone_into(&mut config.marketplace_id);
        "USD".clone_into(&mut config.currency);
    };
    let trade = open(change, "").await;
    let order = trade.order(&trade.buy(2)).await;
    assert_eq!((order.currency.as_str(), order.totals.grand.to_decimal("USD").as_str()), ("USD", "461.00"));
    assert_eq!(order.totals.sum(), Some(order.totals.grand));
}

#[tokio::test]
async fn a_feed_that_fails_is_to_be_sent_again() {
    for status in ["FATAL", "CANCELLED"] {
        let trade = open(|_| (), "patch_up_to = 0").await;
        trade.fake.fail_next_feed(status);
        let outcomes = trade.connector.push_stock(&trade.cx, &[item("TEA-00001", 3)]).await.unwrap();
        trade.clock.advance(Duration::from_secs(120));
        let [Outcome::Pending(receipt)] = &outcomes[..] else { panic!("{outcomes:?}") };
        let decided = trade.connector.poll_receipt(&trade.cx, receipt).await.unwrap();
        match &decided[..] {
            [(_, Outcome::Retry { reason, .. })] => {
                assert!(reason.en.to_lowercase().contains(&status.to_lowercase()))
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(trade.fake.shown(&ListingId::from("TEA-00001")), Some(50));
    }
}

#[tokio::test]
async fn a_report_is_read_compressed_or_not() {
    for gzip in [true, false] {
        let trade = open(|config| config.gzip_reports = gzip, "patch_up_to = 0").await;
        let outcomes = trade.connector.push_stock(&trade.cx, &[item("TEA-00001", 3)]).await.unwrap();
        trade.clock.advance(Duration::from_secs(120));
        let [Outcome::Pending(receipt)] = &outcomes[..] else { panic!("{outcomes:?}") };
        let decided = trade.connector.poll_receipt(&trade.cx, receipt).await.unwrap();
        assert_eq!(decided, [(ListingId::from("TEA-00001"), Outcome::Applied)]);
        assert!(!receipt.as_str().contains("Signature"), "{receipt}");
    }
}

#[tokio::test]
async fn goods_of_amazons_own_warehouse_are_not_offered_and_more_than_a_thousand_are() {
    let change = |config: &mut FakeConfig| {
        *config = config.clone().with_offers(1250);
        let fba = |n: usize| FakeOffer {
            sku: format!("FBA-{n}"),
            title: "FBA".to_owned(),
            price: 100,
            stock: None,
            fba: true,
        };
        config.offers.extend((0..30).map(fba));
    };
    let trade = open(change, "").await;
    let (mut cursor, mut listed) = (None, Vec::new());
    loop {
        let page = trade.connector.list_offers(&trade.cx, cursor.as_ref()).await.unwrap();
        listed.extend(page.items.into_iter().map(|offer| offer.id));
        if !page.more {
            break;
        }
        cursor = Some(page.next);
    }
    assert_eq!(listed.len(), 1250);
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len(), 1250, "each once");
}

#[tokio::test]
async fn skus_of_any_characters_are_set_and_read_back() {
    let skus = ["A/B?C#D", "50% 髙 +", "with,comma", "&=;", "plain", "six", "seven"];
    let change = |config: &mut FakeConfig| {
        let offer = |sku: &&str| FakeOffer {
            sku: (*sku).to_owned(),
            title: "x".to_owned(),
            price: 100,
            stock: Some(1),
            fba: false,
        };
        config.offers = skus.iter().map(offer).collect();
    };
    let trade = open(change, "").await;
    let items: Vec<StockItem> = skus.iter().map(|sku| item(sku, 9)).collect();
    let outcomes = trade.connector.push_stock(&trade.cx, &items).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
    let listings = skus.map(ListingId::from);
    for some in [&listings[..3], &listings[..]] {
        let read = trade.connector.read_stock(&trade.cx, some).await.unwrap();
        assert_eq!(read.len(), some.len(), "{read:?}");
        assert!(read.iter().all(|(_, quantity)| *quantity == 9));
    }
}

#[tokio::test]
async fn the_documented_allowances_are_kept() {
    let trade = open(|config| config.limits = true, "patch_up_to = 12").await;
    let items: Vec<StockItem> = (1..=12).map(|n| item(&format!("TEA-{n:05}"), 3)).collect();
    let begun = std::time::Instant::now();
    let outcomes = trade.connector.push_stock(&trade.cx, &items).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied));
    assert!(
        begun.elapsed() > Duration::from_millis(1200),
        "5 at once, 7 at 5 a second: {:?}",
        begun.elapsed()
    );
    for _ in 0..20 {
        trade.connector.pull_orders(&trade.cx, None).await.unwrap();
    }
    let error = trade.connector.pull_orders(&trade.cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.retry_after > Some(Duration::from_secs(100)), "{:?}", error.retry_after);
    assert_eq!(trade.fake.throttled(), 0);
}

#[tokio::test]
async fn too_many_calls_of_somebody_else_are_a_pause() {
    let trade = open(|config| config.limits = true, "").await;
    let hasty = Wire::new(WireConfig::new("amazon", &[]), trade.clock.clone()).unwrap();
    let cx = Cx { http: Arc::new(hasty), clock: trade.clock.clone() };
    for _ in 0..20 {
        trade.connector.pull_orders(&cx, None).await.unwrap();
    }
    let wire = WireConfig { retry_time_max: Duration::ZERO, ..WireConfig::new("amazon", &[]) };
    let cx = Cx { http: Arc::new(Wire::new(wire, trade.clock.clone()).unwrap()), clock: trade.clock.clone() };
    let error = trade.connector.pull_orders(&cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.message.contains("QuotaExceeded"), "{error}");
    assert_eq!(trade.fake.throttled(), 1);
}
