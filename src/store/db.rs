//! The two engines behind one type: pools, transactions, and queries whose text is the same on both.
//!
//! SQLite has one writer connection and a few readers, WAL and `synchronous=FULL` (a "mail sent" mark must
//! survive a power cut). On PostgreSQL a write transaction takes one advisory lock, so that writers queue up there
//! as they do on SQLite: levels are read and written without lost updates, and ids are handed out in commit order.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, FromRow, Postgres, Sqlite, Transaction};

use super::{StoreError, sql};

/// The oldest SQLite without the WAL-reset corruption (sqlite.org/wal.html#walresetbug).
const SQLITE_OLDEST: (u32, u32, u32) = (3, 51, 3);

/// The advisory lock that every write transaction on PostgreSQL takes; the number is ASCII for "banto".
const WRITE_LOCK: i64 = 0x62_61_6e_74_6f;

/// Prepared statements that a connection keeps: every text of the store (some 350) finds room. Of sqlx's hundred, people
/// who move about on the screen push out one by the other, and each is parsed again.
const STATEMENTS: usize = 512;

/// A value bound to a query.
#[derive(Clone, Copy, Debug)]
pub(super) enum Val<'a> {
    Int(i64),
    IntOr(Option<i64>),
    Text(&'a str),
    TextOr(Option<&'a str>),
    Bool(bool),
}

macro_rules! val_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl<'a> From<$from> for Val<'a> {
            fn from(v: $from) -> Self {
                Self::$variant(v)
            }
        })*
    };
}
val_from!(i64 => Int, Option<i64> => IntOr, &'a str => Text, Option<&'a str> => TextOr, bool => Bool);

impl<'a> From<&'a String> for Val<'a> {
    fn from(v: &'a String) -> Self {
        Self::Text(v)
    }
}

impl<'a> From<&'a Option<String>> for Val<'a> {
    fn from(v: &'a Option<String>) -> Self {
        Self::TextOr(v.as_deref())
    }
}

/// `args![a, b]` makes the list of bound values.
macro_rules! args {
    ($($v:expr),* $(,)?) => { &[$($crate::store::db::Val::from($v)),*] };
}
pub(super) use args;

/// A row that both engines can give.
pub(super) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

macro_rules! bind {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for value in $args {
            query = match *value {
                Val::Int(v) => query.bind(v),
                Val::IntOr(v) => query.bind(v),
                Val::Text(v) => query.bind(v),
                Val::TextOr(v) => query.bind(v),
                Val::Bool(v) => query.bind(v),
            };
        }
        query
    }};
}

/// The one Rust body for both engines.
macro_rules! on {
    ($db:expr, $kind:ident, |$c:ident| $body:expr) => {
        match $db {
            $kind::Sqlite($c) => $body,
            $kind::Postgres($c) => $body,
        }
    };
}

/// An open store's connections.
#[derive(Clone, Debug)]
pub(super) enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// A transaction on either engine. Dropping it rolls it back.
#[derive(Debug)]
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Runs a statement; returns how many rows it touched.
    pub(super) async fn run(&mut self, text: &'static str, args: &[Val<'_>]) -> Result<u64, StoreError> {
        Ok(on!(self, Tx, |c| bind!(sqlx::query(text), args).execute(&mut **c).await?.rows_affected()))
    }

    /// Every row of a query.
    pub(super) async fn all<T: Row>(
        &mut self,
        text: &'static str,
        args: &[Val<'_>],
    ) -> Result<Vec<T>, StoreError> {
        Ok(on!(self, Tx, |c| bind!(sqlx::query_as(text), args).fetch_all(&mut **c).await?))
    }

    /// The first row of a query, if there is one.
    pub(super) async fn first<T: Row>(
        &mut self,
        text: &'static str,
        args: &[Val<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(on!(self, Tx, |c| bind!(sqlx::query_as(text), args).fetch_optional(&mut **c).await?))
    }

    /// Calls `each` with every row of a query, one at a time: for what does not fit into memory.
    pub(super) async fn for_each<T: Row>(
        &mut self,
        text: &'static str,
        args: &[Val<'_>],
        mut each: impl FnMut(T),
    ) -> Result<(), StoreError> {
        use futures_util::TryStreamExt;
        on!(self, Tx, |c| {
            let mut rows = bind!(sqlx::query_as::<_, T>(text), args).fetch(&mut **c);
            while let Some(row) = rows.try_next().await? {
                each(row);
            }
        });
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        on!(self, Tx, |c| c.commit().await?);
        Ok(())
    }
}

impl Db {
    /// Opens (and for SQLite creates) the database at `url`. Does not migrate.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(path).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(url).await;
        }
        Err(StoreError::Url(url.split("://").next().unwrap_or_default().to_owned()))
    }

    async fn open_sqlite(path: &str) -> Result<Self, StoreError> {
        let base = SqliteConnectOptions::new()
            .filename(Path::new(path.trim_start_matches("//")))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            // A longer log before a checkpoint: 1.2 to 1.6 times the write rate (measured), at 64 MB of disk.
            .pragma("wal_autocheckpoint", "16000")
            .pragma("journal_size_limit", "67108864")
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(60))
            .idle_timeout(None)
            .max_lifetime(None)
            // SQLite itself rolls back when the disk is full; sqlx 0.9.0 then believes in the transaction for ever,
            // and none can begin on that connection. The ping waits for the rollback that a drop has asked for.
            .after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            // What undoes one statement of a batch stays in memory, where it is small: in a file it would be a fifth
            // of all that is written (measured).
            .connect_with(base.clone().pragma("cache_size", "-16000").pragma("temp_store", "memory"))
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .min_connections(0)
            .idle_timeout(Duration::from_secs(30))
            .connect_with(base.pragma("query_only", "ON"))
            .await?;
        let db = Self::Sqlite { writer, readers };
        db.check_sqlite_version().await?;
        Ok(db)
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("banto")
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(30))
            // sqlx 0.9.0 leaves the session inside a transaction when a `begin()` is dropped half-way; what is
            // written on it afterwards is acknowledged and lost. Rolling back on return cures it (launchbadge/sqlx#2054).
            .after_release(|connection, _| {
                Box::pin(async move {
                    connection.execute("ROLLBACK").await?;
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }

    async fn check_sqlite_version(&self) -> Result<(), StoreError> {
        let version: Option<(String,)> = self.first(sql::SQLITE_VERSION, args![]).await?;
        let text = version.map(|v| v.0).unwrap_or_default();
        let mut parts = text.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        if (next(), next(), next()) < SQLITE_OLDEST {
            return Err(StoreError::OldSqlite(text));
        }
        Ok(())
    }

    pub(super) const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Begins a transaction that is the only writer until it ends.
    pub(super) async fn begin_write(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { writer, .. } => Ok(Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(pool) => {
                let mut tx = Tx::Postgres(pool.begin().await?);
                tx.run(sql::PG_WRITE_LOCK, args![WRITE_LOCK]).await?;
                Ok(tx)
            }
        }
    }

    /// Begins a transaction that claims or settles work without the writers' lock; on SQLite there is no such thing.
    pub(super) async fn begin_queue(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { .. } => self.begin_write().await,
            Self::Postgres(pool) => Ok(Tx::Postgres(pool.begin().await?)),
        }
    }

    /// Begins a transaction that sees one state of the whole store until it ends.
    pub(super) async fn begin_snapshot(&self) -> Result<Tx, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => Ok(Tx::Sqlite(readers.begin().await?)),
            Self::Postgres(pool) => {
                Ok(Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?))
            }
        }
    }

    pub(super) async fn all<T: Row>(
        &self,
        text: &'static str,
        args: &[Val<'_>],
    ) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { readers: c, .. } => bind!(sqlx::query_as(text), args).fetch_all(c).await?,
            Self::Postgres(c) => bind!(sqlx::query_as(text), args).fetch_all(c).await?,
        })
    }

    pub(super) async fn first<T: Row>(
        &self,
        text: &'static str,
        args: &[Val<'_>],
    ) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { readers: c, .. } => bind!(sqlx::query_as(text), args).fetch_optional(c).await?,
            Self::Postgres(c) => bind!(sqlx::query_as(text), args).fetch_optional(c).await?,
        })
    }

    /// As [`Db::all`], for a query that goes through far more than it finds: the reader gives its cache of it back at once.
    pub(super) async fn all_through<T: Row>(
        &self,
        text: &'static str,
        args: &[Val<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let Self::Sqlite { readers, .. } = self else { return self.all(text, args).await };
        let mut reader = readers.acquire().await?;
        let rows = bind!(sqlx::query_as(text), args).fetch_all(&mut *reader).await?;
        sqlx::query(super::sql::SQLITE_SHRINK).execute(&mut *reader).await?;
        Ok(rows)
    }

    /// Gives back memory that only a busy store needs: the caches, and all idle readers but one; they are opened again in
    /// milliseconds. The pool closes none by itself while there is a query every few seconds, as it hands them out in
    /// turn. PostgreSQL's memory lies in its own processes.
    pub(super) async fn shrink(&self) -> Result<(), StoreError> {
        let Self::Sqlite { writer, readers } = self else { return Ok(()) };
        sqlx::query(super::sql::SQLITE_SHRINK).execute(writer).await?;
        while let Some(mut idle) = readers.try_acquire() {
            if readers.size() == 1 {
                sqlx::query(super::sql::SQLITE_SHRINK).execute(&mut *idle).await?;
                break;
            }
            idle.close().await?;
        }
        Ok(())
    }

    /// Asks the engine to parse a query without running it; the parity test does so with every text.
    pub(super) async fn prepare(&self, text: &'static str) -> Result<(), StoreError> {
        use sqlx::SqlSafeStr;
        match self {
            Self::Sqlite { readers: c, .. } => {
                drop((&mut *c.acquire().await?).prepare(text.into_sql_str()).await?)
            }
            Self::Postgres(c) => drop((&mut *c.acquire().await?).prepare(text.into_sql_str()).await?),
        }
        Ok(())
    }

    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        // What a newer release has added to the schema does not disturb this one (migrations/README.md).
        let lenient = |mut migrator: Migrator| {
            migrator.set_ignore_missing(true);
            migrator
        };
        match self {
            Self::Sqlite { writer, .. } => lenient(sqlx::migrate!("migrations/sqlite")).run(writer).await?,
            Self::Postgres(pool) => lenient(sqlx::migrate!("migrations/postgres")).run(pool).await?,
        }
        Ok(())
    }

    /// Number of the newest migration that this program has; both engines have the same.
    pub(super) fn newest_migration() -> i64 {
        sqlx::migrate!("migrations/sqlite").iter().map(|m| m.version).max().unwrap_or(0)
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::*;

    /// `.cargo/config.toml` has the reasons; a build that does not read it would be right, and wait for locks.
    #[tokio::test]
    async fn sqlite_is_compiled_for_several_connections() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", dir.path().join("banto.db").display())).await.unwrap();
        let options: Vec<(String,)> = db.all("PRAGMA compile_options", args![]).await.unwrap();
        let has = |name: &str| options.iter().any(|option| option.0 == name);
        assert!(!has("ENABLE_MEMORY_MANAGEMENT") && has("DEFAULT_MEMSTATUS=0"), "{options:?}");
        db.close().await;
    }

    #[tokio::test]
    async fn a_quiet_house_keeps_one_reader_and_opens_others_again() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", dir.path().join("banto.db").display())).await.unwrap();
        let Db::Sqlite { readers, .. } = &db else { unreachable!("the address says sqlite") };
        for _ in 0..2 {
            let mut held = Vec::new();
            for _ in 0..4 {
                held.push(readers.acquire().await.unwrap());
            }
            drop(held);
            // They are given back by tasks of the pool's own.
            while readers.num_idle() < 4 {
                tokio::task::yield_now().await;
            }
            db.shrink().await.unwrap();
            while readers.num_idle() < 1 {
                tokio::task::yield_now().await;
            }
            assert_eq!(readers.size(), 1);
        }
        db.close().await;
    }
}
