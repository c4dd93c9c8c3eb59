//! Where a pull stands.
//!
//! The order list has no condition by change, but its rows tell when each order changed. So a look lists a window of
//! orders, newest as well as long known, and takes those that changed behind a mark. Quick looks list what was ordered
//! or published lately; a thorough look now and then lists everything of the last weeks, for changes of older orders.
//! Rows that were taken are remembered by a print of their text for as long as the overlap can bring them again.

use std::collections::BTreeMap;

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Pace;

const VERSION: u8 = 1;
/// How far ahead of our clock the marketplace's may be.
const AHEAD: i64 = 86_400;

/// The cursor's content. All times in seconds since 1970; but for `made` and `looked` they are the marketplace's.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    v: u8,
    /// When it was written, by our clock.
    made: i64,
    /// What was ordered before is not asked for.
    since: i64,
    /// Every change up to here that a quick look shows was taken.
    mark: i64,
    /// Every change up to here that a thorough look shows was taken.
    deep: i64,
    /// When the last thorough look ended, by our clock.
    looked: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
    /// Order, when it changed, and a print of its row.
    seen: BTreeMap<String, (i64, u32)>,
}

/// A look whose rows do not fit on one page.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    /// By our clock.
    begun: i64,
    deep: bool,
    /// Its windows stay where they were when it began: what a later page brings may have been placed before the mark.
    ordered: i64,
    published: i64,
    /// What changed later is left to the next look, so that this one ends.
    upto: Option<i64>,
}

/// What to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Orders placed from here on.
    pub(crate) ordered: i64,
    /// Orders that became visible from here on, whenever they were placed.
    pub(crate) published: i64,
    /// Both end here.
    pub(crate) to: i64,
    /// Rows that changed before are known.
    pub(crate) changed: i64,
    /// When the look began, by our clock.
    pub(crate) begun: i64,
    /// Whether this is its first page.
    pub(crate) is_new: bool,
}

/// One row of the order list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// When the order was placed or changed, whichever is later.
    pub(crate) changed: i64,
    pub(crate) print: u32,
}

impl State {
    /// Before the first page.
    pub(crate) fn first(since: i64, now: i64) -> Self {
        Self {
            v: VERSION,
            made: now,
            since,
            mark: since,
            deep: since,
            looked: i64::MIN / 2,
            walk: None,
            seen: BTreeMap::new(),
        }
    }

    /// Errors: [`ErrorKind::Config`] for a cursor that this connector did not write.
    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        let state: Option<Self> = serde_json::from_str(cursor.as_str()).ok();
        state.filter(|state| state.v == VERSION).ok_or_else(|| {
            let what = "the stored order position was not written by this version of the yahoo connector; reset it to read \
                        the orders from `since` on";
            Error::new(ErrorKind::Config, what)
        })
    }

    pub(crate) fn write(mut self, now: i64) -> Result<Cursor> {
        self.made = now;
        let text = serde_json::to_string(&self).map_err(|e| {
            Error::new(ErrorKind::Unexpected, format!("cannot write the order position: {e}"))
        })?;
        Ok(Cursor(text))
    }

    pub(crate) fn made_at(&self) -> Timestamp {
        Timestamp::from_secs(self.made)
    }

    /// What to list next: the look that is under way, or a new one.
    pub(crate) fn look(&mut self, now: i64, pace: Pace) -> Look {
        let is_new = self.walk.is_none();
        let walk = match self.walk {
            Some(walk) => walk,
            None => *self.walk.insert(self.begin(now, pace)),
        };
        let known = if walk.deep { self.deep } else { self.mark };
        Look {
            ordered: walk.ordered,
            published: walk.published,
            to: now + AHEAD,
            changed: known - pace.overlap,
            begun: walk.begun,
            is_new,
        }
    }

    fn begin(&self, now: i64, pace: Pace) -> Walk {
        let quick = self.mark - pace.overlap;
        let deep = now - self.looked >= pace.thorough;
        // After a long rest the mark lies further back than a thorough look reaches.
        let ordered = if deep { (now - pace.look_back).min(quick).max(self.since) } else { quick };
        Walk { begun: now, deep, ordered, published: quick, upto: None }
    }

    /// The rows that are news, oldest change first, at most `most`; and whether more of this look remain.
    pub(crate) fn choose(&mut self, look: Look, rows: &[Row], most: usize) -> (Vec<Row>, bool) {
        let newest = rows.iter().map(|row| row.changed).max().unwrap_or(self.mark);
        let upto = self.walk.as_mut().map_or(newest, |walk| *walk.upto.get_or_insert(newest));
        let seen = &self.seen;
        let mut news: Vec<Row> = rows
            .iter()
            .filter(|row| row.changed >= look.changed && row.changed <= upto)
            .filter(|row| seen.get(&row.id).is_none_or(|(_, print)| *print != row.print))
            .cloned()
            .collect();
        news.sort_by(|a, b| (a.changed, &a.id).cmp(&(b.changed, &b.id)));
        let more = news.len() > most;
        news.truncate(most);
        (news, more)
    }

    /// Remembers what was taken. The marks never go back, and never ahead of our clock.
    pub(crate) fn advance(&mut self, taken: &[Row], more: bool, now: i64, pace: Pace) {
        for row in taken {
            self.seen.insert(row.id.clone(), (row.changed, row.print));
        }
        let Some(walk) = self.walk else { return };
        let reached = if more { taken.last().map(|row| row.changed) } else { walk.upto };
        let reached = reached.unwrap_or(self.mark).min(now);
        self.mark = self.mark.max(reached);
        if walk.deep {
            self.deep = self.deep.max(reached);
        }
        if !more {
            self.walk = None;
            if walk.deep {
                self.looked = now;
            }
        }
        let floor = self.mark.min(self.deep) - pace.overlap;
        self.seen.retain(|_, (changed, _)| *changed >= floor);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PACE: Pace = Pace { overlap: 100, thorough: 1000, look_back: 5000 };
    const NOW: i64 = 100_000;

    fn row(id: &str, changed: i64, print: u32) -> Row {
        Row { id: id.to_owned(), changed, print }
    }

    /// One pull: the ids that were taken, and whether more remain.
    fn pull(state: &mut State, now: i64, rows: &[Row], most: usize) -> (Vec<String>, bool) {
        let look = state.look(now, PACE);
        let (news, more) = state.choose(look, rows, most);
        state.advance(&news, more, now, PACE);
        (news.into_iter().map(|row| row.id).collect(), more)
    }

    #[test]
    fn pages_go_by_change_and_end_where_the_look_began() {
        let mut state = State::first(NOW - 5000, NOW);
        let mut rows = vec![row("b", NOW - 20, 1), row("a", NOW - 4000, 1), row("c", NOW - 20, 1)];
        assert_eq!(pull(&mut state, NOW, &rows, 2), (vec!["a".to_owned(), "b".to_owned()], true));
        // The list goes on while it is read: what is new comes with the next look.
        rows.push(row("d", NOW + 1, 1));
        let ordered = state.look(NOW + 2, PACE).ordered;
        assert_eq!(ordered, NOW - 5000, "the window does not move within a look");
        assert_eq!(pull(&mut state, NOW + 2, &rows, 2), (vec!["c".to_owned()], false));
        assert_eq!(pull(&mut state, NOW + 3, &rows, 2), (vec!["d".to_owned()], false));
        assert_eq!(pull(&mut state, NOW + 4, &rows, 2), (vec![], false));
    }

    #[test]
    fn a_row_comes_again_when_its_text_changes() {
        let mut state = State::first(NOW - 5000, NOW);
        pull(&mut state, NOW, &[row("a", NOW - 10, 1)], 9);
        assert_eq!(pull(&mut state, NOW + 5, &[row("a", NOW - 10, 1)], 9).0.len(), 0);
        assert_eq!(pull(&mut state, NOW + 9, &[row("a", NOW - 10, 2)], 9).0.len(), 1);
    }

    #[test]
    fn quick_looks_are_narrow_and_thorough_ones_reach_back() {
        let mut state = State::first(NOW - 9000, NOW);
        assert_eq!(state.look(NOW, PACE).ordered, NOW - 9000);
        pull(&mut state, NOW, &[row("a", NOW - 10, 1)], 9);
        assert_eq!(state.look(NOW + 10, PACE).ordered, NOW - 110);
        state.walk = None;
        assert_eq!(state.look(NOW + 1000, PACE).ordered, NOW + 1000 - 5000);
        state.walk = None;
        assert_eq!(state.look(NOW + 9000, PACE).ordered, NOW - 110, "as far back as the rest was long");
    }

    #[test]
    fn the_mark_is_never_ahead_of_us_and_never_goes_back() {
        let mut state = State::first(NOW - 5000, NOW);
        pull(&mut state, NOW, &[row("a", NOW + 500_000, 1)], 9);
        assert_eq!(state.mark, NOW);
        pull(&mut state, NOW + 1, &[row("b", NOW - 50, 1)], 9);
        assert_eq!(state.mark, NOW);
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_and_a_foreign_one_is_refused() {
        let cursor = State::first(5, NOW).write(NOW + 1).unwrap();
        assert_eq!(State::read(&cursor).unwrap().made_at(), Timestamp::from_secs(NOW + 1));
        let foreign = cursor.as_str().replace("\"v\":1", "\"v\":2");
        for text in ["", "{}", "12", foreign.as_str()] {
            assert!(State::read(&Cursor::from(text)).is_err_and(|e| e.kind == ErrorKind::Config), "{text}");
        }
    }
}
