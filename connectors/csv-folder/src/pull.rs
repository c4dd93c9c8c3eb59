//! Orders in: one file after the other, page by page.
//!
//! A file is moved to `reading/` before it is read and to `done/` by the pull after the one that handed out its last
//! order, when the cursor that says so is stored. A crash in between repeats work and loses none.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use banto_channel::{Cursor, Cx, Page, Read, Result, Timestamp};

use crate::CsvFolder;
use crate::calls::{Content, Entry, Numbered};
use crate::cursor::State;
use crate::parse::{OrderFile, Unusable};

/// What is seen of a file that may still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sight {
    size: u64,
    modified: Timestamp,
}

/// Which files lie still, and since when by our clock. A restart forgets it and watches anew, which costs some seconds.
///
/// The file's own time is not asked how old it is: a share's clock may be slow, and some tools set an old time first.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<HashMap<OsString, (Sight, Timestamp)>>);

/// The file that pages are being made of, by number and hash, so that it is not taken apart for each. A restart takes it
/// apart once more.
#[derive(Default)]
pub(crate) struct Opened(Mutex<Option<(u64, String, Arc<OrderFile>)>>);

impl fmt::Debug for Opened {
    /// Shows nothing of the orders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl CsvFolder {
    /// Files that came in and are finished, oldest first. An empty one has only been opened yet.
    fn finished(&self, now: Timestamp) -> Result<Vec<Entry>> {
        let files = self.folder.incoming()?;
        let mut seen = self.watch.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|name, _| files.iter().any(|file| file.name == *name));
        let still = |file: &Entry| {
            let sight = Sight { size: file.size, modified: file.modified };
            let known = seen.entry(file.name.clone()).or_insert((sight, now));
            if known.0 != sight {
                *known = (sight, now);
            }
            file.size > 0 && now.since(known.1) >= self.settings.settle
        };
        Ok(files.into_iter().filter(still).collect())
    }

    pub(crate) fn pull(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let now = cx.clock.now();
        self.folder.is_there()?;
        let state = after.map_or_else(|| Ok(State::start(now)), State::read)?;
        if state.is_ahead_of(now) {
            return Ok(Page { items: Vec::new(), next: state.cursor()?, more: false });
        }
        let state = self.lay_down_finished(state)?;
        while let Some(file) = self.next_file(&state, now)? {
            if let Some(page) = self.page(&file, &state, now)? {
                return Ok(page);
            }
        }
        Ok(Page { items: Vec::new(), next: state.cursor()?, more: false })
    }

    /// Lays down the file that the stored cursor calls finished, unless it changed behind our back: then it is not.
    fn lay_down_finished(&self, mut state: State) -> Result<State> {
        let reading = self.folder.reading()?;
        let Some(file) = reading.iter().find(|file| state.finished && file.number == state.number) else {
            return Ok(state);
        };
        let content = self.content(file)?;
        match self.open(file, &content) {
            _ if content.hash() != state.hash => (state.row, state.finished) = (0, false),
            // The config was corrected in the meantime.
            Ok(_) if state.unusable => (state.row, state.finished) = (0, false),
            Ok(_) => self.folder.lay_down(file, &content.hash())?,
            Err(unusable) => self.folder.reject(file, &unusable.why)?,
        }
        *self.opened.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(state)
    }

    /// The file to read next: the one begun, then those laid down after it (for a cursor that is older than the
    /// folder), then a new one, which is taken up.
    fn next_file(&self, state: &State, now: Timestamp) -> Result<Option<Numbered>> {
        let files = self.folder.numbered()?;
        if let Some(begun) = files.iter().find(|file| file.number == state.number && !state.finished) {
            return Ok(Some(begun.clone()));
        }
        if let Some(later) = files.iter().find(|file| file.number > state.number) {
            return Ok(Some(later.clone()));
        }
        let last = files.iter().map(|file| file.number).max().unwrap_or(0).max(state.number);
        let number = last.saturating_add(1);
        // A folder that was put back from a copy may hold a file in the middle of being read under an old number.
        if let Some(left) = files.iter().find(|file| file.hash.is_none()) {
            return self.folder.take_up(&left.path, &left.name, number).map(Some);
        }
        let Some(new) = self.finished(now)?.into_iter().next() else { return Ok(None) };
        self.folder.take_up(&new.path, &new.shown(), number).map(Some)
    }

    /// The next orders of a file; `None` if it was read before under another name.
    fn page(&self, file: &Numbered, state: &State, now: Timestamp) -> Result<Option<Page<Read>>> {
        let content = self.content(file)?;
        let hash = content.hash();
        let same = |other: &Numbered| other.hash.as_ref() == Some(&hash) && other.number != file.number;
        if file.hash.is_none() && self.folder.numbered()?.iter().any(same) {
            self.folder.lay_aside(file, &hash)?;
            return Ok(None);
        }
        let orders = self.open(file, &content);
        let (total, unusable) = (orders.as_ref().map_or(1, |orders| orders.len()), orders.is_err());
        let begun = file.number == state.number && hash == state.hash && !state.finished;
        let from = if begun { state.row.min(total) } else { 0 };
        let row = total.min(from + self.settings.page);
        let items = match orders {
            Ok(orders) => orders.reads(&self.settings, from, row - from),
            Err(unusable) => vec![unusable.into_read()],
        };
        let next = State {
            number: file.number,
            file: file.name.clone(),
            hash,
            row,
            finished: row >= total,
            unusable,
            ..state.said_at(now)
        };
        let more = !next.finished || self.has_more(&next, now)?;
        Ok(Some(Page { items, next: next.cursor()?, more }))
    }

    /// Whether another file waits.
    fn has_more(&self, state: &State, now: Timestamp) -> Result<bool> {
        let later = self.folder.numbered()?.iter().any(|file| file.number > state.number);
        Ok(later || !self.finished(now)?.is_empty())
    }

    fn content(&self, file: &Numbered) -> Result<Content> {
        self.folder.read(&file.path, self.settings.file_max)
    }

    /// Takes a content apart, unless it is the one that was taken apart for the page before.
    fn open(&self, file: &Numbered, content: &Content) -> std::result::Result<Arc<OrderFile>, Unusable> {
        let bytes = match content {
            Content::Bytes { bytes, .. } => bytes,
            Content::TooLarge { size } => {
                return Err(Unusable::too_large(&file.name, *size, self.settings.file_max));
            }
        };
        let mut opened = self.opened.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(number, hash, _): &&(u64, String, _)| *number == file.number && *hash == content.hash();
        if let Some((.., orders)) = opened.as_ref().filter(same) {
            return Ok(Arc::clone(orders));
        }
        let orders = Arc::new(OrderFile::open(&self.settings, &file.name, bytes)?);
        *opened = Some((file.number, content.hash(), Arc::clone(&orders)));
        Ok(orders)
    }
}
