//! `searchOrders` and `getOrder` of 2026-01-01, and the search that v0 shares.

use serde_json::{Value, json};

use super::server::{Answer, Call, Reply, SpError};
use super::state::{Shop, Walk, iso, second};

/// Page tokens live for so long, in seconds.
const TOKEN_LIFE: i64 = 24 * 3600;

/// The names that one version of the API gives its parameters.
pub(super) struct Names {
    pub(super) marketplaces: &'static str,
    pub(super) created_after: &'static str,
    pub(super) updated_after: &'static str,
    pub(super) updated_before: &'static str,
    pub(super) size: &'static str,
    pub(super) token: &'static str,
    /// v0 looks at nothing else next to a token.
    pub(super) token_alone: bool,
}

const NAMES: Names = Names {
    marketplaces: "marketplaceIds",
    created_after: "createdAfter",
    updated_after: "lastUpdatedAfter",
    updated_before: "lastUpdatedBefore",
    size: "maxResultsPerPage",
    token: "paginationToken",
    token_alone: false,
};

/// A page of orders.
pub(super) struct Found {
    pub(super) places: Vec<u64>,
    pub(super) next: Option<String>,
    pub(super) until: i64,
}

pub(super) fn search(shop: &mut Shop, call: &Call) -> Answer {
    let found = find(shop, call, &NAMES)?;
    let data = call.list("includedData");
    known_data(&data)?;
    let orders = found.places.iter().filter_map(|place| shop.orders.get(place));
    let orders: Vec<Value> = orders.map(|order| shop.order_json(order, &data)).collect();
    let mut answer = json!({ "orders": orders, "lastUpdatedBefore": iso(found.until) });
    if let Some(next) = found.next {
        answer["pagination"] = json!({ "nextToken": next });
    }
    Ok(Reply::json(200, &answer))
}

pub(super) fn get(shop: &Shop, call: &Call, id: &str) -> Answer {
    let order = shop.order(id).ok_or_else(|| SpError::missing(format!("Order {id} is not found.")))?;
    let data = call.list("includedData");
    known_data(&data)?;
    Ok(Reply::json(200, &json!({ "order": shop.order_json(order, &data) })))
}

fn known_data(asked: &[&str]) -> Result<(), SpError> {
    const KNOWN: [&str; 11] = [
        "BUYER",
        "RECIPIENT",
        "PROCEEDS",
        "EXPENSE",
        "PROMOTION",
        "CANCELLATION",
        "FULFILLMENT",
        "PACKAGES",
        "TAX",
        "PAYMENT",
        "FULFILLMENT_ORDERS",
    ];
    match asked.iter().all(|set| KNOWN.contains(set)) {
        true => Ok(()),
        false => Err(SpError::input("includedData holds a value that is not allowed.")),
    }
}

/// The orders that a search finds, page by page.
pub(super) fn find(shop: &mut Shop, call: &Call, names: &Names) -> Result<Found, SpError> {
    let now = shop.now();
    let size = match call.get(names.size).map(str::parse::<usize>) {
        None => 100,
        Some(Ok(size)) if (1..=100).contains(&size) => size,
        Some(_) => return Err(SpError::input(format!("{} must be between 1 and 100.", names.size))),
    };
    if !call.list(names.marketplaces).contains(&shop.config.marketplace_id.as_str()) {
        return Err(SpError::input(format!("{} holds no store of the seller.", names.marketplaces)));
    }
    let others = call.query.iter().filter(|(name, _)| name != names.token);
    let asked: String = others.map(|(name, value)| format!("{name}={value}\n")).collect();
    let (number, from) = match call.get(names.token) {
        Some(token) => known_walk(shop, token, &asked, names, now)?,
        None => (begin(shop, call, names, size, asked, now)?, 0),
    };
    let Some(walk) = shop.walks.get(&number) else {
        return Err(SpError::input("The page token is not valid."));
    };
    let places: Vec<u64> = walk.found.iter().skip(from).take(walk.size).copied().collect();
    let after = from + places.len();
    let next = (after < walk.found.len()).then(|| format!("{number}.{after}.fake"));
    Ok(Found { places, next, until: walk.until })
}

fn known_walk(
    shop: &Shop,
    token: &str,
    asked: &str,
    names: &Names,
    now: i64,
) -> Result<(u64, usize), SpError> {
    let invalid = || SpError::input(format!("{} is not valid or has expired.", names.token));
    let mut parts = token.split('.');
    let number: u64 = parts.next().and_then(|n| n.parse().ok()).ok_or_else(invalid)?;
    let from: usize = parts.next().and_then(|n| n.parse().ok()).ok_or_else(invalid)?;
    let walk = shop.walks.get(&number).filter(|walk| now - walk.issued < TOKEN_LIFE).ok_or_else(invalid)?;
    match names.token_alone || walk.asked == asked {
        true => Ok((number, from)),
        false => Err(SpError::input("The parameters differ from those that the page token was given for.")),
    }
}

fn begin(
    shop: &mut Shop,
    call: &Call,
    names: &Names,
    size: usize,
    asked: String,
    now: i64,
) -> Result<u64, SpError> {
    let time = |name: &str| match call.get(name) {
        None => Ok(None),
        Some(text) => {
            second(text).map(Some).ok_or_else(|| SpError::input(format!("{name} is no ISO 8601 time.")))
        }
    };
    let (created, after) = (time(names.created_after)?, time(names.updated_after)?);
    let after = match (created, after) {
        (None, Some(after)) => after,
        (Some(_), None) => {
            return Err(SpError::new(501, "NotImplemented", "The fake searches by change only."));
        }
        _ => {
            let text =
                format!("Exactly one of {} and {} is needed.", names.created_after, names.updated_after);
            return Err(SpError::input(text));
        }
    };
    let newest = now - i64::try_from(shop.config.order_lag.as_secs()).unwrap_or(i64::MAX);
    let until = match time(names.updated_before)? {
        Some(before) if before > newest => {
            let text = format!("{} must be at least two minutes before now.", names.updated_before);
            return Err(SpError::input(text));
        }
        Some(before) => before,
        None => newest,
    };
    if after > until {
        return Err(SpError::input(format!("{} is after the end of the window.", names.updated_after)));
    }
    let found = shop.by_updated.range((after, 0)..=(until, u64::MAX)).map(|(_, place)| *place).collect();
    shop.walks.retain(|_, walk| now - walk.issued < TOKEN_LIFE);
    shop.walks_begun += 1;
    let number = shop.walks_begun;
    shop.walks.insert(number, Walk { found, size, issued: now, until, asked });
    Ok(number)
}
