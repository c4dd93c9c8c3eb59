//! What the shop offers: `list_offers`. One offer for each variant.

use banto_channel::{Cursor, Cx, Error, ErrorKind, Money, Page, RemoteOffer, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Shopify;
use crate::calls::Connection;
use crate::documents::LIST_VARIANTS;
use crate::id::Place;
use crate::stock::Counted;

/// Variants on a page.
const AT_ONCE: u32 = 100;

/// The title that Shopify gives the only variant of a product without options.
const ONLY_VARIANT: &str = "Default Title";

/// Where the listing stands.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    v: u32,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    shop: Shop,
    product_variants: Connection<Variant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shop {
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variant {
    id: String,
    sku: Option<String>,
    barcode: Option<String>,
    #[serde(default)]
    title: String,
    price: Option<String>,
    product: Product,
    inventory_item: Counted,
}

#[derive(Deserialize)]
struct Product {
    title: String,
    status: String,
}

impl Shopify {
    pub(crate) async fn offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let state = match after {
            Some(cursor) => read(cursor)?,
            None => State { v: 1, after: None },
        };
        let location = self.settings.stock_location();
        let variables = json!({ "first": AT_ONCE, "after": state.after, "location": location });
        let told = self.ask(cx, LIST_VARIANTS, &variables, "listing variants").await?;
        let Answer { shop, product_variants: Connection { nodes, page_info } } = told.data()?;
        if page_info.has_next_page && (page_info.end_cursor.is_none() || page_info.end_cursor == state.after)
        {
            return Err(Error::new(
                ErrorKind::Malformed,
                "listing variants: Shopify hands out the same page again",
            ));
        }
        let next = State { v: 1, after: page_info.end_cursor.or(state.after) };
        let next = serde_json::to_string(&next)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))?;
        let items = nodes.iter().filter_map(|variant| offer(variant, &shop.currency_code)).collect();
        Ok(Page { items, next, more: page_info.has_next_page })
    }
}

fn read(cursor: &Cursor) -> Result<State> {
    serde_json::from_str(cursor.as_str())
        .ok()
        .filter(|state: &State| state.v == 1)
        .ok_or_else(|| Error::new(ErrorKind::Unexpected, "the cursor is not one of the Shopify connector"))
}

fn offer(variant: &Variant, currency: &str) -> Option<RemoteOffer> {
    let some = |text: &Option<String>| {
        text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(ToOwned::to_owned)
    };
    let product = variant.product.title.trim();
    let title = match variant.title.trim() {
        "" | ONLY_VARIANT => product.to_owned(),
        options => format!("{product} – {options}"),
    };
    let price = variant.price.as_deref().and_then(|price| Money::parse(price, currency).ok());
    Some(RemoteOffer {
        id: Place::named(&variant.id, &variant.inventory_item.id)?.listing(),
        code: some(&variant.sku),
        gtin: some(&variant.barcode),
        title,
        quantity: variant.inventory_item.quantity(),
        price: price.map(|price| (price, currency.to_owned())),
        active: matches!(variant.product.status.as_str(), "ACTIVE" | "UNLISTED"),
    })
}
