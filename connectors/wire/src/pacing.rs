//! Whose turn it is: one bucket per quota, and the pauses that the server asked for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{Error, ErrorKind, Quota, Result};
use governor::RateLimiter;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use tokio::time::{Instant, sleep, timeout};

/// The turnstiles of one channel's quota groups.
#[derive(Debug)]
pub(crate) struct Pacing {
    groups: Mutex<BTreeMap<&'static str, Arc<Group>>>,
    /// The allowances of [`Quota::EVERY_GROUP`].
    shared: Arc<Mutex<Vec<Bucket>>>,
    /// How much of every rate may be used.
    percent: u32,
}

/// Why a call does not get its turn within the time it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy {
    /// Until a call of the group could go.
    pub wait: Duration,
    /// Whether the server asked for it; otherwise the documented allowance is used up.
    pub asked: bool,
}

impl Pacing {
    /// Buckets for so much of the quotas.
    ///
    /// Errors: [`ErrorKind::Unexpected`] for a quota that allows nothing.
    pub fn new(quotas: &[Quota], percent: u32) -> Result<Self> {
        let mut buckets: BTreeMap<&'static str, Vec<Bucket>> = BTreeMap::new();
        for quota in quotas {
            buckets.entry(quota.group).or_default().push(Bucket::new(quota, percent)?);
        }
        let shared = Arc::new(Mutex::new(buckets.remove(Quota::EVERY_GROUP).unwrap_or_default()));
        let group = |(name, buckets)| (name, Arc::new(Group::new(buckets, Arc::clone(&shared))));
        let groups = Mutex::new(buckets.into_iter().map(group).collect());
        Ok(Self { groups, shared, percent })
    }

    /// Waits for the turn of one call and takes it; returns how long that took. Calls of a group go in the order
    /// in which they came.
    ///
    /// Errors: [`Busy`] as soon as it is known that `at_most` is not enough; nothing is taken then.
    pub async fn turn(&self, group: &'static str, at_most: Duration) -> Result<Duration, Busy> {
        let group = self.group(group);
        let begun = Instant::now();
        let busy = group.need();
        if busy.wait > at_most {
            return Err(busy);
        }
        let Ok(_first) = timeout(at_most, group.queue.lock()).await else {
            return Err(group.need());
        };
        loop {
            let busy = group.need();
            if busy.wait.is_zero() && group.take() {
                return Ok(begun.elapsed());
            }
            if begun.elapsed().saturating_add(busy.wait) > at_most {
                return Err(busy);
            }
            sleep(busy.wait).await;
        }
    }

    /// No call of the group goes before `pause` is over. A longer pause that already runs stays.
    pub fn hold(&self, group: &'static str, pause: Duration) {
        let group = self.group(group);
        let mut until = lock(&group.held_until);
        *until = (*until).max(Instant::now() + pause);
    }

    /// From now on the group's calls go at this rate, in calls a second. A burst that is left stays.
    pub fn learn(&self, group: &'static str, rate: f64) {
        let group = self.group(group);
        for bucket in lock(&group.buckets).iter_mut() {
            bucket.set_rate(rate * f64::from(self.percent) / 100.0);
        }
    }

    /// How long a call of the group would wait now if no other came before it.
    pub fn wait(&self, group: &str) -> Duration {
        let group = lock(&self.groups).get(group).map(Arc::clone);
        group.map_or_else(|| longest(&lock(&self.shared)), |group| group.need().wait)
    }

    fn group(&self, name: &'static str) -> Arc<Group> {
        let mut groups = lock(&self.groups);
        let new = || Arc::new(Group::new(Vec::new(), Arc::clone(&self.shared)));
        Arc::clone(groups.entry(name).or_insert_with(new))
    }
}

#[derive(Debug)]
struct Group {
    /// Held by the call that is next. tokio's mutex is fair, so nobody is overtaken.
    queue: tokio::sync::Mutex<()>,
    held_until: Mutex<Instant>,
    buckets: Mutex<Vec<Bucket>>,
    /// Those of the whole channel. Locked before `buckets`.
    shared: Arc<Mutex<Vec<Bucket>>>,
}

impl Group {
    fn new(buckets: Vec<Bucket>, shared: Arc<Mutex<Vec<Bucket>>>) -> Self {
        Self {
            queue: tokio::sync::Mutex::new(()),
            held_until: Mutex::new(Instant::now()),
            buckets: Mutex::new(buckets),
            shared,
        }
    }

    fn need(&self) -> Busy {
        let asked = lock(&self.held_until).saturating_duration_since(Instant::now());
        let own = longest(&lock(&self.shared)).max(longest(&lock(&self.buckets)));
        Busy { wait: asked.max(own), asked: asked > Duration::ZERO && asked >= own }
    }

    /// Takes a call from every bucket. False, and nothing taken, if another group was quicker at a shared one; at its
    /// own only the call at the head of the queue takes, and it has seen room.
    fn take(&self) -> bool {
        let shared = lock(&self.shared);
        let room = longest(&shared).is_zero();
        if room {
            for bucket in shared.iter().chain(lock(&self.buckets).iter()) {
                let _room = bucket.take.check();
            }
        }
        room
    }
}

/// Until all of these buckets have room.
fn longest(buckets: &[Bucket]) -> Duration {
    buckets.iter().map(Bucket::wait).max().unwrap_or_default()
}

type Limiter = RateLimiter<NotKeyed, Level, Ticks, NoOpMiddleware<Duration>>;

/// A GCRA bucket. governor has no way to ask for the wait without taking, so a second limiter on the same level
/// tries without keeping the result.
#[derive(Debug)]
struct Bucket {
    take: Limiter,
    look: Limiter,
    level: Arc<InMemoryState>,
    rate: governor::Quota,
    ticks: Ticks,
}

impl Bucket {
    fn new(quota: &Quota, percent: u32) -> Result<Self> {
        let interval =
            quota.per.checked_div(quota.calls).map(|each| each * 100).and_then(|c| c.checked_div(percent));
        let burst = match quota.burst {
            0 => 0,
            burst => burst.saturating_mul(percent).div_euclid(100).max(1),
        };
        let rate = interval
            .and_then(governor::Quota::with_period)
            .zip(burst.try_into().ok())
            .map(|(rate, burst)| rate.allow_burst(burst))
            .ok_or_else(|| {
                let text =
                    format!("the quota of the group {:?} allows no call at all: {quota:?}", quota.group);
                Error::new(ErrorKind::Unexpected, text)
            })?;
        Ok(Self::at(rate, Arc::new(InMemoryState::default()), Ticks(Instant::now())))
    }

    fn at(rate: governor::Quota, level: Arc<InMemoryState>, ticks: Ticks) -> Self {
        let limiter = |keep| RateLimiter::new(rate, Level { level: Arc::clone(&level), keep }, ticks);
        Self { take: limiter(true), look: limiter(false), level, rate, ticks }
    }

    /// The level is the moment at which the bucket is full again, so it means the same at any rate.
    fn set_rate(&mut self, per_second: f64) {
        let interval = Duration::try_from_secs_f64(per_second.recip()).ok();
        let Some(rate) = interval.and_then(governor::Quota::with_period) else { return };
        let rate = rate.allow_burst(self.rate.burst_size());
        if rate != self.rate {
            *self = Self::at(rate, Arc::clone(&self.level), self.ticks);
        }
    }

    fn wait(&self) -> Duration {
        match self.look.check() {
            Ok(()) => Duration::ZERO,
            Err(not_until) => not_until.wait_time_from(Instant::now() - self.look.clock().0),
        }
    }
}

/// The level of a bucket, as seen by a limiter that takes (`keep`) or only looks.
#[derive(Debug)]
struct Level {
    level: Arc<InMemoryState>,
    keep: bool,
}

impl StateStore for Level {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if self.keep {
            return self.level.measure_and_replace(key, decide);
        }
        // An `Err` leaves the level as it is, and carries the verdict out.
        let looked =
            self.level.measure_and_replace(key, |level| Err::<(Infallible, Nanos), _>(decide(level)));
        match looked {
            Ok(never) => match never {},
            Err(verdict) => verdict.map(|(outcome, _)| outcome),
        }
    }
}

/// tokio's clock, so that pacing and sleeping agree, also when a test stops the time.
#[derive(Clone, Copy, Debug)]
struct Ticks(Instant);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// 2 a second, 5 at once; a second group without a quota of its own is made by use.
    const ORDERS: Quota = Quota { group: "orders", calls: 120, per: Duration::from_secs(60), burst: 5 };

    fn secs(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_bucket_goes_at_once_and_then_at_the_rate() {
        let pacing = Pacing::new(&[ORDERS], 100).unwrap();
        let begun = Instant::now();
        for _ in 0..5 {
            assert_eq!(pacing.turn("orders", LONG).await, Ok(Duration::ZERO));
        }
        assert!(begun.elapsed() < secs(0.01), "the burst is not spaced");
        for _ in 0..10 {
            pacing.turn("orders", LONG).await.unwrap();
        }
        let took = begun.elapsed();
        assert!(took >= secs(4.99) && took < secs(5.1), "10 calls at 2 a second took {took:?}");
        tokio::time::advance(secs(2.5)).await;
        assert_eq!(pacing.wait("orders"), Duration::ZERO, "a rest fills the bucket again");
    }

    #[tokio::test(start_paused = true)]
    async fn asking_for_the_wait_takes_nothing() {
        let pacing = Pacing::new(&[ORDERS], 100).unwrap();
        for _ in 0..100 {
            assert_eq!(pacing.wait("orders"), Duration::ZERO);
        }
        for _ in 0..5 {
            pacing.turn("orders", Duration::ZERO).await.unwrap();
        }
        assert_eq!(pacing.wait("orders"), secs(0.5));
        tokio::time::advance(secs(0.2)).await;
        assert_eq!(pacing.wait("orders"), secs(0.3));
        assert_eq!(pacing.wait("nobody asked for this one"), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_stops_its_own_group_only() {
        let pacing = Pacing::new(&[ORDERS], 100).unwrap();
        pacing.hold("orders", secs(30.0));
        pacing.hold("orders", secs(10.0));
        assert_eq!(pacing.wait("orders"), secs(30.0), "the shorter pause does not end the longer one");
        assert_eq!(pacing.turn("stock", Duration::ZERO).await, Ok(Duration::ZERO));
        let waited = pacing.turn("orders", LONG).await.unwrap();
        assert!(waited >= secs(30.0) && waited < secs(30.1), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_be_served_in_time_is_told_at_once() {
        let pacing = Pacing::new(&[ORDERS], 100).unwrap();
        pacing.hold("orders", secs(90.0));
        let begun = Instant::now();
        assert_eq!(pacing.turn("orders", secs(60.0)).await, Err(Busy { wait: secs(90.0), asked: true }));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::advance(secs(90.0)).await;
        for _ in 0..5 {
            assert_eq!(pacing.turn("orders", Duration::ZERO).await, Ok(Duration::ZERO), "nothing was taken");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_is_our_own_doing() {
        let pacing = Pacing::new(&[Quota { burst: 1, calls: 1, ..ORDERS }], 100).unwrap();
        pacing.turn("orders", LONG).await.unwrap();
        assert_eq!(pacing.turn("orders", secs(1.0)).await, Err(Busy { wait: secs(60.0), asked: false }));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_a_group_go_in_the_order_they_came() {
        let pacing = Arc::new(Pacing::new(&[Quota { burst: 1, ..ORDERS }], 100).unwrap());
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for n in 0..6 {
            let (pacing, order) = (Arc::clone(&pacing), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                pacing.turn("orders", LONG).await.unwrap();
                lock(&order).push(n);
            }));
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*lock(&order), [0, 1, 2, 3, 4, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn several_quotas_of_a_group_all_hold() {
        let minute = Quota { group: "orders", calls: 8, per: Duration::from_secs(60), burst: 8 };
        let pacing = Pacing::new(&[ORDERS, minute], 100).unwrap();
        let begun = Instant::now();
        for _ in 0..8 {
            pacing.turn("orders", LONG).await.unwrap();
        }
        assert!(begun.elapsed() < secs(1.7), "5 at once, 3 at 2 a second: {:?}", begun.elapsed());
        pacing.turn("orders", LONG).await.unwrap();
        assert!(
            begun.elapsed() >= secs(7.49),
            "the ninth waits for the minute's bucket: {:?}",
            begun.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_the_server_tells_replaces_the_documented_one() {
        let pacing = Pacing::new(&[Quota { burst: 1, ..ORDERS }], 100).unwrap();
        pacing.turn("orders", LONG).await.unwrap();
        assert_eq!(pacing.wait("orders"), secs(0.5));
        pacing.learn("orders", 0.1);
        pacing.turn("orders", LONG).await.unwrap();
        assert_eq!(pacing.wait("orders"), secs(10.0), "one call in ten seconds from now on");
        pacing.learn("orders", 0.1);
        assert_eq!(pacing.wait("orders"), secs(10.0), "the same rate again changes nothing");
        pacing.learn("nobody has this group", 0.1);
        assert_eq!(pacing.wait("nobody has this group"), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_allowance_is_kept_also_when_the_server_tells_the_rate() {
        let pacing = Pacing::new(&[ORDERS], 50).unwrap();
        for _ in 0..2 {
            assert_eq!(pacing.turn("orders", LONG).await, Ok(Duration::ZERO));
        }
        assert_eq!(pacing.wait("orders"), secs(1.0), "half the burst of 5, and half of 2 a second");
        pacing.learn("orders", 1.0);
        pacing.turn("orders", LONG).await.unwrap();
        assert!(pacing.wait("orders") > secs(1.5), "half of one a second: {:?}", pacing.wait("orders"));
    }

    /// 6 a minute for the whole channel, 3 at once.
    const ALL: Quota = Quota { group: Quota::EVERY_GROUP, calls: 6, per: Duration::from_secs(60), burst: 3 };

    #[tokio::test(start_paused = true)]
    async fn an_allowance_of_the_whole_channel_spans_its_groups() {
        let pacing = Pacing::new(&[ORDERS, ALL], 100).unwrap();
        for group in ["orders", "stock", ""] {
            assert_eq!(pacing.turn(group, Duration::ZERO).await, Ok(Duration::ZERO), "{group:?}");
        }
        for group in ["orders", "stock", "", "never used"] {
            assert_eq!(pacing.wait(group), secs(10.0), "{group:?}");
        }
        let busy = Busy { wait: secs(10.0), asked: false };
        assert_eq!(pacing.turn("stock", secs(9.0)).await, Err(busy), "the whole channel's bucket is empty");
        assert_eq!(pacing.turn("orders", LONG).await, Ok(secs(10.0)));
        tokio::time::advance(secs(30.0)).await;
        for _ in 0..3 {
            assert_eq!(pacing.turn("orders", Duration::ZERO).await, Ok(Duration::ZERO), "it is full again");
        }
        tokio::time::advance(secs(10.0)).await;
        pacing.hold("stock", secs(60.0));
        assert_eq!(pacing.wait("orders"), Duration::ZERO, "a pause is still the group's own");
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_whole_channels_allowance_is_kept_whatever_rate_a_group_is_told() {
        let pacing = Pacing::new(&[ORDERS, Quota { burst: 8, ..ALL }], 50).unwrap();
        pacing.learn("orders", 100.0);
        let begun = Instant::now();
        for _ in 0..4 {
            pacing.turn("orders", LONG).await.unwrap();
        }
        assert!(begun.elapsed() < secs(1.0), "half of 8 at once: {:?}", begun.elapsed());
        assert_eq!(pacing.wait("stock"), secs(20.0) - begun.elapsed(), "half of 6 a minute");
    }

    #[test]
    fn groups_that_run_side_by_side_do_not_take_a_call_twice() {
        const GROUPS: [&str; 4] = ["a", "b", "c", "d"];
        let day = Quota { calls: 1, per: Duration::from_secs(86_400), burst: 1_000, ..ALL };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build();
        let taken = runtime.unwrap().block_on(async {
            let pacing = Arc::new(Pacing::new(&[day], 100).unwrap());
            let tasks = GROUPS.map(|group| {
                let pacing = Arc::clone(&pacing);
                tokio::spawn(async move {
                    let mut taken = 0;
                    while pacing.turn(group, Duration::ZERO).await.is_ok() {
                        taken += 1;
                    }
                    taken
                })
            });
            let mut taken = 0;
            for task in tasks {
                taken += task.await.unwrap();
            }
            taken
        });
        assert_eq!(taken, 1_000);
    }

    #[test]
    fn a_quota_that_allows_nothing_is_refused() {
        for quota in [
            Quota { calls: 0, ..ORDERS },
            Quota { burst: 0, ..ORDERS },
            Quota { per: Duration::ZERO, ..ORDERS },
        ] {
            assert_eq!(Pacing::new(&[quota], 100).unwrap_err().kind, ErrorKind::Unexpected);
        }
    }
}
