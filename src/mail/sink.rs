//! A mail server that keeps what it receives, on a free port of this machine: for the demo and the benchmarks.
//!
//! It speaks enough of RFC 5321 for any client (EHLO, AUTH, MAIL, RCPT, DATA, RSET, NOOP, QUIT, pipelining,
//! 8BITMIME, SMTPUTF8), and can play the faults of real ones from a seed.

mod dialogue;
mod header;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use self::header::{decode_words, header_value};

/// How often each fault is played, in parts per thousand of the mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkRates {
    /// 451 in answer to RCPT.
    pub rcpt_4xx: u32,
    /// 451 in answer to the content; nothing is kept.
    pub data_4xx: u32,
    /// The connection closes in answer to DATA; nothing is kept, and the client knows it.
    pub drop_at_data: u32,
    /// The connection closes in the middle of the content. Nothing is kept, but a client that had sent all of it
    /// cannot know that.
    pub drop_before_dot: u32,
    /// The content is kept and the connection is reset before the answer: the case that nobody can resolve.
    pub lost_answer: u32,
}

impl SinkRates {
    /// The mix of the demo.
    #[must_use]
    pub const fn usual() -> Self {
        Self { rcpt_4xx: 15, data_4xx: 15, drop_at_data: 8, drop_before_dot: 2, lost_answer: 2 }
    }
}

/// One fault, at the moment when it is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    RefuseRcpt,
    RefuseContent,
    DropAtData,
    DropBeforeDot,
    LoseAnswer,
}

/// A mail as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// The `Message-ID` header with its brackets; empty if there is none.
    pub message_id: String,
    /// The decoded `Subject` header.
    pub subject: String,
    /// Whether the client was told that it was taken; false for a lost answer.
    pub answered: bool,
    /// Headers and body as sent, dots unstuffed.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    rates: SinkRates,
    mails: Vec<Received>,
    /// How many mails came in since the start; `mails` may have been taken out.
    count: u64,
    played: u64,
}

/// What the server and its connections share.
#[derive(Debug)]
struct Shared(Mutex<State>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves plain data behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of the mail that begins, if any.
    fn fault(&self) -> Option<Fault> {
        let mut state = self.state();
        let rates = state.rates;
        let roll = state.rng.random_range(0..1000_u32);
        let mut below = 0;
        let fault = [
            (rates.rcpt_4xx, Fault::RefuseRcpt),
            (rates.data_4xx, Fault::RefuseContent),
            (rates.drop_at_data, Fault::DropAtData),
            (rates.drop_before_dot, Fault::DropBeforeDot),
            (rates.lost_answer, Fault::LoseAnswer),
        ]
        .into_iter()
        .find(|(rate, _)| {
            below += rate;
            roll < below
        })
        .map(|(_, fault)| fault);
        state.played += u64::from(fault.is_some());
        fault
    }

    fn keep(&self, mail: Received) {
        let mut state = self.state();
        state.count += 1;
        state.mails.push(mail);
    }
}

/// The running server. Dropping it ends it.
#[derive(Debug)]
pub struct SmtpSink {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl SmtpSink {
    /// Starts on a free port of 127.0.0.1. The same seed and the same order of mails give the same faults.
    ///
    /// Errors: the port cannot be had.
    pub async fn start(seed: u64, rates: SinkRates) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            rates,
            mails: Vec::new(),
            count: 0,
            played: 0,
        })));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, accepting })
    }

    /// Everything received so far, in the order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().mails.clone()
    }

    /// Takes out what was received so far, so that a long run does not fill the memory.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.state().mails)
    }

    /// How many mails came in since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.state().count
    }

    /// How often each Message-ID was received, among the mails not yet taken out.
    #[must_use]
    pub fn by_message_id(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for mail in &self.shared.state().mails {
            *counts.entry(mail.message_id.clone()).or_insert(0) += 1;
        }
        counts
    }

    /// Copies beyond the first of each Message-ID, among the mails not yet taken out.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        self.by_message_id().values().map(|count| count - 1).sum()
    }

    /// How many faults were played so far.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.shared.state().played
    }

    /// Sets how often faults are played from now on.
    pub fn set_rates(&self, rates: SinkRates) {
        self.shared.state().rates = rates;
    }

    /// Stops listening and closes all connections; what was received stays readable.
    pub fn stop(&self) {
        self.accepting.abort();
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Connections live in this task's set, so that they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((tcp, _)) = accepted {
                    connections.spawn(dialogue::serve(tcp, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;
