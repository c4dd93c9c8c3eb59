//! Which column of a file holds what: the mapping of the config, and what it comes to in one file.

use std::collections::BTreeMap;
use std::fmt::Debug;

use banto_channel::{Bilingual, both};
use serde::Deserialize;

use crate::table::Row;
use crate::text::title_key;

/// Declares what can be mapped: the key in the config, and whether a file without it makes no sense.
macro_rules! fields {
    ($(#[$doc:meta])* $name:ident { $($field:ident = $key:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        pub(crate) enum $name {
            $(#[serde(rename = $key)] $field,)+
        }

        impl Field for $name {
            fn key(self) -> &'static str {
                match self {
                    $(Self::$field => $key,)+
                }
            }
        }
    };
}

/// Something that a column can be mapped to.
pub(crate) trait Field: Copy + Ord + Debug {
    /// Its key in the config.
    fn key(self) -> &'static str;
}

fields! {
    /// What an order file can say.
    OrderField {
        OrderId = "order_id",
        Number = "number",
        LineId = "line_id",
        LineKind = "line_kind",
        PlacedAt = "placed_at",
        ChangedAt = "changed_at",
        PaidAt = "paid_at",
        ShipBy = "ship_by",
        Status = "status",
        PaymentStatus = "payment_status",
        PaymentMethod = "payment_method",
        Currency = "currency",
        Listing = "listing",
        Code = "code",
        Title = "title",
        Quantity = "quantity",
        Cancelled = "cancelled",
        Returned = "returned",
        Shipped = "shipped",
        UnitPrice = "unit_price",
        LineTotal = "line_total",
        TaxRate = "tax_rate",
        Items = "items",
        Discount = "discount",
        Shipping = "shipping",
        Fees = "fees",
        TaxOnTop = "tax_on_top",
        Tax = "tax",
        Grand = "grand",
        Refunded = "refunded",
        BuyerName = "buyer_name",
        BuyerEmail = "buyer_email",
        BuyerPhone = "buyer_phone",
        BillName = "bill_name",
        BillKana = "bill_name_kana",
        BillCompany = "bill_company",
        BillCountry = "bill_country",
        BillPostcode = "bill_postcode",
        BillRegion = "bill_region",
        BillCity = "bill_city",
        BillLine1 = "bill_line1",
        BillLine2 = "bill_line2",
        BillPhone = "bill_phone",
        ShipName = "ship_name",
        ShipKana = "ship_name_kana",
        ShipCompany = "ship_company",
        ShipCountry = "ship_country",
        ShipPostcode = "ship_postcode",
        ShipRegion = "ship_region",
        ShipCity = "ship_city",
        ShipLine1 = "ship_line1",
        ShipLine2 = "ship_line2",
        ShipPhone = "ship_phone",
        Note = "note",
        Carrier = "carrier",
        Tracking = "tracking",
        ShippedAt = "shipped_at",
    }
}

fields! {
    /// What an export of the offers can say.
    OfferField {
        Listing = "listing",
        Code = "code",
        Title = "title",
        Jan = "jan",
        Quantity = "quantity",
        Price = "price",
        Active = "active",
    }
}

/// Where one value comes from, as the config says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "a column is \"title\", [\"title\", \"another title for it\"], { fixed = \"value\" }, \
                 { optional = [\"title\"] }, { join = [\"title\", …], with = \" \" } or { sum = [\"title\", …] }"
)]
pub(crate) enum Spec {
    Title(String),
    /// The first of these titles that the file has.
    AnyOf(Vec<String>),
    Fixed(Fixed),
    Optional(Optional),
    Join(Join),
    Sum(Sum),
}

/// The same value in each row.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixed {
    fixed: String,
}

/// The first of these titles that the file has; a file may have none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Optional {
    optional: Vec<String>,
}

/// Several cells one behind the other; empty ones are left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Join {
    join: Vec<String>,
    with: String,
}

/// Several amounts added up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sum {
    sum: Vec<String>,
}

impl Spec {
    /// The titles it can stand under, for messages.
    fn titles(&self) -> String {
        match self {
            Self::Title(title) => title.clone(),
            Self::AnyOf(titles) | Self::Optional(Optional { optional: titles }) => titles.join(" / "),
            Self::Fixed(_) => String::new(),
            Self::Join(Join { join: titles, .. }) | Self::Sum(Sum { sum: titles }) => titles.join(" + "),
        }
    }

    /// Whether it adds up.
    pub(crate) const fn is_sum(&self) -> bool {
        matches!(self, Self::Sum(_))
    }
}

/// The mapping of one kind of file.
pub(crate) type Columns<F> = BTreeMap<F, Spec>;

#[derive(Clone, Debug)]
enum Source {
    Fixed(String),
    /// One cell.
    At(usize),
    Joined(Vec<usize>, String),
    Summed(Vec<usize>),
}

/// Where a file with a certain header holds what.
#[derive(Clone, Debug)]
pub(crate) struct Layout<F> {
    sources: BTreeMap<F, (Source, String)>,
    /// Cells of the header without empty ones at its end.
    pub(crate) width: usize,
    /// So many cells a row needs to have all that is mapped.
    pub(crate) needed: usize,
}

impl<F: Field> Layout<F> {
    /// Finds the mapped titles in a header.
    ///
    /// Errors: the titles that it does not have.
    pub(crate) fn of(columns: &Columns<F>, header: &[String]) -> Result<Self, Vec<String>> {
        let keys: Vec<String> = header.iter().map(|title| title_key(title)).collect();
        let find = |title: &String| keys.iter().position(|key| *key == title_key(title));
        let (mut sources, mut missing, mut needed) = (BTreeMap::new(), Vec::new(), 0);
        for (field, spec) in columns {
            let all = |titles: &[String]| titles.iter().map(find).collect::<Option<Vec<usize>>>();
            let source = match spec {
                Spec::Fixed(Fixed { fixed }) => Some(Source::Fixed(fixed.clone())),
                Spec::Title(title) => find(title).map(Source::At),
                Spec::AnyOf(titles) => titles.iter().find_map(find).map(Source::At),
                Spec::Optional(Optional { optional }) => match optional.iter().find_map(find) {
                    Some(at) => Some(Source::At(at)),
                    None => continue,
                },
                Spec::Join(Join { join, with }) => all(join).map(|at| Source::Joined(at, with.clone())),
                Spec::Sum(Sum { sum }) => all(sum).map(Source::Summed),
            };
            let Some(source) = source else {
                missing.push(format!("{} ({})", spec.titles(), field.key()));
                continue;
            };
            let last = match &source {
                Source::Fixed(_) => 0,
                Source::At(at) => at + 1,
                Source::Joined(at, _) | Source::Summed(at) => at.iter().max().map_or(0, |at| at + 1),
            };
            needed = needed.max(last);
            sources.insert(*field, (source, spec.titles()));
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        let width = keys.iter().rposition(|key| !key.is_empty()).map_or(0, |at| at + 1);
        Ok(Self { sources, width, needed })
    }

    /// Whether the file has it.
    pub(crate) fn has(&self, field: F) -> bool {
        self.sources.contains_key(&field)
    }

    /// A row's value, empty if the file does not have it.
    pub(crate) fn text(&self, row: &Row, field: F) -> String {
        match self.sources.get(&field) {
            None => String::new(),
            Some((Source::Fixed(value), _)) => value.clone(),
            Some((Source::At(at), _)) => row.cell(*at).trim().to_owned(),
            Some((Source::Joined(at, with), _)) => {
                let cells = at.iter().map(|at| row.cell(*at).trim()).filter(|cell| !cell.is_empty());
                cells.collect::<Vec<_>>().join(with)
            }
            Some((Source::Summed(at), _)) => {
                at.iter().map(|at| row.cell(*at).trim()).collect::<Vec<_>>().join(" + ")
            }
        }
    }

    /// A row's values that add up; one, if the column is no sum. Empty cells are left out.
    pub(crate) fn parts<'r>(&self, row: &'r Row, field: F) -> Vec<std::borrow::Cow<'r, str>> {
        match self.sources.get(&field) {
            Some((Source::Summed(at), _)) => {
                let cells = at.iter().map(|at| row.cell(*at).trim()).filter(|cell| !cell.is_empty());
                cells.map(Into::into).collect()
            }
            _ => Some(self.text(row, field))
                .filter(|text| !text.is_empty())
                .map(Into::into)
                .into_iter()
                .collect(),
        }
    }

    /// The place in a row where the value begins, if it is one cell.
    pub(crate) fn place(&self, field: F) -> Option<usize> {
        match self.sources.get(&field) {
            Some((Source::At(at), _)) => Some(*at),
            _ => None,
        }
    }

    /// A field for people: the column's title, and its key in the config.
    pub(crate) fn name(&self, field: F) -> Bilingual {
        let key = field.key();
        match self.sources.get(&field) {
            Some((_, titles)) if !titles.is_empty() => {
                both!("column {titles} ({key})", "「{titles}」列（{key}）")
            }
            _ => Bilingual::quoted(key),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn columns(toml: &str) -> Columns<OrderField> {
        toml::from_str(toml).unwrap()
    }

    fn row(cells: &[&str]) -> Row {
        Row {
            line: 2,
            cells: cells.iter().map(|c| (*c).to_owned()).collect(),
            raw: String::new(),
            fault: None,
        }
    }

    #[test]
    fn each_way_of_naming_a_column_finds_its_cells() {
        let columns = columns(
            r#"
            order_id = "注文番号"
            code = ["SKU", "商品コード"]
            currency = { fixed = "JPY" }
            note = { optional = ["備考"] }
            ship_name = { join = ["姓", "名"], with = " " }
            discount = { sum = ["クーポン", "ポイント"] }
            "#,
        );
        let header = ["注文 番号", "商品コード", "姓", "名", "クーポン", "ポイント", ""].map(str::to_owned);
        let layout = Layout::of(&columns, &header).unwrap();
        let row = row(&["A-1", " T ", "山田", "", "100", "5"]);
        let text = |field| layout.text(&row, field);
        assert_eq!(text(OrderField::OrderId), "A-1");
        assert_eq!(text(OrderField::Code), "T");
        assert_eq!(text(OrderField::Currency), "JPY");
        assert_eq!(text(OrderField::ShipName), "山田");
        assert_eq!(text(OrderField::Note), "");
        assert_eq!(layout.parts(&row, OrderField::Discount), ["100", "5"]);
        assert_eq!((layout.width, layout.needed), (6, 6));
        let name = layout.name(OrderField::Code);
        assert_eq!(name.en, "column SKU / 商品コード (code)");
        assert_eq!(name.ja, "「SKU / 商品コード」列（code）");
    }

    #[test]
    fn titles_that_are_not_there_are_named() {
        let columns = columns("order_id = \"注文番号\"\nquantity = [\"個数\", \"数量\"]\nnote = \"備考\"");
        let missing = Layout::of(&columns, &["備考".to_owned()]).unwrap_err();
        assert_eq!(missing, ["注文番号 (order_id)", "個数 / 数量 (quantity)"]);
    }

    #[test]
    fn a_column_that_is_nothing_of_the_sort_is_explained() {
        let error =
            toml::from_str::<Columns<OrderField>>("order_id = { fix = \"x\" }").unwrap_err().to_string();
        assert!(error.contains("{ fixed = \"value\" }"), "{error}");
        let error = toml::from_str::<Columns<OrderField>>("order = \"x\"").unwrap_err().to_string();
        assert!(error.contains("order_id"), "{error}");
    }
}
