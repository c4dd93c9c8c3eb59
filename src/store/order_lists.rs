//! What the order pages ask: lists of open work along partial indexes, pages of everything by key, named lists, notes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Timestamp, both};

use super::db::args;
use super::jobs::job_keys;
use super::sql::{self, texts};
use super::tables::{self, ItemRow, JobRow, OrderRow, PayloadRow, SavedFilterRow};
use super::{Result, Store, StoreError, keys};
use crate::domain::order::Event;
use crate::domain::{ChannelId, ItemId, OrderId};

// The lists give keys. `$1` is the key of the last order of the page before, `$2` a channel or 0, `$3` a state of payment or nothing, `$4` how
// many. A `+` before a column keeps SQLite off the index of the whole history.
texts! {
    LIST_ALL = "SELECT id FROM orders WHERE id < $1 ORDER BY id DESC LIMIT $2";
    LIST_CHANNEL = "SELECT id FROM orders WHERE channel_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    LIST_OPEN = "SELECT id FROM orders WHERE open AND id < $1 AND ($2 = 0 OR channel_id + 0 = $2) \
        AND ($3 = '' OR payment = $3) ORDER BY id DESC LIMIT $4";
    // Open ones in a state of payment that is not the usual one.
    LIST_NOT_PAID = "SELECT id FROM orders WHERE open AND payment <> 'paid' AND id < $1 \
        AND ($2 = 0 OR channel_id + 0 = $2) AND payment = $3 ORDER BY id DESC LIMIT $4";
    LIST_TO_SHIP = "SELECT id FROM orders o WHERE open AND id < $1 AND ($2 = 0 OR channel_id + 0 = $2) \
        AND ($3 = '' OR payment = $3) AND hold IS NULL AND moves_stock AND (payment IN ('paid', 'partly_refunded') \
            OR LOWER(payment_method) IN ('cod', 'cash_on_delivery') OR payment_title LIKE '%代引%' \
            OR payment_title LIKE '%代金引換%') \
        AND NOT EXISTS (SELECT 1 FROM reservation r WHERE r.order_id = o.id AND r.short > 0) ORDER BY id DESC LIMIT $4";
    LIST_UNPAID = "SELECT id FROM orders WHERE open AND payment <> 'paid' AND payment IN ('awaiting', 'partial', 'failed') \
        AND id < $1 AND ($2 = 0 OR channel_id + 0 = $2) AND ($3 = '' OR payment = $3) ORDER BY id DESC LIMIT $4";
    LIST_HELD = "SELECT id FROM orders WHERE hold IS NOT NULL AND id < $1 AND ($2 = 0 OR channel_id + 0 = $2) \
        AND ($3 = '' OR payment = $3) ORDER BY id DESC LIMIT $4";
    LIST_SHORT = "SELECT DISTINCT r.order_id FROM reservation r CROSS JOIN orders o WHERE r.short > 0 AND r.order_id < $1 \
        AND o.id = r.order_id AND ($2 = 0 OR o.channel_id + 0 = $2) AND ($3 = '' OR o.payment = $3) \
        ORDER BY r.order_id DESC LIMIT $4";
    // From an open order to the next older line that is no item, from that to the next older open order, and so on: where
    // two steps stand on the same order, it has both. So it costs what the fewer of the two cost, among however many.
    LIST_UNMATCHED = "WITH RECURSIVE leap (was, at, side) AS (SELECT CAST($1 AS BIGINT), CAST($1 AS BIGINT), CAST(0 AS BIGINT) \
        UNION ALL SELECT p.at, CASE p.side WHEN 0 THEN (SELECT o.id FROM orders o WHERE o.open AND o.moves_stock \
            AND ($2 = 0 OR o.channel_id + 0 = $2) AND ($3 = '' OR o.payment = $3) \
            AND o.id <= p.at - (CASE WHEN p.was = p.at THEN 1 ELSE 0 END) ORDER BY o.id DESC LIMIT 1) \
        ELSE (SELECT l.order_id FROM order_line l WHERE l.item_id IS NULL AND l.per > 0 AND l.quantity > l.cancelled \
            AND l.order_id <= p.at - (CASE WHEN p.was = p.at THEN 1 ELSE 0 END) ORDER BY l.order_id DESC LIMIT 1) END, \
        1 - p.side FROM leap p WHERE p.at IS NOT NULL) \
        SELECT at FROM leap WHERE was = at AND at < $1 ORDER BY at DESC LIMIT $4";
    // `ship_by + 0` keeps SQLite on the keys: along the days, every late order would be sorted for one page.
    LIST_LATE = "SELECT id FROM orders WHERE open AND ship_by + 0 < $5 AND id < $1 \
        AND ($2 = 0 OR channel_id + 0 = $2) AND ($3 = '' OR payment = $3) ORDER BY id DESC LIMIT $4";
    LIST_UNCERTAIN = "SELECT id FROM orders WHERE id IN (SELECT order_id FROM mail WHERE state = 'uncertain' \
        AND state NOT IN ('sent', 'dropped')) AND id < $1 AND ($2 = 0 OR channel_id + 0 = $2) \
        AND ($3 = '' OR payment = $3) ORDER BY id DESC LIMIT $4";
    // `$1` is where counting ends, `$2` the time now, `$3` the key before which it begins. What no index knows is counted
    // among the newest open orders; lines that are no item as in their list.
    LIST_COUNTS = "WITH RECURSIVE newest AS (SELECT id, hold, moves_stock, payment, payment_method, payment_title FROM orders \
            WHERE open ORDER BY id DESC LIMIT $1), \
        leap (was, at, side) AS (SELECT CAST($3 AS BIGINT), CAST($3 AS BIGINT), CAST(0 AS BIGINT) \
        UNION ALL SELECT p.at, CASE p.side WHEN 0 THEN (SELECT o.id FROM orders o WHERE o.open AND o.moves_stock \
            AND o.id <= p.at - (CASE WHEN p.was = p.at THEN 1 ELSE 0 END) ORDER BY o.id DESC LIMIT 1) \
        ELSE (SELECT l.order_id FROM order_line l WHERE l.item_id IS NULL AND l.per > 0 AND l.quantity > l.cancelled \
            AND l.order_id <= p.at - (CASE WHEN p.was = p.at THEN 1 ELSE 0 END) ORDER BY l.order_id DESC LIMIT 1) END, \
        1 - p.side FROM leap p WHERE p.at IS NOT NULL) \
        SELECT CAST((SELECT COUNT(*) FROM newest) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM newest w WHERE hold IS NULL AND moves_stock AND (payment IN ('paid', 'partly_refunded') \
            OR LOWER(payment_method) IN ('cod', 'cash_on_delivery') OR payment_title LIKE '%代引%' \
            OR payment_title LIKE '%代金引換%') AND NOT EXISTS (SELECT 1 FROM reservation r \
            WHERE r.order_id = w.id AND r.short > 0)) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT id FROM orders WHERE open AND payment <> 'paid' \
            AND payment IN ('awaiting', 'partial', 'failed') ORDER BY id DESC LIMIT $1) u) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT id FROM orders WHERE hold IS NOT NULL ORDER BY id DESC LIMIT $1) h) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT DISTINCT order_id FROM reservation WHERE short > 0 ORDER BY order_id DESC \
            LIMIT $1) s) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT at FROM leap WHERE was = at AND at < $3 LIMIT $1) n) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT ship_by FROM orders WHERE open AND ship_by IS NOT NULL AND ship_by < $2 \
            ORDER BY ship_by LIMIT $1) d) AS BIGINT), \
        CAST((SELECT COUNT(DISTINCT m.order_id) FROM (SELECT order_id FROM mail WHERE state = 'uncertain' \
            AND state NOT IN ('sent', 'dropped') LIMIT $1) m) AS BIGINT)";
    LISTED = "SELECT id, channel_id, remote_id, number, placed_at, version, payment, fulfilment, hold, open, moves_stock, \
        currency, grand_total, ship_by, buyer_name FROM orders \
        WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY id DESC";
    LISTED_LINES = "SELECT order_id, title, item_id, per, quantity, cancelled FROM order_line \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY order_id, line_no";
    SHORT_OF_ORDERS = "SELECT order_id, CAST(SUM(short) AS BIGINT) FROM reservation WHERE short > 0 \
        AND order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) GROUP BY order_id ORDER BY order_id";
    PAYLOAD_VERSIONS = "WITH RECURSIVE chain (id, n) AS (SELECT CAST($1 AS BIGINT), CAST(1 AS BIGINT) UNION ALL \
        SELECT p.prev_id, c.n + 1 FROM chain c CROSS JOIN payload p WHERE p.id = c.id AND p.prev_id > 0 AND c.n < $2) \
        SELECT p.id, p.at FROM chain c CROSS JOIN payload p WHERE p.id = c.id ORDER BY p.id DESC";
    FILTERS_OF = "SELECT * FROM saved_filter WHERE person_id = $1 ORDER BY name";
    FILTER_DROP_NAME = "DELETE FROM saved_filter WHERE person_id = $1 AND name = $2";
    FILTER_DROP = "DELETE FROM saved_filter WHERE person_id = $1 AND id = $2";
}

/// Which orders a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderTab {
    /// Those of which something may still leave.
    #[default]
    Open,
    /// Paid or paid at the door, not held, nothing lacking: they can be packed now.
    ToShip,
    /// Open ones whose money has not come.
    Unpaid,
    /// Those on hold.
    Held,
    /// Those that lack goods.
    Short,
    /// Open ones with a line that is no item of ours yet.
    Unmatched,
    /// Open ones that should have left by now.
    Late,
    /// Those with a mail of which nobody knows whether it arrived.
    Uncertain,
    /// Every order.
    All,
}

impl OrderTab {
    /// Every tab, in the order of a day's work.
    pub const EVERY: [Self; 9] = [
        Self::Open,
        Self::ToShip,
        Self::Unpaid,
        Self::Held,
        Self::Short,
        Self::Unmatched,
        Self::Late,
        Self::Uncertain,
        Self::All,
    ];

    /// Its word in an address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "todo",
            Self::ToShip => "ship",
            Self::Unpaid => "unpaid",
            Self::Held => "held",
            Self::Short => "short",
            Self::Unmatched => "unmatched",
            Self::Late => "late",
            Self::Uncertain => "uncertain",
            Self::All => "all",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|tab| tab.name() == name)
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Open | Self::All => LIST_OPEN,
            Self::ToShip => LIST_TO_SHIP,
            Self::Unpaid => LIST_UNPAID,
            Self::Held => LIST_HELD,
            Self::Short => LIST_SHORT,
            Self::Unmatched => LIST_UNMATCHED,
            Self::Late => LIST_LATE,
            Self::Uncertain => LIST_UNCERTAIN,
        }
    }
}

/// What a list asks for.
#[derive(Clone, Copy, Debug)]
pub struct OrderPage<'a> {
    /// Which orders.
    pub tab: OrderTab,
    /// Only those of this channel.
    pub channel: Option<ChannelId>,
    /// Only those in this state of payment; among all orders, only open ones then.
    pub payment: Option<&'a str>,
    /// Only those with smaller keys.
    pub before: OrderId,
    /// At most so many.
    pub limit: i64,
    /// The time now: what is late.
    pub now: Timestamp,
}

/// Where the counting of a list ends.
const COUNTED: i64 = 1_000;

/// How many orders stand in a list, as far as they were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// So many.
    pub n: i64,
    /// There may be more.
    pub more: bool,
}

/// What a list shows of an order: half of its columns, for each value is copied by itself on the way out of SQLite.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ListedOrder {
    /// Its key.
    pub id: OrderId,
    /// Its channel.
    pub channel_id: ChannelId,
    /// The channel's key of it.
    pub remote_id: String,
    /// Its number there.
    pub number: String,
    /// When it was placed, microseconds since 1970.
    pub placed_at: i64,
    /// Grows with each change.
    pub version: i64,
    /// State of payment.
    pub payment: String,
    /// State of fulfilment.
    pub fulfilment: String,
    /// Why it is held.
    pub hold: Option<String>,
    /// Something may still leave.
    pub open: bool,
    /// Its lines take from stock.
    pub moves_stock: bool,
    /// ISO 4217.
    pub currency: String,
    /// What the buyer pays, minor units.
    pub grand_total: i64,
    /// By when it should leave, microseconds since 1970.
    pub ship_by: Option<i64>,
    /// The buyer's name.
    pub buyer_name: String,
}

/// What a list shows of an order's line.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ListedLine {
    /// Its order.
    pub order_id: OrderId,
    /// What the channel calls it.
    pub title: String,
    /// The item it is, if that is known.
    pub item_id: Option<ItemId>,
    /// Units of the item in one of it.
    pub per: i64,
    /// How many were ordered.
    pub quantity: i64,
    /// How many of them no longer are.
    pub cancelled: i64,
}

/// What a list shows of orders beside their rows.
#[derive(Clone, Debug, Default)]
pub struct Alongside {
    /// Their lines, in order.
    pub lines: HashMap<OrderId, Vec<ListedLine>>,
    /// Units that they lack.
    pub short: BTreeMap<OrderId, i64>,
}

/// One version of what the marketplace sent of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PayloadVersion {
    /// Its key.
    pub id: i64,
    /// When it came, microseconds since 1970.
    pub at: i64,
}

impl Store {
    /// Keys of a page of orders, newest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn order_page(&self, page: &OrderPage<'_>) -> Result<Vec<OrderId>> {
        let (before, limit) = (page.before, page.limit);
        let keys: Vec<(OrderId,)> = match (page.tab, page.payment, page.channel) {
            (OrderTab::All, None, None) => self.db.all(LIST_ALL, args![before, limit]).await?,
            (OrderTab::All, None, Some(id)) => self.db.all(LIST_CHANNEL, args![id, before, limit]).await?,
            (tab, payment, channel) => {
                let (channel, payment) = (channel.unwrap_or(0), payment.unwrap_or_default());
                let args = args![before, channel, payment, limit];
                match tab {
                    OrderTab::Late => {
                        let args = args![before, channel, payment, limit, page.now.0];
                        self.db.all(LIST_LATE, args).await?
                    }
                    OrderTab::Open | OrderTab::All if !matches!(payment, "" | "paid") => {
                        self.db.all(LIST_NOT_PAID, args).await?
                    }
                    tab => self.db.all(tab.text(), args).await?,
                }
            }
        };
        Ok(keys.into_iter().map(|key| key.0).collect())
    }

    /// What a list shows of these orders, in the order of the keys; those that are not there are left out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listed(&self, ids: &[OrderId]) -> Result<Vec<ListedOrder>> {
        let rows: Vec<ListedOrder> = self.db.all(LISTED, args![&keys(ids)?]).await?;
        Ok(in_order(ids, rows, |row| row.id))
    }

    /// How many orders stand in each list but that of all orders; counting ends at a thousand.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn order_counts(&self, now: Timestamp) -> Result<Vec<(OrderTab, Counted)>> {
        type Numbers = (i64, i64, i64, i64, i64, i64, i64, i64);
        let row: Option<Numbers> = self.db.first(LIST_COUNTS, args![COUNTED, now.0, OrderId::MAX]).await?;
        let (open, to_ship, unpaid, held, short, unmatched, late, uncertain) = row.unwrap_or_default();
        let whole = |n: i64| Counted { n, more: n >= COUNTED };
        // Looked for among the newest open orders only.
        let part = |n: i64| Counted { n, more: open >= COUNTED };
        Ok(vec![
            (OrderTab::Open, whole(open)),
            (OrderTab::ToShip, part(to_ship)),
            (OrderTab::Unpaid, whole(unpaid)),
            (OrderTab::Held, whole(held)),
            (OrderTab::Short, whole(short)),
            (OrderTab::Unmatched, whole(unmatched)),
            (OrderTab::Late, whole(late)),
            (OrderTab::Uncertain, whole(uncertain)),
        ])
    }

    /// Orders by their keys, in the order of the keys; those that are not there are left out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn orders_with(&self, ids: &[OrderId]) -> Result<Vec<OrderRow>> {
        let rows: Vec<OrderRow> = self.db.all(sql::ORDERS_BY_IDS, args![&keys(ids)?]).await?;
        Ok(in_order(ids, rows, |row| row.id))
    }

    /// What a list shows of these orders beside their rows.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn alongside(&self, ids: &[OrderId]) -> Result<Alongside> {
        let ids = keys(ids)?;
        let lines: Vec<ListedLine> = self.db.all(LISTED_LINES, args![&ids]).await?;
        let short: Vec<(OrderId, i64)> = self.db.all(SHORT_OF_ORDERS, args![&ids]).await?;
        let mut by_order: HashMap<OrderId, Vec<ListedLine>> = HashMap::new();
        for line in lines {
            by_order.entry(line.order_id).or_default().push(line);
        }
        Ok(Alongside { lines: by_order, short: short.into_iter().collect() })
    }

    /// What is still to be told of an order to its channel, and what was given up of that and of its mails.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn jobs_of_order(&self, id: OrderId) -> Result<Vec<JobRow>> {
        let [notices, mails] = job_keys(id);
        let mut jobs: Vec<JobRow> =
            self.db.all(sql::JOBS_BY_KEY_START, args![&notices.0, &notices.1]).await?;
        let mails: Vec<JobRow> = self.db.all(sql::JOBS_BY_KEY_START, args![&mails.0, &mails.1]).await?;
        jobs.extend(mails.into_iter().filter(|job| job.state == "dead"));
        Ok(jobs)
    }

    /// Codes of items.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn item_codes(
        &self,
        items: impl IntoIterator<Item = ItemId>,
    ) -> Result<BTreeMap<ItemId, String>> {
        let items: BTreeSet<ItemId> = items.into_iter().collect();
        let rows: Vec<ItemRow> = self.db.all(sql::ITEMS_BY_IDS, args![&keys(items)?]).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.code)).collect())
    }

    /// Adds a person's note to an order's timeline.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn note_order(&self, id: OrderId, note: &str, actor: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let order = write.whole_order(id).await?;
        let event = Event { kind: "note", detail: note.to_owned(), actor: actor.to_owned() };
        write.add_events(id, vec![event], now).await?;
        write.audit(actor, "order_note", &format!("order {} #{id}", order.number), note, now).await?;
        write.commit().await
    }

    /// Versions of what the marketplace sent of an order, newest first, at most `limit`.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn payload_versions(&self, newest: i64, limit: i64) -> Result<Vec<PayloadVersion>> {
        self.db.all(PAYLOAD_VERSIONS, args![newest, limit]).await
    }

    /// One version of what the marketplace sent.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn payload(&self, id: i64) -> Result<PayloadRow> {
        let row = self.db.first(sql::PAYLOAD, args![id]).await?;
        row.ok_or_else(|| {
            StoreError::NotFound(both!("there is no payload {id}", "元データ {id} はありません"))
        })
    }

    /// The lists that somebody named, by name.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn saved_filters(&self, person: i64) -> Result<Vec<SavedFilterRow>> {
        self.db.all(FILTERS_OF, args![person]).await
    }

    /// Keeps a list under a name; one of that name is replaced.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn save_filter(&self, person: i64, name: &str, query: &str) -> Result<()> {
        let mut write = self.write().await?;
        write.tx.run(FILTER_DROP_NAME, args![person, name]).await?;
        let row = SavedFilterRow {
            id: write.id(),
            person_id: person,
            name: name.to_owned(),
            query: query.to_owned(),
        };
        tables::insert(&mut write.tx, &[row]).await?;
        write.commit().await
    }

    /// Forgets a list that somebody named.
    ///
    /// Errors: [`StoreError::NotFound`] if it is not theirs.
    pub async fn drop_filter(&self, person: i64, id: i64) -> Result<()> {
        let mut write = self.write().await?;
        if write.tx.run(FILTER_DROP, args![person, id]).await? == 0 {
            return Err(StoreError::NotFound(both!(
                "there is no list {id} of yours",
                "その保存した条件はありません"
            )));
        }
        write.commit().await
    }
}

/// Rows in the order of these keys.
fn in_order<T>(ids: &[OrderId], rows: Vec<T>, key: impl Fn(&T) -> OrderId) -> Vec<T> {
    let mut rows: HashMap<OrderId, T> = rows.into_iter().map(|row| (key(&row), row)).collect();
    ids.iter().filter_map(|id| rows.remove(id)).collect()
}
