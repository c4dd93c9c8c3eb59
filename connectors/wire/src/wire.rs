//! The wire itself: turn, try, judge, wait, again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Bilingual, Clock, Error, ErrorKind, Http, Request, Response, Result, both};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};

use crate::allowance::{pause_asked, rate_told};
use crate::client::{Client, Prepared};
use crate::config::WireConfig;
use crate::fault::{Fault, Tried, words};
use crate::pacing::{Busy, Pacing};
use crate::redact::Scrub;
use crate::retry::{Again, Delays};
use crate::stats::{Counters, WireStats};

/// One channel's way out, with one pool of connections.
///
/// An answer of any status is `Ok`, after the retries that it allows; only a 429 whose pause is longer than
/// [`WireConfig::retry_time_max`] becomes an error. The body and headers of an answer that is no success are
/// redacted before the connector sees them, since they are what error messages are made of.
pub struct Wire {
    config: WireConfig,
    client: Client,
    pacing: Pacing,
    clock: Arc<dyn Clock>,
    chance: Mutex<StdRng>,
    counters: Counters,
}

/// One call under way.
struct Call<'a> {
    request: &'a Request,
    prepared: &'a Prepared,
    scrub: &'a Scrub,
    what: String,
    begun: Instant,
    tries: u32,
    /// Tries answered by a 429.
    limited: u32,
    /// Tries that failed otherwise than by a 429.
    failed: u32,
    waited: Duration,
    delays: Delays,
}

impl Wire {
    /// Makes the client and full buckets.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for a quota that allows nothing, or when there is no TLS to be had.
    pub fn new(config: WireConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self {
            client: Client::new(&config)?,
            pacing: Pacing::new(config.quotas, config.quota_percent)?,
            chance: Mutex::new(StdRng::seed_from_u64(config.jitter_seed)),
            counters: Counters::default(),
            clock,
            config,
        })
    }

    /// What this wire did so far.
    #[must_use]
    pub fn stats(&self) -> WireStats {
        self.counters.snapshot()
    }

    /// How long the next call of the group would wait if it came now and no other before it. Takes nothing, so
    /// that a quantity can be decided after the wait instead of before it.
    #[must_use]
    pub fn group_wait(&self, group: &str) -> Duration {
        self.pacing.wait(group)
    }

    async fn run(&self, call: &mut Call<'_>) -> Result<Response> {
        loop {
            self.wait_for_turn(call).await?;
            call.tries += 1;
            if call.tries > 1 {
                self.counters.retry();
            }
            let outcome = self.client.exchange(call.prepared).await;
            let pause = outcome.as_ref().ok().and_then(|answer| self.obey(call, answer));
            let again = match &outcome {
                Ok(answer) if answer.status == 429 => {
                    self.stay_away(call, answer, pause)?;
                    continue;
                }
                Ok(answer) => Again::after_status(answer.status),
                Err(fault) => Again::after_fault(fault.cause),
            };
            call.failed += 1;
            let again = again.allows(call.request.idempotent) && self.back_off(call, &outcome, pause).await;
            if !again {
                return outcome.map_err(|fault| call.gave_up(&fault, &self.config));
            }
        }
    }

    /// A call's turn, within the time it may wait in all.
    async fn wait_for_turn(&self, call: &mut Call<'_>) -> Result<()> {
        let left = self.config.retry_time_max.saturating_sub(call.waited);
        let waited = self.pacing.turn(call.request.group, left).await.map_err(|busy| call.no_turn(busy))?;
        call.waited += waited;
        self.counters.waited(waited);
        Ok(())
    }

    /// Holds the group if the server wants a pause.
    fn obey(&self, call: &Call<'_>, answer: &Response) -> Option<Duration> {
        if let Some(rate) = rate_told(answer) {
            self.pacing.learn(call.request.group, rate);
        }
        let in_body = || call.request.rest.and_then(|read| read(answer)).filter(|pause| !pause.is_zero());
        let pause = pause_asked(answer, self.clock.now()).or_else(in_body)?;
        self.pacing.hold(call.request.group, pause);
        Some(pause)
    }

    /// After a 429: nothing was done, so the call comes again when the pause is over, if it can wait that long.
    fn stay_away(&self, call: &mut Call<'_>, answer: &Response, asked: Option<Duration>) -> Result<()> {
        call.limited += 1;
        let pause = match asked {
            Some(pause) if call.limited == 1 => pause,
            // A server that names a time and refuses again then does not know it itself.
            _ => self.delay(call).max(asked.unwrap_or_default()),
        };
        self.pacing.hold(call.request.group, pause);
        if call.waited + pause > self.config.retry_time_max {
            return Err(call.too_many(answer, pause));
        }
        let (channel, group) = (self.config.channel.as_str(), call.request.group);
        let pause_ms = millis(pause);
        tracing::warn!(channel, group, call = call.what, pause_ms, "the server asked for a pause (429)");
        Ok(())
    }

    /// Waits before another try; false if there is none. A pause that the server asked for is waited for with the
    /// group's turn.
    async fn back_off(
        &self,
        call: &mut Call<'_>,
        outcome: &Result<Response, Fault>,
        asked: Option<Duration>,
    ) -> bool {
        let delay = asked.unwrap_or_else(|| self.delay(call));
        if call.failed >= self.config.attempts_max || call.waited + delay > self.config.retry_time_max {
            return false;
        }
        let why = match outcome {
            Ok(answer) => format!("HTTP {}", answer.status),
            Err(fault) => call.words(fault, &self.config),
        };
        let (channel, group) = (self.config.channel.as_str(), call.request.group);
        let (attempt, delay_ms) = (call.tries, millis(delay));
        tracing::warn!(channel, group, call = call.what, attempt, delay_ms, why, "trying again");
        if asked.is_none() {
            call.waited += delay;
            sleep(delay).await;
        }
        true
    }

    fn delay(&self, call: &mut Call<'_>) -> Duration {
        let chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner).random();
        call.delays.next(chance)
    }

    fn tell(&self, call: &Call<'_>, result: &Result<Response>) {
        let (channel, group) = (self.config.channel.as_str(), call.request.group);
        let (method, path) = (call.request.method.as_str(), call.prepared.path.as_str());
        let status = result.as_ref().map_or(0, |answer| answer.status);
        let (ms, waited_ms) = (millis(call.begun.elapsed()), millis(call.waited));
        tracing::debug!(channel, group, method, path, status, ms, attempt = call.tries, waited_ms, "call");
        match result {
            Err(error) => tracing::warn!(channel, group, method, path, error = %error, "gave up"),
            Ok(answer) if answer.status >= 500 => {
                tracing::warn!(channel, group, method, path, status, attempt = call.tries, "gave up");
            }
            Ok(_) => {}
        }
    }
}

#[async_trait]
impl Http for Wire {
    async fn send(&self, request: Request) -> Result<Response> {
        self.counters.call();
        let scrub = Scrub::of(&request);
        let prepared = Prepared::new(&request).inspect_err(|_| self.counters.failure())?;
        let mut call = Call {
            request: &request,
            what: format!("{} {}{}", request.method.as_str(), prepared.host, prepared.path),
            prepared: &prepared,
            scrub: &scrub,
            begun: Instant::now(),
            tries: 0,
            limited: 0,
            failed: 0,
            waited: Duration::ZERO,
            delays: Delays::new(self.config.delay_first, self.config.delay_max),
        };
        let result = match self.run(&mut call).await {
            Ok(answer) if !answer.is_success() => Ok(call.redacted(answer)),
            other => other,
        };
        if result.is_err() {
            self.counters.failure();
        }
        self.tell(&call, &result);
        result
    }
}

impl Call<'_> {
    fn words(&self, fault: &Fault, config: &WireConfig) -> String {
        self.scrub.text(&fault.words(&self.tried(config)).en)
    }

    fn tried(&self, config: &WireConfig) -> Tried<'_> {
        Tried {
            what: &self.what,
            host: &self.prepared.host,
            tries: self.tries,
            elapsed: self.begun.elapsed(),
            timeout: config.timeout,
            idempotent: self.request.idempotent,
        }
    }

    fn gave_up(&self, fault: &Fault, config: &WireConfig) -> Error {
        fault.error(&self.tried(config)).redacted(|text| self.scrub.text(text))
    }

    /// A 429 whose pause is too long to wait for here.
    fn too_many(&self, answer: &Response, pause: Duration) -> Error {
        let text = String::from_utf8_lossy(&answer.body);
        let text = text.trim_start();
        let said: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        let quote = match text.starts_with('<') || said.is_empty() {
            true => Bilingual::default(),
            false => both!(" It says: {said}", "応答: {said}"),
        };
        let message = both!(
            "{what}: {host} allows no more calls for {pause} (HTTP 429, tried {times}, waited {waited}). The call is \
             made again after that; if it happens often, another program may be using the same allowance.{en}",
            "{what} の呼び出し: {host} の呼び出し回数の上限に達しました（HTTP 429、{tries}回試行、待ち時間 {waited}）。\
             {pause}後にもう一度呼び出します。頻繁に起きる場合は、ほかのプログラムも同じ上限を使っている可能性があります。{ja}",
            what = self.what,
            host = self.prepared.host,
            pause = words(pause),
            times = times(self.tries),
            tries = self.tries,
            waited = words(self.waited),
            en = quote.en,
            ja = quote.ja,
        );
        Error::told(ErrorKind::RateLimited, message).redacted(|text| self.scrub.text(text)).after(pause)
    }

    /// The group is busy for longer than this call may wait.
    fn no_turn(&self, busy: Busy) -> Error {
        let why = match busy.asked {
            true => both!("the marketplace asked for a pause", "モールから一時停止を求められた"),
            false => both!("the documented allowance is used up", "仕様上の呼び出し回数の上限に達した"),
        };
        let sent = match self.tries {
            0 => both!("not sent", "送信していません"),
            _ => both!("not sent again", "再送していません"),
        };
        let message = both!(
            "{what}: {en}, because {why}; the next call can go in {wait}.",
            "{what} の呼び出し: {because}ため、{ja}。次の呼び出しは{wait}後です。",
            what = self.what,
            en = sent.en,
            ja = sent.ja,
            because = why.ja,
            wait = words(busy.wait)
        );
        Error::told(ErrorKind::RateLimited, message).after(busy.wait)
    }

    fn redacted(&self, answer: Response) -> Response {
        let headers = answer.headers.into_iter().map(|(name, value)| (name, self.scrub.text(&value)));
        Response { status: answer.status, headers: headers.collect(), body: self.scrub.bytes(answer.body) }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("channel", &self.config.channel).field("stats", &self.stats()).finish()
    }
}

fn times(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times") }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
