//! Whether the house can be trusted: every invariant of the store, asked of what is stored, and what to do where it
//! does not hold.

use std::path::Path;
use std::time::{Duration, Instant};

use banto_channel::Timestamp;
use serde::Serialize;

use crate::keys::house::KeyFile;
use crate::store::{CHECKS, RESTORE, Store, StoreError};

/// The oldest PostgreSQL that is tested: `FULL JOIN`, `jsonb_each` and `WITH ORDINALITY` are older.
const POSTGRES_OLDEST: i64 = 140_000;
/// Clocks that differ by more make leases and retries come early or late.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);
/// Less room than this, and the next busy day may fill the disk.
const ROOM_MIN: u64 = 1 << 30;
/// Of many faults of one kind the first few are told.
const EXAMPLES: usize = 5;

/// How one question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it must be.
    Ok,
    /// Somebody should look.
    Warning,
    /// An invariant does not hold.
    Broken,
}

impl State {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Broken => "BROKEN",
        }
    }
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What must be so.
    pub check: &'static str,
    /// Whether it is.
    pub state: State,
    /// How many things are not as they must be.
    pub count: i64,
    /// The first few, in plain words.
    pub examples: Vec<String>,
    /// What to do; `None` when all is well.
    pub remedy: Option<&'static str>,
    /// How long it took to find out, milliseconds.
    pub took_ms: u64,
}

impl Finding {
    fn new(check: &'static str, bad: State, remedy: &'static str, count: i64, examples: Vec<String>) -> Self {
        let well = count == 0;
        Self {
            check,
            state: if well { State::Ok } else { bad },
            count,
            examples,
            remedy: (!well).then_some(remedy),
            took_ms: 0,
        }
    }

    fn listed<T: ToString>(check: &'static str, bad: State, remedy: &'static str, found: &[T]) -> Self {
        let examples = found.iter().take(EXAMPLES).map(ToString::to_string).collect();
        Self::new(check, bad, remedy, i64::try_from(found.len()).unwrap_or(i64::MAX), examples)
    }
}

/// Asks everything; `asking` hears each question before it is asked, for the longest take minutes in a large store.
/// Each question sees one state of the store, while the daemon goes on. `folder` is where SQLite's file lies.
///
/// Errors: [`StoreError`] when the store does not answer.
pub async fn examine(
    store: &Store,
    folder: Option<&Path>,
    now: Timestamp,
    asking: &mut (dyn FnMut(&str) + Send),
) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    let mut note = |began: Instant, mut finding: Finding| {
        finding.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        findings.push(finding);
    };
    let began = Instant::now();
    asking("the engine");
    note(began, engine(store, now).await?);
    if let Some(folder) = folder {
        note(Instant::now(), room(folder).await);
    }
    let began = Instant::now();
    asking("ledger, levels and reservations agree");
    let parted = store.verify_ledger().await?;
    let check = "ledger, levels and reservations agree";
    note(began, Finding::listed(check, State::Broken, RESTORE, &parted));
    for check in CHECKS {
        asking(check.name);
        let (began, bad) = (Instant::now(), if check.grave { State::Broken } else { State::Warning });
        let named = store.ask(check, now).await?;
        note(began, Finding::new(check.name, bad, check.remedy, named.count, named.examples));
    }
    Ok(findings)
}

/// Whether one-time codes and the signatures of webhooks can be made.
pub async fn house_key(store: &Store, key: &KeyFile) -> Finding {
    let began = Instant::now();
    let fault: Vec<_> = key.suits(store).await.err().into_iter().collect();
    let remedy =
        "until then nobody with one-time codes comes in (`banto users reset-totp`), and webhooks wait";
    let finding = Finding::listed("the house's key is the store's", State::Warning, remedy, &fault);
    Finding { took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), ..finding }
}

/// The worst of all answers.
#[must_use]
pub fn worst(findings: &[Finding]) -> State {
    findings.iter().map(|f| f.state).max().unwrap_or(State::Ok)
}

async fn engine(store: &Store, now: Timestamp) -> Result<Finding, StoreError> {
    let Some((version, clock)) = store.server().await? else {
        let damage = store.damage().await?;
        return Ok(Finding::listed("the file is whole", State::Broken, RESTORE, &damage));
    };
    let mut found = Vec::new();
    if version < POSTGRES_OLDEST {
        let (major, oldest) = (version / 10_000, POSTGRES_OLDEST / 10_000);
        found.push(format!("PostgreSQL {major}; banto is tested from {oldest} on"));
    }
    let skew = clock.since(now).max(now.since(clock));
    if skew > CLOCK_SKEW_MAX {
        found.push(format!("its clock differs from this machine's by {} s", skew.as_secs()));
    }
    let remedy = "bring PostgreSQL up to date; let both machines take their time from NTP (`timedatectl`)";
    Ok(Finding::listed("the server suits", State::Warning, remedy, &found))
}

async fn room(folder: &Path) -> Finding {
    let check = "the disk has room";
    let remedy = "free some space, or move the store to a larger disk; backups are usually what grows";
    match free_bytes(folder).await {
        Some(free) if free < ROOM_MIN => {
            let found = format!("{} MiB are free in {}", free >> 20, folder.display());
            Finding::listed(check, State::Warning, remedy, &[found])
        }
        Some(_) => Finding::listed::<String>(check, State::Warning, remedy, &[]),
        None => {
            let found = format!("df does not say how much is free in {}", folder.display());
            Finding::listed(check, State::Warning, "look with `df -h`", &[found])
        }
    }
}

/// What df(1) says is free for this user.
async fn free_bytes(folder: &Path) -> Option<u64> {
    let asked =
        tokio::process::Command::new("df").args(["--output=avail", "-B1", "--"]).arg(folder).output().await;
    let said = asked.ok().filter(|o| o.status.success())?;
    String::from_utf8(said.stdout).ok()?.lines().nth(1)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn df_tells_what_is_free() {
        let free = free_bytes(Path::new("/")).await.unwrap();
        assert!(free > 0 && free < 1 << 60, "{free}");
        assert_eq!(free_bytes(Path::new("/nowhere at all")).await, None);
        assert_eq!(room(Path::new("/nowhere at all")).await.state, State::Warning);
    }

    #[test]
    fn the_worst_answer_counts() {
        let finding = |bad, count| Finding::new("x", bad, "y", count, Vec::new());
        assert_eq!(worst(&[]), State::Ok);
        assert_eq!(worst(&[finding(State::Broken, 0), finding(State::Warning, 2)]), State::Warning);
        assert_eq!(worst(&[finding(State::Broken, 1), finding(State::Warning, 2)]), State::Broken);
        assert_eq!(finding(State::Broken, 0).remedy, None);
    }
}
