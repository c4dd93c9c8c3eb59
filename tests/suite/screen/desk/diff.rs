//! What would be pushed: every listing that differs stands on one page, and nobody goes live on numbers of yesterday.

use std::collections::BTreeSet;

use banto::domain::people::Role;
use banto_channel::RemoteOffer;

use super::{NASTY, Shop, field, whole};
use crate::screen::site::Browser;
use crate::stores::{Fresh, each_store};

/// Listings that show this number; those with a code are the cups of which there are three.
async fn offer(shop: &Shop, ids: std::ops::Range<usize>, code: Option<&str>, quantity: i64) {
    let offer = |n: usize| RemoteOffer {
        id: format!("L-{n:04}").into(),
        code: code.map(str::to_owned),
        gtin: None,
        title: NASTY.to_owned(),
        quantity: Some(quantity),
        price: None,
        active: true,
    };
    let offers: Vec<RemoteOffer> = ids.map(offer).collect();
    let store = &shop.trading.store;
    let channel = store.channel("honten").await.unwrap().id;
    store.take_offers(channel, &offers, shop.trading.now()).await.unwrap();
}

/// The listings of a page.
fn listings(page: &str) -> Vec<String> {
    let keys = page.split("<span class=\"muted small\">L-").skip(1);
    keys.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect()).collect()
}

/// Goes through all pages from one on: how many there were, and the listings in their order.
async fn leafed_through(browser: &Browser, path: &str) -> (usize, Vec<String>) {
    let (mut path, mut pages, mut seen) = (path.to_owned(), 0, Vec::new());
    loop {
        let page = whole(browser, &path).await;
        assert!(!page.contains(NASTY), "{page}");
        seen.extend(listings(&page));
        pages += 1;
        let Some((_, rest)) = page.split_once("rel=\"next\" href=\"") else { return (pages, seen) };
        path = rest.split('"').next().unwrap().replace("&amp;", "&");
    }
}

#[tokio::test]
async fn every_listing_that_differs_stands_on_one_page() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        shop.trading.stock(&[("CUP", 3)]).await;
        offer(&shop, 0..20, None, 9).await;
        offer(&shop, 20..430, Some("CUP"), 9).await;
        offer(&shop, 430..435, Some("CUP"), 3).await;
        let looker = shop.browser(Role::ReadOnly).await;
        let first = whole(&looker, "/channels/honten/diff").await;
        for tile in ["<b>435</b>", "<b>410</b>", "<b>20</b>", "<b>5</b>"] {
            assert!(first.contains(tile), "{tile}: {first}");
        }
        for (path, pages, count) in [
            ("/channels/honten/diff", 5, 430),
            ("/channels/honten/diff?only=no_item", 1, 20),
            ("/channels/honten/diff?only=push", 5, 410),
            ("/channels/honten/diff?only=stopped", 1, 0),
            ("/channels/honten/diff?all=1", 5, 435),
        ] {
            let (turned, seen) = leafed_through(&looker, path).await;
            assert_eq!((turned, seen.len()), (pages, count), "{path}");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), count, "{path}: none twice");
        }
        let (_, seen) = leafed_through(&looker, "/channels/honten/diff").await;
        assert_eq!(seen[0], "0020", "what would be sent stands before what has no item");
    })
    .await;
}

#[tokio::test]
async fn what_the_guard_would_stop_stands_first() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        shop.trading.stock(&[("CUP", 0), ("POT", 2)]).await;
        offer(&shop, 0..30, Some("POT"), 1).await;
        offer(&shop, 30..60, Some("CUP"), 9).await;
        let looker = shop.browser(Role::ReadOnly).await;
        let page = whole(&looker, "/channels/honten/diff").await;
        assert!(page.contains("30 of 60 listings on sale would show 0"), "{page}");
        let seen = listings(&page);
        assert_eq!((seen.len(), seen[0].as_str(), seen[30].as_str()), (60, "0030", "0000"));
        let (_, stopped) = leafed_through(&looker, "/channels/honten/diff?only=stopped").await;
        assert_eq!(stopped, (30..60).map(|n| format!("{n:04}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn nobody_goes_live_on_numbers_that_have_changed() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::in_mode(&fresh, "observe").await;
    shop.trading.stock(&[("CUP", 3)]).await;
    offer(&shop, 0..12, Some("CUP"), 9).await;
    let owner = shop.browser(Role::Owner).await;
    let path = "/channels/honten/mode";
    let page = whole(&owner, path).await;
    let seen = field(&page, "seen");
    assert_eq!(seen, "12");
    offer(&shop, 12..13, Some("CUP"), 9).await;
    let live = |seen: &str, sure: &str| {
        [("mode", "live"), ("seen", seen), ("sure", sure)].map(|(k, v)| (k, v.to_owned()))
    };
    let post = async |seen: &str, sure: &str| {
        let form = live(seen, sure);
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
        owner.post(path, &form).await.status
    };
    let file = shop.site.app.config.dir.join("channels/honten.toml");
    assert_eq!(post(&seen, "yes").await, 409, "one more would be pushed");
    assert!(std::fs::read_to_string(&file).unwrap().contains("mode = \"observe\""));
    let seen = field(&whole(&owner, path).await, "seen");
    assert_eq!(seen, "13", "the next look is a new one");
    assert_eq!(post(&seen, "").await, 409, "nobody has said that they looked");
    assert_eq!(post(&seen, "yes").await, 303);
    assert!(std::fs::read_to_string(&file).unwrap().contains("mode = \"live\""));
}
