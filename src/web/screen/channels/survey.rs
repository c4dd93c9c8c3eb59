//! What would be pushed to a channel is known when all its listings were looked at. With a hundred thousand of them that
//! takes a second or two, so a page waits for it only as long as nobody notices, shows what was found until then, and
//! asks again by script. One walk answers everybody who asks meanwhile, and for some time after.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use banto_channel::both;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::{Desk, Fault};
use crate::channels::Channel;
use crate::channels::diff::Survey;
use crate::store::Store;

/// How long a page waits for a walk that has not ended: small shops have theirs by then.
const PATIENCE: Duration = Duration::from_millis(20);
/// Who asked while it went is told by the next page, which is fetched this soon at the latest.
const ASKED_AGAIN: Duration = Duration::from_secs(10);
/// A walk that took no longer than this is made anew for everybody who asks after its end was told.
const SHORT: Duration = Duration::from_millis(50);
/// What a longer one found is good for so many times as long as it took, so that people who look and look again cost a
/// twentieth of a processor.
const WORTH: u32 = 20;
/// Who turns the pages of what was found goes on in it for so long.
const KEPT: Duration = Duration::from_secs(300);
/// What was found so far is told so often.
const TOLD: Duration = Duration::from_millis(200);

/// The walks through the listings of channels, by the channel's key.
#[derive(Debug, Default)]
pub(in crate::web::screen) struct Surveys(Mutex<HashMap<i64, Walk>>);

#[derive(Clone, Debug)]
struct Walk {
    /// With the config that it looked with.
    channel: Arc<Channel>,
    found: watch::Receiver<Found>,
    /// Its end was told.
    told: Arc<AtomicBool>,
}

/// What a walk has found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// All of it, or what was looked at so far.
    pub(super) survey: Arc<Survey>,
    /// When it ended, and how long it took.
    ended: Option<(Instant, Duration)>,
    failed: bool,
}

impl Walk {
    /// Whether another walk need not begin.
    fn serves(&self, channel: &Arc<Channel>, turns_pages: bool) -> bool {
        // A reload of the config makes other channels.
        if !Arc::ptr_eq(&self.channel, channel) {
            return false;
        }
        let found = self.found.borrow();
        match found.ended {
            None => !found.failed && self.found.has_changed().is_ok(),
            Some((at, _)) if turns_pages => at.elapsed() < KEPT,
            Some((at, _)) if !self.told.load(Ordering::Relaxed) => at.elapsed() < ASKED_AGAIN,
            Some((at, took)) => took > SHORT && at.elapsed() < took.saturating_mul(WORTH),
        }
    }

    fn begin(channel: Arc<Channel>, store: Store, stop: CancellationToken) -> Self {
        let (tell, found) = watch::channel(Found::default());
        let walking = Arc::clone(&channel);
        tokio::spawn(stop.run_until_cancelled_owned(async move { walk(&walking, &store, &tell).await }));
        Self { channel, found, told: Arc::default() }
    }
}

async fn walk(channel: &Channel, store: &Store, tell: &watch::Sender<Found>) {
    let begun = Instant::now();
    let (mut survey, mut told) = (Survey::default(), begun);
    loop {
        match survey.go_on(channel, store).await {
            Ok(true) if told.elapsed() > TOLD => {
                told = Instant::now();
                tell.send_replace(Found { survey: Arc::new(survey.clone()), ..Found::default() });
            }
            Ok(true) => {}
            Ok(false) => {
                let ended = Some((Instant::now(), begun.elapsed()));
                tell.send_replace(Found { survey: Arc::new(survey), ended, failed: false });
                return;
            }
            Err(error) => {
                tracing::error!(channel = channel.name, error = %error, "the listings could not be compared");
                tell.send_replace(Found { failed: true, ..Found::default() });
                return;
            }
        }
    }
}

impl Desk {
    /// What would be done with the listings of a channel, as far as it is known by now. Who turns pages gets the next
    /// one of what they saw.
    ///
    /// Errors: the store's.
    pub(super) async fn survey(&self, channel: &Arc<Channel>, turns_pages: bool) -> Result<Found, Fault> {
        let mut walk = {
            let mut walks = self.surveys.0.lock().unwrap_or_else(PoisonError::into_inner);
            // What nobody looks at any more is forgotten.
            walks.retain(|_, walk| walk.found.borrow().ended.is_none_or(|(at, _)| at.elapsed() < KEPT));
            let begin = || Walk::begin(Arc::clone(channel), self.store.clone(), self.stop.clone());
            match walks.entry(channel.id) {
                Entry::Occupied(there) if there.get().serves(channel, turns_pages) => there.get().clone(),
                Entry::Occupied(mut old) => {
                    old.insert(begin());
                    old.get().clone()
                }
                Entry::Vacant(place) => place.insert(begin()).clone(),
            }
        };
        let over = walk.found.wait_for(|found| found.failed || found.ended.is_some());
        let over = timeout(PATIENCE, over).await.map(|over| over.is_ok_and(|found| !found.failed));
        if over == Ok(false) {
            let why = both!(
                "The listings could not be compared; try again",
                "出品を照合できませんでした。もう一度お試しください"
            );
            return Err(Fault { status: StatusCode::SERVICE_UNAVAILABLE, why });
        }
        let found = walk.found.borrow().clone();
        if found.ended.is_some() {
            walk.told.store(true, Ordering::Relaxed);
        }
        Ok(found)
    }

    /// Has the next page look at everything anew: what was found is known to be no longer true.
    pub(super) fn forget_survey(&self, channel: &Channel) {
        self.surveys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&channel.id);
    }
}
