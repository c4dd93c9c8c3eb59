//! An order file's text to orders. Pure.

use std::collections::HashMap;

use banto_channel::{Bilingual, Read, RemoteOrderId, both};

use crate::columns::{Columns, Field, Layout, OrderField};
use crate::config::Settings;
use crate::slip::Slip;
use crate::table::{Row, Rows};
use crate::text::{DAMAGE, Reading, decode};

/// The header stands within so many rows.
const PREAMBLE_MAX: usize = 30;

/// Why nothing of a file can be read.
#[derive(Debug)]
pub(crate) struct Unusable {
    /// With the remedy, for people.
    pub(crate) why: Bilingual,
    /// The beginning of its text.
    start: String,
}

impl Unusable {
    pub(crate) fn too_large(file: &str, size: u64, most: u64) -> Self {
        let why = both!(
            "{file}: {size} bytes are more than max_file_mb allows ({most}); export fewer orders at a time, or raise \
             max_file_mb and move the file back into orders/",
            "{file}: ファイルの大きさ（{size}バイト）が max_file_mb の上限（{most}バイト）を超えています。一度に書き出す\
             受注を減らすか、max_file_mb を上げてファイルを orders/ に戻してください"
        );
        Self { why, start: format!("({size} bytes, not read)") }
    }

    pub(crate) fn into_read(self) -> Read {
        Read::Unreadable { id: None, reason: self.why, raw: self.start }
    }
}

/// A table whose columns were found.
pub(crate) struct Sheet<F> {
    pub(crate) layout: Layout<F>,
    /// The header's text.
    pub(crate) header: String,
    pub(crate) rows: Vec<Row>,
}

/// Finds the header by its titles and reads what stands below it.
///
/// Errors: [`Unusable`] with the titles that are missing, or a guess at the wrong encoding.
pub(crate) fn read_sheet<F: Field>(
    file: &str,
    bytes: &[u8],
    reading: Reading,
    delimiter: char,
    columns: &Columns<F>,
) -> Result<Sheet<F>, Unusable> {
    let decoded = decode(bytes, reading);
    let mut rows = Rows::new(&decoded.text, delimiter);
    let mut nearest: Option<(usize, Vec<String>)> = None;
    for row in rows.by_ref().take(PREAMBLE_MAX) {
        match Layout::of(columns, &row.cells) {
            Ok(layout) => {
                rows.set_width(layout.width);
                let check = |row| checked(row, &layout, decoded.damaged);
                let below = rows.map(check).collect();
                return Ok(Sheet { layout, header: row.raw, rows: below });
            }
            Err(missing) if nearest.as_ref().is_none_or(|(_, least)| missing.len() < least.len()) => {
                nearest = Some((row.line, missing));
            }
            Err(_) => {}
        }
    }
    let start: String = decoded.text.chars().take(2000).collect();
    let looks_like = start.trim_start().to_ascii_lowercase();
    let told = match nearest {
        _ if looks_like.starts_with("<!doctype") || looks_like.starts_with("<html") => {
            both!(
                "this is a web page and no table; the tool's log-in has probably run out",
                "表ではなくWebページです。書き出し元のツールのログインが切れている可能性があります"
            )
        }
        None => both!("the file is empty", "ファイルが空です"),
        Some((_, missing)) if missing.len() == columns.len() && decoded.damaged => both!(
            "none of the mapped titles is in it, and it is not sound {encoding}; set encoding, or export it anew",
            "設定した見出しが1つもなく、{encoding} として読めない文字があります。encoding を設定するか、もう一度書き出して\
             ください",
            encoding = decoded.encoding
        ),
        Some((line, missing)) => both!(
            "line {line} comes nearest to a header and lacks {missing}; write the titles of the file into the columns table \
             (or the delimiter, if the line was not taken apart)",
            "見出しに最も近い{line}行目に {missing} がありません。ファイルの見出しを columns の表に設定してください\
             （列に分かれていない場合は delimiter を確認してください）",
            missing = missing.join(", ")
        ),
    };
    let why = Bilingual::quoted(file).with(&told.then(both!(
        "Then move the file from orders/bad/ back into orders/",
        "その後、ファイルを orders/bad/ から orders/ に戻してください"
    )));
    Err(Unusable { why, start })
}

/// Looks at what only the layout and the decoding can tell about a row.
fn checked<F: Field>(mut row: Row, layout: &Layout<F>, damaged: bool) -> Row {
    if row.fault.is_none() && row.cells.len() < layout.needed {
        row.fault = Some(both!(
            "the row has {cells} cells, and what is mapped reaches up to cell {needed}",
            "この行は{cells}列しかありません（設定では{needed}列目まで使います）",
            cells = row.cells.len(),
            needed = layout.needed
        ));
    }
    if row.fault.is_none() && damaged && row.raw.contains(DAMAGE) {
        row.fault = Some(both!(
            "bytes in it are no characters in the file's encoding; set encoding, or correct the row",
            "文字コードとして読めないバイトがあります。encoding を設定するか、この行を修正してください"
        ));
    }
    row
}

/// An order file whose columns were found. Orders are made of its rows when they are asked for, a page at a time.
pub(crate) struct OrderFile {
    name: String,
    sheet: Sheet<OrderField>,
    groups: Vec<Group>,
}

/// The rows of one order, which need not stand together, or one row that names none.
struct Group {
    id: Option<String>,
    /// Places in the sheet.
    rows: Vec<usize>,
    /// A line that follows one of its rows and names no order.
    doubtful: Option<usize>,
}

impl OrderFile {
    /// Errors: [`Unusable`]. What is wrong with one order is [`Read::Unreadable`] later on.
    pub(crate) fn open(settings: &Settings, name: &str, bytes: &[u8]) -> Result<Self, Unusable> {
        let columns = &settings.orders.columns;
        let sheet = read_sheet(name, bytes, settings.encoding, settings.delimiter, columns)?;
        let groups = groups(&sheet);
        Ok(Self { name: name.to_owned(), sheet, groups })
    }

    /// Orders and what may be one, in the order in which they begin.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// So many of them. Fewer if the marketplace's words say that some are none.
    pub(crate) fn reads(&self, settings: &Settings, from: usize, count: usize) -> Vec<Read> {
        self.groups.iter().skip(from).take(count).filter_map(|group| self.read(settings, group)).collect()
    }

    fn read(&self, settings: &Settings, group: &Group) -> Option<Read> {
        let rows: Vec<&Row> = group.rows.iter().filter_map(|at| self.sheet.rows.get(*at)).collect();
        let unreadable = |id: Option<&str>, fault: &Bilingual| Read::Unreadable {
            id: id.map(RemoteOrderId::from),
            reason: Bilingual {
                en: format!(
                    "{}, {}. Correct it there and put the file into orders/ once more",
                    self.name, fault.en
                ),
                ja: format!(
                    "{}の{}。ファイルを修正して、もう一度 orders/ に入れてください",
                    self.name, fault.ja
                ),
            },
            raw: raw(&self.sheet.header, &rows),
        };
        let broken = rows.iter().find_map(|row| {
            let fault = row.fault.as_ref()?;
            Some(both!("line {line}", "{line}行目", line = row.line).with(fault))
        });
        Some(match (&group.id, broken) {
            (id, Some(fault)) => unreadable(id.as_deref(), &fault),
            (None, None) => {
                let column = self.sheet.layout.name(OrderField::OrderId);
                let line = rows.first().map_or(0, |row| row.line);
                unreadable(
                    None,
                    &both!(
                        "line {line}, {en}: there is no order number",
                        "{line}行目の{ja}: 注文番号がありません",
                        en = column.en,
                        ja = column.ja
                    ),
                )
            }
            (Some(id), None) => {
                let mut slip = Slip::new(settings, &self.sheet.layout, id, &rows);
                if let Some(line) = group.doubtful {
                    slip.unknown(both!(
                        "line {line}, which follows it, names no order and may belong to this one",
                        "続く{line}行目に注文番号がありません。この受注の行の可能性があります"
                    ));
                }
                match slip.order(raw(&self.sheet.header, &rows)) {
                    Ok(order) => Read::Order(Box::new(order?)),
                    Err(fault) => unreadable(Some(id), &fault),
                }
            }
        })
    }
}

fn groups(sheet: &Sheet<OrderField>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut before: Option<usize> = None;
    for (at, row) in sheet.rows.iter().enumerate() {
        let Some(id) = order_id(&sheet.layout, row) else {
            if let Some(before) = before.and_then(|before| groups.get_mut(before)) {
                before.doubtful = Some(row.line);
            }
            groups.push(Group { id: None, rows: vec![at], doubtful: None });
            continue;
        };
        let place = *places.entry(id.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.rows.push(at),
            None => groups.push(Group { id: Some(id), rows: vec![at], doubtful: None }),
        }
        before = Some(place);
    }
    groups
}

/// The order a row belongs to, if that much of it can be trusted: the row reaches beyond that cell.
fn order_id(layout: &Layout<OrderField>, row: &Row) -> Option<String> {
    let cut_off =
        row.fault.is_some() && layout.place(OrderField::OrderId).is_none_or(|at| row.cells.len() <= at + 1);
    Some(layout.text(row, OrderField::OrderId)).filter(|id| !id.is_empty() && !cut_off)
}

fn raw(header: &str, rows: &[&Row]) -> String {
    let rows = rows.iter().map(|row| row.raw.as_str());
    std::iter::once(header).chain(rows).collect::<Vec<_>>().join("\n")
}
