//! The watchman: looks at the whole house from time to time, keeps the gauges, and mails the merchant about what
//! needs a person: a silent channel, a credential that runs out, a job given up, a guard that stopped a push.

mod chores;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{Bilingual, Timestamp, both};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock::SystemClock;
use crate::mail::{Envelope, Mailbox, Rendered, Verdict, message};
use crate::store::{Alert, AlertRow, ChannelRow, StoreError};
use crate::web::metric_names as names;

/// How often the house is looked at.
const ROUND: Duration = Duration::from_secs(15);
/// How long a store that does not answer may take to come back before somebody is told; of a full disk at once.
const STANDSTILL: Duration = Duration::from_secs(60);
/// How the Message-IDs of mails to the merchant begin; the queue's mails to buyers have other ones.
pub(crate) const ALERT_ID: &str = "<alert.";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The watchman of one generation.
#[derive(Clone, Debug)]
pub struct Watchman {
    app: App,
    clock: Arc<SystemClock>,
    told: Told,
}

/// What the merchant was mailed that the store may not know: it is the store that may be full. Clones are the same;
/// it outlives a reload.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    /// Alerts whose mail is out and could not be noted.
    alerts: HashMap<i64, Timestamp>,
    /// Since when nothing can be stored.
    standstill: Option<Timestamp>,
    standstill_mailed: Option<Timestamp>,
}

impl Told {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchman {
    /// Watches over this generation.
    #[must_use]
    pub const fn new(app: App, clock: Arc<SystemClock>, told: Told) -> Self {
        Self { app, clock, told }
    }

    /// Makes rounds until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let (mut newest, mut chores) = (0, chores::Chores::default());
        loop {
            let round = self.round(&mut newest).await.and(self.do_chores(&mut chores).await);
            if let Err(error) = &round {
                tracing::error!(error = %error, "the watchman cannot use the store");
            }
            self.mail_standstill(round.err()).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    async fn round(&self, newest: &mut i64) -> Result<(), StoreError> {
        if std::mem::replace(newest, self.app.store.newest_entry().await?) == *newest {
            self.app.store.shrink().await?;
        }
        let now = self.app.clock.now();
        let rows = self.app.store.channels().await?;
        self.check_clock(now).await?;
        for running in &self.app.channels {
            if let Some(row) = rows.iter().find(|r| r.id == running.channel.id) {
                self.check_silence(row, now).await?;
                self.check_credentials(row, now).await?;
            }
            let stats = running.wire.stats();
            metrics::counter!(names::RATE_LIMIT_WAITS, "channel" => running.channel.name.clone())
                .absolute(stats.rate_limit_waits);
        }
        self.app.take_over(now).await?;
        self.count(now).await?;
        self.mail_alerts(now).await
    }

    async fn check_clock(&self, now: Timestamp) -> Result<(), StoreError> {
        match self.clock.stepped_back() {
            Some(behind) => {
                let detail = both!(
                    "this machine's clock ran back by {behind} s; banto's time stands still until it has caught up. Check NTP",
                    "サーバーの時計が{behind}秒戻りました。追いつくまで banto の時刻は止まります。NTPを確認してください",
                    behind = behind.as_secs()
                );
                let alert = Alert { key: "clock", channel: None, kind: "clock", detail: &detail };
                self.app.store.raise(&alert, now).await
            }
            None => self.app.store.clear("clock", now).await,
        }
    }

    async fn check_silence(&self, row: &ChannelRow, now: Timestamp) -> Result<(), StoreError> {
        let key = format!("silent:{}", row.name);
        let limits = &self.app.config.alerts;
        match silence(row, limits.silent_factor, limits.silent_min_minutes, now) {
            Some(quiet) => {
                let gap = words(Duration::from_micros(row.order_gap.unwrap_or(0).unsigned_abs()));
                let quiet = words(quiet);
                let detail = both!(
                    "no order from {name} for {for_en}; normally one comes every {gap_en}. Look at the shop itself, then at \
                     `banto channel probe {name}`",
                    "{name}から{for_ja}受注がありません（通常は{gap_ja}に1件）。ショップの状態を確認し、チャネルの画面で接続を\
                     確認してください",
                    name = row.name,
                    for_en = quiet.en,
                    for_ja = quiet.ja,
                    gap_en = gap.en,
                    gap_ja = gap.ja
                );
                let alert = Alert { key: &key, channel: Some(row.id), kind: "silent", detail: &detail };
                self.app.store.raise(&alert, now).await
            }
            None => self.app.store.clear(&key, now).await,
        }
    }

    async fn check_credentials(&self, row: &ChannelRow, now: Timestamp) -> Result<(), StoreError> {
        let Some(end) = row.credentials_expire.map(Timestamp) else { return Ok(()) };
        let left = end.since(now);
        metrics::gauge!(names::CREDENTIAL_DAYS_LEFT, "channel" => row.name.clone())
            .set(left.as_secs_f64() / DAY.as_secs_f64());
        let steps = &self.app.config.alerts.credential_days;
        let reached = step_reached(steps, left);
        for step in steps {
            // One alert a step, so that each is mailed once; a step that a nearer one has overtaken says nothing new.
            let key = format!("expiry:{}:{step}", row.name);
            if reached == Some(*step) {
                let detail = expiry(&row.name, left);
                let alert = Alert { key: &key, channel: Some(row.id), kind: "credentials", detail: &detail };
                self.app.store.raise(&alert, now).await?;
            } else {
                self.app.store.clear(&key, now).await?;
            }
        }
        Ok(())
    }

    async fn count(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = &self.app.store;
        let mut ages: BTreeMap<String, f64> = BTreeMap::new();
        for count in store.job_counts().await? {
            metrics::gauge!(names::QUEUE_JOBS, "lane" => count.lane.clone(), "state" => count.state.clone())
                .set(precise(count.jobs));
            if count.state != "dead" {
                let age = now.since(Timestamp(count.oldest)).as_secs_f64();
                let oldest = ages.entry(count.lane).or_default();
                *oldest = oldest.max(age);
            }
        }
        for (lane, age) in ages {
            metrics::gauge!(names::QUEUE_AGE, "lane" => lane).set(age);
        }
        let uncertain = store.mails_pending().await?.into_iter().find(|(state, _)| state == "uncertain");
        metrics::gauge!(names::MAILS_UNCERTAIN).set(precise(uncertain.map_or(0, |(_, n)| n)));
        metrics::gauge!(names::SHORTFALL_UNITS).set(precise(store.shortfall_units().await?));
        Ok(())
    }

    /// Mails what is new, and again what still stands after a while, as one mail.
    async fn mail_alerts(&self, now: Timestamp) -> Result<(), StoreError> {
        let again = Duration::from_secs(u64::from(self.app.config.alerts.repeat_hours.max(1)) * 3600);
        let due: Vec<AlertRow> = self
            .app
            .store
            .alerts()
            .await?
            .into_iter()
            .filter(|a| {
                let unnoted = self.told.memory().alerts.get(&a.id).copied();
                let mailed = a.mailed_at.map(Timestamp).max(unnoted);
                mailed.is_none_or(|at| at.plus(again) <= now)
            })
            .collect();
        let Some(newest) = due.iter().map(|a| a.id).max() else { return Ok(()) };
        let lines: Vec<Bilingual> = due.iter().map(|a| Bilingual::unpacked(&a.detail)).collect();
        if !self.mail(&lines, &newest.to_string(), now).await {
            return Ok(());
        }
        let ids: Vec<i64> = due.iter().map(|a| a.id).collect();
        self.told.memory().alerts.extend(ids.iter().map(|id| (*id, now)));
        self.app.store.alerts_mailed(&ids, now).await?;
        self.told.memory().alerts.clear();
        Ok(())
    }

    /// Mails that nothing can be stored, which cannot be an alert: an alert is stored.
    async fn mail_standstill(&self, error: Option<StoreError>) {
        let now = self.app.clock.now();
        let channels = self.app.channels.iter().find_map(|r| r.signals.stands_still());
        let Some(why) = error.map(|e| e.to_string()).or(channels) else {
            self.told.memory().standstill = None;
            return;
        };
        let again = Duration::from_secs(u64::from(self.app.config.alerts.repeat_hours.max(1)) * 3600);
        let due = {
            let mut memory = self.told.memory();
            let since = *memory.standstill.get_or_insert(now);
            let lasts = why == StoreError::DiskFull.to_string() || now.since(since) >= STANDSTILL;
            lasts && memory.standstill_mailed.is_none_or(|at| at.plus(again) <= now)
        };
        let detail = both!(
            "banto cannot store anything, so no order comes in and nothing goes out: {why}. Orders stay safe in their \
             shops until then; stock there is not corrected meanwhile",
            "banto がデータを保存できないため、受注の取得も送信も止まっています: {why}。受注は各ショップに残っています。その間、\
             ショップの在庫数は更新されません"
        );
        if due && self.mail(&[detail], "standstill", now).await {
            self.told.memory().standstill_mailed = Some(now);
        }
    }

    /// Mails these lines to the merchant in the shop's language, now and past the queue; whether the server took it.
    async fn mail(&self, lines: &[Bilingual], name: &str, now: Timestamp) -> bool {
        let Some(to) = self.app.config.mail.as_ref().and_then(|m| m.alert_to.as_deref()) else {
            return false;
        };
        let (Some(smtp), Some(mail)) = (&self.app.smtp, self.compose(lines, to, name, now)) else {
            return false;
        };
        match smtp.send(&mail).await {
            Verdict::Accepted { .. } => true,
            other => {
                tracing::warn!(answer = ?other, "the alert mail did not go out; it is tried again");
                false
            }
        }
    }

    fn compose(
        &self,
        lines: &[Bilingual],
        to: &str,
        name: &str,
        now: Timestamp,
    ) -> Option<crate::mail::Outgoing> {
        let config = self.app.config.mail.as_ref()?;
        let shop = &self.app.config.shop;
        let say = |words: &Bilingual| match shop.language.starts_with("ja") {
            true => words.ja.clone(),
            false => words.en.clone(),
        };
        let text: Vec<String> = lines.iter().map(|line| format!("- {}", say(line))).collect();
        let subject = both!(
            "[banto] {name}: {count} to look at",
            "[banto] {name}: 確認が必要なことが{count}件あります",
            name = shop.name,
            count = lines.len()
        );
        let end = both!(
            "`banto doctor` shows the state of the house.",
            "全体の状態は `banto doctor` で確認できます。"
        );
        let rendered = Rendered {
            subject: say(&subject),
            text: format!("{}\n\n{}\n", text.join("\n\n"), say(&end)),
            html: String::new(),
        };
        let domain = config.from.rsplit('@').next().unwrap_or("localhost");
        let envelope = Envelope {
            from: Mailbox { name: "banto".to_owned(), address: config.from.clone() },
            reply_to: None,
            to: Mailbox { name: String::new(), address: to.to_owned() },
            message_id: format!("{ALERT_ID}{name}.{}@{domain}>", now.as_secs()),
            date: now,
            language: String::new(),
            extra: Vec::new(),
        };
        match message(&rendered, &envelope) {
            Ok(mail) => Some(mail),
            Err(error) => {
                tracing::error!(error = %error, "the alert mail cannot be made");
                None
            }
        }
    }
}

/// How long a channel has been silent, if that is longer than its normal gap allows.
fn silence(row: &ChannelRow, factor: u32, least_minutes: u32, now: Timestamp) -> Option<Duration> {
    let (last, gap) = (Timestamp(row.last_order_at?), row.order_gap?);
    let quiet = now.since(last);
    let normal = Duration::from_micros(gap.unsigned_abs()).saturating_mul(factor);
    let limit = normal.max(Duration::from_secs(u64::from(least_minutes) * 60));
    (quiet > limit).then_some(quiet)
}

/// The nearest of the warnings, each so many days before the end, that have come due.
fn step_reached(steps: &[u32], left: Duration) -> Option<u32> {
    steps.iter().copied().filter(|days| left < DAY * *days).min()
}

fn words(time: Duration) -> Bilingual {
    match time.as_secs() {
        s if s < 120 => both!("{s} seconds", "{s}秒"),
        // Two of each at least.
        s if s < 7200 => both!("{n} minutes", "{n}分", n = s / 60),
        s if s < 172_800 => both!("{n} hours", "{n}時間", n = s / 3600),
        s => both!("{n} days", "{n}日", n = s / 86_400),
    }
}

/// What is to be done about credentials that last so long.
fn expiry(name: &str, left: Duration) -> Bilingual {
    let when = match left {
        Duration::ZERO => both!("have run out", "切れました"),
        left => {
            let left = words(left);
            both!("run out in {en}", "あと{ja}で切れます", en = left.en, ja = left.ja)
        }
    };
    both!(
        "the credentials of {name} {en}; `banto channel probe {name}` says how to renew them",
        "{name}の認証情報の有効期限が{ja}。チャネルの認証情報の画面で更新してください",
        en = when.en,
        ja = when.ja
    )
}

/// Counts are far below 2^53, where a float stops being exact.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
fn precise(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(last_minutes: i64, gap_minutes: i64) -> ChannelRow {
        ChannelRow {
            id: 1,
            name: "honten".to_owned(),
            kind: "sim".to_owned(),
            mode: "live".to_owned(),
            locations: "[]".to_owned(),
            paused: false,
            stopped: None,
            approved: false,
            cursor: None,
            created_at: 0,
            live_since: None,
            pulled_at: None,
            pull_error: None,
            pull_failed_since: None,
            last_order_at: Some(last_minutes * 60_000_000),
            order_gap: Some(gap_minutes * 60_000_000),
            credentials_expire: None,
            owner: None,
            lease_until: None,
            mapped: 0,
            push_asked: 0,
        }
    }

    #[test]
    fn only_the_nearest_warning_of_an_end_is_given() {
        let steps = [14, 7, 3, 1];
        let reached = |hours: u64| step_reached(&steps, Duration::from_secs(hours * 3600));
        assert_eq!(reached(14 * 24), None);
        assert_eq!(reached(14 * 24 - 1), Some(14));
        assert_eq!(reached(50), Some(3));
        assert_eq!((reached(9), reached(0)), (Some(1), Some(1)));
    }

    #[test]
    fn silence_is_measured_by_the_channels_own_pace() {
        let at = |minutes: i64| Timestamp(minutes * 60_000_000);
        assert_eq!(silence(&row(0, 10), 6, 30, at(59)), None);
        assert_eq!(silence(&row(0, 10), 6, 30, at(61)), Some(Duration::from_secs(61 * 60)));
        assert_eq!(silence(&row(0, 1), 6, 30, at(29)), None, "never before the least");
        assert_eq!(silence(&ChannelRow { order_gap: None, ..row(0, 1) }, 6, 30, at(9999)), None);
    }
}
