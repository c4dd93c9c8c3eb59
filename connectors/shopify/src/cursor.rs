//! Where a pull stands. Pure: what to ask next, and what an answer means for it.
//!
//! Two searches make one walk: orders by their date of change, then fulfillment orders by theirs, because a hold or a
//! move does not always touch the order. Shopify's own page cursors name the last row's date and id, so that a row that
//! moves to the end while pages are read is met again, and rows of one second are not lost.
//!
//! Each walk begins a little before the last one ended. What was read before is known by its date, and an order whose
//! date may hide a second change of the same moment is read again and known by its text.

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calls::PageInfo;

/// Orders, and fulfillment orders, remembered at most. Those beyond are read once more.
const REMEMBERED: usize = 1000;

/// How far back a usual walk reaches, in seconds; a thorough one reaches back the whole overlap.
const GLANCE: i64 = 10;

/// Seconds by which the two clocks may differ, and Shopify's dates may lag.
const SETTLES: i64 = 30;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    Orders,
    Work,
}

/// A row of a search: its number, and its second of change.
pub(crate) type Row = (u64, i64);

/// One search, from an old second to the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sweep {
    /// All that changed up to this second has been seen once, by Shopify's clock.
    mark: i64,
    /// The first second asked for, while a walk is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    /// Shopify's cursor of the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// The newest second met in this walk.
    #[serde(default)]
    newest: i64,
}

impl Sweep {
    const fn new(mark: i64) -> Self {
        Self { mark, from: None, after: None, newest: 0 }
    }

    fn begin(&mut self, window: i64) {
        self.from = Some(self.mark - window);
        self.after = None;
        self.newest = self.mark;
    }

    /// The mark if the walk ended here.
    fn reached(&self, began: i64) -> i64 {
        self.mark.max(self.newest.min(began))
    }

    fn advance(&mut self, rows: &[Row], page: &PageInfo, began: i64) -> Result<()> {
        self.newest = rows.iter().map(|row| row.1).fold(self.newest, i64::max);
        if page.has_next_page {
            if page.end_cursor.is_none() || page.end_cursor == self.after {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    "reading orders: Shopify hands out the same page again",
                ));
            }
            self.after.clone_from(&page.end_cursor);
            return Ok(());
        }
        // What changed during the walk may show up behind it, and a clock ahead of ours must not carry the mark along.
        self.mark = self.reached(began);
        self.from = None;
        self.after = None;
        Ok(())
    }
}

/// What is known of a row: its number, its second of change, our second of reading it, and of an order its text's hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen(u64, i64, i64, u64);

impl Seen {
    /// Whether a row of this date need not be read again.
    fn covers(&self, row: Row) -> bool {
        (self.0, self.1) == row && self.2 >= self.1 + SETTLES
    }
}

/// The whole state of `pull_orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    v: u32,
    orders: Sweep,
    work: Sweep,
    /// Our second of the walk's beginning.
    began: i64,
    /// Our second of the last thorough walk.
    looked: i64,
    seen: Vec<Seen>,
    seen_work: Vec<Seen>,
}

impl State {
    /// The state before the first pull ever, which reads changes from `since` on. What happened to fulfillment orders
    /// before is told by the orders themselves.
    pub(crate) fn first(since: i64, now: i64, overlap: i64) -> Self {
        let mut orders = Sweep::new(since);
        orders.begin(0);
        Self {
            v: 1,
            orders,
            work: Sweep::new(now - overlap),
            began: now,
            looked: now,
            seen: Vec::new(),
            seen_work: Vec::new(),
        }
    }

    /// Reads a stored cursor.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for one that this connector did not write.
    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(cursor.as_str()).ok().filter(|state: &Self| state.v == 1).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "the stored cursor is not one of the Shopify connector; pull anew from a date",
            )
        })
    }

    /// When the last walk began.
    pub(crate) const fn made_at(&self) -> Timestamp {
        Timestamp::from_secs(self.began)
    }

    /// The text to store.
    pub(crate) fn write(&self) -> Result<Cursor> {
        serde_json::to_string(self)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))
    }

    /// The next question: what, from which second on, behind which of Shopify's cursors. Starts a new walk if none is
    /// under way, a thorough one when the last is long ago.
    pub(crate) fn ask(&mut self, now: i64, overlap: i64) -> (Search, i64, Option<&str>) {
        if !self.goes_on() {
            let thorough = now.abs_diff(self.looked) >= (overlap / 5).unsigned_abs();
            let window = if thorough { overlap } else { GLANCE.min(overlap) };
            self.began = now;
            if thorough {
                self.looked = now;
            }
            self.orders.begin(window);
            self.work.begin(window);
        }
        let (search, sweep) = match self.orders.from {
            Some(_) => (Search::Orders, &self.orders),
            None => (Search::Work, &self.work),
        };
        (search, sweep.from.unwrap_or(sweep.mark), sweep.after.as_deref())
    }

    /// Takes a page in; says whether the next question would bring more right now.
    ///
    /// Errors: [`ErrorKind::Malformed`] for pages that repeat themselves.
    pub(crate) fn advance(
        &mut self,
        search: Search,
        rows: &[Row],
        page: &PageInfo,
        overlap: i64,
    ) -> Result<bool> {
        let began = self.began;
        match search {
            Search::Orders => self.orders.advance(rows, page, began)?,
            Search::Work => self.work.advance(rows, page, began)?,
        }
        forget(&mut self.seen, self.orders.reached(began) - overlap);
        forget(&mut self.seen_work, self.work.reached(began) - overlap);
        Ok(self.goes_on())
    }

    fn goes_on(&self) -> bool {
        self.orders.from.is_some() || self.work.from.is_some()
    }

    /// Whether a row of a search calls for its order to be read.
    pub(crate) fn is_news(&self, search: Search, row: Row) -> bool {
        let seen = match search {
            Search::Orders => &self.seen,
            Search::Work => &self.seen_work,
        };
        !seen.iter().any(|seen| seen.covers(row))
    }

    /// Remembers a fulfillment order whose order was read.
    pub(crate) fn saw_work(&mut self, row: Row, now: i64) {
        self.seen_work.retain(|seen| seen.0 != row.0);
        self.seen_work.push(Seen(row.0, row.1, now, 0));
    }

    /// Remembers an order that was read; says whether this very state of it was not handed on before.
    pub(crate) fn saw_order(&mut self, row: Row, now: i64, fingerprint: u64) -> bool {
        let known = self.seen.iter().any(|seen| seen.0 == row.0 && seen.3 == fingerprint);
        self.seen.retain(|seen| seen.0 != row.0);
        self.seen.push(Seen(row.0, row.1, now, fingerprint));
        !known
    }
}

/// Drops what lies before `floor`, and the oldest beyond what a cursor should hold.
fn forget(seen: &mut Vec<Seen>, floor: i64) {
    seen.retain(|seen| seen.1 >= floor);
    if seen.len() > REMEMBERED {
        seen.sort_by_key(|seen| seen.1);
        seen.drain(..seen.len() - REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const NOW: i64 = 1_795_255_200;

    fn page(next: Option<&str>) -> PageInfo {
        PageInfo { has_next_page: next.is_some(), end_cursor: next.map(ToOwned::to_owned) }
    }

    #[test]
    fn a_walk_reads_orders_and_then_fulfillment_orders() {
        let mut state = State::first(NOW - 1000, NOW, 300);
        assert_eq!(state.ask(NOW, 300), (Search::Orders, NOW - 1000, None));
        assert!(state.advance(Search::Orders, &[(1, NOW - 900)], &page(Some("a")), 300).unwrap());
        assert_eq!(state.ask(NOW, 300), (Search::Orders, NOW - 1000, Some("a")));
        assert!(!state.advance(Search::Orders, &[(2, NOW - 800)], &page(None), 300).unwrap());
        let (search, from, _) = state.ask(NOW + 5, 300);
        assert_eq!((search, from), (Search::Orders, NOW - 810));
        assert!(
            state.advance(Search::Orders, &[], &page(None), 300).unwrap(),
            "fulfillment orders come next"
        );
        assert_eq!(state.ask(NOW + 5, 300).0, Search::Work);
        assert!(!state.advance(Search::Work, &[], &page(None), 300).unwrap());
        let (_, from, _) = state.ask(NOW + 100, 300);
        assert_eq!(from, NOW - 800 - 300, "a thorough look reaches back the whole overlap");
    }

    #[test]
    fn the_mark_is_shopifys_and_never_ahead_of_the_walks_beginning() {
        let mut state = State::first(NOW - 1000, NOW, 300);
        state.ask(NOW, 300);
        state.advance(Search::Orders, &[(1, NOW + 5000)], &page(None), 300).unwrap();
        assert_eq!(state.orders.mark, NOW);
        state.ask(NOW + 10, 300);
        state.advance(Search::Orders, &[], &page(None), 300).unwrap();
        assert_eq!(state.orders.mark, NOW, "it never goes back");
    }

    #[test]
    fn what_was_read_in_its_own_second_is_read_again_and_known_by_its_text() {
        let mut state = State::first(0, NOW, 300);
        let row = (7, NOW);
        assert!(state.is_news(Search::Orders, row));
        assert!(state.saw_order(row, NOW, 1));
        assert!(state.is_news(Search::Orders, row), "a second change may share its date");
        assert!(!state.saw_order(row, NOW + SETTLES, 1), "it is the same");
        assert!(!state.is_news(Search::Orders, row));
        assert!(state.is_news(Search::Orders, (7, NOW + 1)));
        assert!(state.saw_order((7, NOW + 1), NOW + 2, 2));
        assert!(state.is_news(Search::Work, (9, NOW)));
        state.saw_work((9, NOW), NOW + SETTLES);
        assert!(!state.is_news(Search::Work, (9, NOW)));
    }

    #[test]
    fn a_long_walk_remembers_its_end_alone() {
        let mut state = State::first(0, NOW, 300);
        for day in 0..40 {
            let row = (1 + u64::try_from(day).unwrap(), NOW - (40 - day) * 86_400);
            state.ask(NOW, 300);
            state.saw_order(row, NOW, 1);
            state.advance(Search::Orders, &[row], &page(Some(&day.to_string())), 300).unwrap();
            assert_eq!(state.seen.len(), 1);
        }
    }

    #[test]
    fn a_page_that_repeats_itself_ends_the_walk() {
        let mut state = State::first(0, NOW, 300);
        state.ask(NOW, 300);
        state.advance(Search::Orders, &[], &page(Some("a")), 300).unwrap();
        let again = state.advance(Search::Orders, &[], &page(Some("a")), 300).unwrap_err();
        assert_eq!(again.kind, ErrorKind::Malformed);
    }

    #[test]
    fn only_our_own_cursors_are_read() {
        let state = State::first(0, NOW, 300);
        assert_eq!(State::read(&state.write().unwrap()).unwrap(), state);
        for odd in ["", "{}", "7", &state.write().unwrap().0.replace("\"v\":1", "\"v\":2")] {
            assert_eq!(State::read(&Cursor::from(odd)).unwrap_err().kind, ErrorKind::Unexpected, "{odd}");
        }
        assert_eq!(state.made_at(), Timestamp::from_secs(NOW));
    }
}
