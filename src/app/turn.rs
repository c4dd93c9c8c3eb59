//! Whose turn it is: one daemon on a SQLite file, and one process that pushes to a channel.
//!
//! On SQLite that is the lock `FILE.lock`, which the system lets go of however its process ends; on PostgreSQL it is
//! the channel's lease. A command takes either for one step only, so that a daemon that starts has not long to wait.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use banto_channel::Timestamp;
use tokio::time::{Instant, sleep};

use super::owner;
use crate::config::Config;
use crate::store::{Lease, Store};

/// How long a daemon that starts waits for a command to finish its step.
const LOCK_WAIT: Duration = Duration::from_secs(3);
/// How often it looks.
const LOCK_LOOK: Duration = Duration::from_millis(50);
/// Longer than any step of a command takes; it gives the lease back itself.
const STEP_LEASE: Duration = Duration::from_secs(180);

/// The lock that a daemon keeps for its life; `None` on PostgreSQL.
///
/// Errors: another daemon has it; the file cannot be written.
pub(super) async fn daemons_lock(config: &Config) -> anyhow::Result<Option<File>> {
    let Some(path) = sqlite_path(config)? else { return Ok(None) };
    let patience = Instant::now() + LOCK_WAIT;
    loop {
        if let Some(lock) = lock_beside(&path)? {
            return Ok(Some(lock));
        }
        if Instant::now() >= patience {
            bail!(
                "another banto daemon runs on {}; stop it first, or use PostgreSQL for several daemons",
                path.display()
            );
        }
        sleep(LOCK_LOOK).await;
    }
}

/// Does `work` while neither a daemon nor another command pushes to this channel; `None`, with nothing done, while a
/// daemon does.
///
/// Errors: the lock cannot be written; the store does not answer.
pub async fn alone<T>(
    config: &Config,
    store: &Store,
    channel: &str,
    now: Timestamp,
    work: impl Future<Output = T>,
) -> anyhow::Result<Option<T>> {
    if let Some(path) = sqlite_path(config)? {
        let Some(_lock) = lock_beside(&path)? else { return Ok(None) };
        return Ok(Some(work.await));
    }
    let (row, me) = (store.channel(channel).await?, owner::this());
    if let Some(gone) = row.owner.filter(|other| owner::is_gone(other)) {
        store.unlease_channel(row.id, &gone).await?;
    }
    let lease = Lease { channel: row.id, owner: &me, until: now.plus(STEP_LEASE) };
    if !store.lease_channel(&lease, now).await? {
        return Ok(None);
    }
    let done = work.await;
    store.unlease_channel(row.id, &me).await?;
    Ok(Some(done))
}

fn sqlite_path(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    let url = config.store_url()?;
    Ok(url.expose().strip_prefix("sqlite:").map(|path| PathBuf::from(path.trim_start_matches("//"))))
}

/// Locks `PATH.lock`; `None` while another process has it.
fn lock_beside(path: &Path) -> anyhow::Result<Option<File>> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::create(&name).with_context(|| format!("cannot write {}", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e).with_context(|| format!("cannot lock {}", name.display())),
    }
}
