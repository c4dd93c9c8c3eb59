//! What a sheet of items would change: compared with the items that are there, with every fault at its line.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use banto_channel::{Bilingual, both};
use serde::{Serialize, Serializer};

use super::mapping::fold;
use super::{ItemId, LocationId};

/// One item as a line of a sheet describes it; `None` leaves what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The line.
    pub line: u64,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: Option<String>,
    /// Its JAN/GTIN, checked.
    pub gtin: Option<String>,
    /// Its price, minor units.
    pub price: Option<i64>,
    /// Its tax rate in hundredths of a percent.
    pub tax_rate_bp: Option<i64>,
    /// What lies on the shelf when it is made.
    pub stock: Option<i64>,
    /// On which shelf.
    pub location: Option<String>,
    /// What a set is made of: codes and quantities.
    pub parts: Option<BTreeMap<String, i64>>,
}

/// One shelf, as a line of a stocktake's sheet tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountLine {
    /// The line.
    pub line: u64,
    /// The item's code, if the line has it.
    pub code: Option<String>,
    /// Its JAN/GTIN, if the line has it.
    pub gtin: Option<String>,
    /// The location's code, if the line has it.
    pub location: Option<String>,
    /// How many lie there, reserved ones included.
    pub counted: i64,
}

/// An item that is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownItem {
    /// Key.
    pub id: ItemId,
    /// Its name.
    pub name: String,
    /// Its JAN/GTIN.
    pub gtin: Option<String>,
    /// Its price, minor units.
    pub price: Option<i64>,
    /// Its tax rate in hundredths of a percent.
    pub tax_rate_bp: Option<i64>,
    /// What it is made of, by code; empty unless it is a set.
    pub parts: BTreeMap<String, i64>,
    /// Goods of it are on a shelf, or owed to somebody.
    pub moved: bool,
    /// Orders that hold it as a set, as people call them.
    pub ordered: Vec<String>,
}

/// What there is before the sheet.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Items by code.
    pub items: BTreeMap<String, KnownItem>,
    /// Locations by code.
    pub locations: BTreeMap<String, LocationId>,
    /// Where goods lie when a line does not say.
    pub default_location: LocationId,
}

/// Something about a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The line of the file, from 1; a record with line breaks in it is known by its first.
    pub line: u64,
    /// The column's head, where one can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is the matter, in plain words. Programs are told the English ones.
    #[serde(serialize_with = "in_english")]
    pub what: Bilingual,
}

fn in_english<S: Serializer>(what: &Bilingual, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(what)
}

impl Remark {
    /// About a line as a whole.
    #[must_use]
    pub const fn new(line: u64, what: Bilingual) -> Self {
        Self { line, column: None, what }
    }

    /// The remark with its line, as a page says it.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        let line = self.line;
        let place = match &self.column {
            Some(column) => both!("Line {line}, {column}", "{line}行目「{column}」"),
            None => both!("Line {line}", "{line}行目"),
        };
        place.with(&self.what)
    }

    fn place(&self) -> (u64, Option<&str>, &str, &str) {
        (self.line, self.column.as_deref(), &self.what.en, &self.what.ja)
    }
}

/// In the order of the file.
impl Ord for Remark {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Remark {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.what),
            None => write!(f, "line {}: {}", self.line, self.what),
        }
    }
}

/// One field of an item that a sheet changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// `name`, `gtin`, `price`, `tax_rate`, `parts`.
    pub field: &'static str,
    /// What is there.
    pub from: String,
    /// What will be.
    pub to: String,
}

/// What a sheet would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// Items to make.
    pub create: Vec<Draft>,
    /// Items to change, with their key and what changes.
    pub update: Vec<(ItemId, Draft, Vec<FieldChange>)>,
    /// Items that are as the sheet says.
    pub unchanged: usize,
    /// Lines that cannot be taken, and why.
    pub faults: Vec<Remark>,
    /// What is taken but should be looked at.
    pub warnings: Vec<Remark>,
}

/// Compares a sheet with what is there. Lines with a fault are left out of the plan, and so are sets that need them.
#[must_use]
pub fn plan_import(drafts: &[Draft], known: &Known) -> ImportPlan {
    let mut good: Vec<&Draft> = drafts.iter().collect();
    let mut faults = Vec::new();
    loop {
        let sheet: BTreeMap<&str, &Draft> = good.iter().map(|d| (d.code.as_str(), *d)).collect();
        let found: Vec<Remark> =
            good.iter().flat_map(|d| Check { known, sheet: &sheet, draft: d }.faults()).collect();
        if found.is_empty() {
            break;
        }
        // A set whose component falls out has a fault in the next round.
        let bad: BTreeSet<u64> = found.iter().map(|r| r.line).collect();
        good.retain(|d| !bad.contains(&d.line));
        faults.extend(found);
    }
    faults.sort();
    let mut plan = ImportPlan { faults, warnings: warnings(&good, known), ..ImportPlan::default() };
    for draft in good {
        match known.items.get(&draft.code) {
            None => plan.create.push(draft.clone()),
            Some(item) => match changes(item, draft) {
                none if none.is_empty() => plan.unchanged += 1,
                some => plan.update.push((item.id, draft.clone(), some)),
            },
        }
    }
    plan
}

struct Check<'a> {
    known: &'a Known,
    sheet: &'a BTreeMap<&'a str, &'a Draft>,
    draft: &'a Draft,
}

impl Check<'_> {
    fn faults(&self) -> Vec<Remark> {
        let mut whys = Vec::new();
        let draft = self.draft;
        let item = self.known.items.get(&draft.code);
        if item.is_none() && draft.name.is_none() {
            whys.push(both!(
                "{code} is new and needs a name",
                "{code}は新しい商品です。商品名が必要です",
                code = draft.code
            ));
        }
        if let Some(code) = draft.location.as_deref().filter(|code| !self.known.locations.contains_key(*code))
        {
            let there: Vec<&str> = self.known.locations.keys().map(String::as_str).collect();
            whys.push(both!(
                "there is no location {code:?}, only {there}",
                "ロケーション「{code}」はありません（登録済み: {there}）",
                there = there.join(", ")
            ));
        }
        if let Some(parts) = draft.parts.as_ref().filter(|parts| !parts.is_empty()) {
            whys.extend(parts.keys().filter_map(|part| self.bad_part(part)));
            whys.extend(self.bad_set(item, parts));
        }
        whys.into_iter().map(|why| Remark::new(draft.line, why)).collect()
    }

    fn bad_part(&self, part: &str) -> Option<Bilingual> {
        let code = &self.draft.code;
        if part == code {
            return Some(both!(
                "{code} cannot be a part of itself",
                "{code}を自分自身の構成品にすることはできません"
            ));
        }
        let in_sheet =
            self.sheet.get(part).and_then(|d| d.parts.as_ref()).is_some_and(|parts| !parts.is_empty());
        let there = self.known.items.get(part);
        if in_sheet || there.is_some_and(|i| !i.parts.is_empty()) {
            return Some(both!(
                "{part} is a set itself; name what it is made of instead",
                "{part}はセット商品です。その構成品を指定してください"
            ));
        }
        let missing = there.is_none() && !self.sheet.contains_key(part);
        missing.then(|| {
            both!(
                "its part {part} is neither an item nor a good line of this file",
                "構成品 {part} は登録済みの商品でも、このファイルの正しい行でもありません"
            )
        })
    }

    fn bad_set(&self, item: Option<&KnownItem>, parts: &BTreeMap<String, i64>) -> Option<Bilingual> {
        let draft = self.draft;
        let code = &draft.code;
        if draft.stock.is_some_and(|n| n > 0) {
            return Some(both!(
                "{code} is a set; its stock is that of its parts",
                "{code}はセット商品です。在庫は構成品から計算されます"
            ));
        }
        let user = self.known.items.iter().find(|(_, i)| i.parts.contains_key(code));
        if let Some((set, _)) = user {
            return Some(both!(
                "{code} is a part of {set} and cannot be a set itself",
                "{code}は{set}の構成品のため、セット商品にできません"
            ));
        }
        let item = item?;
        if item.parts.is_empty() && item.moved {
            return Some(both!(
                "{code} has goods or orders of its own and cannot become a set; write its goods off first",
                "{code}には在庫か受注があるため、セット商品にできません。先に在庫を廃棄してください"
            ));
        }
        if item.parts != *parts && !item.ordered.is_empty() {
            let orders = item.ordered.join(", ");
            return Some(both!(
                "what {code} is made of cannot change while orders hold it: {orders}",
                "{code}を引き当てている受注があるため、構成品を変更できません: {orders}"
            ));
        }
        None
    }
}

/// Parts as people write them: `TEA-01*2+CUP-03*1`.
#[must_use]
pub fn parts_text(parts: &BTreeMap<String, i64>) -> String {
    parts.iter().map(|(code, n)| format!("{code}*{n}")).collect::<Vec<_>>().join("+")
}

fn changes(item: &KnownItem, draft: &Draft) -> Vec<FieldChange> {
    let number = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    let fields = [
        ("name", item.name.clone(), draft.name.clone()),
        ("gtin", item.gtin.clone().unwrap_or_default(), draft.gtin.clone()),
        ("price", number(item.price), draft.price.map(|n| n.to_string())),
        ("tax_rate", number(item.tax_rate_bp), draft.tax_rate_bp.map(|n| n.to_string())),
        ("parts", parts_text(&item.parts), draft.parts.as_ref().filter(|p| !p.is_empty()).map(parts_text)),
    ];
    let changed = |(field, from, to): (&'static str, String, Option<String>)| {
        let to = to.filter(|to| *to != from)?;
        Some(FieldChange { field, from, to })
    };
    fields.into_iter().filter_map(changed).collect()
}

fn warnings(good: &[&Draft], known: &Known) -> Vec<Remark> {
    let mut warnings = Vec::new();
    let mut alike: HashMap<String, &str> =
        known.items.keys().map(|code| (fold(code), code.as_str())).collect();
    let gtin_of = |(code, item): (&'_ String, &KnownItem)| Some((item.gtin.clone()?, code.clone()));
    let mut gtins: HashMap<String, String> = known.items.iter().filter_map(gtin_of).collect();
    let mut kept = 0;
    let mut first_kept = 0;
    for draft in good {
        let is_new = !known.items.contains_key(&draft.code);
        let other = *alike.entry(fold(&draft.code)).or_insert(&draft.code);
        if is_new && other != draft.code {
            let what = both!(
                "{code} differs from {other} only in how it is written, and becomes another item",
                "{code}は{other}と表記だけが異なります。別の商品として登録されます",
                code = draft.code
            );
            warnings.push(Remark::new(draft.line, what));
        }
        if let Some(gtin) = &draft.gtin {
            let owner = gtins.entry(gtin.clone()).or_insert_with(|| draft.code.clone());
            if *owner != draft.code {
                let what = both!(
                    "{gtin} is the JAN/GTIN of {owner}, too; listings are not proposed by it then",
                    "{gtin}は{owner}のJANコードでもあります。このJANでは出品の紐付け候補を出しません"
                );
                warnings.push(Remark::new(draft.line, what));
            }
        }
        if !is_new && draft.stock.is_some() {
            kept += 1;
            first_kept = if kept == 1 { draft.line } else { first_kept };
        }
    }
    if kept > 0 {
        let what = both!(
            "stock is taken for new items only, not on {kept} of these lines; `banto stock count` changes it",
            "在庫数は新しい商品だけに登録します。既存の{kept}行では使いません。変更は棚卸で行ってください"
        );
        warnings.push(Remark::new(first_kept, what));
    }
    warnings
}

#[cfg(test)]
mod tests;
