//! Where a pull stands.
//!
//! One walk reads the window from the mark (less the overlap) to the moment that Amazon names in its first answer, two
//! minutes before it. An order that changes meanwhile leaves the window, and is in the next one. Page tokens live for
//! 24 hours; when one has run out the window is begun again.

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// Page tokens are used for this long, in seconds: an hour less than they live.
const TOKEN_LIFE: i64 = 23 * 3600;
/// Amazon shows nothing younger, in seconds.
pub(crate) const LAG: i64 = 120;
/// Times that one window is begun again before the fault is told.
const RESTARTS_MAX: u32 = 3;

/// A walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Walk {
    /// Its window begins here.
    from: i64,
    /// Everything changed up to here has been read when it ends.
    until: i64,
    token: String,
    /// When the first page was asked for, by our clock.
    asked: i64,
    restarts: u32,
}

/// The whole state of `pull_orders`, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    v: u32,
    /// Everything changed up to here has been read, by Amazon's clock.
    mark: i64,
    /// The last pull, by our clock.
    made: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
}

/// The next question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) from: i64,
    pub(crate) token: Option<String>,
}

/// What an answer says about the walk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) token: Option<String>,
    /// The end of the window, if Amazon names it.
    pub(crate) until: Option<i64>,
    /// The latest change among the orders of the page.
    pub(crate) newest: Option<i64>,
}

impl State {
    /// The state before the first pull ever, which reads changes from `since` on.
    pub(crate) const fn first(since: i64, now: i64) -> Self {
        Self { v: 1, mark: since, made: now, walk: None }
    }

    /// Reads a stored cursor.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for one that this connector did not write.
    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(cursor.as_str()).ok().filter(|state: &Self| state.v == 1).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "the stored cursor is not one of the Amazon connector; pull anew from a date",
            )
        })
    }

    /// The text to store.
    pub(crate) fn write(&self) -> Result<Cursor> {
        serde_json::to_string(self)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))
    }

    /// When it was last used, by our clock.
    pub(crate) const fn made_at(&self) -> Timestamp {
        Timestamp::from_secs(self.made)
    }

    /// The next question; `None` if its window has not begun.
    pub(crate) fn ask(&self, now: i64, overlap: i64) -> Option<Ask> {
        let ask = match &self.walk {
            Some(walk) if now - walk.asked < TOKEN_LIFE => {
                Ask { from: walk.from, token: Some(walk.token.clone()) }
            }
            Some(walk) => Ask { from: walk.from, token: None },
            None => Ask { from: self.mark - overlap, token: None },
        };
        (ask.from < now - LAG).then_some(ask)
    }

    /// The question to put when the token of `ask` was refused: the window from its beginning.
    ///
    /// `None` if it was begun again too often.
    pub(crate) fn ask_again(&mut self, ask: &Ask) -> Option<Ask> {
        let walk = self.walk.as_mut()?;
        walk.restarts += 1;
        (walk.restarts <= RESTARTS_MAX).then_some(Ask { from: ask.from, token: None })
    }

    /// Takes the answer to `ask` in; says whether the next question would bring more right now.
    ///
    /// Errors: [`ErrorKind::Malformed`] when a page points at itself.
    pub(crate) fn advance(&mut self, ask: &Ask, answer: &Answer, now: i64) -> Result<bool> {
        if answer.token.is_some() && answer.token == ask.token {
            let text = "reading orders: Amazon hands out the same page token again";
            return Err(Error::new(ErrorKind::Malformed, text));
        }
        let before = self.walk.take();
        let goes_on = ask.token.is_some();
        let restarts = before.as_ref().map_or(0, |walk| walk.restarts);
        let (asked, known) = match before.filter(|_| goes_on) {
            Some(walk) => (walk.asked, Some(walk.until)),
            None => (now, None),
        };
        // The first page decides, so that nothing that changes during the walk is passed over. Where no end is named,
        // the latest change seen is as far as we know.
        let until = known.or(answer.until).or(answer.newest).unwrap_or(self.mark).min(now);
        self.made = now;
        match &answer.token {
            Some(token) => {
                self.walk = Some(Walk { from: ask.from, until, token: token.clone(), asked, restarts });
            }
            None => self.mark = self.mark.max(until),
        }
        Ok(answer.token.is_some())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const NOW: i64 = 1_795_255_200;

    fn page(token: Option<&str>) -> Answer {
        Answer { token: token.map(str::to_owned), until: Some(NOW - LAG), newest: Some(NOW - 500) }
    }

    #[test]
    fn a_walk_reads_to_the_end_that_the_first_page_names() {
        let mut state = State::first(NOW - 86_400, NOW);
        let first = state.ask(NOW, 600).unwrap();
        assert_eq!(first, Ask { from: NOW - 87_000, token: None });
        assert!(state.advance(&first, &page(Some("a")), NOW).unwrap());
        let second = state.ask(NOW + 300, 600).unwrap();
        assert_eq!(second, Ask { from: NOW - 87_000, token: Some("a".to_owned()) });
        let late = Answer { until: Some(NOW + 180), ..page(None) };
        assert!(!state.advance(&second, &late, NOW + 300).unwrap());
        assert_eq!(state.ask(NOW + 300, 600).unwrap().from, NOW - LAG - 600);
    }

    #[test]
    fn a_token_that_ran_out_begins_the_window_again() {
        let mut state = State::first(NOW - 86_400, NOW);
        let ask = state.ask(NOW, 600).unwrap();
        state.advance(&ask, &page(Some("a")), NOW).unwrap();
        let later = NOW + 24 * 3600;
        assert_eq!(state.ask(later, 600).unwrap(), Ask { token: None, ..ask.clone() });
        for _ in 0..RESTARTS_MAX {
            assert_eq!(state.ask_again(&ask), Some(ask.clone()));
        }
        assert_eq!(state.ask_again(&ask), None, "not for ever");
    }

    #[test]
    fn what_has_not_happened_yet_is_not_asked_for() {
        let state = State::first(NOW + 86_400, NOW);
        assert_eq!(state.ask(NOW, 600), None);
        assert_eq!(State::read(&state.write().unwrap()).unwrap(), state);
        for odd in ["", "7", "{}", r#"{"v":2,"mark":1,"made":1}"#, r#"{"v":1,"mark":1,"made":1,"x":1}"#] {
            assert_eq!(State::read(&Cursor::from(odd)).unwrap_err().kind, ErrorKind::Unexpected, "{odd}");
        }
    }

    #[test]
    fn a_page_that_points_at_itself_is_no_page() {
        let mut state = State::first(NOW - 86_400, NOW);
        let ask = state.ask(NOW, 600).unwrap();
        state.advance(&ask, &page(Some("a")), NOW).unwrap();
        let ask = state.ask(NOW, 600).unwrap();
        assert_eq!(state.advance(&ask, &page(Some("a")), NOW).unwrap_err().kind, ErrorKind::Malformed);
    }
}
