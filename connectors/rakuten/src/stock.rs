//! Stock out and back: InventoryAPI 2.0, which sets the number and leaves lead times alone.
//!
//! RMS takes a number for a SKU that does not exist without a word and throws it away a day later. So every push looks
//! first which SKUs have a number (one bulk-get for up to 400 rows, 5 calls a second allowed, against the 1 a second of
//! the write), and asks for the few that have none whether the item has such a SKU at all: a new one has no number yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ListingId, Outcome, Response, Result, StockItem, both};
use serde::{Deserialize, Serialize};

use crate::Rakuten;
use crate::calls::{ApiError, ITEM_SETTINGS, READ_STOCK, Told, WRITE_STOCK};
use crate::lenient::{Text, or_default};

/// Rows of one bulk-upsert.
pub(crate) const WRITE_MAX: u16 = 400;
/// Rows of one bulk-get.
const READ_MAX: usize = 1000;
/// The largest number that RMS shows.
const QUANTITY_MAX: i64 = 99_999;
/// Items that one push asks after, at 1 call a second; the others wait for the next push.
const ITEMS_ASKED: usize = 5;
/// Wait before what an earlier failure left undone, where RMS names no time.
const RETRY: Duration = Duration::from_secs(30);
/// Bytes of a manageNumber or variantId; the documents name 32 and 40.
const NAME_MAX: usize = 40;

/// 商品管理番号 and SKU管理番号.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sku {
    /// In lower case, as RMS stores it.
    pub(crate) manage_number: String,
    pub(crate) variant_id: String,
}

impl Sku {
    /// Reads `manageNumber/variantId`.
    pub(crate) fn of(listing: &ListingId) -> Option<Self> {
        let (manage_number, variant_id) = listing.as_str().split_once('/')?;
        Self::new(manage_number, variant_id)
    }

    pub(crate) fn new(manage_number: &str, variant_id: &str) -> Option<Self> {
        let fits = |name: &str| {
            (1..=NAME_MAX).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        (fits(manage_number) && fits(variant_id)).then(|| Self {
            manage_number: manage_number.to_ascii_lowercase(),
            variant_id: variant_id.to_owned(),
        })
    }

    pub(crate) fn listing(&self) -> ListingId {
        ListingId(format!("{}/{}", self.manage_number, self.variant_id))
    }
}

/// The listing of a manageNumber and a variantId; `None` where one of them is missing, as in orders from before SKUs.
pub(crate) fn listing(manage_number: &str, variant_id: &str) -> Option<String> {
    Sku::new(manage_number, variant_id).map(|sku| sku.listing().0)
}

#[derive(Serialize)]
struct Ask<'a> {
    inventories: &'a [&'a Sku],
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    #[serde(deserialize_with = "or_default")]
    inventories: Vec<CountedRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CountedRow {
    manage_number: Text,
    variant_id: Text,
    quantity: Text,
}

/// Which SKUs an item has, from `items.inventory-related-settings.get`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ItemSettings {
    #[serde(deserialize_with = "or_default")]
    variants: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Set<'a> {
    inventories: Vec<SetRow<'a>>,
}

#[derive(Serialize)]
struct SetRow<'a> {
    #[serde(flatten)]
    sku: &'a Sku,
    mode: &'static str,
    quantity: i64,
}

/// One SKU of a push. The same one twice spoils the call (IE1102), so the later number stands for both.
#[derive(Debug)]
struct Row {
    sku: Sku,
    quantity: i64,
    /// Positions in the push.
    places: Vec<usize>,
}

/// What becomes of each item, as far as it is known.
struct Outcomes(Vec<Option<Outcome>>);

impl Outcomes {
    fn set(&mut self, row: &Row, outcome: &Outcome) {
        for at in &row.places {
            self.0[*at] = Some(outcome.clone());
        }
    }
}

impl Rakuten {
    pub(crate) async fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let mut outcomes = Outcomes(vec![None; items.len()]);
        let rows = rows(items, &mut outcomes);
        let skus: Vec<&Sku> = rows.iter().map(|row| &row.sku).collect();
        let counted = self.counted(cx, &skus).await?;
        let (mut there, strange): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| counted.contains_key(&row.sku));
        there.extend(self.registered(cx, strange, &mut outcomes).await);
        self.write(cx, there, &mut outcomes).await?;
        let silent = || retry(both!("RMS said nothing about it", "RMSから結果が返されませんでした"));
        Ok(outcomes.0.into_iter().map(|outcome| outcome.unwrap_or_else(silent)).collect())
    }

    /// The number of each SKU that has one.
    pub(crate) async fn counted(&self, cx: &Cx, skus: &[&Sku]) -> Result<BTreeMap<Sku, i64>> {
        let mut counted = BTreeMap::new();
        for some in skus.chunks(READ_MAX) {
            let request = self.post("/es/2.0/inventories/bulk-get", &Ask { inventories: some })?;
            let request = request.group(READ_STOCK).idempotent();
            let response = self.send(cx, request, "reading stock").await?;
            let Counted { inventories } = response.json()?;
            for row in inventories {
                let sku = Sku::new(row.manage_number.as_str(), row.variant_id.as_str());
                counted.extend(sku.zip(row.quantity.whole()));
            }
        }
        Ok(counted)
    }

    /// Of SKUs without a number, those that their item has. What RMS does not say about one of them holds up no SKU that
    /// has a number.
    async fn registered(&self, cx: &Cx, rows: Vec<Row>, outcomes: &mut Outcomes) -> Vec<Row> {
        let items: BTreeSet<String> = rows.iter().map(|row| row.sku.manage_number.clone()).collect();
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut later = retry(both!(
            "RMS is asked later whether there is such an item",
            "商品の有無を後でRMSに確認します"
        ));
        for item in items.into_iter().take(ITEMS_ASKED) {
            let path = format!("/es/2.0/items/inventory-related-settings/manage-numbers/{item}");
            let request = self.get(&path).group(ITEM_SETTINGS);
            let answer = self.send(cx, request, "reading an item").await;
            let variants = match answer.and_then(|response| response.json::<ItemSettings>()) {
                Ok(settings) => settings.variants.into_keys().collect(),
                Err(e) if matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused) => BTreeSet::new(),
                Err(e) => {
                    let is_of_this_item = e.kind == ErrorKind::Malformed;
                    later = put_off(&e);
                    if is_of_this_item {
                        continue;
                    }
                    break;
                }
            };
            known.insert(item, variants);
        }
        let mut registered = Vec::new();
        for row in rows {
            match known.get(&row.sku.manage_number) {
                None => outcomes.set(&row, &later),
                Some(variants) if variants.contains(&row.sku.variant_id) => registered.push(row),
                Some(_) => outcomes.set(
                    &row,
                    &refused(both!(
                        "RMS has no SKU {sku} of an item {item}",
                        "RMSの商品 {item} にSKU {sku} がありません",
                        sku = row.sku.variant_id,
                        item = row.sku.manage_number
                    )),
                ),
            }
        }
        registered
    }

    /// Writes all of it in one call. RMS takes a call whole or not at all: rows that it names are refused and the rest
    /// is sent again, and where it names none, the rows are halved until the culprit stands alone.
    async fn write(&self, cx: &Cx, rows: Vec<Row>, outcomes: &mut Outcomes) -> Result<()> {
        let mut waiting = VecDeque::from([rows]);
        let mut written = false;
        while let Some(rows) = waiting.pop_front() {
            if rows.is_empty() {
                continue;
            }
            match self.write_rows(cx, &rows).await {
                Ok(Written::All) => {
                    written = true;
                    rows.iter().for_each(|row| outcomes.set(row, &Outcome::Applied));
                }
                Ok(Written::None(errors)) => {
                    let rest = set_aside(rows, &errors, outcomes);
                    rest.into_iter().rev().for_each(|rows| waiting.push_front(rows));
                }
                Err(e) if written => {
                    let later = Outcome::Retry { after: e.retry_after.unwrap_or(RETRY), reason: e.words() };
                    rows.iter().chain(waiting.iter().flatten()).for_each(|row| outcomes.set(row, &later));
                    return Ok(());
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    async fn write_rows(&self, cx: &Cx, rows: &[Row]) -> Result<Written> {
        let inventories = rows
            .iter()
            .map(|row| SetRow { sku: &row.sku, mode: "ABSOLUTE", quantity: row.quantity })
            .collect();
        let request = self.post("/es/2.0/inventories/bulk-upsert", &Set { inventories })?;
        // Absolute numbers: twice is the same as once.
        let request = request.group(WRITE_STOCK).idempotent();
        let response = self.send_any(cx, request).await?;
        match response.is_success() {
            true => empty(&response).map(|()| Written::All),
            false => match self.refusal(&response, "setting stock") {
                e if e.kind == ErrorKind::Refused => {
                    let Told { errors, .. } = Told::of(&response);
                    Ok(Written::None(Refusal { errors, words: e.words() }))
                }
                e => Err(e),
            },
        }
    }

    pub(crate) async fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        let asked: Vec<(&ListingId, Sku)> =
            listings.iter().filter_map(|listing| Some((listing, Sku::of(listing)?))).collect();
        let skus: BTreeSet<&Sku> = asked.iter().map(|(_, sku)| sku).collect();
        let counted = self.counted(cx, &skus.into_iter().collect::<Vec<_>>()).await?;
        let number = |(listing, sku): &(&ListingId, Sku)| Some(((*listing).clone(), *counted.get(sku)?));
        Ok(asked.iter().filter_map(number).collect())
    }
}

enum Written {
    All,
    None(Refusal),
}

struct Refusal {
    errors: Vec<ApiError>,
    words: Bilingual,
}

/// A success has no body. Anything that is there must at least be JSON, or it is not RMS that answers.
fn empty(response: &Response) -> Result<()> {
    match response.body.iter().all(u8::is_ascii_whitespace) {
        true => Ok(()),
        false => response.json::<serde::de::IgnoredAny>().map(drop),
    }
}

/// The rows of a push. Strange listings are refused; numbers that RMS cannot show are cut to what it can.
fn rows(items: &[StockItem], outcomes: &mut Outcomes) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(items.len());
    let mut known: BTreeMap<Sku, usize> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let Some(sku) = Sku::of(&item.listing) else {
            outcomes.0[at] = Some(refused(both!(
                "this is not a SKU of Rakuten (\"manageNumber/variantId\", letters, digits, - and _)",
                "楽天のSKU（「商品管理番号/SKU管理番号」、英数字と - _）ではありません"
            )));
            continue;
        };
        let quantity = item.quantity.clamp(0, QUANTITY_MAX);
        match known.get(&sku) {
            Some(&row) => {
                rows[row].quantity = quantity;
                rows[row].places.push(at);
            }
            None => {
                known.insert(sku.clone(), rows.len());
                rows.push(Row { sku, quantity, places: vec![at] });
            }
        }
    }
    rows
}

/// Refuses the rows that the errors name, and answers with what is to be sent next.
fn set_aside(mut rows: Vec<Row>, refusal: &Refusal, outcomes: &mut Outcomes) -> Vec<Vec<Row>> {
    let mut named: BTreeMap<usize, String> = BTreeMap::new();
    for error in &refusal.errors {
        if let Some(at) = error.row().filter(|at| *at < rows.len()) {
            named.entry(at).or_insert_with(|| error.words());
        }
    }
    if named.is_empty() && rows.len() > 1 {
        let second = rows.split_off(rows.len() / 2);
        return vec![rows, second];
    }
    let mut rest = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        match named.get(&at) {
            Some(words) => outcomes.set(&row, &refused(both!("{words}", "RMSの応答: {words}"))),
            None if named.is_empty() => outcomes.set(&row, &refused(refusal.words.clone())),
            None => rest.push(row),
        }
    }
    vec![rest]
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

/// What becomes of a row that an error stands in the way of: one that does not pass by itself is tried ever more rarely.
fn put_off(error: &Error) -> Outcome {
    match error.kind.is_temporary() {
        true => Outcome::Retry { after: error.retry_after.unwrap_or(RETRY), reason: error.words() },
        false => Outcome::Refused { reason: error.words() },
    }
}

fn retry(reason: Bilingual) -> Outcome {
    Outcome::Retry { after: RETRY, reason }
}
