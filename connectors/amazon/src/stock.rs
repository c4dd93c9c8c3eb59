//! Stock out and back: a few listings one by one, many as a feed; `read_stock`.

use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, ListingId, Method, Outcome, Request, Response, Result, StockItem, both,
};
use serde::{Deserialize, Serialize};

use crate::Amazon;
use crate::calls::{is_missing, percent, refusal};
use crate::limits;
use crate::model;

/// Wait before what an earlier failure left undone, where Amazon names no time.
pub(crate) const RETRY: Duration = Duration::from_secs(30);
/// Amazon's word for the seller's own warehouse.
const OWN: &str = "DEFAULT";
/// SKUs that one search takes.
const SKUS: usize = 20;
/// So many listings are read one by one; more go by search.
const ONE_BY_ONE: usize = 5;

/// The change of a quantity, as both `patchListingsItem` and a feed's message write it.
#[derive(Debug, Serialize)]
pub(crate) struct Change {
    op: &'static str,
    path: &'static str,
    value: [Availability; 1],
}

#[derive(Debug, Serialize)]
struct Availability {
    fulfillment_channel_code: &'static str,
    quantity: i64,
}

impl Change {
    /// "merge" leaves the handling time as it is, which "replace" would wipe out.
    pub(crate) const fn to(quantity: i64) -> Self {
        let value = [Availability { fulfillment_channel_code: OWN, quantity }];
        Self { op: "merge", path: "/attributes/fulfillment_availability", value }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Patch<'a> {
    product_type: &'a str,
    patches: [Change; 1],
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Submitted {
    status: String,
    issues: Vec<Issue>,
}

/// What Amazon has to say about a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Issue {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) severity: String,
}

impl Issue {
    pub(crate) fn is_error(&self) -> bool {
        self.severity.eq_ignore_ascii_case("ERROR")
    }

    pub(crate) fn words(&self) -> Bilingual {
        both!(
            "{said} ({code})",
            "Amazonの応答: {said}（{code}）",
            said = self.message.trim(),
            code = self.code
        )
    }
}

/// A listing with what was asked for of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ListingsItem {
    pub(crate) sku: String,
    pub(crate) summaries: Vec<Summary>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) fulfillment_availability: Vec<Fulfilled>,
}

/// What it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) item_name: String,
    pub(crate) status: Vec<String>,
    pub(crate) created_date: String,
}

/// What it costs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Offer {
    pub(crate) offer_type: String,
    pub(crate) price: model::Amount,
}

/// From where it is shipped, and how many there are.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Fulfilled {
    pub(crate) fulfillment_channel_code: String,
    pub(crate) quantity: Option<i64>,
}

impl ListingsItem {
    /// The quantity in the seller's own warehouse; a listing that was never given one has none.
    pub(crate) fn quantity(&self) -> Option<i64> {
        let own = self.fulfillment_availability.iter().find(|f| f.fulfillment_channel_code == OWN)?;
        own.quantity
    }

    /// Whether Amazon ships it, and only Amazon.
    pub(crate) fn is_amazons(&self) -> bool {
        !self.fulfillment_availability.is_empty()
            && self.fulfillment_availability.iter().all(|f| f.fulfillment_channel_code != OWN)
    }
}

#[derive(Deserialize)]
struct Searched {
    items: Vec<ListingsItem>,
}

impl Amazon {
    pub(crate) async fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        match items.len() > self.settings.patch_up_to {
            true => self.submit(cx, items).await,
            false => self.patch_all(cx, items).await,
        }
    }

    async fn patch_all(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            match self.patch(cx, item).await {
                Ok(outcome) => outcomes.push(outcome),
                Err(e) if outcomes.is_empty() => return Err(e),
                Err(e) => {
                    let after = e.retry_after.unwrap_or(RETRY);
                    let left = Outcome::Retry { after, reason: e.words() };
                    outcomes.resize(items.len(), left);
                    break;
                }
            }
        }
        Ok(outcomes)
    }

    async fn patch(&self, cx: &Cx, item: &StockItem) -> Result<Outcome> {
        let response = self.send_any(cx, self.patch_request(item)?).await?;
        patched(&response)
    }

    fn patch_request(&self, item: &StockItem) -> Result<Request> {
        let patch = Patch { product_type: &self.settings.product_type, patches: [Change::to(item.quantity)] };
        // Absolute numbers: twice is the same as once.
        let request = self.item_request(Method::Patch, &item.listing, limits::PATCH_LISTING);
        Ok(request.query("issueLocale", self.settings.store.locale).json(&patch)?.idempotent())
    }

    fn item_request(&self, method: Method, listing: &ListingId, group: &'static str) -> Request {
        let seller = percent(&self.settings.seller_id);
        let path = format!("/listings/2021-08-01/items/{seller}/{}", percent(listing.as_str()));
        self.request(method, &path, group).query("marketplaceIds", self.settings.store.id)
    }

    pub(crate) async fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        // A search separates SKUs by commas, so one with a comma in it is read alone.
        let few = listings.len() <= ONE_BY_ONE;
        let (alone, together): (Vec<_>, Vec<_>) =
            listings.iter().partition(|listing| few || listing.as_str().contains(','));
        let mut known = Vec::with_capacity(listings.len());
        for listing in alone {
            let request = self.item_request(Method::Get, listing, limits::GET_LISTING);
            let request = request.query("includedData", "fulfillmentAvailability");
            match self.send(cx, request, "reading a listing").await {
                Ok(response) => known.push(model::answer::<ListingsItem>(&response)?),
                Err(e) if is_missing(&e) => {}
                Err(e) => return Err(e),
            }
        }
        for some in together.chunks(SKUS) {
            let skus: Vec<&str> = some.iter().map(|listing| listing.as_str()).collect();
            let request = self
                .listings_request()
                .query("identifiers", skus.join(","))
                .query("identifiersType", "SKU")
                .query("includedData", "fulfillmentAvailability")
                .query("pageSize", SKUS.to_string());
            let response = self.send(cx, request, "reading listings").await?;
            known.extend(model::answer::<Searched>(&response)?.items);
        }
        let asked = |item: ListingsItem| {
            let quantity = item.quantity()?;
            let listing = ListingId(item.sku);
            listings.contains(&listing).then_some((listing, quantity))
        };
        Ok(known.into_iter().filter_map(asked).collect())
    }

    /// A search among the seller's listings.
    pub(crate) fn listings_request(&self) -> Request {
        let path = format!("/listings/2021-08-01/items/{}", percent(&self.settings.seller_id));
        self.request(Method::Get, &path, limits::SEARCH_LISTINGS)
            .query("marketplaceIds", self.settings.store.id)
    }
}

pub(crate) fn patched(response: &Response) -> Result<Outcome> {
    if !response.is_success() {
        let e = refusal(response, "setting a quantity");
        return match e.kind {
            ErrorKind::Refused | ErrorKind::NotFound => Ok(Outcome::Refused { reason: e.words() }),
            _ => Err(e),
        };
    }
    let submitted: Submitted = model::answer(response)?;
    match submitted.status.as_str() {
        "ACCEPTED" => Ok(Outcome::Applied),
        "INVALID" => Ok(Outcome::Refused { reason: reasons(&submitted.issues) }),
        other => Err(Error::told(
            ErrorKind::Malformed,
            both!(
                "setting a quantity: Amazon answers with the status {other:?}, which it does not document",
                "Amazonの応答のステータス「{other}」は仕様書にありません"
            ),
        )),
    }
}

fn reasons(issues: &[Issue]) -> Bilingual {
    let errors = issues.iter().filter(|issue| issue.is_error()).map(Issue::words);
    Bilingual::list(errors).unwrap_or_else(|| {
        both!(
            "Amazon does not take it, and says no reason",
            "Amazonに拒否されましたが、理由が示されていません"
        )
    })
}
