//! Where a pull stands. Pure: what to ask next, and what an answer means for it.
//!
//! `searchOrder` knows no "changed since". It finds orders by the day they were placed, fixed, shipped or paid, within
//! 63 days, sorted by the time they were placed and by nothing else. So a walk goes through the same span once for each
//! of these dates. By the date of placing it meets every order: none ever leaves that span, and what shows up late
//! moves the others to later pages, never to earlier ones. The other dates bring what happened to older orders. What
//! moves no date at all (a cancellation, an address) shows when the daemon reads open orders again.

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// 注文日, 注文確定日, 発送完了報告日, 決済確定日.
const DATE_TYPES: [u8; 4] = [1, 3, 5, 6];
const DAY: i64 = 86_400;
/// One question may span 63 days; a day is left for leap seconds and rounding.
const SPAN: i64 = 62 * DAY;
/// Orders of the last 730 days can be asked for.
const REACH: i64 = 729 * DAY;
/// A question ends so far ahead of our clock, should that be behind Rakuten's.
const AHEAD: i64 = 300;
/// Of more hits the rest cannot be read.
const HITS_MAX: i64 = 15_000;
/// Orders of this walk that are remembered, so that another date does not bring them again.
const REMEMBERED: usize = 300;

/// One question to `searchOrder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) date_type: u8,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) page: u32,
}

/// One walk over a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Walk {
    from: i64,
    to: i64,
    /// Our second of its beginning.
    begun: i64,
    /// The newest order met, by the marketplace's time.
    newest: i64,
    /// Position in [`DATE_TYPES`].
    kind: usize,
    /// The window of the next question.
    start: i64,
    end: i64,
    page: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
}

/// The whole state of `pull_orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    v: u32,
    /// Our second of the pull that wrote it.
    made: i64,
    /// Every order placed up to this second of the marketplace was met.
    done: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
}

impl State {
    /// The state before the first pull ever, which reads orders from `since` on.
    pub(crate) fn first(since: i64, now: i64, overlap: i64) -> Self {
        Self { v: 1, made: now, done: since + overlap, walk: None }
    }

    /// Reads a stored cursor.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for one that this connector did not write.
    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        let state = serde_json::from_str(cursor.as_str()).ok();
        let fits = |walk: &Walk| walk.kind < DATE_TYPES.len() && walk.page > 0 && walk.start <= walk.end;
        state.filter(|state: &Self| state.v == 1 && state.walk.as_ref().is_none_or(fits)).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "the stored cursor is not one of the Rakuten connector; pull anew from a date",
            )
        })
    }

    /// The text to store.
    pub(crate) fn write(&mut self, now: i64) -> Result<Cursor> {
        self.made = self.made.max(now);
        serde_json::to_string(self)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))
    }

    pub(crate) const fn made_at(&self) -> Timestamp {
        Timestamp::from_secs(self.made)
    }

    /// The next question, of a new walk if none is under way; `None` for a state from the future.
    pub(crate) fn ask(&mut self, now: i64, overlap: i64) -> Option<Ask> {
        let walk = self.walk.take().unwrap_or_else(|| {
            let (from, to) = ((self.done - overlap).max(now - REACH), now + AHEAD);
            let (start, end) = (from, (from + SPAN).min(to));
            Walk { from, to, begun: now, newest: 0, kind: 0, start, end, page: 1, seen: Vec::new() }
        });
        if walk.from > now {
            return None;
        }
        let date_type = DATE_TYPES.get(walk.kind).copied()?;
        let ask = Ask { date_type, start: walk.start, end: walk.end, page: walk.page };
        self.walk = Some(walk);
        Some(ask)
    }

    /// Halves the window, if it holds more than can be read; says whether it did.
    pub(crate) fn narrow(&mut self, hits: i64) -> bool {
        match &mut self.walk {
            Some(walk) if hits >= HITS_MAX && walk.end > walk.start + 1 => {
                walk.end = walk.start + (walk.end - walk.start) / 2;
                walk.page = 1;
                true
            }
            _ => false,
        }
    }

    /// Those of a page that this walk has not read yet.
    pub(crate) fn unread(&self, numbers: Vec<String>) -> Vec<String> {
        let seen = self.walk.as_ref().map(|walk| walk.seen.as_slice()).unwrap_or_default();
        numbers.into_iter().filter(|number| !seen.contains(number)).collect()
    }

    /// Takes an answer in: how many pages it has, which orders were read, and when they were placed, in their order.
    /// Says whether the walk goes on.
    pub(crate) fn advance(&mut self, pages: u32, read: Vec<String>, placed: &[i64]) -> bool {
        let Some(mut walk) = self.walk.take() else {
            return false;
        };
        let by_placing = walk.kind == 0;
        if by_placing {
            walk.newest = placed.iter().copied().fold(walk.newest, i64::max);
            walk.seen.extend(read);
            let surplus = walk.seen.len().saturating_sub(REMEMBERED);
            walk.seen.drain(..surplus);
        }
        // They come by the time of placing, so behind this one there are only orders that were met before.
        let met_before = !by_placing && placed.first().is_some_and(|first| *first >= walk.from);
        if walk.page < pages && !met_before {
            walk.page += 1;
        } else if !walk.next_window() {
            self.done = self.done.max(walk.newest.min(walk.begun));
            return false;
        }
        self.walk = Some(walk);
        true
    }
}

impl Walk {
    /// The next window of the same date, or the first of the next; whether there is one.
    fn next_window(&mut self) -> bool {
        self.page = 1;
        match self.end < self.to {
            true => self.start = self.end,
            false => {
                self.kind += 1;
                self.start = self.from;
            }
        }
        self.end = (self.start + SPAN).min(self.to);
        self.kind < DATE_TYPES.len()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const NOW: i64 = 1_795_255_200;

    /// The windows of a walk over an empty shop.
    fn windows(state: &mut State) -> Vec<Ask> {
        let mut asked = Vec::new();
        while let Some(ask) = state.ask(NOW, 600) {
            asked.push(ask);
            if !state.advance(1, Vec::new(), &[]) {
                break;
            }
        }
        asked
    }

    #[test]
    fn a_long_span_is_cut_into_windows_for_each_date() {
        let asked = windows(&mut State::first(NOW - 150 * DAY, NOW, 600));
        assert_eq!(asked.len(), 3 * DATE_TYPES.len());
        assert!(asked.iter().all(|ask| ask.end - ask.start <= 63 * DAY && ask.page == 1));
        assert_eq!((asked[0].start, asked[2].end), (NOW - 150 * DAY, NOW + AHEAD));
        assert!(asked[..3].windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn a_state_older_than_two_years_begins_where_orders_can_still_be_read() {
        let asked = windows(&mut State::first(NOW - 900 * DAY, NOW, 600));
        assert_eq!(asked[0].start, NOW - REACH);
    }

    #[test]
    fn too_many_hits_halve_the_window_and_none_is_left_out() {
        let mut state = State::first(NOW - 10 * DAY, NOW, 600);
        let whole = state.ask(NOW, 600).unwrap();
        assert!(state.narrow(15_001) && !state.narrow(14_999));
        let half = state.ask(NOW, 600).unwrap();
        assert_eq!((half.start, half.page), (whole.start, 1));
        assert!(half.end < whole.end);
        state.advance(1, Vec::new(), &[]);
        assert_eq!(state.ask(NOW, 600).unwrap().start, half.end);
    }

    #[test]
    fn the_mark_is_the_marketplaces_time_and_never_later_than_the_walks_beginning() {
        let mut state = State::first(NOW - DAY, NOW, 600);
        state.ask(NOW, 600);
        while state.advance(1, Vec::new(), &[NOW - 50, NOW + 7]) {}
        assert_eq!(state.done, NOW);
        state.ask(NOW + 100, 600);
        while state.advance(1, Vec::new(), &[NOW - 9000]) {}
        assert_eq!(state.done, NOW, "it never goes back");
    }

    #[test]
    fn other_dates_end_where_the_orders_were_met_before() {
        let mut state = State::first(NOW - DAY, NOW, 600);
        state.ask(NOW, 600);
        assert!(state.advance(1, vec!["a".to_owned()], &[NOW - 50]));
        assert_eq!(state.ask(NOW, 600).unwrap().date_type, 3);
        assert_eq!(state.unread(vec!["a".to_owned(), "b".to_owned()]), ["b"]);
        assert!(state.advance(9, vec!["b".to_owned()], &[NOW - 50]));
        assert_eq!(state.ask(NOW, 600).unwrap().date_type, 5);
        assert!(state.advance(9, Vec::new(), &[NOW - 50 * DAY]));
        assert_eq!(state.ask(NOW, 600).unwrap().page, 2, "an older order may be followed by older ones");
    }

    #[test]
    fn a_cursor_comes_back_as_it_went_and_others_are_refused() {
        let mut state = State::first(NOW - DAY, NOW, 600);
        state.ask(NOW, 600);
        let cursor = state.write(NOW).unwrap();
        assert_eq!(State::read(&cursor).unwrap(), state);
        assert_eq!(state.made_at(), Timestamp::from_secs(NOW));
        for strange in
            ["", "{}", "{\"v\":2,\"made\":1,\"done\":1}", "{\"v\":1,\"made\":1,\"done\":1,\"x\":0}"]
        {
            assert!(State::read(&Cursor::from(strange)).is_err(), "{strange}");
        }
    }

    #[test]
    fn a_state_from_the_future_asks_nothing() {
        assert_eq!(State::first(NOW + 9000, NOW, 600).ask(NOW, 600), None);
    }
}
