//! The real thing: a process with a real notification socket and real signals.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitStatus};
use std::time::Instant as RealInstant;

use super::*;

/// Set for the process that plays the daemon.
const PLAYS_THE_DAEMON: &str = "BANTO_TEST_PLAYS_THE_DAEMON";

/// A listener on a socket as systemd has one.
struct Systemd {
    socket: UnixDatagram,
    dir: tempfile::TempDir,
}

impl Systemd {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { socket, dir }
    }

    /// Starts this very test in a process of its own, which then plays the daemon.
    fn start(&self) -> Child {
        let this_test = std::thread::current().name().unwrap().to_owned();
        Command::new(std::env::current_exe().unwrap())
            .args([&this_test, "--exact", "--nocapture"])
            .env(PLAYS_THE_DAEMON, "1")
            .env("NOTIFY_SOCKET", self.dir.path().join("notify"))
            .env("WATCHDOG_USEC", "200000")
            .env_remove("WATCHDOG_PID")
            .spawn()
            .unwrap()
    }

    fn receive(&self) -> String {
        let mut bytes = [0; 512];
        let len = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).trim_end().to_owned()
    }

    /// The next message that is no feeding of the watchdog.
    fn next(&self) -> String {
        loop {
            match self.receive() {
                fed if fed == "WATCHDOG=1" => {}
                message => return message,
            }
        }
    }
}

fn send(signal: &str, to: &Child) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", to.id())]).status();
    assert!(sent.unwrap().success());
}

/// Waits for the process to end; kills it if it takes more than the limit.
fn ends_within(mut child: Child, limit: Duration) -> ExitStatus {
    let began = RealInstant::now();
    while began.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("still running after {limit:?}");
}

fn play_the_daemon() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build();
    runtime.unwrap().block_on(async {
        let life = Lifecycle::new();
        life.catch_signals().unwrap();
        let mut reloads = life.reloads();
        life.spawn("reloader", {
            let soft = life.soft();
            async move {
                while let Some(Some(reload)) = soft.run_until_cancelled(reloads.recv()).await {
                    reload.done("2 keys changed");
                }
            }
        });
        life.run_watchdog(|| async { Ok::<(), String>(()) });
        life.ready("1 channel");
        assert_eq!(life.wait().await, ExitReason::Clean);
    });
}

#[test]
fn systemd_sees_start_life_reload_and_stop() {
    if std::env::var_os(PLAYS_THE_DAEMON).is_some() {
        return play_the_daemon();
    }
    let systemd = Systemd::new();
    let daemon = systemd.start();
    assert_eq!(systemd.next(), "READY=1\nSTATUS=1 channel");
    for _ in 0..3 {
        assert_eq!(systemd.receive(), "WATCHDOG=1");
    }
    send("HUP", &daemon);
    let message = systemd.next();
    assert!(message.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{message}");
    assert_eq!(systemd.next(), "STATUS=2 keys changed");
    assert_eq!(systemd.next(), "READY=1");
    send("TERM", &daemon);
    assert_eq!(systemd.next(), "STOPPING=1\nSTATUS=stopping");
    assert!(ends_within(daemon, STOP_LIMIT).success());
}
