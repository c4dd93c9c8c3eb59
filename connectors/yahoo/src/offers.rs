//! What the store offers: `myItemList`, and `getItem` for products with sub codes.
//!
//! The list must be asked for a search word or a category. A search word matches the beginning of the item code, so the
//! catalogue is walked through by the first letter of its codes.

use banto_channel::{Cursor, Cx, Error, ErrorKind, ListingId, Money, Page, RemoteOffer, Result};
use serde::{Deserialize, Serialize};

use crate::Yahoo;
use crate::calls::{Body, GET_ITEM, ITEM_LIST};
use crate::lines::listing;
use crate::parse::CURRENCY;
use crate::xml::Node;

/// What an item code can begin with.
const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
/// Rows of one call, of the hundred that Yahoo! would give: each product with sub codes takes a call of its own.
const ROWS: usize = 50;
/// Letters without a product that one page passes over.
const LETTERS_A_PAGE: usize = 8;

/// Where the walk stands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    v: u8,
    letter: usize,
    /// Row within the letter, from 1.
    start: usize,
}

impl Yahoo {
    pub(crate) async fn offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let mut place = match after {
            None => Place { v: 1, letter: 0, start: 1 },
            Some(cursor) => {
                let place: Option<Place> = serde_json::from_str(cursor.as_str()).ok();
                place.filter(|p| p.v == 1).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Config,
                        "this offer position was not written by the yahoo connector",
                    )
                })?
            }
        };
        let mut items = Vec::new();
        for _ in 0..LETTERS_A_PAGE {
            let Some(letter) = LETTERS.get(place.letter) else { break };
            let (offers, rows, total) = self.page(cx, char::from(*letter), place.start).await?;
            items.extend(offers);
            place = match rows == 0 || place.start - 1 + rows >= total {
                true => Place { v: 1, letter: place.letter + 1, start: 1 },
                false => Place { start: place.start + rows, ..place },
            };
            if !items.is_empty() {
                break;
            }
        }
        let more = place.letter < LETTERS.len();
        let next = serde_json::to_string(&place).map_err(|e| {
            Error::new(ErrorKind::Unexpected, format!("cannot write the offer position: {e}"))
        })?;
        Ok(Page { items, next: Cursor(next), more })
    }

    /// The offers of one call, its rows, and how many there are of this letter.
    async fn page(&self, cx: &Cx, letter: char, start: usize) -> Result<(Vec<RemoteOffer>, usize, usize)> {
        let query = vec![
            ("seller_id", self.settings.seller_id.clone()),
            ("query", letter.to_string()),
            ("type", "item_code".to_owned()),
            ("sort", "+item_code".to_owned()),
            ("stock", "true".to_owned()),
            ("start", start.to_string()),
            ("results", ROWS.to_string()),
        ];
        let answer = self.send(cx, ITEM_LIST, Body::Query(query), "listing products").await?;
        let total = answer.root.attribute("totalResultsAvailable").parse().map_err(|_| {
            Error::new(ErrorKind::Malformed, "listing products: the answer does not say how many there are")
        })?;
        let mut offers = Vec::new();
        let mut rows = 0;
        for row in answer.root.all("Result") {
            rows += 1;
            // Whether the search tells large letters from small is not documented; so each code is taken once.
            if !row.text("ItemCode").starts_with(letter) {
                continue;
            }
            match row.text("HasSubCode") {
                "1" => offers.extend(self.sub_codes(cx, row).await?),
                _ => offers.extend(plain(row)),
            }
        }
        Ok((offers, rows, total))
    }

    /// The offers of a product with sub codes.
    async fn sub_codes(&self, cx: &Cx, row: &Node) -> Result<Vec<RemoteOffer>> {
        let code = row.text("ItemCode");
        let query = vec![("seller_id", self.settings.seller_id.clone()), ("item_code", code.to_owned())];
        let answer = self.send(cx, GET_ITEM, Body::Query(query), &format!("reading product {code}")).await?;
        let product = answer.root.at("Result");
        let offer = |sub: &Node| {
            let chosen: Vec<&str> = sub.all("Option").map(|option| option.attribute("value")).collect();
            let own = sub.text("Price");
            Some(RemoteOffer {
                id: listing(code, sub.attribute("code"))?,
                code: Some(sub.attribute("code").to_owned()),
                gtin: None,
                title: [row.text("Name"), &chosen.join(" ")].join(" ").trim().to_owned(),
                quantity: sub.attribute("quantity").parse().ok(),
                price: Money::parse(own, CURRENCY)
                    .ok()
                    .map(|p| (p, CURRENCY.to_owned()))
                    .or_else(|| price(row)),
                active: row.text("Display") == "1",
            })
        };
        Ok(product.at("SubCodes").all("SubCode").filter_map(offer).collect())
    }
}

fn plain(row: &Node) -> Option<RemoteOffer> {
    let code = row.text("ItemCode");
    (!code.is_empty()).then(|| RemoteOffer {
        id: ListingId::from(code),
        code: Some(code.to_owned()),
        gtin: None,
        title: row.text("Name").to_owned(),
        // Nothing means without limit.
        quantity: row.text("Quantity").parse().ok(),
        price: price(row),
        active: row.text("Display") == "1",
    })
}

/// The sale's price, if there is one, or the usual one.
fn price(row: &Node) -> Option<(Money, String)> {
    let text = ["SalePrice", "Price"].map(|name| row.text(name)).into_iter().find(|text| !text.is_empty())?;
    Some((Money::parse(text, CURRENCY).ok()?, CURRENCY.to_owned()))
}
