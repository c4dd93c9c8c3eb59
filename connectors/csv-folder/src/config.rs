//! The `[connector]` table of a folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use banto_channel::{Error, ErrorKind, Payment, Result, minor_digits};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::columns::{Columns, OfferField, OrderField, Spec};
use crate::outgoing::{CancelValue, Cells, ShipmentValue, StockValue};
use crate::status::{LineKind, State};
use crate::text::{Reading, Writing, title_key};
use crate::value::Dates;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    folder: PathBuf,
    #[serde(default)]
    encoding: Reading,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "ten")]
    settle_seconds: u32,
    #[serde(default = "sixteen")]
    max_file_mb: u32,
    #[serde(default = "two_hundred")]
    orders_per_page: u16,
    #[serde(default = "tokyo")]
    time_zone: String,
    #[serde(default = "yen")]
    currency: String,
    orders: OrdersTable,
    stock: OutTable,
    offers: Option<OffersTable>,
    shipments: Option<OutTable>,
    cancels: Option<OutTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdersTable {
    columns: Columns<OrderField>,
    #[serde(default = "usual_formats")]
    date_formats: Vec<String>,
    #[serde(default)]
    status: BTreeMap<String, State>,
    #[serde(default)]
    payment: BTreeMap<String, Payment>,
    #[serde(default)]
    payment_methods: BTreeMap<String, String>,
    #[serde(default)]
    line_kinds: BTreeMap<String, LineKind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OffersTable {
    columns: Columns<OfferField>,
}

/// `[stock]`, `[shipments]` and `[cancels]`; each refuses the keys that are not its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutTable {
    columns: Vec<toml::Table>,
    #[serde(default)]
    encoding: Writing,
    #[serde(default = "yes")]
    header: bool,
    files: Option<StockFiles>,
    date_format: Option<String>,
    carriers: Option<BTreeMap<String, String>>,
}

/// Which files a push of stock writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StockFiles {
    #[default]
    Full,
    Changes,
    Both,
}

const fn comma() -> char {
    ','
}

const fn ten() -> u32 {
    10
}

const fn sixteen() -> u32 {
    16
}

const fn two_hundred() -> u16 {
    200
}

const fn yes() -> bool {
    true
}

fn tokyo() -> String {
    "Asia/Tokyo".to_owned()
}

fn yen() -> String {
    "JPY".to_owned()
}

fn usual_formats() -> Vec<String> {
    ["%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d", "%Y-%m-%d"]
        .map(str::to_owned)
        .to_vec()
}

/// How orders are read.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) columns: Columns<OrderField>,
    pub(crate) dates: Dates,
    /// By [`title_key`] of the word, as the next three.
    pub(crate) status: BTreeMap<String, State>,
    pub(crate) payment: BTreeMap<String, Payment>,
    pub(crate) payment_methods: BTreeMap<String, String>,
    pub(crate) line_kinds: BTreeMap<String, LineKind>,
    pub(crate) currency: String,
}

/// What goes out about parcels.
#[derive(Debug)]
pub(crate) struct Shipments {
    pub(crate) cells: Cells<ShipmentValue>,
    pub(crate) date_format: String,
    /// Names (by [`title_key`]) and the marketplace's codes; empty if any name will do.
    pub(crate) carriers: BTreeMap<String, String>,
}

/// The table, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) folder: PathBuf,
    pub(crate) encoding: Reading,
    pub(crate) delimiter: char,
    pub(crate) settle: Duration,
    /// In bytes.
    pub(crate) file_max: u64,
    pub(crate) page: usize,
    pub(crate) orders: Orders,
    pub(crate) stock: Cells<StockValue>,
    pub(crate) stock_files: StockFiles,
    pub(crate) offers: Option<Columns<OfferField>>,
    pub(crate) shipments: Option<Shipments>,
    pub(crate) cancels: Option<Cells<CancelValue>>,
}

impl Settings {
    /// Reads and checks the table.
    ///
    /// Errors: [`ErrorKind::Config`] that names the key and the remedy.
    pub(crate) fn read(table: &toml::Table) -> Result<Self> {
        let table: Table = typed(toml::Value::Table(table.clone()), "connector")?;
        if !table.folder.is_absolute() {
            return Err(bad("folder: write the whole path, from / on"));
        }
        if !matches!(table.delimiter, ',' | '\t' | ';') {
            return Err(bad("delimiter: \",\", \"\\t\" or \";\""));
        }
        within("settle_seconds", table.settle_seconds, 0, 3600, "10 is usual; 0 is for tools that rename")?;
        within("max_file_mb", table.max_file_mb, 1, 64, "let the tool write smaller files")?;
        within("orders_per_page", table.orders_per_page.into(), 1, 200, "200 is usual")?;
        if minor_digits(&table.currency).is_none() {
            return Err(bad(format!("currency: {:?} is not known; write JPY, USD …", table.currency)));
        }
        let zone = TimeZone::get(&table.time_zone)
            .map_err(|_| bad(format!("time_zone: {:?} is not known; write Asia/Tokyo", table.time_zone)))?;
        let offers = table.offers.map(|offers| offers.columns);
        let stock_files = table.stock.files.unwrap_or_default();
        let stock = stock(table.stock, offers.as_ref())?;
        Ok(Self {
            folder: table.folder,
            encoding: table.encoding,
            delimiter: table.delimiter,
            settle: Duration::from_secs(table.settle_seconds.into()),
            file_max: u64::from(table.max_file_mb) * 1_000_000,
            page: table.orders_per_page.into(),
            orders: orders(table.orders, zone, table.currency)?,
            stock,
            stock_files,
            offers: offers.map(checked_offers).transpose()?,
            shipments: table.shipments.map(shipments).transpose()?,
            cancels: table.cancels.map(cancels).transpose()?,
        })
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn typed<T: DeserializeOwned>(value: toml::Value, place: &str) -> Result<T> {
    value.try_into().map_err(|e: toml::de::Error| {
        let text = e.to_string();
        bad(format!("{place}: {}", text.trim().replace('\n', ", ")))
    })
}

fn within(key: &str, value: u32, least: u32, most: u32, remedy: &str) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(bad(format!("{key}: {least} to {most}; {remedy}")))
}

/// A table of words, found again however wide or spaced they are written.
fn words<T>(table: BTreeMap<String, T>) -> BTreeMap<String, T> {
    table.into_iter().map(|(word, meaning)| (title_key(&word), meaning)).collect()
}

/// Fields that may be the sum of several columns.
const AMOUNTS: [OrderField; 8] = [
    OrderField::Items,
    OrderField::Discount,
    OrderField::Shipping,
    OrderField::Fees,
    OrderField::TaxOnTop,
    OrderField::Tax,
    OrderField::Grand,
    OrderField::Refunded,
];

fn orders(table: OrdersTable, zone: TimeZone, currency: String) -> Result<Orders> {
    use OrderField::{Code, Listing, OrderId, PaymentStatus, PlacedAt, Quantity, Status};
    for (field, key) in
        [(OrderId, "order_id"), (PlacedAt, "placed_at"), (Status, "status"), (Quantity, "quantity")]
    {
        if !table.columns.contains_key(&field) {
            return Err(bad(format!(
                "orders.columns.{key}: name the column that holds it, or {{ fixed = \"…\" }} where it is always the same"
            )));
        }
    }
    if !table.columns.contains_key(&Code) && !table.columns.contains_key(&Listing) {
        return Err(bad("orders.columns.code: name the column with the seller's code (or listing, or both)"));
    }
    if table.status.is_empty() {
        return Err(bad(
            "orders.status: say what the words of the status column mean: \"入金済み\" = \"open_paid\"",
        ));
    }
    if !table.payment.is_empty() && !table.columns.contains_key(&PaymentStatus) {
        return Err(bad("orders.payment: needs orders.columns.payment_status, whose words it explains"));
    }
    if table.line_kinds.is_empty() == table.columns.contains_key(&OrderField::LineKind) {
        return Err(bad(
            "orders.line_kinds: goes together with orders.columns.line_kind, whose words it explains",
        ));
    }
    let sum = table.columns.iter().find(|(field, spec)| spec.is_sum() && !AMOUNTS.contains(field));
    if let Some((field, _)) = sum {
        return Err(bad(format!(
            "orders.columns: {field:?} is no amount of the whole order and cannot be a sum"
        )));
    }
    if table.date_formats.is_empty() {
        return Err(bad("orders.date_formats: name at least one, such as \"%Y/%m/%d %H:%M:%S\""));
    }
    Ok(Orders {
        columns: table.columns,
        dates: Dates { formats: table.date_formats, zone },
        status: words(table.status),
        payment: words(table.payment),
        payment_methods: words(table.payment_methods),
        line_kinds: words(table.line_kinds),
        currency,
    })
}

fn checked_offers(columns: Columns<OfferField>) -> Result<Columns<OfferField>> {
    if !columns.contains_key(&OfferField::Code) && !columns.contains_key(&OfferField::Listing) {
        return Err(bad("offers.columns.code: name the column with the seller's code (or listing, or both)"));
    }
    match columns.values().any(Spec::is_sum) {
        true => Err(bad("offers.columns: nothing there can be a sum")),
        false => Ok(columns),
    }
}

/// Fails where a table has a key that belongs to another kind of file.
fn only<T>(place: &str, key: &str, value: Option<&T>) -> Result<()> {
    match value {
        Some(_) => Err(bad(format!("{place}.{key}: there is no such key"))),
        None => Ok(()),
    }
}

fn cells<V: DeserializeOwned + Copy + PartialEq>(
    place: &str,
    table: &OutTable,
    needed: &[(V, &str)],
) -> Result<Cells<V>> {
    let columns = table.columns.iter().enumerate().map(|(at, column)| {
        typed(toml::Value::Table(column.clone()), &format!("{place}.columns, the {}. one", at + 1))
    });
    let cells = Cells::checked(columns.collect::<Result<_>>()?, table.encoding, table.header)
        .map_err(|why| bad(format!("{place}.columns: {why}")))?;
    match needed.iter().find(|(value, _)| !cells.have(*value)) {
        Some((_, key)) => Err(bad(format!("{place}.columns: one of them must be value = \"{key}\""))),
        None => Ok(cells),
    }
}

fn stock(table: OutTable, offers: Option<&Columns<OfferField>>) -> Result<Cells<StockValue>> {
    only("stock", "date_format", table.date_format.as_ref())?;
    only("stock", "carriers", table.carriers.as_ref())?;
    let needed = [(StockValue::Listing, "listing"), (StockValue::Quantity, "quantity")];
    let out = cells("stock", &table, if offers.is_none() { &needed } else { &needed[1..] })?;
    let named = [
        (StockValue::Code, OfferField::Code),
        (StockValue::Title, OfferField::Title),
        (StockValue::Jan, OfferField::Jan),
    ];
    for (value, field) in named {
        if out.have(value) && !offers.is_some_and(|columns| columns.contains_key(&field)) {
            return Err(bad(format!(
                "stock.columns: value {value:?} comes out of the offers; map it in offers.columns"
            )));
        }
    }
    Ok(out)
}

fn shipments(table: OutTable) -> Result<Shipments> {
    only("shipments", "files", table.files.as_ref())?;
    let needed = [(ShipmentValue::OrderId, "order_id")];
    Ok(Shipments {
        cells: cells("shipments", &table, &needed)?,
        date_format: table.date_format.unwrap_or_else(|| "%Y/%m/%d".to_owned()),
        carriers: words(table.carriers.unwrap_or_default()),
    })
}

fn cancels(table: OutTable) -> Result<Cells<CancelValue>> {
    only("cancels", "files", table.files.as_ref())?;
    only("cancels", "date_format", table.date_format.as_ref())?;
    only("cancels", "carriers", table.carriers.as_ref())?;
    cells("cancels", &table, &[(CancelValue::OrderId, "order_id")])
}
