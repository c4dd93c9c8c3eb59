//! A way out: a mail server, how it fares, and whose mails it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{Bilingual, Timestamp, both};

use super::{Post, QueueCx};
use crate::domain::timeline::answer_in_words;
use crate::mail::Verdict;
use crate::queue::patience::Rest;
use crate::store::{Alert, Letter};

/// How long the lane rests when the server refuses us altogether, and a shop whose sender it refuses.
const STOPPED_WAIT: Duration = Duration::from_secs(120);
/// How long a mail waits whose only way has no log-in yet; a person is told and sets it up.
const NO_WAY_WAIT: Duration = Duration::from_secs(600);
/// Failures of the server in a row before somebody is told; the first few are weather.
const FAILURES_BEFORE_ALERT: i64 = 4;
const ALERT_SERVER: &str = "mail:server";

/// A marketplace's own mail server, through which alone the masked addresses of its buyers are reached.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The channel whose buyers they are.
    pub channel: String,
    /// Addresses of this domain and of those under it.
    pub domain: String,
    /// The server; `None` while the config has no log-in for it.
    pub post: Option<Arc<dyn Post>>,
}

impl Relay {
    /// Whether a mail of `channel` to `address` must go this way.
    fn is_for(&self, channel: &str, address: &str) -> bool {
        let domain = address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
        let under = || domain.strip_suffix(self.domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
        self.channel == channel && (domain == self.domain || under())
    }
}

/// A mail server, and how it fares. One that is away does not keep the others' mails, and a shop whose sender it refuses
/// does not keep the other shops'.
#[derive(Debug)]
pub(super) struct Way {
    /// `None` for the house's own server.
    relay: Option<Relay>,
    pub(super) post: Option<Arc<dyn Post>>,
    rest: Rest,
    /// The channels whose sender it refuses.
    refused: Mutex<BTreeMap<String, Rest>>,
}

/// What a server said about itself and about senders while it was given mails.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// It looked at a mail, whatever it said of it.
    pub(super) answered: bool,
    /// It takes no mail at all now.
    pub(super) away: Option<Verdict>,
    /// Channels whose sender it refuses, each with its last word.
    pub(super) refused: BTreeMap<String, Verdict>,
    /// Channels of which it took a mail.
    pub(super) taken: BTreeSet<String>,
}

impl Way {
    /// The house's own server.
    pub(super) fn own(post: Arc<dyn Post>) -> Self {
        Self { relay: None, post: Some(post), rest: Rest::default(), refused: Mutex::default() }
    }

    /// A marketplace's.
    pub(super) fn relay(relay: Relay) -> Self {
        let post = relay.post.clone();
        Self { relay: Some(relay), post, rest: Rest::default(), refused: Mutex::default() }
    }

    /// Whether a mail must go this way and no other.
    pub(super) fn is_for(&self, letter: &Letter) -> bool {
        let (channel, to) = (&letter.channel.name, &letter.mail.recipient);
        self.relay.as_ref().is_some_and(|relay| relay.is_for(channel, to))
    }

    /// Until when the server is left alone.
    pub(super) fn rests_until(&self) -> Option<Timestamp> {
        self.rest.until()
    }

    /// Until when a mail of `channel` must wait for this way, and why.
    pub(super) fn not_yet(&self, channel: &str, now: Timestamp) -> Option<(Timestamp, String)> {
        if self.post.is_none() {
            let domain = self.relay.as_ref().map_or("", |relay| &relay.domain);
            let why = format!(
                "buyers at {domain} are reached through the marketplace's own mail server alone; write its log-in into {}",
                self.settings()
            );
            return Some((now.plus(NO_WAY_WAIT), why));
        }
        if let Some(until) = self.rest.until().filter(|until| *until > now) {
            return Some((until, "the mail server does not answer; it is asked again soon".to_owned()));
        }
        let until = self.refused().get(channel).and_then(Rest::until).filter(|until| *until > now)?;
        Some((until, "the mail server refuses the sender; it is asked again soon".to_owned()))
    }

    /// Lets the server rest while it fails as a whole, and a channel whose sender it refuses, and says so; takes back
    /// what was said when mails are taken again. Returns until when the server rests.
    pub(super) async fn hear(&self, cx: &QueueCx, word: &Word) -> Option<Timestamp> {
        let now = cx.now();
        for (channel, verdict) in &word.refused {
            self.sender_refused(cx, channel, verdict, now).await;
        }
        for channel in word.taken.iter().filter(|channel| !word.refused.contains_key(*channel)) {
            self.refused().remove(channel);
            clear(cx, &self.sender_alert(channel), now).await;
        }
        let Some(verdict) = &word.away else {
            if word.answered {
                self.rest.end();
                clear(cx, &self.alert(), now).await;
            }
            return None;
        };
        Some(self.away(cx, verdict, now).await)
    }

    async fn away(&self, cx: &QueueCx, verdict: &Verdict, now: Timestamp) -> Timestamp {
        let key = self.alert();
        let stopped = matches!(verdict, Verdict::Stopped { .. });
        let until = self.rest.begin(stopped.then_some(STOPPED_WAIT), now);
        tracing::warn!(server = key, verdict = %verdict, "the mail server takes no mail; it is left alone for a while");
        if stopped || self.rest.failures() >= FAILURES_BEFORE_ALERT {
            let settings = self.settings();
            let detail = both!(
                "no mail goes out: {verdict}. They wait and none is lost; check {settings}",
                "メールを送信できません: {ja}。メールは失われずに待機しています。設定（{settings}）を確認してください",
                ja = answer_in_words(&verdict.to_string()).ja
            );
            raise(cx, &key, &detail, now).await;
        }
        until
    }

    async fn sender_refused(&self, cx: &QueueCx, channel: &str, verdict: &Verdict, now: Timestamp) {
        self.refused().entry(channel.to_owned()).or_default().begin(Some(STOPPED_WAIT), now);
        tracing::warn!(channel, verdict = %verdict, "the mails of this channel wait; they are tried again later");
        let detail = both!(
            "mails of {channel} do not go out: {verdict}. They wait and none is lost; check `from` in [mail] of the channel \
             or of banto.toml, and whether the mail server lets this log-in send as it",
            "{channel}のメールを送信できません: {ja}。メールは失われずに待機しています。[mail]の差出人（from）と、メールサーバーで\
             使用が許可されている差出人を確認してください",
            ja = answer_in_words(&verdict.to_string()).ja
        );
        raise(cx, &self.sender_alert(channel), &detail, now).await;
    }

    /// Until when mails of `channel` wait because of their sender.
    pub(super) fn sender_rests_until(&self, channel: &str) -> Option<Timestamp> {
        self.refused().get(channel).and_then(Rest::until)
    }

    fn refused(&self) -> MutexGuard<'_, BTreeMap<String, Rest>> {
        // What is in it is whole between any two statements.
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alert(&self) -> String {
        self.relay.as_ref().map_or(ALERT_SERVER.to_owned(), |r| format!("{ALERT_SERVER}:{}", r.channel))
    }

    fn sender_alert(&self, channel: &str) -> String {
        format!("{}:sender:{channel}", self.alert())
    }

    /// Where its settings stand.
    fn settings(&self) -> String {
        self.relay.as_ref().map_or("[mail] in banto.toml".to_owned(), |r| {
            format!("[mail.relay] of the channel {}", r.channel)
        })
    }
}

/// Raises an alert. Raised or not, the batch's outcomes must be noted.
async fn raise(cx: &QueueCx, key: &str, detail: &Bilingual, now: Timestamp) {
    let alert = Alert { key, channel: None, kind: "mail_stopped", detail };
    if let Err(error) = cx.store.raise(&alert, now).await {
        tracing::error!(error = %error, "the alert could not be raised");
    }
}

/// Ends an alert, also one that was raised before the daemon started or its settings were read again.
async fn clear(cx: &QueueCx, key: &str, now: Timestamp) {
    if let Err(error) = cx.store.clear(key, now).await {
        tracing::error!(error = %error, "the alert could not be cleared");
    }
}
