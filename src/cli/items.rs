//! `banto items`: what the house sells.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use banto_channel::Bilingual;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Amount, Exit, Failure, Globals, House, Outcome, Text, counted, left, right, utc};
use crate::domain::ItemId;
use crate::domain::catalogue::{Draft, Remark, parts_text};
use crate::sheet;
use crate::store::{self, Import, Imported, ItemRow, ItemView, ListingRow};

/// Import, list and show items and sets
#[derive(Args, Debug)]
pub struct Items {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make and change items as a CSV file says
    ///
    /// The first line names the columns, in English or Japanese: code (商品コード), name (商品名), JAN, price (価格),
    /// tax rate (税率), stock (在庫: taken for new items only), location (倉庫), components (セット構成:
    /// TEA-01*2+CUP-03*1). Only the code is needed; a column that is missing or a cell that is empty leaves what is
    /// there. UTF-8, UTF-16 and CP932 are recognised, and so are commas, tabs and semicolons. Nothing is written if
    /// any line is wrong.
    Import {
        /// The file; - reads standard input
        file: PathBuf,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        /// Take the good lines although others are wrong
        #[arg(long)]
        skip_bad: bool,
    },
    /// List items by code
    List {
        /// Only sets
        #[arg(long)]
        sets: bool,
        /// Only items whose code or name contains this
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
    },
    /// Show an item: its levels, listings, sets and the orders that hold it
    Show {
        /// Code of the item
        code: String,
    },
}

impl Items {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        match self.what {
            What::Import { file, dry_run, skip_bad } => import(globals, &file, dry_run, skip_bad).await,
            What::List { sets, find } => list(&globals.house().await?, sets, find.as_deref()).await,
            What::Show { code } => show(&globals.house().await?, &code).await,
        }
    }
}

/// A file's bytes, or standard input's for `-`.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {}", path.display())),
        _ => Failure::new(Exit::Failed, format!("{}: {error}", path.display())),
    })
}

/// What a file that cannot be read at all makes of a command.
pub(super) fn unreadable(path: &Path, remark: &Remark) -> Failure {
    Failure::refused(format!("{}, {remark}", path.display()))
}

/// Faults and warnings of a sheet, for people.
pub(super) fn tell_remarks(text: &mut Text, faults: &[Remark], warnings: &[Remark]) {
    for fault in faults {
        text.line(fault);
    }
    for warning in warnings {
        text.line(format!("warning: {warning}"));
    }
}

/// A tax rate as people write it.
pub(super) fn percent(bp: i64) -> String {
    match bp % 100 {
        0 => format!("{} %", bp / 100),
        rest => format!("{}.{} %", bp / 100, format!("{rest:02}").trim_end_matches('0')),
    }
}

#[derive(Serialize)]
struct ImportReport<'a> {
    file: String,
    encoding: sheet::Encoding,
    dry_run: bool,
    written: bool,
    created: Vec<&'a str>,
    updated: BTreeMap<&'a str, &'a [crate::domain::catalogue::FieldChange]>,
    unchanged: usize,
    listings_mapped: usize,
    order_lines_matched: usize,
    faults: &'a [Remark],
    warnings: &'a [Remark],
}

async fn import(globals: &Globals, file: &Path, dry_run: bool, skip_bad: bool) -> Outcome {
    let bytes = read_file(file)?;
    let house = globals.house().await?;
    let currency = house.config.shop.currency.clone();
    let sheet = sheet::items(&bytes, &currency).map_err(|remark| unreadable(file, &remark))?;
    let location = house.location(None).await?;
    let import = Import {
        currency: &currency,
        location: location.id,
        skip_bad,
        dry_run: dry_run || !(sheet.faults.is_empty() || skip_bad),
        source: &file.display().to_string(),
        actor: &house.actor,
        now: house.now(),
    };
    let done = house.store.import_items(&sheet.lines, &import).await?;
    let plan = &done.plan;
    let mut faults: Vec<Remark> = sheet.faults.iter().chain(&plan.faults).cloned().collect();
    faults.sort();
    let warnings: Vec<Remark> = sheet.warnings.iter().chain(&plan.warnings).cloned().collect();
    let report = ImportReport {
        file: file.display().to_string(),
        encoding: sheet.encoding,
        dry_run,
        written: done.written,
        created: plan.create.iter().map(|d| d.code.as_str()).collect(),
        updated: plan.update.iter().map(|(_, d, changes)| (d.code.as_str(), changes.as_slice())).collect(),
        unchanged: plan.unchanged,
        listings_mapped: done.mapped,
        order_lines_matched: done.matched,
        faults: &faults,
        warnings: &warnings,
    };
    house.out.answer(&report, |text| tell_import(text, &report, &done, &currency, skip_bad))?;
    Ok(if faults.is_empty() || (skip_bad && !dry_run) { Exit::Ok } else { Exit::Refused })
}

fn tell_import(text: &mut Text, report: &ImportReport<'_>, done: &Imported, currency: &str, skip_bad: bool) {
    text.line(format!("{} ({})", report.file, report.encoding.name()));
    tell_remarks(text, report.faults, report.warnings);
    let plan = &done.plan;
    if report.dry_run && !plan.create.is_empty() {
        let rows: Vec<_> = plan.create.iter().map(|d| draft_cells(d, currency)).collect();
        let heads = [
            left("NEW"),
            left("NAME"),
            left("JAN"),
            right("PRICE"),
            right("TAX"),
            right("STOCK"),
            left("PARTS"),
        ];
        text.table(heads, &rows);
    }
    if !plan.update.is_empty() {
        let changes = plan.update.iter().flat_map(|(_, d, changes)| changes.iter().map(move |c| (d, c)));
        let rows: Vec<_> = changes
            .map(|(d, c)| [d.code.clone(), c.field.to_owned(), c.from.clone(), c.to.clone()])
            .collect();
        text.table(["CHANGED", "FIELD", "FROM", "TO"].map(left), &rows);
    }
    let (new, changed) = (plan.create.len(), plan.update.len());
    text.line(match done.written {
        true => format!("{new} made, {changed} changed, {} as they were", plan.unchanged),
        false => format!("{new} to make, {changed} to change, {} as they are", plan.unchanged),
    });
    if done.mapped + done.matched > 0 {
        let listings = counted(done.mapped, "listing", "listings");
        let lines = counted(done.matched, "order line", "order lines");
        text.line(format!("found their item: {listings}, {lines} that waited"));
    }
    let faults = counted(report.faults.len(), "fault", "faults");
    match (report.faults.len(), done.written) {
        (0, true) => {}
        (0, false) if report.dry_run => text.line("nothing was written: this was a dry run"),
        (0, false) => text.line("nothing was written: there is nothing new"),
        (_, true) => text.line(format!("{faults} skipped")),
        (_, false) if skip_bad => text.line("nothing was written"),
        (_, false) => {
            text.line(format!("nothing was written: mend {faults}, or take the rest with --skip-bad"));
        }
    }
}

fn draft_cells(draft: &Draft, currency: &str) -> [String; 7] {
    let number = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    [
        draft.code.clone(),
        draft.name.clone().unwrap_or_default(),
        draft.gtin.clone().unwrap_or_default(),
        draft.price.map_or_else(String::new, |p| Amount::new(p, currency).to_string()),
        draft.tax_rate_bp.map_or_else(String::new, percent),
        number(draft.stock),
        draft.parts.as_ref().map(parts_text).unwrap_or_default(),
    ]
}

/// An item as JSON has it everywhere.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ItemFacts {
    id: ItemId,
    code: String,
    name: String,
    gtin: Option<String>,
    price: Option<Amount>,
    /// Percent, as text, so that no float rounds it.
    tax_rate: Option<String>,
    set: bool,
}

impl From<&ItemRow> for ItemFacts {
    fn from(row: &ItemRow) -> Self {
        Self {
            id: row.id,
            code: row.code.clone(),
            name: row.name.clone(),
            gtin: row.gtin.clone(),
            price: row.price.map(|p| Amount::new(p, &row.currency)),
            tax_rate: row.tax_rate_bp.map(|bp| percent(bp).trim_end_matches(" %").to_owned()),
            set: row.is_set,
        }
    }
}

/// Items read at once.
pub(super) const PAGE: i64 = 1000;

/// All items by code.
pub(super) async fn all_items(house: &House) -> Result<Vec<ItemRow>, Failure> {
    let mut all: Vec<ItemRow> = Vec::new();
    loop {
        let after = all.last().map_or("", |i| i.code.as_str()).to_owned();
        let page = house.store.items(&after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn list(house: &House, sets: bool, find: Option<&str>) -> Outcome {
    let mut items = all_items(house).await?;
    let wanted = find.map(str::to_lowercase);
    let holds = |text: &str| wanted.as_ref().is_none_or(|w| text.to_lowercase().contains(w));
    items.retain(|i| (i.is_set || !sets) && (holds(&i.code) || holds(&i.name)));
    let facts: Vec<ItemFacts> = items.iter().map(ItemFacts::from).collect();
    house.out.answer(&facts, |text| {
        let row = |i: &ItemFacts| {
            let price = i.price.as_ref().map_or_else(String::new, ToString::to_string);
            let tax = i.tax_rate.as_ref().map_or_else(String::new, |t| format!("{t} %"));
            let kind = if i.set { "set" } else { "item" };
            [i.code.clone(), i.name.clone(), kind.to_owned(), i.gtin.clone().unwrap_or_default(), price, tax]
        };
        let heads = [left("CODE"), left("NAME"), left("KIND"), left("JAN"), right("PRICE"), right("TAX")];
        text.table(heads, &facts.iter().map(row).collect::<Vec<_>>());
    })?;
    Ok(Exit::Ok)
}

async fn show(house: &House, code: &str) -> Outcome {
    let view = house.store.item_view(code).await?;
    let locations: BTreeMap<i64, String> =
        house.store.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
    let place = |id: i64| locations.get(&id).cloned().unwrap_or_else(|| format!("#{id}"));
    let json = serde_json::json!({
        "item": ItemFacts::from(&view.item),
        "created_at": utc(view.item.created_at),
        "updated_at": utc(view.item.updated_at),
        "parts": view.parts.iter().map(|(i, n)| part_json(i, *n)).collect::<Vec<_>>(),
        "in_sets": view.sets.iter().map(|(i, n)| part_json(i, *n)).collect::<Vec<_>>(),
        "levels": view.levels.iter().map(|l| serde_json::json!({
            "location": place(l.location_id), "available": l.available, "reserved": l.reserved, "short": l.short,
            "on_hand": l.available + l.reserved,
        })).collect::<Vec<_>>(),
        "listings": view.listings.iter().map(|(channel, l)| serde_json::json!({
            "channel": channel, "listing": l.remote_id, "title": l.title, "units": l.per, "shown": l.shown,
            "error": said(l),
        })).collect::<Vec<_>>(),
        "orders": view.holdings.iter().map(|h| serde_json::json!({
            "order": format!("{}/{}", h.channel, h.number), "id": h.order_id, "line": h.line_no,
            "location": place(h.location_id), "reserved": h.reserved, "short": h.short,
        })).collect::<Vec<_>>(),
    });
    house.out.answer(&json, |text| tell_item(text, &view, &place))?;
    Ok(Exit::Ok)
}

fn part_json(item: &ItemRow, units: i64) -> serde_json::Value {
    serde_json::json!({ "code": item.code, "name": item.name, "units": units })
}

fn tell_item(text: &mut Text, view: &ItemView, place: &dyn Fn(i64) -> String) {
    let item = &view.item;
    text.line(format!("{}  {}", item.code, item.name));
    let price = item.price.map_or_else(|| "none".to_owned(), |p| Amount::new(p, &item.currency).to_string());
    text.pairs([
        ("JAN/GTIN", item.gtin.clone().unwrap_or_else(|| "none".to_owned())),
        ("price", price),
        ("tax rate", item.tax_rate_bp.map_or_else(|| "none".to_owned(), percent)),
        ("changed", text.time(item.updated_at)),
    ]);
    let named =
        |parts: &[(ItemRow, i64)]| parts.iter().map(|(i, n)| format!("{n} × {}", i.code)).collect::<Vec<_>>();
    if item.is_set {
        text.line(format!("a set of {}", named(&view.parts).join(", ")));
    }
    if !view.sets.is_empty() {
        let sets: Vec<String> = view.sets.iter().map(|(i, n)| format!("{} ({n} in each)", i.code)).collect();
        text.line(format!("part of {}", sets.join(", ")));
    }
    if !item.is_set {
        text.line("");
        let rows: Vec<_> = view
            .levels
            .iter()
            .map(|l| {
                let on_hand = (l.available + l.reserved).to_string();
                [
                    place(l.location_id),
                    on_hand,
                    l.reserved.to_string(),
                    l.available.to_string(),
                    l.short.to_string(),
                ]
            })
            .collect();
        text.table(
            [left("LOCATION"), right("ON HAND"), right("RESERVED"), right("FREE"), right("SHORT")],
            &rows,
        );
    }
    tell_listings(text, &view.listings);
    if !view.holdings.is_empty() {
        text.line("");
        let row = |h: &crate::store::Holding| {
            let order = format!("{}/{}", h.channel, h.number);
            [order, h.line_no.to_string(), place(h.location_id), h.reserved.to_string(), h.short.to_string()]
        };
        let heads = [left("ORDER"), right("LINE"), left("LOCATION"), right("RESERVED"), right("SHORT")];
        text.table(heads, &view.holdings.iter().map(row).collect::<Vec<_>>());
    }
}

fn tell_listings(text: &mut Text, listings: &[(String, ListingRow)]) {
    if listings.is_empty() {
        return;
    }
    text.line("");
    let row = |(channel, l): &(String, ListingRow)| {
        let shown = store::shown(l).map_or_else(|| "?".to_owned(), |n| n.to_string());
        let error = said(l).unwrap_or_default();
        [channel.clone(), l.remote_id.clone(), l.per.to_string(), shown, error, l.title.clone()]
    };
    let heads =
        [left("CHANNEL"), left("LISTING"), right("UNITS"), right("SHOWS"), left("ERROR"), left("TITLE")];
    text.table(heads, &listings.iter().map(row).collect::<Vec<_>>());
}

/// What its channel said of a listing last, in English.
fn said(listing: &ListingRow) -> Option<String> {
    listing.error.as_deref().map(|why| Bilingual::unpacked(why).en)
}

/// Items by key, and parts of sets by set.
pub(super) async fn parts_by_set(
    house: &House,
    items: &[ItemRow],
) -> Result<BTreeMap<ItemId, Vec<(ItemId, i64)>>, Failure> {
    let sets: BTreeSet<ItemId> = items.iter().filter(|i| i.is_set).map(|i| i.id).collect();
    let mut parts: BTreeMap<ItemId, Vec<(ItemId, i64)>> = BTreeMap::new();
    for row in house.store.components_of(&sets).await? {
        parts.entry(row.set_id).or_default().push((row.item_id, row.quantity));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_rates_read_as_people_write_them() {
        assert_eq!([0, 800, 1000, 780, 825].map(percent), ["0 %", "8 %", "10 %", "7.8 %", "8.25 %"]);
    }
}
