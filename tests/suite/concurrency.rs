//! Many at once, and those who stop half-way: no update is lost, no id is used twice or out of order, and a write
//! that is given up leaves nothing behind, not even on the connection that it used.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use banto::store::{Store, StoreError, Write};
use banto_channel::Timestamp;

use crate::stores::{Fresh, each_store};
use crate::trading::Trading;

const WRITERS: usize = 8;
const EACH: usize = 15;
const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

async fn note(write: &mut Write, subject: &str) {
    write.audit("test", "note", subject, "", NOW).await.unwrap();
}

async fn notes(fresh: &Fresh) -> i64 {
    fresh.number("SELECT CAST(COUNT(*) AS BIGINT) FROM audit WHERE action = 'note'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_lose_nothing() {
    each_store(async |fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("tea", 1_000)]).await;
        // Two processes: what one pool alone does in order is not enough.
        let other = Store::open(&fresh.url).await.unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let watcher = tokio::spawn(follow(other.clone(), Arc::clone(&done)));
        let mut tasks = Vec::new();
        for writer in 0..WRITERS {
            let store = if writer % 2 == 0 { fresh.store.clone() } else { other.clone() };
            let orders: Vec<_> =
                (0..EACH).map(|n| trading.remote(&format!("{writer}-{n}"), &[("tea", 1)])).collect();
            let (facts, now) = (trading.facts.clone(), trading.now());
            tasks.push(tokio::spawn(async move {
                for order in orders {
                    let page = [banto_channel::Read::Order(Box::new(order))];
                    store.take_page(&facts, &page, None, now).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        done.store(true, Ordering::SeqCst);
        let sold = (WRITERS * EACH) as i64;
        assert_eq!(trading.level("tea").await, (1_000 - sold, sold, 0));
        assert_eq!(fresh.store.verify_ledger().await.unwrap(), []);
        let seen = watcher.await.unwrap();
        let there: Vec<i64> =
            fresh.store.stock_changes(0, 10_000).await.unwrap().into_iter().map(|c| c.id).collect();
        assert_eq!(seen, there, "whoever reads on from the newest id it saw must miss nothing");
        other.close().await;
    })
    .await;
}

/// Reads the ledger on and on from the newest id that it saw, as the planner does.
async fn follow(store: Store, done: Arc<AtomicBool>) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let last = done.load(Ordering::SeqCst);
        let since = seen.last().copied().unwrap_or(0);
        seen.extend(store.stock_changes(since, 1_000).await.unwrap().into_iter().map(|c| c.id));
        if last {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn ids_are_handed_out_once() {
    each_store(async |fresh| {
        let tasks: Vec<_> = (0..WRITERS)
            .map(|_| {
                let store = fresh.store.clone();
                tokio::spawn(async move {
                    let mut mine = Vec::new();
                    for _ in 0..EACH {
                        let mut write = store.write().await.unwrap();
                        mine.extend([write.id(), write.id()]);
                        note(&mut write, "id").await;
                        write.commit().await.unwrap();
                    }
                    mine
                })
            })
            .collect();
        let mut all = BTreeSet::new();
        for task in tasks {
            let mine = task.await.unwrap();
            assert!(mine.is_sorted(), "one writer's ids grow: {mine:?}");
            all.extend(mine);
        }
        assert_eq!(all.len(), WRITERS * EACH * 2);
        assert_eq!(notes(fresh).await, (WRITERS * EACH) as i64);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_write_never_was() {
    each_store(async |fresh| {
        for _ in 0..20 {
            let mut write = fresh.store.write().await.unwrap();
            note(&mut write, "never").await;
            drop(write);
        }
        assert_eq!(notes(fresh).await, 0);
        let mut write = fresh.store.write().await.unwrap();
        note(&mut write, "kept").await;
        write.commit().await.unwrap();
        assert_eq!(notes(fresh).await, 1);
    })
    .await;
}

/// Polls a future a few times, with time for the other side to answer in between, and drops it.
async fn give_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let std::task::Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    None
}

/// What is written next, on the connection that was given up and on others, is there for another process to see.
async fn every_connection_keeps_its_word(fresh: &Fresh) {
    let before = notes(fresh).await;
    for _ in 0..4 {
        let mut write = fresh.store.write().await.unwrap();
        note(&mut write, "acknowledged").await;
        write.commit().await.unwrap();
    }
    assert_eq!(notes(fresh).await, before + 4, "acknowledged and lost");
}

#[tokio::test]
async fn a_begin_that_is_given_up_poisons_nothing() {
    each_store(async |fresh| {
        for polls in 0..8 {
            if let Some(write) = give_up_after(polls, fresh.store.write()).await {
                drop(write.unwrap());
            }
            every_connection_keeps_its_word(fresh).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_is_given_up_is_whole_or_nothing() {
    each_store(async |fresh| {
        for polls in 0..8 {
            let before = notes(fresh).await;
            let mut write = fresh.store.write().await.unwrap();
            note(&mut write, "first").await;
            note(&mut write, "second").await;
            let done = give_up_after(polls, write.commit()).await;
            // The engine may still be at it; the next write waits for it.
            drop(fresh.store.write().await.unwrap());
            let kept = notes(fresh).await - before;
            match done {
                Some(committed) => assert_eq!((committed.is_ok(), kept), (true, 2)),
                None => assert!(kept == 0 || kept == 2, "half of it: {kept}"),
            }
            every_connection_keeps_its_word(fresh).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_run_out_of_time_lose_nothing_that_was_acknowledged() {
    each_store(async |fresh| {
        let tasks: Vec<_> = (0..WRITERS as u64)
            .map(|writer| {
                let store = fresh.store.clone();
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for n in 0..40 {
                        let subject = format!("{writer}-{n}");
                        // Every fifth may take its time; the others stop anywhere.
                        let hurried = Duration::from_micros((writer * 131 + n * 577) % 6_000);
                        let patience = if n % 5 == 0 { Duration::from_secs(60) } else { hurried };
                        let one = async {
                            let mut write = store.write().await?;
                            write.audit("test", "note", &subject, "", NOW).await?;
                            write.commit().await
                        };
                        match tokio::time::timeout(patience, one).await {
                            Ok(Ok(())) => acknowledged.push(format!("'{subject}'")),
                            Ok(Err(error)) => panic!("{error}"),
                            Err(_) => {}
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        let mut acknowledged = Vec::new();
        for task in tasks {
            acknowledged.extend(task.await.unwrap());
        }
        assert!(acknowledged.len() >= WRITERS * 8, "{}", acknowledged.len());
        drop(fresh.store.write().await.unwrap());
        let list = acknowledged.join(", ");
        let there = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM audit WHERE subject IN ({list})");
        assert_eq!(fresh.number(&there).await, acknowledged.len() as i64, "acknowledged and lost");
        every_connection_keeps_its_word(fresh).await;
    })
    .await;
}

/// A file system of 4 MB that only a process of its own sees; the test runs itself there.
#[test]
fn a_full_disk_is_told_and_work_goes_on_when_there_is_room() {
    const NAME: &str = "concurrency::a_full_disk_is_told_and_work_goes_on_when_there_is_room";
    if let Some(small) = std::env::var_os("BANTO_TEST_SMALL_DISK") {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(fill(std::path::Path::new(&small)));
    }
    let folder = tempfile::tempdir().unwrap();
    let mounted = "mount -t tmpfs -o size=4m none \"$BANTO_TEST_SMALL_DISK\" || exit 77; exec \"$@\"";
    let child = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mounted, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env("BANTO_TEST_SMALL_DISK", folder.path())
        .output();
    let Some(child) = child.ok().filter(|c| c.status.code() != Some(77) && c.status.code() != Some(1)) else {
        eprintln!("SKIP: this system lets nobody mount a small disk (unshare --map-root-user --mount)");
        return;
    };
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

async fn fill(disk: &std::path::Path) {
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; 1 << 20]).unwrap();
    let store = Store::open(&format!("sqlite:{}", disk.join("banto.db").display())).await.unwrap();
    store.migrate().await.unwrap();
    let long = "x".repeat(20_000);
    let mut kept = 0;
    let full = loop {
        let mut write = store.write().await.unwrap();
        let tried = match write.audit("test", "note", "fill", &long, NOW).await {
            Ok(()) => write.commit().await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1_000, "a disk of 4 MB holds no 20 MB");
    };
    assert!(matches!(full, StoreError::DiskFull), "{full:?}");
    store.ping().await.unwrap();
    let again = store.write().await;
    if let Ok(mut write) = again {
        let still = write.audit("test", "note", "fill", &long, NOW).await;
        assert!(still.is_err() || write.commit().await.is_err(), "it is still full");
    }
    let backup = store.backup(&disk.join("a.backup"), &mut |_, _| ()).await.unwrap_err();
    assert!(matches!(backup, StoreError::DiskFull), "{backup:?}");
    let left: Vec<_> = std::fs::read_dir(disk).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(left.iter().all(|f| !f.to_string_lossy().contains("backup")), "{left:?}");
    std::fs::remove_file(ballast).unwrap();
    let mut write = store.write().await.unwrap();
    write.audit("test", "note", "room again", &long, NOW).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(store.damage().await.unwrap(), Vec::<String>::new());
}
