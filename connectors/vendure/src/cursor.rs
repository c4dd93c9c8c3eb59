//! Where a pull stands, as JSON that only this connector reads.
//!
//! Orders come in the order in which they were placed, which no later change moves. Within a walk the next page begins
//! at the millisecond of the last order read and leaves out the ids of that millisecond that were read already, so that
//! neither equal times nor an unsettled order among them can hide one. When the walk is through, a mark stays, and the
//! next walk begins an overlap before it, for orders whose transaction took its time.

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// The state of `pull_orders`; times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    v: u32,
    /// Everything placed until here was read. The shop's time.
    mark: i64,
    /// When the last walk began. Our time.
    looked: i64,
    walk: Option<Walk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    from: i64,
    /// Orders placed exactly at `from` that were read.
    seen: Vec<String>,
    newest: i64,
}

/// What to ask for: orders placed at `from` or later, without those of `seen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) from: i64,
    pub(crate) seen: Vec<String>,
}

impl State {
    /// The state before the first pull ever.
    pub(crate) fn first(since: i64, now: i64) -> Self {
        let walk = Walk { from: since, seen: Vec::new(), newest: since };
        Self { v: 1, mark: since, looked: now, walk: Some(walk) }
    }

    /// Reads a stored cursor.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for one that this connector did not write.
    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(cursor.as_str()).ok().filter(|state: &Self| state.v == 1).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "the stored cursor is not one of the Vendure connector; pull anew from a date",
            )
        })
    }

    /// The text to store.
    pub(crate) fn write(&self) -> Result<Cursor> {
        serde_json::to_string(self)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))
    }

    /// When the last walk began, by our clock.
    pub(crate) const fn made_at(&self) -> Timestamp {
        Timestamp(self.looked.saturating_mul(1000))
    }

    /// The next question. Begins a new walk if none is under way.
    pub(crate) fn ask(&mut self, now: i64, overlap: i64) -> Ask {
        let walk = self.walk.get_or_insert_with(|| {
            self.looked = now;
            Walk { from: self.mark.saturating_sub(overlap).max(0), seen: Vec::new(), newest: self.mark }
        });
        Ask { from: walk.from, seen: walk.seen.clone() }
    }

    /// Takes the rows of an answer in (id and time placed, oldest first) and whether there are more behind them.
    ///
    /// Errors: [`ErrorKind::Malformed`] when the shop does not obey the question.
    pub(crate) fn advance(&mut self, rows: &[(String, i64)], more: bool) -> Result<()> {
        let Some(walk) = &mut self.walk else {
            return Err(Error::new(ErrorKind::Unexpected, "an answer outside of any walk"));
        };
        for (id, placed) in rows {
            if *placed < walk.from || (*placed == walk.from && walk.seen.contains(id)) {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    "reading orders: the shop sends orders that were not asked for; it does not obey the filter by \
                     orderPlacedAt and id, or its sorting",
                ));
            }
            if *placed > walk.from {
                walk.from = *placed;
                walk.seen.clear();
            }
            walk.seen.push(id.clone());
            walk.newest = walk.newest.max(*placed);
        }
        if !more {
            // The mark is never ahead of the walk's beginning: what is placed during a long one may show behind it.
            self.mark = self.mark.max(walk.newest.min(self.looked));
            self.walk = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn row(id: &str, placed: i64) -> (String, i64) {
        (id.to_owned(), placed)
    }

    #[test]
    fn a_page_begins_where_the_last_one_ended() {
        let mut state = State::first(100, 5000);
        assert_eq!(state.ask(5000, 50), Ask { from: 100, seen: vec![] });
        state.advance(&[row("1", 100), row("2", 300), row("3", 300)], true).unwrap();
        assert_eq!(state.ask(6000, 50), Ask { from: 300, seen: vec!["2".to_owned(), "3".to_owned()] });
        state.advance(&[row("4", 300)], true).unwrap();
        assert_eq!(state.ask(6000, 50).seen.len(), 3);
        state.advance(&[row("5", 7000)], false).unwrap();
        // The newest order is later than the walk's beginning, so the mark is that.
        assert_eq!(state.ask(8000, 50), Ask { from: 4950, seen: vec![] });
        state.advance(&[], false).unwrap();
        assert_eq!(state.made_at(), Timestamp(8_000_000));
        assert_eq!(State::read(&state.write().unwrap()), Ok(state));
    }

    #[test]
    fn a_mark_never_goes_back() {
        let mut state = State::first(9_000, 10);
        state.ask(10, 50);
        state.advance(&[row("1", 9_500)], false).unwrap();
        assert_eq!(state.ask(20, 50).from, 8_950);
    }

    #[test]
    fn a_shop_that_does_not_obey_is_noticed() {
        let mut state = State::first(100, 5000);
        state.ask(5000, 50);
        assert_eq!(state.advance(&[row("1", 99)], true).map_err(|e| e.kind), Err(ErrorKind::Malformed));
        state.advance(&[row("1", 100)], true).unwrap();
        assert_eq!(state.advance(&[row("1", 100)], true).map_err(|e| e.kind), Err(ErrorKind::Malformed));
    }

    #[test]
    fn what_another_wrote_is_an_error_and_not_a_beginning() {
        for text in [
            "",
            "{}",
            "7",
            r#"{"v":2,"mark":1,"looked":1,"walk":null}"#,
            r#"{"v":1,"mark":1,"looked":1,"x":1}"#,
        ] {
            assert_eq!(
                State::read(&Cursor::from(text)).map_err(|e| e.kind),
                Err(ErrorKind::Unexpected),
                "{text}"
            );
        }
    }
}
