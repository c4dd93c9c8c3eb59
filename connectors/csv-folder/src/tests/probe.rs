//! What `banto check` says.

use std::fs;

use banto_channel::{Connector as _, ErrorKind};

use super::place::{AT_ONCE, file, place, row};

#[tokio::test]
async fn a_folder_that_is_in_order_is_proved_without_leaving_anything() {
    let place = place("", "[shipments]\ncolumns = [{ title = \"o\", value = \"order_id\" }]\n");
    let report = place.connector.probe(&place.cx).await.unwrap();
    assert!(report.server.starts_with("folder /"));
    assert!(report.warnings.is_empty() && report.credentials_expire.is_none(), "{report:?}");
    for subfolder in ["orders", "stock", "shipments"] {
        assert!(place.path(subfolder).is_dir() && place.names(subfolder).is_empty());
    }
    assert!(!place.path("cancels").exists(), "nothing is made that is not used");
}

#[tokio::test]
async fn a_folder_without_orders_is_not_the_right_one() {
    let place = place("", "");
    fs::remove_dir(place.path("orders")).unwrap();
    let error = place.connector.probe(&place.cx).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unreachable && error.message.contains("mkdir"), "{error}");
    fs::write(place.path("orders"), "").unwrap();
    assert_eq!(place.connector.probe(&place.cx).await.unwrap_err().kind, ErrorKind::Config);
}

#[tokio::test]
async fn files_that_lie_there_and_gaps_of_the_mapping_are_warned_of() {
    let place = place(AT_ONCE, "[shipments]\ncolumns = [{ title = \"o\", value = \"order_id\" }]\n");
    place.write("orders/list.xlsx", "x");
    place.write("orders/a.csv.part", "x");
    place.write("orders/empty.csv", "");
    place.write("orders/bad/00000001-x.csv", "x");
    place.write("orders/bad/00000001-x.csv.why.txt", "x");
    place.write("shipments/a.csv", "x");
    place.pass(25 * 3600);
    place.write("orders/new.csv", file(&[row("A-1", "謎の状態"), row("A-2", "謎の状態")]));
    let warnings = place.connector.probe(&place.cx).await.unwrap().warnings;
    let has = |parts: &[&str]| {
        warnings.iter().filter(|w| parts.iter().all(|part| w.en.contains(part))).count() == 1
    };
    assert!(has(&["orders/list.xlsx", "not read"]), "{warnings:#?}");
    assert!(has(&["orders/a.csv.part", "sent again"]), "{warnings:#?}");
    assert!(has(&["orders/empty.csv", "it is empty"]), "{warnings:#?}");
    assert!(has(&["1 files in orders/bad/"]), "{warnings:#?}");
    assert!(has(&["shipments/", "older than a day"]), "{warnings:#?}");
    assert!(has(&["new.csv", "謎の状態", "connector.orders.status"]), "{warnings:#?}");
    assert_eq!(warnings.len(), 6);
}
