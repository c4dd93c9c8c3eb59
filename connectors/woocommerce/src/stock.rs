//! Stock out and back: `push_stock` and `read_stock`.

use std::collections::VecDeque;
use std::time::Duration;

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ListingId, Outcome, Response, Result, StockItem, both};
use serde::{Deserialize, Serialize};

use crate::WooCommerce;
use crate::address::plain;
use crate::calls::{json, text};
use crate::lenient::{Amount, List, Record, Text, Whole};
use crate::money::Exact;

/// Items in one batch call (`woocommerce_rest_batch_items_limit`; hosts may lower it) and rows in one page.
pub(crate) const BATCH: usize = 100;
/// Wait before what an earlier failure left undone, where the shop names no time.
const RETRY: Duration = Duration::from_secs(30);

/// Where an offer lives in the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The product that a variation belongs to.
    pub(crate) parent: Option<u64>,
    pub(crate) id: u64,
}

impl Place {
    /// Reads `"123"` (a product) or `"123:456"` (a variation of product 123).
    pub(crate) fn of(listing: &ListingId) -> Option<Self> {
        let number = |text: &str| text.parse::<u64>().ok().filter(|id| *id > 0);
        match listing.as_str().split_once(':') {
            None => Some(Self { parent: None, id: number(listing.as_str())? }),
            Some((parent, id)) => Some(Self { parent: Some(number(parent)?), id: number(id)? }),
        }
    }

    /// The inverse of [`Place::of`].
    pub(crate) fn listing(self) -> ListingId {
        match self.parent {
            None => ListingId(self.id.to_string()),
            Some(parent) => ListingId(format!("{parent}:{}", self.id)),
        }
    }
}

/// The listings that one call can hold: positions in the push, products of the shop or variations of one parent.
#[derive(Debug)]
struct Group {
    parent: Option<u64>,
    members: Vec<(usize, u64)>,
}

/// Groups by parent; a group stands where its first listing stood, because the most urgent come first.
fn groups<'a>(listings: impl Iterator<Item = &'a ListingId>) -> (Vec<Group>, Vec<usize>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut strange = Vec::new();
    for (at, listing) in listings.enumerate() {
        let Some(Place { parent, id }) = Place::of(listing) else {
            strange.push(at);
            continue;
        };
        let open = groups.iter_mut().find(|group| group.parent == parent && group.members.len() < BATCH);
        match open {
            Some(group) => group.members.push((at, id)),
            None => groups.push(Group { parent, members: vec![(at, id)] }),
        }
    }
    (groups, strange)
}

#[derive(Serialize)]
struct Batch {
    update: Vec<BatchItem>,
}

#[derive(Serialize)]
struct BatchItem {
    id: u64,
    manage_stock: bool,
    stock_quantity: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchAnswer {
    update: List<BatchRow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BatchRow {
    id: Whole,
    error: Option<ItemError>,
    manage_stock: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ItemError {
    code: Text,
    message: Text,
    data: Record<ItemErrorData>,
}

impl ItemError {
    fn words(&self) -> String {
        format!("{} ({})", plain(&self.message.0), self.code.0)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ItemErrorData {
    status: Whole,
}

impl WooCommerce {
    pub(crate) async fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let (groups, strange) = groups(items.iter().map(|item| &item.listing));
        let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
        for at in strange {
            outcomes[at] = Some(refused(both!(
                "this is not a product of WooCommerce (\"12\" or \"12:34\")",
                "WooCommerceの商品（「12」または「12:34」）ではありません"
            )));
        }
        let mut waiting: VecDeque<Group> = groups.into();
        let mut answered = false;
        while let Some(group) = waiting.pop_front() {
            let response = match self.push_group(cx, &group, items).await {
                Ok(response) => response,
                Err(e) if answered => {
                    waiting.push_front(group);
                    leave(&mut outcomes, &waiting, &e);
                    break;
                }
                Err(e) => return Err(e),
            };
            if matches!(response.status, 400 | 413) && group.members.len() > 1 {
                // The host allows fewer items a call, or one item spoils the call for all: halve until it is known.
                split(group).into_iter().rev().for_each(|half| waiting.push_front(half));
                continue;
            }
            match self.outcomes(&response, &group) {
                Ok(known) => {
                    answered = true;
                    for ((at, _), outcome) in group.members.iter().zip(known) {
                        outcomes[*at] = Some(outcome);
                    }
                }
                Err(e) if answered => {
                    waiting.push_front(group);
                    leave(&mut outcomes, &waiting, &e);
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| retry(silent()))).collect())
    }

    async fn push_group(&self, cx: &Cx, group: &Group, items: &[StockItem]) -> Result<Response> {
        let path = match group.parent {
            None => "products/batch".to_owned(),
            Some(parent) => format!("products/{parent}/variations/batch"),
        };
        let update = group
            .members
            .iter()
            .map(|(at, id)| BatchItem { id: *id, manage_stock: true, stock_quantity: items[*at].quantity })
            .collect();
        // Absolute numbers: twice is the same as once.
        let request = self.post(&path).json(&Batch { update })?.idempotent();
        self.send_any(cx, request).await
    }

    /// One outcome per member. A refusal of the whole call for what it names is one of each member.
    fn outcomes(&self, response: &Response, group: &Group) -> Result<Vec<Outcome>> {
        if !response.is_success() {
            let e = self.refusal(response, "setting stock");
            return match e.kind {
                ErrorKind::Refused | ErrorKind::NotFound => {
                    Ok(group.members.iter().map(|_| refused(e.words())).collect())
                }
                _ => Err(e),
            };
        }
        let body = text(response);
        let BatchAnswer { update: List(rows) } = json(response, &body)?;
        let same_length = rows.len() == group.members.len();
        let outcome = |position: usize, id: u64| {
            let is_it = |row: &&BatchRow| u64::try_from(row.id.0).is_ok_and(|row| row == id);
            let row =
                rows.get(position).filter(|_| same_length).filter(is_it).or_else(|| rows.iter().find(is_it));
            row.map_or_else(|| retry(silent()), row_outcome)
        };
        Ok(group.members.iter().enumerate().map(|(position, (_, id))| outcome(position, *id)).collect())
    }

    pub(crate) async fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        let (groups, _) = groups(listings.iter());
        let mut known = Vec::with_capacity(listings.len());
        for group in groups {
            let path = match group.parent {
                None => "products".to_owned(),
                Some(parent) => format!("products/{parent}/variations"),
            };
            let ids: Vec<String> = group.members.iter().map(|(_, id)| id.to_string()).collect();
            let request = self
                .get(&path)
                .query("include", ids.join(","))
                .query("per_page", BATCH.to_string())
                .query("_fields", "id,manage_stock,stock_quantity");
            let response = match self.send(cx, request, "reading stock").await {
                Err(e) if e.kind == ErrorKind::NotFound => continue,
                other => other?,
            };
            let body = text(&response);
            let rows: Vec<Counted> = json(&response, &body)?;
            for (at, id) in group.members {
                let row = rows.iter().find(|row| u64::try_from(row.id.0).is_ok_and(|row| row == id));
                known.extend(row.and_then(Counted::quantity).map(|n| (listings[at].clone(), n)));
            }
        }
        Ok(known)
    }
}

/// What the shop counts of one product or variation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counted {
    id: Whole,
    manage_stock: Text,
    stock_quantity: Amount,
}

impl Counted {
    fn quantity(&self) -> Option<i64> {
        quantity(&self.manage_stock.0, &self.stock_quantity.0)
    }
}

/// The number that is shown, if the shop counts: `manage_stock` is true, or "parent" for a variation that shares its
/// product's number.
pub(crate) fn quantity(manage_stock: &str, stock_quantity: &str) -> Option<i64> {
    if !matches!(manage_stock, "true" | "parent" | "yes" | "1") || stock_quantity.is_empty() {
        return None;
    }
    Exact::parse(stock_quantity).ok().map(|exact| exact.whole().unwrap_or_else(|| exact.ceil() - 1))
}

fn row_outcome(row: &BatchRow) -> Outcome {
    match (&row.error, &row.manage_stock) {
        (Some(error), _) if error.data.0.status.0 >= 500 || error.data.0.status.0 == 429 => {
            retry(said(error))
        }
        (Some(error), _) => refused(said(error)),
        (None, Some(managed)) if quantity(&managed.0, "0").is_none() => refused(both!(
            "the shop does not count this product: switch on WooCommerce > Settings > Products > Inventory > Enable \
             stock management",
            "ショップでこの商品の在庫が管理されていません。WooCommerce > 設定 > 商品 > 在庫 の「在庫管理を有効化」を\
             オンにしてください"
        )),
        (None, _) => Outcome::Applied,
    }
}

fn silent() -> Bilingual {
    both!("the shop said nothing about it", "ショップから結果が返されませんでした")
}

fn said(error: &ItemError) -> Bilingual {
    both!("{said}", "ショップの応答: {said}", said = error.words())
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

fn retry(reason: Bilingual) -> Outcome {
    Outcome::Retry { after: RETRY, reason }
}

fn split(group: Group) -> [Group; 2] {
    let Group { parent, mut members } = group;
    let second = members.split_off(members.len() / 2);
    [members, second].map(|members| Group { parent, members })
}

/// After a failure that is not the items' own: what was not sent stays to be done.
fn leave(outcomes: &mut [Option<Outcome>], waiting: &VecDeque<Group>, e: &Error) {
    for (at, _) in waiting.iter().flat_map(|group| &group.members) {
        outcomes[*at] = Some(Outcome::Retry { after: e.retry_after.unwrap_or(RETRY), reason: e.words() });
    }
}
