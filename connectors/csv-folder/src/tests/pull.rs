//! Files come in, are read once, and survive crashes.

use std::fs;

use banto_channel::{Connector as _, Cursor, ErrorKind, Read};

use super::place::{AT_ONCE, Place, file, place, row, told};

#[tokio::test]
async fn a_file_is_read_when_it_lies_still() {
    let place = place("", "");
    place.write("orders/a.csv", file(&[row("A-1", "入金済み")]));
    assert!(place.walk(None).await.0.is_empty(), "seen for the first time");
    place.pass(6);
    place.write("orders/a.csv", file(&[row("A-1", "入金済み"), row("A-2", "入金済み")]));
    place.pass(6);
    assert!(place.walk(None).await.0.is_empty(), "it has grown");
    place.pass(10);
    assert_eq!(told(&place.walk(None).await.0), ["A-1 入金済み", "A-2 入金済み"]);
}

#[tokio::test]
async fn an_old_time_does_not_make_a_file_finished() {
    // Some tools set the time of the original first and write afterwards.
    let place = place("", "");
    place.write("orders/a.csv", file(&[row("A-1", "入金済み")]));
    place.pass(3600);
    assert!(place.walk(None).await.0.is_empty());
    place.pass(10);
    assert_eq!(place.walk(None).await.0.len(), 1);
}

#[tokio::test]
async fn uploads_under_way_and_other_things_are_left_alone() {
    let place = place(AT_ONCE, "");
    for name in ["a.csv.tmp", "b.csv.part", ".c.csv", "~d.csv", "e.xlsx", "f.csv.filepart"] {
        place.write(&format!("orders/{name}"), file(&[row("A-1", "入金済み")]));
    }
    place.write("orders/empty.csv", "");
    fs::create_dir(place.path("orders/g.csv")).unwrap();
    place.write("elsewhere.csv", file(&[row("A-9", "入金済み")]));
    std::os::unix::fs::symlink(place.path("elsewhere.csv"), place.path("orders/h.csv")).unwrap();
    assert!(place.walk(None).await.0.is_empty());
    assert_eq!(place.names("orders").len(), 7);
    fs::rename(place.path("orders/a.csv.tmp"), place.path("orders/a.csv")).unwrap();
    assert_eq!(place.walk(None).await.0.len(), 1);
}

#[tokio::test]
async fn files_are_read_oldest_first_and_page_by_page() {
    let place = place(&format!("{AT_ONCE}orders_per_page = 2\n"), "");
    let rows: Vec<_> = (1..=5).map(|n| row(&format!("A-{n}"), "新規")).collect();
    place.write("orders/z.csv", file(&rows));
    place.write("orders/a.csv", file(&[row("A-1", "発送済み")]));
    let (mut cursor, mut pages) = (None, Vec::new());
    loop {
        let page = place.page(cursor.as_ref()).await;
        pages.push(told(&page.items));
        cursor = Some(page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!(
        pages,
        [vec!["A-1 新規", "A-2 新規"], vec!["A-3 新規", "A-4 新規"], vec!["A-5 新規"], vec!["A-1 発送済み"]]
    );
}

#[tokio::test]
async fn a_file_is_laid_down_only_after_its_cursor_is_stored() {
    let place = place(AT_ONCE, "");
    place.write("orders/a.csv", file(&[row("A-1", "新規")]));
    let page = place.page(None).await;
    assert!(!page.more);
    // The daemon crashes here, before it stores the page: the next pull brings the same.
    let place = place.restart();
    assert!(place.names("orders/done").is_empty());
    assert_eq!(place.page(None).await.items, page.items);
    // Now it is stored.
    assert!(place.page(Some(&page.next)).await.items.is_empty());
    assert_eq!(place.names("orders/done").len(), 1);
    assert!(place.names("orders").is_empty() && place.names("orders/reading").is_empty());
}

#[tokio::test]
async fn a_crash_anywhere_repeats_work_and_loses_none() {
    // Before each pull the daemon either goes on with the newest cursor or, after a crash, with the one before it.
    for crashes in 0..64_u32 {
        let mut place = place(&format!("{AT_ONCE}orders_per_page = 1\n"), "");
        place.write("orders/a.csv", file(&[row("A-1", "新規"), row("A-2", "新規")]));
        place.write("orders/b.csv", file(&[row("A-1", "発送済み"), row("A-3", "新規")]));
        let (mut stored, mut seen): (Option<Cursor>, Vec<String>) = (None, Vec::new());
        for step in 0..14 {
            let page = place.page(stored.as_ref()).await;
            if crashes & (1 << step) != 0 {
                let folder = place.dir.path().to_string_lossy().into_owned();
                let keys = format!("{AT_ONCE}orders_per_page = 1\n");
                let settings = super::place::settings(&keys, "", &folder).unwrap();
                place = Place { connector: crate::CsvFolder::new(settings), ..place };
                continue;
            }
            seen.extend(told(&page.items));
            stored = Some(page.next);
        }
        assert_eq!(seen, ["A-1 新規", "A-2 新規", "A-1 発送済み", "A-3 新規"], "{crashes:b}");
        assert_eq!(place.names("orders/done").len(), 2);
    }
}

#[tokio::test]
async fn the_same_content_is_read_once_whatever_its_name() {
    let place = place(AT_ONCE, "");
    let content = file(&[row("A-1", "新規")]);
    place.write("orders/a.csv", &content);
    let (_, cursor) = place.walk(None).await;
    place.write("orders/b.csv", &content);
    place.write("orders/c.csv", file(&[row("A-2", "新規")]));
    let (reads, cursor) = place.walk(Some(&cursor)).await;
    assert_eq!(told(&reads), ["A-2 新規"]);
    place.write("orders/a.csv", &content);
    let (reads, _) = place.walk(Some(&cursor)).await;
    assert!(reads.is_empty());
    let done = place.names("orders/done");
    assert!(done.iter().any(|name| name.starts_with("again-") && name.ends_with("-b.csv")), "{done:?}");
    assert!(place.names("orders").is_empty());
}

#[tokio::test]
async fn an_order_comes_again_when_an_export_says_something_new() {
    let place = place(AT_ONCE, "");
    place.write("orders/orders.csv", file(&[row("A-1", "新規"), row("A-2", "新規")]));
    let (_, cursor) = place.walk(None).await;
    place.write("orders/orders.csv", file(&[row("A-1", "入金済み"), row("A-2", "新規")]));
    let (reads, _) = place.walk(Some(&cursor)).await;
    assert_eq!(told(&reads), ["A-1 入金済み", "A-2 新規"]);
}

#[tokio::test]
async fn a_file_replaced_while_it_is_read_is_two_files() {
    let place = place(&format!("{AT_ONCE}orders_per_page = 1\n"), "");
    place.write("orders/orders.csv", file(&[row("A-1", "新規"), row("A-2", "新規")]));
    let first = place.page(None).await;
    place.write("orders/orders.csv", file(&[row("A-3", "新規")]));
    let (reads, _) = place.walk(Some(&first.next)).await;
    assert_eq!(told(&reads), ["A-2 新規", "A-3 新規"]);
}

#[tokio::test]
async fn what_a_slow_writer_adds_afterwards_is_read_too() {
    let place = place(AT_ONCE, "");
    let whole = file(&[row("A-1", "新規"), row("A-2", "新規")]);
    let half = whole.len() - 20;
    place.write("orders/a.csv", &whole[..half]);
    let (reads, cursor) = place.walk(None).await;
    let told_first = told(&reads);
    assert!(told_first[0] == "A-1 新規" && told_first[1].contains("breaks off"), "{told_first:?}");
    // The writer held the file open and goes on where it lies now.
    place.write("orders/reading/00000001-a.csv", &whole);
    let (reads, cursor) = place.walk(Some(&cursor)).await;
    assert_eq!(told(&reads), ["A-1 新規", "A-2 新規"]);
    assert!(place.walk(Some(&cursor)).await.0.is_empty());
    assert_eq!(place.names("orders/done").len(), 1);
}

#[tokio::test]
async fn an_older_cursor_finds_what_was_laid_down_since() {
    let place = place(AT_ONCE, "");
    place.write("orders/a.csv", file(&[row("A-1", "新規")]));
    let (_, backup) = place.walk(None).await;
    for n in 2..=4 {
        place.write("orders/a.csv", file(&[row(&format!("A-{n}"), "新規")]));
        place.walk(Some(&backup)).await;
    }
    let (reads, _) = place.walk(Some(&backup)).await;
    assert_eq!(told(&reads), ["A-2 新規", "A-3 新規", "A-4 新規"]);
    // From the very start everything comes, in its order, though little is left to do.
    let (reads, _) = place.walk(None).await;
    assert_eq!(told(&reads), ["A-1 新規", "A-2 新規", "A-3 新規", "A-4 新規"]);
}

#[tokio::test]
async fn an_emptied_folder_does_not_make_new_files_look_old() {
    let place = place(AT_ONCE, "");
    let mut cursor = None;
    for n in 1..=3 {
        place.write("orders/a.csv", file(&[row(&format!("A-{n}"), "新規")]));
        cursor = Some(place.walk(cursor.as_ref()).await.1);
    }
    fs::remove_dir_all(place.path("orders/done")).unwrap();
    fs::remove_dir_all(place.path("orders/reading")).unwrap();
    place.write("orders/a.csv", file(&[row("A-4", "新規")]));
    let (reads, _) = place.walk(cursor.as_ref()).await;
    assert_eq!(told(&reads), ["A-4 新規"]);
}

#[tokio::test]
async fn a_folder_put_back_from_a_copy_gives_back_what_it_was_reading() {
    let place = place(AT_ONCE, "");
    let mut cursor = None;
    for n in 1..=3 {
        place.write("orders/a.csv", file(&[row(&format!("A-{n}"), "新規")]));
        cursor = Some(place.walk(cursor.as_ref()).await.1);
    }
    fs::remove_dir_all(place.path("orders/done")).unwrap();
    fs::remove_dir_all(place.path("orders/reading")).unwrap();
    place.write("orders/reading/00000002-a.csv", file(&[row("A-2", "新規")]));
    let (reads, _) = place.walk(cursor.as_ref()).await;
    assert_eq!(told(&reads), ["A-2 新規"]);
}

#[tokio::test]
async fn a_folder_that_is_away_is_unreachable_and_nothing_is_made_in_its_place() {
    let place = place(AT_ONCE, "");
    fs::rename(place.path("orders"), place.path("away")).unwrap();
    let (kind, message) = place.fault(None).await;
    assert_eq!(kind, ErrorKind::Unreachable);
    assert!(message.contains("mount it"), "{message}");
    let item = super::stock::item("TEA-1", 3);
    let pushed = place.connector.push_stock(&place.cx, &[item]).await;
    assert!(pushed.is_err_and(|e| e.kind == ErrorKind::Unreachable));
    assert!(!place.path("stock").exists());
}

#[tokio::test]
async fn a_cursor_of_something_else_is_an_error() {
    let place = place(AT_ONCE, "");
    let (kind, message) = place.fault(Some(&Cursor::from("page-2"))).await;
    assert!(kind == ErrorKind::Unexpected && message.contains("takes no order twice"), "{message}");
    assert_eq!(place.connector.cursor_made_at(&Cursor::from("page-2")), None);
    let (_, cursor) = place.walk(None).await;
    assert_eq!(place.connector.cursor_made_at(&cursor), Some(place.cx.clock.now()));
}

#[tokio::test]
async fn nothing_new_leaves_the_cursor_as_it_is() {
    let place = place(AT_ONCE, "");
    place.write("orders/a.csv", file(&[row("A-1", "新規")]));
    let (_, cursor) = place.walk(None).await;
    place.pass(60);
    assert_eq!(place.walk(Some(&cursor)).await, (Vec::<Read>::new(), cursor));
}
