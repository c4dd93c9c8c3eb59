//! Faults that a marketplace plays, from a seed or on demand.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use banto_channel::ListingId;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An HTTP status instead of an answer; nothing was done.
    Status {
        /// The status.
        code: u16,
        /// `Retry-After` in seconds.
        retry_after: Option<u32>,
    },
    /// A web page where data was expected; nothing was done.
    Html,
    /// The answer breaks off in the middle; the call was done.
    Torn,
    /// An answer of this many bytes; the call was done.
    Huge(usize),
    /// The call was done, and the connection closes without an answer.
    LostAnswer,
    /// The connection closes before anything was done.
    Reset,
    /// One item of a batch is refused, the rest is done. Waits for a batch that holds it.
    RefuseItem(ListingId),
    /// The next webhook is delivered twice.
    HookTwice,
    /// The next webhook is held back until another one went out.
    HookLate,
}

/// How often each random fault is played, in parts per thousand of the calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// 429 with `Retry-After: 1`.
    pub too_many: u32,
    /// 500, 502, 503.
    pub server_error: u32,
    /// HTML instead of data.
    pub html: u32,
    /// A torn body after the call was done.
    pub torn: u32,
    /// No answer after the call was done.
    pub lost_answer: u32,
    /// A connection closed before anything was done.
    pub reset: u32,
    /// A webhook delivered twice.
    pub hook_twice: u32,
    /// A webhook delivered after a later one.
    pub hook_late: u32,
}

impl FaultRates {
    /// The mix of the demo and the simulation.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            too_many: 15,
            server_error: 15,
            html: 4,
            torn: 8,
            lost_answer: 8,
            reset: 8,
            hook_twice: 60,
            hook_late: 60,
        }
    }
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    rates: FaultRates,
    next: VecDeque<Fault>,
    /// Faults for a later call, with the calls that go through before.
    later: VecDeque<(u32, Fault)>,
    played: u64,
}

/// The faults of one marketplace: those asked for come first, then random ones at the set rates.
#[derive(Debug)]
pub struct Faults(Mutex<State>);

impl Faults {
    /// No faults until rates are set or one is asked for.
    #[must_use]
    pub fn calm(seed: u64) -> Self {
        Self(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            rates: FaultRates::default(),
            next: VecDeque::new(),
            later: VecDeque::new(),
            played: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves plain data behind, which is as good as before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how often random faults are played.
    pub fn set_rates(&self, rates: FaultRates) {
        self.state().rates = rates;
    }

    /// Plays this fault at the next fitting moment, after those asked for before.
    pub fn play(&self, fault: Fault) {
        self.state().next.push_back(fault);
    }

    /// Plays this fault when so many calls went through without one that was asked for: to meet the second call of
    /// a connector that reads before it writes.
    pub fn play_after(&self, calls: u32, fault: Fault) {
        self.state().later.push_back((calls, fault));
    }

    /// Forgets the faults that were asked for and not played. The rates stay.
    pub fn clear(&self) {
        let mut state = self.state();
        state.next.clear();
        state.later.clear();
    }

    /// How many faults were played so far.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.state().played
    }

    /// The fault for the call that has just come in, if any.
    pub fn for_call(&self) -> Option<Fault> {
        let mut state = self.state();
        let hooks = |f: &Fault| matches!(f, Fault::HookTwice | Fault::HookLate | Fault::RefuseItem(_));
        let fault = match state.next.iter().position(|f| !hooks(f)) {
            Some(at) => state.next.remove(at),
            None if state.later.front().is_some_and(|(calls, _)| *calls == 0) => {
                state.later.pop_front().map(|(_, fault)| fault)
            }
            None => {
                if let Some((calls, _)) = state.later.front_mut() {
                    *calls -= 1;
                }
                let rates = state.rates;
                let roll = state.rng.random_range(0..1000_u32);
                let server_error = [500_u16, 502, 503][state.rng.random_range(0..3_usize)];
                pick(
                    roll,
                    &[
                        (rates.too_many, Fault::Status { code: 429, retry_after: Some(1) }),
                        (rates.server_error, Fault::Status { code: server_error, retry_after: None }),
                        (rates.html, Fault::Html),
                        (rates.torn, Fault::Torn),
                        (rates.lost_answer, Fault::LostAnswer),
                        (rates.reset, Fault::Reset),
                    ],
                )
            }
        };
        state.played += u64::from(fault.is_some());
        fault
    }

    /// Whether a batch that holds `listing` must refuse it. Asked once per item; the fault is used up by a yes.
    pub fn refuses(&self, listing: &ListingId) -> bool {
        let mut state = self.state();
        let at = state.next.iter().position(|f| matches!(f, Fault::RefuseItem(l) if l == listing));
        state.played += u64::from(at.is_some());
        at.is_some_and(|at| state.next.remove(at).is_some())
    }

    /// The fault for the webhook that is about to go out, if any.
    pub fn for_hook(&self) -> Option<Fault> {
        let mut state = self.state();
        let fault = match state.next.iter().position(|f| matches!(f, Fault::HookTwice | Fault::HookLate)) {
            Some(at) => state.next.remove(at),
            None => {
                let rates = state.rates;
                let roll = state.rng.random_range(0..1000_u32);
                pick(roll, &[(rates.hook_twice, Fault::HookTwice), (rates.hook_late, Fault::HookLate)])
            }
        };
        state.played += u64::from(fault.is_some());
        fault
    }
}

fn pick(roll: u32, weighted: &[(u32, Fault)]) -> Option<Fault> {
    let mut below = 0;
    for (weight, fault) in weighted {
        below += weight;
        if roll < below {
            return Some(fault.clone());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seed: u64, rates: FaultRates) -> Vec<Option<Fault>> {
        let faults = Faults::calm(seed);
        faults.set_rates(rates);
        (0..2000).map(|_| faults.for_call()).collect()
    }

    #[test]
    fn equal_seeds_play_equal_faults() {
        assert_eq!(row(3, FaultRates::usual()), row(3, FaultRates::usual()));
        assert_ne!(row(3, FaultRates::usual()), row(4, FaultRates::usual()));
    }

    #[test]
    fn calm_means_none() {
        assert!(row(3, FaultRates::default()).iter().all(Option::is_none));
    }

    #[test]
    fn rates_are_parts_per_thousand() {
        let rates = FaultRates { torn: 100, reset: 900, ..FaultRates::default() };
        let torn = row(3, rates).iter().filter(|f| **f == Some(Fault::Torn)).count();
        assert!((120..280).contains(&torn), "{torn} of 2000 at 100 in a thousand");
        assert!(row(3, rates).iter().all(Option::is_some));
    }

    #[test]
    fn every_usual_fault_is_met() {
        let met = row(5, FaultRates::usual());
        for fault in [Fault::Html, Fault::Torn, Fault::LostAnswer, Fault::Reset] {
            assert!(met.contains(&Some(fault.clone())), "{fault:?}");
        }
        for code in [429, 500, 502, 503] {
            assert!(
                met.iter().flatten().any(|f| matches!(f, Fault::Status { code: c, .. } if *c == code)),
                "{code}"
            );
        }
    }

    #[test]
    fn what_is_asked_for_comes_first_and_where_it_fits() {
        let faults = Faults::calm(0);
        let bad = ListingId::from("7");
        faults.play(Fault::RefuseItem(bad.clone()));
        faults.play(Fault::HookTwice);
        faults.play(Fault::Torn);
        faults.play(Fault::Html);
        assert_eq!(faults.for_call(), Some(Fault::Torn));
        assert_eq!(faults.for_hook(), Some(Fault::HookTwice));
        assert!(!faults.refuses(&ListingId::from("8")));
        assert!(faults.refuses(&bad) && !faults.refuses(&bad));
        assert_eq!((faults.for_call(), faults.for_call()), (Some(Fault::Html), None));
        assert_eq!(faults.for_hook(), None);
        assert_eq!(faults.played(), 4);
    }

    #[test]
    fn a_fault_can_wait_for_a_later_call_and_be_called_off() {
        let faults = Faults::calm(0);
        faults.play_after(2, Fault::Torn);
        faults.play_after(0, Fault::Html);
        let calls: Vec<_> = (0..5).map(|_| faults.for_call()).collect();
        assert_eq!(calls, [None, None, Some(Fault::Torn), Some(Fault::Html), None]);
        faults.play(Fault::Torn);
        faults.play_after(0, Fault::Html);
        faults.clear();
        assert_eq!(faults.for_call(), None);
    }
}
