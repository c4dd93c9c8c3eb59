//! Where a pull stands.

use std::time::Duration;

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// Clocks of one house differ by less than this.
const AHEAD_ALLOWED: Duration = Duration::from_secs(300);

/// What was handed out: every file before `number`, and of that one the first `row` orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    #[serde(rename = "v")]
    pub(crate) version: u32,
    /// When it was made, by our clock.
    pub(crate) at: Timestamp,
    /// The file's place in the order of reading; 0 before the first.
    pub(crate) number: u64,
    /// The name it came under, for people.
    pub(crate) file: String,
    /// Hash of the content that `row` counts in.
    pub(crate) hash: String,
    pub(crate) row: usize,
    /// Nothing of it is left; the next pull lays it down.
    pub(crate) finished: bool,
    /// It could not be read at all; the next pull rejects it, unless it can be read by then.
    pub(crate) unusable: bool,
}

impl State {
    pub(crate) const fn start(at: Timestamp) -> Self {
        Self {
            version: 1,
            at,
            number: 0,
            file: String::new(),
            hash: String::new(),
            row: 0,
            finished: true,
            unusable: false,
        }
    }

    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        let state: Option<Self> = serde_json::from_str(cursor.as_str()).ok();
        state.filter(|state| state.version == 1).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                format!(
                    "{cursor} is no cursor of this connector; reading from the start brings every file in orders/done \
                     once more and takes no order twice"
                ),
            )
        })
    }

    pub(crate) fn cursor(&self) -> Result<Cursor> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))?;
        Ok(Cursor(text))
    }

    pub(crate) const fn made_at(&self) -> Timestamp {
        self.at
    }

    /// Whether it comes from a clock that is wrong, or from another folder in another time.
    pub(crate) fn is_ahead_of(&self, now: Timestamp) -> bool {
        self.at > now.plus(AHEAD_ALLOWED)
    }

    /// The same place, said later.
    pub(crate) fn said_at(&self, now: Timestamp) -> Self {
        Self { at: now.max(self.at), ..self.clone() }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was_written() {
        let start = State::start(Timestamp(5)).said_at(Timestamp(9));
        let state = State { number: 3, file: "注文.csv".to_owned(), row: 200, finished: false, ..start };
        let cursor = state.cursor().unwrap();
        assert_eq!(State::read(&cursor), Ok(state));
    }

    #[test]
    fn what_was_not_written_here_is_an_error() {
        let good = State::start(Timestamp(5)).cursor().unwrap();
        let newer = good.as_str().replace("\"v\":1", "\"v\":2");
        for text in ["", "{}", "12", &newer] {
            assert_eq!(State::read(&Cursor::from(text)).unwrap_err().kind, ErrorKind::Unexpected, "{text}");
        }
    }
}
