//! What the service manager is told (sd_notify(3)). Without one, nothing is told and nothing fails.

use std::fmt;
use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

type Send = dyn Fn(&[NotifyState<'_>]) -> io::Result<()> + std::marker::Send + Sync;

/// The way to the service manager.
pub(super) struct Manager {
    send: Box<Send>,
    watchdog: Option<Duration>,
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("watchdog", &self.watchdog).finish_non_exhaustive()
    }
}

impl Manager {
    /// The one that `$NOTIFY_SOCKET` and `$WATCHDOG_USEC` name.
    pub(super) fn from_env() -> Self {
        Self { send: Box::new(sd_notify::notify), watchdog: sd_notify::watchdog_enabled() }
    }

    /// One that hands every message, as it would go over the socket, to `tell`.
    #[cfg(test)]
    pub(super) fn telling(
        watchdog: Option<Duration>,
        tell: impl Fn(String) + std::marker::Send + Sync + 'static,
    ) -> Self {
        let send = move |states: &[NotifyState<'_>]| {
            let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
            tell(lines.join("\n"));
            Ok(())
        };
        Self { send: Box::new(send), watchdog }
    }

    /// How long the manager waits for a sign of life; `None` if it does not.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    pub(super) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
    }

    pub(super) fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(&one_line(status))]);
    }

    /// systemd wants the time in the same message (since v253).
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(time) => self.tell(&[NotifyState::Reloading, time]),
            Err(e) => warn!("the monotonic clock cannot be read: {e}"),
        }
    }

    pub(super) fn reloaded(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    pub(super) fn feed(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if let Err(e) = (self.send)(states) {
            warn!("the service manager cannot be told: {e}");
        }
    }
}

/// A line break would begin another message.
fn one_line(status: &str) -> String {
    status.replace(char::is_control, " ")
}
