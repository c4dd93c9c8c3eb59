//! What the first page and the live updates ask: bounded look-ups along partial indexes, never a count of everything.

use banto_channel::Timestamp;

use super::db::args;
use super::sql::texts;
use super::tables::{AlertRow, ChannelRow, JobRow, ListingRow};
use super::{Result, Store, keys, sql};
use crate::domain::ChannelId;

texts! {
    // The newest key of each kind of thing; all are looked up at the end of an index.
    DESK_MARKS = "SELECT c.next AS counter, \
        CAST(COALESCE((SELECT MAX(id) FROM entry), 0) AS BIGINT) AS entry, \
        CAST(COALESCE((SELECT MAX(id) FROM payload), 0) AS BIGINT) AS payload, \
        CAST(COALESCE((SELECT MAX(id) FROM job), 0) AS BIGINT) AS job, \
        CAST(COALESCE((SELECT MAX(id) FROM alert), 0) AS BIGINT) AS alert, \
        CAST(COALESCE((SELECT MAX(id) FROM audit), 0) AS BIGINT) AS audit, \
        CAST(COALESCE((SELECT MAX(sent_at) FROM mail WHERE sent_at IS NOT NULL), 0) AS BIGINT) AS sent \
        FROM counter c WHERE c.name = 'id'";
    DESK_MAILS = "SELECT t.state, t.mails, t.oldest FROM (SELECT k.value ->> 0 AS state, \
            CAST((SELECT COUNT(*) FROM (SELECT m.order_id FROM mail m WHERE m.state = k.value ->> 0 \
            AND m.state NOT IN ('sent', 'dropped') LIMIT $2) c) AS BIGINT) AS mails, \
            (SELECT m.order_id FROM mail m WHERE m.state = k.value ->> 0 AND m.state NOT IN ('sent', 'dropped') \
            ORDER BY m.state, m.order_id LIMIT 1) AS oldest FROM jsonb_each($1) k) t \
        WHERE t.oldest IS NOT NULL ORDER BY t.state";
    DESK_CHANNELS = "SELECT c.id, c.mode, c.paused, c.stopped, c.approved, c.pulled_at, c.pull_error, c.mapped, \
        c.push_asked, c.credentials_expire, (SELECT MAX(l.sent_at) FROM listing l \
        WHERE l.channel_id = c.id AND l.sent_at IS NOT NULL) AS pushed_at FROM channel c ORDER BY c.id";
    // The oldest is among the first hundred that came in.
    DESK_SHORT = "WITH lacking AS (SELECT DISTINCT order_id FROM reservation WHERE short > 0 ORDER BY order_id LIMIT 1000) \
        SELECT CAST(COUNT(*) AS BIGINT) AS n, (SELECT MIN(o.placed_at) FROM \
            (SELECT order_id FROM lacking ORDER BY order_id LIMIT 100) s JOIN orders o ON o.id = s.order_id) AS oldest \
        FROM lacking";
    DESK_HELD = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(s.placed_at) AS oldest FROM \
        (SELECT placed_at FROM orders WHERE hold IS NOT NULL ORDER BY id LIMIT 1000) s";
    DESK_SHIP_BY = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(s.ship_by) AS oldest FROM \
        (SELECT ship_by FROM orders WHERE open AND ship_by IS NOT NULL AND ship_by >= $1 AND ship_by < $2 \
        ORDER BY ship_by LIMIT 1000) s";
    // `channel_id + 0` keeps the engines off the index of the channel's whole history.
    DESK_UNPAID = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(s.placed_at) AS oldest FROM \
        (SELECT placed_at FROM orders WHERE open AND payment <> 'paid' AND payment IN ('awaiting', 'partial', 'failed') \
        AND channel_id + 0 = $1 AND payment_method = $2 AND placed_at < $3 ORDER BY id LIMIT 1000) s";
    DESK_LINES = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(o.placed_at) AS oldest FROM \
        (SELECT order_id FROM order_line WHERE item_id IS NULL AND per > 0 AND quantity > cancelled \
            ORDER BY order_id DESC LIMIT 1000) l JOIN orders o ON o.id = l.order_id WHERE o.moves_stock";
    DESK_LISTINGS = "SELECT CAST(COUNT(*) AS BIGINT) AS n, CAST(NULL AS BIGINT) AS oldest FROM \
        (SELECT id FROM listing WHERE item_id IS NULL AND NOT ignored LIMIT 1000) s";
    DESK_QUARANTINE = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(s.at) AS oldest FROM \
        (SELECT at FROM quarantine WHERE resolved_at IS NULL ORDER BY id LIMIT 1000) s";
    DESK_DEAD = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(s.created_at) AS oldest FROM \
        (SELECT created_at FROM job WHERE state = 'dead' ORDER BY id LIMIT 1000) s";
    DESK_MAIL = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(o.placed_at) AS oldest FROM \
        (SELECT order_id FROM mail WHERE state = $1 AND state NOT IN ('sent', 'dropped') LIMIT 1000) m \
        JOIN orders o ON o.id = m.order_id";
    DESK_SALES = "SELECT channel_id, currency, CAST(COUNT(*) AS BIGINT) AS orders, \
        CAST(SUM(grand_total) AS BIGINT) AS total FROM orders \
        WHERE placed_at >= $1 AND placed_at < $2 AND fulfilment <> 'cancelled' \
        GROUP BY channel_id, currency ORDER BY channel_id, currency";
    DESK_LAGS = "SELECT l.sent_at - e.at FROM (SELECT sent_at, sent_version FROM listing \
        WHERE channel_id = $1 AND sent_at IS NOT NULL AND sent_at >= $2 ORDER BY sent_at DESC LIMIT 40) l \
        JOIN entry e ON e.id = l.sent_version WHERE l.sent_at >= e.at ORDER BY 1";
    // CROSS JOIN has SQLite begin with the few items that moved.
    DESK_BEHIND = "WITH moved AS (SELECT DISTINCT item_id FROM (SELECT item_id FROM entry ORDER BY id DESC LIMIT 300) e), \
        sold AS (SELECT item_id AS offered, item_id FROM moved UNION \
            SELECT k.set_id, k.item_id FROM moved m CROSS JOIN component k WHERE k.item_id = m.item_id) \
        SELECT l.channel_id, CAST(COUNT(DISTINCT l.id) AS BIGINT) FROM sold s CROSS JOIN listing l CROSS JOIN level v \
        WHERE l.item_id = s.offered AND v.item_id = s.item_id AND l.error IS NULL AND NOT l.ignored \
        AND v.last_entry > l.shown_version AND v.last_entry > l.sent_version GROUP BY l.channel_id ORDER BY l.channel_id";
    DESK_FAILED = "SELECT CAST(COUNT(*) AS BIGINT) AS n, MIN(s.error_at) AS oldest FROM \
        (SELECT error_at FROM listing WHERE channel_id = $1 AND error IS NOT NULL LIMIT 1000) s";
    DESK_FAILING = "SELECT * FROM listing WHERE channel_id = $1 AND error IS NOT NULL ORDER BY error_at DESC, id LIMIT $2";
    DESK_JOBS = "SELECT * FROM job WHERE id > $1 AND ($2 = '' OR lane = $2) AND state <> 'dead' ORDER BY id LIMIT $3";
    // `id + 0` has the engines begin with the jobs of the lane.
    DESK_JOBS_OF_FEW = "SELECT * FROM job WHERE id + 0 > $1 AND lane = $2 AND state <> 'dead' ORDER BY id + 0 LIMIT $3";
    // `lane >= ''` keeps SQLite on the index of what is not given up.
    DESK_JOB_COUNTS = "SELECT CAST((SELECT COUNT(*) FROM (SELECT lane FROM job WHERE state <> 'dead' AND lane >= '' \
            LIMIT $1) w) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT id FROM job WHERE state = 'dead' ORDER BY id LIMIT $1) d) AS BIGINT)";
    // From lane to lane along the index, however many jobs wait in each.
    DESK_LANES = "WITH RECURSIVE lanes (lane) AS (SELECT MIN(lane) FROM job WHERE state <> 'dead' UNION ALL \
        SELECT (SELECT MIN(j.lane) FROM job j WHERE j.state <> 'dead' AND j.lane > l.lane) FROM lanes l \
        WHERE l.lane IS NOT NULL) SELECT lane FROM lanes WHERE lane IS NOT NULL \
        UNION SELECT lane FROM (SELECT lane FROM job WHERE state = 'dead' ORDER BY id LIMIT $1) d ORDER BY 1";
    DESK_ACTIONS = "SELECT DISTINCT action FROM audit WHERE id > $1 AND id <= $2 ORDER BY action LIMIT 100";
}

/// Where everything stands that a page may show. Two of them, taken one after the other, tell what kind of thing has
/// changed between them, whichever process changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The newest keys.
    pub newest: Newest,
    /// Mails that are not done with, by state.
    pub mails: Vec<PendingMails>,
    /// The channels, as far as they move by themselves.
    pub channels: Vec<ChannelMark>,
}

/// The newest key of each kind of thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Newest {
    /// The next key of all.
    pub counter: i64,
    /// The newest movement of stock.
    pub entry: i64,
    /// The newest version of an order.
    pub payload: i64,
    /// The newest job that is not done.
    pub job: i64,
    /// The newest problem.
    pub alert: i64,
    /// The newest act of a person.
    pub audit: i64,
    /// When the newest mail was sent, microseconds since 1970.
    pub sent: i64,
}

/// Mails of one state that are not done with.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PendingMails {
    /// `queued`, `by_hand`, `held`, `sending`, `refused` or `uncertain`.
    pub state: String,
    /// How many, up to [`COUNT_MAX`].
    pub mails: i64,
    /// The oldest order that one of them is about.
    pub oldest: i64,
}

/// What moves in a channel by itself.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ChannelMark {
    /// Its key.
    pub id: i64,
    /// `observe` or `live`.
    pub mode: String,
    /// Whether a person paused it.
    pub paused: bool,
    /// Why the guard stopped its pushes.
    pub stopped: Option<String>,
    /// Whether a person let the stopped push go.
    pub approved: bool,
    /// When its newest page of orders was taken, microseconds since 1970.
    pub pulled_at: Option<i64>,
    /// Why its orders cannot be read.
    pub pull_error: Option<String>,
    /// How often a person has mapped its listings.
    pub mapped: i64,
    /// How often a person has asked for a push.
    pub push_asked: i64,
    /// When its credentials run out, microseconds since 1970.
    pub credentials_expire: Option<i64>,
    /// When its newest push began, microseconds since 1970.
    pub pushed_at: Option<i64>,
}

/// How many of a kind wait for a person, up to [`COUNT_MAX`], and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Count {
    /// How many.
    pub n: i64,
    /// The oldest, microseconds since 1970: when its order was placed, or when it came up.
    pub oldest: Option<i64>,
}

/// The states of mails that are not done with.
const PENDING: [&str; 6] = ["by_hand", "held", "queued", "refused", "sending", "uncertain"];

/// Where counting ends: a work list of that length is "many".
pub const COUNT_MAX: i64 = 1000;

/// The time of a day at a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// When it began.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

/// Orders and sales of one channel in one currency. Cancelled orders do not count.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Sales {
    /// The channel.
    pub channel_id: ChannelId,
    /// ISO 4217 code.
    pub currency: String,
    /// How many orders.
    pub orders: i64,
    /// What buyers pay, minor units.
    pub total: i64,
}

/// An unpaid order of this channel and payment method is past its deadline when it was placed before `before`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpaidBefore {
    /// The channel.
    pub channel: ChannelId,
    /// The payment method, as the channel names it.
    pub method: String,
    /// The latest time of an order that is past its deadline.
    pub before: Timestamp,
}

/// What waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Orders that wait for goods.
    pub short: Count,
    /// Orders on hold.
    pub held: Count,
    /// Orders that should have left before today; `oldest` is their day.
    pub late: Count,
    /// Orders that have to leave today.
    pub due: Count,
    /// Orders past the day on which their money should have come.
    pub unpaid: Count,
    /// Order lines without an item.
    pub lines: Count,
    /// Listings without an item.
    pub listings: Count,
    /// Orders that could not be understood.
    pub quarantine: Count,
    /// Jobs that were given up.
    pub dead: Count,
    /// Mails of which nobody knows whether they arrived.
    pub uncertain: Count,
    /// Mails that the server refused.
    pub refused: Count,
    /// Mails that wait for a person to send them.
    pub by_hand: Count,
    /// Problems that were raised and are not over.
    pub alerts: Vec<AlertRow>,
}

/// How one channel keeps up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The channel.
    pub row: ChannelRow,
    /// When its newest push began, microseconds since 1970.
    pub pushed_at: Option<i64>,
    /// Listings whose stock moved and was not sent yet, of the last few hundred movements.
    pub behind: i64,
    /// Listings whose last push was not taken, and the oldest failure.
    pub failed: Count,
    /// From movement to push in the middle of the newest pushes, microseconds.
    pub usual_lag: Option<i64>,
    /// The slowest of them.
    pub worst_lag: Option<i64>,
}

impl Store {
    /// What waits for a person today.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_work(&self, today: Day, unpaid: &[UnpaidBefore]) -> Result<Work> {
        let mut late = Count::default();
        for rule in unpaid {
            let args = args![rule.channel, &rule.method, rule.before.0];
            let found = self.count(DESK_UNPAID, args).await?;
            late = Count { n: late.n + found.n, oldest: late.oldest.into_iter().chain(found.oldest).min() };
        }
        Ok(Work {
            short: self.count(DESK_SHORT, args![]).await?,
            held: self.count(DESK_HELD, args![]).await?,
            late: self.count(DESK_SHIP_BY, args![0_i64, today.begins.0]).await?,
            due: self.count(DESK_SHIP_BY, args![today.begins.0, today.ends.0]).await?,
            unpaid: late,
            lines: self.count(DESK_LINES, args![]).await?,
            listings: self.count(DESK_LISTINGS, args![]).await?,
            quarantine: self.count(DESK_QUARANTINE, args![]).await?,
            dead: self.count(DESK_DEAD, args![]).await?,
            uncertain: self.count(DESK_MAIL, args!["uncertain"]).await?,
            refused: self.count(DESK_MAIL, args!["refused"]).await?,
            by_hand: self.count(DESK_MAIL, args!["by_hand"]).await?,
            alerts: self.alerts().await?,
        })
    }

    async fn count(&self, text: &'static str, args: &[super::db::Val<'_>]) -> Result<Count> {
        Ok(self.db.first(text, args).await?.unwrap_or_default())
    }

    /// Orders placed in a stretch of time, by channel and currency.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_sales(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Sales>> {
        self.db.all(DESK_SALES, args![from.0, until.0]).await
    }

    /// How every channel keeps up; pushes since `since` count.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_paces(&self, since: Timestamp) -> Result<Vec<Pace>> {
        let marks: Vec<ChannelMark> = self.db.all(DESK_CHANNELS, args![]).await?;
        let behind: Vec<(ChannelId, i64)> = self.db.all(DESK_BEHIND, args![]).await?;
        let mut paces = Vec::new();
        for row in self.db.all::<ChannelRow>(sql::CHANNELS, args![]).await? {
            let lags: Vec<(i64,)> = self.db.all(DESK_LAGS, args![row.id, since.0]).await?;
            paces.push(Pace {
                pushed_at: marks.iter().find(|m| m.id == row.id).and_then(|m| m.pushed_at),
                behind: behind.iter().find(|(id, _)| *id == row.id).map_or(0, |(_, n)| *n),
                failed: self.count(DESK_FAILED, args![row.id]).await?,
                usual_lag: lags.get(lags.len() / 2).map(|lag| lag.0),
                worst_lag: lags.last().map(|lag| lag.0),
                row,
            });
        }
        Ok(paces)
    }

    /// Listings of a channel whose last push was not taken, the newest failure first.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn failing_listings(&self, channel: ChannelId, limit: i64) -> Result<Vec<ListingRow>> {
        self.db.all(DESK_FAILING, args![channel, limit]).await
    }

    /// Jobs that wait or run with keys above `after`, oldest first; of one lane, or of all (`""`).
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn jobs_waiting_after(&self, lane: &str, after: i64, limit: i64) -> Result<Vec<JobRow>> {
        // A few are found by their lane and sorted; the next of many lie close together along all jobs.
        let few = !lane.is_empty() && self.jobs_in_lane(lane, COUNT_MAX).await? < COUNT_MAX;
        let text = if few { DESK_JOBS_OF_FEW } else { DESK_JOBS };
        self.db.all(text, args![after, lane, limit]).await
    }

    /// How many jobs wait or run, and how many were given up; counting ends at [`COUNT_MAX`].
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_jobs(&self) -> Result<(i64, i64)> {
        Ok(self.db.first(DESK_JOB_COUNTS, args![COUNT_MAX]).await?.unwrap_or_default())
    }

    /// The lanes in which jobs wait, or were given up, by name.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_lanes(&self) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = self.db.all(DESK_LANES, args![COUNT_MAX]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Where everything stands now. A dozen look-ups, so it may be asked every second.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_marks(&self) -> Result<Marks> {
        Ok(Marks {
            newest: self.db.first(DESK_MARKS, args![]).await?.unwrap_or_default(),
            mails: self.db.all(DESK_MAILS, args![&keys(PENDING)?, COUNT_MAX]).await?,
            channels: self.db.all(DESK_CHANNELS, args![]).await?,
        })
    }

    /// What people did between two marks of the audit, each kind of act once.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn desk_actions(&self, after: i64, until: i64) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = self.db.all(DESK_ACTIONS, args![after, until]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }
}
