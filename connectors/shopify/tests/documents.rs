//! Every document against Shopify's own schema, and every answer of the fake too.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use async_trait::async_trait;
use banto_channel::{
    Connector, Cx, Http, IdempotencyKey, Notice, Parcel, RemoteOrderId, Request, Response, Result, Secret,
    StockItem,
};
use banto_shopify::documents::ALL;
use banto_shopify::fake::{FakeConfig, FakeShop};
use banto_sim::{BasketLine, Market as _, Purchase, SimClock};
use banto_wire::{Wire, WireConfig};
use serde_json::Value;

/// The schema in the folder of specifications beside the repository, or the one that `BANTO_SPECS` names.
fn schema() -> Option<Valid<Schema>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
    let folder = std::env::var_os("BANTO_SPECS").map_or_else(beside, PathBuf::from);
    let path = folder.join("shopify/admin_2026-10.graphql.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        println!("not run: the schema is not there ({})", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    // The printed schema uses this directive and leaves its definition out.
    let text = format!("directive @oneOf on INPUT_OBJECT\n{text}");
    Some(Schema::parse_and_validate(text, "admin_2026-10.graphql").unwrap())
}

#[test]
fn every_document_is_valid() {
    let Some(schema) = schema() else { return };
    for document in ALL {
        let parsed = ExecutableDocument::parse_and_validate(&schema, document.text, document.name);
        let parsed = parsed.unwrap_or_else(|e| panic_with(document.name, &e.to_string()));
        let names: Vec<&str> = parsed.operations.named.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, [document.name]);
        let deprecated = deprecated(&parsed.operations.named[document.name].selection_set, &parsed);
        assert_eq!(deprecated, Vec::<String>::new(), "{}", document.name);
    }
}

#[expect(clippy::panic, reason = "tests")]
fn panic_with(name: &str, why: &str) -> ! {
    panic!("{name}: {why}")
}

/// Fields that Shopify means to take away.
fn deprecated(set: &SelectionSet, document: &ExecutableDocument) -> Vec<String> {
    let mut found = Vec::new();
    for selection in &set.selections {
        let inner = match selection {
            Selection::Field(field) => {
                if field.definition.directives.get("deprecated").is_some() {
                    found.push(format!("{}.{}", set.ty, field.name));
                }
                &field.selection_set
            }
            Selection::InlineFragment(fragment) => &fragment.selection_set,
            Selection::FragmentSpread(spread) => &document.fragments[&spread.fragment_name].selection_set,
        };
        found.extend(deprecated(inner, document));
    }
    found
}

/// Writes down what goes by.
#[derive(Debug)]
struct Recorder {
    wire: Wire,
    seen: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

#[async_trait]
impl Http for Recorder {
    async fn send(&self, request: Request) -> Result<Response> {
        let asked = request.body.clone();
        let is_graphql = request.url.ends_with("/graphql.json");
        let response = self.wire.send(request).await?;
        if is_graphql {
            self.seen.lock().unwrap().push((asked, response.body.clone()));
        }
        Ok(response)
    }
}

fn purchase(shop: &FakeShop, units: i64) -> Purchase {
    let offers = shop.offers();
    let lines = offers.iter().take(2).map(|offer| BasketLine { listing: offer.id.clone(), quantity: units });
    Purchase {
        lines: lines.collect(),
        paid: true,
        oversell: true,
        note: "髙﨑①".to_owned(),
        ..Purchase::default()
    }
}

/// Lets the connector do everything that it can.
async fn live(shop: &FakeShop, connector: &dyn Connector, cx: &Cx, clock: &SimClock) {
    connector.probe(cx).await.unwrap();
    let odd = shop.place_odd_orders();
    let odd = |name: &str| odd.iter().find(|odd| odd.name == name).unwrap().id.clone();
    let tell = async |order: &RemoteOrderId, notice: Notice| {
        clock.advance(Duration::from_secs(5));
        let key = IdempotencyKey::from("01JC0");
        connector.notify_order(cx, order, &notice, &key).await.unwrap();
    };
    let (one, two) = (shop.buy(&purchase(shop, 2)).unwrap(), shop.buy(&purchase(shop, 1)).unwrap());
    let unpaid = shop.buy(&Purchase { paid: false, ..purchase(shop, 1) }).unwrap();
    let parcel = Parcel {
        carrier: "ヤマト運輸".to_owned(),
        tracking: "4212-3456-0001".to_owned(),
        tracking_url: None,
        shipped_at: cx.clock.now(),
        lines: Vec::new(),
        completes: true,
    };
    tell(&one, Notice::Shipped(parcel.clone())).await;
    tell(&odd("a hundred lines"), Notice::Shipped(parcel)).await;
    tell(&one, Notice::Note { text: "倉庫で確認済み".to_owned() }).await;
    tell(&two, Notice::Cancelled { reason: "在庫切れ".to_owned() }).await;
    tell(&unpaid, Notice::Paid { at: cx.clock.now() }).await;
    let line = shop.order(&one).unwrap().lines[0].0.clone();
    shop.refund(&one, &[(line, 1)]);
    let long = odd("a hundred lines in one parcel");
    let all = shop.order(&long).unwrap().lines.into_iter().map(|line| (line.0, line.2));
    shop.refund(&long, &all.collect::<Vec<_>>());
    clock.advance(Duration::from_secs(5));
    let mut cursor = None;
    loop {
        let page = connector.pull_orders(cx, cursor.as_ref()).await.unwrap();
        cursor = Some(page.next);
        if !page.more {
            break;
        }
    }
    connector.pull_orders(cx, cursor.as_ref()).await.unwrap();
    let listing = connector.list_offers(cx, None).await.unwrap().items[0].id.clone();
    connector.read_stock(cx, std::slice::from_ref(&listing)).await.unwrap();
    for was in [Some(1), None] {
        let key = IdempotencyKey::from("k");
        let item = StockItem { listing: listing.clone(), quantity: 9, was, version: 1, key };
        connector.push_stock(cx, &[item]).await.unwrap();
    }
    connector.ensure_webhooks(cx, "https://banto.example/hook").await.unwrap();
    connector.ensure_webhooks(cx, "https://banto.example/hook").await.unwrap();
}

#[tokio::test]
async fn every_answer_of_the_fake_fits() {
    let Some(schema) = schema() else { return };
    let clock = SimClock::usual();
    let config = FakeConfig { points: None, ..FakeConfig::new(3, clock.clone()) }.with_offers(120);
    let secret = config.client_secret.clone();
    let shop = FakeShop::start(config).await.unwrap();
    let table = toml::from_str(&shop.connector_table("secret")).unwrap();
    let connector = banto_shopify::build(&table, &|_| Ok(Secret::new(&secret))).unwrap();
    let wire = Wire::new(WireConfig::new("tea", &[]), clock.clone()).unwrap();
    let recorder = Arc::new(Recorder { wire, seen: Mutex::new(Vec::new()) });
    let cx = Cx { http: recorder.clone(), clock: clock.clone() };
    live(&shop, &*connector, &cx, &clock).await;

    let seen = std::mem::take(&mut *recorder.seen.lock().unwrap());
    let mut met: Vec<String> = Vec::new();
    for (asked, answered) in seen {
        let (asked, answered): (Value, Value) =
            (serde_json::from_slice(&asked).unwrap(), serde_json::from_slice(&answered).unwrap());
        let name = asked["operationName"].as_str().unwrap();
        let text = asked["query"].as_str().unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, text, name).unwrap();
        let operation = &document.operations.named[name];
        apollo_compiler::request::coerce_variable_values(
            &schema,
            operation,
            &serde_json::from_value(asked["variables"].clone()).unwrap(),
        )
        .unwrap_or_else(|e| panic_with(name, &format!("variables: {e:?}")));
        assert!(answered.get("errors").is_none(), "{name}: {answered}");
        let fault = misfit(&schema, &document, &operation.selection_set, &answered["data"]);
        assert_eq!(fault, None, "{name}: {answered}");
        if !met.contains(&name.to_owned()) {
            met.push(name.to_owned());
        }
    }
    let never: Vec<&str> = ALL.iter().map(|d| d.name).filter(|name| !met.iter().any(|m| m == name)).collect();
    assert_eq!(never, Vec::<&str>::new(), "every document was sent");
}

/// Why an object does not fit what was selected of its type.
fn misfit(
    schema: &Schema,
    document: &ExecutableDocument,
    set: &SelectionSet,
    value: &Value,
) -> Option<String> {
    let Some(object) = value.as_object() else {
        return Some(format!("{} is {value}", set.ty));
    };
    for selection in &set.selections {
        let fault = match selection {
            Selection::Field(field) => {
                let key = field.response_key().as_str();
                let inner = object.get(key);
                inner
                    .map_or_else(
                        || Some("is missing".to_owned()),
                        |inner| mistyped(schema, document, &field.definition.ty, &field.selection_set, inner),
                    )
                    .map(|why| format!("{}.{key} {why}", set.ty))
            }
            // What is on another type is not in the answer.
            Selection::InlineFragment(_) if object.is_empty() => None,
            Selection::InlineFragment(fragment) => misfit(schema, document, &fragment.selection_set, value),
            Selection::FragmentSpread(spread) => {
                misfit(schema, document, &document.fragments[&spread.fragment_name].selection_set, value)
            }
        };
        if fault.is_some() {
            return fault;
        }
    }
    None
}

fn mistyped(
    schema: &Schema,
    document: &ExecutableDocument,
    ty: &Type,
    set: &SelectionSet,
    value: &Value,
) -> Option<String> {
    if value.is_null() {
        return ty.is_non_null().then(|| "is null".to_owned());
    }
    match ty {
        Type::List(inner) | Type::NonNullList(inner) => match value.as_array() {
            Some(items) => items.iter().find_map(|item| mistyped(schema, document, inner, set, item)),
            None => Some(format!("is no list: {value}")),
        },
        Type::Named(name) | Type::NonNullNamed(name) => match schema.types.get(name) {
            Some(ExtendedType::Scalar(_)) => {
                (!is_scalar(name, value)).then(|| format!("is no {name}: {value}"))
            }
            Some(ExtendedType::Enum(words)) => {
                let known = value.as_str().is_some_and(|word| words.values.contains_key(word));
                // Two odd orders have words on purpose that nobody knows.
                let odd = ["BARTERED", "TELEPORTED", "XYZ"].map(Value::from).contains(value);
                (!known && !odd).then(|| format!("is no {name}: {value}"))
            }
            _ => misfit(schema, document, set, value),
        },
    }
}

fn is_scalar(name: &str, value: &Value) -> bool {
    match name {
        "Int" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "DateTime" => value.as_str().is_some_and(|text| text.len() == 20 && text.ends_with('Z')),
        "Decimal" | "Money" => value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
        _ => value.is_string(),
    }
}
