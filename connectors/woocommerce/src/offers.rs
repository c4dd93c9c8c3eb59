//! What the shop offers: `list_offers`.

use banto_channel::{Cursor, Cx, Error, ErrorKind, Page, RemoteOffer, Result};
use serde::{Deserialize, Serialize};

use crate::WooCommerce;
use crate::address::plain;
use crate::calls::{json, text};
use crate::lenient::{Amount, List, Text, Whole};
use crate::model::Meta;
use crate::money::Exact;
use crate::stock::{BATCH, Place, quantity};

/// Products with variations that one call reads; each costs a request a hundred variations.
const PARENTS: usize = 10;
/// Pages of variations of one product, against an answer that never ends.
const VARIATION_PAGES: u32 = 100;

/// Where the listing stands.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    v: u32,
    /// The next page of products; 0 when there is none.
    page: u32,
    /// Products come ordered by id, so a page that does not go beyond this one is a repetition.
    last: i64,
    currency: Option<String>,
    /// Products whose variations are still to be read.
    parents: Vec<Parent>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Parent {
    id: u64,
    title: String,
    #[serde(default)]
    sku: String,
    active: bool,
}

/// A product or a variation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Product<'a> {
    id: Whole,
    name: Text,
    r#type: Text,
    status: Text,
    sku: Text,
    global_unique_id: Text,
    price: Amount,
    manage_stock: Text,
    stock_quantity: Amount,
    attributes: List<Attribute>,
    #[serde(borrow)]
    meta_data: List<Meta<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    option: Text,
}

impl WooCommerce {
    pub(crate) async fn offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let mut state = match after {
            Some(cursor) => read(cursor)?,
            None => State { v: 1, page: 1, last: 0, currency: self.currency(cx).await?, parents: Vec::new() },
        };
        let mut items = Vec::new();
        if !state.parents.is_empty() {
            let rest = state.parents.split_off(state.parents.len().min(PARENTS));
            for parent in std::mem::replace(&mut state.parents, rest) {
                self.variations(cx, &parent, state.currency.as_deref(), &mut items).await?;
            }
        } else if state.page > 0 {
            self.products(cx, &mut state, &mut items).await?;
        }
        let more = state.page > 0 || !state.parents.is_empty();
        let next = serde_json::to_string(&state)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))?;
        Ok(Page { items, next, more })
    }

    async fn products(&self, cx: &Cx, state: &mut State, items: &mut Vec<RemoteOffer>) -> Result<()> {
        let fields = "id,name,type,status,sku,global_unique_id,price,manage_stock,stock_quantity";
        let request = self
            .get("products")
            .query("orderby", "id")
            .query("order", "asc")
            .query("per_page", BATCH.to_string())
            .query("page", state.page.to_string())
            .query("_fields", self.with_meta(fields));
        let response = self.send(cx, request, "listing products").await?;
        let body = text(&response);
        let rows: Vec<Product<'_>> = json(&response, &body)?;
        let last = rows.iter().map(|row| row.id.0).max().unwrap_or(0);
        if rows.is_empty() {
            state.page = 0;
            return Ok(());
        }
        if last <= state.last {
            return Err(Error::new(ErrorKind::Malformed, "listing products: the shop repeats a page"));
        }
        for row in &rows {
            let Ok(id) = u64::try_from(row.id.0) else { continue };
            let active = row.status.0 == "publish";
            match row.r#type.0.as_str() {
                // Neither has stock of its own.
                "grouped" | "external" => {}
                kind if kind.contains("variable") => state.parents.push(Parent {
                    id,
                    title: plain(&row.name.0),
                    sku: row.sku.0.clone(),
                    active,
                }),
                _ => {
                    let place = Place { parent: None, id };
                    items.push(self.offer(row, place, plain(&row.name.0), active, state.currency.as_deref()));
                }
            }
        }
        state.last = last;
        state.page = match crate::pull::header::<u32>(&response, "x-wp-totalpages") {
            Some(pages) if state.page >= pages => 0,
            None if rows.len() < BATCH => 0,
            _ => state.page + 1,
        };
        Ok(())
    }

    async fn variations(
        &self,
        cx: &Cx,
        parent: &Parent,
        currency: Option<&str>,
        items: &mut Vec<RemoteOffer>,
    ) -> Result<()> {
        let fields = "id,status,sku,global_unique_id,price,manage_stock,stock_quantity,attributes";
        for page in 1..=VARIATION_PAGES {
            let request = self
                .get(&format!("products/{}/variations", parent.id))
                .query("orderby", "id")
                .query("order", "asc")
                .query("per_page", BATCH.to_string())
                .query("page", page.to_string())
                .query("_fields", self.with_meta(fields));
            let response = match self.send(cx, request, "listing variations").await {
                // Deleted since its product was listed.
                Err(e) if e.kind == ErrorKind::NotFound => return Ok(()),
                other => other?,
            };
            let body = text(&response);
            let rows: Vec<Product<'_>> = json(&response, &body)?;
            for row in &rows {
                let Ok(id) = u64::try_from(row.id.0) else { continue };
                let place = Place { parent: Some(parent.id), id };
                let active = parent.active && row.status.0 == "publish";
                let mut offer = self.offer(row, place, variation_title(&parent.title, row), active, currency);
                if row.sku.0 == parent.sku {
                    // WooCommerce shows the product's SKU on variations that have none, so it would name them all.
                    offer.code = None;
                }
                items.push(offer);
            }
            let last = match crate::pull::header::<u32>(&response, "x-wp-totalpages") {
                Some(pages) => page >= pages,
                None => rows.len() < BATCH,
            };
            if last {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Malformed,
            format!("listing variations of product {}: the pages do not end", parent.id),
        ))
    }

    fn offer(
        &self,
        row: &Product<'_>,
        place: Place,
        title: String,
        active: bool,
        currency: Option<&str>,
    ) -> RemoteOffer {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let from_meta = || {
            let key = self.settings.ean_meta_key.as_deref()?;
            row.meta_data.0.iter().find(|meta| meta.key.0 == key)?.text()
        };
        let price = currency.filter(|_| !row.price.0.is_empty()).and_then(|currency| {
            let money = Exact::parse(&row.price.0).ok()?.money(currency).ok()?;
            Some((money, currency.to_owned()))
        });
        RemoteOffer {
            id: place.listing(),
            code: some(&row.sku.0),
            gtin: some(&row.global_unique_id.0).or_else(|| some(&from_meta()?)),
            title,
            quantity: quantity(&row.manage_stock.0, &row.stock_quantity.0),
            price,
            active,
        }
    }

    /// The shop's currency; products carry none. Some keys may not read settings, and then prices stay unknown.
    async fn currency(&self, cx: &Cx) -> Result<Option<String>> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Setting {
            value: Text,
        }
        let request = self.get("settings/general/woocommerce_currency");
        match self.send(cx, request, "reading the currency").await {
            Ok(response) => {
                let body = text(&response);
                let setting: Setting = json(&response, &body)?;
                Ok(Some(setting.value.0).filter(|code| !code.is_empty()))
            }
            Err(e) if e.kind.is_temporary() => Err(e),
            Err(_) => Ok(None),
        }
    }

    fn with_meta(&self, fields: &str) -> String {
        match self.settings.ean_meta_key {
            Some(_) => format!("{fields},meta_data"),
            None => fields.to_owned(),
        }
    }
}

fn read(cursor: &Cursor) -> Result<State> {
    serde_json::from_str(cursor.as_str()).ok().filter(|state: &State| state.v == 1).ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, "the cursor is not one of the WooCommerce connector")
    })
}

/// "Shirt – Red, L"; the attributes of a variation that fits any value are empty.
fn variation_title(parent: &str, row: &Product<'_>) -> String {
    let options: Vec<String> = row
        .attributes
        .0
        .iter()
        .map(|attribute| plain(&attribute.option.0))
        .filter(|option| !option.is_empty())
        .collect();
    match options.is_empty() {
        true => parent.to_owned(),
        false => format!("{parent} – {}", options.join(", ")),
    }
}
