//! The lane of mails: claim, write, mark, send, note the answer.
//!
//! The mark (`sending`, with the exact text) is committed before the first octet leaves, and the answer after it.
//! Whatever is cut off in between is uncertain, and only a person or the channel's setting repeats it.

mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Fulfilment, Timestamp, both};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

pub use self::way::Relay;
use self::way::{Way, Word};
use super::patience::{JobFailure, Patience};
use super::{Lane, QueueCx, insist};
use crate::config::Uncertain;
use crate::domain::intake::is_unpaid;
use crate::domain::mail_policy::MailKind;
use crate::domain::timeline::answer_in_words;
use crate::mail::{Outgoing, Smtp, Verdict};
use crate::store::{Alert, JobEnd, JobRow, Letter, MailEnd, MailKey, MailText, Result};

/// The lane's name.
pub const LANE: &str = "mail";

/// Tries of one mail that the server does not take for now: three days, as mail servers do among themselves.
const PATIENCE: Patience =
    Patience { first: Duration::from_secs(30), longest: Duration::from_secs(4 * 3600), tries: 26 };
/// How long a mail waits whose template fails; a person is told and mends it.
const TEMPLATE_WAIT: Duration = Duration::from_secs(600);
/// Mails claimed and written at once.
const BATCH: i64 = 50;
/// Mails marked at once: the most that a kill leaves uncertain.
const GROUP: usize = 8;

/// Why a mail cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Never, as it is: an address that is none.
    #[error("{0}")]
    Never(String),
    /// Not until a person mends something: a template, a setting.
    #[error("{0}")]
    Mend(String),
}

/// Writes mails.
pub trait Composer: Debug + Send + Sync {
    /// The text of a mail that has none yet, with its Message-ID, which is the same whenever it is asked for.
    ///
    /// Errors: [`Unwritable`].
    fn write(&self, letter: &Letter) -> Result<MailText, Unwritable>;

    /// The octets of a mail with this text.
    ///
    /// Errors: [`Unwritable`].
    fn seal(&self, letter: &Letter, text: &MailText, now: Timestamp) -> Result<Outgoing, Unwritable>;

    /// What happens to a mail of this channel whose fate is not known.
    fn uncertain(&self, channel: &str) -> Uncertain;
}

/// Hands mails to a server.
#[async_trait]
pub trait Post: Debug + Send + Sync {
    /// How many it takes at once.
    fn connections(&self) -> usize;

    /// Hands one mail over, once.
    async fn send(&self, mail: &Outgoing) -> Verdict;
}

#[async_trait]
impl Post for Smtp {
    fn connections(&self) -> usize {
        Self::connections(self)
    }

    async fn send(&self, mail: &Outgoing) -> Verdict {
        Self::send(self, mail).await
    }
}

/// Hands mails over on all connections at once, and begins no more when `stop` is cancelled or the server as a whole
/// fails: a mail without a verdict was not begun.
async fn send_all(post: &dyn Post, mails: &[Outgoing], stop: &CancellationToken) -> Vec<Option<Verdict>> {
    let next = AtomicUsize::new(0);
    let away = AtomicBool::new(false);
    let worker = async || {
        let mut done = Vec::new();
        while !stop.is_cancelled() && !away.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(mail) = mails.get(at) else { break };
            let verdict = post.send(mail).await;
            away.fetch_or(verdict.is_of_server(), Ordering::Relaxed);
            done.push((at, verdict));
        }
        done
    };
    let workers = (0..post.connections().clamp(1, mails.len().max(1))).map(|_| worker());
    let mut verdicts = vec![None; mails.len()];
    for (at, verdict) in join_all(workers).await.into_iter().flatten() {
        if let Some(slot) = verdicts.get_mut(at) {
            *slot = Some(verdict);
        }
    }
    verdicts
}

/// The lane of mails.
#[derive(Debug)]
pub struct MailLane {
    composer: Arc<dyn Composer>,
    /// The house's own server first.
    ways: Vec<Way>,
}

/// A mail that can go: its job, what it is about, its text, its octets, and which way.
type Ready = (JobRow, Letter, MailText, Outgoing, usize);

/// A mail that was marked, with its job and its try.
type Going = (JobRow, Letter, (MailKey, i64));

/// A batch on its way: what each job came to so far.
#[derive(Default)]
struct Batch {
    /// Ready to be marked and sent.
    ready: Vec<Ready>,
    mails: Vec<MailEnd>,
    ends: Vec<(JobRow, JobEnd)>,
    skipped: Vec<JobRow>,
    /// Templates that fail, for one alert a channel.
    broken: BTreeMap<String, String>,
    /// Channels whose mails could be written.
    sound: BTreeSet<String>,
}

#[async_trait]
impl Lane for MailLane {
    fn name(&self) -> &str {
        LANE
    }

    fn batch(&self) -> i64 {
        BATCH
    }

    async fn resting(&self, _cx: &QueueCx) -> Result<Option<Timestamp>> {
        let rests: Option<Vec<Timestamp>> = self.ways.iter().map(Way::rests_until).collect();
        Ok(rests.and_then(|untils| untils.into_iter().min()))
    }

    async fn work(&self, cx: &QueueCx, jobs: &[JobRow], stop: &CancellationToken) -> Result<()> {
        let mut batch = self.prepare(cx, jobs).await?;
        let mut ready = std::mem::take(&mut batch.ready);
        // What is decided already does not wait for those that are still to be sent.
        self.note(cx, &mut batch, stop).await?;
        while !ready.is_empty() {
            let later = ready.split_off(ready.len().min(GROUP));
            let group = std::mem::replace(&mut ready, later);
            self.send(cx, &mut batch, group, stop).await?;
            self.note(cx, &mut batch, stop).await?;
        }
        self.tell_templates(cx, &batch).await
    }
}

impl MailLane {
    /// A lane that writes with `composer` and sends through `post`.
    #[must_use]
    pub fn new(composer: Arc<dyn Composer>, post: Arc<dyn Post>) -> Self {
        Self { composer, ways: vec![Way::own(post)] }
    }

    /// Commits what each job of the batch came to so far.
    async fn note(&self, cx: &QueueCx, batch: &mut Batch, stop: &CancellationToken) -> Result<()> {
        let mails = std::mem::take(&mut batch.mails);
        let (ends, skipped) = (std::mem::take(&mut batch.ends), std::mem::take(&mut batch.skipped));
        if mails.is_empty() && ends.is_empty() && skipped.is_empty() {
            return Ok(());
        }
        let now = cx.now();
        let note = || cx.store.settle_mails(&mails, &ends, &skipped, now);
        insist("what became of mails", stop, note).await
    }

    /// The same lane with another way.
    #[must_use]
    pub fn with_relay(mut self, relay: Relay) -> Self {
        self.ways.push(Way::relay(relay));
        self
    }

    /// The way of a mail: a relay that it must go through, or else the house's own server.
    fn way(&self, letter: &Letter) -> usize {
        self.ways.iter().position(|way| way.is_for(letter)).unwrap_or_default()
    }

    /// Until when a mail must wait for its way, and why.
    fn not_yet(&self, way: usize, letter: &Letter, now: Timestamp) -> Option<(Timestamp, String)> {
        self.ways.get(way)?.not_yet(&letter.channel.name, now)
    }

    /// Loads what the jobs name and writes the mails.
    async fn prepare(&self, cx: &QueueCx, jobs: &[JobRow]) -> Result<Batch> {
        let names: Vec<MailKey> = jobs.iter().filter_map(JobRow::mail).collect();
        let mut letters: BTreeMap<MailKey, Letter> = cx
            .store
            .letters(&names)
            .await?
            .into_iter()
            .filter_map(|letter| Some((letter.mail.key()?, letter)))
            .collect();
        let mut batch = Batch::default();
        for job in jobs {
            match job.mail() {
                None => {
                    let why = "this version of banto does not know such a mail".to_owned();
                    batch.ends.push((job.clone(), JobEnd::Dead { why }));
                }
                Some(key) => match letters.remove(&key) {
                    Some(letter) => self.prepare_one(cx, &mut batch, job, key, letter),
                    None => batch.skipped.push(job.clone()),
                },
            }
        }
        Ok(batch)
    }

    fn prepare_one(&self, cx: &QueueCx, batch: &mut Batch, job: &JobRow, key: MailKey, letter: Letter) {
        let now = cx.now();
        let attempts = letter.mail.attempts;
        match letter.mail.state.as_str() {
            "queued" => {}
            "sending" => {
                // Its job's claim ran out: it was cut off between our mark and the server's answer.
                let what = "banto was cut off while it was being sent";
                self.unknown(batch, job, &letter, (key, attempts), what, now);
                return;
            }
            _ => {
                batch.skipped.push(job.clone());
                return;
            }
        }
        if key.kind == MailKind::Reminder && !still_owed(&letter) {
            let answer = "the money has come, or the order has ended".to_owned();
            batch.end_mail((key, attempts), "dropped", answer, Some("mail_dropped"));
            batch.ends.push((job.clone(), JobEnd::Done));
            return;
        }
        let way = self.way(&letter);
        if let Some((until, why)) = self.not_yet(way, &letter, now) {
            if self.ways.get(way).is_some_and(|way| way.post.is_none()) {
                batch.broken.insert(letter.channel.name, why.clone());
            }
            batch.ends.push((job.clone(), JobEnd::Postpone { at: until, why }));
            return;
        }
        let written =
            self.text(&letter).and_then(|text| Ok((self.composer.seal(&letter, &text, now)?, text)));
        match written {
            Ok((outgoing, text)) => {
                batch.sound.insert(letter.channel.name.clone());
                batch.ready.push((job.clone(), letter, text, outgoing, way));
            }
            Err(Unwritable::Never(why)) => {
                batch.end_mail((key, attempts), "refused", why, Some("mail_refused"));
                batch.ends.push((job.clone(), JobEnd::Done));
            }
            Err(Unwritable::Mend(why)) => {
                let failure = JobFailure::Postpone { until: now.plus(TEMPLATE_WAIT), why: why.clone() };
                batch.ends.push((job.clone(), PATIENCE.end(job, failure, now)));
                batch.broken.insert(letter.channel.name, why);
            }
        }
    }

    /// The text that was stored at the first try, or a new one.
    fn text(&self, letter: &Letter) -> Result<MailText, Unwritable> {
        match (&letter.mail.subject, &letter.mail.body_text, &letter.mail.body_html) {
            (Some(subject), Some(text), html) if !letter.mail.message_id.is_empty() => Ok(MailText {
                message_id: letter.mail.message_id.clone(),
                subject: subject.clone(),
                text: text.clone(),
                html: html.clone().unwrap_or_default(),
            }),
            _ => self.composer.write(letter),
        }
    }

    /// Puts off what cannot go after all: we are stopping, or its server failed a moment ago.
    fn can_go(&self, cx: &QueueCx, batch: &mut Batch, ready: Vec<Ready>, stopping: bool) -> Vec<Ready> {
        let now = cx.now();
        let mut going = Vec::with_capacity(ready.len());
        for one in ready {
            let wait = if stopping { Some((now, String::new())) } else { self.not_yet(one.4, &one.1, now) };
            match wait {
                Some((at, why)) => batch.ends.push((one.0, JobEnd::Postpone { at, why })),
                None => going.push(one),
            }
        }
        going
    }

    /// Marks, sends every mail its way, and sorts the verdicts.
    async fn send(
        &self,
        cx: &QueueCx,
        batch: &mut Batch,
        ready: Vec<Ready>,
        stop: &CancellationToken,
    ) -> Result<()> {
        let ready = self.can_go(cx, batch, ready, stop.is_cancelled());
        if ready.is_empty() {
            return Ok(());
        }
        let texts: Vec<(MailKey, MailText)> =
            ready.iter().filter_map(|(job, _, text, ..)| Some((job.mail()?, text.clone()))).collect();
        let marked = cx.store.begin_sending(&texts, cx.now()).await?;
        let tries: BTreeMap<MailKey, i64> =
            marked.iter().filter_map(|row| Some((row.key()?, row.attempts))).collect();
        let mut by_way: BTreeMap<usize, (Vec<Going>, Vec<Outgoing>)> = BTreeMap::new();
        for (job, letter, _, out, way) in ready {
            match job.mail().and_then(|key| Some((key, *tries.get(&key)?))) {
                Some(mail) => {
                    let (going, outgoing) = by_way.entry(way).or_default();
                    going.push((job, letter, mail));
                    outgoing.push(out);
                }
                None => batch.skipped.push(job),
            }
        }
        let sent = by_way.into_iter().filter_map(|(at, (going, outgoing))| {
            let way = self.ways.get(at)?;
            let post = way.post.as_ref()?;
            Some(async move { (way, going, send_all(post.as_ref(), &outgoing, stop).await) })
        });
        for (way, going, verdicts) in join_all(sent).await {
            self.settle_way(cx, batch, way, going.into_iter().zip(verdicts)).await;
        }
        Ok(())
    }

    /// What became of the mails of one way.
    async fn settle_way(
        &self,
        cx: &QueueCx,
        batch: &mut Batch,
        way: &Way,
        sent: impl Iterator<Item = (Going, Option<Verdict>)>,
    ) {
        let now = cx.now();
        let (mut word, mut not_now) = (Word::default(), Vec::new());
        for ((job, letter, mail), verdict) in sent {
            let channel = &letter.channel.name;
            match verdict {
                None => not_now.push((job, letter, mail, None)),
                Some(verdict) if verdict.is_of_server() => {
                    not_now.push((job, letter, mail, Some(verdict.to_string())));
                    word.away = Some(verdict);
                }
                Some(verdict @ Verdict::SenderRefused { .. }) => {
                    word.refused.insert(channel.clone(), verdict.clone());
                    word.answered = true;
                    not_now.push((job, letter, mail, Some(verdict.to_string())));
                }
                Some(verdict) => {
                    if let Verdict::Accepted { .. } = verdict {
                        word.taken.insert(channel.clone());
                    }
                    word.answered |= matches!(verdict, Verdict::Accepted { .. } | Verdict::Permanent { .. });
                    self.sort(batch, (job, letter, mail), verdict, now);
                }
            }
        }
        let server = way.hear(cx, &word).await;
        let away = word.away.map(|verdict| verdict.to_string());
        for (job, letter, mail, why) in not_now {
            let until = server.max(way.sender_rests_until(&letter.channel.name)).unwrap_or(now);
            let why = why.or_else(|| away.clone()).unwrap_or_default();
            batch.end_mail(mail, "queued", why.clone(), None);
            batch.ends.push((job, JobEnd::Postpone { at: until, why }));
        }
    }

    /// What follows from the server's word about one mail.
    fn sort(&self, batch: &mut Batch, (job, letter, mail): Going, verdict: Verdict, now: Timestamp) {
        tracing::info!(order = mail.0.order, mail = %mail.0, verdict = %verdict, "mail");
        match verdict {
            Verdict::Accepted { answer } => {
                batch.end_mail(mail, "sent", answer, Some("mail_sent"));
                batch.ends.push((job, JobEnd::Done));
            }
            Verdict::Permanent { .. } => {
                batch.end_mail(mail, "refused", verdict.to_string(), Some("mail_refused"));
                batch.ends.push((job, JobEnd::Done));
            }
            Verdict::Unknown { text } => self.unknown(batch, &job, &letter, mail, &text, now),
            Verdict::Temporary { retry_after: after, .. } => {
                let why = verdict.to_string();
                batch.later(&job, mail, JobFailure::Retry { after, why }, now);
            }
            Verdict::SenderRefused { .. } | Verdict::Stopped { .. } => {
                let why = verdict.to_string();
                batch.later(&job, mail, JobFailure::Retry { after: None, why }, now);
            }
        }
    }

    /// The server may have taken it or not: the channel's setting decides, by default a person.
    fn unknown(
        &self,
        batch: &mut Batch,
        job: &JobRow,
        letter: &Letter,
        mail: (MailKey, i64),
        what: &str,
        now: Timestamp,
    ) {
        match self.composer.uncertain(&letter.channel.name) {
            Uncertain::Ask => {
                batch.end_mail(mail, "uncertain", what.to_owned(), Some("mail_uncertain"));
                batch.ends.push((job.clone(), JobEnd::Done));
            }
            Uncertain::Resend => {
                let failure = JobFailure::Retry {
                    after: None,
                    why: format!("{what}; sent again, as the setting says"),
                };
                batch.later(job, mail, failure, now);
            }
            Uncertain::Drop => {
                let answer = format!("{what}; counted as sent, as the setting says");
                batch.end_mail(mail, "dropped", answer, Some("mail_uncertain"));
                batch.ends.push((job.clone(), JobEnd::Done));
            }
        }
    }

    /// One alert for each channel whose templates fail, ended by the first mail that can be written.
    async fn tell_templates(&self, cx: &QueueCx, batch: &Batch) -> Result<()> {
        let now = cx.now();
        let key = |channel: &str| format!("mail:template:{channel}");
        for (channel, why) in &batch.broken {
            let detail = both!(
                "mails of {channel} cannot be written and wait: {why}",
                "{channel}のメールを作成できないため、送信を保留しています: {ja}",
                ja = answer_in_words(why).ja
            );
            let alert = Alert { key: &key(channel), channel: None, kind: "mail_stopped", detail: &detail };
            cx.store.raise(&alert, now).await?;
        }
        for channel in batch.sound.iter().filter(|c| !batch.broken.contains_key(*c)) {
            cx.store.clear(&key(channel), now).await?;
        }
        Ok(())
    }
}

impl Batch {
    fn end_mail(
        &mut self,
        mail: (MailKey, i64),
        state: &'static str,
        answer: String,
        event: Option<&'static str>,
    ) {
        let (key, attempts) = mail;
        self.mails.push(MailEnd { key, attempts, state, answer, event });
    }

    /// Not now: the mail waits again, or is refused when it has been tried for long enough.
    fn later(&mut self, job: &JobRow, mail: (MailKey, i64), failure: JobFailure, now: Timestamp) {
        match PATIENCE.end(job, failure, now) {
            JobEnd::Dead { why } => {
                self.end_mail(mail, "refused", format!("given up: {why}"), Some("mail_refused"));
                self.ends.push((job.clone(), JobEnd::Done));
            }
            end => {
                let why = match &end {
                    JobEnd::Retry { why, .. } | JobEnd::Postpone { why, .. } => why.clone(),
                    JobEnd::Done | JobEnd::Dead { .. } => String::new(),
                };
                self.end_mail(mail, "queued", why, None);
                self.ends.push((job.clone(), end));
            }
        }
    }
}

/// Whether a reminder still makes sense.
fn still_owed(letter: &Letter) -> bool {
    is_unpaid(letter.order.payment) && letter.order.fulfilment != Fulfilment::Cancelled
}
