use banto_channel::{ErrorKind, ListingId, Outcome};
use banto_sim::{Fault, Market as _};

use super::shop::{PASSWORD, Stage, stage, stage_with};
use crate::fake::FakeConfig;

fn refused(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { reason } => &reason.en,
        other => panic!("{other:?}"),
    }
}

async fn read(stage: &Stage, ids: &[&str]) -> Vec<(String, i64)> {
    let listings: Vec<ListingId> = ids.iter().map(|id| ListingId::from(*id)).collect();
    let read = stage.connector.read_stock(&stage.cx, &listings).await.unwrap();
    read.into_iter().map(|(listing, quantity)| (listing.0, quantity)).collect()
}

#[tokio::test]
async fn an_unknown_variant_is_named_by_the_shop_and_left_out() {
    let stage = stage().await;
    let outcomes = stage
        .push(&[("1", 11), ("777", 12), ("2", 13), ("not an id", 14), ("3", 3_000_000_000)])
        .await
        .unwrap();
    assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::Applied, &Outcome::Applied));
    assert_eq!(
        refused(&outcomes[1]),
        "No ProductVariant with the id \"777\" could be found (ENTITY_NOT_FOUND)"
    );
    assert_eq!(refused(&outcomes[3]), "this is not the id of a product variant of Vendure");
    assert_eq!(refused(&outcomes[4]), "Vendure counts from 0 to 2147483647");
    assert_eq!(stage.tap.names(), ["Login", "Locations", "PushStock", "PushStock"]);
    assert_eq!(
        read(&stage, &["1", "2", "3", "777", "?"]).await,
        [("1".to_owned(), 11), ("2".to_owned(), 13), ("3".to_owned(), 100)]
    );
}

#[tokio::test]
async fn a_variant_that_nobody_names_is_found_by_halves() {
    let stage = stage().await;
    stage.shop.refuse_always(&ListingId::from("13"));
    let ids: Vec<String> = (1..=20).map(|n| n.to_string()).collect();
    let numbers: Vec<(&str, i64)> = ids.iter().map(|id| (id.as_str(), 7)).collect();
    let outcomes = stage.push(&numbers).await.unwrap();
    for (id, outcome) in ids.iter().zip(&outcomes) {
        match id.as_str() {
            "13" => {
                assert_eq!(refused(outcome), "a plugin of the shop does not allow that (USER_INPUT_ERROR)")
            }
            _ => assert_eq!(outcome, &Outcome::Applied, "{id}"),
        }
    }
    assert!(stage.tap.names().len() <= 12);
}

#[tokio::test]
async fn what_an_answer_was_lost_of_is_told_as_to_be_tried_again() {
    let stage = stage().await;
    stage.push(&[("1", 5)]).await.unwrap();
    // The wire tries four times in all.
    stage.shop.faults().play_after(1, Fault::Status { code: 503, retry_after: None });
    for _ in 0..3 {
        stage.shop.faults().play_after(0, Fault::Status { code: 503, retry_after: None });
    }
    let outcomes = stage.push(&[("1", 6), ("777", 6), ("2", 6)]).await.unwrap();
    assert!(
        matches!(&outcomes[..], [Outcome::Retry { .. }, Outcome::Refused { .. }, Outcome::Retry { .. }]),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn several_locations_need_a_name() {
    let two = |config: &mut FakeConfig| config.locations = vec!["東京".to_owned(), "大阪".to_owned()];
    for probe in [true, false] {
        let stage = stage_with(two, PASSWORD).await;
        let error = match probe {
            true => stage.connector.probe(&stage.cx).await.unwrap_err(),
            false => stage.push(&[("1", 5)]).await.unwrap_err(),
        };
        assert_eq!(error.kind, ErrorKind::Config);
        assert_eq!(
            error.message,
            "stock_location: name the one that banto counts; the shop has \"東京\" (id 1), \"大阪\" (id 2)"
        );
    }
    for named in ["東京", "1"] {
        let stage = stage_with(two, &format!("{PASSWORD}stock_location = \"{named}\"")).await;
        assert_eq!(stage.push(&[("1", 5)]).await.unwrap(), [Outcome::Applied]);
    }
    let stage = stage_with(two, &format!("{PASSWORD}stock_location = \"京都\"")).await;
    assert_eq!(stage.push(&[("1", 5)]).await.unwrap_err().kind, ErrorKind::Config);
}

#[tokio::test]
async fn what_the_shop_does_not_count_has_no_number() {
    let change = |config: &mut FakeConfig| {
        config.track_inventory = false;
        config.variants[0].tracked = Some(true);
    };
    let stage = stage_with(change, PASSWORD).await;
    let offers = stage.connector.list_offers(&stage.cx, None).await.unwrap().items;
    assert_eq!((offers[0].quantity, offers[1].quantity), (Some(100), None));
    assert_eq!(read(&stage, &["1", "2"]).await, [("1".to_owned(), 100)]);
    let report = stage.connector.probe(&stage.cx).await.unwrap();
    let told: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    plain http: the password and order data travel readable; use https
    the shop counts no stock (Settings > Global settings > Track inventory): the numbers that banto sets keep nobody from buying, except where a variant counts by itself
    ");
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let stage = stage_with(|config| *config = config.clone().with_variants(1050), PASSWORD).await;
    let (mut cursor, mut count) = (None, 0);
    loop {
        let page = stage.connector.list_offers(&stage.cx, cursor.as_ref()).await.unwrap();
        count += page.items.len();
        if !page.more {
            break;
        }
        cursor = Some(page.next);
    }
    assert_eq!(count, 1050);
    let strange = stage.connector.list_offers(&stage.cx, Some(&"7".into())).await.unwrap_err();
    assert_eq!(strange.kind, ErrorKind::Unexpected);
}
