//! The Listings Items API: read, search, patch.

use banto_channel::ListingId;
use banto_sim::faults::Faults;
use serde_json::{Value, json};

use super::server::{Answer, Call, Reply, SpError};
use super::state::{Offer, Shop, iso, second};

/// Rows of one search.
const SEARCH_MAX: usize = 1000;

pub(super) fn route(
    shop: &mut Shop,
    faults: &Faults,
    call: &Call,
    seller: &str,
    sku: Option<&str>,
) -> Answer {
    if seller != shop.config.seller_id {
        return Err(SpError::input("The seller is not the one of the access token."));
    }
    if !call.list("marketplaceIds").contains(&shop.config.marketplace_id.as_str()) {
        return Err(SpError::input("marketplaceIds is missing or holds no store of the seller."));
    }
    match (call.method.as_str(), sku) {
        ("PATCH", Some(sku)) => patch(shop, faults, call, sku),
        (_, Some(sku)) => get(shop, call, sku),
        _ => search(shop, call),
    }
}

fn unknown(sku: &str) -> SpError {
    SpError::missing(format!("SKU '{sku}' not found."))
}

fn get(shop: &Shop, call: &Call, sku: &str) -> Answer {
    let offer = shop.offers.get(sku).ok_or_else(|| unknown(sku))?;
    Ok(Reply::json(200, &item(shop, sku, offer, &call.list("includedData"))))
}

fn search(shop: &Shop, call: &Call) -> Answer {
    let size: usize = match call.get("pageSize").map(str::parse) {
        None => 10,
        Some(Ok(size)) if (1..=20).contains(&size) => size,
        Some(_) => return Err(SpError::input("pageSize must be between 1 and 20.")),
    };
    let wanted = call.list("identifiers");
    if wanted.is_empty() != call.get("identifiersType").is_none() || wanted.len() > 20 {
        return Err(SpError::input("identifiers (20 at most) and identifiersType are given together."));
    }
    let after = call.get("createdAfter").map(|text| second(text).ok_or(()));
    let Ok(after) = after.transpose() else {
        return Err(SpError::input("createdAfter is no ISO 8601 time."));
    };
    let fits = |sku: &&String| {
        let old = after.is_some_and(|after| shop.offers.get(*sku).is_none_or(|offer| offer.created < after));
        !old && (wanted.is_empty() || wanted.contains(&sku.as_str()))
    };
    let mut found: Vec<&String> = shop.by_age.iter().filter(fits).collect();
    if call.get("sortOrder") != Some("ASC") {
        found.reverse();
    }
    let total = found.len();
    found.truncate(SEARCH_MAX);
    let from: usize = match call.get("pageToken").map(|token| token.trim_start_matches('p').parse()) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return Err(SpError::input("pageToken is not valid.")),
    };
    let data = call.list("includedData");
    let page = found.iter().skip(from).take(size);
    let items: Vec<Value> =
        page.filter_map(|sku| Some(item(shop, sku, shop.offers.get(*sku)?, &data))).collect();
    let mut answer = json!({ "numberOfResults": total, "items": items });
    if from + size < found.len() {
        answer["pagination"] = json!({ "nextToken": format!("p{}", from + size) });
    }
    Ok(Reply::json(200, &answer))
}

fn item(shop: &Shop, sku: &str, offer: &Offer, data: &[&str]) -> Value {
    let data = if data.is_empty() { &["summaries"] } else { data };
    let store = &shop.config.marketplace_id;
    let mut item = json!({ "sku": sku });
    if data.contains(&"summaries") {
        let buyable = offer.fba || offer.stock.is_some_and(|n| n > 0);
        let status = if buyable { json!(["BUYABLE", "DISCOVERABLE"]) } else { json!(["DISCOVERABLE"]) };
        item["summaries"] = json!([{
            "marketplaceId": store, "productType": "GROCERY", "conditionType": "new_new", "status": status,
            "itemName": offer.title, "createdDate": iso(offer.created), "lastUpdatedDate": iso(offer.created),
        }]);
    }
    if data.contains(&"offers") {
        let price = shop.amount(offer.price);
        item["offers"] = json!([{ "marketplaceId": store, "offerType": "B2C", "price": price }]);
    }
    if data.contains(&"fulfillmentAvailability") {
        item["fulfillmentAvailability"] = match (offer.fba, offer.stock) {
            (true, _) => json!([{ "fulfillmentChannelCode": "AMAZON_JP" }]),
            (false, None) => json!([]),
            (false, Some(stock)) => json!([{ "fulfillmentChannelCode": "DEFAULT", "quantity": stock }]),
        };
    }
    item
}

fn patch(shop: &mut Shop, faults: &Faults, call: &Call, sku: &str) -> Answer {
    let body = call.json()?;
    if !shop.offers.contains_key(sku) {
        return Err(unknown(sku));
    }
    if body["productType"].as_str().is_none_or(str::is_empty) {
        return Err(SpError::input("productType is missing."));
    }
    let told = quantity(&body["patches"]).map_err(SpError::input)?;
    let outcome = match faults.refuses(&ListingId::from(sku)) {
        true => Err("The attributes are invalid."),
        false => shop.set_quantity(sku, told),
    };
    shop.requests += 1;
    let submission = format!("{:032x}", shop.requests);
    let (status, issues) = match outcome {
        Ok(()) => ("ACCEPTED", json!([])),
        Err(message) => (
            "INVALID",
            json!([{
                "code": "90000900", "message": message, "severity": "ERROR",
                "attributeNames": ["fulfillment_availability"], "categories": ["INVALID_ATTRIBUTE"],
            }]),
        ),
    };
    let answer = json!({ "sku": sku, "status": status, "submissionId": submission, "issues": issues });
    Ok(Reply::json(200, &answer))
}

/// The quantity that patches set, as the API and the feed write them.
pub(super) fn quantity(patches: &Value) -> Result<i64, &'static str> {
    let [patch] = patches.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err("The fake takes exactly one patch.");
    };
    if !matches!(patch["op"].as_str(), Some("merge" | "replace"))
        || patch["path"] != "/attributes/fulfillment_availability"
    {
        return Err("The fake patches fulfillment_availability only.");
    }
    let value = &patch["value"][0];
    if value["fulfillment_channel_code"] != "DEFAULT" {
        return Err("fulfillment_channel_code must be DEFAULT.");
    }
    value["quantity"].as_i64().ok_or("quantity is missing.")
}
