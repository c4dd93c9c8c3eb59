//! From a call to the API that it is meant for.

use super::http::{Call, Reply};
use super::{Inner, auth, items_api, orders_api, updates_api, write};

const BASE: &str = "/ShoppingWebService/V1/";

/// The documented refusal of too many calls in a day.
const FORBIDDEN: &str = "<Error><Message>Your Request was Forbidden</Message></Error>";

/// Does what the call asks for.
pub(super) fn answer(inner: &Inner, call: &Call) -> Reply {
    let mut store = inner.store();
    if call.path == "/yconnect/v2/token" {
        store.saw(call, Vec::new());
        return auth::token(&mut store, call);
    }
    let Some(api) = call.path.strip_prefix(BASE) else {
        return Reply::xml(404, &write::error("404", "Not Found"));
    };
    if !store.has_allowance(api) {
        return Reply::xml(403, FORBIDDEN);
    }
    let is_order_api = api.starts_with("order");
    let status = match auth::check(&store, call, is_order_api) {
        Ok(status) => status,
        Err(refusal) => {
            store.saw(call, Vec::new());
            return refusal;
        }
    };
    let mut reply = match api {
        "orderList" => orders_api::list(&store, call),
        "orderInfo" => orders_api::info(&store, call),
        "orderStatusChange" => updates_api::status(&mut store, call),
        "orderPayStatusChange" => updates_api::pay(&mut store, call),
        "orderShipStatusChange" => updates_api::ship(&mut store, call),
        "getStock" => items_api::get_stock(&store, call),
        "setStock" => items_api::set_stock(&mut store, &inner.faults, call),
        "myItemList" => items_api::list(&store, call),
        "getItem" => items_api::get_item(&store, call),
        _ => Reply::xml(404, &write::error("404", "Not Found")),
    };
    let stock = if api == "setStock" && reply.status == 200 { items_api::asked(call) } else { Vec::new() };
    store.saw(call, stock);
    reply.headers.extend(status.map(|status| ("x-sws-authorize-status", status.to_owned())));
    reply
}
