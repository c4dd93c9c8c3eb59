//! The daemon as a process.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::http;

/// How long a start may take on a machine that has other things to do.
const START_MAX: Duration = Duration::from_secs(30);

/// A running `banto run`. It ends with the test.
pub struct Daemon {
    child: Child,
    port: u16,
}

/// The program with its config folder.
pub fn banto(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_banto"));
    // What the machine's own service manager says is nothing to these tests.
    for name in ["STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "BANTO_LOG", "BANTO_CONFIG"] {
        command.env_remove(name);
    }
    command.arg("--config").arg(config).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn log_file(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

impl Daemon {
    /// Starts it; what it says is added to `log`.
    pub fn spawn(config: &Path, port: u16, log: &Path) -> Self {
        let mut command = banto(config);
        command.arg("run").stdout(log_file(log)).stderr(log_file(log));
        Self { child: command.spawn().unwrap(), port }
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&mut self) {
        let ready = async {
            while http::get(self.port, "/readyz").await.is_none_or(|(status, _)| status != 200) {
                if let Some(status) = self.child.try_wait().unwrap() {
                    panic!("the daemon ended before it was ready: {status}");
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(START_MAX, ready).await.is_ok(), "the daemon does not get ready");
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    /// Sends a signal by name.
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap();
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().await.unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; the exit code.
    pub async fn ended(mut self, most: Duration) -> Option<i32> {
        let ended = tokio::time::timeout(most, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("the daemon still runs after {most:?}")).unwrap().code()
    }

    /// Stops it as a service manager does, and expects a clean end.
    pub async fn stop(self) {
        self.signal("TERM").await;
        assert_eq!(self.ended(Duration::from_secs(12)).await, Some(0), "a clean end");
    }
}
