//! A sheet of items: code, name, JAN/GTIN, price, tax rate, opening stock, what sets are made of.

use std::collections::{BTreeMap, HashMap};

use banto_channel::{Bilingual, both};

use super::Sheet;
use super::cells::{amount, narrow, quantity, shortened, tax_rate};
use super::table::{Field, Row, Table};
use crate::domain::catalogue::{Draft, Remark};
use crate::domain::gtin;

pub(super) const CODE: Field = Field {
    key: "code",
    names: &[
        "code",
        "商品コード",
        "SKU",
        "品番",
        "商品番号",
        "item code",
        "product code",
        "商品管理番号",
        "商品ID",
        "商品ｺｰﾄﾞ",
        "型番",
        "sku code",
        "item",
    ],
};
pub(super) const NAME: Field = Field {
    key: "name",
    names: &["name", "商品名", "名称", "品名", "title", "item name", "product name", "商品名称"],
};
pub(super) const GTIN: Field = Field {
    key: "gtin",
    names: &[
        "JAN",
        "GTIN",
        "JANコード",
        "EAN",
        "UPC",
        "barcode",
        "バーコード",
        "JANｺｰﾄﾞ",
        "JAN/GTIN",
        "GTINコード",
    ],
};
pub(super) const LOCATION: Field = Field {
    key: "location",
    names: &["location", "場所", "倉庫", "保管場所", "ロケーション", "warehouse", "倉庫コード", "拠点"],
};

const FIELDS: &[Field] = &[
    CODE,
    NAME,
    GTIN,
    LOCATION,
    Field {
        key: "price",
        names: &["price", "価格", "販売価格", "単価", "売価", "定価", "unit price", "通常価格"],
    },
    Field { key: "tax", names: &["tax rate", "税率", "消費税率", "消費税", "tax", "vat"] },
    Field {
        key: "stock",
        names: &[
            "stock",
            "在庫",
            "在庫数",
            "期首在庫",
            "quantity",
            "qty",
            "opening stock",
            "在庫数量",
            "数量",
        ],
    },
    Field {
        key: "parts",
        names: &[
            "components",
            "セット構成",
            "セット内容",
            "構成",
            "構成品",
            "set components",
            "parts",
            "bundle",
            "ｾｯﾄ構成",
        ],
    },
];

/// Longest code: far above any shop's, far below what would not fit a screen.
const CODE_MAX: usize = 200;

/// Reads a sheet of items; prices are in `currency`.
///
/// Errors: what keeps the whole file from being read.
pub fn items(bytes: &[u8], currency: &str) -> Result<Sheet<Draft>, Remark> {
    let mut table = Table::read(bytes, FIELDS)?;
    table.need("code", FIELDS)?;
    let rows = std::mem::take(&mut table.rows);
    let mut first: HashMap<String, u64> = HashMap::new();
    let mut lines = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(draft) = draft(&mut table, row, currency) else { continue };
        if let Some(before) = first.get(&draft.code) {
            let what = both!(
                "{code} stands in line {before} already",
                "{code}はすでに{before}行目にあります",
                code = draft.code
            );
            table.faults.push(Remark::new(row.line, what));
            continue;
        }
        first.insert(draft.code.clone(), row.line);
        lines.push(draft);
    }
    let (mut faults, warnings) = (table.faults, table.warnings);
    faults.sort();
    Ok(Sheet { encoding: table.encoding, lines, faults, warnings })
}

fn draft(table: &mut Table, row: &Row, currency: &str) -> Option<Draft> {
    let mut bad = false;
    if table.cell(row, "code").is_none() {
        table.faults.push(Remark::new(row.line, both!("the line has no code", "商品コードがありません")));
        bad = true;
    }
    let code = table.read_cell(row, "code", &mut bad, code);
    let name = table.read_cell(row, "name", &mut bad, |cell| Ok(one_line(cell)));
    let gtin = table.read_cell(row, "gtin", &mut bad, read_gtin);
    let price = table.read_cell(row, "price", &mut bad, |cell| amount(cell, currency));
    let tax_rate_bp = table.read_cell(row, "tax", &mut bad, tax_rate);
    let stock = table.read_cell(row, "stock", &mut bad, quantity);
    let location = table.read_cell(row, "location", &mut bad, |cell| Ok(narrow(cell)));
    let parts = table.read_cell(row, "parts", &mut bad, parts);
    let draft = Draft { line: row.line, code: code?, name, gtin, price, tax_rate_bp, stock, location, parts };
    (!bad).then_some(draft)
}

/// A code to the letter: banto never narrows or upper-cases what a shop calls its goods.
pub(super) fn code(cell: &str) -> Result<String, Bilingual> {
    let cell = cell.trim();
    if let Some(why) = shortened(cell) {
        return Err(why);
    }
    if cell.chars().any(char::is_control) {
        return Err(both!("a code cannot hold a line break or tab", "商品コードに改行やタブは使えません"));
    }
    if cell.chars().count() > CODE_MAX {
        return Err(both!("a code has at most {CODE_MAX} characters", "商品コードは{CODE_MAX}文字までです"));
    }
    Ok(cell.to_owned())
}

pub(super) fn read_gtin(cell: &str) -> Result<String, Bilingual> {
    let narrow = narrow(cell);
    match shortened(&narrow) {
        Some(why) => Err(why),
        None => gtin::parse(&narrow).map_err(|why| Bilingual::quoted(cell).with(&why.words())),
    }
}

fn one_line(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a set is made of: `TEA-01*2+CUP-03`. A part that stands twice counts twice.
fn parts(cell: &str) -> Result<BTreeMap<String, i64>, Bilingual> {
    let mut parts = BTreeMap::new();
    for one in cell.split(['+', '＋', ',', '，', '、', ';', '；', '\n']).map(str::trim) {
        if one.is_empty() {
            return Err(both!(
                "{cell:?} names no part between two separators; write TEA-01*2+CUP-03*1",
                "「{cell}」には区切りの間に構成品がありません。TEA-01*2+CUP-03*1 のように入力してください"
            ));
        }
        let (part, units) = match one.rsplit_once(['*', '＊', '×']) {
            Some((part, units)) => (part.trim(), quantity(units)?),
            None => (one, 1),
        };
        if units == 0 || part.is_empty() {
            return Err(both!(
                "{one:?} is not a part; write TEA-01*2",
                "「{one}」は構成品として読み取れません。TEA-01*2 のように入力してください"
            ));
        }
        *parts.entry(code(part)?).or_default() += units;
    }
    Ok(parts)
}
