//! The only place that knows SQL. One type, [`Store`], on SQLite or PostgreSQL; every query stands once in `sql`
//! and runs on both.
//!
//! Changes go through [`Write`]: one transaction at a time in the whole house, which makes ids in commit order and
//! commits cause and consequence together. Dropping a `Write` undoes it. Nothing here touches the network.

mod alerts;
mod api;
mod audit;
mod backup;
mod book;
mod channels;
mod customers;
mod db;
mod deeds;
mod desk;
mod house_key;
mod intake;
mod items;
mod jobs;
mod listed;
mod listings;
mod mails;
mod maintenance;
mod order_lists;
mod orders;
mod pace;
mod plan;
mod post;
mod projection;
mod proposals;
mod records;
mod rematch;
mod reports;
mod schema;
mod search;
mod sessions;
mod shelf;
mod sql;
mod stock;
mod tables;
mod users;
mod verify;
mod webhooks;

use std::sync::Arc;

use banto_channel::{Bilingual, both};
use tokio::sync::watch;

use db::{Db, Tx, args};

pub use alerts::Alert;
pub use api::{NewToken, REQUEST_KEPT, RequestTry, Reserved};
pub use audit::{AuditFilter, AuditPage};
pub use backup::{Backup, TableRows};
pub use channels::{Lease, OrderCount};
pub use customers::{
    CustomerAct, CustomerFilter, CustomerPage, CustomerTotal, CustomerView, Erased, Keep, SPLIT_OFFERS,
    TOTALS_OF,
};
pub use deeds::{Act, Denied, Done, MailChange, Move, Wish};
pub use desk::{
    COUNT_MAX, ChannelMark, Count, Day, Marks, Newest, Pace, PendingMails, Sales, UnpaidBefore, Work,
};
pub use intake::{IntakeReport, QuarantineReason};
pub use items::{Holding, Import, Imported, ItemView};
pub use jobs::{JobCount, JobEnd, JobFilter, NoticeJob, channel_lane};
pub use listed::{COUNTED_MAX, ListingCounts, ListingPage, ListingTab};
pub use listings::{ListingView, Mapped, Waiting};
pub use mails::{Letter, MailAct, MailEnd, MailKey, MailText};
pub use maintenance::{CHECKS, Check, Named, PendingMigration, RESTORE};
pub use order_lists::{Alongside, Counted, ListedLine, ListedOrder, OrderPage, OrderTab, PayloadVersion};
pub use orders::{OrderFilter, OrderView, Retried};
pub use pace::{PACE_DAYS, SalesWindow, SellingPace};
pub use plan::{PlanRules, PushOutcome, Scope, Stocked, shown};
pub use post::{MailHead, MailPlace};
pub use reports::{DaySales, ItemSales, SalesOf, SalesSpan, date_of, day_at, day_number, month_number};
pub use schema::SchemaState;
pub use search::Found;
pub use sessions::{Login, SessionView, Visitor};
pub use shelf::{BEST_SELLERS, Levels, PastLevel, Scanned, ShelfFilter, ShelfPage};
pub use stock::{CountPlan, CountRow, Moved, StockAct, WriteOff};
pub use tables::{
    AlertRow, AuditRow, ChannelRow, ComponentRow, CustomerKeyRow, CustomerNoteRow, CustomerRow, EntryRow,
    ItemRow, JobRow, LevelRow, LineRow, ListingRow, LocationRow, MailRow, OrderRow, ParcelRow, PayloadRow,
    PersonRow, QuarantineRow, ReservationRow, SavedFilterRow, TimelineRow, TokenRow, WebhookRow,
};
pub use users::{NewCodes, NewPerson, PersonAt, PersonChange};
pub use verify::Discrepancy;
pub use webhooks::{
    About, OrderTold, StockTold, Told, WEBHOOK_EVENTS, WEBHOOK_PING, overtaken, salt_start, webhook_lane,
};

use crate::domain::Ids;
use crate::domain::people::PersonFault;
use crate::domain::stock::StockError;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is neither SQLite's nor PostgreSQL's.
    #[error("{0:?} is not a store; write sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Url(String),
    /// The SQLite library has the WAL-reset corruption.
    #[error("SQLite {0} can corrupt its write-ahead log; 3.51.3 or later is needed")]
    OldSqlite(String),
    /// The engine refused or could not be reached.
    #[error("the database refused: {0}")]
    Sql(sqlx::Error),
    /// The disk is full.
    #[error("the disk is full; nothing was written. Free some space: work goes on by itself")]
    DiskFull,
    /// A migration failed, or one that was applied is not the one that this program has.
    #[error(
        "the store's schema does not fit this version of banto: {0}. Make a backup, then `banto migrate` brings an \
         older one up; one that was changed by other hands comes back from a backup"
    )]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row could not be written or read as JSON.
    #[error("a stored text is not what it should be: {0}")]
    Json(serde_json::Error),
    /// The ledger refused.
    #[error(transparent)]
    Stock(#[from] StockError),
    /// It cannot be done to a person, or by one.
    #[error(transparent)]
    Person(#[from] PersonFault),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(Bilingual),
    /// What was asked for cannot be done as things stand.
    #[error("{0}")]
    Refused(Bilingual),
}

impl StoreError {
    /// What to tell a person. The English text is also what `Display` shows, wherever it is about what was asked for.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        match self {
            Self::NotFound(why) | Self::Refused(why) => why.clone(),
            Self::Stock(why) => why.words(),
            Self::Person(why) => why.words(),
            Self::DiskFull => both!(
                "The disk is full; nothing was written. Free some space: work goes on by itself",
                "ディスクの空き容量がありません。何も変更されていません。空きができれば処理は自動で再開します"
            ),
            other => both!(
                "The store does not answer: {other}. Nothing was changed; try again",
                "データベースが応答しません（{other}）。何も変更されていません。もう一度お試しください"
            ),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let full = match &error {
            // SQLITE_FULL is 13, with its extended codes; PostgreSQL's class is 53100 (disk_full).
            sqlx::Error::Database(e) => matches!(e.code().as_deref(), Some("13" | "53100")),
            sqlx::Error::Io(e) => e.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        };
        if full { Self::DiskFull } else { Self::Sql(error) }
    }
}

/// `Result` of the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What tasks wait on: it moves whenever a transaction of this process has changed stock or made jobs.
#[derive(Debug)]
struct Hub {
    stock: watch::Sender<i64>,
    jobs: watch::Sender<u64>,
    endpoints: webhooks::Endpoints,
}

/// An open store.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    hub: Arc<Hub>,
    request: Option<RequestTry>,
}

/// One movement as the planner sees it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StockChange {
    /// Id of the entry.
    pub id: i64,
    /// The item that moved.
    pub item_id: i64,
    /// When, microseconds since 1970.
    pub at: i64,
    /// Who moved it.
    pub actor: String,
}

/// A write transaction: the only one in the house until it is committed or dropped.
#[derive(Debug)]
pub struct Write {
    tx: Tx,
    ids: IdBlock,
    hub: Arc<Hub>,
    made_jobs: bool,
    request: Option<RequestTry>,
}

/// The ids of one write transaction.
#[derive(Debug)]
struct IdBlock {
    first: i64,
    next: i64,
}

impl Ids for IdBlock {
    fn next_id(&mut self) -> i64 {
        let id = self.next;
        self.next += 1;
        id
    }
}

impl Store {
    /// Opens the store at `url` (`sqlite:PATH` or `postgres://…`); creates a SQLite file that is not there. Does not
    /// migrate.
    ///
    /// Errors: [`StoreError::Url`], [`StoreError::OldSqlite`], [`StoreError::Sql`] if it cannot be reached.
    pub async fn open(url: &str) -> Result<Self> {
        let hub = Hub {
            stock: watch::Sender::new(0),
            jobs: watch::Sender::new(0),
            endpoints: webhooks::Endpoints::default(),
        };
        Ok(Self { db: Db::open(url).await?, hub: Arc::new(hub), request: None })
    }

    /// Brings the schema up to this program's. One that a newer banto has added to is left as it is: the release
    /// before it can still run on it (migrations/README.md).
    ///
    /// Errors: [`StoreError::Migrate`] when a migration that was applied is not the one that this program has.
    pub async fn migrate(&self) -> Result<()> {
        self.db.migrate().await?;
        self.name_items().await
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn engine(&self) -> &'static str {
        self.db.engine()
    }

    /// Proves that the store answers.
    ///
    /// Errors: whatever keeps it from answering.
    pub async fn ping(&self) -> Result<()> {
        self.db.first::<(i64,)>(sql::PING, args![]).await.map(drop)
    }

    /// Gives back memory that only a busy store needs; for a house in which nothing happens.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn shrink(&self) -> Result<()> {
        self.db.shrink().await
    }

    /// Closes all connections; waits for those in use.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Begins a write; waits for the one before.
    ///
    /// Errors: [`StoreError::Sql`] when the wait is too long.
    pub async fn write(&self) -> Result<Write> {
        let mut tx = self.db.begin_write().await?;
        let next = tx.first::<(i64,)>(sql::NEXT_ID, args![]).await?.map_or(1, |row| row.0);
        Ok(Write {
            tx,
            ids: IdBlock { first: next, next },
            hub: Arc::clone(&self.hub),
            made_jobs: false,
            request: self.request,
        })
    }

    /// Moves whenever this process committed movements of stock.
    #[must_use]
    pub fn watch_stock(&self) -> watch::Receiver<i64> {
        self.hub.stock.subscribe()
    }

    /// Moves whenever this process committed new jobs.
    #[must_use]
    pub fn watch_jobs(&self) -> watch::Receiver<u64> {
        self.hub.jobs.subscribe()
    }

    /// The newest movement's id; 0 in an empty ledger.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn newest_entry(&self) -> Result<i64> {
        Ok(self.db.first::<(i64,)>(sql::NEWEST_ENTRY, args![]).await?.map_or(0, |row| row.0))
    }

    /// Movements after `since`, oldest first, whoever made them: this daemon, another one, or a command.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn stock_changes(&self, since: i64, limit: i64) -> Result<Vec<StockChange>> {
        self.db.all(sql::STOCK_CHANGES, args![since, limit]).await
    }

    /// Every query by its name, for those who ask an engine about them.
    pub fn texts() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        sql::ALL
            .iter()
            .chain(tables::ALL)
            .chain(shelf::ALL)
            .chain(pace::ALL)
            .chain(listed::ALL)
            .chain(api::ALL)
            .chain(webhooks::ALL)
            .chain(desk::ALL)
            .chain(post::ALL)
            .chain(users::ALL)
            .chain(house_key::ALL)
            .chain(audit::ALL)
            .chain(sessions::ALL)
            .chain(projection::ALL)
            .chain(search::ALL)
            .chain(order_lists::ALL)
            .chain(customers::ALL)
            .chain(reports::ALL)
    }

    /// Has the engine parse every query; the names of those it refuses, with its words.
    ///
    /// Errors: never by a query; only when no connection is to be had.
    pub async fn prepare_all(&self) -> Result<Vec<(String, String)>> {
        let mut refused = Vec::new();
        for (name, text) in Self::texts() {
            if let Err(error) = self.db.prepare(text).await {
                refused.push(((*name).to_owned(), error.to_string()));
            }
        }
        Ok(refused)
    }
}

impl Write {
    /// An id for a new row.
    pub fn id(&mut self) -> i64 {
        self.ids.next_id()
    }

    /// Makes everything written so far permanent, and wakes those who wait for it.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`]; nothing was written then.
    pub async fn commit(mut self) -> Result<()> {
        if self.ids.next > self.ids.first {
            self.tx.run(sql::SET_NEXT_ID, args![self.ids.next]).await?;
        }
        if let Some(request) = self.request {
            self.mark_request(request).await?;
        }
        self.tx.commit().await?;
        if self.ids.next > self.ids.first {
            self.hub.stock.send_replace(self.ids.next);
        }
        if self.made_jobs {
            self.hub.jobs.send_modify(|n| *n += 1);
        }
        Ok(())
    }
}

/// A list of keys as the queries take it: `[[1],[2]]`.
fn keys<T: serde::Serialize>(keys: impl IntoIterator<Item = T>) -> Result<String> {
    let rows: Vec<(T,)> = keys.into_iter().map(|k| (k,)).collect();
    serde_json::to_string(&rows).map_err(StoreError::Json)
}
