//! Finding orders by what people type: an index of terms, kept by the projection, and look-ups of bounded work.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::db::args;
use super::sql::texts;
use super::tables::{self, OrderTermRow, OrderTermsRow};
use super::{Result, Store, Write, keys};
use crate::domain::order::Order;
use crate::domain::search::{MOST_WORDS, Query, terms};
use crate::domain::{ItemId, OrderId};

texts! {
    SEARCH_TERMS_OF = "SELECT order_id, terms FROM order_terms \
        WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) ORDER BY order_id DESC";
    SEARCH_DROP = "DELETE FROM order_term WHERE term = $1 AND order_id = $2";
    // What is found comes as one text of keys: as a thousand rows they would cost more to fetch than to find.
    SEARCH_EXACT = "SELECT STRING_AGG(CAST(order_id AS TEXT), ' ') FROM (SELECT order_id FROM order_term \
        WHERE term = $1 AND order_id < $2 ORDER BY order_id DESC LIMIT $3) t";
    SEARCH_LONGER = "SELECT STRING_AGG(CAST(order_id AS TEXT), ' ') FROM (SELECT order_id FROM order_term \
        WHERE term > $1 AND term < $2 ORDER BY term, order_id LIMIT $3) t";
    // From an order with one term to the next older with the other, and so on: where two steps stand on the same order, it
    // has both. `$3` is the key before which to look, `$4` how many steps to take.
    SEARCH_BOTH = "WITH RECURSIVE leap (was, at, side, step) AS (SELECT CAST($3 AS BIGINT), CAST($3 AS BIGINT), \
            CAST(0 AS BIGINT), CAST(0 AS BIGINT) UNION ALL SELECT p.at, (SELECT t.order_id FROM order_term t \
            WHERE t.term = CASE p.side WHEN 0 THEN CAST($1 AS TEXT) ELSE CAST($2 AS TEXT) END \
            AND t.order_id <= p.at - (CASE WHEN p.was = p.at THEN 1 ELSE 0 END) ORDER BY t.order_id DESC LIMIT 1), \
            1 - p.side, p.step + 1 FROM leap p WHERE p.at IS NOT NULL AND p.step < $4) \
        SELECT STRING_AGG(CAST(at AS TEXT), ' ') FROM leap WHERE was = at AND at < $3";
    // `$3` to `$8` are the words, as what a line of the terms begins with.
    SEARCH_NEWEST = "SELECT STRING_AGG(CASE WHEN lines LIKE $3 ESCAPE '\\' AND lines LIKE $4 ESCAPE '\\' \
            AND lines LIKE $5 ESCAPE '\\' AND lines LIKE $6 ESCAPE '\\' AND lines LIKE $7 ESCAPE '\\' \
            AND lines LIKE $8 ESCAPE '\\' THEN CAST(order_id AS TEXT) END, ' ') AS ids, \
        CAST(COUNT(*) AS BIGINT) AS looked_at, MIN(order_id) AS last FROM (SELECT order_id, '\n' || terms AS lines \
            FROM order_terms WHERE order_id < $1 ORDER BY order_id DESC LIMIT $2) n";
}

/// Orders that one word may bring before it counts as common.
const FEW: usize = 1_000;
/// Steps from the orders of one common word to those of another and back.
const STEPS: i64 = 1_000;
/// Newest orders that are looked through for a common word.
const SCANNED: i64 = 1_000;
/// A word that so few orders have exactly is a number: those orders come first.
const EXACT: usize = 20;

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Orders, newest first, those that have the very word before those that have a longer one.
    pub orders: Vec<OrderId>,
    /// There are so many that only orders down to this one were looked through; older ones may have the word too.
    pub looked_down_to: Option<OrderId>,
}

/// Orders with a term that begins with one word.
struct Hits {
    exact: Vec<OrderId>,
    longer: Vec<OrderId>,
    /// There are more than were read.
    common: bool,
}

impl Hits {
    fn all(&self) -> BTreeSet<OrderId> {
        self.exact.iter().chain(&self.longer).copied().collect()
    }

    /// Whether orders that have the word may be missing here: too many begin with it, or have exactly it.
    const fn is_cut(&self) -> bool {
        self.common || self.exact.len() >= FEW
    }
}

impl Store {
    /// Orders older than `before` that have everything in the query, newest first. However common its words are, it
    /// reads a few thousand terms at most.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn search_orders(&self, query: &Query, before: OrderId) -> Result<Found> {
        let mut found = match query.words.as_slice() {
            [] => return Ok(Found::default()),
            [word] => self.search_word(word, before).await?,
            [..] => self.search_words(query, before).await?,
        };
        if let Some(whole) = &query.whole {
            let as_one = self.word_hits(whole, before).await?;
            let mut orders: BTreeSet<OrderId> = as_one.all();
            orders.extend(&found.orders);
            found.orders = orders.into_iter().rev().collect();
        }
        Ok(found)
    }

    async fn search_word(&self, word: &str, before: OrderId) -> Result<Found> {
        let hits = self.word_hits(word, before).await?;
        let mut orders = hits.all();
        // Whoever takes some of these only, those of one shop say, goes on where they end.
        let mut looked_down_to = hits.exact.last().copied().filter(|_| hits.exact.len() == FEW);
        if hits.common {
            // The terms that were read are the first by the alphabet, which nobody asked for.
            let (newest, last) = self.search_newest(&[word], before).await?;
            orders = hits.exact.iter().copied().chain(newest).collect();
            looked_down_to = looked_down_to.max(last);
        }
        let first = if before == OrderId::MAX && hits.exact.len() <= EXACT { hits.exact } else { Vec::new() };
        let rest = orders.into_iter().rev().filter(|id| !first.contains(id));
        Ok(Found { orders: first.iter().copied().chain(rest).collect(), looked_down_to })
    }

    async fn search_words(&self, query: &Query, before: OrderId) -> Result<Found> {
        let mut rarest: Option<BTreeSet<OrderId>> = None;
        let mut common = Vec::new();
        for word in &query.words {
            let hits = self.word_hits(word, before).await?;
            if hits.is_cut() {
                common.push(word);
            } else {
                let all = hits.all();
                rarest = Some(
                    rarest.map_or_else(|| all.clone(), |known| known.intersection(&all).copied().collect()),
                );
            }
        }
        let words = Query { words: query.words.clone(), whole: None };
        if let Some(candidates) = rarest {
            let orders = if common.is_empty() {
                candidates.into_iter().rev().collect()
            } else {
                self.with_terms(&words, candidates).await?
            };
            return Ok(Found { orders, looked_down_to: None });
        }
        let [one, other, ..] = common.as_slice() else { return Ok(Found::default()) };
        let candidates =
            self.search_ids(SEARCH_BOTH, args![one.as_str(), other.as_str(), before, STEPS]).await?;
        let mut orders: BTreeSet<OrderId> = candidates.into_iter().collect();
        if query.words.len() > 2 {
            orders = self.with_terms(&words, orders).await?.into_iter().collect();
        }
        let each: Vec<&str> = query.words.iter().map(String::as_str).collect();
        let (newest, looked_down_to) = self.search_newest(&each, before).await?;
        orders.extend(newest);
        Ok(Found { orders: orders.into_iter().rev().collect(), looked_down_to })
    }

    async fn word_hits(&self, word: &str, before: OrderId) -> Result<Hits> {
        let most = i64::try_from(FEW).unwrap_or(i64::MAX);
        let mut exact = self.search_ids(SEARCH_EXACT, args![word, before, most]).await?;
        exact.sort_unstable_by(|a, b| b.cmp(a));
        let mut longer = self.search_ids(SEARCH_LONGER, args![word, &end_of(word), most + 1]).await?;
        let common = longer.len() > FEW;
        // Where the newest of many exact ones were read, older others wait for a later page.
        let floor = if exact.len() == FEW { exact.last().copied().unwrap_or(0) } else { 0 };
        longer.retain(|id| *id < before && *id >= floor);
        Ok(Hits { exact, longer, common })
    }

    /// Those of the newest orders that have every word, and the last that was looked at if there may be more.
    async fn search_newest(
        &self,
        words: &[&str],
        before: OrderId,
    ) -> Result<(Vec<OrderId>, Option<OrderId>)> {
        let [a, b, c, d, e, f] = patterns(words);
        let args = args![before, SCANNED, &a, &b, &c, &d, &e, &f];
        let looked: Looked = self.db.first(SEARCH_NEWEST, args).await?.unwrap_or_default();
        Ok((ids(looked.ids.as_deref()), looked.last.filter(|_| looked.looked_at == SCANNED)))
    }

    /// The keys that a query gives as one text.
    async fn search_ids(&self, text: &'static str, args: &[super::db::Val<'_>]) -> Result<Vec<OrderId>> {
        let row: Option<(Option<String>,)> = self.db.first(text, args).await?;
        Ok(ids(row.and_then(|row| row.0).as_deref()))
    }

    async fn with_terms(&self, query: &Query, candidates: BTreeSet<OrderId>) -> Result<Vec<OrderId>> {
        let rows: Vec<OrderTermsRow> = self.db.all(SEARCH_TERMS_OF, args![&keys(candidates)?]).await?;
        Ok(rows.into_iter().filter(|row| query.matches(&row.terms)).map(|row| row.order_id).collect())
    }
}

/// What a look through the newest orders came to.
#[derive(Debug, Default, sqlx::FromRow)]
struct Looked {
    ids: Option<String>,
    looked_at: i64,
    last: Option<OrderId>,
}

/// Keys with spaces between them.
fn ids(text: Option<&str>) -> Vec<OrderId> {
    text.unwrap_or_default().split(' ').filter_map(|id| id.parse().ok()).collect()
}

/// What terms (one a line, a line's end before each) are like that have these words; what is left matches all.
fn patterns(words: &[&str]) -> [String; MOST_WORDS] {
    std::array::from_fn(|at| words.get(at).map_or_else(|| "%".to_owned(), |word| begins(word)))
}

fn begins(word: &str) -> String {
    let word = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%\n{word}%")
}

/// Everything that begins with the word stands before this: no text has the last character of all.
fn end_of(word: &str) -> String {
    format!("{word}\u{10ffff}")
}

/// Brings the terms of these orders up to date; those that have not changed cost one look-up.
///
/// Errors: [`super::StoreError::Sql`].
pub(super) async fn project(write: &mut Write, orders: &[Order]) -> Result<()> {
    let items: BTreeSet<ItemId> = orders.iter().flat_map(|o| &o.lines).filter_map(|l| l.item).collect();
    let codes: BTreeMap<ItemId, String> = write.codes_of(items).await?.into_iter().collect();
    let ids = keys(orders.iter().map(|o| o.id))?;
    let known: Vec<OrderTermsRow> = write.tx.all(SEARCH_TERMS_OF, args![&ids]).await?;
    let known: HashMap<OrderId, String> = known.into_iter().map(|row| (row.order_id, row.terms)).collect();
    let (mut rows, mut come, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for order in orders {
        let now = terms(order, &codes);
        let before: BTreeSet<&str> =
            known.get(&order.id).map(|terms| terms.split('\n').collect()).unwrap_or_default();
        come.extend(
            now.iter().filter(|term| !before.contains(term.as_str())).map(|term| row(term, order.id)),
        );
        gone.extend(
            before.iter().filter(|term| !now.contains(**term)).map(|term| ((*term).to_owned(), order.id)),
        );
        let text = now.into_iter().collect::<Vec<_>>().join("\n");
        if known.get(&order.id).is_none_or(|known| *known != text) {
            rows.push(OrderTermsRow { order_id: order.id, terms: text });
        }
    }
    // One by one: of a list SQLite would look at every order that has one of the terms.
    for (term, order) in gone {
        write.tx.run(SEARCH_DROP, args![&term, order]).await?;
    }
    // In the index's order, so that each of its pages is touched once.
    come.sort_unstable_by(|a, b| (&a.term, a.order_id).cmp(&(&b.term, b.order_id)));
    tables::upsert(&mut write.tx, &come).await?;
    tables::upsert(&mut write.tx, &rows).await
}

fn row(term: &str, order_id: OrderId) -> OrderTermRow {
    OrderTermRow { term: term.to_owned(), order_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_of_a_word_stands_for_others() {
        let [one, other, rest @ ..] = patterns(&["高橋", "a_b"]);
        assert_eq!((one.as_str(), other.as_str()), ("%\n高橋%", "%\na\\_b%"));
        assert!(rest.iter().all(|pattern| pattern == "%"), "nothing more is asked");
    }
}
