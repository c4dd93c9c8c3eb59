//! `list_offers`: every variant, page by page.

use banto_channel::{Cursor, Cx, Error, ErrorKind, ListingId, Page, RemoteOffer, Result};
use serde::{Deserialize, Serialize};

use crate::Vendure;
use crate::calls::Question;
use crate::documents::OFFERS;
use crate::model::{GlobalSettings, Variant, Variants};
use crate::money::Scale;

/// Variants in one answer.
const TAKE: usize = 100;

/// Where the next page begins.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    v: u32,
    skip: usize,
}

#[derive(Serialize)]
struct Window {
    skip: usize,
    take: usize,
}

impl Vendure {
    pub(crate) async fn offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let skip = after.map_or(Ok(0), place)?;
        let location = self.location(cx).await?;
        let question = Question::safe(OFFERS, "listing product variants");
        let answer: Variants = self.told(cx, question, &Window { skip, take: TAKE }).await?;
        let (settings, list) = (answer.global_settings, answer.product_variants);
        let next = skip + list.items.len();
        let more = !list.items.is_empty() && next < list.total_items;
        let items = list.items.into_iter().map(|v| self.offer(v, &settings, &location)).collect();
        let cursor = serde_json::to_string(&Place { v: 1, skip: next });
        let next = cursor
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))?;
        Ok(Page { items, next, more })
    }

    fn offer(&self, variant: Variant, shop: &GlobalSettings, location: &str) -> RemoteOffer {
        let precision = self.settings.money_precision.unwrap_or(shop.server_config.money_strategy_precision);
        let quantity = on_hand(&variant, shop, location);
        let price = Scale::new(precision, &variant.currency_code).map(|s| s.money(variant.price_with_tax));
        RemoteOffer {
            quantity,
            code: Some(variant.sku.trim().to_owned()).filter(|sku| !sku.is_empty()),
            gtin: None,
            title: variant.name.trim().to_owned(),
            price: price.map(|price| (price, variant.currency_code)),
            active: variant.enabled && variant.product.is_none_or(|product| product.enabled),
            id: ListingId(variant.id),
        }
    }
}

/// What lies at the location; `None` where the shop does not count the variant. A variant that was never put there has
/// no level yet, which is 0.
pub(crate) fn on_hand(variant: &Variant, shop: &GlobalSettings, location: &str) -> Option<i64> {
    let counted = match variant.track_inventory.as_str() {
        "TRUE" => true,
        "FALSE" => false,
        _ => shop.track_inventory,
    };
    let level = variant.stock_levels.iter().find(|level| level.stock_location_id == location);
    counted.then(|| level.map_or(0, |level| level.stock_on_hand))
}

fn place(cursor: &Cursor) -> Result<usize> {
    let place = serde_json::from_str::<Place>(cursor.as_str()).ok().filter(|place| place.v == 1);
    place.map(|place| place.skip).ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, "the cursor is not one of list_offers; begin anew without one")
    })
}
