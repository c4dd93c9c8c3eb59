//! What the shop offers: ItemAPI 2.0 `items.search` for titles and prices, InventoryAPI for the numbers.
//!
//! The search shows new and deleted items up to 24 hours late, and gives a deleted one by its manageNumber alone.

use std::collections::BTreeMap;

use banto_channel::{Cursor, Cx, Error, ErrorKind, Money, Page, RemoteOffer, Result};
use serde::Deserialize;

use crate::calls::ITEMS;
use crate::lenient::{Text, or_default};
use crate::stock::Sku;
use crate::{JPY, Rakuten};

/// Items in one answer.
const HITS: &str = "100";
/// The mark of the first page.
const FIRST: &str = "*";
/// Before a mark in a cursor, so that another connector's is not taken for one.
const VERSION: &str = "v1 ";

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Found {
    /// The mark that was asked with, when there is no more.
    next_cursor_mark: Text,
    #[serde(deserialize_with = "or_default")]
    results: Vec<Hit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hit {
    #[serde(deserialize_with = "or_default")]
    item: Item,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Item {
    manage_number: Text,
    title: Text,
    hide_item: Text,
    unlimited_inventory_flag: Text,
    #[serde(deserialize_with = "or_default")]
    variants: BTreeMap<String, Variant>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Variant {
    merchant_defined_sku_id: Text,
    hidden: Text,
    standard_price: Text,
    #[serde(deserialize_with = "or_default")]
    selector_values: BTreeMap<String, Text>,
    #[serde(deserialize_with = "or_default")]
    article_number: ArticleNumber,
}

/// カタログID: a JAN where there is one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ArticleNumber {
    value: Text,
}

impl Rakuten {
    pub(crate) async fn offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let mark = match after {
            None => FIRST,
            Some(cursor) => cursor.as_str().strip_prefix(VERSION).ok_or_else(not_ours)?,
        };
        let request = self.get("/es/2.0/items/search").query("hits", HITS).query("cursorMark", mark);
        let response = self.send(cx, request.group(ITEMS), "listing items").await?;
        let found: Found = response.json()?;
        let mut items: Vec<RemoteOffer> = Vec::new();
        let mut skus = Vec::new();
        for Hit { item } in &found.results {
            for (variant_id, variant) in &item.variants {
                if let Some(sku) = Sku::new(item.manage_number.as_str(), variant_id) {
                    items.push(offer(&sku, item, variant));
                    skus.push((sku, item.unlimited_inventory_flag.is_set()));
                }
            }
        }
        let counted = self.counted(cx, &skus.iter().map(|(sku, _)| sku).collect::<Vec<_>>()).await?;
        for (offer, (sku, unlimited)) in items.iter_mut().zip(&skus) {
            offer.quantity = counted.get(sku).copied().filter(|_| !unlimited);
        }
        let next = found.next_cursor_mark.as_str();
        let more = !next.is_empty() && next != mark;
        Ok(Page { items, next: Cursor(format!("{VERSION}{}", if more { next } else { mark })), more })
    }
}

fn offer(sku: &Sku, item: &Item, variant: &Variant) -> RemoteOffer {
    let details: Vec<&str> = variant.selector_values.values().map(Text::as_str).collect();
    let title = item.title.as_str();
    RemoteOffer {
        id: sku.listing(),
        code: variant.merchant_defined_sku_id.some(),
        gtin: variant.article_number.value.some(),
        title: if details.is_empty() {
            title.to_owned()
        } else {
            format!("{title} ({})", details.join(" / "))
        },
        quantity: None,
        price: variant
            .standard_price
            .some()
            .and_then(|price| Money::parse(&price, JPY).ok())
            .map(|price| (price, JPY.to_owned())),
        active: !item.hide_item.is_set() && !variant.hidden.is_set(),
    }
}

fn not_ours() -> Error {
    Error::new(ErrorKind::Unexpected, "the cursor of the offers is not one of the Rakuten connector")
}
