//! Files that go out: which cell of a row holds what.

use banto_channel::{Bilingual, both};
use serde::Deserialize;

use crate::table::write_row;
use crate::text::{Writing, encode, unwritable};

/// What a cell of a stock file can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StockValue {
    Listing,
    Quantity,
    /// The next three as the offers say them.
    Code,
    Title,
    Jan,
}

/// What a cell of a file about a parcel can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShipmentValue {
    OrderId,
    Carrier,
    Tracking,
    TrackingUrl,
    ShippedAt,
    LineId,
    Quantity,
    Completes,
}

/// What a cell of a file about a cancelled order can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CancelValue {
    OrderId,
    Reason,
}

/// One column of a file that goes out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutColumn<V> {
    title: String,
    value: Option<V>,
    fixed: Option<String>,
    split: Option<String>,
    part: Option<usize>,
}

/// The columns of a kind of file.
#[derive(Clone, Debug)]
pub(crate) struct Cells<V> {
    columns: Vec<OutColumn<V>>,
    writing: Writing,
    header: bool,
}

impl<V: Copy + PartialEq> Cells<V> {
    /// Errors: what is wrong with the columns, for the config's error.
    pub(crate) fn checked(
        columns: Vec<OutColumn<V>>,
        writing: Writing,
        header: bool,
    ) -> Result<Self, String> {
        for column in &columns {
            let title = &column.title;
            if column.value.is_some() == column.fixed.is_some() {
                return Err(format!("{title:?} needs either value or fixed"));
            }
            let split = column.split.as_ref().is_some_and(|split| !split.is_empty());
            if split != column.part.is_some() || (split && column.value.is_none()) {
                return Err(format!("{title:?}: split and part go together, with a value"));
            }
            let fixed = column.fixed.as_deref().unwrap_or_default();
            let lost = unwritable(&format!("{title}{fixed}"), writing);
            if !lost.is_empty() {
                return Err(format!("{title:?}: CP932 cannot hold {lost:?}; choose another encoding"));
            }
        }
        Ok(Self { columns, writing, header })
    }

    /// Whether a column holds it.
    pub(crate) fn have(&self, value: V) -> bool {
        self.columns.iter().any(|column| column.value == Some(value))
    }

    /// One row; `of` has the values.
    ///
    /// Errors: the characters that the file's encoding cannot hold, in a sentence.
    pub(crate) fn row(&self, of: impl Fn(V) -> String) -> Result<Vec<String>, Bilingual> {
        let cells: Vec<String> = self.columns.iter().map(|column| column.cell(&of)).collect();
        let lost = unwritable(&cells.concat(), self.writing);
        if lost.is_empty() {
            return Ok(cells);
        }
        let lost: Vec<String> = lost.iter().map(char::to_string).collect();
        Err(both!(
            "CP932 cannot hold {lost}; write the code without it, or set encoding = \"utf-8\" if the tool reads that",
            "CP932では「{lost}」を書き込めません。この文字を使わないか、ツールが対応していれば encoding = \"utf-8\" を\
             設定してください",
            lost = lost.join(" ")
        ))
    }

    /// The bytes of a file with these rows.
    pub(crate) fn file<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a Vec<String>>,
        delimiter: char,
    ) -> Vec<u8> {
        let mut text = String::new();
        if self.header {
            text += &write_row(self.columns.iter().map(|column| column.title.as_str()), delimiter);
        }
        for row in rows {
            text += &write_row(row.iter().map(String::as_str), delimiter);
        }
        encode(&text, self.writing)
    }
}

impl<V: Copy> OutColumn<V> {
    fn cell(&self, of: &impl Fn(V) -> String) -> String {
        let whole = self.value.map_or_else(|| self.fixed.clone().unwrap_or_default(), of);
        match (&self.split, self.part) {
            (Some(split), Some(part)) => whole.split(split).nth(part).unwrap_or_default().to_owned(),
            _ => whole,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn cells(columns: &str) -> Result<Cells<StockValue>, String> {
        #[derive(Deserialize)]
        struct Columns {
            columns: Vec<OutColumn<StockValue>>,
        }
        let columns: Columns = toml::from_str(&format!("columns = [{columns}]")).unwrap();
        Cells::checked(columns.columns, Writing::Cp932, true)
    }

    #[test]
    fn a_listing_can_fill_two_columns() {
        let cells = cells(
            "{ title = \"商品\", value = \"listing\", split = \":\", part = 0 }, \
             { title = \"枝番\", value = \"listing\", split = \":\", part = 1 }, \
             { title = \"数\", value = \"quantity\" }, { title = \"区分\", fixed = \"u\" }",
        )
        .unwrap();
        let of = |listing: &'static str| {
            move |value| if value == StockValue::Quantity { "3" } else { listing }.to_owned()
        };
        let rows = [cells.row(of("TEA:RED")).unwrap(), cells.row(of("CUP")).unwrap()];
        assert_eq!(rows, [["TEA", "RED", "3", "u"], ["CUP", "", "3", "u"]]);
        let text = encoding_rs::SHIFT_JIS.decode(&cells.file(&rows, ',')).0.into_owned();
        assert_eq!(text, "商品,枝番,数,区分\r\nTEA,RED,3,u\r\nCUP,,3,u\r\n");
        assert!(cells.row(of("TEA−1")).unwrap_err().en.contains("cannot hold −"));
    }

    #[test]
    fn columns_that_cannot_work_are_explained() {
        for (columns, word) in [
            ("{ title = \"a\" }", "either value or fixed"),
            ("{ title = \"a\", value = \"listing\", fixed = \"x\" }", "either value or fixed"),
            ("{ title = \"a\", value = \"listing\", part = 1 }", "split and part"),
            ("{ title = \"🎁\", value = \"listing\" }", "CP932"),
        ] {
            assert!(cells(columns).unwrap_err().contains(word), "{columns}");
        }
    }
}
