//! A product or variation as the shop keeps it, and how it is shown.

use banto_channel::ListingId;
use serde_json::{Value, json};

use super::order::Meta;
use super::php::{date, decimal};
use super::{FakeConfig, WcVersion};

/// One row: a simple product, a variable product, or a variation of one.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) id: u64,
    /// The variable product; 0 for everything but variations.
    pub(super) parent: u64,
    /// Of a variable product, in menu order.
    pub(super) children: Vec<u64>,
    pub(super) name: String,
    /// Attribute and option of a variation; of a variable product all options, joined with ` | `.
    pub(super) attribute: Option<(String, String)>,
    pub(super) sku: String,
    pub(super) gtin: String,
    /// Minor units; `None` is a product without a price.
    pub(super) price: Option<i64>,
    /// 8 % instead of 10 %.
    pub(super) reduced_tax: bool,
    /// `None`: the stock is not counted here.
    pub(super) stock: Option<i64>,
    pub(super) manage_stock: bool,
    /// What is shown when the stock is not counted.
    pub(super) stock_status: String,
    pub(super) backorders: String,
    pub(super) status: String,
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) meta: Vec<Meta>,
}

impl Product {
    pub(super) fn is_variable(&self) -> bool {
        !self.children.is_empty()
    }

    pub(super) fn kind(&self) -> &'static str {
        match (self.parent, self.is_variable()) {
            (0, false) => "simple",
            (0, true) => "variable",
            _ => "variation",
        }
    }

    pub(super) fn listing(&self) -> ListingId {
        listing_id(self.id, self.parent)
    }

    pub(super) fn tax_class(&self) -> &'static str {
        if self.reduced_tax { "reduced-rate" } else { "" }
    }

    /// The SKU as everybody sees it: a variation without one shows its product's.
    pub(super) fn sku_shown<'a>(&'a self, parent: Option<&'a Self>) -> &'a str {
        match parent {
            Some(parent) if self.sku.is_empty() => &parent.sku,
            _ => &self.sku,
        }
    }

    /// Aligns the stock properties as `validate_props` does before each save.
    pub(super) fn align_stock(&mut self) {
        if !self.manage_stock {
            self.stock = None;
            "no".clone_into(&mut self.backorders);
            return;
        }
        let status = match self.stock.unwrap_or(0) {
            1.. => "instock",
            _ if self.backorders != "no" => "onbackorder",
            _ => "outofstock",
        };
        status.clone_into(&mut self.stock_status);
    }
}

/// `12` for a product, `12:34` for variation 34 of product 12, as the connector names its listings.
pub(super) fn listing_id(id: u64, parent: u64) -> ListingId {
    if parent == 0 { ListingId(id.to_string()) } else { ListingId(format!("{parent}:{id}")) }
}

/// The id of the row that a listing names.
pub(super) fn row_of(listing: &ListingId) -> Option<u64> {
    listing.as_str().rsplit(':').next()?.parse().ok()
}

/// What the JSON of one product depends on besides its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) config: &'a FakeConfig,
    pub(super) site: &'a str,
    pub(super) digits: u32,
    /// The row of the variable product, for a variation.
    pub(super) parent: Option<&'a Product>,
}

impl View<'_> {
    fn price(&self, p: &Product) -> String {
        p.price.map_or_else(String::new, |price| decimal(price, self.digits, self.digits))
    }

    /// `manage_stock` and `stock_quantity`. A variation that does not count its own stock, but whose product
    /// does, says `"parent"` where a truth value is expected.
    fn stock(&self, p: &Product) -> (Value, Value) {
        match self.parent {
            Some(parent) if !p.manage_stock && parent.manage_stock => (json!("parent"), json!(parent.stock)),
            _ => (json!(p.manage_stock), json!(p.stock)),
        }
    }

    fn local(&self, secs: i64) -> String {
        date(secs + self.config.utc_offset_secs())
    }

    /// What product and variation have in common.
    fn common(&self, p: &Product) -> Value {
        let price = self.price(p);
        let (manage_stock, stock_quantity) = self.stock(p);
        let mut shown = json!({
            "id": p.id, "permalink": format!("{}/?p={}", self.site, p.id),
            "date_created": self.local(p.created), "date_created_gmt": date(p.created),
            "date_modified": self.local(p.modified), "date_modified_gmt": date(p.modified),
            "status": p.status, "description": "", "sku": p.sku_shown(self.parent),
            "price": price, "regular_price": price, "sale_price": "",
            "date_on_sale_from": null, "date_on_sale_from_gmt": null,
            "date_on_sale_to": null, "date_on_sale_to_gmt": null,
            "on_sale": false, "purchasable": p.price.is_some(),
            "virtual": false, "downloadable": false, "downloads": [],
            "download_limit": -1, "download_expiry": -1,
            "tax_status": "taxable", "tax_class": p.tax_class(),
            "manage_stock": manage_stock, "stock_quantity": stock_quantity,
            "stock_status": p.stock_status, "backorders": p.backorders,
            "backorders_allowed": p.backorders != "no",
            "backordered": p.manage_stock && p.stock.is_some_and(|n| n < 0) && p.backorders != "no",
            "low_stock_amount": null, "weight": "",
            "dimensions": { "length": "", "width": "", "height": "" },
            "shipping_class": "", "shipping_class_id": 0, "menu_order": 0,
            "meta_data": meta_json(&p.meta),
        });
        if self.config.wc_version >= WcVersion(9, 2, 0) {
            shown["global_unique_id"] = json!(p.gtin);
        }
        shown
    }

    /// One element of `products`.
    pub(super) fn product(&self, p: &Product) -> Value {
        let mut shown = self.common(p);
        let base = format!("{}/wp-json/wc/v3/products", self.site);
        let attributes = match &p.attribute {
            Some((name, options)) if p.is_variable() => json!([{
                "id": 0, "name": name, "slug": name, "position": 0, "visible": true, "variation": true,
                "options": options.split(" | ").collect::<Vec<_>>(),
            }]),
            _ => json!([]),
        };
        for (name, value) in [
            ("name", json!(p.name)),
            ("slug", json!(format!("product-{}", p.id))),
            ("type", json!(p.kind())),
            ("featured", json!(false)),
            ("catalog_visibility", json!("visible")),
            ("short_description", json!("")),
            ("total_sales", json!(0)),
            ("external_url", json!("")),
            ("button_text", json!("")),
            ("sold_individually", json!(false)),
            ("shipping_required", json!(true)),
            ("shipping_taxable", json!(true)),
            ("reviews_allowed", json!(true)),
            ("average_rating", json!("0.00")),
            ("rating_count", json!(0)),
            ("upsell_ids", json!([])),
            ("cross_sell_ids", json!([])),
            ("related_ids", json!([])),
            ("parent_id", json!(p.parent)),
            ("purchase_note", json!("")),
            ("categories", json!([{ "id": 15, "name": "Uncategorized", "slug": "uncategorized" }])),
            ("tags", json!([])),
            ("images", json!([])),
            ("attributes", attributes),
            ("default_attributes", json!([])),
            ("variations", json!(p.children)),
            ("grouped_products", json!([])),
            ("has_options", json!(p.is_variable())),
            ("post_password", json!("")),
            ("price_html", json!(format!("<span class=\"amount\">{}</span>", self.price(p)))),
            (
                "_links",
                json!({
                    "self": [{ "href": format!("{base}/{}", p.id) }],
                    "collection": [{ "href": base }],
                }),
            ),
        ] {
            shown[name] = value;
        }
        shown
    }

    /// One element of `products/{id}/variations`.
    pub(super) fn variation(&self, p: &Product) -> Value {
        let mut shown = self.common(p);
        let base = format!("{}/wp-json/wc/v3/products/{}", self.site, p.parent);
        shown["type"] = json!("variation");
        shown["image"] = Value::Null;
        shown["parent_id"] = json!(p.parent);
        shown["name"] = json!(p.attribute.as_ref().map_or("", |(_, option)| option.as_str()));
        shown["attributes"] = match &p.attribute {
            Some((name, option)) => json!([{ "id": 0, "name": name, "slug": name, "option": option }]),
            None => json!([]),
        };
        shown["_links"] = json!({
            "self": [{ "href": format!("{base}/variations/{}", p.id) }],
            "collection": [{ "href": format!("{base}/variations") }],
            "up": [{ "href": base }],
        });
        shown
    }
}

/// `meta_data`; an empty object in it becomes `[]`, as PHP's arrays do.
pub(super) fn meta_json(meta: &[Meta]) -> Value {
    let php = |value: &Value| match value {
        Value::Object(map) if map.is_empty() => json!([]),
        other => other.clone(),
    };
    meta.iter().map(|m| json!({ "id": m.id, "key": m.key, "value": php(&m.value) })).collect()
}
