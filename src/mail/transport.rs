//! The way to the mail server: a small pool of lettre's connections with TCP_NODELAY.
//!
//! lettre bundles a mail's commands in one call, after whose failure nobody knows how far it had come. Here
//! each command is one step of its own, so that [`Verdict::Unknown`] is said exactly where it is true: when the
//! final dot may have gone out and no answer was read.

mod session;
mod stream;
mod verdict;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join_all;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::sync::Semaphore;

use self::session::{Letter, Session};
use self::verdict::Failure;
pub use self::verdict::{Stage, Verdict};
use super::{Outgoing, compose};

/// A connection that lay idle for longer is asked whether it still lives before a mail is given to it.
const IDLE_CHECK: Duration = Duration::from_secs(10);
/// A connection that lay idle for longer is given up; servers close them after about 5 minutes (RFC 5321 §4.5.3.2.7).
const IDLE_MAX: Duration = Duration::from_secs(240);
/// More of a server's words is not kept.
const WORDS_MAX: usize = 500;
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How the way to the server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first octet (port 465).
    Implicit,
    /// STARTTLS (port 587), required: without it nothing is sent.
    StartTls,
    /// None; for a relay on this machine only.
    None,
}

/// Where the mail server is and how to speak to it.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Name or address; the certificate must be for it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: TlsMode,
    /// User name; empty to not log in.
    pub username: String,
    /// Password; needed if there is a user name.
    pub password: Option<Secret>,
    /// Most connections at once; at least 1.
    pub connections: usize,
    /// Longest wait for any answer but the last.
    pub timeout: Duration,
    /// Longest wait for the answer to a mail's content. Giving up early makes mails uncertain that were taken.
    pub answer_timeout: Duration,
    /// What to say in EHLO; the machine's host name if empty.
    pub hello_name: String,
    /// PEM file of the only authorities to trust; the system's if absent.
    pub ca_file: Option<PathBuf>,
}

impl SmtpConfig {
    /// A server without login, with the usual limits: 4 connections, 60 s an answer, and RFC 5321's 10 minutes
    /// for the answer to the content.
    #[must_use]
    pub fn new(host: &str, port: u16, tls: TlsMode) -> Self {
        Self {
            host: host.to_owned(),
            port,
            tls,
            username: String::new(),
            password: None,
            connections: 4,
            timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(600),
            hello_name: String::new(),
            ca_file: None,
        }
    }
}

/// Why a mail server's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpConfigError {
    /// `tls = "none"` towards another machine.
    #[error(
        "tls = \"none\" is for a mail server on this machine only, and {0:?} is not one; use \"starttls\" or \"implicit\""
    )]
    PlainRemote(String),
    /// A user name without password.
    #[error("there is a user name for the mail server and no password; name the file that holds it")]
    NoPassword,
    /// The authorities cannot be read.
    #[error("ca_file {}: {source}; name a file of PEM certificates", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The TLS library refuses the set-up.
    #[error("TLS for the mail server cannot be set up: {0}")]
    Tls(String),
    /// The name for EHLO is not a host name.
    #[error("hello_name {0:?} is not a host name")]
    HelloName(String),
}

/// What a session needs to know.
struct Dial {
    host: String,
    port: u16,
    mode: TlsMode,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    /// What must never be shown: the password, and the forms in which it goes over the wire.
    hidden: Vec<String>,
    hello: ClientId,
    timeout: Duration,
    answer_timeout: Duration,
}

impl Dial {
    fn new(config: &SmtpConfig) -> Result<Self, SmtpConfigError> {
        let tls = match config.tls {
            TlsMode::None if !is_loopback(&config.host) => {
                return Err(SmtpConfigError::PlainRemote(config.host.clone()));
            }
            TlsMode::None => None,
            TlsMode::Implicit | TlsMode::StartTls => Some(tls_parameters(config)?),
        };
        let password = config.password.as_ref().map_or("", Secret::expose);
        if !config.username.is_empty() && password.is_empty() {
            return Err(SmtpConfigError::NoPassword);
        }
        let (credentials, hidden) = if config.username.is_empty() {
            (None, Vec::new())
        } else {
            let plain = format!("\0{}\0{password}", config.username);
            let hidden = vec![BASE64.encode(plain), BASE64.encode(password), password.to_owned()];
            let credentials = Credentials::new(config.username.clone(), password.to_owned());
            (Some(credentials), hidden)
        };
        Ok(Self {
            host: config.host.clone(),
            port: config.port,
            mode: config.tls,
            tls,
            credentials,
            hidden,
            hello: hello(&config.hello_name)?,
            timeout: config.timeout,
            answer_timeout: config.answer_timeout,
        })
    }

    /// A server's words for people: one line, not too long, without the password if the server repeats it.
    fn readable(&self, words: &str) -> String {
        let mut text: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        for secret in &self.hidden {
            text = text.replace(secret.as_str(), "…");
        }
        text.chars().take(WORDS_MAX).collect()
    }
}

fn tls_parameters(config: &SmtpConfig) -> Result<TlsParameters, SmtpConfigError> {
    let refused = |e: lettre::transport::smtp::Error| SmtpConfigError::Tls(e.to_string());
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let unreadable = |source| SmtpConfigError::CaFile { path: path.clone(), source };
        let pem = std::fs::read(path).map_err(unreadable)?;
        if !pem.windows(PEM_BEGIN.len()).any(|at| at == PEM_BEGIN) {
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, "no certificate in it")));
        }
        // All certificates of the file, in spite of the name.
        let authorities = Certificate::from_pem(&pem)
            .map_err(|e| unreadable(io::Error::new(io::ErrorKind::InvalidData, e)))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authorities);
    }
    builder.build().map_err(refused)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

fn hello(name: &str) -> Result<ClientId, SmtpConfigError> {
    if name.is_empty() {
        return Ok(ClientId::default());
    }
    let host_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    if host_name {
        Ok(ClientId::Domain(name.to_owned()))
    } else {
        Err(SmtpConfigError::HelloName(name.to_owned()))
    }
}

/// A mail server, and the connections to it that are kept for the next mail.
pub struct Smtp {
    dial: Dial,
    connections: usize,
    room: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.dial.host)
            .field("port", &self.dial.port)
            .field("tls", &self.dial.mode)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// Checks the configuration and reads its files; connects nowhere yet.
    ///
    /// Errors: see [`SmtpConfigError`].
    pub fn new(config: &SmtpConfig) -> Result<Self, SmtpConfigError> {
        let connections = config.connections.max(1);
        Ok(Self {
            dial: Dial::new(config)?,
            connections,
            room: Semaphore::new(connections),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// How many mails it takes at once.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.connections
    }

    /// Hands one mail over, once. Waits while all connections are busy.
    ///
    /// The only repetition is on a kept connection that turns out to be closed before any content was sent. If
    /// the returned future is dropped before it is done, the mail's fate is unknown.
    pub async fn send(&self, mail: &Outgoing) -> Verdict {
        let letter = match Letter::new(mail) {
            Ok(letter) => letter,
            Err(unfit) => return unfit.into_verdict(),
        };
        // Never closed, so that there is always room in the end.
        let _room = self.room.acquire().await;
        if let Some(mut session) = self.kept().await {
            match session.deliver(&self.dial, &letter).await {
                Err(failure) if failure.is_stale() => {}
                outcome => return self.settle(session, outcome).await,
            }
        }
        match Session::open(&self.dial).await {
            Ok(mut session) => {
                let outcome = session.deliver(&self.dial, &letter).await;
                self.settle(session, outcome).await
            }
            Err(failure) => failure.into_verdict(),
        }
    }

    /// Hands many mails over, on all connections at once; one verdict each, in the order given.
    ///
    /// When no connection can be had, the mails that were not tried get the verdict of the last try.
    pub async fn send_all(&self, mails: &[Outgoing]) -> Vec<Verdict> {
        let next = AtomicUsize::new(0);
        let worker = async || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(mail) = mails.get(at) else { break };
                let verdict = self.send(mail).await;
                let without_server = verdict.is_of_server();
                done.push((at, verdict));
                if without_server {
                    break;
                }
            }
            done
        };
        let workers = (0..self.connections.min(mails.len())).map(|_| worker());
        let mut verdicts = vec![None; mails.len()];
        let mut without_server = None;
        for (at, verdict) in join_all(workers).await.into_iter().flatten() {
            if verdict.is_of_server() {
                without_server = Some(verdict.clone());
            }
            if let Some(slot) = verdicts.get_mut(at) {
                *slot = Some(verdict);
            }
        }
        let untried = without_server.unwrap_or_else(|| Verdict::Temporary {
            code: None,
            text: "not tried".to_owned(),
            stage: Stage::Connect,
            retry_after: None,
        });
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|| untried.clone())).collect()
    }

    /// Connects, greets, starts TLS, logs in and says goodbye: whether mails would be taken at all.
    ///
    /// Errors: [`Verdict::Stopped`] if the configuration must be mended, [`Verdict::Temporary`] if the server
    /// cannot be reached or asks to come back.
    pub async fn probe(&self) -> Result<(), Verdict> {
        let session = Session::open(&self.dial).await.map_err(Failure::into_verdict)?;
        session.quit().await;
        Ok(())
    }

    /// The same, and whether the server takes mails of this sender.
    ///
    /// Errors: as [`Smtp::probe`]; [`Verdict::SenderRefused`] for a sender that it refuses (at Rakuten's relay one that
    /// is not registered in RMS).
    pub async fn probe_sender(&self, from: &str) -> Result<(), Verdict> {
        let from = compose::wire_address(from).map_err(|reason| Verdict::Stopped {
            reason: format!("the sender's address {from:?} is not valid: {reason}"),
        })?;
        let mut session = Session::open(&self.dial).await.map_err(Failure::into_verdict)?;
        let taken = session.try_sender(&self.dial, from).await.map_err(Failure::into_verdict);
        session.quit().await;
        taken
    }

    /// Says goodbye on all kept connections.
    pub async fn close(&self) {
        let kept: Vec<Session> = self.kept_list().drain(..).collect();
        join_all(kept.into_iter().map(Session::quit)).await;
    }

    /// A connection of an earlier mail that is still good, the most recently used first.
    async fn kept(&self) -> Option<Session> {
        loop {
            let mut session = self.kept_list().pop()?;
            let idle = session.idle_for();
            if idle > IDLE_MAX {
                session.quit().await;
            } else if idle <= IDLE_CHECK || session.is_alive(&self.dial).await {
                return Some(session);
            }
        }
    }

    /// Keeps the connection if it is still good, and says what became of the mail.
    async fn settle(&self, mut session: Session, outcome: Result<String, Failure>) -> Verdict {
        let good = match &outcome {
            Ok(_) => true,
            Err(Failure::Refused { stage, .. }) if *stage < Stage::Answer => {
                // The server may wait for the rest of this transaction.
                outcome.as_ref().is_err_and(Failure::keeps_connection)
                    && session.is_in_step()
                    && session.reset(&self.dial).await
            }
            Err(failure) => failure.keeps_connection(),
        };
        if good {
            self.kept_list().push(session);
        }
        match outcome {
            Ok(answer) => Verdict::Accepted { answer },
            Err(failure) => failure.into_verdict(),
        }
    }

    fn kept_list(&self) -> MutexGuard<'_, Vec<Session>> {
        // A panic elsewhere leaves whole connections behind.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
