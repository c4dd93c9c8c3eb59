//! No page walks a table that grows with the years: SQLite says of every query which way it goes.
//!
//! The store keeps no statistics, so the ways of an empty store are those of a full one.

use std::fs;
use std::path::Path;

use banto::store::Store;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::stores::Fresh;

/// Tables that stay short whatever is sold: what is set up once, what is open, what waits.
const SHORT: [&str; 18] = [
    "alert",
    "api_request",
    "api_token",
    "channel",
    "component",
    "counter",
    "job",
    "location",
    "order_touched",
    "person",
    "quarantine",
    // Of open orders only: a few ten thousand rows where a million orders are stored.
    "reservation",
    // Of the last five weeks only, an item and day.
    "sales_item_recent",
    "saved_filter",
    "session",
    "setup_code",
    "webhook",
    "_sqlx_migrations",
];

/// Indexes of few rows: of what is open or waits. Others have a condition too, which most rows of a table meet.
const FEW: [&str; 18] = [
    "customer_blocked",
    "job_dead",
    "job_due",
    "listing_drift",
    "listing_failed",
    "listing_ignored",
    "listing_proposed",
    "listing_receipt",
    "listing_unmapped",
    "mail_pending",
    "order_line_unknown",
    "order_line_unmatched",
    "orders_hold",
    "orders_open",
    "orders_ship_by",
    "orders_unpaid",
    "reservation_short",
    "reservation_short_order",
];

/// Queries that walk a long table because that is what they are for: acts on the whole catalogue, the doctor's proofs;
/// and what no page may say, so that none asks them.
const WALKS: [(&str, Option<&str>); 11] = [
    ("ANYTHING_THERE", None),
    ("ITEMS_ALL", None),
    ("ITEM_KEYS", None),
    ("LEVELS_ALL", None),
    ("RETURNED_OF_ITEM", None),
    ("FORGET_AUDIT_HITS", None),
    ("SALES_TOUCH_ALL", None),
    ("ENTRIES_ALL", Some(".verify_ledger(")),
    ("MAILS_IN_STATE", Some(".mails(Some(")),
    ("MAILS_RECENT", Some(".mails(None")),
    ("MAIL_COUNTS", Some(".mail_counts(")),
];

/// Walks that a page does take, because they end early or go through the items only.
const STROLLS: [(&str, &str); 2] =
    [("DESK_BEHIND", "the newest 300 entries"), ("ON_HAND", "one sum over the items, of the reports")];

/// The steps of a query that walk a long table from one end to the other. A walk along an index of few rows is none.
async fn walks(db: &mut SqliteConnection, text: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut *db).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(db)
        .await
        .unwrap();
    let named = names(text);
    let walk = |step: &str| {
        let (called, way) =
            step.strip_prefix("SCAN ")?.split_once(' ').unwrap_or((&step["SCAN ".len()..], ""));
        let table = named.iter().find(|(name, _)| name == called).map_or(called, |(_, table)| table);
        let few = way.split_once("INDEX ").is_some_and(|(_, index)| FEW.contains(&index));
        (tables.iter().any(|t| t == table) && !SHORT.contains(&table) && !few)
            .then(|| format!("{step} ({table})"))
    };
    steps.iter().filter_map(|step| walk(&step.3)).collect()
}

/// What the query calls its tables: `FROM orders o` gives `o`, `orders`.
fn names(text: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = text.split([' ', '(', ')', ',', '\n']).filter(|word| !word.is_empty()).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if let ("FROM" | "JOIN", Some(table)) = (*word, words.get(at + 1)) {
            let alias = match words.get(at + 2) {
                Some(&"AS") => words.get(at + 3),
                other => other,
            };
            found.push((alias.map_or_else(String::new, |alias| (*alias).to_owned()), (*table).to_owned()));
        }
    }
    found
}

/// Everything that the pages are made of, without their tests.
fn pages() -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")];
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

#[tokio::test]
async fn no_page_asks_what_walks_a_long_table() {
    let fresh = Fresh::sqlite().await;
    let mut db = SqliteConnection::connect(&fresh.url).await.unwrap();
    let pages = pages();
    let (mut found, mut asked) = (Vec::new(), 0);
    for (name, text) in Store::texts() {
        // The doctor's checks; and what the backup says of each table, which bears the table's name.
        if name.starts_with("CHECK_") || name.chars().all(|c| c.is_lowercase() || c == '_') {
            continue;
        }
        asked += 1;
        let walked = walks(&mut db, text).await;
        match WALKS.iter().find(|(known, _)| known == name) {
            Some(_) if walked.is_empty() => found.push(format!("{name} walks nothing: take it off the list")),
            Some((_, Some(call))) if pages.contains(call) => {
                found.push(format!("{name}: a page says {call}…)"))
            }
            Some(_) => {}
            None if STROLLS.iter().any(|(known, _)| known == name) => {}
            None => found.extend(walked.iter().map(|step| format!("{name}: {step}"))),
        }
    }
    assert!(asked > 100, "{asked} queries");
    assert!(found.is_empty(), "these walk a whole table:\n{}", found.join("\n"));
}

/// Queries that find a few among very many, and the step that takes them there. Another index would do as well by its
/// columns, and lead through everything.
const FOUND: [(&str, &str); 17] = [
    ("DESK_JOBS_OF_FEW", "job USING INDEX job_due (lane=?"),
    ("DESK_MAILS", "INDEX mail_pending (state=?"),
    ("JOBS_DEAD", "job USING INDEX job_dead"),
    ("JOBS_IN_LANE", "job_due (lane=?"),
    ("LINES_SET_PER", "order_line USING INDEX order_line_unmatched"),
    ("LINES_UNMATCHED_OF_LISTINGS", "INDEX order_line_unmatched"),
    ("LISTED_FAILED", "INDEX listing_failed (channel_id=?"),
    ("LISTED_IGNORED", "INDEX listing_ignored (channel_id"),
    ("LISTED_PROPOSED", "INDEX listing_proposed (channel_id"),
    ("LISTED_UNMATCHED", "INDEX listing_unmapped (channel_id"),
    ("LISTINGS_OF_CHANNEL_ITEMS", "INDEX listing_item (item_id=?"),
    ("LISTINGS_OF_ITEMS", "INDEX listing_item (item_id=?"),
    ("OPEN_BY_LISTING", "INDEX orders_open"),
    ("POST_PENDING", "mail_pending (state=? AND (order_id,kind,revision)<(?,?,?))"),
    ("SHELF_DRIFT", "INDEX listing_drift (channel_id"),
    ("SHELF_FAILED", "INDEX listing_failed (channel_id"),
    ("SHELF_SHORT", "COVERING INDEX reservation_short (item_id"),
];

#[tokio::test]
async fn the_few_are_found_by_their_own_index() {
    let fresh = Fresh::sqlite().await;
    let mut db = SqliteConnection::connect(&fresh.url).await.unwrap();
    let texts: Vec<(&str, &str)> = Store::texts().copied().collect();
    for (name, step) in FOUND {
        let (_, text) = texts.iter().find(|(known, _)| *known == name).unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut db).await.unwrap();
        assert!(steps.iter().any(|(.., one)| one.contains(step)), "{name} does not go by {step}: {steps:?}");
    }
}

#[tokio::test]
async fn a_walk_is_seen() {
    let fresh = Fresh::sqlite().await;
    let mut db = SqliteConnection::connect(&fresh.url).await.unwrap();
    for (text, walked) in [
        ("SELECT o.id FROM orders o WHERE o.buyer_name LIKE '%x%'", 1),
        ("SELECT id FROM orders AS o WHERE grand_total > $1", 1),
        ("SELECT COUNT(*) FROM entry", 1),
        ("SELECT id FROM orders WHERE id < $1 ORDER BY id DESC LIMIT 5", 0),
        ("SELECT id FROM orders WHERE open ORDER BY id DESC LIMIT 5", 0),
        ("SELECT id FROM listing WHERE sent_at IS NOT NULL AND channel_id + 0 = 1", 1),
        ("SELECT * FROM channel", 0),
    ] {
        assert_eq!(walks(&mut db, text).await.len(), walked, "{text}");
    }
}

/// What the lists and searches of orders ask, and each step by which they find a page among very many. SQLite would take
/// other ways just as well by the columns: along a channel's whole history, a shop's whole backlog, or a sort of it.
const OPEN_WORK: [(&str, &[&str]); 21] = [
    ("LIST_ALL", &["orders USING INTEGER PRIMARY KEY (rowid<?)"]),
    ("LIST_CHANNEL", &["orders USING COVERING INDEX orders_channel (channel_id=? AND id<?)"]),
    ("LIST_OPEN", &["orders USING INDEX orders_open (id<?)"]),
    ("LIST_NOT_PAID", &["orders USING INDEX orders_unpaid (id<?)"]),
    (
        "LIST_TO_SHIP",
        &["o USING INDEX orders_open (id<?)", "reservation_short_order (order_id=? AND short>?)"],
    ),
    ("LIST_UNPAID", &["orders USING INDEX orders_unpaid (id<?)"]),
    ("LIST_HELD", &["orders USING INDEX orders_hold (id<?)"]),
    (
        "LIST_SHORT",
        &["r USING COVERING INDEX reservation_short_order (order_id<?)", "o USING INTEGER PRIMARY KEY"],
    ),
    (
        "LIST_UNMATCHED",
        &[
            "CO-ROUTINE leap",
            "o USING INDEX orders_open (id<?)",
            "l USING INDEX order_line_unknown (order_id<?)",
        ],
    ),
    ("LIST_LATE", &["orders USING INDEX orders_open (id<?)"]),
    ("LIST_UNCERTAIN", &["mail USING COVERING INDEX mail_pending (state=?)"]),
    (
        "LIST_COUNTS",
        &[
            "CO-ROUTINE leap",
            "orders USING INDEX orders_open",
            "orders USING INDEX orders_unpaid",
            "orders USING INDEX orders_hold",
            "orders USING INDEX orders_ship_by (ship_by>? AND ship_by<?)",
            "l USING INDEX order_line_unknown (order_id<?)",
            "reservation_short_order (order_id=? AND short>?)",
            "mail USING COVERING INDEX mail_pending (state=?)",
        ],
    ),
    ("SHORT_OF_ORDERS", &["reservation_short_order (order_id=? AND short>?)"]),
    ("JOBS_BY_KEY_START", &["job USING INDEX sqlite_autoindex_job_1 (key>? AND key<?)"]),
    ("SEARCH_EXACT", &["order_term USING PRIMARY KEY (term=? AND order_id<?)"]),
    ("SEARCH_LONGER", &["order_term USING PRIMARY KEY (term>? AND term<?)"]),
    ("SEARCH_BOTH", &["t USING PRIMARY KEY (term=? AND order_id<?)"]),
    ("SEARCH_NEWEST", &["order_terms USING INTEGER PRIMARY KEY (rowid<?)"]),
    ("DESK_SALES", &["orders USING COVERING INDEX orders_placed (placed_at>? AND placed_at<?)"]),
    ("DESK_SHORT", &["reservation USING COVERING INDEX reservation_short_order"]),
    ("DESK_LINES", &["order_line USING INDEX order_line_unknown"]),
];

#[tokio::test]
async fn lists_and_searches_of_orders_go_by_what_is_short() {
    let fresh = Fresh::sqlite().await;
    let mut db = SqliteConnection::connect(&fresh.url).await.unwrap();
    let texts: Vec<(&str, &str)> = Store::texts().map(|(name, text)| (*name, *text)).collect();
    for (name, steps) in OPEN_WORK {
        let (_, text) = texts.iter().find(|(known, _)| *known == name).unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(&mut db).await.unwrap();
        let plan: Vec<String> = plan.into_iter().map(|step| step.3).collect();
        for step in steps {
            assert!(plan.iter().any(|one| one.contains(step)), "{name} has no step {step}: {plan:#?}");
        }
        // No list sorts what it was found in. Two sort what they found: a page of orders, the jobs of one order.
        let sorts = ["LIST_UNMATCHED", "JOBS_BY_KEY_START"].contains(&name);
        assert!(sorts || plan.iter().all(|one| !one.contains("ORDER BY")), "{name} sorts: {plan:#?}");
    }
}
