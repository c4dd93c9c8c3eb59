//! What is on offer: `list_offers`.
//!
//! Listings come by date of creation. One search is known to end after a thousand; then another begins at the last
//! date seen.

use banto_channel::{Cursor, Cx, Error, ErrorKind, ListingId, Money, Page, RemoteOffer, Result};
use serde::{Deserialize, Serialize};

use crate::Amazon;
use crate::model;
use crate::stock::ListingsItem;

/// The most that one page holds.
const PAGE: usize = 20;
/// A search that brought so many may have left others out.
const SEARCH_MAX: usize = 1000;

/// Where the listing stands.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    v: u32,
    /// The search under way begins at this date of creation; empty for the first.
    from: String,
    /// The next page of it; empty for its first.
    token: String,
    /// Listings that the search under way has brought.
    seen: usize,
    /// The last date of creation, and the SKUs that were listed with it.
    last: String,
    at_last: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Found {
    pub(crate) items: Vec<ListingsItem>,
    #[serde(default)]
    pagination: Pagination,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pagination {
    next_token: Option<String>,
}

impl Amazon {
    pub(crate) async fn offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let mut state = match after {
            Some(cursor) => State::read(cursor)?,
            None => State { v: 1, ..State::default() },
        };
        let mut request = self
            .listings_request()
            .query("includedData", "summaries,offers,fulfillmentAvailability")
            .query("issueLocale", self.settings.store.locale)
            .query("sortBy", "createdDate")
            .query("sortOrder", "ASC")
            .query("pageSize", PAGE.to_string());
        for (name, value) in [("createdAfter", &state.from), ("pageToken", &state.token)] {
            if !value.is_empty() {
                request = request.query(name, value);
            }
        }
        let found: Found = model::answer(&self.send(cx, request, "listing offers").await?)?;
        let fresh: Vec<&ListingsItem> = found.items.iter().filter(|item| state.take(item)).collect();
        let items = fresh.into_iter().filter(|item| !item.is_amazons()).map(offer).collect();
        let more = state.advance(found.items.len(), found.pagination.next_token)?;
        Ok(Page { items, next: state.write()?, more })
    }
}

impl State {
    fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(cursor.as_str())
            .ok()
            .filter(|state: &Self| state.v == 1)
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "the cursor is not one of the Amazon connector"))
    }

    fn write(&self) -> Result<Cursor> {
        serde_json::to_string(self)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))
    }

    /// Whether this listing was not met before; remembers it.
    fn take(&mut self, item: &ListingsItem) -> bool {
        let date = item.summaries.first().map(|s| s.created_date.as_str()).unwrap_or_default();
        if date == self.last && self.at_last.contains(&item.sku) {
            return false;
        }
        if date > self.last.as_str() {
            date.clone_into(&mut self.last);
            self.at_last.clear();
        }
        if date == self.last {
            self.at_last.push(item.sku.clone());
        }
        true
    }

    /// Goes to the next page or the next search; says whether there is one.
    fn advance(&mut self, rows: usize, token: Option<String>) -> Result<bool> {
        self.seen += rows;
        if let Some(token) = token.filter(|token| !token.is_empty() && rows > 0) {
            if token == self.token {
                let text = "listing offers: Amazon hands out the same page token again";
                return Err(Error::new(ErrorKind::Malformed, text));
            }
            self.token = token;
            return Ok(true);
        }
        let cut = self.seen >= SEARCH_MAX && self.last > self.from;
        self.token.clear();
        self.seen = 0;
        self.from.clone_from(&self.last);
        Ok(cut)
    }
}

pub(crate) fn offer(item: &ListingsItem) -> RemoteOffer {
    let summary = item.summaries.first();
    let price = item.offers.iter().find(|offer| offer.offer_type == "B2C").or(item.offers.first());
    let price = price.and_then(|offer| {
        let currency = offer.price.currency_code.clone();
        Money::parse(&offer.price.amount, &currency).ok().map(|money| (money, currency))
    });
    RemoteOffer {
        id: ListingId(item.sku.clone()),
        code: Some(item.sku.clone()),
        gtin: None,
        title: summary.map(|s| s.item_name.clone()).unwrap_or_default(),
        quantity: item.quantity(),
        price,
        active: summary.is_some_and(|s| !s.status.is_empty()),
    }
}
