//! Start to stop, with time and service manager in the test's hands; and once for real.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop here; panics are what is tested"
)]

mod service;

use std::future::pending;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{Instant, sleep};

use super::*;

/// A life whose service manager writes down what it is told.
fn life(watchdog: Option<Duration>) -> (Lifecycle, Arc<Mutex<Vec<String>>>) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let tell = Arc::clone(&told);
    let manager = Manager::telling(watchdog, move |line| tell.lock().unwrap().push(line));
    (Lifecycle::under(manager), told)
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_clean_when_every_task_listens() {
    let (life, told) = life(None);
    for (name, pause) in [("fast", 1), ("slow", 8)] {
        let soft = life.soft();
        life.spawn(name, async move {
            soft.cancelled().await;
            sleep(Duration::from_secs(pause)).await;
        });
    }
    life.spawn("done", async {});
    life.ready("2 channels");
    let began = Instant::now();
    life.stop("test");
    assert_eq!(life.wait().await, ExitReason::Clean);
    assert_eq!(began.elapsed().as_secs(), 8);
    assert!(life.hard().is_cancelled());
    assert_eq!(*told.lock().unwrap(), ["READY=1\nSTATUS=2 channels", "STOPPING=1\nSTATUS=stopping"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_listen_is_dropped_within_the_limit() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (life, _) = life(None);
    let dropped = Arc::<AtomicUsize>::default();
    let held = Dropped(Arc::clone(&dropped));
    life.spawn("deaf", async move {
        pending::<()>().await;
        drop(held);
    });
    let soft = life.soft();
    life.spawn("good", async move { soft.cancelled().await });
    let began = Instant::now();
    life.stop("test");
    assert_eq!(life.wait().await, ExitReason::GaveUp(vec!["deaf".into()]));
    assert!(began.elapsed() >= SOFT_LIMIT && began.elapsed() < STOP_LIMIT, "{:?}", began.elapsed());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    assert_eq!(life.running(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn asked_twice_it_stops_at_once() {
    let (life, _) = life(None);
    life.spawn("deaf", pending());
    life.stop("once");
    let (again, began) = (life.clone(), Instant::now());
    tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        again.stop("twice");
    });
    assert_eq!(life.wait().await, ExitReason::GaveUp(vec!["deaf".into()]));
    assert_eq!(began.elapsed().as_secs(), 2);
}

/// What is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logged {
    fn lines(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap();
        bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_stays_in_its_task_and_is_logged_with_its_name() {
    let (life, _) = life(None);
    let logged = Logged::default();
    let page = logged.clone();
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || page.clone());
    let _here = crate::log::heard_by(lines.finish());
    let lived = Arc::<AtomicUsize>::default();
    let other = (life.soft(), Arc::clone(&lived));
    life.spawn("other", async move {
        other.0.cancelled().await;
        other.1.fetch_add(1, Ordering::Relaxed);
    });
    life.spawn(format!("channel:{}", "honten"), async {
        sleep(Duration::from_millis(1)).await;
        panic!("row {} is odd", 7);
    });
    sleep(Duration::from_secs(1)).await;
    let told = logged.lines();
    let told = told.iter().find(|line| line["panic"] == "row 7 is odd").unwrap();
    assert_eq!(told["task"], "channel:honten");
    assert_eq!(told["level"], "ERROR");
    assert_eq!(life.running(), ["other"]);
    life.stop("test");
    assert_eq!(life.wait().await, ExitReason::Clean);
    assert_eq!(lived.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kept_task_begins_again_with_longer_pauses() {
    let (life, _) = life(None);
    let starts: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (began, seen, soft) = (Instant::now(), Arc::clone(&starts), life.soft());
    life.keep("channel:honten", move || {
        let (seen, soft) = (Arc::clone(&seen), soft.clone());
        async move {
            let round = {
                let mut seen = seen.lock().unwrap();
                seen.push(began.elapsed().as_secs());
                seen.len()
            };
            match round {
                1..=3 => panic!("round {round}"),
                // A long good time, then one more panic: the pause is short again.
                4 => {
                    sleep(Duration::from_secs(1000)).await;
                    panic!("round {round}");
                }
                _ => soft.cancelled().await,
            }
        }
    });
    sleep(Duration::from_secs(2000)).await;
    assert_eq!(*starts.lock().unwrap(), [0, 1, 3, 7, 1008]);
    life.stop("test");
    assert_eq!(life.wait().await, ExitReason::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_kept_task_does_not_hold_up_a_stop() {
    let (life, _) = life(None);
    life.keep("odd", || async { panic!("always") });
    sleep(Duration::from_secs(300)).await;
    let began = Instant::now();
    life.stop("test");
    assert_eq!(life.wait().await, ExitReason::Clean);
    assert_eq!(began.elapsed().as_secs(), 0);
}

/// How often the watchdog was fed within ten of its limits.
async fn fed_by<F>(ping: impl Fn(usize) -> F + Send + 'static) -> usize
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let (life, told) = life(Some(Duration::from_secs(60)));
    let round = AtomicUsize::new(0);
    assert!(life.run_watchdog(move || ping(round.fetch_add(1, Ordering::Relaxed))));
    sleep(Duration::from_secs(599)).await;
    let told = told.lock().unwrap();
    assert!(told.iter().all(|line| line == "WATCHDOG=1"), "{told:?}");
    told.len()
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_fed_only_after_a_good_ping() {
    assert_eq!(fed_by(|_| async { Ok(()) }).await, 20);
    assert_eq!(fed_by(|_| async { Err("disk full".to_owned()) }).await, 0);
    assert_eq!(fed_by(|_| pending()).await, 0);
    assert_eq!(fed_by(|_| async { panic!("poisoned") }).await, 0);
    let sometimes =
        |round: usize| async move { if round.is_multiple_of(2) { Ok(()) } else { Err("busy".to_owned()) } };
    assert_eq!(fed_by(sometimes).await, 10);
}

#[tokio::test(start_paused = true)]
async fn without_a_watchdog_nobody_is_pinged() {
    let (life, told) = life(None);
    assert!(!life.run_watchdog(|| async { Ok::<(), String>(()) }));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(*told.lock().unwrap(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_told_from_beginning_to_end() {
    let (life, told) = life(None);
    let said = |n: usize| told.lock().unwrap()[n].clone();
    let mut reloads = life.reloads();
    life.reload();
    assert!(said(0).starts_with("RELOADING=1\nMONOTONIC_USEC="), "{}", said(0));
    assert_eq!(told.lock().unwrap().len(), 1, "it is not done before somebody has done it");
    reloads.recv().await.unwrap().done("3 changes\nand more");
    assert_eq!((said(1), said(2)), ("STATUS=3 changes and more".into(), "READY=1".into()));

    // A second one while the first waits is the same one; none that nobody takes hangs.
    life.reload();
    life.reload();
    drop(reloads.recv().await);
    assert!(reloads.try_recv().is_err());
    drop(reloads);
    life.reload();
    let readies = told.lock().unwrap().iter().filter(|l| *l == "READY=1").count();
    assert_eq!(readies, 4);
}

#[tokio::test(start_paused = true)]
async fn a_reload_during_a_stop_says_nothing() {
    let (life, told) = life(None);
    let mut reloads = life.reloads();
    life.reload();
    let reload = reloads.recv().await.unwrap();
    life.stop("test");
    life.reload();
    drop(reload);
    assert_eq!(life.wait().await, ExitReason::Clean);
    assert_eq!(told.lock().unwrap().last().unwrap(), "STOPPING=1\nSTATUS=stopping");
    assert!(!told.lock().unwrap().contains(&"READY=1".to_owned()));
}
