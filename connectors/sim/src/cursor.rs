//! Where a pull stands, as text that only this connector reads.
//!
//! Orders come in the order of their changed-at. Within one walk the next page begins after the last order of the
//! page before (changed-at and sequence, so that a thousand orders of one instant are no trouble). When the walk is
//! through, only a mark stays, and the next walk begins an overlap before it.
//!
//! Two rules keep an order from being lost. All times are the marketplace's: our clock may be wrong. And the mark is
//! never later than the walk's beginning, since what changed during a long walk may have shown up behind it.

use std::fmt::Write as _;

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};

/// What a [`Cursor`] of this connector says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All was read; the next walk begins an overlap before `mark`.
    Rest { mark: Timestamp },
    /// In the middle of a walk.
    Walk {
        /// Changed-at and sequence of the last order read.
        after: (Timestamp, u64),
        /// The marketplace's time at the walk's first page.
        began: Timestamp,
        /// The newest changed-at read so far.
        newest: Timestamp,
    },
}

impl Place {
    pub(crate) fn write(self) -> Cursor {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Rest { mark } => write!(text, "rest.{}", mark.0),
            Self::Walk { after, began, newest } => {
                write!(text, "walk.{}.{}.{}.{}", after.0.0, after.1, began.0, newest.0)
            }
        };
        Cursor(text)
    }

    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        let parts: Vec<&str> = cursor.as_str().split('.').collect();
        let time = |text: &str| text.parse().ok().map(Timestamp);
        let place = match parts.as_slice() {
            ["rest", mark] => time(mark).map(|mark| Self::Rest { mark }),
            ["walk", changed, seq, began, newest] => (|| {
                Some(Self::Walk {
                    after: (time(changed)?, seq.parse().ok()?),
                    began: time(began)?,
                    newest: time(newest)?,
                })
            })(),
            _ => None,
        };
        place.ok_or_else(|| {
            let message =
                format!("{:?} is no cursor of this connector; begin anew without one", cursor.as_str());
            Error::new(ErrorKind::Unexpected, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let rest = Place::Rest { mark: Timestamp(-5) };
        let walk = Place::Walk { after: (Timestamp(7), 9), began: Timestamp(11), newest: Timestamp(10) };
        for place in [rest, walk] {
            assert_eq!(Place::read(&place.write()), Ok(place));
        }
    }

    #[test]
    fn what_another_wrote_is_an_error_and_not_a_beginning() {
        for text in ["", "rest", "rest.x", "walk.1.2.3", "rest.1.2", "2026-04-01"] {
            let kind = Place::read(&Cursor::from(text)).map_err(|e| e.kind);
            assert_eq!(kind, Err(ErrorKind::Unexpected), "{text:?}");
        }
    }
}
