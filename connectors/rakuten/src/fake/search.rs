//! `searchOrder`.

use serde_json::{Value, json};

use super::order::{When, second};
use super::reply::{Reply, message};
use super::state::Shop;

const DAY: i64 = 86_400;
/// Hits beyond it cannot be read.
const HITS_MAX: usize = 15_000;

/// What is asked for, checked.
struct Question {
    when: When,
    start: i64,
    end: i64,
    size: usize,
    page: usize,
    newest_first: bool,
}

pub(super) fn search(shop: &Shop, body: &Value) -> Reply {
    let question = match question(shop, body) {
        Ok(question) => question,
        Err(errors) => {
            let errors: Vec<Value> = errors
                .into_iter()
                .map(|(code, text)| message("ERROR", &format!("SEARCH_ORDER_ERROR_{code}"), text))
                .collect();
            return Reply::json(
                400,
                &json!({ "orderNumberList": null, "MessageModelList": errors, "PaginationResponseModel": null }),
            );
        }
    };
    let hits = hits(shop, body, &question);
    if hits.is_empty() {
        return Reply::json(
            200,
            &json!({
                "orderNumberList": [],
                "MessageModelList":
                    [message("INFO", "SEARCH_ORDER_INFO_102", "注文検索に成功しました。(検索結果０件)")],
                "PaginationResponseModel": { "totalRecordsAmount": null, "totalPages": null, "requestPage": null },
            }),
        );
    }
    let readable = &hits[..hits.len().min(HITS_MAX)];
    let from = question.size * (question.page - 1);
    let page: Vec<&String> = readable.iter().skip(from).take(question.size).collect();
    Reply::json(
        200,
        &json!({
            "orderNumberList": page,
            "MessageModelList": [message("INFO", "SEARCH_ORDER_INFO_101", "注文検索に成功しました。")],
            "PaginationResponseModel": {
                "totalRecordsAmount": hits.len(), "totalPages": hits.len().div_ceil(question.size),
                "requestPage": question.page,
            },
        }),
    )
}

/// `Err` holds the last part of each message's code, where it is documented, and its words.
fn question(shop: &Shop, body: &Value) -> Result<Question, Vec<(&'static str, &'static str)>> {
    let mut errors = Vec::new();
    let when = match body["dateType"].as_i64() {
        Some(1) => When::Placed,
        Some(2) => When::Confirmed,
        Some(3) => When::Fixed,
        Some(4) => When::Shipped,
        Some(5) => When::Reported,
        Some(6) => When::Paid,
        _ => {
            errors.push(("009", "dateTypeの項目を指定して下さい。"));
            When::Placed
        }
    };
    let (start, end) = (time(body, "startDatetime"), time(body, "endDatetime"));
    if start.is_none() {
        errors.push(("011", "startDatetimeの書式が不正です。"));
    }
    if end.is_none() {
        errors.push(("011", "endDatetimeの書式が不正です。"));
    }
    let paging = &body["PaginationRequestModel"];
    let number =
        |name: &str, or: u64| usize::try_from(paging[name].as_u64().unwrap_or(or)).unwrap_or(usize::MAX);
    let (size, page) = (number("requestRecordsAmount", 30), number("requestPage", 1));
    if !(1..=1000).contains(&size) || page == 0 {
        errors.push(("011", "PaginationRequestModelの書式が不正です。"));
    }
    let (Some(start), Some(end), true) = (start, end, errors.is_empty()) else {
        return Err(errors);
    };
    // The numbers of these two codes are not recorded anywhere.
    if end - start > 63 * DAY || end < start {
        return Err(vec![("0xx", "期間は63日以内で指定して下さい。")]);
    }
    if start < shop.now() - 730 * DAY {
        return Err(vec![("0xx", "過去730日以内を指定して下さい。")]);
    }
    let newest_first = paging["SortModelList"][0]["sortDirection"].as_i64() != Some(1);
    Ok(Question { when, start, end, size, page, newest_first })
}

fn time(body: &Value, name: &str) -> Option<i64> {
    second(body[name].as_str()?)
}

/// The orders of the span, by the time of placing, as far as the search shows them already.
fn hits(shop: &Shop, body: &Value, question: &Question) -> Vec<String> {
    let visible = shop.now() - i64::try_from(shop.config.search_lag.as_secs()).unwrap_or(0);
    let wanted: Option<Vec<i64>> =
        body["orderProgressList"].as_array().map(|list| list.iter().filter_map(Value::as_i64).collect());
    let Some(dates) = shop.by_date.get(&question.when) else {
        return Vec::new();
    };
    let span = (question.start, String::new())..(question.end + 1, String::new());
    let mut hits: Vec<(i64, String)> = dates
        .range(span)
        .filter_map(|(_, number)| {
            let order = shop.orders.get(number)?;
            let placed = order.at(When::Placed)?;
            let shown =
                placed <= visible && wanted.as_ref().is_none_or(|wanted| wanted.contains(&order.progress));
            shown.then(|| (placed, number.clone()))
        })
        .collect();
    hits.sort_unstable();
    if question.newest_first {
        hits.reverse();
    }
    hits.into_iter().map(|(_, number)| number).collect()
}
