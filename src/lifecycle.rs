//! From start to stop: tasks that are watched over, signals, and what the service manager is told.
//!
//! A stop has two steps. The soft one asks: nothing new is begun, each task ends at its next safe place. The hard one
//! takes away: whatever still runs is dropped where it waits, and is repeated after the next start. Both together
//! take less than [`STOP_LIMIT`].

mod manager;
mod tasks;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use manager::Manager;
use tasks::{Tasks, locked};

/// A stop takes no longer than this.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How long tasks have to end by themselves; what is left of [`STOP_LIMIT`] is for dropping them.
const SOFT_LIMIT: Duration = Duration::from_secs(9);

/// How long dropped tasks have to be gone.
const HARD_LIMIT: Duration = Duration::from_millis(900);

/// How a stop went.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// Every task ended by itself.
    Clean,
    /// The tasks of these names were dropped, or do not even let go; what they were doing is repeated after the next
    /// start.
    GaveUp(Vec<String>),
}

/// One daemon's life. Clones are the same life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: Tasks,
    manager: Arc<Manager>,
    reloads: Arc<Mutex<Option<mpsc::Sender<Reload>>>>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// A life that tells the service manager named by `$NOTIFY_SOCKET`, if there is one. No signal is caught yet.
    #[must_use]
    pub fn new() -> Self {
        Self::under(Manager::from_env())
    }

    fn under(manager: Manager) -> Self {
        Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tasks: Tasks::default(),
            manager: Arc::new(manager),
            reloads: Arc::default(),
        }
    }

    /// Cancelled when everybody should come to an end.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when the time for coming to an end is over, and always before [`Lifecycle::wait`] returns.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Catches SIGTERM and SIGINT (stop; the second one stops hard) and SIGHUP (reload) from now on.
    ///
    /// Errors: the system refuses a handler.
    pub fn catch_signals(&self) -> io::Result<()> {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let mut hup = signal(SignalKind::hangup())?;
        let life = self.clone();
        tokio::spawn(async move {
            loop {
                select! {
                    () = life.hard.cancelled() => return,
                    _ = term.recv() => life.stop("SIGTERM"),
                    _ = int.recv() => life.stop("SIGINT"),
                    _ = hup.recv() => life.reload(),
                }
            }
        });
        Ok(())
    }

    /// Begins the soft stop; said a second time, the hard one.
    pub fn stop(&self, why: &str) {
        if self.soft.is_cancelled() {
            warn!(why, "stopping at once");
            self.hard.cancel();
        } else {
            info!(why, "stopping");
            self.soft.cancel();
        }
    }

    /// Runs a task that [`Lifecycle::wait`] waits for.
    ///
    /// If it panics, that is logged with its name; everything else goes on.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(name.into(), self.hard(), work);
    }

    /// Runs a task that must not be missing: when it panics, that is logged with its name, and it is made anew, after
    /// one second and then after ever more, up to a minute. It ends when `make`'s future ends.
    pub fn keep<M, F>(&self, name: impl Into<Cow<'static, str>>, make: M)
    where
        M: Fn() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.keep(name.into(), self.soft(), self.hard(), make);
    }

    /// The names of the tasks that run now.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.tasks.running()
    }

    /// Tells the service manager that the daemon is up (`READY=1`) and what it does.
    pub fn ready(&self, status: &str) {
        self.manager.ready(status);
    }

    /// Tells the service manager what the daemon does, in one line for `systemctl status`.
    pub fn status(&self, status: &str) {
        self.manager.status(status);
    }

    /// Where a SIGHUP arrives from now on. While one waits to be taken, further ones are the same one.
    #[must_use]
    pub fn reloads(&self) -> mpsc::Receiver<Reload> {
        let (send, receive) = mpsc::channel(1);
        *locked(&self.reloads) = Some(send);
        receive
    }

    /// Asks for a reload, as SIGHUP does.
    pub fn reload(&self) {
        if self.soft.is_cancelled() {
            return;
        }
        self.manager.reloading();
        let reload = Reload { manager: Arc::clone(&self.manager), soft: self.soft() };
        let to = locked(&self.reloads).clone();
        // A reload that nobody takes ends here, and dropping it tells the manager so.
        if to.is_none_or(|to| to.try_send(reload).is_err()) {
            info!("reload asked for while none can be taken, or one waits already");
        }
    }

    /// Feeds the service manager's watchdog twice within its time, each time only after `ping` succeeded.
    ///
    /// `ping` proves that the daemon can still do its work (it reads from the store). `false` if the manager wants
    /// no watchdog; then nothing runs.
    pub fn run_watchdog<P, F, E>(&self, ping: P) -> bool
    where
        P: Fn() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let Some(limit) = self.manager.watchdog() else {
            return false;
        };
        let (manager, hard) = (Arc::clone(&self.manager), self.hard());
        let feeding = async move {
            let mut rounds = interval(limit / 2);
            rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rounds.tick().await;
                // Round and ping together stay below the limit.
                let answer = timeout(limit.mul_f64(0.4), tasks::caught(ping())).await;
                match answer {
                    Ok(Ok(Ok(()))) => manager.feed(),
                    Ok(Ok(Err(e))) => error!("the watchdog is not fed: {e}"),
                    Ok(Err(panic)) => error!("the watchdog is not fed: its check panicked: {panic}"),
                    Err(_) => error!("the watchdog is not fed: its check takes too long"),
                }
            }
        };
        // Not one of the tasks that a stop waits for: it feeds until the very end.
        tokio::spawn(async move { hard.run_until_cancelled(feeding).await });
        true
    }

    /// Waits until a stop was asked for and is over; from then on less than [`STOP_LIMIT`].
    pub async fn wait(&self) -> ExitReason {
        self.soft.cancelled().await;
        self.manager.stopping();
        select! {
            _ = timeout(SOFT_LIMIT, self.tasks.ended()) => {}
            () = self.hard.cancelled() => {}
        }
        self.hard.cancel();
        let let_go = timeout(HARD_LIMIT, self.tasks.ended()).await.is_ok();
        let given_up = [self.tasks.dropped(), self.tasks.running()].concat();
        if given_up.is_empty() {
            return ExitReason::Clean;
        }
        if !let_go {
            error!(tasks = self.tasks.running().join(", "), "tasks that do not even let go");
        }
        warn!(tasks = given_up.join(", "), "given up; what they were doing is repeated after the next start");
        ExitReason::GaveUp(given_up)
    }
}

/// A reload that was asked for. Dropping it tells the service manager that it is done.
#[derive(Debug)]
pub struct Reload {
    manager: Arc<Manager>,
    soft: CancellationToken,
}

impl Reload {
    /// Ends the reload with what `systemctl status` should say.
    pub fn done(self, status: &str) {
        self.manager.status(status);
    }
}

impl Drop for Reload {
    fn drop(&mut self) {
        // After STOPPING=1 a READY=1 would be a lie.
        if !self.soft.is_cancelled() {
            self.manager.reloaded();
        }
    }
}
