//! Orders that strain whoever reads them.

use std::collections::BTreeMap;

use banto_channel::{Address, Buyer, ListingId, RemoteOffer, RemoteOrderId, Timestamp};
use banto_sim::market::Purchase;

use super::books::{Line, Order};
use super::exports::{ORDER_COLUMNS, line, order_rows};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddOrder {
    /// What is odd.
    pub name: &'static str,
    /// The key that its rows should bear.
    pub id: RemoteOrderId,
}

type Rows = Vec<Vec<String>>;

/// The number of lines that it has and what is done to its rows.
type Odd = (&'static str, usize, fn(&mut Rows));

fn set(rows: &mut Rows, column: &str, value: &str) {
    for row in rows {
        set_one(row, column, value);
    }
}

fn set_one(row: &mut [String], column: &str, value: &str) {
    if let Some(at) = ORDER_COLUMNS.iter().position(|title| *title == column) {
        value.clone_into(&mut row[at]);
    }
}

const ODD: &[Odd] = &[
    ("rows that stand far apart", 2, |_| ()),
    ("a gift: somebody else gets it", 1, |rows| {
        set(rows, "届け先氏名", "贈答 先子");
        set(rows, "備考", "のし紙: 御祝　名入れ「髙﨑」");
    }),
    ("several recipients", 2, |rows| {
        set_one(&mut rows[1], "届け先氏名", "別府 湯子");
        set_one(&mut rows[1], "届け先郵便番号", "874-0000");
    }),
    ("coupon and points", 1, |rows| {
        set(rows, "クーポン", "200");
        set(rows, "ポイント", "50");
        set(rows, "合計金額", "840");
    }),
    ("a coupon as a negative number", 1, |rows| {
        set(rows, "クーポン", "▲200");
        set(rows, "ポイント", "50");
        set(rows, "合計金額", "840");
    }),
    ("a total that does not add up", 1, |rows| set(rows, "合計金額", "9,999")),
    ("tax of 8 and of 10 percent", 2, |rows| {
        set_one(&mut rows[1], "税率", "10%");
    }),
    ("tax in words", 1, |rows| set(rows, "税率", "軽減税率対象")),
    ("cash on delivery", 1, |rows| {
        set(rows, "支払方法", "代金引換");
        set(rows, "代引手数料", "330");
        set(rows, "合計金額", "1,420");
        set(rows, "入金日時", "");
    }),
    ("an unknown payment method", 1, |rows| set(rows, "支払方法", "あと払い（新）")),
    ("a pre-order", 1, |rows| {
        set(rows, "商品名", "【予約】新茶 2026");
        set(rows, "発送期限", "2026/06/01 00:00:00");
    }),
    ("emoji and characters beyond CP932", 1, |rows| {
        set(rows, "届け先氏名", "𠮷田 🌸");
        set(rows, "備考", "①②㈱🎁 ありがとう");
    }),
    ("a hundred lines", 100, |_| ()),
    ("an unknown status", 1, |rows| set(rows, "状態", "審査保留Ⅱ")),
    ("no status", 1, |rows| set(rows, "状態", "")),
    ("the marketplace still looks at it", 1, |rows| set(rows, "状態", "確認中")),
    ("a basket that is no order", 1, |rows| set(rows, "状態", "仮注文")),
    ("one line shipped, one to ship", 2, |rows| set_one(&mut rows[0], "状態", "発送済み")),
    ("one line cancelled", 2, |rows| set_one(&mut rows[1], "状態", "キャンセル")),
    ("all cancelled", 2, |rows| set(rows, "状態", "キャンセル")),
    ("more cancelled than ordered", 1, |rows| set(rows, "取消数", "5")),
    ("more returned than ordered", 1, |rows| {
        set(rows, "状態", "発送済み");
        set(rows, "返品数", "3");
    }),
    ("returned and refunded", 1, |rows| {
        set(rows, "状態", "発送済み");
        set(rows, "返品数", "1");
        set(rows, "返金額", "540");
    }),
    ("all money back", 1, |rows| {
        set(rows, "状態", "キャンセル");
        set(rows, "返金額", "-1,090");
    }),
    ("two parcels", 2, |rows| {
        set(rows, "状態", "発送済み");
        set_one(&mut rows[0], "送り状番号", "4212-0001");
        set_one(&mut rows[1], "送り状番号", "4212-0002");
        set(rows, "配送会社", "ヤマト運輸");
    }),
    ("an unknown carrier", 1, |rows| {
        set(rows, "状態", "発送済み");
        set(rows, "配送会社", "ドローン便");
        set(rows, "送り状番号", "DR-1");
    }),
    ("an unknown currency", 1, |rows| set(rows, "通貨", "XBT")),
    ("dollars with cents", 1, |rows| {
        set(rows, "通貨", "USD");
        set(rows, "単価", "$5.40");
        set(rows, "小計", "5.40");
        set(rows, "送料", "0");
        set(rows, "合計金額", "5.40");
    }),
    ("yen with decimals", 1, |rows| set(rows, "単価", "540.5")),
    ("money in words", 1, |rows| set(rows, "合計金額", "応相談")),
    ("an amount beyond all measure", 1, |rows| set(rows, "合計金額", "99999999999999999999")),
    ("a price that overflows when multiplied", 1, |rows| {
        set(rows, "単価", "9,223,372,036,854,775,807");
        set(rows, "数量", "2");
        set(rows, "小計", "");
    }),
    ("wide digits and yen signs", 1, |rows| {
        set(rows, "数量", "２");
        set(rows, "単価", "￥５４０");
        set(rows, "小計", "１，０８０円");
        set(rows, "合計金額", "¥1,630");
    }),
    ("no quantity", 1, |rows| set(rows, "数量", "")),
    ("a quantity of nothing", 1, |rows| {
        set(rows, "数量", "0");
        set(rows, "小計", "0");
        set(rows, "合計金額", "550");
    }),
    ("a quantity below zero", 1, |rows| set(rows, "数量", "-1")),
    ("half a unit", 1, |rows| set(rows, "数量", "0.5")),
    ("a quantity in words", 1, |rows| set(rows, "数量", "一箱")),
    ("no date", 1, |rows| set(rows, "注文日時", "")),
    ("a date as Excel counts days", 1, |rows| set(rows, "注文日時", "46113.5")),
    ("a day that does not exist", 1, |rows| set(rows, "注文日時", "2026/02/30 10:00:00")),
    ("no seconds", 1, |rows| set(rows, "注文日時", "2026/4/1 9:05")),
    ("no order number", 1, |rows| set(rows, "注文番号", "")),
    ("an order number that Excel has spoilt", 1, |rows| set(rows, "注文番号", "2.60401E+14")),
    ("an order number with leading zeros", 1, |rows| set(rows, "注文番号", "=\"000123\"")),
    ("no code and no listing", 1, |rows| {
        set(rows, "商品番号", "");
        set(rows, "商品コード", "");
    }),
    ("an offer that nobody knows", 1, |rows| {
        set(rows, "商品番号", "88888888");
        set(rows, "商品コード", "GONE-1");
    }),
    ("the same line twice", 2, |rows| {
        set(rows, "明細番号", "1");
    }),
    ("rows that differ in shipping", 2, |rows| set_one(&mut rows[1], "送料", "770")),
    ("order values in the first row alone", 2, |rows| {
        for column in ["注文日時", "送料", "合計金額", "届け先氏名", "届け先郵便番号", "備考"]
        {
            set_one(&mut rows[1], column, "");
        }
    }),
    ("markup and formulas", 1, |rows| {
        set(rows, "備考", "<script>alert(1)</script> =HYPERLINK(\"http://x\")");
        set(rows, "届け先建物", "'; DROP TABLE orders; --");
    }),
    ("a note of many lines with commas and quotes", 1, |rows| {
        set(rows, "備考", "1, 2, \"3\"\r\n\r\n4\n5");
    }),
    ("control characters", 1, |rows| set(rows, "備考", "a\u{0}b\u{1b}[31m\u{feff}\u{202e}c")),
    ("a buyer abroad", 1, |rows| {
        set(rows, "届け先国", "VN");
        set(rows, "届け先郵便番号", "");
        set(rows, "届け先都道府県", "Hà Nội");
    }),
];

/// What is done to the text of a row.
type Broken = (&'static str, fn(&str) -> String);

const BROKEN: &[Broken] = &[
    ("a row that is cut off", |row| row.split("\",\"").take(12).collect::<Vec<_>>().join("\",\"") + "\"\r\n"),
    ("a row with a cell too many", |row| {
        row.replacen("\"新茶", "\"新\",\"茶", 1).trim_end().to_owned() + ",\"x\"\r\n"
    }),
    ("a stray quote", |row| row.replacen("\"8%\"", "\"8%", 1)),
];

/// Their rows as one text, and what they are.
pub(super) fn orders(now: Timestamp, offers: &BTreeMap<ListingId, RemoteOffer>) -> (String, Vec<OddOrder>) {
    let listings: Vec<&RemoteOffer> = offers.values().collect();
    let (mut text, mut odd, mut late) = (String::new(), Vec::new(), String::new());
    let whole = |row: &str| row.to_owned();
    let sound = ODD.iter().map(|(name, lines, change)| (*name, *lines, *change, whole as fn(&str) -> String));
    let broken = BROKEN.iter().map(|(name, spoil)| (*name, 1, (|_| ()) as fn(&mut Rows), *spoil));
    for (at, (name, lines, change, spoil)) in sound.chain(broken).enumerate() {
        let mut rows = order_rows(&order(at, lines, now, &listings));
        change(&mut rows);
        odd.push(OddOrder { name, id: RemoteOrderId(rows.first().map(|row| id(row)).unwrap_or_default()) });
        if at == 0 {
            late = rows.pop().map(|row| line(&row)).unwrap_or_default();
        }
        text += &rows.iter().map(|row| spoil(&line(row))).collect::<String>();
    }
    (text + &late, odd)
}

/// Excel's way of keeping zeros is not part of the number.
fn id(row: &[String]) -> String {
    let cell = row.first().cloned().unwrap_or_default();
    cell.trim_start_matches('=').trim_matches('"').to_owned()
}

fn order(at: usize, lines: usize, now: Timestamp, offers: &[&RemoteOffer]) -> Order {
    let line = |n: usize| {
        let listing =
            offers.get(n % offers.len().max(1)).map_or_else(|| ListingId::from("1001"), |o| o.id.clone());
        Line {
            id: (n + 1).to_string(),
            listing,
            code: format!("ODD-{n}"),
            title: format!("新茶 {n}"),
            price: 540,
            quantity: 1,
            cancelled: 0,
            returned: 0,
            shipped: 0,
        }
    };
    let home = Address {
        name: "奇妙 太郎".to_owned(),
        country: "JP".to_owned(),
        postcode: "150-0001".to_owned(),
        region: "東京都".to_owned(),
        city: "渋谷区".to_owned(),
        line1: "神宮前1-2-3".to_owned(),
        ..Address::default()
    };
    let buyer =
        Buyer { name: home.name.clone(), email: format!("odd.{at}@example.test"), ..Buyer::default() };
    Order {
        id: format!("ODD-{at:03}"),
        purchase: Purchase { buyer, ship_to: home, paid: true, ..Purchase::default() },
        lines: (0..lines).map(line).collect(),
        placed: now,
        changed: now,
        paid: Some(now),
        cancelled: false,
        refunded: 0,
        parcels: Vec::new(),
    }
}
