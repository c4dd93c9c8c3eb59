//! `banto restore FILE`: fills an empty store with a backup; also the way from SQLite to PostgreSQL.

use std::path::{Path, PathBuf};
use std::time::Duration;

use banto_channel::Clock;
use clap::Args;
use serde::Serialize;

use super::backup::{Progress, show};
use super::{Exit, Failure, Globals, Out, Outcome, house};
use crate::app;
use crate::clock::SystemClock;
use crate::keys::house::KeyFile;
use crate::store::{SchemaState, TableRows};

/// Fill an empty store with a backup
///
/// The store that the config names must be empty; one that is not is left alone. All of it happens in one
/// transaction. Before the daemon is started again, read "A backup is older than the world" in deploy/recovery.md:
/// mails that went out after the backup was made would go out again.
#[derive(Args, Debug)]
pub struct Restore {
    /// The file that `banto backup` wrote
    file: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    file: &'a Path,
    tables: &'a [TableRows],
    /// What keeps the house's key from being of use.
    house_key: Option<String>,
}

impl Restore {
    /// Reads it back.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        if !self.file.exists() {
            return Err(Failure::not_found(format!("there is no file {}", self.file.display())));
        }
        let config = globals.config()?;
        // The lock keeps a daemon out until this is done.
        let (store, _lock) = app::open_store(&config).await.map_err(Failure::from)?;
        match store.schema_state().await? {
            SchemaState::Older { at: 0, .. } => store.migrate().await?,
            state => house::must_fit(state)?,
        }
        let mut progress = Progress::new();
        let tables = store.restore(&self.file, &mut |table, rows| progress.more(table, rows)).await;
        progress.end();
        let tables = tables?;
        let now = SystemClock::new(Duration::ZERO).now();
        let mut write = store.write().await?;
        let file = self.file.display().to_string();
        write.audit(&house::actor(), "restore", "store", &file, now).await?;
        write.commit().await?;
        let key = KeyFile::of(&config).suits(&store).await.err().map(|fault| fault.to_string());
        store.close().await;
        let answer = Answer { file: &self.file, tables: &tables, house_key: key.clone() };
        Out::new(globals.json(), config.zone.clone()).answer(&answer, |text| {
            show(text, &tables);
            text.line(format!("restored from {file}; see deploy/recovery.md before the daemon is started"));
            if let Some(why) = &key {
                text.line(format!("one-time codes and webhooks do not work yet: {why}"));
            }
        })?;
        Ok(Exit::Ok)
    }
}
