//! Fresh, migrated stores for tests.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use banto::store::Store;
use futures_util::FutureExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// A store of its own for one test; it goes when this is dropped.
pub struct Fresh {
    /// Open and migrated.
    pub store: Store,
    /// Where it is; a second `Store::open` is another process to it.
    pub url: String,
    /// The state folder of the daemons of this store; SQLite's file lies in it.
    folder: TempDir,
    database: Option<Database>,
}

/// A database of a server.
struct Database {
    server: Box<PgConnectOptions>,
    name: String,
}

impl Fresh {
    /// `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        self.store.engine()
    }

    /// The state folder of the daemons of this store.
    pub fn state(&self) -> &Path {
        self.folder.path()
    }

    /// A fresh SQLite store.
    pub async fn sqlite() -> Self {
        let fresh = Self::empty_sqlite().await;
        fresh.store.migrate().await.unwrap();
        fresh
    }

    /// A SQLite store without any table.
    pub async fn empty_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("banto.db").display());
        let store = Store::open(&url).await.unwrap();
        Self { store, url, folder, database: None }
    }

    /// A fresh PostgreSQL store, if `BANTO_TEST_POSTGRES` names a server that lets us make databases.
    pub async fn postgres() -> Option<Self> {
        let fresh = Self::empty_postgres().await?;
        fresh.store.migrate().await.unwrap();
        Some(fresh)
    }

    /// A PostgreSQL database without any table.
    pub async fn empty_postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("BANTO_TEST_POSTGRES").ok()?;
        let server = PgConnectOptions::from_str(&server).unwrap();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("banto_test_{}_{count}", std::process::id());
        on_server(&server, format!("CREATE DATABASE {name}")).await;
        let url = server.clone().database(&name).to_url_lossy().to_string();
        let store = Store::open(&url).await.unwrap();
        let database = Some(Database { server: Box::new(server), name });
        Some(Self { store, url, folder: tempfile::tempdir().unwrap(), database })
    }
}

/// What only a test may do: SQL of its own.
impl Fresh {
    /// Runs a statement as a process of its own.
    pub async fn run(&self, statement: &str) {
        self.try_run(statement).await.unwrap();
    }

    /// Runs a statement that may be refused.
    pub async fn try_run(&self, statement: &str) -> sqlx::Result<()> {
        let statement = AssertSqlSafe(statement.to_owned());
        if self.engine() == "sqlite" {
            let mut db = SqliteConnection::connect(&self.url).await?;
            db.execute(statement).await?;
            db.close().await
        } else {
            let mut db = PgConnection::connect(&self.url).await?;
            db.execute(statement).await?;
            db.close().await
        }
    }

    /// The whole number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        if self.engine() == "sqlite" {
            let mut db = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(query).fetch_one(&mut db).await.unwrap()
        } else {
            let mut db = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(query).fetch_one(&mut db).await.unwrap()
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let Some(Database { server, name }) = &self.database else {
            return;
        };
        // A runtime of its own: this one may be about to end, and a drop cannot wait.
        let (server, drop_it) = (server.clone(), format!("DROP DATABASE {name} WITH (FORCE)"));
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(on_server(&server, drop_it));
        });
        if dropper.join().is_err() {
            eprintln!("the database {name} could not be dropped");
        }
    }
}

async fn on_server(server: &PgConnectOptions, statement: String) {
    let mut connection = PgConnection::connect_with(server).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

/// A fresh store of each engine at hand.
pub async fn stores() -> Vec<Fresh> {
    let mut all = vec![Fresh::sqlite().await];
    all.extend(Fresh::postgres().await);
    all
}

/// Runs a test on a fresh store of each engine, and says on which one it failed.
pub async fn each_store(test: impl AsyncFn(&Fresh)) {
    for fresh in stores().await {
        if let Err(panic) = AssertUnwindSafe(test(&fresh)).catch_unwind().await {
            eprintln!("this was on {}", fresh.engine());
            resume_unwind(panic);
        }
    }
}
