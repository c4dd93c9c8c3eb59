//! One client's connection.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Fault, Received, Shared, decode_words, header_value};

/// RFC 5321 allows 512 octets for a command and 1000 for a line of content; more is not read.
const LINE_MAX: u64 = 4096;
/// Most mails are read in one go.
const READ_AHEAD: usize = 64 * 1024;
/// More than any mail that banto makes.
const CONTENT_MAX: usize = 32 * 1024 * 1024;

/// The transaction that a client has begun.
#[derive(Default)]
struct Transaction {
    from: Option<String>,
    to: Vec<String>,
    fault: Option<Fault>,
}

/// What comes after an answer was sent.
enum Next {
    Command,
    Content,
    Close,
}

/// Serves one client until it goes; a client that breaks off is nothing special.
pub(super) async fn serve(tcp: TcpStream, shared: Arc<Shared>) {
    let mut dialogue = Dialogue {
        stream: BufReader::with_capacity(READ_AHEAD, tcp),
        answers: Vec::new(),
        shared,
        transaction: Transaction::default(),
    };
    if dialogue.run().await.is_ok() {
        let _ = dialogue.send_answers().await;
    }
}

struct Dialogue {
    stream: BufReader<TcpStream>,
    /// Answers that go out together once all commands at hand are answered (RFC 2920 §3.2).
    answers: Vec<u8>,
    shared: Arc<Shared>,
    transaction: Transaction,
}

impl Dialogue {
    async fn run(&mut self) -> io::Result<()> {
        self.stream.get_ref().set_nodelay(true)?;
        self.say("220 sink.localhost ESMTP banto sink");
        loop {
            let Some(line) = self.line().await? else {
                return Ok(());
            };
            let line = String::from_utf8_lossy(&line);
            match self.command(line.trim_end()).await? {
                Next::Command => {}
                Next::Content => {
                    if !self.content().await? {
                        return Ok(());
                    }
                }
                Next::Close => return Ok(()),
            }
        }
    }

    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let verb = line.get(..4).unwrap_or(line).to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                self.transaction = Transaction::default();
                self.say(
                    "250-sink.localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN",
                );
            }
            "HELO" => {
                self.transaction = Transaction::default();
                self.say("250 sink.localhost");
            }
            "AUTH" => return self.auth(line).await,
            "MAIL" => {
                let fault = self.shared.fault();
                self.transaction = Transaction { from: Some(address(line)), to: Vec::new(), fault };
                self.say("250 2.1.0 OK");
            }
            "RCPT" if self.transaction.from.is_none() => self.say("503 5.5.1 MAIL first"),
            "RCPT" if self.transaction.fault == Some(Fault::RefuseRcpt) => {
                self.say("451 4.3.0 try again later");
            }
            "RCPT" => {
                self.transaction.to.push(address(line));
                self.say("250 2.1.5 OK");
            }
            "DATA" if self.transaction.to.is_empty() => self.say("503 5.5.1 RCPT first"),
            "DATA" if self.transaction.fault == Some(Fault::DropAtData) => return Ok(Next::Close),
            "DATA" => {
                self.say("354 end with a dot on a line of its own");
                return Ok(Next::Content);
            }
            "RSET" => {
                self.transaction = Transaction::default();
                self.say("250 2.0.0 OK");
            }
            "NOOP" => self.say("250 2.0.0 OK"),
            "QUIT" => {
                self.say("221 2.0.0 goodbye");
                return Ok(Next::Close);
            }
            _ => self.say("500 5.5.2 what?"),
        }
        Ok(Next::Command)
    }

    /// Any name and password will do.
    async fn auth(&mut self, line: &str) -> io::Result<Next> {
        let mut words = line.split_whitespace().skip(1);
        let mechanism = words.next().unwrap_or("").to_ascii_uppercase();
        let prompts: &[&str] = match (mechanism.as_str(), words.next()) {
            ("PLAIN", Some(_)) => &[],
            ("PLAIN", None) => &["334 "],
            ("LOGIN", _) => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
            _ => {
                self.say("504 5.5.4 PLAIN or LOGIN");
                return Ok(Next::Command);
            }
        };
        for prompt in prompts {
            self.say(prompt);
            if self.line().await?.is_none() {
                return Ok(Next::Close);
            }
        }
        self.say("235 2.7.0 welcome");
        Ok(Next::Command)
    }

    /// Reads the content and answers it; false if the connection is to be closed.
    async fn content(&mut self) -> io::Result<bool> {
        let transaction = std::mem::take(&mut self.transaction);
        let mut bytes = Vec::new();
        loop {
            let Some(line) = self.line().await? else {
                return Ok(false);
            };
            if line == b".\r\n" {
                break;
            }
            if transaction.fault == Some(Fault::DropBeforeDot) || bytes.len() > CONTENT_MAX {
                return Ok(false);
            }
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        if transaction.fault == Some(Fault::RefuseContent) {
            self.say("451 4.3.0 try again later");
            return Ok(true);
        }
        let answered = transaction.fault != Some(Fault::LoseAnswer);
        self.shared.keep(Received {
            from: transaction.from.unwrap_or_default(),
            to: transaction.to,
            message_id: header_value(&bytes, "Message-ID").unwrap_or_default(),
            subject: decode_words(&header_value(&bytes, "Subject").unwrap_or_default()),
            answered,
            bytes,
        });
        if answered {
            self.say("250 2.0.0 kept");
        } else {
            self.stream.get_ref().set_zero_linger()?;
        }
        Ok(answered)
    }

    /// One line with its end; none if the client has gone or sends lines without end.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.stream.buffer().contains(&b'\n') {
            self.send_answers().await?;
        }
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_MAX).read_until(b'\n', &mut line).await?;
        Ok((read > 0 && line.ends_with(b"\n")).then_some(line))
    }

    fn say(&mut self, answer: &str) {
        self.answers.extend_from_slice(answer.as_bytes());
        self.answers.extend_from_slice(b"\r\n");
    }

    async fn send_answers(&mut self) -> io::Result<()> {
        let answers = std::mem::take(&mut self.answers);
        if answers.is_empty() { Ok(()) } else { self.stream.get_mut().write_all(&answers).await }
    }
}

/// What stands between the angle brackets of MAIL or RCPT.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or("", |(address, _)| address).to_owned()
}
