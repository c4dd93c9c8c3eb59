//! A bare connection to a store's database, with the settings of the store's own writer: for filling a house
//! quickly, and for the loop that the store is compared with.

use std::path::Path;
use std::str::FromStr;

use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// One row: its columns in the table's order.
pub type Row = Vec<Value>;

/// A connection.
pub enum Raw {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

/// A table with its columns.
#[derive(Clone, Debug)]
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// Columns in order, with their types.
    pub columns: Vec<(String, String)>,
}

macro_rules! on {
    ($raw:expr, |$c:ident| $body:expr) => {
        match $raw {
            Raw::Sqlite($c) => $body,
            Raw::Postgres($c) => $body,
        }
    };
}

impl Raw {
    /// Connects to the database of a store that exists.
    pub async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(Path::new(path))
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .pragma("wal_autocheckpoint", "16000")
                    .pragma("journal_size_limit", "67108864")
                    .pragma("cache_size", "-16000")
                    .pragma("temp_store", "memory")
                    .disable_statement_logging();
                Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            None => {
                let options = PgConnectOptions::from_str(url).unwrap().disable_statement_logging();
                Self::Postgres(PgConnection::connect_with(&options).await.unwrap())
            }
        }
    }

    /// Runs statements without arguments, unprepared.
    pub async fn script(&mut self, text: String) {
        on!(self, |c| drop(c.execute(AssertSqlSafe(text)).await.unwrap()));
    }

    /// Runs a prepared statement whose one argument is a text.
    pub async fn prepared(&mut self, text: &'static str, argument: &str) {
        on!(self, |c| drop(sqlx::query(text).bind(argument).execute(c).await.unwrap()));
    }

    /// The first number of a query; 0 if there is none.
    pub async fn number(&mut self, text: String) -> i64 {
        let query = AssertSqlSafe(text);
        let row: Option<(i64,)> = on!(self, |c| sqlx::query_as(query).fetch_optional(c).await.unwrap());
        row.map_or(0, |row| row.0)
    }

    /// Columns of a table.
    pub async fn table(&mut self, name: &'static str) -> Table {
        let columns = match self {
            Self::Sqlite(c) => {
                let text = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
                sqlx::query_as(text).bind(name).fetch_all(c).await.unwrap()
            }
            Self::Postgres(c) => {
                let text = "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) \
                    FROM information_schema.columns \
                    WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
                sqlx::query_as(text).bind(name).fetch_all(c).await.unwrap()
            }
        };
        Table { name, columns }
    }

    /// Whole rows of a table.
    pub async fn rows(&mut self, table: &Table, condition: &str) -> Vec<Row> {
        let array = match self {
            Self::Sqlite(_) => "json_array",
            Self::Postgres(_) => "json_build_array",
        };
        let (name, names) = (table.name, table.names());
        let text = format!("SELECT CAST({array}({names}) AS TEXT) FROM {name} WHERE {condition} ORDER BY 1");
        let query = AssertSqlSafe(text);
        let rows: Vec<(String,)> = on!(self, |c| sqlx::query_as(query).fetch_all(c).await.unwrap());
        rows.iter().map(|row| serde_json::from_str(&row.0).unwrap()).collect()
    }

    /// Puts the log into the database file, so that each side of a comparison pays for its own; nothing to do on
    /// PostgreSQL, whose server does so in the background.
    pub async fn checkpoint(&mut self) {
        if let Self::Sqlite(_) = self {
            self.script("PRAGMA wal_checkpoint(TRUNCATE)".to_owned()).await;
        }
    }

    /// Gives up safety for speed on this connection.
    pub async fn hurry(&mut self) {
        let text = match self {
            Self::Sqlite(_) => "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000",
            Self::Postgres(_) => "SET synchronous_commit = off",
        };
        self.script(text.to_owned()).await;
    }
}

impl Table {
    /// Where a column stands.
    pub fn at(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.0 == column)
    }

    /// Its columns, separated by commas.
    pub fn names(&self) -> String {
        self.columns.iter().map(|c| c.0.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// A statement that inserts the rows of a JSON array of arrays. It lives as long as the program.
    pub fn insert(&self, and_then: &str) -> &'static str {
        let values: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, (_, kind))| format!("CAST(value ->> {at} AS {kind})"))
            .collect();
        let text = format!(
            "INSERT INTO {} ({}) SELECT {} FROM jsonb_each($1) {and_then}",
            self.name,
            self.names(),
            values.join(", ")
        );
        text.leak()
    }
}
