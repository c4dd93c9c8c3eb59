//! `banto migrate`: brings the store's schema up to this program's, or says what that would be.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::{Exit, Globals, Out, Outcome, left, right};
use crate::store::{PendingMigration, Store};

/// Bring the store's schema up to this program's
#[derive(Args, Debug)]
pub struct Migrate {
    /// Only say which migrations are pending
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    applied: bool,
    migrations: Vec<PendingMigration>,
}

impl Migrate {
    /// Lists what is pending, and applies it.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let config = globals.config()?;
        let url = config.store_url()?;
        let file = url.expose().strip_prefix("sqlite:").map(Path::new);
        let migrations = if self.dry_run && file.is_some_and(|f| !f.exists()) {
            // Opening would make the file.
            Store::migrations()
        } else {
            let store = Store::open(url.expose()).await?;
            let pending = store.pending_migrations().await?;
            if !self.dry_run {
                store.migrate().await?;
            }
            store.close().await;
            pending
        };
        let answer = Answer { applied: !self.dry_run, migrations };
        Out::new(globals.json(), config.zone.clone()).answer(&answer, |text| {
            if answer.migrations.is_empty() {
                text.line("the schema is up to date");
                return;
            }
            let row = |m: &PendingMigration| [m.number.to_string(), m.name.clone()];
            let rows: Vec<_> = answer.migrations.iter().map(row).collect();
            text.table([right("NUMBER"), left("MIGRATION")], &rows);
            text.line(if answer.applied { "applied" } else { "pending; nothing was changed" });
        })?;
        Ok(Exit::Ok)
    }
}
