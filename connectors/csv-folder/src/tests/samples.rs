//! The mappings in `samples/`, each with a file of that layout.

use banto_channel::{Money, Payment, Read, RemoteOrder};

use crate::config::Settings;
use crate::parse::OrderFile;

const EC_CUBE: &str = include_str!("../../samples/ec-cube.toml");
const NEXT_ENGINE: &str = include_str!("../../samples/next-engine.toml");
const AMAZON: &str = include_str!("../../samples/amazon-report.toml");

fn orders(sample: &str, file: &str) -> Vec<RemoteOrder> {
    let settings = Settings::read(&toml::from_str(sample).unwrap()).unwrap();
    let bytes = encoding_rs::SHIFT_JIS.encode(file).0.into_owned();
    let file =
        OrderFile::open(&settings, "a.csv", &bytes).unwrap_or_else(|unusable| panic!("{}", unusable.why));
    let one = |read| match read {
        Read::Order(order) => *order,
        Read::Unreadable { reason, .. } => panic!("{reason}"),
    };
    file.reads(&settings, 0, 100).into_iter().map(one).collect()
}

/// A file with these values under its titles, and nothing under the others.
fn table(titles: &str, delimiter: char, rows: &[&[(&str, &str)]]) -> String {
    let titles: Vec<&str> = titles.split(',').collect();
    let row = |values: &&[(&str, &str)]| {
        let of = |title: &&str| values.iter().find(|(name, _)| name == title).map_or("", |(_, value)| value);
        titles.iter().map(of).collect::<Vec<_>>().join(&delimiter.to_string()) + "\r\n"
    };
    titles.join(&delimiter.to_string()) + "\r\n" + &rows.iter().map(row).collect::<String>()
}

#[test]
fn ec_cube_lists_shipping_and_fees_as_rows() {
    let titles = "注文ID,注文番号,会員ID,お名前(姓),お名前(名),メールアドレス,TEL,小計,値引き,送料,税金,合計,支払合計,\
        対応状況(名称),支払方法(名称),受注日,入金日,注文詳細ID,商品ID,商品規格ID,商品名,商品コード,規格分類名1,規格分類名2,\
        価格,個数,税率,明細区分(名称),配送先_お名前(姓),配送先_お名前(名),配送先_お名前(セイ),配送先_お名前(メイ),\
        配送先_会社名,配送先_郵便番号,配送先_都道府県(名称),配送先_住所1,配送先_住所2,配送先_TEL,配送業者(名称),送料,発送日,\
        出荷伝票番号,配達用メモ";
    let whole = [
        ("注文ID", "7"),
        ("注文番号", "N-7"),
        ("小計", "1100"),
        ("値引き", "0"),
        ("送料", "500"),
        ("支払合計", "1930"),
        ("対応状況(名称)", "対応中"),
        ("受注日", "2026-04-01 10:00:00"),
        ("入金日", "2026-04-01 11:00:00"),
        ("配送先_お名前(姓)", "見本"),
        ("配送先_お名前(名)", "花子"),
    ];
    let row = |own: &[(&'static str, &'static str)]| [&whole[..], own].concat();
    let rows = [
        row(&[
            ("注文詳細ID", "1"),
            ("商品規格ID", "12"),
            ("商品名", "茶碗"),
            ("商品コード", "CUP"),
            ("規格分類名1", "青"),
            ("価格", "1000"),
            ("個数", "1"),
            ("税率", "10"),
            ("明細区分(名称)", "商品"),
        ]),
        row(&[
            ("注文詳細ID", "2"),
            ("商品名", "送料"),
            ("価格", "500"),
            ("個数", "1"),
            ("明細区分(名称)", "送料"),
        ]),
        row(&[
            ("注文詳細ID", "3"),
            ("商品名", "手数料"),
            ("価格", "330"),
            ("個数", "1"),
            ("明細区分(名称)", "手数料"),
        ]),
    ];
    let orders = orders(EC_CUBE, &table(titles, ',', &rows.each_ref().map(Vec::as_slice)));
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((order.lines.len(), order.lines[0].title.as_str()), (1, "茶碗 青"));
    assert_eq!((order.totals.fees, order.totals.shipping), (Money(330), Money(500)));
    assert_eq!(order.totals.sum(), Some(order.totals.grand));
    assert_eq!((order.payment, order.number.as_str(), order.unknowns.len()), (Payment::Paid, "N-7", 0));
    assert_eq!(order.ship_to.name, "見本 花子");
}

#[test]
fn next_engines_layout_of_all_shops() {
    let titles = "店舗伝票番号,受注日,受注郵便番号,受注住所１,受注住所２,受注名,受注名カナ,受注電話番号,受注メールアドレス,\
        発送郵便番号,発送先住所１,発送先住所２,発送先名,発送先カナ,発送電話番号,支払方法,発送方法,商品計,税金,発送料,手数料,\
        ポイント,その他費用,合計金額,ギフトフラグ,時間帯指定,日付指定,作業者欄,備考,商品名,商品コード,商品価格,受注数量,\
        商品オプション,出荷済フラグ,顧客区分,顧客コード";
    let row = [
        ("店舗伝票番号", "P-1"),
        ("受注日", "2026/04/01 10:00:00"),
        ("商品計", "2000"),
        ("税金", "0"),
        ("発送料", "600"),
        ("手数料", "330"),
        ("その他費用", "100"),
        ("ポイント", "50"),
        ("合計金額", "2980"),
        ("商品コード", "TEA"),
        ("商品価格", "1000"),
        ("受注数量", "2"),
        ("発送先住所１", "東京都千代田区"),
        ("支払方法", "代金引換"),
    ];
    let orders = orders(NEXT_ENGINE, &table(titles, ',', &[&row]));
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((order.totals.sum(), order.totals.grand), (Some(Money(2980)), Money(2980)));
    assert_eq!((order.lines[0].quantity, order.ship_to.line1.as_str()), (2, "東京都千代田区"));
}

#[test]
fn amazons_report_has_tabs() {
    let titles = "order-id,order-item-id,purchase-date,payments-date,buyer-email,buyer-name,buyer-phone-number,sku,\
        product-name,quantity-purchased,currency,item-price";
    let row = [
        ("order-id", "503-1"),
        ("order-item-id", "99"),
        ("purchase-date", "2026-04-01T10:00:00+09:00"),
        ("payments-date", "2026-04-01T10:00:00+09:00"),
        ("sku", "TEA"),
        ("quantity-purchased", "2"),
        ("currency", "JPY"),
        ("item-price", "2000"),
    ];
    let orders = orders(AMAZON, &table(titles, '\t', &[&row]));
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!((order.lines[0].unit_price, order.lines[0].total), (Money(1000), Money(2000)));
}
