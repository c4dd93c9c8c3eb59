//! Amazon's own models: every example answer of the operations in use is read.
//!
//! The models are looked for in `amazon` below `../shared/specs` beside the workspace, or below the folder that
//! `BANTO_SPECS` names. Without them nothing is tested, and that is said.

use std::path::PathBuf;

use banto_channel::{Read, Response};
use serde_json::Value;

use super::script::amazon;
use crate::calls::{Envelope, refusal};
use crate::{feed, model, offers, parse, stock};

/// An example of an answer: operation, status, body.
struct Example {
    operation: String,
    status: u16,
    body: Value,
}

fn models() -> Option<PathBuf> {
    let folder = match std::env::var_os("BANTO_SPECS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs"),
    };
    let folder = folder.join("amazon");
    let found = folder.join("orders_2026-01-01.json").is_file();
    if !found {
        println!("not run: no models of Amazon in {}", folder.display());
    }
    found.then_some(folder)
}

fn examples(model: &str) -> Vec<Example> {
    let Some(folder) = models() else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join(model)).unwrap();
    let model: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    for operation in
        model["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        let Some(responses) = operation.get("responses").and_then(Value::as_object) else { continue };
        for (status, response) in responses {
            let plain = response["examples"].as_object().into_iter().flat_map(|map| map.values());
            let sandbox = response["x-amzn-api-sandbox"]["static"].as_array().into_iter().flatten();
            for body in plain.chain(sandbox.map(|row| &row["response"])) {
                found.push(Example {
                    operation: operation["operationId"].as_str().unwrap().to_owned(),
                    status: status.parse().unwrap(),
                    body: body.clone(),
                });
            }
        }
    }
    found
}

fn answer(example: &Example) -> Response {
    Response { status: example.status, headers: Vec::new(), body: example.body.to_string().into_bytes() }
}

fn ensure_sound(read: &Read, operation: &str) {
    match read {
        Read::Order(order) => {
            assert!(order.unknowns.is_empty(), "{operation}, {}: {:?}", order.id, order.unknowns);
            assert_eq!(
                order.totals.sum(),
                Some(order.totals.grand),
                "{operation}, {}: {:?}",
                order.id,
                order.totals
            );
            assert!(!order.lines.is_empty());
        }
        Read::Unreadable { reason, raw, .. } => panic!("{operation}: {reason}: {raw}"),
    }
}

#[test]
fn every_example_of_an_order_is_read_and_adds_up() {
    let settings = amazon("").settings;
    let mut orders = 0;
    for example in examples("orders_2026-01-01.json").iter().filter(|e| e.status == 200) {
        let many = example.body["orders"].as_array().into_iter().flatten();
        for order in many.chain(example.body.get("order")) {
            ensure_sound(&parse::current(&order.to_string(), &settings), &example.operation);
            orders += 1;
        }
    }
    assert!(models().is_none() || orders >= 8, "{orders} orders");
}

#[test]
fn every_example_of_v0_is_read() {
    let settings = amazon("").settings;
    let all = examples("ordersV0.json");
    let of = |operation: &str| {
        let fitting = all.iter().filter(move |e| e.operation == operation && e.status == 200);
        fitting.map(|e| &e.body["payload"]).collect::<Vec<_>>()
    };
    let mut heads: Vec<&Value> =
        of("getOrders").into_iter().flat_map(|p| p["Orders"].as_array().unwrap()).collect();
    heads.extend(of("getOrder"));
    let items: Vec<String> = of("getOrderItems")
        .into_iter()
        .flat_map(|p| p["OrderItems"].as_array().unwrap())
        .map(ToString::to_string)
        .collect();
    for head in &heads {
        for item in &items {
            let read = parse::of_v0(&head.to_string(), std::slice::from_ref(item), &settings);
            assert!(matches!(&read, Read::Order(order) if order.lines.len() == 1), "{read:?}");
        }
    }
    assert!(
        models().is_none() || (heads.len() >= 5 && items.len() >= 2),
        "{} and {}",
        heads.len(),
        items.len()
    );
}

#[test]
fn every_example_of_a_listing_is_read() {
    let mut read = 0;
    for example in examples("listingsItems_2021-08-01.json").iter().filter(|e| e.status == 200) {
        match example.operation.as_str() {
            "patchListingsItem" => {
                let outcome = stock::patched(&answer(example));
                // A preview is never asked for, so its word is one that the connector does not take.
                assert_eq!(outcome.is_err(), example.body["status"] == "VALID", "{outcome:?}");
            }
            "getListingsItem" => {
                let item: stock::ListingsItem = model::answer(&answer(example)).unwrap();
                assert!(!item.sku.is_empty() && !item.summaries.is_empty());
            }
            "searchListingsItems" => {
                let found: offers::Found = model::answer(&answer(example)).unwrap();
                assert!(!found.items.is_empty());
                for item in &found.items {
                    assert!(!offers::offer(item).title.is_empty());
                }
            }
            _ => continue,
        }
        read += 1;
    }
    assert!(models().is_none() || read >= 6, "{read}");
}

#[test]
fn every_example_of_a_feed_is_read() {
    let mut read = 0;
    for example in examples("feeds_2021-06-30.json").iter().filter(|e| e.status < 300) {
        let answer = answer(example);
        match example.operation.as_str() {
            "createFeed" => assert!(model::answer::<feed::Created>(&answer).is_ok()),
            "getFeed" => assert!(model::answer::<feed::Progress>(&answer).is_ok()),
            "createFeedDocument" | "getFeedDocument" => {
                assert!(model::answer::<feed::Document>(&answer).is_ok())
            }
            _ => continue,
        }
        read += 1;
    }
    assert!(models().is_none() || read >= 4, "{read}");
}

#[test]
fn the_example_of_a_report_is_read_by_message() {
    let Some(folder) = models() else { return };
    let text = std::fs::read_to_string(folder.join("listings-feed-processing-report-schema-v2.example.json"))
        .unwrap();
    let report: feed::Report = serde_json::from_str(&text).unwrap();
    let feed::Verdict::Done(refused) = feed::verdict(&report) else { panic!("not done") };
    assert_eq!(refused.len(), 2);
    assert!(refused[&4].ja.contains("batteries_required") && refused[&4].en.contains("90220"));
}

#[test]
fn every_example_of_an_error_says_what_amazon_says() {
    for model in
        ["orders_2026-01-01.json", "ordersV0.json", "listingsItems_2021-08-01.json", "feeds_2021-06-30.json"]
    {
        for example in examples(model).iter().filter(|e| e.status >= 400) {
            let envelope: Envelope = model::answer(&answer(example)).unwrap();
            let told = refusal(&answer(example), "trying").message;
            for error in &envelope.errors {
                assert!(told.contains(error.message.trim_end_matches('.')), "{told}");
            }
        }
    }
}
