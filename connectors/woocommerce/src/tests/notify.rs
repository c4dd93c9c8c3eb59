use std::sync::Mutex;

use banto_channel::{
    Connector as _, ErrorKind, IdempotencyKey, Notice, Outcome, Parcel, RemoteOrderId, Request, Response,
    Result, Timestamp,
};
use serde_json::{Value, json};

use super::script::{NOW, answer, path, shop, stage, wp_error};

/// An order at the shop that can be told things.
#[derive(Debug)]
struct Desk {
    status: String,
    paid: bool,
    notes: Vec<String>,
    tracked: Vec<Value>,
    fulfilled: Vec<Value>,
    /// Changes of status that had an effect.
    steps: Vec<String>,
    /// The next call is done and its answer lost.
    lose: Option<&'static str>,
}

impl Desk {
    fn new(status: &str) -> Mutex<Self> {
        Mutex::new(Self {
            status: status.to_owned(),
            paid: false,
            notes: Vec::new(),
            tracked: Vec::new(),
            fulfilled: Vec::new(),
            steps: Vec::new(),
            lose: None,
        })
    }

    fn stand(&self) -> String {
        let paid = if self.paid { json!("2026-11-21T09:00:00") } else { json!(null) };
        json!({"id": 7, "status": self.status, "date_paid_gmt": paid,
               "line_items": [{"id": 11, "quantity": 2}, {"id": 12, "quantity": 1}]})
        .to_string()
    }

    fn answer(&mut self, request: &Request) -> Result<Response> {
        let done = self.act(request);
        match self.lose.take_if(|what| request.method.as_str() != "GET" && path(request).ends_with(*what)) {
            Some(_) => Err(banto_channel::Error::new(ErrorKind::Unreachable, "connection reset")),
            None => done,
        }
    }

    fn act(&mut self, request: &Request) -> Result<Response> {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), path(request)) {
            ("GET", "orders/7") => answer(200, self.stand()),
            ("PUT", "orders/7") => {
                if body["set_paid"] == json!(true) && matches!(self.status.as_str(), "pending" | "failed") {
                    self.step("processing");
                }
                if let Some(status) = body["status"].as_str() {
                    self.step(status);
                }
                answer(200, self.stand())
            }
            ("GET", "orders/7/notes") => answer(
                200,
                json!(self.notes.iter().map(|n| json!({"note": n})).collect::<Vec<_>>()).to_string(),
            ),
            ("POST", "orders/7/notes") => {
                assert_eq!(body["customer_note"], json!(false), "buyers are not mailed by a note");
                self.notes.push(body["note"].as_str().unwrap().to_owned());
                answer(201, "{}")
            }
            ("GET", "wc-shipment-tracking/v3/orders/7/shipment-trackings") => {
                answer(200, json!(self.tracked).to_string())
            }
            ("POST", "wc-shipment-tracking/v3/orders/7/shipment-trackings") => {
                self.tracked.push(body);
                answer(201, "{}")
            }
            ("GET", "wc-shipment-tracking/v3/shipment-trackings/providers") => {
                answer(200, r#"{"Japan":{"Yamato Transport":"https://y.example/%1$s"},"Global":{"DHL":"x"}}"#)
            }
            ("GET", "orders/7/fulfillments") => answer(200, json!(self.fulfilled).to_string()),
            ("POST", "orders/7/fulfillments") => {
                let mut stored = body;
                stored["id"] = json!(self.fulfilled.len() + 1);
                self.fulfilled.push(stored);
                answer(201, "{}")
            }
            _ => wp_error(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID."),
        }
    }

    fn step(&mut self, status: &str) {
        if self.status != status {
            self.status = status.to_owned();
            self.steps.push(status.to_owned());
            self.paid |= matches!(status, "processing" | "completed");
        }
    }
}

fn parcel() -> Parcel {
    Parcel {
        carrier: "ヤマト運輸".to_owned(),
        tracking: "1234-5678".to_owned(),
        tracking_url: Some("https://track.example/1234-5678".to_owned()),
        shipped_at: Timestamp::from_secs(NOW),
        lines: Vec::new(),
        completes: true,
    }
}

/// Tells the notice three times, the answer of `lose` being lost at first; returns the last outcome.
async fn tell(
    extra: &str,
    desk: Mutex<Desk>,
    notice: Notice,
    lose: Option<&'static str>,
) -> (Result<Outcome>, Desk) {
    let desk = std::sync::Arc::new(desk);
    desk.lock().unwrap().lose = lose;
    let behind = desk.clone();
    let (cx, _, _) = stage(move |request| behind.lock().unwrap().answer(request));
    let shop = shop(extra);
    let (order, key) = (RemoteOrderId::from("7"), IdempotencyKey::from("k-1"));
    if lose.is_some() {
        let error = shop.notify_order(&cx, &order, &notice, &key).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
    }
    let first = shop.notify_order(&cx, &order, &notice, &key).await;
    let second = shop.notify_order(&cx, &order, &notice, &key).await;
    assert_eq!(first, second, "a resend has the same outcome");
    drop(cx);
    (second, std::sync::Arc::try_unwrap(desk).unwrap().into_inner().unwrap())
}

#[tokio::test]
async fn a_parcel_is_a_private_note_and_completes_the_order() {
    for lose in [None, Some("notes"), Some("orders/7")] {
        let (outcome, desk) = tell("", Desk::new("processing"), Notice::Shipped(parcel()), lose).await;
        assert_eq!(outcome, Ok(Outcome::Applied), "{lose:?}");
        assert_eq!(
            desk.notes,
            [
                "Shipped on 2026-11-21 with ヤマト運輸, tracking number 1234-5678, https://track.example/1234-5678\n[banto:k-1]"
            ]
        );
        assert_eq!(desk.steps, ["completed"]);
    }
}

#[tokio::test]
async fn a_part_of_the_order_does_not_complete_it() {
    let part = Parcel { completes: false, tracking: String::new(), tracking_url: None, ..parcel() };
    let (outcome, desk) = tell("", Desk::new("processing"), Notice::Shipped(part), None).await;
    assert_eq!(outcome, Ok(Outcome::Applied));
    assert_eq!(desk.notes, ["Shipped on 2026-11-21 with ヤマト運輸 (part of the order)\n[banto:k-1]"]);
    assert!(desk.steps.is_empty());
    let (_, desk) =
        tell("complete_on_ship = false", Desk::new("processing"), Notice::Shipped(parcel()), None).await;
    assert!(desk.steps.is_empty());
}

#[tokio::test]
async fn an_order_that_ended_in_the_shop_is_not_completed() {
    let (outcome, desk) = tell("", Desk::new("cancelled"), Notice::Shipped(parcel()), None).await;
    assert!(matches!(outcome, Ok(Outcome::Refused { reason }) if reason.en.contains("cancelled")));
    assert_eq!(desk.notes.len(), 1);
    assert!(desk.steps.is_empty());
    let mapped = "[status_map]\ndelivered = \"shipped\"";
    let (outcome, desk) = tell(mapped, Desk::new("delivered"), Notice::Shipped(parcel()), None).await;
    assert_eq!(outcome, Ok(Outcome::Applied));
    assert!(desk.steps.is_empty(), "an order that is further on is not set back");
}

#[tokio::test]
async fn the_tracking_extension_gets_a_parcel_once() {
    let extra = "tracking = \"shipment_tracking\"";
    for lose in [None, Some("shipment-trackings")] {
        let (outcome, desk) = tell(extra, Desk::new("processing"), Notice::Shipped(parcel()), lose).await;
        assert_eq!(outcome, Ok(Outcome::Applied));
        assert_eq!(
            desk.tracked,
            [json!({"tracking_number": "1234-5678", "date_shipped": "2026-11-21",
                    "custom_tracking_provider": "ヤマト運輸",
                    "custom_tracking_link": "https://track.example/1234-5678"})]
        );
        assert_eq!(desk.steps, ["completed"]);
    }
    let known = Parcel { carrier: "yamato transport".to_owned(), ..parcel() };
    let (_, desk) = tell(extra, Desk::new("processing"), Notice::Shipped(known), None).await;
    assert_eq!(
        desk.tracked,
        [
            json!({"tracking_number": "1234-5678", "date_shipped": "2026-11-21", "tracking_provider": "Yamato Transport"})
        ]
    );
    let bare = Parcel { tracking: String::new(), ..parcel() };
    let (_, desk) = tell(extra, Desk::new("processing"), Notice::Shipped(bare), None).await;
    assert_eq!((desk.tracked.len(), desk.notes.len()), (0, 1), "without a number a note has to do");
}

#[tokio::test]
async fn a_fulfilment_holds_what_is_open() {
    let extra = "tracking = \"fulfillments\"";
    for lose in [None, Some("fulfillments")] {
        let desk = Desk::new("processing");
        desk.lock().unwrap().fulfilled = vec![json!({"id": 1, "status": "fulfilled", "meta_data": [
            {"key": "_items", "value": [{"item_id": 11, "qty": 1}]}]})];
        let (outcome, desk) = tell(extra, desk, Notice::Shipped(parcel()), lose).await;
        assert_eq!(outcome, Ok(Outcome::Applied));
        assert_eq!(desk.fulfilled.len(), 2);
        assert_eq!(
            desk.fulfilled[1]["meta_data"],
            json!([
                {"id": 0, "key": "_items", "value": [{"item_id": 11, "qty": 1}, {"item_id": 12, "qty": 1}]},
                {"id": 0, "key": "_shipment_provider", "value": "ヤマト運輸"},
                {"id": 0, "key": "_banto_key", "value": "k-1"},
                {"id": 0, "key": "_tracking_number", "value": "1234-5678"},
                {"id": 0, "key": "_tracking_url", "value": "https://track.example/1234-5678"}
            ])
        );
    }
    let named = Parcel { lines: vec![("12".to_owned(), 1)], completes: false, ..parcel() };
    let (_, desk) = tell(extra, Desk::new("processing"), Notice::Shipped(named), None).await;
    assert_eq!(desk.fulfilled[0]["meta_data"][0]["value"], json!([{"item_id": 12, "qty": 1}]));
}

#[tokio::test]
async fn days_are_those_of_the_shop() {
    let (cx, script, _) = stage(|request| match (request.method.as_str(), path(request)) {
        ("GET", "orders/7") => answer(
            200,
            r#"{"id":7,"status":"processing","date_paid_gmt":null,"date_modified":"2026-11-22T05:00:00",
                "date_modified_gmt":"2026-11-21T20:00:00","line_items":[]}"#,
        ),
        ("GET", "orders/7/notes") => answer(200, "[]"),
        _ => answer(201, r#"{"id":7,"status":"completed"}"#),
    });
    // 01:00 of the next day in Tokyo.
    let late = Parcel { shipped_at: Timestamp::from_secs(NOW + 6 * 3600), ..parcel() };
    let (order, key) = (RemoteOrderId::from("7"), IdempotencyKey::from("k-1"));
    let told = shop("").notify_order(&cx, &order, &Notice::Shipped(late), &key).await;
    assert_eq!(told, Ok(Outcome::Applied));
    let sent = script.take();
    assert!(sent.iter().any(|line| line.contains("Shipped on 2026-11-22 with")), "{sent:?}");
}

#[tokio::test]
async fn a_missing_extension_is_a_fault_of_the_config() {
    let (cx, _, _) = stage(|request| match path(request) {
        "orders/7" => answer(200, r#"{"id":7,"status":"processing"}"#),
        _ => wp_error(404, "rest_no_route", "No route was found matching the URL and request method."),
    });
    for extra in ["tracking = \"shipment_tracking\"", "tracking = \"fulfillments\""] {
        let (order, key) = (RemoteOrderId::from("7"), IdempotencyKey::from("k"));
        let error =
            shop(extra).notify_order(&cx, &order, &Notice::Shipped(parcel()), &key).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains("order_note"), "{error}");
    }
}

#[tokio::test]
async fn a_cancellation_is_made_once() {
    let notice = || Notice::Cancelled { reason: "sold out".to_owned() };
    for lose in [None, Some("orders/7"), Some("notes")] {
        let (outcome, desk) = tell("", Desk::new("on-hold"), notice(), lose).await;
        assert_eq!(outcome, Ok(Outcome::Applied));
        assert_eq!(desk.steps, ["cancelled"]);
        assert_eq!(desk.notes, ["Cancelled: sold out\n[banto:k-1]"]);
    }
    let (outcome, desk) = tell("", Desk::new("completed"), notice(), None).await;
    assert!(matches!(outcome, Ok(Outcome::Refused { .. })));
    assert!(desk.steps.is_empty() && desk.notes.is_empty());
}

#[tokio::test]
async fn a_payment_moves_the_order_on_in_the_way_its_status_allows() {
    let notice = || Notice::Paid { at: Timestamp::from_secs(NOW) };
    for status in ["pending", "failed", "on-hold"] {
        let (outcome, desk) = tell("", Desk::new(status), notice(), Some("orders/7")).await;
        assert_eq!(outcome, Ok(Outcome::Applied), "{status}");
        assert_eq!(desk.steps, ["processing"], "{status}");
        assert!(desk.notes.is_empty());
    }
    let (outcome, desk) = tell("", Desk::new("processing"), notice(), Some("notes")).await;
    assert_eq!(outcome, Ok(Outcome::Applied));
    assert_eq!(desk.notes, ["Payment received on 2026-11-21\n[banto:k-1]"], "cash on delivery");
    let (outcome, _) = tell("", Desk::new("cancelled"), notice(), None).await;
    assert!(matches!(outcome, Ok(Outcome::Refused { .. })));
}

#[tokio::test]
async fn a_note_is_written_once_and_only_to_an_order_that_exists() {
    let notice = || Notice::Note { text: "箱がへこんでいた".to_owned() };
    let (outcome, desk) = tell("", Desk::new("processing"), notice(), Some("notes")).await;
    assert_eq!(outcome, Ok(Outcome::Applied));
    assert_eq!(desk.notes, ["箱がへこんでいた\n[banto:k-1]"]);
    let (cx, _, _) = stage(|_| wp_error(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID."));
    for order in ["8", "../products/3", ""] {
        let (order, key) = (RemoteOrderId::from(order), IdempotencyKey::from("k"));
        let outcome = shop("").notify_order(&cx, &order, &notice(), &key).await.unwrap();
        assert!(matches!(outcome, Outcome::Refused { .. }), "{order}");
    }
}
