//! Pages that change by themselves: a stream of events tells every open page which kinds of things have changed, and the
//! page fetches anew what shows them.
//!
//! One poller serves all browsers. It runs only while one of them listens, wakes at once for what this process did, and
//! looks every second for what another one did.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use banto_channel::both;
use futures_util::stream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{Instant, sleep, sleep_until};

use super::access::Routes;
use super::visit::SessionKey;
use super::{Access, Desk, Fault};
use crate::store::{Marks, Store, StoreError};

/// Most browsers that listen at once.
const LISTENERS_MAX: usize = 200;
/// How soon what another process did is seen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Least time between two events.
const REST: Duration = Duration::from_millis(500);
/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long one stream lasts; the browser opens the next by itself.
const STREAM_LASTS: Duration = Duration::from_secs(300);
/// How soon a stream ends whose session has ended.
const SESSION_LOOK: Duration = Duration::from_secs(5);
/// Events that a slow listener may be behind before it is told that everything changed.
const BACKLOG: usize = 32;

/// A kind of thing that a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Orders,
    Stock,
    Mails,
    Channels,
}

impl Topic {
    const ALL: [Self; 4] = [Self::Orders, Self::Stock, Self::Mails, Self::Channels];

    const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Stock => "stock",
            Self::Mails => "mails",
            Self::Channels => "channels",
        }
    }
}

type Topics = BTreeSet<Topic>;

/// One event.
#[derive(Clone, Debug)]
struct Change {
    id: String,
    topics: Topics,
}

impl Change {
    fn event(&self) -> Event {
        let names: Vec<&str> = self.topics.iter().map(|topic| topic.name()).collect();
        Event::default().event("changed").id(&self.id).data(names.join(" "))
    }
}

/// The one poller and its listeners.
#[derive(Debug)]
struct Hub {
    places: Arc<Semaphore>,
    changes: broadcast::Sender<Change>,
    poller: Mutex<Poller>,
}

#[derive(Debug, Default)]
struct Poller {
    runs: bool,
    /// The newest event: a browser that comes back with another one has missed something.
    newest: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let hub = Arc::new(Hub {
        places: Arc::new(Semaphore::new(LISTENERS_MAX)),
        changes: broadcast::Sender::new(BACKLOG),
        poller: Mutex::default(),
    });
    let handler = move |State(desk): State<Desk>, session: SessionKey, headers: HeaderMap| async move {
        listen(&hub, desk, session, &headers).await
    };
    routes.get("/live", Access::Read, handler)
}

async fn listen(
    hub: &Arc<Hub>,
    desk: Desk,
    session: SessionKey,
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    let Ok(place) = Arc::clone(&hub.places).try_acquire_owned() else {
        let why = both!(
            "Too many pages are open at once; this one is not updated by itself",
            "同時に開かれている画面が多すぎるため、この画面は自動更新されません"
        );
        return Err(Fault { status: StatusCode::SERVICE_UNAVAILABLE, why });
    };
    let changes = hub.changes.subscribe();
    let newest = start(hub, &desk).await?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let missed = last.is_some_and(|id| id != newest);
    let first = missed.then(|| Change { id: newest, topics: Topic::ALL.into() });
    let now = Instant::now();
    let (ends, look) = (now + STREAM_LASTS, now + SESSION_LOOK);
    let listener = Listener { first, changes, desk, session, ends, look, _place: place };
    let events = stream::unfold(listener, |mut listener| async {
        let change = listener.next().await?;
        Some((Ok::<_, Infallible>(change.event()), listener))
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // A proxy that buffers would keep events to itself.
    let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    let unkept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([unbuffered, unkept], stream).into_response())
}

/// One open page.
struct Listener {
    first: Option<Change>,
    changes: broadcast::Receiver<Change>,
    desk: Desk,
    session: SessionKey,
    ends: Instant,
    /// When the session is looked at next.
    look: Instant,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; `None` when the stream is to end.
    async fn next(&mut self) -> Option<Change> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            tokio::select! {
                biased;
                () = self.desk.stop().cancelled() => return None,
                () = sleep_until(self.ends) => return None,
                () = sleep_until(self.look) => {
                    let visitor = self.desk.store().visitor(&self.session.0, self.desk.now()).await;
                    if matches!(visitor, Ok(None)) {
                        return None;
                    }
                    self.look = Instant::now() + SESSION_LOOK;
                }
                change = self.changes.recv() => return match change {
                    Ok(change) => Some(change),
                    // No id: coming back it is told everything once more, and that does no harm.
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        Some(Change { id: String::new(), topics: Topic::ALL.into() })
                    }
                    Err(broadcast::error::RecvError::Closed) => None,
                },
            }
        }
    }
}

/// Has the poller run; returns the newest event's id. What changes from now on is told.
async fn start(hub: &Arc<Hub>, desk: &Desk) -> Result<String, StoreError> {
    let mut poller = hub.poller.lock().await;
    if !poller.runs {
        let seen = desk.store().desk_marks().await?;
        poller.newest = format!("{}-{}", desk.now().0, seen.newest.counter);
        poller.runs = true;
        tokio::spawn(poll(Arc::clone(hub), desk.clone(), seen));
    }
    Ok(poller.newest.clone())
}

/// Tells what changes until nobody listens or the daemon stops.
async fn poll(hub: Arc<Hub>, desk: Desk, mut seen: Marks) {
    let store = desk.store();
    let (mut stock, mut jobs) = (store.watch_stock(), store.watch_jobs());
    loop {
        tokio::select! {
            () = desk.stop().cancelled() => break,
            _ = stock.changed() => {}
            _ = jobs.changed() => {}
            () = sleep(LOOK_EVERY) => {}
        }
        stock.mark_unchanged();
        jobs.mark_unchanged();
        match look(store, &seen).await {
            Ok((now, topics)) => {
                seen = now;
                if !topics.is_empty() {
                    let id = format!("{}-{}", desk.now().0, seen.newest.counter);
                    hub.poller.lock().await.newest.clone_from(&id);
                    let _ = hub.changes.send(Change { id, topics });
                    sleep(REST).await;
                }
            }
            Err(error) => tracing::debug!(error = %error, "the screen does not hear of changes for now"),
        }
        let mut poller = hub.poller.lock().await;
        if hub.changes.receiver_count() == 0 {
            poller.runs = false;
            return;
        }
    }
    hub.poller.lock().await.runs = false;
}

async fn look(store: &Store, seen: &Marks) -> Result<(Marks, Topics), StoreError> {
    let now = store.desk_marks().await?;
    let mut topics = changed(seen, &now);
    if now.newest.audit != seen.newest.audit {
        for action in store.desk_actions(seen.newest.audit, now.newest.audit).await? {
            topics.extend(acted(&action));
        }
    }
    Ok((now, topics))
}

/// What kinds of things have changed between two marks.
fn changed(old: &Marks, new: &Marks) -> Topics {
    let mut topics = Topics::new();
    let (was, is) = (&old.newest, &new.newest);
    if was.entry != is.entry {
        topics.insert(Topic::Stock);
    }
    if was.payload != is.payload {
        topics.insert(Topic::Orders);
    }
    if was.sent != is.sent || was.job != is.job || old.mails != new.mails {
        topics.insert(Topic::Mails);
    }
    if was.job != is.job || was.alert != is.alert || old.channels != new.channels {
        topics.insert(Topic::Channels);
    }
    let pushes = |marks: &Marks| marks.channels.iter().map(|c| (c.pushed_at, c.mapped)).collect::<Vec<_>>();
    if pushes(old) != pushes(new) {
        topics.insert(Topic::Stock);
    }
    if was.counter != is.counter && topics.is_empty() {
        // A line in a timeline, an order in quarantine.
        topics.insert(Topic::Orders);
    }
    topics
}

/// What a person's act may have changed, by its name in the audit.
fn acted(action: &str) -> Vec<Topic> {
    match action.split('_').next().unwrap_or_default() {
        "mail" => vec![Topic::Mails, Topic::Orders],
        "job" => vec![Topic::Mails, Topic::Channels],
        "push" | "pause" | "resume" | "approve" | "pull" | "channel" => vec![Topic::Channels],
        "stock" | "item" | "items" => vec![Topic::Stock],
        "order" => vec![Topic::Orders, Topic::Stock, Topic::Mails],
        _ => Topic::ALL.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Newest, PendingMails};

    fn marks(newest: Newest) -> Marks {
        Marks { newest, mails: Vec::new(), channels: Vec::new() }
    }

    fn told(newest: Newest) -> Vec<Topic> {
        changed(&marks(Newest::default()), &marks(newest)).into_iter().collect()
    }

    #[test]
    fn each_kind_of_change_is_told_to_those_who_show_it() {
        let none = Newest::default();
        assert_eq!(told(none), []);
        assert_eq!(told(Newest { counter: 2, entry: 1, ..none }), [Topic::Stock]);
        assert_eq!(told(Newest { counter: 2, payload: 1, ..none }), [Topic::Orders]);
        assert_eq!(told(Newest { counter: 2, job: 1, ..none }), [Topic::Mails, Topic::Channels]);
        assert_eq!(told(Newest { sent: 1, ..none }), [Topic::Mails]);
        assert_eq!(told(Newest { counter: 2, ..none }), [Topic::Orders], "nothing goes untold");
        let mut one = marks(none);
        one.mails.push(PendingMails { state: "uncertain".to_owned(), mails: 1, oldest: 1 });
        assert_eq!(changed(&marks(none), &one), [Topic::Mails].into());
    }

    #[test]
    fn an_act_whose_name_says_nothing_may_have_changed_anything() {
        assert_eq!(acted("restore"), Topic::ALL);
        assert_eq!(acted("mail_hold"), [Topic::Mails, Topic::Orders]);
        assert_eq!(acted("stock_count"), [Topic::Stock]);
    }

    #[test]
    fn an_event_names_its_topics_apart() {
        let change = Change { id: "7".to_owned(), topics: Topic::ALL.into() };
        let text = format!("{:?}", change.event());
        assert!(text.contains("orders stock mails channels"), "{text}");
    }
}
