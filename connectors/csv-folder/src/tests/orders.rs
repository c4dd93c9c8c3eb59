//! What an order file says.

use banto_channel::{Fulfilment, ListingId, Money, Payment, Read};

use super::place::{AT_ONCE, HEADER, Place, file, only_order, place, row, told};

async fn read(place: &Place, text: &str) -> Vec<Read> {
    place.write("orders/a.csv", text);
    place.walk(None).await.0
}

#[tokio::test]
async fn rows_of_one_order_are_put_together_wherever_they_stand() {
    let place = place(AT_ONCE, "");
    let second = "A-1,2026/04/01 10:00:00,新規,CUP,2,300\r\n".to_owned();
    let reads = read(&place, &file(&[row("A-1", "新規"), row("A-2", "新規"), second])).await;
    assert_eq!(told(&reads), ["A-1 新規", "A-2 新規"]);
    let Read::Order(order) = &reads[0] else { panic!() };
    let lines: Vec<_> = order.lines.iter().map(|l| (l.id.as_str(), l.quantity, l.total)).collect();
    assert_eq!(lines, [("TEA-1", 1, Money(540)), ("CUP", 2, Money(600))]);
    assert_eq!(order.lines[1].listing, Some(ListingId::from("CUP")));
    assert_eq!((order.totals.items, order.totals.grand), (Money(1140), Money(1140)));
    assert!(order.raw.starts_with(HEADER) && order.raw.ends_with("CUP,2,300"), "{}", order.raw);
}

#[tokio::test]
async fn equal_lines_have_names_that_stay() {
    let place = place(AT_ONCE, "");
    let reads = read(&place, &file(&[row("A-1", "新規"), row("A-1", "新規")])).await;
    let ids: Vec<_> = only_order(&reads).lines.iter().map(|line| line.id.clone()).collect();
    assert_eq!(ids, ["TEA-1", "TEA-1#2"]);
}

#[tokio::test]
async fn a_bad_row_costs_its_order_and_no_other() {
    let place = place(AT_ONCE, "");
    let bad = "A-2,2026/04/01 10:00:00,新規,CUP,many,300\r\n".to_owned();
    let reads = read(&place, &file(&[row("A-1", "新規"), row("A-2", "新規"), bad, row("A-3", "新規")])).await;
    let told = told(&reads);
    assert_eq!((told[0].as_str(), told[2].as_str()), ("A-1 新規", "A-3 新規"));
    assert!(told[1].starts_with("?A-2 a.csv, line 4, column 個数 (quantity): \"many\""), "{}", told[1]);
    let Read::Unreadable { raw, .. } = &reads[1] else { panic!() };
    assert_eq!(raw.lines().count(), 3, "both of its rows are kept, with the header: {raw}");
}

#[tokio::test]
async fn a_row_that_names_no_order_holds_the_one_before_it() {
    let place = place(AT_ONCE, "");
    let nameless = ",,新規,CUP,2,300\r\n".to_owned();
    let reads = read(&place, &file(&[row("A-1", "新規"), nameless, row("A-2", "新規")])).await;
    let Read::Order(order) = &reads[0] else { panic!() };
    assert!(order.unknowns[0].en.contains("line 3"), "{:?}", order.unknowns);
    assert!(told(&reads)[1].contains("there is no order number"));
    let Read::Order(other) = &reads[2] else { panic!() };
    assert!(other.unknowns.is_empty());
}

#[tokio::test]
async fn the_same_file_reads_the_same_in_each_encoding() {
    let text = "出力日時：2026/04/01\r\n".to_owned() + &file(&[row("髙-1①", "入金済み")]);
    let sjis = encoding_rs::SHIFT_JIS.encode(&text).0.into_owned();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let bom = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for bytes in [text.clone().into_bytes(), sjis, utf16, bom] {
        let place = place(AT_ONCE, "");
        place.write("orders/a.csv", bytes);
        assert_eq!(told(&place.walk(None).await.0), ["髙-1① 入金済み"]);
    }
}

#[tokio::test]
async fn bytes_that_are_no_characters_cost_their_row() {
    let place = place(AT_ONCE, "");
    let mut bytes =
        encoding_rs::SHIFT_JIS.encode(&file(&[row("A-1", "新規"), row("A-2", "新規")])).0.into_owned();
    // The last row's status loses half of its last character.
    let at = bytes.len() - b"\x8bK,TEA-1,1,540\r\n".len();
    bytes.remove(at + 1);
    place.write("orders/a.csv", bytes);
    let told = told(&place.walk(None).await.0);
    assert_eq!(told[0], "A-1 新規");
    assert!(told[1].starts_with("?A-2") && told[1].contains("no characters"), "{told:?}");
}

#[tokio::test]
async fn tabs_stand_between_cells_where_the_config_says_so() {
    let place = place(&format!("{AT_ONCE}delimiter = \"\\t\"\n"), "");
    let reads = read(&place, &file(&[row("A-1", "新規")]).replace(',', "\t")).await;
    assert_eq!(told(&reads), ["A-1 新規"]);
}

const MORE: &str = "
[orders.payment]
\"未入金\" = \"awaiting\"
\"入金済\" = \"paid\"
";

#[tokio::test]
async fn payment_and_status_are_told_apart() {
    let dir = place(AT_ONCE, "");
    let table = format!(
        "folder = {:?}\n{AT_ONCE}{}{MORE}",
        dir.dir.path(),
        super::place::LEAST
            .replace("[orders.status]", "payment_status = \"入金\"\npaid_at = \"入金日\"\n[orders.status]")
    );
    let settings = crate::config::Settings::read(&toml::from_str(&table).unwrap()).unwrap();
    let place = Place { connector: crate::CsvFolder::new(settings), ..dir };
    let line = |id: &str, status: &str, paid: &str, at: &str| {
        format!("{id},2026/04/01 10:00:00,{status},T,1,540,{paid},{at}\r\n")
    };
    let text = [
        format!("{HEADER},入金,入金日\r\n"),
        line("A-1", "新規", "入金済", ""),
        line("A-2", "入金済み", "未入金", ""),
        line("A-3", "新規", "", "2026/04/01"),
        line("A-4", "発送済み", "未入金", ""),
        line("A-5", "新規", "審査中", ""),
    ];
    let reads = read(&place, &text.concat()).await;
    let found: Vec<_> = reads
        .iter()
        .map(|read| match read {
            Read::Order(o) => (o.payment, o.fulfilment, o.unknowns.len()),
            Read::Unreadable { reason, .. } => panic!("{reason}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            (Payment::Paid, Fulfilment::Open, 0),
            (Payment::Awaiting, Fulfilment::Open, 0),
            (Payment::Paid, Fulfilment::Open, 0),
            (Payment::Awaiting, Fulfilment::Shipped, 0),
            (Payment::Awaiting, Fulfilment::Open, 1),
        ]
    );
}

#[tokio::test]
async fn a_large_file_comes_whole_over_many_pages() {
    let place = place(AT_ONCE, "");
    let rows: Vec<_> = (0..3_000).map(|n| row(&format!("A-{n}"), "新規")).collect();
    let reads = read(&place, &file(&rows)).await;
    let expected: Vec<String> = (0..3_000).map(|n| format!("A-{n} 新規")).collect();
    assert_eq!(told(&reads), expected);
}
