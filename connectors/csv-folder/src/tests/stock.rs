//! Numbers out.

use std::fs;
use std::time::Duration;

use banto_channel::{Clock as _, Connector as _, ErrorKind, IdempotencyKey, ListingId, Outcome, StockItem};

use super::place::{AT_ONCE, Place, place};
use crate::config::Settings;

pub(super) fn item(listing: &str, quantity: i64) -> StockItem {
    StockItem {
        listing: ListingId::from(listing),
        quantity,
        was: None,
        version: 1,
        key: IdempotencyKey::from("k"),
    }
}

/// A place whose `[stock]` has other keys.
fn with_stock(keys: &str) -> Place {
    let place = place(AT_ONCE, "");
    let table = format!(
        "folder = {:?}\n{AT_ONCE}{}",
        place.dir.path(),
        super::place::LEAST.replace("[stock]", &format!("[stock]\n{keys}"))
    );
    let settings = Settings::read(&toml::from_str(&table).unwrap()).unwrap();
    Place { connector: crate::CsvFolder::new(settings), ..place }
}

async fn push(place: &Place, items: &[StockItem]) -> Vec<Outcome> {
    place.connector.push_stock(&place.cx, items).await.unwrap()
}

#[tokio::test]
async fn the_full_file_holds_every_number_told_so_far() {
    let place = with_stock("");
    assert_eq!(push(&place, &[item("TEA-1", 3), item("CUP", 0)]).await, [Outcome::Applied, Outcome::Applied]);
    push(&place, &[item("TEA-1", 2)]).await;
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\nCUP,0\r\nTEA-1,2\r\n");
    assert_eq!(place.names("stock"), [".told.csv", "stock.csv"], "no temporary file is left");
    // A tool that takes the file away gets all of them again with the next change.
    fs::remove_file(place.path("stock/stock.csv")).unwrap();
    let place = place.restart();
    push(&place, &[item("TEA-1", 1)]).await;
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\nCUP,0\r\nTEA-1,1\r\n");
}

#[tokio::test]
async fn changes_come_in_files_that_sort_by_time() {
    let place = with_stock("files = \"both\"\nheader = false");
    push(&place, &[item("TEA-1", 3)]).await;
    push(&place, &[item("TEA-1", 2), item("CUP", 9)]).await;
    place.clock.advance(Duration::from_secs(1));
    push(&place, &[item("CUP", 8)]).await;
    let names = place.names("stock");
    assert_eq!(
        names[1..],
        [
            "changes-20260401T090000-0001.csv",
            "changes-20260401T090000-0002.csv",
            "changes-20260401T090001-0001.csv",
            "stock.csv"
        ]
    );
    assert_eq!(place.text("stock/changes-20260401T090000-0002.csv"), "CUP,9\r\nTEA-1,2\r\n");
    assert_eq!(place.text("stock/stock.csv"), "CUP,8\r\nTEA-1,2\r\n");
}

#[tokio::test]
async fn what_the_encoding_cannot_hold_is_refused_before_anything_is_written() {
    let place = with_stock("");
    let outcomes = push(&place, &[item("TEA-𠮷", 3)]).await;
    assert!(
        matches!(&outcomes[..], [Outcome::Refused { reason }] if reason.ja.contains('𠮷')),
        "{outcomes:?}"
    );
    assert!(place.names("stock").is_empty());
    let outcomes = push(&place, &[item("TEA−1", 3), item("髙-1", 4)]).await;
    assert!(matches!(&outcomes[..], [Outcome::Refused { .. }, Outcome::Applied]), "{outcomes:?}");
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\n髙-1,4\r\n");
    let place = with_stock("encoding = \"utf-8-bom\"");
    assert_eq!(push(&place, &[item("TEA-𠮷", 3)]).await, [Outcome::Applied]);
    let bytes = fs::read(place.path("stock/stock.csv")).unwrap();
    assert_eq!(bytes, "\u{feff}商品コード,在庫数\r\nTEA-𠮷,3\r\n".as_bytes());
}

#[tokio::test]
async fn numbers_read_back_as_they_were_told() {
    let place = with_stock("files = \"changes\"");
    push(&place, &[item("TEA-1", 3), item("a,\"b\"", 4)]).await;
    let asked = ["a,\"b\"", "TEA-1", "GONE"].map(ListingId::from);
    let read = place.connector.read_stock(&place.cx, &asked).await.unwrap();
    assert_eq!(read, [(asked[0].clone(), 4), (asked[1].clone(), 3)]);
    assert_eq!(place.connector.told().unwrap()[&asked[1]].at, place.clock.now());
}

#[tokio::test]
async fn a_spoilt_note_stops_the_push_rather_than_shorten_the_full_file() {
    let place = with_stock("");
    push(&place, &[item("TEA-1", 3)]).await;
    place.write("stock/.told.csv", "TEA-1,three,0\r\n");
    let error = place.connector.push_stock(&place.cx, &[item("CUP", 1)]).await.unwrap_err();
    assert!(error.kind == ErrorKind::Malformed && error.message.contains(".told.csv"), "{error}");
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\nTEA-1,3\r\n");
}

#[tokio::test]
async fn a_push_that_broke_off_is_made_whole_by_the_next() {
    let place = with_stock("files = \"both\"");
    push(&place, &[item("TEA-1", 3)]).await;
    // The power failed between the files: a temporary one is left, and the note was not written.
    let note = fs::read(place.path("stock/.told.csv")).unwrap();
    push(&place, &[item("TEA-1", 2)]).await;
    place.write("stock/.told.csv", note);
    place.write("stock/.stock.csv.tmp", "half");
    push(&place, &[item("TEA-1", 2)]).await;
    assert_eq!(place.text("stock/stock.csv"), "商品コード,在庫数\r\nTEA-1,2\r\n");
    assert!(!place.names("stock").contains(&".stock.csv.tmp".to_owned()));
}
