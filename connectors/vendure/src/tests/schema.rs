//! The documents against Vendure's own schema.

use std::path::PathBuf;

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use banto_channel::{Notice, NoticeKind};
use banto_sim::Market as _;
use serde_json::Value;

use super::shop::{Stage, stage};
use crate::documents::{ALL, NOTE_MARK};

const FILE: &str = "vendure/vendure-admin-3.7.3.graphql";

/// Where specifications lie: `BANTO_SPECS`, or beside the workspace.
fn specs() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs"));
    std::env::var_os("BANTO_SPECS").map_or_else(beside, PathBuf::from)
}

/// The schema's text; `None`, and a word about it, where it is not.
fn schema_text() -> Option<String> {
    let text = std::fs::read_to_string(specs().join(FILE)).ok();
    if text.is_none() {
        println!("not run: {FILE} is not there; set BANTO_SPECS to the folder that holds it");
    }
    text
}

#[test]
fn every_document_fits_the_schema_of_vendure() {
    let Some(text) = schema_text() else { return };
    let schema = Schema::parse_and_validate(text.as_str(), FILE).unwrap();
    for (name, document) in ALL {
        if let Err(e) = ExecutableDocument::parse_and_validate(&schema, document, name) {
            panic!("{name}: {}", e.errors);
        }
    }
    // A shop's own field turns the scalar into a type.
    let own = text.replacen(
        "type Order implements Node {",
        "type OrderOwn { memo: String }\ntype Order implements Node {",
        1,
    );
    let (before, order) = own.split_once("type Order implements Node {").unwrap();
    let own = format!(
        "{before}type Order implements Node {{{}",
        order.replacen("customFields: JSON", "customFields: OrderOwn", 1)
    );
    let schema = Schema::parse_and_validate(own, FILE).unwrap();
    let with_note = crate::documents::ORDERS.replace(NOTE_MARK, "customFields { note: memo }");
    ExecutableDocument::parse_and_validate(&schema, with_note, "ORDERS with a note").unwrap();
    assert!(ExecutableDocument::parse_and_validate(&schema, "{ orders { nope } }", "wrong").is_err());
}

/// Checks a value against the type that the schema gives it, as far as it was selected.
fn check(
    schema: &Schema,
    document: &ExecutableDocument,
    ty: &Type,
    selection: &SelectionSet,
    value: &Value,
) -> Result<(), String> {
    match (ty, value) {
        (Type::NonNullNamed(_) | Type::NonNullList(_), Value::Null) => Err(format!("null for {ty}")),
        (_, Value::Null) => Ok(()),
        (Type::List(inner) | Type::NonNullList(inner), Value::Array(rows)) => {
            rows.iter().try_for_each(|row| check(schema, document, inner, selection, row))
        }
        (Type::Named(name) | Type::NonNullNamed(name), value) => match &schema.types[name] {
            ExtendedType::Scalar(_) => scalar(name, value),
            ExtendedType::Enum(of) => match value.as_str() {
                Some(word) if of.values.contains_key(word) => Ok(()),
                _ => Err(format!("{value} is no {name}")),
            },
            _ => object(schema, document, name, selection, value),
        },
        (ty, value) => Err(format!("{value} for {ty}")),
    }
}

fn scalar(name: &str, value: &Value) -> Result<(), String> {
    let fits = match name {
        "ID" | "String" | "DateTime" => value.is_string(),
        "Int" | "Money" => value.is_i64(),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "JSON" => true,
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{value} is no {name}")) }
}

fn object(
    schema: &Schema,
    document: &ExecutableDocument,
    name: &str,
    selection: &SelectionSet,
    value: &Value,
) -> Result<(), String> {
    let concrete = value["__typename"].as_str().unwrap_or(name);
    let applies = |of: &str| of == concrete || schema.is_subtype(of, concrete);
    for selected in &selection.selections {
        match selected {
            Selection::Field(field) => {
                let key = field.response_key().as_str();
                let found =
                    value.get(key).ok_or_else(|| format!("{concrete}.{key} is missing in {value}"))?;
                check(schema, document, field.ty(), &field.selection_set, found)
                    .map_err(|e| format!("{concrete}.{key}: {e}"))?;
            }
            Selection::InlineFragment(part) => {
                if part.type_condition.as_ref().is_none_or(|of| applies(of)) {
                    object(schema, document, concrete, &part.selection_set, value)?;
                }
            }
            Selection::FragmentSpread(spread) => {
                let part = &document.fragments[&spread.fragment_name].selection_set;
                if applies(&part.ty) {
                    object(schema, document, concrete, part, value)?;
                }
            }
        }
    }
    Ok(())
}

/// Every call of the connector, in all the ways in which it can end.
async fn call_everything(stage: &Stage) {
    let (connector, cx) = (&stage.connector, &stage.cx);
    let orders: Vec<_> = (0..5).map(|n| stage.buy(&[2, 1], n != 3)).collect();
    stage.shop.refund(&orders[4], &[(stage.order(&orders[4]).await.lines[0].id.clone(), 1)]);
    connector.probe(cx).await.unwrap();
    stage.push(&[("1", 1), ("777", 2)]).await.unwrap();
    let line = stage.order(&orders[0]).await.lines[0].id.clone();
    let cancel = Notice::Cancelled { reason: "x".to_owned() };
    let paid = Notice::Paid { at: cx.clock.now() };
    for (order, notice) in [
        (0, stage.parcel("T", &[])),
        (0, stage.parcel("U", &[(&line, 9)])),
        (1, cancel),
        (3, paid),
        (2, Notice::Note { text: "x".to_owned() }),
        (2, Notice::Note { text: "x".to_owned() }),
    ] {
        assert!(connector.capabilities().can_notify(notice.kind()) && notice.kind() != NoticeKind::Confirmed);
        stage.tell(&orders[order], &notice).await.unwrap();
    }
    connector.list_offers(cx, None).await.unwrap();
    connector.read_stock(cx, &["1".into(), "2".into()]).await.unwrap();
    connector.pull_orders(cx, None).await.unwrap();
    stage.shop.set_password("another");
    stage.shop.end_sessions();
    connector.probe(cx).await.unwrap_err();
}

#[tokio::test]
async fn the_fake_answers_as_the_schema_says() {
    let Some(text) = schema_text() else { return };
    // The fake has a field of its own for the buyer's note.
    let text = text.replacen(
        "  history(options: HistoryEntryListOptions): HistoryEntryList!\n  customFields: JSON",
        "  history(options: HistoryEntryListOptions): HistoryEntryList!\n  customFields: OrderOwn",
        2,
    );
    let text = format!("{text}\ntype OrderOwn {{ customerNote: String }}");
    let schema: Valid<Schema> = Schema::parse_and_validate(text, FILE).unwrap();
    let stage = stage().await;
    call_everything(&stage).await;
    let mut checked = std::collections::BTreeSet::new();
    for (asked, told) in stage.tap.take() {
        let query = asked["query"].as_str().unwrap();
        let told = told.unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, query, "sent")
            .unwrap_or_else(|e| panic!("{query}\n{}", e.errors));
        if told["errors"].is_null() {
            let operation = document.operations.get(None).unwrap();
            let root = operation.selection_set.ty.as_str();
            object(&schema, &document, root, &operation.selection_set, &told["data"])
                .unwrap_or_else(|e| panic!("{query}\n{e}"));
            checked.insert(operation.name.as_ref().unwrap().to_string());
        }
    }
    // Two are needed for what this shop does not have: an order that cannot be shown, and one that was raised.
    let missing: Vec<_> = ALL
        .iter()
        .filter(|(_, document)| !checked.iter().any(|name| document.contains(name.as_str())))
        .collect();
    assert_eq!(
        missing.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["ORDER_HEADS", "PAY", "MOVE_ORDER"]
    );
}
