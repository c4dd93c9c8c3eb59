//! Stock out and back: `push_stock` and `read_stock`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ListingId, Outcome, Result, StockItem, both};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Shopify;
use crate::calls::{UserError, words};
use crate::documents::{READ_STOCK, SET_STOCK, STOCK_AT_ONCE};
use crate::id::{self, Place};

/// Calls that one set of items may take: one bad item fails all of them, and more than one may be named at a time or
/// only the first.
const ROUNDS: usize = 12;

/// Wait before what could not be done now.
const RETRY: Duration = Duration::from_secs(10);

/// What became of a call as a whole.
enum Round {
    Done,
    /// Places in the list that was sent, with the refusal.
    Refused(BTreeMap<usize, Bilingual>),
    /// Places whose number is not the expected one.
    Stale(BTreeSet<usize>),
    /// Shopify remembers the key with another outcome.
    UsedKey,
    /// The same is being done at this moment.
    Busy(Bilingual),
}

/// An item under way.
#[derive(Clone, Debug)]
struct Wish<'a> {
    at: usize,
    place: Place,
    item: &'a StockItem,
    /// The number that must be there for the new one to be taken; `None` takes any.
    expected: Option<i64>,
}

#[derive(Serialize)]
struct Variables<'a> {
    input: Input<'a>,
    key: String,
}

#[derive(Serialize)]
struct Input<'a> {
    name: &'a str,
    reason: &'a str,
    quantities: Vec<Quantity<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quantity<'a> {
    inventory_item_id: String,
    location_id: &'a str,
    quantity: i64,
    /// Must be said, even if it is null.
    change_from_quantity: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    inventory_set_quantities: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
struct ReadAnswer {
    nodes: Vec<Option<Counted>>,
}

/// What an inventory item shows at one location.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Counted {
    pub(crate) id: String,
    tracked: bool,
    inventory_level: Option<Level>,
}

#[derive(Debug, Deserialize)]
struct Level {
    quantities: Vec<Shown>,
}

#[derive(Debug, Deserialize)]
struct Shown {
    quantity: i64,
}

impl Counted {
    /// The number, if Shopify counts this item and it is stocked at the location.
    pub(crate) fn quantity(&self) -> Option<i64> {
        let level = self.inventory_level.as_ref().filter(|_| self.tracked)?;
        level.quantities.first().map(|shown| shown.quantity)
    }
}

impl Shopify {
    pub(crate) async fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; items.len()];
        let mut waiting = Vec::new();
        for (at, item) in items.iter().enumerate() {
            match Place::of(&item.listing) {
                Some(place) => waiting.push(Wish { at, place, item, expected: item.was }),
                None => {
                    outcomes[at] = Some(refused(both!(
                        "this is not an offer of Shopify (\"variant:inventory item\")",
                        "Shopifyの出品（「バリエーションID:在庫アイテムID」）ではありません"
                    )))
                }
            }
        }
        while !waiting.is_empty() {
            // Variants may share an inventory item, which one call must not name twice.
            let mut named = BTreeSet::new();
            let (now, later) = waiting.into_iter().partition(|wish: &Wish<'_>| named.insert(wish.place.item));
            waiting = later;
            if let Err(e) = self.set(cx, now, &mut outcomes).await {
                if outcomes.iter().all(Option::is_none) {
                    return Err(e);
                }
                return Ok(settled(outcomes, &e));
            }
        }
        let silent = both!("Shopify said nothing about it", "Shopifyから結果が返されませんでした");
        Ok(settled(outcomes, &Error::told(ErrorKind::Unexpected, silent)))
    }

    /// Sets what can be set. One bad item fails a call, so those that are named are taken out and the rest goes again.
    async fn set(&self, cx: &Cx, wishes: Vec<Wish<'_>>, outcomes: &mut [Option<Outcome>]) -> Result<()> {
        let mut wishes = wishes;
        let mut salt = cx.clock.now().0;
        for _ in 0..ROUNDS {
            if wishes.is_empty() {
                return Ok(());
            }
            match self.call(cx, &wishes, salt).await? {
                Round::Done => {
                    wishes.iter().for_each(|wish| outcomes[wish.at] = Some(Outcome::Applied));
                    return Ok(());
                }
                Round::Refused(named) => {
                    for (place, reason) in &named {
                        outcomes[wishes[*place].at] = Some(refused(reason.clone()));
                    }
                    wishes = without(wishes, |place| named.contains_key(&place));
                }
                Round::Stale(named) => wishes = self.look_again(cx, wishes, &named, outcomes).await?,
                Round::UsedKey => salt += 1,
                Round::Busy(reason) => {
                    wishes.iter().for_each(|wish| outcomes[wish.at] = Some(retry(reason.clone())));
                    return Ok(());
                }
            }
        }
        let reason = both!(
            "the numbers kept changing while they were set",
            "在庫数の設定中に、Shopify側の数が変わり続けました"
        );
        wishes.iter().for_each(|wish| outcomes[wish.at] = Some(retry(reason.clone())));
        Ok(())
    }

    async fn call(&self, cx: &Cx, wishes: &[Wish<'_>], salt: i64) -> Result<Round> {
        let location = self.settings.stock_location();
        let quantity = |wish: &Wish<'_>| Quantity {
            inventory_item_id: wish.place.item_gid(),
            location_id: &location,
            quantity: wish.item.quantity,
            change_from_quantity: wish.expected,
        };
        let input = Input {
            name: "available",
            reason: "correction",
            quantities: wishes.iter().map(quantity).collect(),
        };
        let variables = Variables { input, key: key(wishes, &location, salt) };
        let told = self.ask(cx, SET_STOCK, &variables, "setting stock").await?;
        let errors = told.data::<Answer>()?.inventory_set_quantities.map(|payload| payload.user_errors);
        verdict(&errors.unwrap_or_default(), wishes.len())
    }

    /// After a comparison failed: what shows the wanted number already is done, the rest is compared with what it shows
    /// now. Our number is the newer knowledge; the comparison only keeps it from racing a sale of this moment.
    async fn look_again<'a>(
        &self,
        cx: &Cx,
        wishes: Vec<Wish<'a>>,
        stale: &BTreeSet<usize>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Vec<Wish<'a>>> {
        let gids: Vec<String> =
            stale.iter().filter_map(|at| wishes.get(*at)).map(|w| w.place.item_gid()).collect();
        let shown = self.counted(cx, &gids).await?;
        let mut rest = Vec::with_capacity(wishes.len());
        for (at, mut wish) in wishes.into_iter().enumerate() {
            if stale.contains(&at) {
                wish.expected = shown.get(&wish.place.item).copied();
            }
            match stale.contains(&at) && wish.expected == Some(wish.item.quantity) {
                true => outcomes[wish.at] = Some(Outcome::Applied),
                false => rest.push(wish),
            }
        }
        Ok(rest)
    }

    pub(crate) async fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        let places: Vec<(Place, &ListingId)> =
            listings.iter().filter_map(|listing| Some((Place::of(listing)?, listing))).collect();
        let gids: BTreeSet<String> = places.iter().map(|(place, _)| place.item_gid()).collect();
        let shown = self.counted(cx, &gids.into_iter().collect::<Vec<_>>()).await?;
        let known = |(place, listing): (Place, &ListingId)| Some((listing.clone(), *shown.get(&place.item)?));
        Ok(places.into_iter().filter_map(known).collect())
    }

    /// What inventory items show at our location, by number.
    async fn counted(&self, cx: &Cx, gids: &[String]) -> Result<BTreeMap<u64, i64>> {
        let location = self.settings.stock_location();
        let mut shown = BTreeMap::new();
        for some in gids.chunks(STOCK_AT_ONCE) {
            let variables = json!({ "ids": some, "location": location });
            let told = self.ask(cx, READ_STOCK, &variables, "reading stock").await?;
            let ReadAnswer { nodes } = told.data()?;
            let number = |item: Counted| Some((id::number(&item.id)?, item.quantity()?));
            shown.extend(nodes.into_iter().flatten().filter_map(number));
        }
        Ok(shown)
    }
}

/// What the list of errors means for the items that were sent.
fn verdict(errors: &[UserError], sent: usize) -> Result<Round> {
    let (mut named, mut stale) = (BTreeMap::new(), BTreeSet::new());
    for error in errors {
        match (error.code.as_deref().unwrap_or_default(), place(error).filter(|at| *at < sent)) {
            ("IDEMPOTENCY_CONCURRENT_REQUEST", _) => {
                return Ok(Round::Busy(words(std::slice::from_ref(error))));
            }
            ("IDEMPOTENCY_KEY_PARAMETER_MISMATCH" | "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", _) => {
                return Ok(Round::UsedKey);
            }
            ("CHANGE_FROM_QUANTITY_STALE", Some(at)) => {
                stale.insert(at);
            }
            ("CHANGE_FROM_QUANTITY_STALE", None) => stale.extend(0..sent),
            (_, Some(at)) => {
                named.entry(at).or_insert_with(|| words(std::slice::from_ref(error)));
            }
            (_, None) => {
                let all = (0..sent).map(|at| (at, words(errors)));
                return Ok(Round::Refused(all.collect()));
            }
        }
    }
    Ok(match (named.is_empty(), stale.is_empty()) {
        (false, _) => Round::Refused(named),
        (true, false) => Round::Stale(stale),
        (true, true) => Round::Done,
    })
}

/// The place of the item in an error's path: `["input", "quantities", "3", "inventoryItemId"]`.
fn place(error: &UserError) -> Option<usize> {
    let field = error.field.as_ref()?;
    let at = field.iter().position(|part| part == "quantities")?;
    field.get(at + 1)?.parse().ok()
}

/// A name for these very variables, in a UUID's shape (version 8, RFC 9562 §5.8).
///
/// `salt` is the moment of the push. A request that the way out sends again because its answer was lost carries the same
/// key and is done once. A push that is made again on purpose, because somebody typed another number meanwhile, must not
/// be answered from Shopify's memory, although every variable is the same.
fn key(wishes: &[Wish<'_>], location: &str, salt: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{location}\n{salt}\n"));
    for wish in wishes {
        let line =
            format!("{} {} {} {:?}\n", wish.place.item, wish.item.quantity, wish.item.key, wish.expected);
        hash.update(line);
    }
    let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn without<'a>(wishes: Vec<Wish<'a>>, gone: impl Fn(usize) -> bool) -> Vec<Wish<'a>> {
    wishes.into_iter().enumerate().filter(|(place, _)| !gone(*place)).map(|(_, wish)| wish).collect()
}

fn refused(reason: Bilingual) -> Outcome {
    Outcome::Refused { reason }
}

fn retry(reason: Bilingual) -> Outcome {
    Outcome::Retry { after: RETRY, reason }
}

/// After a failure that is not the items' own: what is not known stays to be done.
fn settled(outcomes: Vec<Option<Outcome>>, e: &Error) -> Vec<Outcome> {
    let open = || Outcome::Retry { after: e.retry_after.unwrap_or(RETRY), reason: e.words() };
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(open)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use banto_channel::IdempotencyKey;

    use super::*;

    fn item(quantity: i64, key: &str) -> StockItem {
        let key = IdempotencyKey::from(key);
        StockItem { listing: ListingId::from("1:2"), quantity, was: None, version: 1, key }
    }

    fn key_of(item: &StockItem, expected: Option<i64>, salt: i64) -> String {
        let wish = Wish { at: 0, place: Place::of(&item.listing).unwrap(), item, expected };
        key(&[wish], "gid://shopify/Location/1", salt)
    }

    #[test]
    fn a_key_names_the_variables() {
        let (one, two) = (item(7, "a"), item(7, "b"));
        let first = key_of(&one, None, 1);
        assert_eq!(first, key_of(&one, None, 1), "it is stable");
        for other in [
            key_of(&two, None, 1),
            key_of(&item(8, "a"), None, 1),
            key_of(&one, Some(3), 1),
            key_of(&one, None, 2),
        ] {
            assert_ne!(first, other);
        }
        let parts: Vec<usize> = first.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(first.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
        assert_eq!((&first[14..15], &first[19..20]), ("8", "8"));
    }

    #[test]
    fn the_place_of_a_bad_item_is_read_from_the_path() {
        let error = |field: &[&str]| UserError {
            field: Some(field.iter().map(|part| (*part).to_owned()).collect()),
            ..UserError::default()
        };
        assert_eq!(place(&error(&["input", "quantities", "3", "inventoryItemId"])), Some(3));
        assert_eq!(place(&error(&["input", "quantities", "0"])), Some(0));
        assert_eq!(place(&error(&["input", "reason"])), None);
        assert_eq!(place(&UserError::default()), None);
    }
}
