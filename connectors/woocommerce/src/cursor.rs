//! Where a pull stands. Pure: what to ask next, and what an answer means for it.
//!
//! `modified_after` is exclusive and counts whole seconds, and orders that change move to the end of the list while it
//! is read. So no page numbers: each question starts just before the last second seen, which is read again. Only a
//! second that holds more than a page is read by page, ordered by id and from its last page to its first: an order that
//! moves away shifts the others towards pages that are still to come, never out of sight.
//!
//! Orders of the recent past are asked for again and again, because one may become visible late or change twice within
//! a second. The cursor remembers what they looked like, so that an unchanged one is not handed on twice.

use std::collections::BTreeMap;

use banto_channel::{Cursor, Error, ErrorKind, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// Orders remembered at most. A shop with more of them in the overlap gets a shorter overlap.
const REMEMBERED: usize = 500;
/// The same where they all changed in one second.
const REMEMBERED_AT_ALL: usize = 5000;
/// How far back a usual look reaches, in seconds; the thorough one reaches back the whole overlap.
const GLANCE: i64 = 5;
/// Pages that one second may have before the answer is not believed.
const PAGES_OF_A_SECOND: u32 = 10_000;
/// The last rows of a page whose earliest second counts as the page's end, at most: an order that changes between the
/// shop's search and its answer shows a later time than its place.
const TAIL: usize = 5;

/// One question to `GET orders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) trash: bool,
    /// Exclusive.
    pub(crate) after: i64,
    /// Exclusive.
    pub(crate) before: Option<i64>,
    pub(crate) page: u32,
    pub(crate) by_id: bool,
    /// Orders to a page.
    pub(crate) size: u32,
    /// Whether `size` must stay, because pages were counted with it.
    pub(crate) counted: bool,
}

/// What an answer says about its own size and place.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// `date_modified_gmt` of the rows that have a readable one, in their order.
    pub(crate) seconds: Vec<i64>,
    /// Whether there are rows behind it.
    pub(crate) full: bool,
    /// `X-WP-TotalPages`.
    pub(crate) pages: Option<u32>,
}

/// A second that does not fit into one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Crowd {
    second: i64,
    /// The page to read next; `None` until the number of pages is known.
    page: Option<u32>,
    /// Orders to a page.
    size: u32,
}

/// One walk through the list, from an old second to the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sweep {
    /// All that changed up to this second has been seen once.
    done: i64,
    /// Where the walk under way stands; exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crowd: Option<Crowd>,
}

impl Sweep {
    fn new(done: i64) -> Self {
        Self { done, from: None, crowd: None }
    }

    fn begin(&mut self, window: i64, floor: i64) {
        if self.from.is_none() {
            self.from = Some((self.done - window).max(floor).min(self.done) - 1);
        }
    }

    fn ask(&self, trash: bool, size: u32) -> Ask {
        match self.crowd {
            Some(crowd) => Ask {
                trash,
                after: crowd.second - 1,
                before: Some(crowd.second + 1),
                page: crowd.page.unwrap_or(1),
                by_id: true,
                size: crowd.size,
                counted: crowd.page.is_some(),
            },
            None => Ask {
                trash,
                after: self.from.unwrap_or(self.done - 1),
                before: None,
                page: 1,
                by_id: false,
                size,
                counted: false,
            },
        }
    }

    /// Takes an answer in. Each step either ends the walk, moves `from` on or counts a page down.
    fn advance(&mut self, ask: &Ask, answer: &Answer, now: i64) -> Result<()> {
        match self.crowd {
            Some(crowd) => self.advance_crowd(Crowd { size: ask.size, ..crowd }, answer),
            None => self.advance_list(ask, answer, now),
        }
    }

    fn advance_list(&mut self, ask: &Ask, answer: &Answer, now: i64) -> Result<()> {
        let from = ask.after;
        if let Some(newest) = answer.seconds.iter().max() {
            // A shop whose clock is ahead must not carry the cursor past orders that are still to come.
            self.done = self.done.max((*newest).min(now));
        }
        if !answer.full {
            self.from = None;
            return Ok(());
        }
        let rows = answer.seconds.len();
        let tail = rows - (rows / 4).clamp(2, TAIL).min(rows);
        let Some(last) = answer.seconds.get(tail..).and_then(|rows| rows.iter().min()).copied() else {
            return Err(malformed("a full page of orders without a single date"));
        };
        let falls = answer.seconds.windows(2).filter(|pair| pair[1] < pair[0]).count();
        if last <= from || falls > 1 + answer.seconds.len() / 4 {
            return Err(malformed(
                "orders that were not asked for: it ignores modified_after or orderby=modified, which needs \
                 WooCommerce 5.8 or newer, or repeats a page",
            ));
        }
        match last - 1 > from {
            true => self.from = Some(last - 1),
            false => {
                self.crowd = Some(Crowd { second: last, page: None, size: ask.size });
            }
        }
        Ok(())
    }

    fn advance_crowd(&mut self, crowd: Crowd, answer: &Answer) -> Result<()> {
        if answer.seconds.iter().any(|second| *second < crowd.second) {
            return Err(malformed(
                "orders from before the time that was asked for; it ignores modified_after",
            ));
        }
        let next = match (crowd.page, answer.pages) {
            (Some(page), _) => page.saturating_sub(1),
            (None, Some(pages)) if pages > PAGES_OF_A_SECOND => {
                return Err(malformed("an absurd number of pages for one second"));
            }
            (None, Some(pages)) if pages > 1 => pages,
            (None, None) if answer.full => {
                return Err(malformed(
                    "no X-WP-TotalPages header, which a proxy may have taken out; it is needed where many orders share \
                     one second",
                ));
            }
            (None, _) => 0,
        };
        if next > 0 {
            self.crowd = Some(Crowd { page: Some(next), ..crowd });
        } else {
            self.crowd = None;
            self.from = Some(crowd.second);
        }
        Ok(())
    }

    /// Whether the walk goes on, and has something before it that can exist already.
    fn goes_on(&self, now: i64) -> bool {
        self.crowd.is_some() || self.from.is_some_and(|from| from <= now)
    }
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("reading orders: the shop sends {what}"))
}

/// The whole state of `pull_orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    v: u32,
    live: Sweep,
    trash: Sweep,
    /// Our second of the last thorough look.
    looked: i64,
    /// Nothing before this second is asked for again, because it is no longer remembered.
    #[serde(default)]
    floor: i64,
    /// Order id, second, fingerprint.
    seen: Vec<(i64, i64, u64)>,
}

impl State {
    /// The state before the first pull ever, which reads changes from `since` on.
    pub(crate) fn first(since: i64, now: i64, overlap: i64) -> Self {
        let mut live = Sweep::new(since.max(0));
        live.begin(0, 0);
        Self {
            v: 1,
            live,
            // What was in the bin before banto came is nobody's business.
            trash: Sweep::new(now.max(overlap) - overlap),
            looked: now,
            floor: 0,
            seen: Vec::new(),
        }
    }

    /// Reads a stored cursor.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for one that this connector did not write.
    pub(crate) fn read(cursor: &Cursor) -> Result<Self> {
        serde_json::from_str(cursor.as_str()).ok().filter(|state: &Self| state.v == 1).ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "the stored cursor is not one of the WooCommerce connector; pull anew from a date",
            )
        })
    }

    /// When it was last used for a thorough look; never later than the last pull.
    pub(crate) const fn made_at(&self) -> Timestamp {
        Timestamp::from_secs(self.looked)
    }

    /// The text to store.
    pub(crate) fn write(&self) -> Result<Cursor> {
        serde_json::to_string(self)
            .map(Cursor)
            .map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot write the cursor: {e}")))
    }

    /// The next question. Starts a new walk if none is under way, a thorough one when the last is long ago.
    pub(crate) fn ask(&mut self, now: i64, overlap: i64, size: u32) -> Ask {
        if self.live.from.is_none() && self.trash.from.is_none() {
            let thorough = now.abs_diff(self.looked) >= (overlap / 5).unsigned_abs();
            let window = if thorough { overlap } else { GLANCE.min(overlap) };
            if thorough {
                self.looked = now;
                self.trash.begin(overlap, 0);
            }
            self.live.begin(window, self.floor);
        }
        match self.live.from.is_some() {
            true => self.live.ask(false, size),
            false => self.trash.ask(true, size),
        }
    }

    /// Takes the answer to `ask` in; says whether the next question would bring more right now.
    ///
    /// Errors: [`ErrorKind::Malformed`] when the shop does not obey the question.
    pub(crate) fn advance(&mut self, ask: &Ask, answer: &Answer, now: i64, overlap: i64) -> Result<bool> {
        if ask.trash {
            self.trash.advance(ask, answer, now)?;
            if self.trash.from.is_none() {
                // The bin was looked into after the list, so it is known as far as the list is.
                self.trash.done = self.trash.done.max(self.live.done);
            }
        } else {
            self.live.advance(ask, answer, now)?;
        }
        self.forget(overlap);
        Ok(self.live.goes_on(now) || (self.live.from.is_none() && self.trash.goes_on(now)))
    }

    /// Whether this very state of an order was handed on before; remembers it if not.
    pub(crate) fn is_news(&mut self, id: i64, second: i64, fingerprint: u64) -> bool {
        let entry = (id, second, fingerprint);
        match self.seen.iter_mut().find(|seen| seen.0 == id) {
            Some(seen) if *seen == entry => false,
            Some(seen) => {
                *seen = entry;
                true
            }
            None => {
                self.seen.push(entry);
                true
            }
        }
    }

    /// Drops what lies before the overlap, and the oldest seconds beyond what the cursor can hold.
    fn forget(&mut self, overlap: i64) {
        let newest = self.live.done;
        self.seen.retain(|seen| seen.1 >= newest - overlap);
        if self.seen.len() <= REMEMBERED {
            return;
        }
        let mut by_second: BTreeMap<i64, usize> = BTreeMap::new();
        for seen in &self.seen {
            *by_second.entry(seen.1).or_default() += 1;
        }
        let mut kept = self.seen.len();
        for (second, count) in by_second {
            // The newest second is asked for by every look, so it is worth more room than the others.
            if kept <= REMEMBERED || second >= newest {
                break;
            }
            kept -= count;
            self.floor = second + 1;
        }
        let floor = self.floor;
        self.seen.retain(|seen| seen.1 >= floor);
        self.seen.truncate(REMEMBERED_AT_ALL);
    }
}
