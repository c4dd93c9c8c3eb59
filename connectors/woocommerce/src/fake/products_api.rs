//! `products`, their variations, and the batches that stock is set with.

use banto_sim::faults::Faults;
use serde_json::{Value, json};

use super::product::{Product, listing_id};
use super::query::{Checked, WpError};
use super::server::{Answer, Call, Reply, id, only_fields, paged};
use super::state::Shop;

pub(super) fn route(shop: &mut Shop, faults: &Faults, call: &Call, parts: &[&str], params: &Value) -> Answer {
    let write = matches!(call.method.as_str(), "PUT" | "POST" | "PATCH");
    match parts {
        [] if call.method == "GET" => list(shop, call, None),
        ["batch"] if write => batch(shop, faults, call, 0, params),
        [product] if call.method == "GET" => {
            let row = product_row(shop, id(product)?, 404)?.id;
            Ok(Reply::one(call, 200, shop.product_json(row).unwrap_or_default()))
        }
        [product] if write => {
            let shown = update(shop, faults, id(product)?, 0, params)?;
            Ok(Reply::one(call, 200, shown))
        }
        [product, "variations"] if call.method == "GET" => list(shop, call, Some(id(product)?)),
        [product, "variations", "batch"] if write => batch(shop, faults, call, id(product)?, params),
        [product, "variations", variation] if call.method == "GET" => {
            let row = variation_row(shop, id(product)?, id(variation)?, 404)?;
            let shown = shop.product_view(row.parent).variation(row);
            Ok(Reply::one(call, 200, shown))
        }
        [product, "variations", variation] if write => {
            let (parent, id) = (id(product)?, id(variation)?);
            // Here the parent is part of the permission check, which comes first and says 404.
            variation_row(shop, parent, id, 404)?;
            Ok(Reply::one(call, 200, update(shop, faults, id, parent, params)?))
        }
        _ => Err(WpError::no_route()),
    }
}

fn product_row(shop: &Shop, id: u64, status: u16) -> Result<&Product, WpError> {
    shop.products
        .get(&id)
        .ok_or_else(|| WpError::new(status, "woocommerce_rest_product_invalid_id", "Invalid ID."))
}

fn variation_row(shop: &Shop, parent: u64, id: u64, status: u16) -> Result<&Product, WpError> {
    shop.products
        .get(&id)
        .filter(|p| parent != 0 && p.parent == parent)
        .ok_or_else(|| WpError::new(status, "woocommerce_rest_product_variation_invalid_id", "Invalid ID."))
}

/// Sets what is posted of stock, price and name on one row; returns how it looks then.
fn update(shop: &mut Shop, faults: &Faults, id: u64, parent: u64, params: &Value) -> Result<Value, WpError> {
    if parent == 0 {
        let row = product_row(shop, id, 400)?;
        if row.parent != 0 {
            return Err(WpError::new(
                404,
                "woocommerce_rest_invalid_product_id",
                "To manipulate product variations you should use the \
                 /products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            ));
        }
    } else {
        variation_row(shop, parent, id, 400)?;
    }
    check_types(params)?;
    if faults.refuses(&listing_id(id, parent)) {
        let code = if parent == 0 {
            "woocommerce_rest_product_not_created"
        } else {
            "woocommerce_rest_product_variation_not_created"
        };
        return Err(WpError::new(400, code, "Could not update product in the database."));
    }
    if let Some(quantity) = whole(&params["stock_quantity"]) {
        shop.saw_stock(id, parent, quantity);
    }
    let (now, digits) = (shop.now(), shop.digits);
    let mut renamed = false;
    if let Some(row) = shop.products.get_mut(&id) {
        renamed = apply(row, params, digits);
        row.modified = now;
    }
    if renamed {
        shop.product_names_changed();
    }
    shop.emit("product.updated", id);
    let Some(row) = shop.products.get(&id) else {
        return Ok(Value::Null);
    };
    let view = shop.product_view(row.parent);
    Ok(if parent == 0 { view.product(row) } else { view.variation(row) })
}

/// Says whether a name that orders show has changed.
fn apply(row: &mut Product, params: &Value, digits: u32) -> bool {
    // A variation says `"parent"` where its product counts; written back, that is a false.
    match &params["manage_stock"] {
        Value::Bool(manage) => row.manage_stock = *manage,
        Value::String(word) => row.manage_stock = matches!(word.as_str(), "true" | "yes" | "1"),
        _ => {}
    }
    for (to, name) in [
        (&mut row.stock_status, "stock_status"),
        (&mut row.backorders, "backorders"),
        (&mut row.status, "status"),
        (&mut row.gtin, "global_unique_id"),
    ] {
        if let Some(value) = params[name].as_str() {
            value.clone_into(to);
        }
    }
    if let Some(quantity) = whole(&params["stock_quantity"]) {
        row.stock = Some(quantity);
    }
    // Aligning clears the quantity again where the stock is not counted.
    row.align_stock();
    if let Some(price) = params.get("regular_price") {
        row.price = super::php::minor(price, digits);
    }
    let mut renamed = false;
    for (to, name) in [(&mut row.sku, "sku"), (&mut row.name, "name")] {
        if let Some(value) = params[name].as_str() {
            renamed |= to != value;
            value.clone_into(to);
        }
    }
    renamed
}

/// `wc_stock_amount`: a number or a text of one, cut to a whole.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

fn check_types(params: &Value) -> Result<(), WpError> {
    let quantity = &params["stock_quantity"];
    if quantity.is_null() || whole(quantity).is_some() {
        return Ok(());
    }
    Err(WpError {
        status: 400,
        code: "rest_invalid_param".to_owned(),
        message: "Invalid parameter(s): stock_quantity".to_owned(),
        data: json!({
            "status": 400,
            "params": { "stock_quantity": "stock_quantity is not of type number." },
        }),
    })
}

/// 200 with one element for each item, and an `error` in those that failed.
fn batch(shop: &mut Shop, faults: &Faults, call: &Call, parent: u64, params: &Value) -> Answer {
    let items = |name: &str| params[name].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let count = items("create").len() + items("update").len() + items("delete").len();
    if count > shop.config.batch_max {
        let message = format!("Unable to accept more than {} items for this request.", shop.config.batch_max);
        return Err(WpError::new(413, "woocommerce_rest_request_entity_too_large", &message));
    }
    if !(items("create").is_empty() && items("delete").is_empty()) {
        let message = "The fake shop creates and deletes no products over HTTP.";
        return Err(WpError::new(501, "fake_not_implemented", message));
    }
    let fields = call.query.list("_fields");
    let mut results = Vec::with_capacity(count);
    for item in items("update") {
        let id = item["id"].as_u64().unwrap_or(0);
        results.push(match update(shop, faults, id, parent, item) {
            Ok(shown) => only_fields(shown, fields.as_deref().map(inner_fields).as_deref()),
            Err(error) => json!({ "id": item["id"], "error": error.body() }),
        });
    }
    let mut shown = json!({});
    if !results.is_empty() {
        shown["update"] = Value::from(results);
    }
    Ok(Reply::json(200, &shown))
}

/// In a batch `_fields` is written `update.id`.
fn inner_fields(fields: &[String]) -> Vec<String> {
    fields.iter().filter_map(|f| f.strip_prefix("update.").map(ToOwned::to_owned)).collect()
}

/// The filters of a list.
#[derive(Debug)]
struct Wanted {
    /// The product whose variations are listed.
    parent: Option<u64>,
    include: Vec<u64>,
    exclude: Vec<u64>,
    status: String,
    kind: Option<String>,
    skus: Option<Vec<String>>,
    search: Option<String>,
    modified_after: Option<i64>,
}

impl Wanted {
    fn takes(&self, p: &Product) -> bool {
        let level = match (self.parent, &self.skus) {
            (Some(parent), _) => p.parent == parent,
            // A search by SKU finds variations as well.
            (None, Some(_)) => true,
            (None, None) => p.parent == 0,
        };
        let status = match self.status.as_str() {
            "any" => p.status != "trash",
            status => p.status == status,
        };
        level
            && status
            && (self.include.is_empty() || self.include.contains(&p.id))
            && !self.exclude.contains(&p.id)
            && self.kind.as_deref().is_none_or(|k| p.kind() == k)
            && self.skus.as_ref().is_none_or(|s| s.contains(&p.sku))
            && self.search.as_ref().is_none_or(|s| p.name.to_lowercase().contains(s))
            && self.modified_after.is_none_or(|t| p.modified > t)
    }

    fn rows<'a>(&self, shop: &'a Shop) -> Vec<&'a Product> {
        match self.parent.and_then(|p| shop.products.get(&p)) {
            Some(parent) => {
                let children = parent.children.iter().filter_map(|id| shop.products.get(id));
                children.filter(|p| self.takes(p)).collect()
            }
            None => shop.products.values().filter(|p| self.takes(p)).collect(),
        }
    }
}

/// `GET products` or the variations of one.
fn list(shop: &Shop, call: &Call, parent: Option<u64>) -> Answer {
    let mut args = Checked::new(&call.query, shop.config.utc_offset_secs());
    let page = args.int("page", 1, 1, None);
    let per_page = args.int("per_page", 10, 1, Some(i64::from(shop.config.per_page_max)));
    let descending = args.one_of("order", "desc", &["asc", "desc"]) == "desc";
    let words = ["date", "id", "include", "title", "slug", "modified", "menu_order", "price"];
    let orderby = args.one_of("orderby", "date", &words);
    let states = ["any", "future", "trash", "draft", "pending", "private", "publish"];
    let kinds = ["simple", "grouped", "external", "variable"];
    let gmt = args.boolean("dates_are_gmt", false);
    let offset_secs = if gmt { 0 } else { shop.config.utc_offset_secs() };
    let wanted = Wanted {
        parent,
        include: args.ints("include"),
        exclude: args.ints("exclude"),
        status: args.one_of("status", "any", &states),
        kind: args.some_of("type", &kinds).and_then(|k| k.into_iter().next()),
        skus: call.query.list("sku"),
        search: call.query.text("search").map(str::to_lowercase),
        modified_after: args.date("modified_after").map(|t| t - offset_secs),
    };
    args.done()?;
    let mut rows = wanted.rows(shop);
    match orderby.as_str() {
        "date" => rows.sort_by_key(|p| (p.created, p.id)),
        "modified" => rows.sort_by_key(|p| (p.modified, p.id)),
        "title" => rows.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id))),
        "price" => rows.sort_by_key(|p| (p.price, p.id)),
        _ => {}
    }
    if descending {
        rows.reverse();
    }
    let total = rows.len();
    let take = usize::try_from(per_page).unwrap_or(1);
    let skip = usize::try_from(page - 1).unwrap_or(0).saturating_mul(take);
    let fields = call.query.list("_fields");
    let shown: Vec<Value> = rows
        .into_iter()
        .skip(skip)
        .take(take)
        .map(|p| {
            let view = shop.product_view(p.parent);
            let whole = if parent.is_some() { view.variation(p) } else { view.product(p) };
            only_fields(whole, fields.as_deref())
        })
        .collect();
    Ok(paged(Reply::json(200, &Value::from(shown)), shop, call, page, per_page, total))
}
