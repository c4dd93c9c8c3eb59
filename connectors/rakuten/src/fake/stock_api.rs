//! InventoryAPI 2.0 and the two calls of ItemAPI 2.0 that a stock keeper needs.

use banto_channel::ListingId;
use banto_sim::faults::Faults;
use serde_json::{Map, Value, json};

use super::order::stamp;
use super::reply::Reply;
use super::server::Call;
use super::state::{Shop, Sku};
use super::{FakeItem, FakeVariant};

const ROWS_MAX: usize = 400;
const READ_MAX: usize = 1000;

/// The quantities that a call sets, for whoever watches.
pub(super) fn numbers_of(call: &Call) -> Vec<(ListingId, i64)> {
    if !call.path.ends_with("/inventories/bulk-upsert") {
        return Vec::new();
    }
    let row = |row: &Value| {
        let sku = sku(row)?;
        Some((ListingId(format!("{}/{}", sku.0, sku.1)), row["quantity"].as_i64()?))
    };
    inventories(&call.json()).iter().filter_map(row).collect()
}

fn inventories(body: &Value) -> Vec<Value> {
    body["inventories"].as_array().cloned().unwrap_or_default()
}

/// The SKU of a row. RMS turns the manageNumber to lower case.
fn sku(row: &Value) -> Option<Sku> {
    let name = |key: &str| row[key].as_str().filter(|name| !name.is_empty()).map(ToOwned::to_owned);
    Some((name("manageNumber")?.to_ascii_lowercase(), name("variantId")?))
}

pub(super) fn bulk_get(shop: &Shop, call: &Call) -> Reply {
    let rows = inventories(&call.json());
    if rows.len() > READ_MAX {
        return Reply::error(400, "IE1101", "inventories exceeds the maximum number of entries allowed.");
    }
    let found: Vec<Value> = rows
        .iter()
        .filter_map(sku)
        .filter_map(|sku| Some(counted(shop, &sku, *shop.stock.get(&sku)?)))
        .collect();
    Reply::json(200, &json!({ "inventories": found }))
}

pub(super) fn range(shop: &Shop, call: &Call) -> Reply {
    let bound = |name| call.query(name).and_then(|text| text.parse::<i64>().ok());
    let (least, most) = (bound("minQuantity"), bound("maxQuantity"));
    if least.is_none() && most.is_none() {
        return Reply::error(
            400,
            "IE0105",
            "One or both of minQuantity and maxQuantity query parameters is/are required.",
        );
    }
    let wanted = least.unwrap_or(0)..=most.unwrap_or(99_999);
    let found: Vec<Value> = shop
        .stock
        .iter()
        .filter(|(_, quantity)| wanted.contains(quantity))
        .map(|(sku, quantity)| counted(shop, sku, *quantity))
        .collect();
    match found.len() > READ_MAX {
        true => Reply::error(400, "IE0116", "Too many search results, please change the query of search."),
        false => Reply::json(200, &json!({ "inventories": found })),
    }
}

/// Inventory times have a colon in their zone, order times have none.
fn counted(shop: &Shop, sku: &Sku, quantity: i64) -> Value {
    let at = stamp(shop.now()).replace("+0900", "+09:00");
    json!({ "manageNumber": sku.0, "variantId": sku.1, "quantity": quantity, "created": at, "updated": at })
}

pub(super) fn bulk_upsert(shop: &mut Shop, faults: &Faults, call: &Call) -> Reply {
    let rows = inventories(&call.json());
    if rows.is_empty() {
        return Reply::error(400, "GE0011", "Request body is missing or is empty without any attributes.");
    }
    if rows.len() > ROWS_MAX {
        return Reply::error(400, "IE1101", "inventories exceeds the maximum number of entries allowed.");
    }
    let mut taken: Vec<(Sku, i64)> = Vec::new();
    let mut errors = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        match checked(faults, row) {
            Ok((sku, _)) if taken.iter().any(|(known, _)| *known == sku) => {
                let text = "There are multiple occurrences of the same manageNumber and variantId";
                return Reply::error(400, "IE1102", &format!("{text} : {}/{}", sku.0, sku.1));
            }
            Ok(number) => taken.push(number),
            Err((code, field, text)) => errors.push(json!({
                "code": code, "message": text,
                "metadata": { "propertyPath": format!("inventories[{at}].{field}") },
            })),
        }
    }
    if !errors.is_empty() {
        return Reply::json(400, &json!({ "errors": errors }));
    }
    shop.stock.extend(taken);
    Reply::nothing()
}

type Fault = (&'static str, &'static str, &'static str);

fn checked(faults: &Faults, row: &Value) -> Result<(Sku, i64), Fault> {
    let sku = sku(row).ok_or(("IE0001", "manageNumber", "manageNumber is mandatory."))?;
    if faults.refuses(&ListingId(format!("{}/{}", sku.0, sku.1))) {
        return Err(("IE0002", "variantId", "variantId has an invalid value."));
    }
    if sku.0.len() > 32 {
        return Err(("IE0004", "manageNumber", "Max length of manageNumber must be within 32 bytes."));
    }
    match (row["mode"].as_str(), row["quantity"].as_i64()) {
        (Some("ABSOLUTE"), Some(quantity @ 0..=99_999)) => Ok((sku, quantity)),
        (Some("ABSOLUTE"), Some(_)) => Err(("IE0003", "quantity", "quantity must be between 0 and 99999.")),
        _ => Err(("IE0002", "mode", "mode has an invalid value.")),
    }
}

/// A page of 1 to 100 items; the mark is the last manageNumber of the page before, and stays when there is no more.
pub(super) fn search(shop: &Shop, call: &Call) -> Reply {
    let hits = call.query("hits").map_or(Some(10), |text| text.parse::<usize>().ok());
    let Some(hits @ 1..=100) = hits else {
        return Reply::error(400, "IE0003", "hits must be between 1 and 100.");
    };
    let mark = call.query("cursorMark");
    let after = mark.filter(|mark| *mark != "*").unwrap_or_default();
    let found: Vec<&FakeItem> =
        shop.items.values().filter(|item| item.manage_number.as_str() > after).take(hits).collect();
    let results: Vec<Value> = found.iter().map(|item| json!({ "item": item_json(item) })).collect();
    let mut answer = json!({ "numFound": shop.items.len(), "offset": 0, "results": results });
    if let Some(mark) = mark {
        answer["nextCursorMark"] = json!(found.last().map_or(mark, |item| item.manage_number.as_str()));
    }
    Reply::json(200, &answer)
}

fn item_json(item: &FakeItem) -> Value {
    let variants: Map<String, Value> =
        item.variants.iter().map(|variant| (variant.id.clone(), variant_json(variant))).collect();
    json!({
        "manageNumber": item.manage_number, "itemNumber": item.manage_number, "title": item.title,
        "itemType": "NORMAL", "hideItem": item.hidden, "unlimitedInventoryFlag": false,
        "features": { "searchVisibility": "ALWAYS_VISIBLE" },
        "payment": { "taxIncluded": true, "taxRate": if item.reduced_tax { "0.08" } else { "0.1" } },
        "variants": variants,
    })
}

fn variant_json(variant: &FakeVariant) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut shown = json!({ "hidden": false, "standardPrice": variant.price.to_string() });
    if let Some(code) = some(&variant.code) {
        shown["merchantDefinedSkuId"] = json!(code);
    }
    if let Some(option) = some(&variant.option) {
        shown["selectorValues"] = json!({ "種類": option });
    }
    shown["articleNumber"] = match some(&variant.jan) {
        Some(jan) => json!({ "value": jan }),
        None => json!({ "exemptionReason": 5 }),
    };
    shown
}

/// `items.inventory-related-settings.get`: which SKUs an item has.
pub(super) fn settings(shop: &Shop, manage_number: &str) -> Reply {
    let Some(item) = shop.items.get(&manage_number.to_ascii_lowercase()) else {
        return Reply::error(404, "GE0014", &format!("Not found for inputs; manageNumber={manage_number}"));
    };
    let variants: Map<String, Value> = item
        .variants
        .iter()
        .map(|variant| (variant.id.clone(), json!({ "restockOnCancel": true, "backOrderFlag": false })))
        .collect();
    Reply::json(200, &json!({ "unlimitedInventoryFlag": false, "features": {}, "variants": variants }))
}
