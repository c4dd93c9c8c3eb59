//! A stocktake's sheet: code or JAN/GTIN, what was counted, where.

use banto_channel::{Bilingual, both};

use super::Sheet;
use super::cells::{narrow, quantity};
use super::items::{CODE, GTIN, LOCATION, NAME, code, read_gtin};
use super::table::{Field, Row, Table};
use crate::domain::catalogue::{CountLine, Remark};

const FIELDS: &[Field] = &[
    CODE,
    NAME,
    GTIN,
    LOCATION,
    Field {
        key: "counted",
        names: &[
            "counted",
            "実棚",
            "実棚数",
            "棚卸数",
            "実在庫",
            "count",
            "quantity",
            "qty",
            "数量",
            "在庫",
            "在庫数",
            "stock",
            "実数",
            "棚卸数量",
        ],
    },
];

/// Reads a stocktake's sheet. Whether codes stand twice is for the store to say, which knows what a JAN stands for.
///
/// Errors: what keeps the whole file from being read.
pub fn count(bytes: &[u8]) -> Result<Sheet<CountLine>, Remark> {
    let mut table = Table::read(bytes, FIELDS)?;
    if !table.has("gtin") {
        table.need("code", FIELDS)?;
    }
    table.need("counted", FIELDS)?;
    let rows = std::mem::take(&mut table.rows);
    let lines = rows.iter().filter_map(|row| line(&mut table, row)).collect();
    let (mut faults, warnings) = (table.faults, table.warnings);
    faults.sort();
    Ok(Sheet { encoding: table.encoding, lines, faults, warnings })
}

fn line(table: &mut Table, row: &Row) -> Option<CountLine> {
    let mut bad = false;
    let mut missing = |table: &mut Table, what: Bilingual| {
        table.faults.push(Remark::new(row.line, what));
        bad = true;
    };
    if table.cell(row, "code").is_none() && table.cell(row, "gtin").is_none() {
        missing(table, both!("the line has neither code nor JAN/GTIN", "商品コードもJANコードもありません"));
    }
    if table.cell(row, "counted").is_none() {
        let what = both!(
            "nothing was counted; write 0 for an empty shelf, or leave the line out",
            "実棚数がありません。空の棚は0と入力するか、行を削除してください"
        );
        missing(table, what);
    }
    let code = table.read_cell(row, "code", &mut bad, code);
    let gtin = table.read_cell(row, "gtin", &mut bad, read_gtin);
    let location = table.read_cell(row, "location", &mut bad, |cell| Ok(narrow(cell)));
    let counted = table.read_cell(row, "counted", &mut bad, quantity);
    let line = CountLine { line: row.line, code, gtin, location, counted: counted? };
    (!bad).then_some(line)
}
