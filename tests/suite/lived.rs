//! A store in which every table has rows, and every kind of character and number that must survive.

use std::time::Duration;

use banto::domain::catalogue::Draft;
use banto::domain::deeds::Shipment;
use banto::domain::people::{Language, Role};
use banto::store::{Alert, CustomerAct, Import, NewPerson, NewToken, Reserved};
use banto_channel::{Bilingual, Read, RemoteOffer, RemoteOrder, RemoteOrderId, both};

use crate::stores::Fresh;
use crate::trading::{Trading, raw};

/// Text that breaks what is not careful: outside of CP932, outside of the BMP, quotes, a line's end, JSON in JSON.
pub const HARD_TEXT: &str = "髙﨑①🍵 \"l'eau\"\\n\n{\"a\": [null]}\u{1}";

/// Lives for a while in a fresh store.
pub async fn live_in(fresh: &Fresh) -> Trading {
    let trading = Trading::live(fresh).await;
    trading.stock(&[("tea", 10), ("cup", 2)]).await;
    let parts = [("tea".to_owned(), 2), ("cup".to_owned(), 1)];
    let name = Some(HARD_TEXT.to_owned());
    let pair = Draft { code: "pair".to_owned(), name, parts: Some(parts.into()), ..Draft::default() };
    let import = Import {
        currency: "JPY",
        location: trading.facts.locations[0],
        skip_bad: false,
        dry_run: false,
        source: "test",
        actor: "cli:hanako",
        now: trading.now(),
    };
    assert!(trading.store.import_items(&[pair], &import).await.unwrap().written);
    offers(&trading).await;
    let hard =
        RemoteOrder { note: HARD_TEXT.to_owned(), ..trading.remote("hard", &[("pair", 3), ("tea", 1)]) };
    trading.order(raw(hard)).await;
    trading.order(trading.remote("unmatched", &[("unknown", 1)])).await;
    let sent = trading.order(trading.remote("sent", &[("tea", 2)])).await;
    followed(&trading, sent).await;
    // Written after the projections went by: it waits for the next time.
    let parcel =
        Shipment { carrier: "ヤマト".to_owned(), tracking: "1-2".to_owned(), ..Shipment::default() };
    trading.store.ship_order(&trading.act(sent), &parcel).await.unwrap();
    let unreadable = Read::Unreadable {
        id: Some(RemoteOrderId("odd".to_owned())),
        reason: both!("no total", "合計がありません"),
        raw: HARD_TEXT.to_owned(),
    };
    trading.store.take_page(&trading.facts, &[unreadable], None, trading.now()).await.unwrap();
    let alert = Alert {
        key: "pull:honten",
        channel: None,
        kind: "pull_failed",
        detail: &Bilingual::quoted(HARD_TEXT),
    };
    trading.store.raise(&alert, trading.now()).await.unwrap();
    let owner = NewPerson {
        name: "hanako",
        full_name: HARD_TEXT,
        password: "$argon2id$",
        role: Role::Owner,
        language: Language::Ja,
    };
    let owner = trading.store.add_person(&owner, "cli:hanako", trading.now()).await.unwrap();
    trading.store.save_filter(owner.id, HARD_TEXT, "tab=held&q=髙﨑").await.unwrap();
    programs(&trading).await;
    trading
}

/// Every order is found by its words, has its customer and counts in the reports; one turns out to be somebody else's.
async fn followed(trading: &Trading, others: i64) {
    let (store, now) = (&trading.store, trading.now());
    assert!(store.count_days_in("Asia/Tokyo").await.unwrap());
    store.count_on_hand().await.unwrap();
    while store.project(100, now).await.unwrap() > 0 {}
    let row = store.customer_of(others).await.unwrap().unwrap();
    let act = CustomerAct { customer: row.id, version: row.version, actor: "user:hanako", now };
    store.note_customer(&act, HARD_TEXT).await.unwrap();
    store.split_customer(&act, &[others].into()).await.unwrap();
}

/// A program of the house's that asked to be told, and was answered.
async fn programs(trading: &Trading) {
    let (store, now) = (&trading.store, trading.now());
    let new = NewToken {
        name: "warehouse",
        scopes: "orders:read orders:write",
        expires_at: Some(now.plus(Duration::from_secs(86_400))),
        actor: "user:hanako",
        now,
    };
    let (token, _) = store.add_token(&new).await.unwrap();
    let reserved = store.reserve_request(token.id, "髙-1", "digest", now).await.unwrap();
    let Reserved::Fresh(this) = reserved else { panic!("nobody asked before: {reserved:?}") };
    // The deed's own transaction marks the request.
    let deed = store.once(this);
    deed.add_webhook("https://example.jp/髙", &["order.cancelled"], "api:warehouse", now).await.unwrap();
    store.end_request(this, 201, HARD_TEXT).await.unwrap();
}

async fn offers(trading: &Trading) {
    let offer = |id: &str, code: Option<&str>| RemoteOffer {
        id: banto_channel::ListingId(id.to_owned()),
        code: code.map(str::to_owned),
        gtin: None,
        title: HARD_TEXT.to_owned(),
        quantity: Some(i64::from(i32::MAX)),
        price: None,
        active: true,
    };
    let offers = [offer("l-tea", Some("tea")), offer("l-odd", None)];
    trading.store.take_offers(trading.facts.id, &offers, trading.now()).await.unwrap();
}
