use banto_channel::{Connector as _, Read, RemoteOrderId, Request, Response, Result};
use serde_json::{Value, json};

use super::script::{answer, body, call, shop, stage};

fn found(numbers: &[String], total: usize, pages: usize) -> Result<Response> {
    answer(
        200,
        json!({
            "orderNumberList": numbers,
            "PaginationResponseModel": { "totalRecordsAmount": total, "totalPages": pages, "requestPage": 1 },
        }),
    )
}

fn order(number: &str) -> Value {
    json!({
        "orderNumber": number, "orderProgress": 300, "orderDatetime": "2026-11-21T18:00:00+0900",
        "orderFixDatetime": "2026-11-21T18:00:00+0900",
        "SettlementModel": { "settlementMethodCode": 1, "rpaySettlementFlag": 1 },
    })
}

fn handed_out(request: &Request) -> Vec<Value> {
    body(request)["orderNumberList"].as_array().unwrap().iter().map(|n| order(n.as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_search_is_put_as_rms_wants_it() {
    let (cx, script) = stage(|_| answer(200, json!({ "orderNumberList": [] })));
    let page = shop("since = \"2026-11-01\"").pull_orders(&cx, None).await.unwrap();
    assert!(page.items.is_empty() && !page.more);
    let asked: Vec<Value> = script.requests().iter().map(body).collect();
    assert_eq!(
        asked.iter().map(|asked| asked["dateType"].as_i64().unwrap()).collect::<Vec<_>>(),
        [1, 3, 5, 6]
    );
    assert_eq!(
        asked[0],
        json!({
            "dateType": 1, "startDatetime": "2026-11-01T00:00:00+0900", "endDatetime": "2026-11-21T19:05:00+0900",
            "PaginationRequestModel": {
                "requestRecordsAmount": 100, "requestPage": 1,
                "SortModelList": [{ "sortColumn": 1, "sortDirection": 1 }],
            },
        })
    );
}

#[tokio::test]
async fn more_hits_than_can_be_read_halve_the_window() {
    let (cx, script) = stage(|request| match call(request) {
        "searchOrder"
            if body(request)["endDatetime"] == "2026-11-21T19:05:00+0900"
                && body(request)["startDatetime"] == "2026-11-01T00:00:00+0900" =>
        {
            found(&["1-20261101-1".to_owned()], 15_001, 151)
        }
        "searchOrder" => found(&[], 0, 0),
        _ => answer(200, json!({ "OrderModelList": [] })),
    });
    let _ = shop("since = \"2026-11-01\"").pull_orders(&cx, None).await.unwrap();
    let starts: Vec<String> =
        script.requests().iter().map(|r| body(r)["startDatetime"].as_str().unwrap().to_owned()).collect();
    assert_eq!(starts[..2], ["2026-11-01T00:00:00+0900", "2026-11-01T00:00:00+0900"]);
    assert!(starts[2] > starts[1]);
    assert!(!script.calls().contains(&"getOrder".to_owned()), "nothing is read of a window that is cut off");
}

#[tokio::test]
async fn an_order_that_was_found_and_not_handed_out_is_told_as_such() {
    let numbers = ["1-20261121-1".to_owned(), "1-20261121-2".to_owned()];
    let (cx, _) = stage(move |request| match call(request) {
        "searchOrder" => found(&numbers, 2, 1),
        _ => answer(
            200,
            json!({
                "OrderModelList": [order("1-20261121-1")],
                "MessageModelList": [
                    { "messageType": "WARNING", "messageCode": "ORDER_EXT_API_GET_ORDER_WARNING_101" },
                    { "messageType": "INFO", "messageCode": "ORDER_EXT_API_GET_ORDER_INFO_102", "message": "受注情報が取得できませんでした。", "orderNumber": "1-20261121-2" },
                ],
            }),
        ),
    });
    let page = shop("").pull_orders(&cx, None).await.unwrap();
    assert!(matches!(&page.items[0], Read::Order(order) if order.id.as_str() == "1-20261121-1"));
    let missing = |read: &Read| {
        matches!(read, Read::Unreadable { id: Some(id), reason, raw }
            if id.as_str() == "1-20261121-2" && reason.ja.contains("INFO_102") && raw.contains("1-20261121-2"))
    };
    assert!(missing(&page.items[1]), "{:?}", page.items);
}

#[tokio::test]
async fn one_walk_reads_an_order_once_although_every_date_finds_it() {
    let numbers = ["1-20261121-1".to_owned()];
    let (cx, script) = stage(move |request| match call(request) {
        "searchOrder" => found(&numbers, 1, 1),
        _ => answer(200, json!({ "OrderModelList": handed_out(request) })),
    });
    let connector = shop("");
    let first = connector.pull_orders(&cx, None).await.unwrap();
    assert!(first.more && first.items.len() == 1);
    let second = connector.pull_orders(&cx, Some(&first.next)).await.unwrap();
    assert!(second.items.is_empty() && !second.more);
    assert_eq!(script.calls().iter().filter(|call| *call == "getOrder").count(), 1);
    let version = script.requests().iter().map(body).find_map(|body| body["version"].as_i64());
    assert_eq!(version, Some(10));
}

#[tokio::test]
async fn ids_that_are_none_of_rakutens_do_not_spoil_a_reread() {
    let (cx, script) = stage(|request| answer(200, json!({ "OrderModelList": handed_out(request) })));
    let connector = shop("");
    let ids = ["999", "1-20261121-7", "x-y-z", "1-2-3-r", ""].map(RemoteOrderId::from);
    let reads = connector.reread_orders(&cx, &ids).await.unwrap();
    assert_eq!(reads.len(), 1);
    assert_eq!(body(&script.requests()[0])["orderNumberList"], json!(["1-20261121-7"]));
    assert!(connector.reread_orders(&cx, &ids[..1]).await.unwrap().is_empty());
    assert_eq!(script.requests().len(), 1, "nothing is asked for nothing");
}
