use encoding_rs::SHIFT_JIS;

use super::*;
use crate::domain::catalogue::{CountLine, Draft};

fn read(text: &str) -> Sheet<Draft> {
    items(text.as_bytes(), "JPY").unwrap()
}

fn told(remarks: &[Remark]) -> Vec<String> {
    remarks.iter().map(ToString::to_string).collect()
}

fn faults(text: &str) -> Vec<String> {
    told(&read(text).faults)
}

fn refused(text: &str) -> String {
    items(text.as_bytes(), "JPY").unwrap_err().to_string()
}

const JAPANESE: &str = "商品コード,商品名,JAN,価格,税率,在庫,セット構成\r\n\
    TEA-01,煎茶 100g,4901234567894,\"1,980\",8%,５０,\r\n\
    CUP-03,湯のみ（髙﨑窯①）,,￥３，３００,10,,\r\n\
    GIFT-1,贈答セット,,5000円,0.1,,TEA-01*2+CUP-03\r\n";

#[test]
fn one_sheet_reads_alike_in_every_encoding_that_merchants_have() {
    let plain = read(JAPANESE);
    assert_eq!((plain.encoding, &plain.faults[..], &plain.warnings[..]), (Encoding::Utf8, &[][..], &[][..]));
    let [tea, cup, gift] = &plain.lines[..] else { panic!("{:?}", plain.lines) };
    assert_eq!((tea.line, tea.price, tea.tax_rate_bp, tea.stock), (2, Some(1980), Some(800), Some(50)));
    assert_eq!(
        (cup.name.as_deref(), cup.price, cup.tax_rate_bp),
        (Some("湯のみ（髙﨑窯①）"), Some(3300), Some(1000))
    );
    assert_eq!((gift.price, gift.tax_rate_bp, gift.stock), (Some(5000), Some(1000), None));
    assert_eq!(gift.parts, Some([("CUP-03".to_owned(), 1), ("TEA-01".to_owned(), 2)].into()));

    let with_mark = items(format!("\u{feff}{JAPANESE}").as_bytes(), "JPY").unwrap();
    assert_eq!(with_mark, plain);
    let (cp932, _, lost) = SHIFT_JIS.encode(JAPANESE);
    assert!(!lost, "the sample must be writable in CP932");
    let cp932 = items(&cp932, "JPY").unwrap();
    assert_eq!((cp932.encoding, cp932.lines), (Encoding::Cp932, plain.lines.clone()));
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(JAPANESE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let utf16 = items(&utf16, "JPY").unwrap();
    assert_eq!((utf16.encoding, utf16.lines), (Encoding::Utf16, plain.lines));
}

#[test]
fn a_damaged_encoding_is_named_with_its_line() {
    let mut utf8 = JAPANESE.as_bytes().to_vec();
    let at = JAPANESE.find("湯").unwrap();
    utf8[at] = 0xff;
    let told = items(&utf8, "JPY").unwrap_err().to_string();
    assert_eq!(told, r#"line 3: here the file stops being UTF-8 text; save it again as "CSV UTF-8""#);
    let (cp932, ..) = SHIFT_JIS.encode(JAPANESE);
    let mut cp932 = cp932.into_owned();
    let at = cp932.windows(4).position(|w| w == b"GIFT").unwrap();
    cp932[at] = 0xff;
    let told = items(&cp932, "JPY").unwrap_err().to_string();
    assert_eq!(told, r#"line 4: here the file stops being CP932 text; save it again as "CSV UTF-8""#);
}

#[test]
fn line_numbers_are_the_files_own() {
    let text = "code,name,price\n\n\"A\",\"two\nlines\",100\r\n\r\nB,b,x\n,,\nC,c,y\n";
    let sheet = read(text);
    assert_eq!(
        (sheet.lines.len(), sheet.lines[0].line, sheet.lines[0].name.as_deref()),
        (1, 3, Some("two lines"))
    );
    assert_eq!(
        told(&sheet.faults),
        [r#"line 6, price: "x" is not an amount"#, r#"line 8, price: "y" is not an amount"#]
    );
}

#[test]
fn a_quote_that_is_never_closed_is_found_where_it_begins() {
    assert_eq!(
        refused("code,name\nA,a\nB,\"b\nC,c\nD,d\n"),
        "line 3: a quote (\") that begins here is never closed; the rest of the file is lost in it"
    );
    assert_eq!(faults("code,name\nA,5\" pipe\n"), [""; 0], "an inch is no quote");
}

#[test]
fn leading_zeros_stay() {
    let sheet = read("code,name,JAN\n=\"0123\",a,\n\"0124\",b,=\"0036000291452\"\n\"=\"\"0125\"\"\",c,\n");
    let codes: Vec<&str> = sheet.lines.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["0123", "0124", "0125"]);
    assert_eq!(sheet.lines[1].gtin.as_deref(), Some("0036000291452"));
}

#[test]
fn what_the_spreadsheet_spoilt_is_refused() {
    assert_eq!(
        faults("code,name,JAN,price\n4.90123E+12,a,,\nB,b,4.90123E+12,\nC,c,,#N/A\nD,d,,#####\n"),
        [
            "line 2, code: the spreadsheet shortened a long number to 4.90123E+12; \
             make the column text and export again",
            "line 3, JAN: the spreadsheet shortened a long number to 4.90123E+12; \
             make the column text and export again",
            "line 4, price: #N/A is an error of the spreadsheet, not a value",
            "line 5, price: the column was too narrow when the file was written, and the value is lost",
        ]
    );
}

#[test]
fn every_fault_of_a_line_is_told_and_the_good_lines_stay() {
    let text = "商品コード,商品名,JAN,価格,税率,在庫,セット構成\n\
        A,a,4901234567890,1.5,消費税,-3,\n\
        ,b,,,,,\n\
        C,c,123,12,8.125,1.5,\n\
        D,d,,\"1,98\",200,１２個,D1**2\n\
        E,e,,100,,3,E1*0+E2\n\
        F,f,,,,,F1++F2\n\
        G,g,,,,7,\n";
    let sheet = read(text);
    assert_eq!(
        told(&sheet.faults),
        [
            r#"line 2, JAN: 4901234567890: the check digit is 0 and should be 4"#,
            r#"line 2, 価格: "1.5" has more decimals than its currency"#,
            r#"line 2, 在庫: "-3" is less than nothing"#,
            r#"line 2, 税率: "消費税" is not a tax rate; write 10, 8 or 0"#,
            r#"line 3: the line has no code"#,
            r#"line 4, JAN: 123: a JAN/GTIN has 8, 12, 13 or 14 digits, this has 3"#,
            r#"line 4, 在庫: "1.5" is not a whole number"#,
            r#"line 4, 税率: "8.125" is not a tax rate; write 10, 8 or 0"#,
            r#"line 5, 価格: "1,98" is not an amount"#,
            r#"line 5, 税率: "200" is not a tax rate; write 10, 8 or 0"#,
            r#"line 6, セット構成: "E1*0" is not a part; write TEA-01*2"#,
            r#"line 7, セット構成: "F1++F2" names no part between two separators; write TEA-01*2+CUP-03*1"#,
        ]
    );
    let good: Vec<_> = sheet.lines.iter().map(|d| (d.line, d.code.as_str(), d.stock)).collect();
    assert_eq!(good, [(8, "G", Some(7))]);
}

#[test]
fn duplicate_codes_name_both_lines() {
    assert_eq!(faults("code,name\nA,a\nB,b\nA,again\n"), ["line 4: A stands in line 2 already"]);
}

#[test]
fn columns_are_found_by_name_whatever_their_order_and_separator() {
    let tabs = read("在庫\tＪＡＮコード\tSKU\t商品名\n3\t49123456\tA\ta, b\n");
    assert_eq!(
        (tabs.lines[0].code.as_str(), tabs.lines[0].stock, tabs.lines[0].name.as_deref()),
        ("A", Some(3), Some("a, b"))
    );
    let semicolons = read("Item Code;Title;Tax rate\nA;a;7.8\n");
    assert_eq!((semicolons.lines[0].tax_rate_bp, semicolons.faults.len()), (Some(780), 0));
}

#[test]
fn missing_twice_and_unknown_columns() {
    assert_eq!(
        refused("商品名,価格\na,100\n"),
        "line 1: no column is called code, 商品コード, SKU, 品番, 商品番号, item code; the first line must name the columns"
    );
    assert_eq!(refused("code,sku,name\nA,A,a\n"), r#"line 1: "code" and "sku" are both the code"#);
    assert_eq!(refused(""), "line 1: the file is empty");
    assert_eq!(refused("\n \n,,\n"), "line 1: the file is empty");
    let sheet = read("code,name,メモ,色\nA,a,x,y\n");
    assert_eq!(
        (told(&sheet.warnings), sheet.lines.len()),
        (vec!["line 1: not used: メモ, 色".to_owned()], 1)
    );
    assert_eq!(
        faults("code,name\nA,a,b\nB,b,,\n"),
        [r#"line 2: there are more cells than columns; "b" belongs to none (a stray separator?)"#]
    );
}

#[test]
fn numbers_as_people_write_them() {
    let quantities = ["0", "７", "1,200", "１，２００", "10.00", "3個", " 4 "];
    assert_eq!(quantities.map(|q| cells::quantity(q).unwrap()), [0, 7, 1200, 1200, 10, 3, 4]);
    for bad in
        ["", "1,20", "12,34,567", "1e3", "abc", "1.2.3", "--1", "9999999999999", "99999999999999999999"]
    {
        assert!(cells::quantity(bad).is_err(), "{bad}");
    }
    assert_eq!(cells::quantity("▲2").unwrap_err().en, r#""▲2" is less than nothing"#);
    let amounts =
        [("1980", "JPY"), ("¥1,980", "JPY"), ("１９８０円", "JPY"), ("19.80", "EUR"), ("€19.8", "EUR")];
    assert_eq!(amounts.map(|(a, c)| cells::amount(a, c).unwrap()), [1980; 5]);
    let rates = ["10", "10%", "0.1", "１０％", "8", "0.08", "7.8%", "0", "非課税", "1", "0.0825", "8.25"];
    assert_eq!(
        rates.map(|r| cells::tax_rate(r).unwrap()),
        [1000, 1000, 1000, 1000, 800, 800, 780, 0, 0, 100, 825, 825]
    );
}

#[test]
fn a_stocktake_takes_codes_or_jans() {
    let sheet =
        count("JAN,実棚数,倉庫\n4901234567894,12,main\n,3,\n49123456,,\n49123450,1,\n".as_bytes()).unwrap();
    let jan = CountLine {
        line: 2,
        code: None,
        gtin: Some("4901234567894".into()),
        location: Some("main".into()),
        counted: 12,
    };
    assert_eq!(sheet.lines, [jan]);
    assert_eq!(
        told(&sheet.faults),
        [
            "line 3: the line has neither code nor JAN/GTIN",
            "line 4: nothing was counted; write 0 for an empty shelf, or leave the line out",
            "line 5, JAN: 49123450: the check digit is 0 and should be 6",
        ]
    );
    let refused = count(b"code,name\nA,a\n").unwrap_err().to_string();
    assert_eq!(
        refused,
        "line 1: no column is called counted, 実棚, 実棚数, 棚卸数, 実在庫, count; the first line must name the columns"
    );
}
