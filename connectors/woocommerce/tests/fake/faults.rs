//! Each fault does what it says.

use std::io::ErrorKind;

use banto_channel::ListingId;
use banto_sim::faults::{Fault, FaultRates};
use banto_sim::market::Market;
use serde_json::json;

use crate::{MUG, Stage};

const MUG_URL: &str = "/wc/v3/products/11";

/// Plays `fault` on a call that sets the mug's stock to 20.
async fn push(stage: &Stage, fault: Fault) -> std::io::Result<crate::client::Answer> {
    stage.shop.set_shown(&ListingId(MUG.to_owned()), 50);
    stage.shop.take_seen();
    stage.shop.faults().play(fault);
    stage.client.send("PUT", MUG_URL, &json!({"stock_quantity": 20})).await
}

#[tokio::test]
async fn a_status_and_a_web_page_do_nothing() {
    let stage = Stage::open().await;
    let fault = Fault::Status { code: 429, retry_after: Some(3) };
    let answer = push(&stage, fault).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
    assert_eq!((stage.shown(MUG), stage.shop.take_seen()[0].stock.len()), (Some(50), 0));
    let fault = Fault::Status { code: 503, retry_after: None };
    let answer = push(&stage, fault).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after"), stage.shown(MUG)), (503, None, Some(50)));
    let answer = push(&stage, Fault::Html).await.unwrap();
    assert!(answer.status == 200 && answer.text().starts_with("<!DOCTYPE html>"));
    assert_eq!(stage.shown(MUG), Some(50));
}

#[tokio::test]
async fn a_reset_does_nothing_and_a_lost_answer_was_done() {
    let stage = Stage::open().await;
    let reset = push(&stage, Fault::Reset).await;
    assert!(matches!(reset.unwrap_err().kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset));
    assert_eq!(stage.shown(MUG), Some(50));
    assert!(stage.shop.take_seen().is_empty());
    let lost = push(&stage, Fault::LostAnswer).await;
    assert!(matches!(lost.unwrap_err().kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset));
    assert_eq!(stage.shown(MUG), Some(20));
    assert_eq!(stage.shop.take_seen()[0].stock, [(ListingId(MUG.to_owned()), 20)]);
}

#[tokio::test]
async fn a_torn_answer_promises_more_than_it_brings() {
    let stage = Stage::open().await;
    let answer = push(&stage, Fault::Torn).await.unwrap();
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.len(), promised / 2);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
    assert_eq!(stage.shown(MUG), Some(20));
    assert_eq!(stage.client.get(MUG_URL).await.unwrap().status, 200, "the next connection is whole");
}

#[tokio::test]
async fn a_huge_answer_is_as_large_as_asked() {
    let stage = Stage::open().await;
    let answer = push(&stage, Fault::Huge(5_000_000)).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 5_000_000));
    assert_eq!(stage.shown(MUG), Some(20));
}

#[tokio::test]
async fn a_repeated_signature_meets_the_nonce_of_the_lost_answer() {
    let stage = Stage::open().await;
    let now = banto_channel::Clock::now(&*stage.clock).as_secs();
    let signed = stage.client.sign("GET", MUG_URL, &[], now);
    let target = crate::client::with_query(MUG_URL, &signed);
    stage.shop.faults().play(Fault::LostAnswer);
    stage.client.raw("GET", &target, &[], "").await.unwrap_err();
    let again = stage.client.raw("GET", &target, &[], "").await.unwrap();
    assert_eq!(again.status, 401, "as on a real shop: sign anew for each try");
}

#[tokio::test]
async fn rates_are_played_and_an_outage_closes_every_connection() {
    let stage = Stage::open().await;
    stage.shop.faults().set_rates(FaultRates::usual());
    let mut failed = 0;
    for _ in 0..300 {
        failed += u32::from(stage.client.get(MUG_URL).await.map_or(true, |a| a.status != 200));
    }
    assert!((3..60).contains(&failed), "{failed} of 300");
    assert!(stage.shop.faults().played() >= u64::from(failed));
    stage.shop.faults().set_rates(FaultRates::default());
    stage.shop.set_down(true);
    stage.client.get(MUG_URL).await.unwrap_err();
    stage.shop.set_down(false);
    assert_eq!(stage.client.get(MUG_URL).await.unwrap().status, 200);
    stage.shop.stop().await;
    stage.client.get(MUG_URL).await.unwrap_err();
}
