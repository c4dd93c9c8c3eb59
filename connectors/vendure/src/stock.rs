//! Stock out and back: `push_stock` and `read_stock`, and the place where it lies.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ListingId, Outcome, Result, StockItem, both};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::Vendure;
use crate::calls::{Fault, Question};
use crate::documents::{LOCATIONS, PUSH_STOCK, STOCK};
use crate::model::{Locations, Variants};
use crate::offers::on_hand;
use crate::pull::is_id;

/// Items in one mutation. Vendure writes them one after the other in one transaction, some 20 ms each.
pub(crate) const BATCH: u16 = 100;
/// Wait before what an earlier failure left undone, where the shop names no time.
const RETRY: Duration = Duration::from_secs(30);
/// GraphQL's `Int`.
const MOST: i64 = i32::MAX as i64;

const PUSHING: &str = "setting stock";

/// The location's id, once it was asked for. Lost in a restart, which costs one question.
#[derive(Debug, Default)]
pub(crate) struct Place(Mutex<Option<String>>);

/// A variant and what is to lie there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Set<'a> {
    id: &'a str,
    stock_levels: [Level<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Level<'a> {
    stock_location_id: &'a str,
    stock_on_hand: i64,
}

#[derive(Serialize)]
struct Input<T> {
    input: T,
}

#[derive(Serialize)]
struct Ids<'a> {
    ids: &'a [&'a str],
    take: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pushed {
    #[expect(dead_code, reason = "that it is there says that the mutation went through")]
    update_product_variants: Vec<IgnoredAny>,
}

impl Vendure {
    pub(crate) async fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let location = self.location(cx).await?;
        let mut outcomes: Vec<Option<Outcome>> = items.iter().map(impossible).collect();
        let possible: Vec<usize> = (0..items.len()).filter(|&at| outcomes[at].is_none()).collect();
        let mut waiting = VecDeque::from([possible]);
        let mut answered = false;
        while let Some(group) = waiting.pop_front() {
            if group.is_empty() {
                continue;
            }
            let verdict = self.push_group(cx, &location, items, &group).await;
            match verdict {
                Ok(()) => group.iter().for_each(|&at| outcomes[at] = Some(Outcome::Applied)),
                Err(Failure::Way(e)) if !answered => return Err(e),
                Err(Failure::Way(e)) => {
                    waiting.push_front(group);
                    leave(&mut outcomes, waiting.drain(..).flatten(), &e);
                }
                Err(Failure::Item(fault)) => {
                    let (bad, rest) = culprit(items, &group, &fault);
                    if let Some(at) = bad {
                        outcomes[at] = Some(blame(&fault));
                    }
                    rest.into_iter().rev().for_each(|part| waiting.push_front(part));
                }
            }
            answered = true;
        }
        Ok(outcomes
            .into_iter()
            .map(|o| {
                o.unwrap_or_else(|| {
                    retry(
                        both!("the shop said nothing about it", "ショップから結果が返されませんでした"),
                        RETRY,
                    )
                })
            })
            .collect())
    }

    async fn push_group(
        &self,
        cx: &Cx,
        location: &str,
        items: &[StockItem],
        group: &[usize],
    ) -> std::result::Result<(), Failure> {
        let numbers = group.iter().map(|&at| (items[at].listing.as_str(), items[at].quantity));
        self.set_stock(cx, location, numbers).await
    }

    /// Sets absolute numbers in one transaction of the shop.
    async fn set_stock<'a>(
        &self,
        cx: &Cx,
        location: &str,
        numbers: impl Iterator<Item = (&'a str, i64)>,
    ) -> std::result::Result<(), Failure> {
        let level = |quantity| [Level { stock_location_id: location, stock_on_hand: quantity }];
        let input: Vec<Set<'_>> =
            numbers.map(|(id, quantity)| Set { id, stock_levels: level(quantity) }).collect();
        let answer = self.ask(cx, Question::safe(PUSH_STOCK, PUSHING), &Input { input }).await?;
        match answer.fault() {
            Some(fault) if matches!(fault.kind(), ErrorKind::Auth) => Err(fault.error(PUSHING).into()),
            Some(fault) => Err(Failure::Item(fault.clone())),
            None => Ok(answer.data::<Pushed>().map(|_| ())?),
        }
    }

    /// Puts so many more units on a variant's shelf. What it adds is for one call only, so it is not safe to repeat;
    /// the number that is sent is absolute all the same.
    pub(crate) async fn lift_stock(&self, cx: &Cx, variant: &str, by: i64) -> Result<()> {
        let location = self.location(cx).await?;
        let listing = ListingId::from(variant);
        let there = self.read_back(cx, std::slice::from_ref(&listing)).await?;
        let now = there.first().map_or(0, |(_, quantity)| *quantity);
        match self.set_stock(cx, &location, std::iter::once((variant, now.saturating_add(by)))).await {
            Err(Failure::Way(e)) => Err(e),
            Err(Failure::Item(fault)) => Err(fault.error(PUSHING)),
            Ok(()) => Ok(()),
        }
    }

    pub(crate) async fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        let location = self.location(cx).await?;
        let known: Vec<&str> = listings.iter().map(ListingId::as_str).filter(|id| is_id(id)).collect();
        let mut out = Vec::with_capacity(known.len());
        for ids in known.chunks(usize::from(BATCH)) {
            let question = Question::safe(STOCK, "reading stock");
            let answer: Variants = self.told(cx, question, &Ids { ids, take: ids.len() }).await?;
            let variants = &answer.product_variants.items;
            out.extend(variants.iter().filter_map(|variant| {
                Some((ListingId(variant.id.clone()), on_hand(variant, &answer.global_settings, &location)?))
            }));
        }
        Ok(out)
    }

    /// The id of the location that banto counts.
    ///
    /// Errors: [`ErrorKind::Config`] if it is not there, or if there are several and none is named.
    pub(crate) async fn location(&self, cx: &Cx) -> Result<String> {
        let known = self.place.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(id) = known {
            return Ok(id);
        }
        let there: Locations =
            self.told(cx, Question::safe(LOCATIONS, "reading stock locations"), &()).await?;
        let id = self.choose(&there)?;
        *self.place.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone());
        Ok(id)
    }

    /// Picks the location that the config means.
    pub(crate) fn choose(&self, there: &Locations) -> Result<String> {
        let all = &there.stock_locations.items;
        let chosen = match (&self.settings.stock_location, all.as_slice()) {
            (Some(wanted), _) => {
                all.iter().find(|l| l.id == *wanted).or_else(|| all.iter().find(|l| l.name == *wanted))
            }
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        chosen.map(|location| location.id.clone()).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|l| format!("{:?} (id {})", l.name, l.id)).collect();
            let what = both!(
                "stock_location: name the one that banto counts; the shop has {all}",
                "stock_location: bantoが在庫を管理するロケーションを指定してください。ショップにあるのは {all} です",
                all = names.join(", ")
            );
            Error::told(ErrorKind::Config, what)
        })
    }
}

/// Why a group was not taken.
enum Failure {
    /// Nothing is known of any item.
    Way(Error),
    /// The transaction was rolled back for one of them.
    Item(Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Way(error)
    }
}

/// What must not even be tried.
fn impossible(item: &StockItem) -> Option<Outcome> {
    if !is_id(item.listing.as_str()) {
        return Some(refused(both!(
            "this is not the id of a product variant of Vendure",
            "Vendureの商品バリエーションのIDではありません"
        )));
    }
    (!(0..=MOST).contains(&item.quantity))
        .then(|| refused(both!("Vendure counts from 0 to 2147483647", "Vendureの在庫数は0～2147483647です")))
}

/// Who of the group spoilt it, and what is to be tried again. Where the message names nobody, halves tell.
fn culprit(items: &[StockItem], group: &[usize], fault: &Fault) -> (Option<usize>, Vec<Vec<usize>>) {
    if let [only] = group {
        return (Some(*only), Vec::new());
    }
    let named = fault.message.split('"').nth(1);
    let bad = group
        .iter()
        .position(|&at| fault.kind() == ErrorKind::NotFound && named == Some(items[at].listing.as_str()));
    match bad {
        Some(place) => {
            let rest = group.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, &at)| at).collect();
            (Some(group[place]), vec![rest])
        }
        None => {
            let (one, two) = group.split_at(group.len() / 2);
            (None, vec![one.to_vec(), two.to_vec()])
        }
    }
}

/// The outcome of an item that spoilt its transaction alone.
fn blame(fault: &Fault) -> Outcome {
    let said = both!("{said}", "ショップの応答: {said}", said = fault.words());
    match fault.kind() {
        ErrorKind::Unreachable => retry(said, RETRY),
        _ => refused(said),
    }
}

fn leave(outcomes: &mut [Option<Outcome>], open: impl Iterator<Item = usize>, error: &Error) {
    for at in open {
        outcomes[at] = Some(retry(error.words(), error.retry_after.unwrap_or(RETRY)));
    }
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

fn retry(reason: Bilingual, after: Duration) -> Outcome {
    Outcome::Retry { after, reason }
}
