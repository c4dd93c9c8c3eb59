//! Tasks by name. A panic ends the task it happened in and nothing else.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::select;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info_span};

/// Pause before a task that panicked is made anew; doubled each time.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A task that ran this long before it panicked begins again with the first pause.
const STEADY: Duration = Duration::from_secs(600);

/// The tasks of one daemon. Clones are the same tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks {
    tracker: TaskTracker,
    names: Arc<Names>,
}

#[derive(Debug, Default)]
struct Names {
    running: Mutex<BTreeMap<u64, Cow<'static, str>>>,
    dropped: Mutex<Vec<String>>,
    next: AtomicU64,
}

impl Tasks {
    pub(super) fn spawn<F>(&self, name: Cow<'static, str>, hard: CancellationToken, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let names = Arc::clone(&self.names);
        let entry = Entry::new(&self.names, name.clone());
        let span = info_span!("task", name = %name);
        // In a box: each layer around a future holds it twice, once as what it was given and once as what it waits for.
        let work = Box::pin(work);
        let watched = async move {
            let _entry = entry;
            match hard.run_until_cancelled(caught(work)).await {
                Some(Ok(())) => {}
                Some(Err(message)) => report(&name, &message),
                None => locked(&names.dropped).push(name.into_owned()),
            }
        };
        self.tracker.spawn(watched.instrument(span));
    }

    pub(super) fn keep<M, F>(
        &self,
        name: Cow<'static, str>,
        soft: CancellationToken,
        hard: CancellationToken,
        make: M,
    ) where
        M: Fn() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let task = name.clone();
        let work = async move {
            let mut pause = PAUSE_FIRST;
            loop {
                let began = Instant::now();
                let Err(message) = caught(Box::pin(make())).await else {
                    return;
                };
                report(&task, &message);
                if began.elapsed() >= STEADY {
                    pause = PAUSE_FIRST;
                }
                select! {
                    () = soft.cancelled() => return,
                    () = sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
                }
            }
        };
        self.spawn(name, hard, work);
    }

    pub(super) fn running(&self) -> Vec<String> {
        locked(&self.names.running).values().map(ToString::to_string).collect()
    }

    /// The names of the tasks that the hard stop dropped.
    pub(super) fn dropped(&self) -> Vec<String> {
        locked(&self.names.dropped).clone()
    }

    /// Waits until no task is left.
    pub(super) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

fn report(task: &str, message: &str) {
    error!(task, panic = message, "a task panicked; the others go on");
}

/// A task's name among those that run, for as long as it runs.
struct Entry {
    names: Arc<Names>,
    id: u64,
}

impl Entry {
    fn new(names: &Arc<Names>, name: Cow<'static, str>) -> Self {
        let id = names.next.fetch_add(1, Ordering::Relaxed);
        locked(&names.running).insert(id, name);
        Self { names: Arc::clone(names), id }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        locked(&self.names.running).remove(&self.id);
    }
}

/// What is behind these locks is whole between any two statements, so a panic elsewhere does not spoil it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work`; its panic's message instead if it panics.
pub(super) async fn caught<F: Future>(work: F) -> Result<F::Output, String> {
    // What a panicking task leaves behind is its own: tasks share only what is behind a lock or a channel.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|p| message_of(&*p))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
