//! Lines whose variation is gone.
//!
//! WooCommerce shows such a line as one of the product that the variation belonged to, with that product's SKU, and
//! nothing in it tells that from a product without variations. Taken at its word it would be another offer, and the order
//! would ask for other goods.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Cx, Result};
use serde::Deserialize;

use crate::WooCommerce;
use crate::calls::{json, text};
use crate::lenient::{Text, Whole};
use crate::model::{Item, Order};

/// Products to one question.
const ASKED: usize = 100;

/// Which products have variations, as far as the orders of one answer gave reason to ask.
pub(crate) type Kinds = BTreeMap<i64, bool>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kind {
    id: Whole,
    r#type: Text,
}

impl WooCommerce {
    /// Takes product and SKU off the lines whose variation is gone.
    pub(crate) async fn take_off_gone(
        &self,
        cx: &Cx,
        order: &mut Order<'_>,
        kinds: &mut Kinds,
    ) -> Result<()> {
        let suspects =
            order.line_items.0.iter().filter(|item| may_be_gone(item)).map(|item| item.product_id.0);
        let unknown: BTreeSet<i64> = suspects.filter(|id| !kinds.contains_key(id)).collect();
        let unknown: Vec<i64> = unknown.into_iter().collect();
        for ids in unknown.chunks(ASKED) {
            self.learn(cx, ids, kinds).await?;
        }
        for item in order.line_items.0.iter_mut().filter(|item| may_be_gone(item)) {
            if kinds.get(&item.product_id.0) == Some(&true) {
                item.product_id = Whole(0);
                item.sku = Text::default();
            }
        }
        Ok(())
    }

    async fn learn(&self, cx: &Cx, ids: &[i64], kinds: &mut Kinds) -> Result<()> {
        kinds.extend(ids.iter().map(|id| (*id, false)));
        let include: Vec<String> = ids.iter().map(i64::to_string).collect();
        let request = self
            .get("products")
            .query("include", include.join(","))
            .query("per_page", ASKED.to_string())
            .query("_fields", "id,type");
        let response = match self.send(cx, request, "reading products").await {
            // Without an answer the lines stand as they are.
            Err(e) if !e.kind.is_temporary() => return Ok(()),
            other => other?,
        };
        let body = text(&response);
        let rows: Vec<Kind> = json(&response, &body)?;
        kinds.extend(rows.iter().map(|row| (row.id.0, row.r#type.0.contains("variable"))));
        Ok(())
    }
}

/// A variation leaves its options (colour, size) in the line; so do plugins, hence the question.
fn may_be_gone(item: &Item<'_>) -> bool {
    let option = item.meta_data.0.iter().any(|meta| !meta.key.0.starts_with('_'));
    item.product_id.0 > 0 && item.variation_id.0 <= 0 && option
}
