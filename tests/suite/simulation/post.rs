//! A mail server in memory, with the faults of real ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use banto::mail::{Outgoing, Stage, Verdict};
use banto::queue::mail_lane::Post;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[derive(Debug)]
struct Inner {
    rng: StdRng,
    calm: bool,
    /// How often each Message-ID was taken.
    kept: BTreeMap<String, usize>,
    played: u64,
}

/// Takes mails, mostly.
#[derive(Debug)]
pub struct Letterbox(Mutex<Inner>);

impl Letterbox {
    pub fn new(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self(Mutex::new(Inner { rng, calm: false, kept: BTreeMap::new(), played: 0 }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No faults any more.
    pub fn calm(&self) {
        self.inner().calm = true;
    }

    /// How often each Message-ID was taken.
    pub fn kept(&self) -> BTreeMap<String, usize> {
        self.inner().kept.clone()
    }

    /// Message-IDs that were taken more than once.
    pub fn twice(&self) -> Vec<String> {
        self.inner().kept.iter().filter(|(_, n)| **n > 1).map(|(id, _)| id.clone()).collect()
    }

    /// Faults so far.
    pub fn played(&self) -> u64 {
        self.inner().played
    }

    fn take(&self, mail: &Outgoing) -> Verdict {
        let mut inner = self.inner();
        let roll = if inner.calm { 1000 } else { inner.rng.random_range(0..1000) };
        let temporary = |stage, code, text: &str| Verdict::Temporary {
            code,
            text: text.to_owned(),
            stage,
            retry_after: None,
        };
        inner.played += u64::from(roll < 90);
        match roll {
            0..20 => return temporary(Stage::Recipient, Some(451), "greylisted"),
            20..40 => return temporary(Stage::Answer, Some(452), "no room"),
            40..60 => return temporary(Stage::Connect, None, "connection refused"),
            60..75 => return Verdict::Unknown { text: "reset before the last dot".to_owned() },
            _ => {}
        }
        *inner.kept.entry(message_id(mail)).or_default() += 1;
        match roll {
            75..90 => Verdict::Unknown { text: "reset after the last dot".to_owned() },
            _ => Verdict::Accepted { answer: "250 taken".to_owned() },
        }
    }
}

/// The Message-ID header, brackets included.
fn message_id(mail: &Outgoing) -> String {
    let text = String::from_utf8_lossy(&mail.bytes);
    let head = text.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
    let line = head.lines().find(|l| l.to_ascii_lowercase().starts_with("message-id:"));
    line.and_then(|l| l.split_once(':')).map(|(_, id)| id.trim().to_owned()).unwrap()
}

#[async_trait]
impl Post for Letterbox {
    fn connections(&self) -> usize {
        2
    }

    async fn send(&self, mail: &Outgoing) -> Verdict {
        // Where a hop may be cut off: before the server has it, and before we hear that it has.
        tokio::task::yield_now().await;
        let verdict = self.take(mail);
        tokio::task::yield_now().await;
        verdict
    }
}
