//! `orderList` and `orderInfo`.

use super::http::{Call, Reply};
use super::order::Order;
use super::state::Store;
use super::write::{error, has_tag, tag, written};

/// The refusal of a request that is not as documented.
pub(super) fn bad_request() -> Reply {
    Reply::xml(400, &error("od90101", "リクエストパラメータエラーです。"))
}

/// The refusal of an order that is not there.
pub(super) fn no_order() -> Reply {
    Reply::xml(404, &error("od91801", "存在しない注文IDが指定されました。"))
}

/// Whether the request is for this store and is XML.
pub(super) fn is_ours(store: &Store, call: &Call, request: &str) -> bool {
    call.header("content-type").starts_with("application/xml")
        && request.starts_with("<Req>")
        && tag(request, "SellerId") == store.config().seller_id
}

pub(super) fn list(store: &Store, call: &Call) -> Reply {
    let request = call.text();
    let fields = tag(&request, "Field");
    let limits = ["OrderTime", "PublicationTime"].map(|name| window(&request, name));
    if !is_ours(store, call, &request) || fields.is_empty() || limits.iter().all(Option::is_none) {
        return bad_request();
    }
    let number = |name: &str, usual: usize| tag(&request, name).parse().unwrap_or(usual);
    let (start, most) = (number("Start", 1).max(1), number("Result", 10).min(store.config().rows_max));
    let mode = tag(&request, "ReadOnlyMode");
    let mut found: Vec<&Order> = store
        .visible()
        .filter(|order| {
            let times = [Store::order_time, Store::published];
            limits.iter().zip(times).all(|(limit, time)| {
                limit.as_ref().is_none_or(|(from, to)| (from..=to).contains(&&stamp(&time(store, order))))
            })
        })
        .filter(|order| match mode.as_str() {
            "2" => true,
            "1" => store.is_read_only(order),
            _ => !store.is_read_only(order),
        })
        .collect();
    if tag(&request, "Sort") == "+order_time" {
        found.sort_by_key(|order| store.order_time(order));
    }
    let rows: String = found
        .iter()
        .enumerate()
        .skip(start - 1)
        .take(most)
        .map(|(at, order)| {
            format!("<OrderInfo><Index>{}</Index>{}</OrderInfo>\n", at + 1, row(store, order, &fields))
        })
        .collect();
    let total = found.len();
    Reply::xml(
        200,
        &format!(
            "<Result><Status>OK</Status><Search><TotalCount>{total}</TotalCount>{rows}</Search></Result>"
        ),
    )
}

/// A row has all its fields side by side, whatever group they stand in elsewhere.
fn row(store: &Store, order: &Order, fields: &str) -> String {
    fields.split(',').filter_map(|name| Some(written(name, &store.told(order, name)?))).collect()
}

/// A condition's two times as the digits of a day and time; one may be missing.
fn window(request: &str, name: &str) -> Option<(String, String)> {
    let (from, to) = (format!("{name}From"), format!("{name}To"));
    if !has_tag(request, &from) && !has_tag(request, &to) {
        return None;
    }
    let last = "99999999999999".to_owned();
    Some((tag(request, &from), Some(tag(request, &to)).filter(|t| !t.is_empty()).unwrap_or(last)))
}

/// `2026-04-01T09:00:00+09:00` as a condition has it.
fn stamp(time: &str) -> String {
    time.chars().filter(char::is_ascii_digit).take(14).collect()
}

pub(super) fn info(store: &Store, call: &Call) -> Reply {
    let request = call.text();
    let fields = tag(&request, "Field");
    if !is_ours(store, call, &request) || fields.is_empty() {
        return bad_request();
    }
    let Some(order) = store.order(&tag(&request, "OrderId")) else { return no_order() };
    if let Some(text) = &order.broken {
        return Reply::xml(200, text);
    }
    let wanted: Vec<&str> = fields.split(',').collect();
    let body = order.xml(&wanted, |name| store.told(order, name));
    Reply::xml(
        200,
        &format!(
            "<ResultSet firstResultPosition=\"1\" totalResultsAvailable=\"1\" totalResultsReturned=\"1\">\n<Result>\
             <Status>OK</Status>\n{body}</Result></ResultSet>"
        ),
    )
}
