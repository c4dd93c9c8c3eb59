//! What the shop's staff does in its admin pages, for tests.

use std::time::Duration;

use banto_channel::{ListingId, RemoteOrderId};
use serde_json::Value;

use super::FakeShop;
use super::hooks::Hook;
use super::product::row_of;

fn id(order: &RemoteOrderId) -> u64 {
    order.as_str().parse().unwrap_or(0)
}

impl FakeShop {
    /// Moves an order to any status, `trash` included.
    pub fn set_status(&self, order: &RemoteOrderId, status: &str) {
        self.shop().set_status(id(order), status);
    }

    /// The status of an order; `None` if there is no such order.
    #[must_use]
    pub fn status(&self, order: &RemoteOrderId) -> Option<String> {
        self.shop().orders.get(&id(order)).map(|o| o.status.clone())
    }

    /// Writes a private note. Moves no date.
    pub fn add_note(&self, order: &RemoteOrderId, text: &str) {
        self.shop().add_note(id(order), "admin", text, false);
    }

    /// Sets a meta entry. Moves the date of modification only in the versions that do.
    pub fn set_meta(&self, order: &RemoteOrderId, key: &str, value: Value) {
        self.shop().set_meta(id(order), key, value);
    }

    /// Seconds since 1970 at which the order was last modified, as the API says.
    #[must_use]
    pub fn modified(&self, order: &RemoteOrderId) -> Option<i64> {
        self.shop().orders.get(&id(order)).map(|o| o.modified)
    }

    /// Gives an offer another SKU; order lines show it at once.
    pub fn rename_sku(&self, listing: &ListingId, sku: &str) {
        let mut shop = self.shop();
        if let Some(row) = row_of(listing).and_then(|id| shop.products.get_mut(&id)) {
            sku.clone_into(&mut row.sku);
        }
        shop.product_names_changed();
    }

    /// Deletes a product or variation for good.
    pub fn delete_product(&self, listing: &ListingId) {
        let mut shop = self.shop();
        let Some(row) = row_of(listing).and_then(|id| shop.products.remove(&id)) else {
            return;
        };
        for child in row.children {
            shop.products.remove(&child);
        }
        if let Some(parent) = shop.products.get_mut(&row.parent) {
            parent.children.retain(|child| *child != row.id);
        }
        shop.product_names_changed();
        shop.emit("product.deleted", row.id);
    }

    /// Id, topic and status of every webhook.
    #[must_use]
    pub fn webhooks(&self) -> Vec<(u64, String, String)> {
        let shop = self.shop();
        shop.hooks.values().map(|h| (h.id, h.topic.clone(), h.status.clone())).collect()
    }

    /// Headers (names in lower case) and body of an `order.updated` webhook about the newest order, signed with
    /// `secret`. In a shop without orders one is placed by its staff.
    #[must_use]
    pub fn signed_webhook(&self, secret: &str) -> (Vec<(String, String)>, Vec<u8>) {
        let mut shop = self.shop();
        let newest = shop.orders.keys().next_back().copied();
        let order = newest.unwrap_or_else(|| {
            let order = shop.draft(Vec::new());
            let id = order.id;
            shop.insert_order(order);
            id
        });
        let hook =
            Hook { id: 1, topic: "order.updated".to_owned(), secret: secret.to_owned(), ..Hook::default() };
        let Some(post) = shop.signed(&hook, order) else {
            return (Vec::new(), Vec::new());
        };
        let headers = post.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value));
        (headers.collect(), post.body)
    }

    fn delivers(&self) -> bool {
        let shop = self.shop();
        shop.delivering || !shop.outbox.is_empty()
    }

    /// Waits until every webhook that is due has gone out, at most `limit`. Says whether it has.
    pub async fn webhooks_delivered(&self, limit: Duration) -> bool {
        let done = async {
            while self.delivers() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(limit, done).await.is_ok()
    }
}
