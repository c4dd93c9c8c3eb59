//! What keeps a store healthy: its migrations, and the questions that `banto doctor` asks it.

use std::path::Path;
use std::time::Duration;

use banto_channel::{Bilingual, Timestamp, both};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, SqliteConnection};

use super::db::{Db, args};
use super::{Result, SchemaState, Store, StoreError, sql};

/// A migration that the store has not had yet.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PendingMigration {
    /// Its number, which is its place.
    pub number: i64,
    /// What its file is called after the number.
    pub name: String,
}

/// A question whose answer names what is not as it must be; nothing named is the good answer.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// A stable word.
    pub name: &'static str,
    /// Whether the house cannot be trusted when it fails; otherwise somebody should look.
    pub grave: bool,
    /// What to do.
    pub remedy: &'static str,
    text: &'static str,
    /// Only what has been so for as long as this is named.
    patience: Option<Duration>,
}

/// What a [`Check`] names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// How many.
    pub count: i64,
    /// The first few, in plain words.
    pub examples: Vec<String>,
}

/// What to do where the house cannot be trusted.
pub const RESTORE: &str = "stop the daemon, keep a copy of the store, and restore the newest backup (deploy/recovery.md); \
                       then report it: this is a fault of banto or of the disk";

const fn grave(name: &'static str, text: &'static str) -> Check {
    Check { name, grave: true, remedy: RESTORE, text, patience: None }
}

const fn look(name: &'static str, text: &'static str, minutes: u64, remedy: &'static str) -> Check {
    let patience = if minutes > 0 { Some(Duration::from_secs(minutes * 60)) } else { None };
    Check { name, grave: false, remedy, text, patience }
}

/// Everything that is asked, in this order.
pub const CHECKS: &[Check] = &[
    grave("nothing is below zero", sql::CHECK_NEGATIVE),
    grave("orders hold what they need", sql::CHECK_DEMAND),
    grave("each order is there once", sql::CHECK_ONCE),
    grave("each order has its payload", sql::CHECK_PAYLOADS),
    grave("sets are made of items", sql::CHECK_SETS),
    grave("ids are not used twice", sql::CHECK_IDS),
    grave("each queued mail has its job", sql::CHECK_MAIL_JOBS),
    look(
        "no mail is stuck",
        sql::CHECK_MAIL_STUCK,
        15,
        "is the daemon running? `banto mail list --state sending`",
    ),
    look(
        "no mail is uncertain",
        sql::CHECK_MAIL_UNCERTAIN,
        0,
        "did it arrive? `banto mail list --state uncertain`",
    ),
    look(
        "who is asked for one-time codes can make them",
        sql::CHECK_CODES,
        0,
        "the codes are of an older version: `banto users reset-totp NAME`, and set them up anew",
    ),
    look(
        "no job was given up",
        sql::CHECK_JOBS_DEAD,
        0,
        "`banto queue list`, then `banto queue retry` or `drop`",
    ),
    look("no job is overdue", sql::CHECK_JOBS_OVERDUE, 15, "is the daemon running? `banto queue list`"),
    look(
        "channels are read",
        sql::CHECK_PULLS,
        60,
        "is the daemon running? `banto channel list`, `channel probe`",
    ),
    look(
        "channels are not stopped",
        sql::CHECK_STOPPED,
        0,
        "`banto channel diff`, then `banto channel push`",
    ),
    look("listings are up to date", sql::CHECK_LISTINGS, 10, "`banto channel diff`, `banto listings list`"),
    look("all orders were understood", sql::CHECK_QUARANTINE, 0, "`banto orders quarantine`"),
    look(
        "all order lines have an item",
        sql::CHECK_UNMATCHED,
        0,
        "`banto listings unmatched`, `banto listings map`",
    ),
    look("nothing is short", sql::CHECK_SHORT, 0, "`banto stock list`; order it, or cancel the orders"),
    look("no alert is open", sql::CHECK_ALERTS, 0, "each says what to do"),
];

impl Store {
    /// Migrations that this store has not had, in order; `migrate` applies them.
    ///
    /// Errors: [`StoreError::Sql`] when the store does not answer.
    pub async fn pending_migrations(&self) -> Result<Vec<PendingMigration>> {
        let applied: Vec<i64> = match self.schema_state().await? {
            SchemaState::Older { at: 0, .. } => Vec::new(),
            _ => {
                let rows: Vec<(i64,)> = self.db.all(sql::MIGRATIONS_APPLIED, args![]).await?;
                rows.into_iter().map(|row| row.0).collect()
            }
        };
        let pending = Db::migrations().into_iter().filter(|m| !applied.contains(&m.number));
        Ok(pending.collect())
    }

    /// Asks one question.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn ask(&self, check: &Check, now: Timestamp) -> Result<Named> {
        let rows: Vec<(String, i64)> = match check.patience {
            None => self.db.all(check.text, args![]).await?,
            Some(patience) => self.db.all(check.text, args![now.minus(patience).0]).await?,
        };
        let count = rows.first().map_or(0, |row| row.1);
        Ok(Named { count, examples: rows.into_iter().map(|row| Bilingual::unpacked(&row.0).en).collect() })
    }

    /// All migrations of this program, as an empty store would get them.
    #[must_use]
    pub fn migrations() -> Vec<PendingMigration> {
        Db::migrations()
    }

    /// Damage that the engine itself can see, in its words. PostgreSQL finds its own damage when it reads.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn damage(&self) -> Result<Vec<String>> {
        self.db.faults().await
    }

    /// PostgreSQL's version number (150004 is 15.4) and its clock; `None` on SQLite.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn server(&self) -> Result<Option<(i64, Timestamp)>> {
        match &self.db {
            Db::Sqlite { .. } => Ok(None),
            Db::Postgres(pool) => {
                let (version, clock): (i64, i64) = sqlx::query_as(sql::PG_SERVER).fetch_one(pool).await?;
                Ok(Some((version, Timestamp(clock))))
            }
        }
    }
}

impl Db {
    /// What this program would apply to an empty store.
    fn migrations() -> Vec<PendingMigration> {
        let all = sqlx::migrate!("migrations/sqlite");
        let named =
            all.iter().map(|m| PendingMigration { number: m.version, name: m.description.to_string() });
        named.collect()
    }

    /// Opens a SQLite file that nobody writes, without changing it or anything beside it.
    pub(super) async fn open_unchanged(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        Ok(Self::Sqlite { writer: pool.clone(), readers: pool })
    }

    /// Copies a store of SQLite into an empty file, as of one moment. It has a connection of its own, so that writers
    /// go on meanwhile.
    pub(super) async fn vacuum_into(store: &SqlitePool, path: &Path) -> Result<()> {
        let Some(path) = path.to_str() else {
            let path = path.display();
            return Err(StoreError::Refused(both!(
                "{path}: the path is not UTF-8",
                "{path}: パスがUTF-8ではありません"
            )));
        };
        let mut connection = SqliteConnection::connect_with(&store.connect_options()).await?;
        let copied = sqlx::query(sql::SQLITE_VACUUM_INTO).bind(path).execute(&mut connection).await;
        connection.close().await?;
        copied?;
        Self::log_everybody_out(path).await
    }

    /// Takes the logins out of a copy: whoever was logged in when it was made must not be, once it is the store.
    async fn log_everybody_out(path: &str) -> Result<()> {
        let options = SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Memory);
        let mut copy = SqliteConnection::connect_with(&options).await?;
        for text in [sql::SESSIONS_FORGET, sql::SETUP_CODES_FORGET] {
            sqlx::query(text).execute(&mut copy).await?;
        }
        copy.close().await?;
        Ok(())
    }

    pub(super) async fn faults(&self) -> Result<Vec<String>> {
        let Self::Sqlite { readers, .. } = self else {
            return Ok(Vec::new());
        };
        let found: Vec<(String,)> = sqlx::query_as(sql::SQLITE_INTEGRITY).fetch_all(readers).await?;
        let mut faults: Vec<String> =
            found.into_iter().map(|row| row.0).filter(|text| text != "ok").collect();
        let orphans: Vec<(String, i64)> = sqlx::query_as(sql::SQLITE_FOREIGN_KEYS).fetch_all(readers).await?;
        faults.extend(
            orphans.into_iter().map(|(table, n)| format!("{n} rows of {table} name what is not there")),
        );
        Ok(faults)
    }
}
