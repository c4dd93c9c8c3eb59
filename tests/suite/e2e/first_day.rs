//! A merchant's first day: everything from the catalogue to the parcel, and one shop that is only watched.

use std::time::Duration;

use banto_channel::{Address, Buyer, ListingId, RemoteOrderId};
use banto_sim::{BasketLine, Market, Purchase};
use banto_woocommerce::fake::FakeShop;

use super::goods::BUNDLE;
use super::house::{House, Plan, eventually};

/// Long enough for a loaded machine; on an idle one all of this takes a second or two.
const SOON: Duration = Duration::from_secs(20);

/// The offer with this code.
pub fn offer(shop: &FakeShop, code: &str) -> ListingId {
    let found = shop.offers().into_iter().find(|o| o.code.as_deref() == Some(code));
    found.unwrap_or_else(|| panic!("no offer {code}")).id
}

/// What buyers see of an offer.
pub fn shown(shop: &FakeShop, code: &str) -> i64 {
    shop.shown(&offer(shop, code)).unwrap()
}

/// Somebody buys.
pub fn buy(shop: &FakeShop, code: &str, quantity: i64, paid: bool) -> RemoteOrderId {
    let purchase = Purchase {
        lines: vec![BasketLine { listing: offer(shop, code), quantity }],
        buyer: Buyer {
            name: "髙﨑 花子".to_owned(),
            email: "hanako@example.test".to_owned(),
            ..Buyer::default()
        },
        ship_to: Address {
            name: "髙﨑 花子".to_owned(),
            line1: "南青山1-1-1".to_owned(),
            city: "港区".to_owned(),
            region: "東京都".to_owned(),
            postcode: "107-0062".to_owned(),
            country: "JP".to_owned(),
            ..Address::default()
        },
        paid,
        ..Purchase::default()
    };
    shop.buy(&purchase).unwrap()
}

/// Waits until a shop shows this number.
pub async fn shows(shop: &FakeShop, code: &str, quantity: i64) {
    let what = format!("{code} shows {quantity}");
    eventually(&what, SOON, async || shown(shop, code) == quantity).await;
}

/// Kinds of the mails that came in, in their order, by the name that each carries in its Message-ID.
fn kinds(house: &House) -> Vec<String> {
    let kind = |id: &str| id.trim_start_matches('<').split('.').next().unwrap_or_default().to_owned();
    house.sink.received().iter().map(|m| kind(&m.message_id)).collect()
}

async fn mails(house: &House, wanted: &[&str]) {
    eventually(&format!("mails {wanted:?}"), SOON, async || kinds(house) == wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_catalogue_to_the_parcel() {
    for postgres in [false, true] {
        let Some(house) = House::open(Plan { postgres, ..Plan::default() }).await else { continue };
        house.banto(&["check", "--offline"]).await.ok();
        house.stock_up().await;
        let daemon = house.start().await;
        first_numbers(&house).await;
        // Buyers of orders from before the channel went live get no mail; shops know whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        one_order(&house).await;
        goods_come_in(&house).await;
        a_bundle_is_mapped(&house).await;
        daemon.stop().await;
        house.banto(&["doctor"]).await.ok();
    }
}

/// Offers find their items by code, and every shop shows the house's numbers.
async fn first_numbers(house: &House) {
    for shop in house.shops.values() {
        shows(shop, "TEA-01", 900).await;
        shows(shop, "NOREN-R", 300).await;
        shows(shop, "SET-01", 450).await;
        assert_eq!(shown(shop, BUNDLE.0), 3, "nobody said what it is");
    }
}

/// From the checkout to the parcel: one mail each, and the other shop shows what is left.
async fn one_order(house: &House) {
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    let order = buy(honten, "SET-01", 2, false);
    shows(kyoto, "TEA-01", 896).await;
    shows(kyoto, "CUP-01", 698).await;
    shows(kyoto, "SET-01", 448).await;
    mails(house, &["received"]).await;
    honten.pay(&order);
    mails(house, &["received", "paid"]).await;
    let selector = format!("honten/{order}");
    let words = ["orders", "ship", &selector, "--carrier", "ヤマト運輸", "--tracking", "4000-1234-5678"];
    house.banto(&words).await.ok();
    mails(house, &["received", "paid", "shipped"]).await;
    eventually("the shop is told", SOON, async || {
        honten.order(&order).unwrap().parcels.iter().any(|p| p.tracking == "4000-1234-5678")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(honten.order(&order).unwrap().parcels.len(), 1, "told once");
    assert_eq!(kinds(house), ["received", "paid", "shipped"], "and no mail twice");
    assert!(house.sink.received().iter().all(|m| m.to == ["hanako@example.test"]));
    assert_eq!(house.banto(&words).await.code, 5, "what is shipped cannot be shipped again");
}

/// Goods that somebody books in reach the shops, and the number can be explained.
async fn goods_come_in(house: &House) {
    house.banto(&["stock", "receive", "CUP-02", "70"]).await.ok();
    for shop in house.shops.values() {
        shows(shop, "CUP-02", 100).await;
    }
    let explained = house.banto(&["stock", "explain", "CUP-02", "--json"]).await.ok();
    let text = explained.json().to_string();
    assert!(text.contains("100") && text.contains("kyoto") && text.contains("honten"), "{text}");
    house.banto(&["stock", "verify"]).await.ok();
}

/// An order of something unknown waits; when a person maps it, the goods are reserved and the shops learn of it.
async fn a_bundle_is_mapped(house: &House) {
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    let before = shown(kyoto, "TEA-01");
    buy(honten, BUNDLE.0, 2, true);
    let listed = async || house.banto(&["listings", "unmatched", "--json"]).await.out.contains(BUNDLE.0);
    eventually("it waits in the list", SOON, listed).await;
    let remote = offer(honten, BUNDLE.0);
    let words = ["listings", "map", "honten", remote.as_str(), "TEA-01", "--units", "3"];
    house.banto(&words).await.ok();
    shows(kyoto, "TEA-01", before - 6).await;
    shows(honten, "TEA-01", before - 6).await;
    shows(honten, BUNDLE.0, (before - 6) / 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_observed_is_never_written_to() {
    let shops = &[("honten", "live"), ("gift", "observe")];
    let house = House::on_sqlite(Plan { shops, seed: 3, ..Plan::default() }).await;
    house.stock_up().await;
    let daemon = house.start().await;
    let (honten, gift) = (house.shop("honten"), house.shop("gift"));
    shows(honten, "POT-01", 400).await;
    let order = buy(gift, "POT-01", 3, true);
    shows(honten, "POT-01", 397).await;
    gift.cancel(&order);
    shows(honten, "POT-01", 400).await;
    let diff = house.banto(&["channel", "diff", "gift", "--json"]).await.ok();
    assert!(diff.out.contains("400"), "what it would show can be read: {diff:?}");
    daemon.stop().await;
    let seen = gift.take_seen();
    let writes: Vec<_> = seen.iter().filter(|s| !s.call.starts_with("GET ")).collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(shown(gift, "POT-01"), 3, "its staff's number");
    assert_eq!(house.sink.count(), 0, "its buyers hear nothing from us");
    assert_eq!(gift.webhooks(), [], "no webhook was made");
}
