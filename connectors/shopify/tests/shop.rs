//! The connector and the fake shop in the situations that the suite does not know of.
#![expect(clippy::unwrap_used, reason = "tests")]

mod opened;

use std::collections::BTreeMap;
use std::time::Duration;

use banto_channel::{
    Bilingual, ErrorKind, Fulfilment, IdempotencyKey, ListingId, Notice, Outcome, Parcel, Payment, Read,
    RemoteLine, RemoteOrder, RemoteOrderId, StockItem, Webhook, both,
};
use banto_shopify::fake::{FakeConfig, FakeShop, Points};
use banto_sim::{BasketLine, Fault, Market as _, Purchase, Trade, TradeRates};
use opened::{Opened, open, open_paced};

fn buy(shop: &FakeShop, units: &[i64], paid: bool) -> RemoteOrderId {
    let offers = shop.offers();
    let lines = offers.iter().zip(units);
    let lines = lines.map(|(offer, &quantity)| BasketLine { listing: offer.id.clone(), quantity }).collect();
    shop.buy(&Purchase { lines, paid, ..Purchase::default() }).unwrap()
}

async fn read(opened: &Opened, id: &RemoteOrderId) -> RemoteOrder {
    let reads = opened.connector.reread_orders(&opened.cx, std::slice::from_ref(id)).await.unwrap();
    match reads.into_iter().next() {
        Some(Read::Order(order)) => Some(*order),
        _ => None,
    }
    .unwrap()
}

async fn tell(opened: &Opened, id: &RemoteOrderId, notice: &Notice) -> Outcome {
    let key = IdempotencyKey::from("01JC0");
    opened.connector.notify_order(&opened.cx, id, notice, &key).await.unwrap()
}

fn parcel(opened: &Opened, tracking: &str, lines: &[(String, i64)]) -> Notice {
    Notice::Shipped(Parcel {
        carrier: "佐川急便".to_owned(),
        tracking: tracking.to_owned(),
        tracking_url: None,
        shipped_at: opened.cx.clock.now(),
        lines: lines.to_vec(),
        completes: false,
    })
}

fn item(listing: &ListingId, quantity: i64, was: Option<i64>) -> StockItem {
    StockItem { listing: listing.clone(), quantity, was, version: 1, key: IdempotencyKey::from("k") }
}

/// Calls since the last time, without those for tokens.
fn calls(shop: &FakeShop) -> Vec<String> {
    let seen = shop.take_seen().into_iter().map(|seen| seen.call.replace("POST ", ""));
    seen.filter(|call| !call.contains("access_token")).collect()
}

#[tokio::test]
async fn tokens_are_fetched_when_they_run_out_and_when_they_are_ended() {
    let opened = open(|config| config.token_life = Duration::from_secs(3600), "", false).await;
    let Opened { shop, connector, cx, clock, .. } = &opened;
    let fetched =
        |shop: &FakeShop| shop.take_seen().iter().filter(|seen| seen.call.contains("access_token")).count();
    connector.probe(cx).await.unwrap();
    assert_eq!(fetched(shop), 1);
    connector.pull_orders(cx, None).await.unwrap();
    assert_eq!(fetched(shop), 0, "one token serves many calls");
    clock.advance(Duration::from_secs(3400));
    connector.pull_orders(cx, None).await.unwrap();
    assert_eq!(fetched(shop), 1, "a new one comes before the old one ends");
    shop.end_tokens();
    connector.pull_orders(cx, None).await.unwrap();
    assert_eq!(fetched(shop), 1, "a refused token is replaced in mid-run");
    shop.rotate_secret("shpss_another");
    shop.end_tokens();
    let refused = connector.pull_orders(cx, None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Auth);
    assert!(refused.message.contains("client_secret_file"), "{refused}");
    assert!(opened.secrets.iter().all(|secret| !refused.message.contains(secret.as_str())));
}

#[tokio::test]
async fn a_lasting_token_that_was_revoked_is_told_as_that() {
    let opened = open(|_| (), "", true).await;
    opened.shop.accept_credentials(false);
    let refused = opened.connector.probe(&opened.cx).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Auth);
    assert!(refused.message.contains("revoked"), "{refused}");
}

#[tokio::test]
async fn a_probe_says_what_is_missing() {
    let opened = open(|_| (), "", false).await;
    let report = opened.connector.probe(&opened.cx).await.unwrap();
    assert_eq!(report.server, "Shopify 2026-10, 茶と器 見本堂 (fake.myshopify.com, Basic)");
    assert_eq!(report.warnings, []);

    let few = |config: &mut FakeConfig| {
        config.scopes = vec!["write_orders".to_owned(), "read_locations".to_owned()]
    };
    let opened = open(few, "", false).await;
    let missing = opened.connector.probe(&opened.cx).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::Auth);
    assert!(missing.message.contains("read_products, read_inventory, read_merchant_managed"), "{missing}");
    assert!(!missing.message.contains("read_orders"), "the right to write includes that to read: {missing}");

    let odd = |config: &mut FakeConfig| {
        config.scopes.retain(|scope| !scope.starts_with("write") && scope != "read_all_orders");
        config.scopes.extend(
            ["read_orders", "read_inventory", "read_merchant_managed_fulfillment_orders"]
                .map(ToOwned::to_owned),
        );
        config.protected_data = false;
        config.served_version = "2027-04".to_owned();
        config.second_location = Some(90_002);
    };
    let opened = open(odd, "since = \"2025-01-01\"", false).await;
    buy(&opened.shop, &[1], true);
    let report = opened.connector.probe(&opened.cx).await.unwrap();
    let told: Vec<String> = report.warnings.iter().map(|w| format!("{}\n{}", w.en, w.ja)).collect();
    insta::assert_snapshot!(told.join("\n"));

    let opened = open(|config| config.location = 4711, "", false).await;
    opened.shop.set_down(true);
    assert_eq!(opened.connector.probe(&opened.cx).await.unwrap_err().kind, ErrorKind::Unreachable);
}

#[tokio::test]
async fn a_location_that_is_not_there_is_a_fault_of_the_config() {
    let opened = open(|_| (), "", false).await;
    let table = opened.shop.connector_table("secret").replace("[90001]", "[\"gid://shopify/Location/5\"]");
    let secret = banto_channel::Secret::new(&opened.secrets[0]);
    let connector = banto_shopify::build(&toml::from_str(&table).unwrap(), &|_| Ok(secret.clone())).unwrap();
    let fault = connector.probe(&opened.cx).await.unwrap_err();
    assert_eq!(fault.kind, ErrorKind::Config);
    assert!(fault.message.contains("90001 (倉庫 90001)"), "{fault}");
}

#[tokio::test]
async fn withheld_data_holds_an_order_that_is_to_be_shipped() {
    let opened = open(|config| config.protected_data = false, "", false).await;
    let (open_order, shipped) = (buy(&opened.shop, &[1], true), buy(&opened.shop, &[1], true));
    opened.shop.ship(&shipped);
    let order = read(&opened, &open_order).await;
    assert!(
        order.unknowns.iter().any(|why| why.en.contains("protected customer data")),
        "{:?}",
        order.unknowns
    );
    assert_eq!(order.lines.len(), 1);
    assert_eq!(read(&opened, &shipped).await.unknowns, []);
}

#[tokio::test]
async fn an_expired_payment_is_waited_for_and_may_still_come() {
    let opened = open(|_| (), "", false).await;
    let id = buy(&opened.shop, &[1], false);
    opened.shop.expire(&id);
    let order = read(&opened, &id).await;
    assert_eq!((order.payment, order.fulfilment), (Payment::Awaiting, Fulfilment::Open));
    assert_eq!(order.lines[0].cancelled, 0);
    opened.shop.pay(&id);
    assert_eq!(read(&opened, &id).await.payment, Payment::Paid);
}

#[tokio::test]
async fn a_hold_is_seen_although_it_moves_no_date_of_the_order() {
    let opened = open(|_| (), "", false).await;
    let Opened { shop, connector, cx, clock, .. } = &opened;
    let id = buy(shop, &[1], true);
    clock.advance(Duration::from_secs(120));
    let mut cursor = connector.pull_orders(cx, None).await.unwrap().next;
    clock.advance(Duration::from_secs(600));
    shop.hold(&id, true);
    clock.advance(Duration::from_secs(10));
    let mut seen = Vec::new();
    for _ in 0..4 {
        let page = connector.pull_orders(cx, Some(&cursor)).await.unwrap();
        seen.extend(page.items);
        cursor = page.next;
    }
    let waits: Vec<Option<Bilingual>> = seen
        .iter()
        .filter_map(|read| match read {
            Read::Order(order) => Some(order.wait.clone()),
            Read::Unreadable { .. } => None,
        })
        .collect();
    let told = both!(
        "Shopify holds its fulfillment: Awaiting payment",
        "Shopifyで出荷が保留されています: Awaiting payment"
    );
    assert_eq!(waits, [Some(told)]);

    let refused = tell(&opened, &id, &parcel(&opened, "1", &[])).await;
    assert!(
        matches!(&refused, Outcome::Refused { reason } if reason.ja.contains("Awaiting payment")),
        "{refused:?}"
    );
    shop.hold(&id, false);
    assert_eq!(tell(&opened, &id, &parcel(&opened, "1", &[])).await, Outcome::Applied);
    assert_eq!(shop.order(&id).unwrap().parcels[0].carrier, "Sagawa (JA)");
}

#[tokio::test]
async fn a_parcel_from_two_locations_is_told_of_each_once() {
    let change = |config: &mut FakeConfig| config.second_location = Some(90_002);
    let opened = open(change, "", false).await;
    let Opened { shop, connector, cx, secrets, .. } = &opened;
    let table = shop.connector_table("secret").replace("[90001]", "[90001, 90002]");
    let secret = banto_channel::Secret::new(&secrets[0]);
    let both = banto_shopify::build(&toml::from_str(&table).unwrap(), &|_| Ok(secret.clone())).unwrap();
    let id = buy(shop, &[2, 3], true);
    let unknowns = read(&opened, &id).await.unknowns;
    assert!(unknowns.iter().any(|why| why.en.contains("90002")), "one of them is not ours: {unknowns:?}");
    let other = buy(shop, &[1, 1], true);
    assert_eq!(tell(&opened, &other, &parcel(&opened, "7", &[])).await, Outcome::Applied);
    assert_eq!(shop.order(&other).unwrap().fulfilment, Fulfilment::Partial, "only ours is in the parcel");
    // A token, the order, its fulfillment orders, the first parcel: the second is refused.
    shop.faults().play_after(4, Fault::Status { code: 400, retry_after: None });
    let (notice, key) = (parcel(&opened, "4212", &[]), IdempotencyKey::from("k"));
    assert!(
        both.notify_order(cx, &id, &notice, &key).await.is_ok_and(|o| matches!(o, Outcome::Refused { .. }))
    );
    assert_eq!(shop.order(&id).unwrap().fulfilment, Fulfilment::Partial);
    for _ in 0..2 {
        assert_eq!(both.notify_order(cx, &id, &notice, &key).await, Ok(Outcome::Applied));
    }
    assert_eq!(shop.order(&id).unwrap().fulfilment, Fulfilment::Shipped);
    assert_eq!(shop.order(&id).unwrap().parcels.len(), 2);
    assert_eq!(connector.reread_orders(cx, &[id]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn parcels_without_a_number_are_told_once_each() {
    let opened = open(|_| (), "", false).await;
    let id = buy(&opened.shop, &[3], true);
    let line = opened.shop.order(&id).unwrap().lines[0].0.clone();
    let first = parcel(&opened, "", &[(line.clone(), 1)]);
    for _ in 0..2 {
        assert_eq!(tell(&opened, &id, &first).await, Outcome::Applied);
        assert_eq!(opened.shop.order(&id).unwrap().parcels.len(), 1);
    }
    opened.clock.advance(Duration::from_secs(3600));
    let second = parcel(&opened, "", &[(line.clone(), 1)]);
    assert_eq!(tell(&opened, &id, &second).await, Outcome::Applied);
    assert_eq!(
        opened.shop.order(&id).unwrap().parcels.len(),
        2,
        "the same units an hour later are another parcel"
    );
    let rest = parcel(&opened, "", &[]);
    let another = buy(&opened.shop, &[1], true);
    for _ in 0..2 {
        assert_eq!(tell(&opened, &another, &rest).await, Outcome::Applied);
        assert_eq!(opened.shop.order(&another).unwrap().parcels.len(), 1);
    }
    opened.clock.advance(Duration::from_secs(3600));
    let late = tell(&opened, &another, &parcel(&opened, "", &[])).await;
    assert!(
        matches!(&late, Outcome::Refused { reason } if reason.ja.contains("出荷・移動・キャンセル")),
        "{late:?}"
    );
    let too_many = tell(&opened, &id, &parcel(&opened, "9", &[(line, 2)])).await;
    assert!(
        matches!(&too_many, Outcome::Refused { reason } if reason.en.contains("1 of 2 units")),
        "{too_many:?}"
    );
}

#[tokio::test]
async fn two_parcels_of_one_number_are_both_told() {
    let opened = open(|_| (), "", false).await;
    let id = buy(&opened.shop, &[1, 1], true);
    let lines: Vec<(String, i64)> =
        opened.shop.order(&id).unwrap().lines.into_iter().map(|line| (line.0, 1)).collect();
    for line in &lines {
        for _ in 0..2 {
            let told = tell(&opened, &id, &parcel(&opened, "4212", std::slice::from_ref(line))).await;
            assert_eq!(told, Outcome::Applied);
        }
    }
    let order = opened.shop.order(&id).unwrap();
    assert_eq!((order.parcels.len(), order.fulfilment), (2, Fulfilment::Shipped));
}

#[tokio::test]
async fn a_cancellation_is_a_job() {
    let opened = open(|config| config.cancel_takes = Duration::from_secs(30), "", false).await;
    let id = buy(&opened.shop, &[2], true);
    let cancel = Notice::Cancelled { reason: "在庫切れ".to_owned() };
    assert!(matches!(tell(&opened, &id, &cancel).await, Outcome::Retry { .. }));
    opened.clock.advance(Duration::from_secs(31));
    assert_eq!(tell(&opened, &id, &cancel).await, Outcome::Applied);
    let shipped = buy(&opened.shop, &[1], true);
    opened.shop.ship(&shipped);
    let refused = tell(&opened, &shipped, &cancel).await;
    assert!(
        matches!(&refused, Outcome::Refused { reason } if reason.en.contains("fulfillments")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn money_of_a_payment_provider_is_the_providers_to_report() {
    let opened = open(|_| (), "", false).await;
    let odd = opened.shop.place_odd_orders();
    let konbini = odd.iter().find(|odd| odd.name == "konbini, not paid yet").unwrap();
    let paid = tell(&opened, &konbini.id, &Notice::Paid { at: opened.cx.clock.now() }).await;
    assert!(matches!(&paid, Outcome::Refused { reason } if reason.ja.contains("PENDING")), "{paid:?}");
}

#[tokio::test]
async fn the_bad_items_of_a_batch_are_refused_and_the_others_set() {
    let opened = open(|config| *config = config.clone().with_offers(250), "", false).await;
    let Opened { shop, connector, cx, .. } = &opened;
    let mut items: Vec<StockItem> =
        shop.offers().iter().zip(0..).map(|(offer, n)| item(&offer.id, 100 + n, None)).collect();
    for at in [0, 17, 249] {
        items[at].listing = ListingId(format!("1:{}", 9_000_000 + at));
    }
    items[5].listing = ListingId::from("no offer");
    items[6].quantity = -1;
    let outcomes = connector.push_stock(cx, &items).await.unwrap();
    let refused: Vec<usize> = (0..250)
        .filter(|at| matches!(&outcomes[*at], Outcome::Refused { reason } if !reason.ja.is_empty()))
        .collect();
    assert_eq!(refused, [0, 5, 6, 17, 249]);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Applied).count(), 245);
    assert_eq!(calls(shop), ["SetStock", "SetStock"]);
    assert_eq!(shop.shown(&items[248].listing), Some(348));
}

#[tokio::test]
async fn a_number_that_is_not_the_expected_one_is_looked_at_and_compared_anew() {
    let opened = open(|_| (), "", false).await;
    let Opened { shop, connector, cx, .. } = &opened;
    let offers: Vec<ListingId> = shop.offers().into_iter().map(|offer| offer.id).collect();
    // Shows what is wanted already, shows something else, is as expected.
    shop.set_shown(&offers[0], 7);
    shop.set_shown(&offers[1], 9);
    shop.set_shown(&offers[2], 10);
    let items = [item(&offers[0], 7, Some(10)), item(&offers[1], 7, Some(10)), item(&offers[2], 7, Some(10))];
    assert_eq!(connector.push_stock(cx, &items).await, Ok(vec![Outcome::Applied; 3]));
    assert_eq!(calls(shop), ["SetStock", "ReadStock", "SetStock"]);
    assert!(offers[..3].iter().all(|listing| shop.shown(listing) == Some(7)));
}

#[tokio::test]
async fn variants_of_one_inventory_item_go_in_calls_of_their_own() {
    let opened = open(|_| (), "", false).await;
    let listing = opened.shop.offers()[0].id.clone();
    let twice = [item(&listing, 4, None), item(&listing, 5, None)];
    assert_eq!(opened.connector.push_stock(&opened.cx, &twice).await, Ok(vec![Outcome::Applied; 2]));
    assert_eq!(opened.shop.shown(&listing), Some(5));
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_done_once() {
    let opened = open(|_| (), "", false).await;
    let listing = opened.shop.offers()[0].id.clone();
    opened.connector.probe(&opened.cx).await.unwrap();
    opened.shop.faults().play(Fault::LostAnswer);
    let set = [item(&listing, 33, Some(50))];
    assert_eq!(opened.connector.push_stock(&opened.cx, &set).await, Ok(vec![Outcome::Applied]));
    assert_eq!(opened.shop.shown(&listing), Some(33));
}

#[tokio::test]
async fn a_bucket_that_is_empty_is_waited_for() {
    let change = |config: &mut FakeConfig| config.points = Some(Points { bucket: 1000.0, rate: 2000.0 });
    let opened = open_paced(change, "", false, &[]).await;
    let ids: Vec<RemoteOrderId> = (0..30).map(|_| buy(&opened.shop, &[1, 1, 1], true)).collect();
    let reads = opened.connector.reread_orders(&opened.cx, &ids).await.unwrap();
    assert_eq!(reads.len(), 30);
}

#[tokio::test]
async fn webhooks_of_the_old_secret_are_taken_while_it_is_named() {
    let opened = open(|_| (), "old_client_secret_file = \"old\"", false).await;
    buy(&opened.shop, &[1], true);
    let (headers, body) = opened.shop.signed_hook();
    let hook = Webhook { headers: &headers, body: &body };
    assert_eq!(opened.connector.verify_webhook(&hook), Ok(()));
    opened.shop.rotate_secret("shpss_another");
    let (headers, body) = opened.shop.signed_hook();
    let forged = opened.connector.verify_webhook(&Webhook { headers: &headers, body: &body });
    assert_eq!(forged.map_err(|e| e.kind), Err(ErrorKind::Auth));

    let table = opened.shop.connector_table("new") + "old_client_secret_file = \"old\"";
    let secret = |name: &str| {
        Ok(banto_channel::Secret::new(if name == "new" { "shpss_another" } else { &opened.secrets[0] }))
    };
    let connector = banto_shopify::build(&toml::from_str(&table).unwrap(), &secret).unwrap();
    assert_eq!(connector.verify_webhook(&hook), Ok(()), "the old one");
    assert_eq!(connector.verify_webhook(&Webhook { headers: &headers, body: &body }), Ok(()), "the new one");
}

#[tokio::test]
async fn a_subscription_that_shopify_removed_is_made_again() {
    let opened = open(|_| (), "", false).await;
    let Opened { shop, connector, cx, .. } = &opened;
    // Nobody listens there, so every delivery fails.
    let nobody = "http://127.0.0.1:9/hook";
    assert_eq!(connector.ensure_webhooks(cx, nobody).await, Ok(7));
    let id = buy(shop, &[1], true);
    let mut mended = 0;
    for _ in 0..200 {
        shop.touch(&id);
        tokio::time::sleep(Duration::from_millis(10)).await;
        mended = connector.ensure_webhooks(cx, nobody).await.unwrap();
        if mended > 0 {
            break;
        }
    }
    assert_eq!(mended, 1, "the eighth failure in a row ended the subscription to updates");
    assert_eq!(connector.ensure_webhooks(cx, nobody).await, Ok(0));
}

#[tokio::test]
async fn webhooks_arrive_signed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let opened = open(|_| (), "", false).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/tea", listener.local_addr().unwrap());
    opened.connector.ensure_webhooks(&opened.cx, &url).await.unwrap();
    opened.shop.faults().play(Fault::HookTwice);
    buy(&opened.shop, &[1], true);
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = vec![0; 4096];
        let mut read = 0;
        while !text[..read].ends_with(b"}") {
            read += stream.read(&mut text[read..]).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let text = String::from_utf8(text[..read].to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hooks/tea HTTP/1.1\r\n"), "{head}");
        let pairs = head.lines().filter_map(|line| line.split_once(": "));
        let headers: Vec<(String, String)> =
            pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let hook = Webhook { headers: &headers, body: body.as_bytes() };
        assert_eq!(opened.connector.verify_webhook(&hook), Ok(()));
        bodies.push(body.to_owned());
    }
    assert_eq!(bodies[0], bodies[1], "it came twice");
}

/// Buyers and staff who do everything, for a while: what was pulled last of each order is the truth.
#[tokio::test]
async fn whatever_was_done_is_pulled() {
    let opened = open(|config| config.search_lag = Duration::from_secs(1), "", false).await;
    let Opened { shop, connector, cx, clock, .. } = &opened;
    let market: std::sync::Arc<dyn banto_sim::Market> = shop.clone();
    let mut trade = Trade::new(11, vec![market], TradeRates::usual());
    let (mut cursor, mut known) = (None, BTreeMap::new());
    for round in 0..=30 {
        if round < 30 {
            for offer in shop.offers() {
                shop.set_shown(&offer.id, 50);
            }
            (0..12).for_each(|_| drop(trade.step()));
        }
        // In half of the rounds the clock stands still between deeds and pull, and every date is the same second.
        clock.advance(Duration::from_secs(if round % 2 == 0 { 0 } else { 40 }));
        if round == 30 {
            clock.advance(Duration::from_secs(5));
        }
        loop {
            let page = connector.pull_orders(cx, cursor.as_ref()).await.unwrap();
            for read in page.items {
                if let Read::Order(order) = read {
                    known.insert(order.id.clone(), *order);
                }
            }
            cursor = Some(page.next);
            if !page.more {
                break;
            }
        }
    }
    let truth = shop.orders();
    assert!(truth.len() > 150, "{}", truth.len());
    for order in truth {
        let told = known.get(&order.id).map(|told| {
            let gone = |line: &RemoteLine| (line.id.clone(), line.quantity, line.cancelled + line.returned);
            (
                told.payment,
                told.fulfilment,
                told.lines.iter().map(gone).collect::<Vec<_>>(),
                told.totals.sum(),
            )
        });
        let lines = order.lines.into_iter().map(|(line, _, ordered, gone)| (line, ordered, gone)).collect();
        assert_eq!(told, Some((order.payment, order.fulfilment, lines, Some(order.grand))), "{}", order.id);
    }
}
