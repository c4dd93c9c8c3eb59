//! The two schemas are one schema, and every query is understood by both engines.

use std::collections::{BTreeMap, BTreeSet};

use banto::store::Store;
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::stores::{Fresh, each_store};

/// What one engine says of its tables, in the words that both can say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Schema {
    /// Table, column: type and whether it may be NULL.
    columns: BTreeMap<(String, String), (String, bool)>,
    /// Table, columns of a primary key (`true`) or of another unique key.
    keys: BTreeSet<(String, Vec<String>, bool)>,
    /// Table, column, table that it names, column there.
    references: BTreeSet<(String, String, String, String)>,
    /// Table, columns, name, and the condition in bare words.
    indexes: BTreeSet<(String, Vec<String>, String, String)>,
    /// Table and condition in bare words.
    checks: BTreeSet<(String, String)>,
}

/// A condition without what the engines write differently: brackets, casts, quotes, blanks.
fn bare(condition: &str) -> String {
    let plain = condition.replace("::text", "").replace("::bigint", "").replace("!=", "<>").to_lowercase();
    let not_in = plain.replace("<> all (array[", "not in (");
    not_in.chars().filter(|c| !matches!(c, '(' | ')' | '[' | ']' | '"') && !c.is_whitespace()).collect()
}

/// Cuts `CHECK (…)` conditions out of a CREATE TABLE.
fn checks_in(create: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in create.match_indices("CHECK (") {
        let inner = &create[at + "CHECK (".len()..];
        let mut depth = 1;
        let end = inner.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        found.push(bare(&inner[..end.unwrap()]));
    }
    found
}

async fn sqlite_schema(url: &str) -> Schema {
    let mut db = SqliteConnection::connect(url).await.unwrap();
    let mut schema = Schema::default();
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' \
         AND name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    for (table, create) in tables {
        schema.checks.extend(checks_in(&create).into_iter().map(|c| (table.clone(), c)));
        let columns: Vec<(String, String, bool, i64)> =
            sqlx::query_as("SELECT name, type, \"notnull\", pk FROM pragma_table_info($1) ORDER BY pk")
                .bind(&table)
                .fetch_all(&mut db)
                .await
                .unwrap();
        let primary = columns.iter().filter(|c| c.3 > 0).map(|c| c.0.clone()).collect();
        schema.keys.insert((table.clone(), primary, true));
        for (name, kind, not_null, _) in columns {
            // The row id; it holds 64 bits whatever it is called.
            let kind = if kind == "INTEGER" { "BIGINT".to_owned() } else { kind };
            schema.columns.insert((table.clone(), name), (kind, !not_null));
        }
        let references: Vec<(String, String, String)> =
            sqlx::query_as("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list($1)")
                .bind(&table)
                .fetch_all(&mut db)
                .await
                .unwrap();
        for (from, to, column) in references {
            schema.references.insert((table.clone(), from, to, column));
        }
        sqlite_indexes(&mut db, &table, &mut schema).await;
    }
    schema
}

async fn sqlite_indexes(db: &mut SqliteConnection, table: &str, schema: &mut Schema) {
    let indexes: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT l.name, l.origin, s.sql FROM pragma_index_list($1) l LEFT JOIN sqlite_schema s ON s.name = l.name",
    )
    .bind(table)
    .fetch_all(&mut *db)
    .await
    .unwrap();
    for (name, origin, create) in indexes {
        let columns: Vec<(String,)> = sqlx::query_as("SELECT name FROM pragma_index_info($1) ORDER BY seqno")
            .bind(&name)
            .fetch_all(&mut *db)
            .await
            .unwrap();
        let columns: Vec<String> = columns.into_iter().map(|c| c.0).collect();
        match origin.as_str() {
            "pk" => {}
            "u" => drop(schema.keys.insert((table.to_owned(), columns, false))),
            _ => {
                let create = create.unwrap();
                let condition = create.split_once(" WHERE ").map(|c| bare(c.1)).unwrap_or_default();
                schema.indexes.insert((table.to_owned(), columns, name, condition));
            }
        }
    }
}

async fn postgres_schema(url: &str) -> Schema {
    let mut db = PgConnection::connect(url).await.unwrap();
    let mut schema = Schema::default();
    let columns: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, upper(data_type), is_nullable::text \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    for (table, column, kind, nullable) in columns {
        schema.columns.insert((table, column), (kind, nullable == "YES"));
    }
    let constraints: Vec<(String, String, Vec<String>, String)> = sqlx::query_as(
        "SELECT t.relname::text, c.contype::text, ARRAY(SELECT a.attname::text \
             FROM unnest(c.conkey) WITH ORDINALITY k (no, at) \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.no ORDER BY k.at), \
             CASE WHEN c.contype = 'f' THEN (SELECT f.relname || '.' || a.attname FROM pg_class f \
                 JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = c.confkey[1] WHERE f.oid = c.confrelid) \
             ELSE pg_get_constraintdef(c.oid) END \
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid \
         WHERE t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_%'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    for (table, kind, columns, text) in constraints {
        match kind.as_str() {
            "p" => drop(schema.keys.insert((table, columns, true))),
            "u" => drop(schema.keys.insert((table, columns, false))),
            "c" => drop(schema.checks.insert((table, bare(text.strip_prefix("CHECK ").unwrap())))),
            "f" => {
                let (to, column) = text.split_once('.').unwrap();
                let [from] = &columns[..] else {
                    panic!("{table}: a reference of {} columns", columns.len());
                };
                schema.references.insert((table, from.clone(), to.to_owned(), column.to_owned()));
            }
            other => panic!("{table}: a constraint of the kind {other:?}"),
        }
    }
    postgres_indexes(&mut db, &mut schema).await;
    schema
}

async fn postgres_indexes(db: &mut PgConnection, schema: &mut Schema) {
    let indexes: Vec<(String, String, Vec<String>, String)> = sqlx::query_as(
        "SELECT t.relname::text, n.relname::text, ARRAY(SELECT a.attname::text FROM pg_attribute a \
             WHERE a.attrelid = n.oid ORDER BY a.attnum), COALESCE(pg_get_expr(i.indpred, i.indrelid), '') \
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid \
         WHERE t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_%' AND NOT i.indisunique",
    )
    .fetch_all(db)
    .await
    .unwrap();
    for (table, name, columns, condition) in indexes {
        schema.indexes.insert((table, columns, name, bare(&condition)));
    }
}

fn migration_names(engine: &str) -> BTreeSet<String> {
    let directory = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(directory).unwrap();
    files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn migrations_have_the_same_names() {
    let names = migration_names("sqlite");
    assert!(names.contains("0001_core.sql"), "{names:?}");
    assert_eq!(names, migration_names("postgres"));
}

/// Indexes that alone tell a list in SQLite, by the columns behind their first. PostgreSQL has that first one only: an
/// entry has a greatest size there, which the texts of a marketplace would exceed.
const WIDER_IN_SQLITE: [&str; 3] = ["orders_open", "orders_placed", "orders_unpaid"];

#[tokio::test]
async fn both_engines_have_the_same_tables() {
    let sqlite = Fresh::sqlite().await;
    let mut ours = sqlite_schema(&sqlite.url).await;
    let narrowed = ours.indexes.into_iter().map(|(table, mut columns, name, condition)| {
        if WIDER_IN_SQLITE.contains(&name.as_str()) {
            assert!(columns.len() > 1, "{name} is as wide as in PostgreSQL: take it off the list");
            columns.truncate(1);
        }
        (table, columns, name, condition)
    });
    ours.indexes = narrowed.collect();
    for table in ["orders", "entry", "level", "mail", "job", "listing"] {
        assert!(ours.keys.iter().any(|k| k.0 == table && k.2), "{table}");
    }
    let kinds: BTreeSet<&str> = ours.columns.values().map(|c| c.0.as_str()).collect();
    assert_eq!(kinds, BTreeSet::from(["BIGINT", "BOOLEAN", "TEXT"]), "design: three types only");
    assert!(ours.checks.contains(&("level".to_owned(), "available>=0".to_owned())), "{:?}", ours.checks);
    let Some(postgres) = Fresh::postgres().await else { return };
    let theirs = postgres_schema(&postgres.url).await;
    assert_eq!(ours.columns, theirs.columns);
    assert_eq!(ours.keys, theirs.keys);
    assert_eq!(ours.references, theirs.references);
    assert_eq!(ours.checks, theirs.checks);
    assert_eq!(ours.indexes, theirs.indexes);
}

#[tokio::test]
async fn every_query_is_understood() {
    each_store(async |fresh| {
        assert_eq!(fresh.store.prepare_all().await.unwrap(), []);
    })
    .await;
}

/// A query that the engine does not know would be found: with no tables, all are refused but few.
#[tokio::test]
async fn a_query_that_is_not_understood_is_named() {
    let empty = Fresh::empty_sqlite().await;
    let refused = empty.store.prepare_all().await.unwrap();
    assert!(refused.iter().any(|(name, why)| name == "CHANNELS" && why.contains("channel")), "{refused:?}");
}

/// A check that one engine alone made would let the other hold what cannot be.
#[tokio::test]
async fn checks_are_enforced() {
    each_store(async |fresh| {
        let level = "INSERT INTO level (item_id, location_id, available, reserved, short, last_entry) \
                     VALUES (1, 1, -1, 0, 0, 1)";
        let error = fresh.try_run(level).await.unwrap_err();
        let sqlx::Error::Database(error) = error else {
            panic!("{error}");
        };
        assert!(error.is_check_violation(), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_no_store_is_refused() {
    let error = Store::open("mysql://root@localhost/banto").await.unwrap_err().to_string();
    assert!(error.contains("sqlite:PATH"), "{error}");
}
