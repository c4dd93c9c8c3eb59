//! What stands in a cell: numbers with commas or in full-width digits, amounts, tax rates, Excel's own doings.

use banto_channel::{Bilingual, Money, MoneyError, both};

use crate::domain::stock::QUANTITY_MAX;

/// Full-width forms narrowed, other spaces and minus signs made plain, ends trimmed.
pub(super) fn narrow(text: &str) -> String {
    let narrowed: String = text
        .chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3000}' | '\u{a0}' => ' ',
            '−' | '–' | '▲' | '△' => '-',
            '￥' => '¥',
            other => other,
        })
        .collect();
    narrowed.trim().to_owned()
}

/// A cell without Excel's `="0123"`, which keeps leading zeros.
pub(super) fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix("=\"").and_then(|c| c.strip_suffix('"')).unwrap_or(cell)
}

/// Says what Excel did to a text, if it did: an error in place of a value, or a number without its digits.
pub(super) fn spoilt(cell: &str) -> Option<Bilingual> {
    const ERRORS: [&str; 8] = ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!"];
    if ERRORS.contains(&cell) {
        return Some(both!(
            "{cell} is an error of the spreadsheet, not a value",
            "{cell}は表計算ソフトのエラーで、値ではありません"
        ));
    }
    if cell.len() > 2 && cell.chars().all(|c| c == '#') {
        return Some(both!(
            "the column was too narrow when the file was written, and the value is lost",
            "列幅が狭いまま保存されたため、値が失われています"
        ));
    }
    None
}

/// Says when Excel shortened a code to `4.90123E+12`.
pub(super) fn shortened(cell: &str) -> Option<Bilingual> {
    let (mantissa, exponent) = cell.split_once("E+")?;
    let number = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_digit() || c == '.');
    let hit = number(mantissa) && mantissa.contains('.') && number(exponent);
    hit.then(|| {
        both!(
            "the spreadsheet shortened a long number to {cell}; make the column text and export again",
            "長い数字が {cell} に省略されています。列を文字列にして書き出し直してください"
        )
    })
}

/// A whole number of zero or more: `1,200`, `１２`, `3個`, `10.00`.
pub(super) fn quantity(cell: &str) -> Result<i64, Bilingual> {
    let wrong = || both!("{cell:?} is not a quantity", "「{cell}」は数量として読み取れません");
    let narrow = narrow(cell);
    let text = narrow.trim_end_matches(['個', '点', '枚', '本', '冊', '袋', '箱']).trim();
    let digits = ungrouped(text).ok_or_else(wrong)?;
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, "0"));
    if part.chars().any(|c| c != '0') {
        return Err(both!("{cell:?} is not a whole number", "「{cell}」は整数ではありません"));
    }
    match whole.parse::<i64>() {
        Ok(n) if n < 0 => Err(negative(cell)),
        Ok(n) if n <= QUANTITY_MAX => Ok(n),
        Ok(_) => Err(both!(
            "{cell:?} is more than the ledger holds ({QUANTITY_MAX})",
            "「{cell}」は登録できる数（{QUANTITY_MAX}）を超えています"
        )),
        Err(_) => Err(wrong()),
    }
}

fn negative(cell: &str) -> Bilingual {
    both!("{cell:?} is less than nothing", "「{cell}」は0より小さい数です")
}

/// An amount in minor units: `1,980`, `¥1,980`, `１９８０円`, `19.80`.
pub(super) fn amount(cell: &str, currency: &str) -> Result<i64, Bilingual> {
    let narrow = narrow(cell);
    let text = narrow.trim_start_matches(['¥', '\\', '$', '€']).trim_end_matches('円');
    let text = text.trim_start_matches(currency).trim_end_matches(currency).trim();
    let wrong = || both!("{cell:?} is not an amount", "「{cell}」は金額として読み取れません");
    let digits = ungrouped(text).ok_or_else(wrong)?;
    let amount = Money::parse(&digits, currency).map_err(|error| no_amount(&error))?;
    if amount.0 < 0 { Err(negative(cell)) } else { Ok(amount.0) }
}

fn no_amount(error: &MoneyError) -> Bilingual {
    let ja = match error {
        MoneyError::UnknownCurrency(code) => format!("通貨「{code}」は扱えません"),
        MoneyError::NotANumber(text) => format!("「{text}」は金額として読み取れません"),
        MoneyError::TooPrecise(text) => format!("「{text}」は小数点以下の桁が多すぎます"),
        MoneyError::TooLarge(text) => format!("「{text}」は金額が大きすぎます"),
    };
    Bilingual { en: error.to_string(), ja }
}

/// A tax rate in hundredths of a percent: `10`, `10%`, `0.1`, `7.8`, `非課税`.
pub(super) fn tax_rate(cell: &str) -> Result<i64, Bilingual> {
    let narrow = narrow(cell);
    if ["非課税", "不課税", "免税", "対象外"].contains(&narrow.as_str()) {
        return Ok(0);
    }
    let wrong = || {
        both!(
            "{cell:?} is not a tax rate; write 10, 8 or 0",
            "「{cell}」は税率として読み取れません。10・8・0のように入力してください"
        )
    };
    let (text, percent) = match narrow.strip_suffix('%') {
        Some(text) => (text.trim_end(), true),
        None => (narrow.as_str(), false),
    };
    // Four digits after the point are enough for 0.0825 and 8.25 alike.
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || whole.len() > 3 || part.len() > 4 {
        return Err(wrong());
    }
    let scaled: i64 = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
    let is_share = !percent && scaled > 0 && scaled < 10_000;
    let points = if is_share { scaled } else { scaled / 100 };
    let lossless = is_share || scaled % 100 == 0;
    if lossless && points <= 10_000 { Ok(points) } else { Err(wrong()) }
}

/// A number without its thousands' commas; `None` where they do not stand between thousands or it is no number.
fn ungrouped(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped = rest.is_empty() || first.len() <= 3 && rest.iter().all(|g| g.len() == 3);
    let sound = digits(first) && rest.iter().all(|g| digits(g)) && grouped && digits(part);
    sound.then(|| text.replace(',', ""))
}
