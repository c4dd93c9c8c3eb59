//! The listings page: what waits for an item, and what becomes of it once a person has said which.

use banto::domain::mapping::Rule;
use banto::domain::people::Role;
use banto::store::ListingTab;
use banto_channel::{RemoteOffer, RemoteOrder};

use super::stock::Shop;
use crate::stores::each_store;
use crate::trading::raw;

const NASTY: &str = "<script>alert(1)</script>\"'&";

/// An order of one offer.
fn bought(shop: &Shop, id: &str, listing: &str, quantity: i64) -> RemoteOrder {
    let mut order = shop.t.remote(id, &[("unknown", quantity)]);
    order.lines[0].code = None;
    order.lines[0].listing = Some(listing.into());
    order.lines[0].title = NASTY.to_owned();
    raw(order)
}

/// The row of a listing.
fn row<'a>(page: &'a str, listing: &str) -> &'a str {
    let at = page.find(&format!("<code>{listing}</code>")).unwrap_or_else(|| panic!("{listing}: {page}"));
    let begin = page[..at].rfind("<tr").unwrap();
    page[begin..].split_once("</tr>").unwrap().0
}

#[tokio::test]
async fn an_order_waits_by_name_and_is_served_by_the_mapping() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        shop.offer(&[("honten", "L1", None, NASTY, 9), ("honten", "L2", Some("CUP"), "湯のみ", 9)]).await;
        shop.t.order(bought(&shop, "1", "L1", 2)).await;
        shop.t.order(bought(&shop, "2", "L9", 1)).await;
        let staff = shop.staff().await;
        let page = staff.page("/listings").await;
        assert!(!page.contains("<script>alert") && page.contains("&#60;script&#62;"), "{page}");
        let waiting = row(&page, "L1");
        assert!(waiting.contains("honten/N-1") && waiting.contains("2 units"), "{waiting}");
        assert!(
            row(&page, "L9").contains("honten/N-2"),
            "lines of offers that are not known stand below: {page}"
        );
        assert!(!page.contains("<code>L2</code>"), "an equal code maps by itself");
        let form =
            [("channel", "honten"), ("listing", "L1"), ("code", "TEA"), ("per", "3"), ("tab", "unmatched")];
        assert_eq!(
            staff.post("/listings/map", &form).await.expect(303).location(),
            "/listings?tab=unmatched"
        );
        let page = staff.page("/listings").await;
        assert!(page.contains("3 × TEA now; 1 waiting order line got it"), "{page}");
        assert!(!page.contains("<code>L1</code>"), "{page}");
        assert_eq!(shop.t.level("TEA").await, (4, 6, 0));
        let mapped = staff.page("/listings?tab=mapped&channel=honten").await;
        assert!(row(&mapped, "L1").contains("TEA</a> × 3"), "{mapped}");
        assert_eq!(
            fresh
                .number("SELECT COUNT(*) FROM audit WHERE action = 'listing_map' AND actor = 'user:staff'")
                .await,
            1
        );
        for (form, status) in [
            ([("channel", "honten"), ("listing", "L1"), ("code", "NONE"), ("per", "1")], 404),
            ([("channel", "honten"), ("listing", "none"), ("code", "TEA"), ("per", "1")], 404),
            ([("channel", "honten"), ("listing", "L1"), ("code", "TEA"), ("per", "0")], 409),
            ([("channel", "honten"), ("listing", "L1"), ("code", "TEA"), ("per", "x")], 422),
        ] {
            staff.post("/listings/map", &form).await.expect(status);
        }
        let reader = shop.site.log_in(Role::ReadOnly).await;
        reader.post("/listings/map", &form).await.expect(403);
        assert!(!reader.page("/listings").await.contains("action=\"/listings/map\""));
    })
    .await;
}

#[tokio::test]
async fn a_listing_is_ignored_and_taken_back() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        shop.offer(&[("niten", "gift wrap", None, "ラッピング", 9)]).await;
        let staff = shop.staff().await;
        let form = [("channel", "niten"), ("listing", "gift wrap"), ("tab", "ignored")];
        staff.post("/listings/ignore", &form).await.expect(303);
        assert!(!staff.page("/listings").await.contains("<code>gift wrap</code>"));
        let ignored = staff.page("/listings?tab=ignored").await;
        assert!(row(&ignored, "gift wrap").contains("Not ignored any more"), "{ignored}");
        staff.post("/listings/unmap", &form).await.expect(303);
        assert!(staff.page("/listings").await.contains("<code>gift wrap</code>"));
        let counts = shop.t.store.listing_counts().await.unwrap();
        assert_eq!((counts.unmatched, counts.ignored), (1, 0));
    })
    .await;
}

/// The proposals that a page shows, as its form sends them.
fn seen_on(page: &str) -> Vec<(&str, &str)> {
    let values = page.split("name=\"seen\" value=\"").skip(1).filter_map(|rest| rest.split('"').next());
    values.map(|value| ("seen", value)).collect()
}

#[tokio::test]
async fn what_is_accepted_is_what_was_shown() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        let offer = |id: &str, code: Option<&str>, gtin: Option<&str>, title: &str| RemoteOffer {
            id: id.into(),
            code: code.map(str::to_owned),
            gtin: gtin.map(str::to_owned),
            title: title.to_owned(),
            quantity: Some(1),
            price: None,
            active: true,
        };
        let offers = [
            offer("similar", Some("t-e-a"), None, "x"),
            offer("jan", None, Some("4901234567894"), "y"),
            offer("title", None, None, "湯のみ"),
            offer("none", None, None, "z"),
        ];
        shop.t.store.take_offers(shop.t.facts.id, &offers, shop.t.now()).await.unwrap();
        shop.t.store.propose_mappings(shop.t.now()).await.unwrap();
        let staff = shop.staff().await;
        let proposals = staff.page("/listings?tab=proposals").await;
        assert!(
            row(&proposals, "similar").contains("similar code")
                && row(&proposals, "title").contains("same title")
        );
        let exact = staff.page("/listings/accept?rule=exact").await;
        assert!(exact.contains("<code>jan</code>") && exact.contains("<code>similar</code>"), "{exact}");
        assert!(!exact.contains("<code>title</code>"), "{exact}");
        let titles = shop.t.store.proposals(&[Rule::Title], None, (0, 0), 10).await.unwrap();
        assert_eq!((titles.views.len(), titles.next), (1, None));
        // What comes between the look and the word for it is not part of it.
        let late = offer("late", Some("C-U-P"), None, "w");
        shop.t.store.take_offers(shop.t.facts.id, &[late], shop.t.now()).await.unwrap();
        shop.t.store.propose_mappings(shop.t.now()).await.unwrap();
        staff.post("/listings/accept", &seen_on(&exact)).await.expect(303);
        let left = staff.page("/listings?tab=proposals").await;
        assert!(left.contains("2 listings mapped") && left.contains("<code>title</code>"), "{left}");
        assert!(left.contains("<code>late</code>"), "{left}");
        let all = staff.page("/listings/accept?rule=all").await;
        staff
            .post("/listings/map", &[("channel", "honten"), ("listing", "late"), ("code", "TEA")])
            .await
            .expect(303);
        staff.post("/listings/accept", &seen_on(&all)).await.expect(303);
        assert!(staff.page("/listings?tab=mapped").await.contains("1 have changed since you looked"));
        let late = shop.t.store.listings_by_remote(shop.t.facts.id, &["late"]).await.unwrap().remove(0);
        assert_eq!(
            late.item_id,
            Some(shop.t.store.item("TEA").await.unwrap().id),
            "a person has said so meanwhile"
        );
        staff.post("/listings/accept", &[("rule", "all"), ("channel", "")]).await.expect(422);
        staff.post("/listings/accept", &[("seen", "x:1")]).await.expect(422);
        let page = staff.page("/listings").await;
        assert!(page.contains("<code>none</code>") && !page.contains("<code>title</code>"), "{page}");
        let found = staff.page("/listings?q=jan").await;
        assert!(row(&found, "jan").contains("TEA"), "{found}");
        assert!(staff.page("/listings?q=TEA").await.contains("<code>similar</code>"), "found by its item");
    })
    .await;
}

#[tokio::test]
async fn proposals_are_looked_at_page_by_page() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        // Those with the item's title stand before those with its JAN, and fill more than a page.
        let offer = |n: usize| RemoteOffer {
            id: format!("{n:03}").into(),
            code: None,
            gtin: (n >= 210).then(|| "4901234567894".to_owned()),
            title: if n < 210 { "湯のみ".to_owned() } else { format!("thing {n}") },
            quantity: Some(1),
            price: None,
            active: true,
        };
        let offers: Vec<RemoteOffer> = (0..215).map(offer).collect();
        shop.t.store.take_offers(shop.t.facts.id, &offers, shop.t.now()).await.unwrap();
        shop.t.store.propose_mappings(shop.t.now()).await.unwrap();
        let staff = shop.staff().await;
        let next = |page: &str| {
            let (before, _) = page.split_once("\" rel=\"next\"").unwrap();
            before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&").replace("&amp;", "&")
        };
        let exact = staff.page("/listings/accept?rule=exact").await;
        assert!(exact.contains("No such proposal among those looked at") && seen_on(&exact).is_empty());
        let exact = staff.page(&next(&exact)).await;
        assert_eq!(seen_on(&exact).len(), 5, "{exact}");
        assert!(exact.contains("To the first page") && !exact.contains("rel=\"next\""), "{exact}");
        let all = staff.page("/listings/accept?rule=all").await;
        assert!(seen_on(&all).len() == 200 && all.contains("name=\"rest\""), "{all}");
        let mut form = seen_on(&all);
        form.extend([("rule", "all"), ("rest", "1"), ("channel", ""), ("after", "")]);
        let answer = staff.post("/listings/accept", &form).await.expect(303);
        let rest = staff.page(answer.location()).await;
        assert!(rest.contains("200 listings mapped") && !rest.contains("rel=\"next\""), "{rest}");
        assert_eq!(seen_on(&rest).len(), 15, "{rest}");
    })
    .await;
}

#[tokio::test]
async fn every_listing_stands_on_one_page_of_its_tab() {
    each_store(async |fresh| {
        let shop = Shop::open(fresh).await;
        for channel in ["honten", "niten"] {
            let id = shop.t.store.channel(channel).await.unwrap().id;
            let offers: Vec<RemoteOffer> = (0..70)
                .map(|n| RemoteOffer {
                    id: format!("{channel}-{n}").into(),
                    code: None,
                    gtin: None,
                    title: format!("thing {n}"),
                    quantity: Some(1),
                    price: None,
                    active: true,
                })
                .collect();
            shop.t.store.take_offers(id, &offers, shop.t.now()).await.unwrap();
        }
        let only = shop.t.store.channel("niten").await.unwrap().id;
        for (channel, all) in [(None, 140_usize), (Some(only), 70)] {
            let (mut after, mut seen, mut pages) = ((0, 0), std::collections::BTreeSet::new(), 0_usize);
            loop {
                let page =
                    shop.t.store.listing_page(ListingTab::Unmatched, channel, after, 50).await.unwrap();
                seen.extend(page.views.into_iter().map(|v| v.row.remote_id));
                pages += 1;
                let Some(next) = page.next else { break };
                after = next;
            }
            assert_eq!((seen.len(), pages), (all, all.div_ceil(50)), "{channel:?}");
        }
        let staff = shop.staff().await;
        let first = staff.page("/listings").await;
        let next = first
            .split_once("rel=\"next\"")
            .unwrap()
            .0
            .rsplit_once("href=\"")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap();
        let second = staff.page(&next.replace("&#38;", "&").replace("&amp;", "&")).await;
        assert!(
            second.contains("<code>honten-69</code>") && !second.contains("<code>honten-0</code>"),
            "{second}"
        );
    })
    .await;
}
