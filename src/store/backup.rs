//! A backup is one SQLite file with every row, from either engine, made while the daemon goes on; a restore fills an
//! empty store of either engine with it, which is also the way from one engine to the other.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use banto_channel::{Bilingual, both};

use super::db::{Db, Tx, args};
use super::tables::{self, Tally, Told};
use super::{Result, SchemaState, Store, StoreError, sql};

/// How many rows of a table a backup or a restore has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TableRows {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

/// A backup that was read back and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Size of the file.
    pub bytes: u64,
    /// What is in it, parents before children.
    pub tables: Vec<TableRows>,
}

impl Store {
    /// Writes everything into a new file, as of one moment, while others go on writing. The file has its name only
    /// once it was read back and found whole, and only its owner can read it: it holds the buyers' addresses. The
    /// config's secrets are not in it, nor is the house's key. `told` hears how many more rows of which table are done.
    ///
    /// Errors: [`StoreError::Refused`] when the file is there already or cannot be written, or when what was written
    /// is not what was read; [`StoreError::DiskFull`]; nothing is left behind then.
    pub async fn backup(&self, file: &Path, told: Told<'_>) -> Result<Backup> {
        if file.try_exists().map_err(|e| trouble(file, &e))? {
            return Err(refused(file, "it is there already; a backup never replaces a file"));
        }
        let partial = Partial::begin(file)?;
        let tables = match &self.db {
            Db::Sqlite { writer, .. } => {
                Db::vacuum_into(writer, &partial.path).await?;
                check(&partial.path, told).await?
            }
            Db::Postgres(_) => {
                let read = self.copy_into_file(&partial.path, told).await?;
                let written = check(&partial.path, &mut |_, _| ()).await?;
                same(&read, &written, file)?;
                written
            }
        };
        let bytes = partial.finish(file).await?;
        Ok(Backup { bytes, tables: rows(&tables) })
    }

    async fn copy_into_file(&self, path: &Path, told: Told<'_>) -> Result<Vec<Tally>> {
        let file = Self::open(&sqlite_url(path)).await?;
        file.migrate().await?;
        let mut from = self.db.begin_snapshot().await?;
        let mut to = file.db.begin_write().await?;
        let read = tables::copy_all(&mut from, &mut to, told).await?;
        to.commit().await?;
        // The last connection to close moves the write-ahead log into the file.
        file.close().await;
        Ok(read)
    }

    /// Fills this store, which must be empty and have this program's schema, with a backup's rows. All of it happens
    /// in one transaction, and what was written is compared with the file before it is kept.
    ///
    /// Errors: [`StoreError::Refused`] when the store is not empty, or the file is no whole backup, or one of a newer
    /// banto; [`StoreError::DiskFull`]. The store is as empty as it was then.
    pub async fn restore(&self, file: &Path, told: Told<'_>) -> Result<Vec<TableRows>> {
        let backup = Open::backup(file).await?;
        intact(&backup.db, file).await?;
        let mut from = backup.db.begin_snapshot().await?;
        let mut to = self.db.begin_write().await?;
        self.must_be_empty(&mut to).await?;
        let read = tables::copy_all(&mut from, &mut to, told).await?;
        let written = tables::tally_all(&mut to, &mut |_, _| ()).await?;
        same(&read, &written, file)?;
        to.commit().await?;
        drop(from);
        backup.db.close().await;
        // Whoever waits for stock or jobs has some now.
        self.hub.stock.send_modify(|n| *n += 1);
        self.hub.jobs.send_modify(|n| *n += 1);
        Ok(rows(&read))
    }

    async fn must_be_empty(&self, to: &mut Tx) -> Result<()> {
        let found: Option<(i64,)> = to.first(sql::ANYTHING_THERE, args![]).await?;
        if found.is_none() {
            return Ok(());
        }
        let remedy = match self.engine() {
            "sqlite" => both!(
                "stop the daemon, move the store's file (and those beside it, -wal and -shm) away",
                "デーモンを止めてデータベースのファイル（-wal と -shm も）を移動し"
            ),
            _ => both!("stop the daemon, make a new database", "デーモンを止めて新しいデータベースを作成し"),
        };
        Err(StoreError::Refused(both!(
            "the store is not empty, and a restore replaces nothing; {en}, run `banto migrate`, and restore again",
            "データベースが空ではないため復元できません。{ja}、`banto migrate` の後にもう一度復元してください",
            en = remedy.en,
            ja = remedy.ja
        )))
    }
}

/// A file on its way to become a backup; it goes when it is dropped before it is finished.
struct Partial {
    path: PathBuf,
    lock: File,
    done: bool,
}

impl Partial {
    fn begin(file: &Path) -> Result<Self> {
        let mut path = file.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(|e| trouble(&path, &e))?;
        if lock.try_lock().is_err() {
            return Err(refused(file, "another backup is being written to it"));
        }
        // It may be what a backup that was cut off left behind.
        let emptied = lock.set_len(0).and_then(|()| lock.set_permissions(Permissions::from_mode(0o600)));
        emptied.map_err(|e| trouble(&path, &e))?;
        Ok(Self { path, lock, done: false })
    }

    /// Makes the file last, and gives it its name.
    async fn finish(mut self, file: &Path) -> Result<u64> {
        let (from, to) = (self.path.clone(), file.to_owned());
        let lock = self.lock.try_clone().map_err(|e| trouble(file, &e))?;
        let bytes = tokio::task::spawn_blocking(move || {
            lock.sync_all()?;
            std::fs::rename(&from, &to)?;
            let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()?;
            lock.metadata().map(|m| m.len())
        });
        let bytes = bytes.await.map_err(io::Error::other).flatten().map_err(|e| trouble(file, &e))?;
        self.done = true;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.done {
            for end in ["", "-wal", "-shm", "-journal"] {
                let mut path = self.path.clone().into_os_string();
                path.push(end);
                // What cannot be removed is overwritten by the next backup.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// A backup's file, opened without changing it; of an older banto's, a copy with this program's schema.
struct Open {
    db: Db,
    copy: Option<PathBuf>,
}

impl Open {
    async fn backup(file: &Path) -> Result<Self> {
        if let Err(error) = File::open(file) {
            return Err(match error.kind() {
                io::ErrorKind::NotFound => {
                    let file = file.display();
                    StoreError::NotFound(both!("there is no file {file}", "ファイル {file} はありません"))
                }
                _ => trouble(file, &error),
            });
        }
        let db = Db::open_unchanged(file).await.map_err(|e| no_backup(file, e))?;
        match db.schema_state().await.map_err(|e| no_backup(file, e))? {
            SchemaState::Current => Ok(Self { db, copy: None }),
            SchemaState::Older { at: 0, .. } => Err(refused(file, "it is a database, but none of banto")),
            SchemaState::Older { .. } => {
                db.close().await;
                let copy = migrated_copy(file).await?;
                Ok(Self { db: Db::open_unchanged(&copy).await?, copy: Some(copy) })
            }
            SchemaState::Newer { at, program } => Err(refused(
                file,
                &format!(
                    "a newer banto made it (schema {at}, this one knows {program}); restore it with that one"
                ),
            )),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(copy) = &self.copy {
            // It lies in the folder for temporary files, which is emptied sooner or later.
            let _ = std::fs::remove_file(copy);
        }
    }
}

/// A copy of an older backup in the folder for temporary files, brought up to this program's schema.
async fn migrated_copy(file: &Path) -> Result<PathBuf> {
    let copy = std::env::temp_dir().join(format!("banto-restore-{}.db", std::process::id()));
    let (from, to) = (file.to_owned(), copy.clone());
    let copied = tokio::task::spawn_blocking(move || {
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut File::open(from)?, &mut to)
    });
    copied.await.map_err(io::Error::other).flatten().map_err(|e| trouble(&copy, &e))?;
    let store = Store::open(&sqlite_url(&copy)).await?;
    store.migrate().await?;
    store.close().await;
    Ok(copy)
}

/// Reads a file that was just written, all of it.
async fn check(path: &Path, told: Told<'_>) -> Result<Vec<Tally>> {
    let db = Db::open_unchanged(path).await?;
    intact(&db, path).await?;
    let mut tx: Tx = db.begin_snapshot().await?;
    let tallies = tables::tally_all(&mut tx, told).await?;
    drop(tx);
    db.close().await;
    Ok(tallies)
}

async fn intact(db: &Db, file: &Path) -> Result<()> {
    let faults = db.faults().await.map_err(|e| no_backup(file, e))?;
    match faults.first() {
        None => Ok(()),
        Some(fault) => Err(refused(file, &format!("it is damaged: {fault}"))),
    }
}

fn same(read: &[Tally], written: &[Tally], file: &Path) -> Result<()> {
    let differ = read.iter().zip(written).find(|(r, w)| r != w);
    match differ {
        None => Ok(()),
        Some((read, written)) => Err(refused(
            file,
            &format!(
                "of {} {} rows were read and {} written, or their contents differ; nothing is kept",
                read.table, read.rows, written.rows
            ),
        )),
    }
}

fn rows(tallies: &[Tally]) -> Vec<TableRows> {
    tallies.iter().map(|t| TableRows { table: t.table, rows: t.rows }).collect()
}

fn sqlite_url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn refused(file: &Path, why: &str) -> StoreError {
    // Backups are made and read at the command line alone, which speaks English.
    StoreError::Refused(Bilingual::quoted(format!("{}: {why}", file.display())))
}

fn no_backup(file: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Sql(why) => refused(file, &format!("it cannot be read as a backup: {why}")),
        other => other,
    }
}

fn trouble(file: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull => StoreError::DiskFull,
        _ => refused(file, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_older_file_is_migrated_in_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("old.backup");
        std::fs::write(&file, "").unwrap();
        let copy = migrated_copy(&file).await.unwrap();
        let open = Open { db: Db::open_unchanged(&copy).await.unwrap(), copy: Some(copy.clone()) };
        assert_eq!(open.db.schema_state().await.unwrap(), SchemaState::Current);
        drop(open);
        assert!(!copy.exists(), "the copy holds addresses too");
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 0, "the backup is left as it was");
    }
}
