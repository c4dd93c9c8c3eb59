//! Customers: whose an order is, found in any shop; what is known of them, and what people decide about them.
//!
//! The projection of the order book (`project`) finds out who is who; people block, merge, split and note
//! (`acts`); and what is known of a person goes when it is asked for or has been kept long enough (`forget`).

mod acts;
mod forget;
mod guard;
mod project;

use std::collections::HashMap;

use banto_channel::{Timestamp, both};

use super::db::args;
use super::sql::texts;
use super::tables::{CustomerKeyRow, CustomerNoteRow, CustomerRow, OrderRow};
use super::{Result, Store, StoreError, keys};
use crate::domain::OrderId;
use crate::domain::customer::CustomerId;
use crate::domain::search::Query;

pub use acts::{CustomerAct, SPLIT_OFFERS};
pub use forget::{Erased, Keep};
pub(super) use guard::stay_forgotten;
pub(super) use project::project;

texts! {
    // Finding.
    CUSTOMERS_NEWEST = "SELECT * FROM customer WHERE merged_into IS NULL AND (last_order_at, id) < ($1, $2) \
        ORDER BY last_order_at DESC, id DESC LIMIT $3";
    CUSTOMERS_BLOCKED = "SELECT * FROM customer WHERE blocked_at IS NOT NULL AND merged_into IS NULL AND id < $1 \
        ORDER BY id DESC LIMIT $2";
    CUSTOMERS_BY_IDS = "SELECT * FROM customer WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        ORDER BY id";
    CUSTOMER_TERMS = "SELECT term, customer_id FROM customer_term WHERE term >= $1 AND term < $2 \
        AND (term, customer_id) > ($3, $4) ORDER BY term, customer_id LIMIT $5";
    CUSTOMER_OF_ORDER = "SELECT c.* FROM customer_order k JOIN customer c ON c.id = k.customer_id WHERE k.order_id = $1";
    CUSTOMER_ORDERS = "SELECT o.* FROM customer_order k JOIN orders o ON o.id = k.order_id \
        WHERE k.customer_id = $1 AND k.order_id < $2 ORDER BY k.order_id DESC LIMIT $3";
    CUSTOMER_TOTALS = "SELECT s.currency, CAST(COUNT(*) AS BIGINT) AS orders, CAST(SUM(s.cancelled) AS BIGINT) AS cancelled, \
        CAST(SUM(s.total) AS BIGINT) AS total, CAST(SUM(s.refunded) AS BIGINT) AS refunded \
        FROM (SELECT order_id FROM customer_order WHERE customer_id = $1 ORDER BY order_id DESC LIMIT $2) k \
        JOIN sale s ON s.order_id = k.order_id GROUP BY s.currency ORDER BY s.currency";
    CUSTOMER_NOTES = "SELECT * FROM customer_note WHERE customer_id = $1 ORDER BY id DESC LIMIT $2";
    CUSTOMER_KEYS = "SELECT * FROM customer_key WHERE customer_id = $1 ORDER BY key LIMIT $2";
    CUSTOMERS_APART = "SELECT c.* FROM customer_apart a JOIN customer c ON c.id = a.other_id \
        WHERE a.customer_id = $1 ORDER BY c.id LIMIT $2";

    // Who is who.
    CUSTOMER_HOMES = "SELECT * FROM customer_order \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    CUSTOMER_KEYS_KNOWN = "SELECT * FROM customer_key WHERE key IN (SELECT value ->> 0 FROM jsonb_each($1))";
    CUSTOMER_APART_FROM = "SELECT * FROM customer_apart \
        WHERE customer_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    CUSTOMER_TERMS_DROP = "DELETE FROM customer_term WHERE (term, customer_id) IN \
        (SELECT value ->> 0, CAST(value ->> 1 AS BIGINT) FROM jsonb_each($1))";
    CUSTOMER_KEYS_DROP = "DELETE FROM customer_key WHERE customer_id = $1";
    CUSTOMER_KEYS_COPY = "INSERT INTO customer_key (key, customer_id, name) SELECT key, CAST($2 AS BIGINT), name \
        FROM customer_key WHERE customer_id = $1 ON CONFLICT (key, customer_id, name) DO NOTHING";
    CUSTOMER_ORDERS_MOVE = "UPDATE customer_order SET customer_id = $2 WHERE customer_id = $1";
    CUSTOMER_NOTES_MOVE = "UPDATE customer_note SET customer_id = $2 WHERE customer_id = $1";
    CUSTOMER_APART_COPY = "INSERT INTO customer_apart (customer_id, other_id) SELECT CAST($2 AS BIGINT), other_id \
        FROM customer_apart WHERE customer_id = $1 AND other_id <> $2 ON CONFLICT (customer_id, other_id) DO NOTHING";
    CUSTOMER_APART_COPY_BACK = "INSERT INTO customer_apart (customer_id, other_id) SELECT customer_id, CAST($2 AS BIGINT) \
        FROM customer_apart WHERE other_id = $1 AND customer_id IN (SELECT other_id FROM customer_apart WHERE customer_id = $1) \
        AND customer_id <> $2 ON CONFLICT (customer_id, other_id) DO NOTHING";
    CUSTOMER_APART_DROP_BACK = "DELETE FROM customer_apart WHERE other_id = $1 \
        AND customer_id IN (SELECT other_id FROM customer_apart WHERE customer_id = $1)";
    CUSTOMER_APART_DROP = "DELETE FROM customer_apart WHERE customer_id = $1";

    // A customer whole, to work it out anew.
    CUSTOMER_ORDER_IDS = "SELECT order_id FROM customer_order WHERE customer_id = $1 AND order_id > $2 \
        ORDER BY order_id LIMIT $3";
    CUSTOMER_OPEN_ORDER = "SELECT o.* FROM customer_order k JOIN orders o ON o.id = k.order_id \
        WHERE k.customer_id = $1 AND o.open ORDER BY k.order_id LIMIT 1";
    CUSTOMER_ORDERS_SPLIT = "UPDATE customer_order SET customer_id = $2 WHERE customer_id = $1 \
        AND order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($3))";

    // At intake.
    CUSTOMERS_BLOCKED_ANY = "SELECT id FROM customer WHERE blocked_at IS NOT NULL LIMIT 1";
    CUSTOMER_KEYS_BLOCKED = "SELECT k.key, k.name, c.blocked_reason FROM customer_key k \
        JOIN customer c ON c.id = k.customer_id WHERE c.blocked_at IS NOT NULL \
        AND k.key IN (SELECT value ->> 0 FROM jsonb_each($1)) ORDER BY c.id, k.key";

    // Forgetting.
    FORGET_REQUESTS = "DELETE FROM api_request WHERE body LIKE '%' || $1 || '%' ESCAPE '\\'";
    FORGET_PAYLOADS = "UPDATE payload SET body = '' WHERE body <> '' AND id IN (\
        WITH RECURSIVE chain (id) AS (SELECT payload_id FROM orders \
            WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) \
        UNION ALL SELECT p.prev_id FROM chain c JOIN payload p ON p.id = c.id WHERE p.prev_id > 0) SELECT id FROM chain)";
    FORGET_MAILS = "UPDATE mail SET recipient = '', subject = NULL, body_text = NULL, body_html = NULL, answer = NULL \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    FORGET_MAILS_UNDECIDED = "UPDATE mail SET state = 'dropped', updated_at = $2 WHERE state NOT IN ('sent', 'dropped') \
        AND order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    FORGET_MAIL_ON_ITS_WAY = "SELECT * FROM mail WHERE state IN ('queued', 'sending') \
        AND order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) LIMIT 1";
    FORGET_QUARANTINE = "UPDATE quarantine SET body = '', reason = '' WHERE body <> '' AND resolved_at IS NOT NULL \
        AND (channel_id, remote_id) IN (SELECT channel_id, remote_id FROM orders \
            WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)))";
    FORGET_TIMELINE = "UPDATE timeline SET detail = '' WHERE order_id IN \
        (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) AND detail LIKE '%' || $2 || '%' ESCAPE '\\'";
    FORGET_JOBS = "UPDATE job SET last_error = NULL, payload = CASE WHEN payload LIKE '%' || $1 || '%' ESCAPE '\\' \
        THEN '' ELSE payload END WHERE state = 'dead' AND (payload LIKE '%' || $1 || '%' ESCAPE '\\' \
        OR last_error LIKE '%' || $1 || '%' ESCAPE '\\')";
    FORGET_AUDIT_HITS = "SELECT id FROM audit WHERE detail LIKE '%' || $1 || '%' ESCAPE '\\' \
        OR before_state LIKE '%' || $1 || '%' ESCAPE '\\' OR after_state LIKE '%' || $1 || '%' ESCAPE '\\'";
    FORGET_AUDIT = "UPDATE audit SET detail = '', before_state = NULL, after_state = NULL \
        WHERE id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    FORGET_ALERTS = "UPDATE alert SET detail = '' WHERE cleared_at IS NOT NULL AND detail LIKE '%' || $1 || '%' ESCAPE '\\'";
    FORGET_NOTES = "UPDATE customer_note SET text = '' WHERE customer_id = $1 AND text <> ''";
    FORGET_HOMES = "UPDATE customer_order SET closed_at = NULL \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    FORGET_DUE = "SELECT * FROM customer_order WHERE channel_id = $1 AND closed_at IS NOT NULL AND closed_at < $2 \
        ORDER BY closed_at LIMIT $3";
    HOUSE_FACT = "SELECT value FROM house_fact WHERE name = $1";
    PAYLOADS_AFTER = "SELECT id, at FROM payload WHERE id > $1 ORDER BY id LIMIT $2";
    PAYLOADS_EMPTY = "UPDATE payload SET body = '' WHERE id > $1 AND id <= $2 AND body <> ''";
    FORGET_OLD_QUARANTINE = "UPDATE quarantine SET body = '' WHERE resolved_at < $1 AND body <> ''";
}

/// Orders whose amounts are summed on a customer's page; the newest ones.
pub const TOTALS_OF: i64 = 1_000;
/// Before a cursor of those who have what was typed as one word.
const IN_WHOLE: &str = "w";
/// Terms read at once by a search, and how often it reads on for a page: bounded work, however common a word is.
const TERMS_READ: i64 = 200;
const ROUNDS: usize = 10;
/// Notes, keys and the like on one page.
const SHOWN: i64 = 100;

/// A page of customers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerPage {
    /// The customers.
    pub rows: Vec<CustomerRow>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

impl CustomerPage {
    fn add(&mut self, row: CustomerRow) {
        if !self.rows.iter().any(|there| there.id == row.id) {
            self.rows.push(row);
        }
    }
}

/// What somebody bought in one currency, minor units.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct CustomerTotal {
    /// ISO 4217.
    pub currency: String,
    /// Orders, the cancelled among them.
    pub orders: i64,
    /// Cancelled ones.
    pub cancelled: i64,
    /// What the others came to.
    pub total: i64,
    /// What was given back.
    pub refunded: i64,
}

/// A customer with everything that there is to see.
#[derive(Clone, Debug)]
pub struct CustomerView {
    /// The customer.
    pub customer: CustomerRow,
    /// A page of orders, newest first.
    pub orders: Vec<OrderRow>,
    /// What the newest [`TOTALS_OF`] orders came to.
    pub totals: Vec<CustomerTotal>,
    /// Notes and what was done, newest first.
    pub notes: Vec<CustomerNoteRow>,
    /// By what the customer is known again.
    pub keys: Vec<CustomerKeyRow>,
    /// Customers whom somebody said to be others.
    pub apart: Vec<CustomerRow>,
}

/// Which customers to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerFilter<'a> {
    /// All, by their last order.
    All,
    /// Those who are blocked.
    Blocked,
    /// Those found by words that begin a part of their name, mail address or phone number.
    Find(&'a str),
}

impl Store {
    /// A page of customers, from where the page before ended.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn customers(
        &self,
        filter: CustomerFilter<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CustomerPage> {
        let more = i64::try_from(limit).unwrap_or(SHOWN) + 1;
        let mut rows: Vec<CustomerRow> = match filter {
            CustomerFilter::Find(text) => return self.search_customers(text, after, limit).await,
            CustomerFilter::Blocked => {
                let below = after.and_then(|a| a.parse::<i64>().ok()).unwrap_or(i64::MAX);
                self.db.all(CUSTOMERS_BLOCKED, args![below, more]).await?
            }
            CustomerFilter::All => {
                let (at, id) = after.and_then(newest_cursor).unwrap_or((i64::MAX, i64::MAX));
                self.db.all(CUSTOMERS_NEWEST, args![at, id, more]).await?
            }
        };
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let cursor = |row: &CustomerRow| match filter {
            CustomerFilter::Blocked => row.id.to_string(),
            _ => format!("{}.{}", row.last_order_at, row.id),
        };
        Ok(CustomerPage { next: rows.last().filter(|_| goes_on).map(cursor), rows })
    }

    /// Those who have what was typed as one word, a phone or a name written with spaces; behind them the others who have
    /// every word, in the order of the longest one.
    async fn search_customers(&self, text: &str, after: Option<&str>, limit: usize) -> Result<CustomerPage> {
        let query = Query::parse(text);
        let mut page = CustomerPage::default();
        let Some(word) = query.words.iter().max_by_key(|w| w.chars().count()) else { return Ok(page) };
        let whole = query.whole.as_deref();
        let in_whole = after.is_none_or(|after| after.starts_with(IN_WHOLE));
        let mut from = after.and_then(|after| term_cursor(after.strip_prefix(IN_WHOLE).unwrap_or(after)));
        if let Some(whole) = whole.filter(|_| in_whole) {
            // All that it finds are wanted: a page and one more.
            let most = i64::try_from(limit).map_or(TERMS_READ, |limit| TERMS_READ.min(limit + 1));
            if !self.gather((whole, most), &mut from, (&mut page, limit), |_| true).await? {
                page.next = Some(format!("{IN_WHOLE}{}", cursor_text(from.as_ref())));
                return Ok(page);
            }
            from = None;
        }
        let shown =
            |row: &CustomerRow| whole.is_some_and(|w| row.terms.split('\n').any(|t| t.starts_with(w)));
        let others = |row: &CustomerRow| query.matches(&row.terms) && !shown(row);
        if !self.gather((word, TERMS_READ), &mut from, (&mut page, limit), others).await? {
            page.next = Some(cursor_text(from.as_ref()));
        }
        Ok(page)
    }

    /// Adds those whom a word finds and who are wanted, from a term on and `most` terms at once, until the page is full or
    /// enough was read: `from` is the last term looked at then. Whether that were all.
    async fn gather(
        &self,
        (word, most): (&str, i64),
        from: &mut Option<(String, CustomerId)>,
        (page, limit): (&mut CustomerPage, usize),
        wanted: impl Fn(&CustomerRow) -> bool,
    ) -> Result<bool> {
        for _ in 0..ROUNDS {
            if page.rows.len() >= limit {
                return Ok(false);
            }
            let hits = self.customers_by_term(word, from.as_ref(), most).await?;
            let read = hits.len();
            for (term, row) in hits {
                if page.rows.len() >= limit {
                    return Ok(false);
                }
                // Whoever has several such terms stands where the first of them does, and nowhere else.
                let first = row.terms.split('\n').filter(|one| one.starts_with(word)).min();
                let is_first = first.is_none_or(|first| first == term);
                *from = Some((term, row.id));
                if is_first && wanted(&row) {
                    page.add(row);
                }
            }
            if i64::try_from(read).is_ok_and(|n| n < most) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Customers by their terms that begin with a word, from a term on, as the terms go.
    async fn customers_by_term(
        &self,
        word: &str,
        after: Option<&(String, CustomerId)>,
        most: i64,
    ) -> Result<Vec<(String, CustomerRow)>> {
        let end = format!("{word}\u{10ffff}");
        let (term, id) = after.map_or(("", 0), |(term, id)| (term.as_str(), *id));
        let hits: Vec<(String, CustomerId)> =
            self.db.all(CUSTOMER_TERMS, args![word, &end, term, id, most]).await?;
        let rows: Vec<CustomerRow> =
            self.db.all(CUSTOMERS_BY_IDS, args![&keys(hits.iter().map(|hit| hit.1))?]).await?;
        let rows: HashMap<CustomerId, CustomerRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(hits.into_iter().filter_map(|(term, id)| Some((term, rows.get(&id)?.clone()))).collect())
    }

    /// Everything about one customer; orders with keys below `before`, at most `limit`.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn customer_view(&self, id: CustomerId, before: OrderId, limit: i64) -> Result<CustomerView> {
        Ok(CustomerView {
            customer: self.customer(id).await?,
            orders: self.db.all(CUSTOMER_ORDERS, args![id, before, limit]).await?,
            totals: self.db.all(CUSTOMER_TOTALS, args![id, TOTALS_OF]).await?,
            notes: self.db.all(CUSTOMER_NOTES, args![id, SHOWN]).await?,
            keys: self.db.all(CUSTOMER_KEYS, args![id, SHOWN]).await?,
            apart: self.told_apart(id).await?,
        })
    }

    /// One customer; one who turned out to be another stands there with `merged_into`.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn customer(&self, id: CustomerId) -> Result<CustomerRow> {
        let row = self.db.first(CUSTOMERS_BY_IDS, args![&keys([id])?]).await?;
        row.ok_or_else(|| no_customer(id))
    }

    /// Customers whom somebody said to be others than this one.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn told_apart(&self, id: CustomerId) -> Result<Vec<CustomerRow>> {
        self.db.all(CUSTOMERS_APART, args![id, SHOWN]).await
    }

    /// Whose an order is; `None` until that was found out, and for an order that tells of nobody.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn customer_of(&self, order: OrderId) -> Result<Option<CustomerRow>> {
        self.db.first(CUSTOMER_OF_ORDER, args![order]).await
    }

    /// What the store remembers of its house under a name.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn house_fact(&self, name: &str) -> Result<Option<String>> {
        Ok(self.db.first::<(String,)>(HOUSE_FACT, args![name]).await?.map(|row| row.0))
    }
}

fn newest_cursor(text: &str) -> Option<(i64, i64)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

fn cursor_text(from: Option<&(String, CustomerId)>) -> String {
    from.map_or_else(|| "0.".to_owned(), |(term, id)| format!("{id}.{term}"))
}

fn term_cursor(text: &str) -> Option<(String, CustomerId)> {
    let (id, term) = text.split_once('.')?;
    Some((term.to_owned(), id.parse().ok()?))
}

fn no_customer(id: CustomerId) -> StoreError {
    StoreError::NotFound(both!("there is no customer #{id}", "顧客 #{id} はありません"))
}

/// A note of what was done, for the customer's history.
fn note(
    id: i64,
    customer: CustomerId,
    kind: &str,
    text: &str,
    actor: &str,
    now: Timestamp,
) -> CustomerNoteRow {
    CustomerNoteRow {
        customer_id: customer,
        id,
        at: now.0,
        kind: kind.to_owned(),
        text: text.to_owned(),
        actor: actor.to_owned(),
    }
}
