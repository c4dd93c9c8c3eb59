//! Orders in: pages from the connector, each committed with its cursor.

use std::collections::HashSet;
use std::time::Duration;

use banto_channel::{Bilingual, Cursor, Error, ErrorKind, Page, Read, RemoteOrderId, both};

use super::Channel;
use crate::store::{IntakeReport, Store, StoreError};
use crate::web::metric_names as names;

/// Most pages of one round; a backlog beyond that goes on in the next.
const PAGES_MAX: usize = 500;
/// How far a cursor may be ahead of the clock: two daemons' clocks differ a little.
const FUTURE_ALLOWED: Duration = Duration::from_secs(300);

/// Why a round ended early. What was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The marketplace or the way to it.
    #[error("{0}")]
    Channel(#[from] Error),
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl PullError {
    /// What happened, in both languages; the English is what `Display` shows.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        let ja = match self {
            Self::Channel(error) => error.words().ja,
            Self::Store(error) => error.words().ja,
        };
        Bilingual { en: self.to_string(), ja }
    }
}

/// What a round brought.
#[derive(Clone, Debug, Default)]
pub struct Pulled {
    /// Pages fetched.
    pub pages: usize,
    /// Orders never seen before.
    pub new: usize,
    /// Known orders with news.
    pub changed: usize,
    /// Orders that could not be understood.
    pub quarantined: usize,
    /// More is waiting right now.
    pub more: bool,
}

impl Pulled {
    fn add(&mut self, report: &IntakeReport) {
        self.pages += 1;
        self.new += report.new.len();
        self.changed += report.changed.len();
        self.quarantined += report.quarantined.len();
    }
}

/// Pulls until the channel has no more, committing page by page.
///
/// Errors: [`PullError`]; a cursor that comes back while the channel says there is more is
/// [`ErrorKind::Malformed`], because such a page never ends.
pub async fn pull_round(channel: &Channel, store: &Store) -> Result<Pulled, PullError> {
    let mut cursor = store.channel(&channel.name).await?.cursor.map(Cursor::from);
    if let Some(cursor) = &cursor {
        refuse_the_future(channel, cursor)?;
    }
    let mut seen: HashSet<Option<Cursor>> = HashSet::from([cursor.clone()]);
    let mut pulled = Pulled::default();
    while pulled.pages < PAGES_MAX {
        let page = channel.connector.pull_orders(&channel.cx, cursor.as_ref()).await?;
        let Page { items, next, more } = page;
        let report = store.take_page(&channel.facts, &items, Some(&next), channel.now()).await?;
        tell(channel, &items, &report);
        pulled.add(&report);
        pulled.more = more;
        if !more {
            break;
        }
        cursor = Some(next);
        if !seen.insert(cursor.clone()) {
            let what = both!(
                "the channel says that there are more orders but gives the same page again; orders so far are safe, \
                 and the next round starts from there",
                "続きの注文があるのに同じページが繰り返し返されました。ここまでの注文は取り込み済みで、次回はその続きから\
                 取得します"
            );
            return Err(Error::told(ErrorKind::Malformed, what).into());
        }
    }
    Ok(pulled)
}

/// A clock that was wrong once may have written a cursor that would skip everything until that day.
fn refuse_the_future(channel: &Channel, cursor: &Cursor) -> Result<(), Error> {
    let now = channel.now();
    match channel.connector.cursor_made_at(cursor) {
        Some(made) if made > now.plus(FUTURE_ALLOWED) => Err(Error::told(
            ErrorKind::Unexpected,
            both!(
                "the cursor was made {ahead} s in the future: this machine's clock was or is wrong. Set the clock; if it \
                 is right now, `banto channel pull {name} --from-start` reads orders anew and takes none twice",
                "取り込み位置が{ahead}秒先の時刻になっています。このサーバーの時計がずれている（いた）ためです。時計を合わせて\
                 ください。今は合っている場合、banto channel pull {name} --from-start で注文を読み直せます（重複して\
                 取り込まれることはありません）",
                ahead = made.since(now).as_secs(),
                name = channel.name
            ),
        )),
        _ => Ok(()),
    }
}

/// Reads open orders again, for channels whose search misses changes.
///
/// Errors: [`PullError`].
pub async fn reread_round(channel: &Channel, store: &Store) -> Result<Pulled, PullError> {
    let mut pulled = Pulled::default();
    let batch = i64::from(channel.connector.capabilities().reread_batch_max);
    let mut after = 0;
    loop {
        let open = store.open_orders_of(channel.id, after, batch).await?;
        let Some(last) = open.last() else { return Ok(pulled) };
        after = last.id;
        let ids: Vec<RemoteOrderId> = open.iter().map(|o| RemoteOrderId(o.remote_id.clone())).collect();
        let reads = channel.connector.reread_orders(&channel.cx, &ids).await?;
        let report = store.take_page(&channel.facts, &reads, None, channel.now()).await?;
        tell(channel, &reads, &report);
        pulled.add(&report);
    }
}

/// Logs every decision under the order's id.
fn tell(channel: &Channel, items: &[Read], report: &IntakeReport) {
    let name = channel.name.as_str();
    for id in &report.new {
        tracing::info!(channel = name, order = id, "order imported");
    }
    for id in &report.changed {
        tracing::info!(channel = name, order = id, "order updated");
    }
    for (id, reason) in &report.held {
        tracing::warn!(channel = name, order = id, reason, "order put on hold");
    }
    for one in &report.quarantined {
        let remote = one.remote_id.as_deref().unwrap_or("unknown");
        tracing::warn!(channel = name, remote_order = remote, reason = one.reason, "order quarantined");
    }
    tracing::debug!(channel = name, orders = items.len(), unchanged = report.unchanged, "page taken");
    metrics::counter!(names::ORDERS_IMPORTED, "channel" => channel.name.clone())
        .increment(report.new.len() as u64);
}
