//! Files that cannot be read at all.

use std::fs;

use banto_channel::Read;

use super::place::{AT_ONCE, Place, file, place, row, settings, told};
use crate::CsvFolder;

/// Pulls a file that cannot be read, and what lies behind it; answers with the reason.
async fn rejected(place: &Place, name: &str) -> String {
    place.write("orders/zz.csv", file(&[row("A-9", "新規")]));
    let (reads, cursor) = place.walk(None).await;
    let [Read::Unreadable { id: None, reason, raw }, Read::Order(_)] = &reads[..] else {
        panic!("{reads:?}");
    };
    assert!(!raw.is_empty());
    place.walk(Some(&cursor)).await;
    let bad = place.names("orders/bad");
    assert_eq!(bad, [format!("00000001-{name}"), format!("00000001-{name}.why.txt")]);
    let why = fs::read_to_string(place.path(&format!("orders/bad/{}", bad[1]))).unwrap();
    assert_eq!(why, format!("{}\n{}\n", reason.en, reason.ja));
    why
}

#[tokio::test]
async fn missing_columns_are_named_with_the_line_that_looked_most_like_a_header() {
    let place = place(AT_ONCE, "");
    place.write(
        "orders/a.csv",
        "受注一覧\r\n\r\n注文番号,注文日時,状況,商品コード,単価\r\nA-1,2026/04/01 10:00:00,新規,T,540\r\n",
    );
    let why = rejected(&place, "a.csv").await;
    assert!(why.contains("line 3") && why.contains("ステータス (status), 個数 (quantity)"), "{why}");
    assert!(why.contains("orders/bad/"), "{why}");
}

#[tokio::test]
async fn a_web_page_is_recognised() {
    let place = place(AT_ONCE, "");
    place.write("orders/orders.csv", "\n<!DOCTYPE html><title>ログイン</title>");
    assert!(rejected(&place, "orders.csv").await.contains("web page"));
}

#[tokio::test]
async fn the_wrong_encoding_is_suspected() {
    let place = place(&format!("{AT_ONCE}encoding = \"utf-8\"\n"), "");
    let text = file(&[row("A-1", "新規")]);
    place.write("orders/sjis.csv", encoding_rs::SHIFT_JIS.encode(&text).0);
    let why = rejected(&place, "sjis.csv").await;
    assert!(why.contains("not sound UTF-8") && why.contains("set encoding"), "{why}");
}

#[tokio::test]
async fn a_file_above_the_limit_is_not_read() {
    let place = place(&format!("{AT_ONCE}max_file_mb = 1\n"), "");
    place.write("orders/a.csv", vec![b'x'; 1_000_001]);
    assert!(rejected(&place, "a.csv").await.contains("max_file_mb"));
}

#[tokio::test]
async fn a_file_of_nothing_but_blank_lines_is_empty() {
    let place = place(AT_ONCE, "");
    place.write("orders/a.csv", "\r\n\r\n,,,\r\n");
    assert!(rejected(&place, "a.csv").await.contains("empty"));
}

#[tokio::test]
async fn with_the_mapping_corrected_it_is_read() {
    let mut place = place(AT_ONCE, "");
    let text = file(&[row("A-1", "新規")]).replace("ステータス", "状況");
    place.write("orders/a.csv", &text);
    let (_, cursor) = place.walk(None).await;
    // Corrected before the file was moved away: it is read where it lies.
    let table = format!(
        "folder = {:?}\n{AT_ONCE}{}",
        place.dir.path(),
        super::place::LEAST.replace("ステータス", "状況")
    );
    let corrected = crate::config::Settings::read(&toml::from_str(&table).unwrap()).unwrap();
    place.connector = CsvFolder::new(corrected);
    let (reads, _) = place.walk(Some(&cursor)).await;
    assert_eq!(told(&reads), ["A-1 新規"]);
}

#[tokio::test]
async fn a_file_moved_back_from_bad_is_read() {
    let place = place(AT_ONCE, "");
    place.write("orders/a.csv", file(&[row("A-1", "新規")]).replace("ステータス", "状況"));
    rejected(&place, "a.csv").await;
    let (_, cursor) = place.walk(None).await;
    let table = format!(
        "folder = {:?}\n{AT_ONCE}{}",
        place.dir.path(),
        super::place::LEAST.replace("\"ステータス\"", "[\"ステータス\", \"状況\"]")
    );
    let connector = CsvFolder::new(crate::config::Settings::read(&toml::from_str(&table).unwrap()).unwrap());
    let place = Place { connector, ..place };
    fs::rename(place.path("orders/bad/00000001-a.csv"), place.path("orders/a.csv")).unwrap();
    let (reads, _) = place.walk(Some(&cursor)).await;
    assert_eq!(told(&reads), ["A-1 新規"]);
}

#[tokio::test]
async fn names_of_any_length_and_kind_are_taken() {
    let place = place(AT_ONCE, "");
    let long = format!("orders/{}.csv", "注".repeat(80));
    place.write(&long, file(&[row("A-1", "新規")]));
    place.write("orders/00000099-a-b.csv", file(&[row("A-2", "新規")]));
    let (reads, cursor) = place.walk(None).await;
    assert_eq!(reads.len(), 2);
    assert!(place.walk(Some(&cursor)).await.0.is_empty());
    assert_eq!(place.names("orders/done").len(), 2);
    assert!(settings(AT_ONCE, "", "relative/path").is_err());
}
