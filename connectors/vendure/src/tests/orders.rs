use std::time::Duration;

use banto_channel::{Address, Buyer, Fulfilment, ListingId, Read};
use banto_sim::{BasketLine, Fault, Market as _, Purchase};

use super::shop::{PASSWORD, Stage, stage, stage_with};

async fn walk(stage: &Stage) -> Vec<Read> {
    let (mut cursor, mut reads) = (None, Vec::new());
    loop {
        let page = stage.connector.pull_orders(&stage.cx, cursor.as_ref()).await.unwrap();
        reads.extend(page.items);
        if !page.more {
            return reads;
        }
        cursor = Some(page.next);
    }
}

#[tokio::test]
async fn a_usual_order() {
    let stage = stage().await;
    let name = "髙橋 さくら".to_owned();
    let purchase = Purchase {
        lines: [(1, 2), (2, 1)]
            .map(|(n, quantity): (i64, i64)| BasketLine { listing: ListingId(n.to_string()), quantity })
            .into(),
        buyer: Buyer { name: name.clone(), email: "sakura@example.test".to_owned(), ..Buyer::default() },
        ship_to: Address {
            name,
            country: "JP".to_owned(),
            postcode: "150-0001".to_owned(),
            region: "東京都".to_owned(),
            city: "渋谷区".to_owned(),
            line1: "神宮前1-2-3".to_owned(),
            line2: "コーポ①号室".to_owned(),
            phone: "0312345678".to_owned(),
            ..Address::default()
        },
        paid: true,
        note: "①午前中に".to_owned(),
        ..Purchase::default()
    };
    let id = stage.shop.buy(&purchase).unwrap();
    stage.clock.advance(Duration::from_secs(60));
    stage.shop.ship(&id);
    let mut order = stage.order(&id).await;
    assert!(order.raw.starts_with('{') && order.raw.contains(&order.number));
    order.raw.clear();
    insta::assert_debug_snapshot!(order);
}

#[tokio::test]
async fn one_order_that_cannot_be_shown_hides_no_other() {
    let stage = stage_with(|_| (), &format!("{PASSWORD}orders_per_page = 20")).await;
    let before = stage.buy(&[1], true);
    stage.clock.advance(Duration::from_secs(1));
    let odd = stage.shop.place_odd_orders();
    stage.clock.advance(Duration::from_secs(1));
    let after = stage.buy(&[1], true);
    let reads = walk(&stage).await;
    let spoilt: Vec<&Read> = reads.iter().filter(|r| matches!(r, Read::Unreadable { .. })).collect();
    assert_eq!(spoilt.len(), 4, "{spoilt:?}");
    let ids: Vec<_> = reads
        .iter()
        .filter_map(|read| match read {
            Read::Order(order) => Some(order.id.clone()),
            Read::Unreadable { id, .. } => id.clone(),
        })
        .collect();
    assert_eq!(ids.len(), odd.iter().filter(|o| o.listed).count() + 2);
    assert_eq!((ids.first(), ids.last()), (Some(&before), Some(&after)));
    // Several at once, too.
    let all: Vec<_> = odd.iter().map(|o| o.id.clone()).collect();
    let again: usize = {
        let mut count = 0;
        for some in all.chunks(50) {
            count += stage.connector.reread_orders(&stage.cx, some).await.unwrap().len();
        }
        count
    };
    assert_eq!(again, odd.iter().filter(|o| o.listed).count());
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let stage = stage().await;
    for _ in 0..7 {
        stage.buy(&[1], true);
    }
    stage.shop.faults().play_after(1, Fault::Huge(25_000_000));
    assert_eq!(walk(&stage).await.len(), 7);
    assert_eq!(stage.tap.names(), ["Login", "Orders", "Orders"]);
}

#[tokio::test]
async fn states_of_the_shops_own_have_the_meaning_that_the_config_gives() {
    let maps = "[state_map]\nHandedOver = \"shipped\"\nQuote = \"ignore\"\n[fulfillment_state_map]\nAtTheGate = \"shipped\"\n";
    let stage = stage_with(|_| (), &format!("{PASSWORD}{maps}")).await;
    let order = stage.buy(&[1], true);
    stage.shop.set_state(&order, "HandedOver");
    let told = stage.order(&order).await;
    assert_eq!((told.fulfilment, told.unknowns.len()), (Fulfilment::Shipped, 0));
    stage.shop.set_state(&order, "Quote");
    assert!(stage.connector.reread_orders(&stage.cx, &[order]).await.unwrap().is_empty());
    let odd = stage.shop.place_odd_orders();
    let gate = odd.iter().find(|o| o.name == "a parcel in a state that nobody knows").unwrap();
    assert_eq!(stage.order(&gate.id).await.fulfilment, Fulfilment::Shipped);
}

#[tokio::test]
async fn what_is_paid_or_shipped_later_has_a_later_date() {
    let stage = stage().await;
    let order = stage.buy(&[1], false);
    let placed = stage.order(&order).await.changed_at;
    stage.clock.advance(Duration::from_secs(60));
    stage.shop.pay(&order);
    let paid = stage.order(&order).await;
    assert!(paid.changed_at > placed && paid.paid_at == paid.changed_at);
    stage.clock.advance(Duration::from_secs(60));
    stage.shop.ship(&order);
    assert!(stage.order(&order).await.changed_at > paid.changed_at);
}
