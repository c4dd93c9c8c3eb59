//! One connection to the server, and the phase that each failure happened in.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stream::{Lockstep, Wrapped};
use super::verdict::{Failure, Stage};
use super::{Dial, TlsMode};
use crate::mail::Outgoing;
use crate::mail::compose::wire_address;

/// A mail whose addresses were read.
pub(super) struct Letter<'a> {
    from: lettre::Address,
    to: lettre::Address,
    bytes: &'a [u8],
}

impl<'a> Letter<'a> {
    pub(super) fn new(mail: &'a Outgoing) -> Result<Self, Failure> {
        let read = |role: &str, address: &str| {
            wire_address(address).map_err(|reason| Failure::Unfit {
                text: format!("{role} address {address:?} is not valid: {reason}"),
            })
        };
        Ok(Self {
            from: read("sender's", &mail.from)?,
            to: read("recipient's", &mail.to)?,
            // lettre ends the content with CRLF and dot itself.
            bytes: mail.bytes.strip_suffix(b"\r\n").unwrap_or(&mail.bytes),
        })
    }

    /// The parameters of MAIL FROM, or why this server cannot take this mail (RFC 6531, RFC 6152).
    fn parameters(&self, conn: &AsyncSmtpConnection) -> Result<Vec<MailParameter>, Failure> {
        let mut parameters = Vec::new();
        let addresses = [&self.from, &self.to];
        let international = addresses.iter().find(|address| {
            let text: &str = (**address).as_ref();
            !text.is_ascii()
        });
        if let Some(address) = international {
            if !conn.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failure::Unfit {
                    text: format!(
                        "the mail server cannot write to {address}: it does not offer SMTPUTF8; use an address in ASCII (a domain in its xn-- form)"
                    ),
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !self.bytes.is_ascii() {
            if !conn.server_info().supports_feature(Extension::EightBitMime) {
                return Err(Failure::Unfit {
                    text: "the mail is not ASCII, and the mail server does not offer 8BITMIME".to_owned(),
                });
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }
}

/// An open connection, logged in.
pub(super) struct Session {
    conn: AsyncSmtpConnection,
    last_used: Instant,
    /// Whether the server takes commands that follow each other without waiting (PIPELINING, RFC 2920).
    pipelining: bool,
    /// Whether the next answer would be taken for that to something else, or the server waits for content that must
    /// not come.
    out_of_step: bool,
}

impl Session {
    /// Connects, greets, starts TLS and logs in, as configured and never less.
    pub(super) async fn open(dial: &Dial) -> Result<Self, Failure> {
        let limit = dial.timeout;
        let tcp = connect(dial).await?;
        let mut conn = match (dial.mode, &dial.tls) {
            (TlsMode::Implicit, Some(tls)) => {
                let stream = step(dial, Stage::Tls, limit, Wrapped::connect(tcp, tls.clone())).await?;
                greet(dial, Box::new(stream)).await?
            }
            (TlsMode::StartTls, Some(tls)) => {
                let mut conn = greet(dial, Box::new(Lockstep::new(tcp))).await?;
                start_tls(dial, &mut conn, tls).await?;
                conn
            }
            _ => greet(dial, Box::new(tcp)).await?,
        };
        let pipelining = offers_pipelining(dial, &mut conn).await?;
        log_in(dial, &mut conn).await?;
        Ok(Self { conn, last_used: Instant::now(), pipelining, out_of_step: false })
    }

    /// Hands one mail over; returns the server's words.
    pub(super) async fn deliver(&mut self, dial: &Dial, letter: &Letter<'_>) -> Result<String, Failure> {
        self.last_used = Instant::now();
        let parameters = letter.parameters(&self.conn)?;
        let mail = Mail::new(Some(letter.from.clone()), parameters);
        let rcpt = Rcpt::new(letter.to.clone(), Vec::new());
        let go_ahead = if self.pipelining {
            self.ask_at_once(dial, &mail, &rcpt).await?
        } else {
            self.ask_in_turn(dial, mail, rcpt).await?
        };
        if !go_ahead.has_code(354) {
            return Err(Failure::Lost {
                stage: Stage::Data,
                text: format!("the server answered {} to DATA", go_ahead.code()),
            });
        }
        self.content(dial, letter.bytes).await
    }

    /// MAIL, RCPT and DATA, each after the answer to the one before; returns the answer to DATA.
    async fn ask_in_turn(&mut self, dial: &Dial, mail: Mail, rcpt: Rcpt) -> Result<Response, Failure> {
        let (limit, conn) = (dial.timeout, &mut self.conn);
        step(dial, Stage::Sender, limit, conn.command(mail)).await?;
        step(dial, Stage::Recipient, limit, conn.command(rcpt)).await?;
        step(dial, Stage::Data, limit, conn.command(Data)).await
    }

    /// The same in one packet: one way to the server and back instead of three (RFC 2920 §3.1).
    ///
    /// What counts is the first refusal; the answers after it are read all the same, or they would be taken for those
    /// to the next mail. A server may say 354 to DATA although it refused the recipient, and then waits for content:
    /// it gets none, not even the lone dot of RFC 2920, which a careless server takes for an empty mail.
    async fn ask_at_once(&mut self, dial: &Dial, mail: &Mail, rcpt: &Rcpt) -> Result<Response, Failure> {
        let (limit, conn) = (dial.timeout, &mut self.conn);
        let sender = step(dial, Stage::Sender, limit, conn.command(format!("{mail}{rcpt}{Data}"))).await;
        if is_lost(&sender) {
            return sender;
        }
        let recipient = step(dial, Stage::Recipient, limit, conn.read_response()).await;
        if is_lost(&recipient) {
            self.out_of_step = true;
            return sender.and(recipient);
        }
        let go_ahead = step(dial, Stage::Data, limit, conn.read_response()).await;
        let asked = sender.and(recipient);
        self.out_of_step = match &go_ahead {
            Ok(answer) => asked.is_err() && answer.has_code(354),
            Err(_) => is_lost(&go_ahead),
        };
        asked.and(go_ahead)
    }

    /// Whether the next mail may go over this connection, as far as this side can tell.
    pub(super) const fn is_in_step(&self) -> bool {
        !self.out_of_step
    }

    /// Asks whether the server takes this sender; nothing is sent.
    pub(super) async fn try_sender(&mut self, dial: &Dial, from: lettre::Address) -> Result<(), Failure> {
        let mail = Mail::new(Some(from), Vec::new());
        step(dial, Stage::Sender, dial.timeout, self.conn.command(mail)).await?;
        self.reset(dial).await;
        Ok(())
    }

    /// Sends the content. What fails before the last of it was written failed before the final dot, which
    /// lettre writes after it has asked for more content and got none.
    async fn content(&mut self, dial: &Dial, bytes: &[u8]) -> Result<String, Failure> {
        let dot_may_be_out = AtomicBool::new(false);
        let parts = [Some(bytes), None].into_iter().map_while(|part| {
            dot_may_be_out.store(part.is_none(), Ordering::Relaxed);
            part
        });
        let sent = step(dial, Stage::Answer, dial.answer_timeout, self.conn.message_iter(parts)).await;
        let response = match sent {
            Err(Failure::Lost { text, .. }) if !dot_may_be_out.load(Ordering::Relaxed) => {
                return Err(Failure::Lost { stage: Stage::Content, text });
            }
            other => other?,
        };
        if response.code().severity != Severity::PositiveCompletion {
            return Err(Failure::Lost {
                stage: Stage::Answer,
                text: format!("the server answered {} to the content", response.code()),
            });
        }
        Ok(dial.readable(&words(&response)))
    }

    /// Ends a transaction that the server refused half-way; false if the connection is of no more use.
    pub(super) async fn reset(&mut self, dial: &Dial) -> bool {
        let reset = step(dial, Stage::Sender, dial.timeout, self.conn.command(Rset)).await;
        reset.is_ok()
    }

    /// Whether the server still answers on a connection that lay idle.
    pub(super) async fn is_alive(&mut self, dial: &Dial) -> bool {
        let noop = step(dial, Stage::Sender, dial.timeout, self.conn.command(Noop)).await;
        noop.is_ok()
    }

    pub(super) fn idle_for(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Says goodbye, for at most a second: nothing depends on it.
    pub(super) async fn quit(mut self) {
        let _ = timeout(Duration::from_secs(1), self.conn.quit()).await;
    }
}

async fn connect(dial: &Dial) -> Result<TcpStream, Failure> {
    let lost = |text: String| Failure::Lost {
        stage: Stage::Connect,
        text: format!("{}:{}: {text}", dial.host, dial.port),
    };
    let connecting = TcpStream::connect((dial.host.as_str(), dial.port));
    let tcp = match timeout(dial.timeout, connecting).await {
        Err(_) => return Err(lost(waited(dial.timeout))),
        Ok(Err(e)) => return Err(lost(e.to_string())),
        Ok(Ok(tcp)) => tcp,
    };
    tcp.set_nodelay(true).map_err(|e| lost(e.to_string()))?;
    Ok(tcp)
}

async fn greet(dial: &Dial, stream: Box<dyn AsyncTokioStream>) -> Result<AsyncSmtpConnection, Failure> {
    let greeting = AsyncSmtpConnection::connect_with_transport(stream, &dial.hello);
    step(dial, Stage::Greeting, dial.timeout, greeting).await
}

async fn start_tls(dial: &Dial, conn: &mut AsyncSmtpConnection, tls: &TlsParameters) -> Result<(), Failure> {
    if !conn.can_starttls() {
        return Err(Failure::Misconfigured {
            stage: Stage::Tls,
            text: format!(
                "{}:{} does not offer STARTTLS; nothing was sent; set tls = \"implicit\" if the port is the server's TLS port (465)",
                dial.host, dial.port
            ),
        });
    }
    let upgrade = conn.starttls(tls.clone(), &dial.hello);
    step(dial, Stage::Tls, dial.timeout, upgrade).await
}

/// Whether the server takes commands that follow each other without waiting. lettre has read the answer to its EHLO and
/// does not show this part of it, so the server is asked once more; RFC 5321 §4.1.4 lets a client do so at any time.
async fn offers_pipelining(dial: &Dial, conn: &mut AsyncSmtpConnection) -> Result<bool, Failure> {
    let ehlo = Ehlo::new(dial.hello.clone());
    match step(dial, Stage::Greeting, dial.timeout, conn.command(ehlo)).await {
        Ok(answer) => Ok(answer.message().any(|offer| offer.trim().eq_ignore_ascii_case("PIPELINING"))),
        Err(Failure::Refused { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

async fn log_in(dial: &Dial, conn: &mut AsyncSmtpConnection) -> Result<(), Failure> {
    let Some(credentials) = &dial.credentials else {
        return Ok(());
    };
    if conn.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
        return Err(Failure::Misconfigured {
            stage: Stage::Login,
            text: format!(
                "{}:{} offers neither AUTH PLAIN nor AUTH LOGIN; remove the user name or use its submission port",
                dial.host, dial.port
            ),
        });
    }
    step(dial, Stage::Login, dial.timeout, conn.auth(DEFAULT_MECHANISMS, credentials)).await?;
    Ok(())
}

/// One step with a time limit. After any [`Failure::Lost`] the connection must not be used again: the answer
/// to this step may still arrive, and would be taken for the answer to the next one.
async fn step<T>(
    dial: &Dial,
    stage: Stage,
    limit: Duration,
    doing: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    match timeout(limit, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(failure(dial, stage, &error)),
        Err(_) => Err(Failure::Lost { stage, text: waited(limit) }),
    }
}

fn failure(dial: &Dial, stage: Stage, error: &Error) -> Failure {
    if let Some(code) = error.status() {
        let said = std::error::Error::source(error).map(ToString::to_string);
        return Failure::Refused { stage, code: code.into(), text: dial.readable(&said.unwrap_or_default()) };
    }
    let text = dial.readable(&error.to_string());
    if is_untrusted(error) {
        return Failure::Misconfigured {
            stage: Stage::Tls,
            text: format!("the certificate of {} is not trusted: {text}", dial.host),
        };
    }
    Failure::Lost { stage, text }
}

/// Whether the server showed a certificate that does not prove its name.
fn is_untrusted(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(rustls::Error::InvalidCertificate(_)) = inner.and_then(|e| e.downcast_ref()) {
            return true;
        }
        source = error.source();
    }
    false
}

const fn is_lost<T>(answer: &Result<T, Failure>) -> bool {
    matches!(answer, Err(Failure::Lost { .. }))
}

fn words(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    lines.join(" ")
}

fn waited(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs_f32())
}
