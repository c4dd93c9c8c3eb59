//! Claims and leases.

use std::collections::BTreeMap;
use std::time::Duration;

use banto::store::{JobEnd, JobFilter, JobRow, Store, StoreError};
use banto_channel::Timestamp;

use crate::stores::{Fresh, each_store};

const LEASE: Duration = Duration::from_secs(60);

async fn add(store: &Store, lane: &str, count: i64, now: Timestamp) {
    let mut write = store.write().await.unwrap();
    let mut jobs = Vec::new();
    for n in 0..count {
        let id = write.id();
        jobs.push(JobRow::new(id, lane, "test", format!("{lane}:{n}"), "[]".to_owned(), now));
    }
    write.add_jobs(&jobs).await.unwrap();
    write.commit().await.unwrap();
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_workers_claim_each_job_once() {
    each_store(async |fresh: &Fresh| {
        const JOBS: i64 = 400;
        add(&fresh.store, "a", JOBS, at(0)).await;
        let work = async |url: String| {
            // A store of its own, as another daemon would have.
            let store = Store::open(&url).await.unwrap();
            let mut mine = Vec::new();
            loop {
                let jobs = store.claim("a", "clerk", at(1), LEASE, 7).await.unwrap();
                if jobs.is_empty() {
                    break;
                }
                let ends: Vec<_> = jobs.into_iter().map(|job| (job, JobEnd::Done)).collect();
                store.end_jobs(&ends).await.unwrap();
                mine.extend(ends.into_iter().map(|(job, _)| job.id));
            }
            store.close().await;
            mine
        };
        let workers: Vec<_> = (0..8).map(|_| tokio::spawn(work(fresh.url.clone()))).collect();
        let mut times: BTreeMap<i64, usize> = BTreeMap::new();
        let mut busy = 0;
        for worker in workers {
            let mine = worker.await.unwrap();
            busy += usize::from(!mine.is_empty());
            mine.into_iter().for_each(|id| *times.entry(id).or_default() += 1);
        }
        assert_eq!(times.len(), usize::try_from(JOBS).unwrap());
        assert!(times.values().all(|n| *n == 1), "claimed twice: {times:?}");
        assert!(busy > 1, "one worker did it all");
        assert_eq!(fresh.store.jobs(JobFilter::default(), 0, 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_claim_runs_out_and_its_late_end_changes_nothing() {
    each_store(async |fresh: &Fresh| {
        let store = &fresh.store;
        add(store, "a", 1, at(0)).await;
        assert_eq!(store.next_run("a").await.unwrap(), Some(at(0)));
        let first = store.claim("a", "clerk", at(1), LEASE, 10).await.unwrap();
        assert_eq!(first.len(), 1);
        assert_eq!(store.claim("a", "clerk", at(60), LEASE, 10).await.unwrap(), []);
        assert_eq!(store.next_run("a").await.unwrap(), Some(at(61)), "when the claim runs out");
        store.extend_leases(&first, at(90)).await.unwrap();
        assert_eq!(store.claim("a", "clerk", at(61), LEASE, 10).await.unwrap(), []);
        let second = store.claim("a", "clerk", at(90), LEASE, 10).await.unwrap();
        assert_eq!(second[0].attempts, 2);
        let late = JobEnd::Retry { at: at(91), why: "late".to_owned() };
        store.end_jobs(&[(first[0].clone(), late)]).await.unwrap();
        store.extend_leases(&first, at(5000)).await.unwrap();
        let now = store.job(second[0].id).await.unwrap();
        assert_eq!((now.state.as_str(), now.run_at), ("running", at(150).0));
        store.end_jobs(&[(second[0].clone(), JobEnd::Done)]).await.unwrap();
        assert!(matches!(store.job(second[0].id).await, Err(StoreError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn claims_of_those_who_are_gone_are_due_at_once() {
    each_store(async |fresh: &Fresh| {
        let store = &fresh.store;
        add(store, "a", 3, at(0)).await;
        let gone = store.claim("a", "gone", at(1), LEASE, 1).await.unwrap();
        let ours = store.claim("a", "ours", at(1), LEASE, 1).await.unwrap();
        assert_eq!(gone[0].owner.as_deref(), Some("gone"));
        let mut asked = std::sync::Mutex::new(Vec::new());
        let nobody = |owner: Option<&str>| {
            asked.lock().unwrap().push(owner.map(ToOwned::to_owned));
            false
        };
        assert_eq!(store.release_claims(nobody, at(2)).await.unwrap(), 0);
        assert_eq!(asked.get_mut().unwrap().len(), 2, "those who claim, and not whose job nobody works on");
        let is_gone = |owner: Option<&str>| owner == Some("gone");
        assert_eq!(store.release_claims(is_gone, at(2)).await.unwrap(), 1);
        let next = store.claim("a", "next", at(2), LEASE, 9).await.unwrap();
        let due: Vec<i64> = next.iter().map(|j| j.id).collect();
        assert!(due.contains(&gone[0].id) && !due.contains(&ours[0].id), "{due:?}");
        assert!(next.iter().all(|j| j.attempts == 1), "a try that was cut off does not count: {next:?}");
        // Who was only thought to be gone finds its claim taken over.
        let late = |end: JobEnd| [(gone[0].clone(), end)];
        let why = String::new;
        store.end_jobs(&late(JobEnd::Retry { at: at(9), why: why() })).await.unwrap();
        store.end_jobs(&late(JobEnd::Dead { why: why() })).await.unwrap();
        store.extend_leases(&gone, at(5000)).await.unwrap();
        let job = store.job(gone[0].id).await.unwrap();
        assert_eq!((job.state.as_str(), job.run_at), ("running", at(62).0));
        fresh.run("UPDATE job SET owner = NULL").await;
        assert_eq!(store.release_claims(|owner| owner.is_none(), at(3)).await.unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn ends_say_when_and_whether_a_try_counts() {
    each_store(async |fresh: &Fresh| {
        let store = &fresh.store;
        add(store, "a", 3, at(0)).await;
        add(store, "b", 1, at(0)).await;
        let jobs = store.claim("a", "clerk", at(1), LEASE, 10).await.unwrap();
        let why = || "髙﨑's server".to_owned();
        let ends = [
            (jobs[0].clone(), JobEnd::Retry { at: at(10), why: why() }),
            (jobs[1].clone(), JobEnd::Postpone { at: at(20), why: why() }),
            (jobs[2].clone(), JobEnd::Dead { why: why() }),
        ];
        let mut write = store.write().await.unwrap();
        write.end_jobs(&ends, at(2)).await.unwrap();
        write.commit().await.unwrap();
        let all = store.jobs(JobFilter { lane: Some("a"), dead: false }, 0, 10).await.unwrap();
        let seen: Vec<_> = all.iter().map(|j| (j.state.as_str(), j.attempts, j.last_error.clone())).collect();
        assert_eq!(seen, [("ready", 1, Some(why())), ("ready", 0, Some(why())), ("dead", 1, Some(why()))]);
        assert_eq!(store.claim("a", "clerk", at(9), LEASE, 10).await.unwrap(), []);
        assert_eq!(
            store.claim("a", "clerk", at(20), LEASE, 10).await.unwrap().len(),
            2,
            "the dead one stays"
        );
        let alerts = store.alerts().await.unwrap();
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].kind, "job_dead");

        let dead = store.jobs(JobFilter { lane: None, dead: true }, 0, 10).await.unwrap();
        store.revive_job(dead[0].id, "cli:hanako", at(30)).await.unwrap();
        assert_eq!(store.alerts().await.unwrap(), []);
        let again = store.claim("a", "clerk", at(30), LEASE, 10).await.unwrap();
        assert_eq!((again[0].id, again[0].attempts), (dead[0].id, 1));
        let busy = store.drop_job(dead[0].id, "cli:hanako", at(31)).await;
        assert!(matches!(busy, Err(StoreError::Refused(_))), "{busy:?}");
        let counts = store.job_counts().await.unwrap();
        let counts: Vec<_> = counts.iter().map(|c| (c.lane.as_str(), c.state.as_str(), c.jobs)).collect();
        assert_eq!(counts, [("a", "running", 3), ("b", "ready", 1)]);
    })
    .await;
}

#[tokio::test]
async fn the_same_event_is_queued_once() {
    each_store(async |fresh: &Fresh| {
        add(&fresh.store, "a", 3, at(0)).await;
        add(&fresh.store, "a", 5, at(9)).await;
        let all = fresh.store.jobs(JobFilter::default(), 0, 100).await.unwrap();
        assert_eq!(all.iter().map(|j| j.created_at).collect::<Vec<_>>(), [0, 0, 0, at(9).0, at(9).0]);
    })
    .await;
}
