//! `banto backup FILE`: everything in the store as one file, while the daemon goes on.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::{Exit, Failure, Globals, Outcome, Text, left, right};
use crate::store::{StoreError, TableRows};

/// Write everything in the store into a new file
///
/// The file is as of one moment, also while the daemon runs, and is read back before it gets its name. It holds the
/// buyers' names and addresses, and no secret: neither the config's nor the house's key (deploy/README.md). `banto
/// restore` reads it into an empty store, SQLite or PostgreSQL.
#[derive(Args, Debug)]
pub struct Backup {
    /// The file to write; one that is there is never replaced
    file: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    file: &'a Path,
    bytes: u64,
    tables: &'a [TableRows],
}

impl Backup {
    /// Writes it.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        let mut progress = Progress::new();
        let backup = house.store.backup(&self.file, &mut |table, rows| progress.more(table, rows)).await;
        progress.end();
        let backup = backup.map_err(|e| no_room(e, &self.file))?;
        let answer = Answer { file: &self.file, bytes: backup.bytes, tables: &backup.tables };
        house.out.answer(&answer, |text| {
            show(text, &backup.tables);
            text.line(format!("{}: {} MiB", self.file.display(), backup.bytes.div_ceil(1 << 20)));
        })?;
        house.store.close().await;
        Ok(Exit::Ok)
    }
}

fn no_room(error: StoreError, file: &Path) -> Failure {
    match error {
        StoreError::DiskFull => Failure::new(
            Exit::Failed,
            format!("there is no room for {}; what was written is removed again", file.display()),
        ),
        other => other.into(),
    }
}

/// Tables and their rows.
pub(super) fn show(text: &mut Text, tables: &[TableRows]) {
    let rows: Vec<_> = tables.iter().map(|t| [t.table.to_owned(), t.rows.to_string()]).collect();
    text.table([left("TABLE"), right("ROWS")], &rows);
}

/// One line on a terminal that says how far it is.
pub(super) struct Progress {
    shown: Option<Instant>,
    table: &'static str,
    rows: u64,
}

impl Progress {
    const PACE: Duration = Duration::from_millis(200);

    pub(super) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal().then(Instant::now), table: "", rows: 0 }
    }

    pub(super) fn more(&mut self, table: &'static str, rows: u64) {
        self.rows = if table == self.table { self.rows + rows } else { rows };
        self.table = table;
        if let Some(shown) = self.shown.as_mut().filter(|s| s.elapsed() > Self::PACE) {
            eprint!("\r\x1b[K{} rows of {table}", self.rows);
            *shown = Instant::now();
        }
    }

    pub(super) fn end(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
