//! The documents against Vendure's own schema.

use std::path::PathBuf;

use apollo_compiler::{ExecutableDocument, Schema};

use crate::documents::{ALL, NOTE_MARK};

const FILE: &str = "vendure/vendure-admin-3.7.3.graphql";

/// Where specifications lie: `BANTO_SPECS`, or beside the workspace.
fn specs() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs"));
    std::env::var_os("BANTO_SPECS").map_or_else(beside, PathBuf::from)
}

#[test]
fn every_document_fits_the_schema_of_vendure() {
    let path = specs().join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("not run: {FILE} is not there; set BANTO_SPECS to the folder that holds it");
        return;
    };
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
