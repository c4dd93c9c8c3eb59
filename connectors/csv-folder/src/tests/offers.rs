//! Exports of the offers.

use banto_channel::{Connector as _, ErrorKind, ListingId, Money, Outcome, RemoteOffer};

use super::place::{AT_ONCE, Place, place};
use super::stock::item;

const OFFERS: &str = r#"
[offers.columns]
code = "商品コード"
title = "商品名"
jan = "JAN"
quantity = "在庫"
price = "価格"
active = "公開"
"#;

const HEADER: &str = "商品コード,商品名,JAN,在庫,価格,公開\r\n";

async fn listed(place: &Place) -> Vec<(String, Option<i64>)> {
    let page = place.connector.list_offers(&place.cx, None).await.unwrap();
    page.items.into_iter().map(|offer| (offer.id.0, offer.quantity)).collect()
}

#[tokio::test]
async fn the_newest_file_counts() {
    let place = place(AT_ONCE, OFFERS);
    place.write("offers/b.csv", format!("{HEADER}OLD,x,,1,100,1\r\n"));
    place.write(
        "offers/a.csv",
        format!("{HEADER}TEA-1,煎茶,4900000000001,7,\"1,080\",公開\r\nCUP,湯呑,,,900,非公開\r\n"),
    );
    let page = place.connector.list_offers(&place.cx, None).await.unwrap();
    let tea = RemoteOffer {
        id: ListingId::from("TEA-1"),
        code: Some("TEA-1".to_owned()),
        gtin: Some("4900000000001".to_owned()),
        title: "煎茶".to_owned(),
        quantity: Some(7),
        price: Some((Money(1080), "JPY".to_owned())),
        active: true,
    };
    assert_eq!(page.items[0], tea);
    assert_eq!((page.items[1].quantity, page.items[1].active), (None, false));
    assert_eq!((page.items.len(), page.more), (2, false));
}

#[tokio::test]
async fn what_was_said_last_is_the_number() {
    let place = place(AT_ONCE, OFFERS);
    place.write("offers/a.csv", format!("{HEADER}TEA-1,x,,7,,\r\nCUP,x,,8,,\r\n"));
    place.pass(60);
    place.connector.push_stock(&place.cx, &[item("TEA-1", 3)]).await.unwrap();
    assert_eq!(listed(&place).await, [("TEA-1".to_owned(), Some(3)), ("CUP".to_owned(), Some(8))]);
    let asked = ["TEA-1", "CUP", "GONE"].map(ListingId::from);
    let read = place.connector.read_stock(&place.cx, &asked).await.unwrap();
    assert_eq!(read, [(asked[0].clone(), 3), (asked[1].clone(), 8)]);
    // Two were sold, and it was exported anew.
    place.pass(60);
    place.write("offers/a.csv", format!("{HEADER}TEA-1,x,,1,,\r\nCUP,x,,8,,\r\n"));
    assert_eq!(listed(&place).await[0], ("TEA-1".to_owned(), Some(1)));
}

#[tokio::test]
async fn without_a_column_of_numbers_we_keep_the_count() {
    let place = place(AT_ONCE, "[offers.columns]\ncode = \"商品コード\"\n");
    place.write("offers/a.csv", "商品コード\r\nTEA-1\r\nCUP\r\n");
    place.connector.push_stock(&place.cx, &[item("CUP", 3)]).await.unwrap();
    assert_eq!(listed(&place).await, [("TEA-1".to_owned(), None), ("CUP".to_owned(), Some(3))]);
}

#[tokio::test]
async fn an_offer_that_is_not_there_is_refused_alone_and_leaves_the_full_file() {
    let place = place(AT_ONCE, OFFERS);
    place.write("offers/a.csv", format!("{HEADER}TEA-1,x,,7,,\r\nCUP,x,,8,,\r\n"));
    let push = async |items: &[_]| place.connector.push_stock(&place.cx, items).await.unwrap();
    let outcomes = push(&[item("GONE", 1), item("TEA-1", 3), item("CUP", 4)]).await;
    assert!(
        matches!(&outcomes[..], [Outcome::Refused { reason }, Outcome::Applied, Outcome::Applied] if reason.ja.contains("offers/"))
    );
    place.write("offers/a.csv", format!("{HEADER}TEA-1,x,,7,,\r\n"));
    push(&[item("TEA-1", 2)]).await;
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\nTEA-1,2\r\n");
}

#[tokio::test]
async fn an_export_that_is_being_written_is_not_read() {
    let place = place("", OFFERS);
    let error = place.connector.list_offers(&place.cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    place.write("offers/a.csv", format!("{HEADER}TEA-1,x,,7,,\r\n"));
    assert!(place.connector.list_offers(&place.cx, None).await.is_err());
    place.pass(11);
    assert_eq!(listed(&place).await.len(), 1);
    place.write("offers/b.csv", format!("{HEADER}TEA-1,x"));
    assert_eq!(listed(&place).await.len(), 1, "the older one counts meanwhile");
}

#[tokio::test]
async fn bad_rows_are_left_out_and_a_bad_file_is_malformed() {
    let place = place(AT_ONCE, OFFERS);
    place.write(
        "offers/a.csv",
        format!("{HEADER}TEA-1,x,,7,,\r\n,x,,7,,\r\nCUP,x,,many,,\r\nTEA-1,x,,9,,\r\n"),
    );
    assert_eq!(listed(&place).await, [("TEA-1".to_owned(), Some(7))]);
    let report = place.connector.probe(&place.cx).await.unwrap();
    assert_eq!(report.warnings.len(), 3, "{:?}", report.warnings);
    place.write("offers/a.csv", "何か\r\n");
    let error = place.connector.list_offers(&place.cx, None).await.unwrap_err();
    assert!(error.kind == ErrorKind::Malformed && error.message.contains("商品コード (code)"), "{error}");
}

#[tokio::test]
async fn a_torn_export_hides_no_offers_and_stops_no_numbers() {
    let place = place(AT_ONCE, OFFERS);
    place.write("offers/a.csv", format!("{HEADER}TEA-1,x,,7,,\r\nCU"));
    let error = place.connector.list_offers(&place.cx, None).await.unwrap_err();
    assert!(error.kind == ErrorKind::Malformed && error.message.contains("breaks off"), "{error}");
    let outcomes = place.connector.push_stock(&place.cx, &[item("CUP", 4)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied]);
    place.write("offers/a.csv", "<html>");
    let outcomes = place.connector.push_stock(&place.cx, &[item("TEA-1", 3)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied]);
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\nCUP,4\r\nTEA-1,3\r\n");
}

#[tokio::test]
async fn columns_out_of_the_offers_wait_for_them() {
    let dir = place(AT_ONCE, OFFERS);
    let least = super::place::LEAST
        .replace("value = \"listing\" }", "value = \"code\" }, { title = \"名\", value = \"title\" }");
    let table = format!("folder = {:?}\n{AT_ONCE}{least}{OFFERS}", dir.dir.path());
    let settings = crate::config::Settings::read(&toml::from_str(&table).unwrap()).unwrap();
    let place = Place { connector: crate::CsvFolder::new(settings), ..dir };
    let error = place.connector.push_stock(&place.cx, &[item("TEA-1", 4)]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    place.write("offers/a.csv", format!("{HEADER}TEA-1,煎茶,,7,,\r\n"));
    place.connector.push_stock(&place.cx, &[item("TEA-1", 4)]).await.unwrap();
    assert_eq!(place.text("stock/stock.csv"), "商品コード,名,在庫数\r\nTEA-1,煎茶,4\r\n");
}
