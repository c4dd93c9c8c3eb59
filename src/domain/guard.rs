//! Stops a push that would do great harm unasked.

use banto_channel::Bilingual;

use super::plan::Push;
use super::timeline::Phrase;

/// When to stop and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// Share of the channel's listings on sale that one plan may set to zero, in percent.
    pub zeros_percent: i64,
    /// Fewer zeros than this never stop.
    pub zeros_min: i64,
    /// A number that grows to this many times what was shown is a wild raise.
    pub raise_factor: i64,
    /// Share of the listings on sale that one plan may raise wildly, in percent.
    pub raise_percent: i64,
    /// Fewer wild raises than this never stop.
    pub raise_min: i64,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self { zeros_percent: 30, zeros_min: 10, raise_factor: 10, raise_percent: 30, raise_min: 10 }
    }
}

/// A plan, parted into what may go and what must be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guarded {
    /// May go.
    pub go: Vec<Push>,
    /// Waits for a person.
    pub stopped: Vec<Push>,
    /// Why, in plain words, when `stopped` is not empty.
    pub reason: Option<String>,
}

/// What makes a push suspicious where many are like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// What is on sale would show nothing.
    Zero,
    /// The number would rise beyond belief.
    Raise,
}

impl Harm {
    /// What is suspicious about a push.
    #[must_use]
    pub fn of(push: &Push, limits: &GuardLimits) -> Option<Self> {
        let was = push.was?;
        let raised = push.quantity >= was.max(1).saturating_mul(limits.raise_factor);
        match push.quantity {
            0 => (was > 0).then_some(Self::Zero),
            n => (raised && n.saturating_sub(was) >= 10).then_some(Self::Raise),
        }
    }
}

/// How many pushes of a plan are suspicious: added up one by one, so that nobody has to hold them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    zeros: i64,
    raises: i64,
}

impl Tally {
    /// Counts one more push.
    pub const fn add(&mut self, harm: Option<Harm>) {
        match harm {
            Some(Harm::Zero) => self.zeros += 1,
            Some(Harm::Raise) => self.raises += 1,
            None => {}
        }
    }

    /// What becomes of the plan whose pushes were all counted. `on_sale` is how many of the channel's listings show more
    /// than zero.
    #[must_use]
    pub fn verdict(&self, on_sale: i64, limits: &GuardLimits) -> Verdict {
        let Self { zeros, raises } = *self;
        let too_many =
            |n: i64, min: i64, percent: i64| n >= min.max(1) && n * 100 >= percent * on_sale.max(1);
        let stop_zeros = too_many(zeros, limits.zeros_min, limits.zeros_percent);
        let stop_raises = too_many(raises, limits.raise_min, limits.raise_percent);
        let mut reasons = Vec::new();
        if stop_zeros {
            reasons.push(ZEROS.fill(&[&zeros.to_string(), &on_sale.to_string()]));
        }
        if stop_raises {
            let gaps = [raises, on_sale, limits.raise_factor].map(|n| n.to_string());
            reasons.push(RAISES.fill(&gaps.each_ref().map(String::as_str)));
        }
        Verdict { stop_zeros, stop_raises, reason: (!reasons.is_empty()).then(|| reasons.join("; ")) }
    }
}

const ZEROS: Phrase = Phrase::new(
    "{} of {} listings on sale would show 0",
    "在庫0で送信される出品が{}件あります（販売中 {}件）",
);
const RAISES: Phrase = Phrase::new(
    "{} of {} listings would rise to {} times their number or more",
    "在庫数が急増する出品が{}件あります（販売中 {}件、{}倍以上）",
);

/// Why pushes wait, as [`Verdict::reason`] says it and the store keeps it, in both languages.
#[must_use]
pub fn reason_in_words(reason: &str) -> Bilingual {
    let part = |part: &str| [ZEROS, RAISES].iter().find_map(|phrase| Some(phrase.both(&phrase.read(part)?)));
    let parts = reason.split("; ").map(|text| part(text).unwrap_or_else(|| Bilingual::quoted(text)));
    Bilingual::list(parts).unwrap_or_default()
}

/// Which pushes of a plan wait for a person; none, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    stop_zeros: bool,
    stop_raises: bool,
    /// Why, in plain words, when any wait.
    pub reason: Option<String>,
}

impl Verdict {
    /// Whether such a push waits.
    #[must_use]
    pub const fn stops(&self, harm: Option<Harm>) -> bool {
        match harm {
            Some(Harm::Zero) => self.stop_zeros,
            Some(Harm::Raise) => self.stop_raises,
            None => false,
        }
    }
}

/// Parts a plan. `on_sale` is how many of the channel's listings show more than zero.
#[must_use]
pub fn guard(pushes: Vec<Push>, on_sale: i64, limits: &GuardLimits) -> Guarded {
    let mut tally = Tally::default();
    pushes.iter().for_each(|push| tally.add(Harm::of(push, limits)));
    let verdict = tally.verdict(on_sale, limits);
    let (stopped, go) = pushes.into_iter().partition(|push| verdict.stops(Harm::of(push, limits)));
    Guarded { go, stopped, reason: verdict.reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(listing: i64, was: i64, quantity: i64) -> Push {
        Push { listing, remote_id: String::new(), quantity, was: Some(was), version: 1 }
    }

    #[test]
    fn a_few_sold_out_items_pass() {
        let pushes = (0..9).map(|n| push(n, 3, 0)).collect();
        assert_eq!(guard(pushes, 10, &GuardLimits::default()).stopped.len(), 0);
    }

    #[test]
    fn a_mass_of_zeros_stops_and_the_rest_goes_on() {
        let mut pushes: Vec<Push> = (0..40).map(|n| push(n, 3, 0)).collect();
        pushes.push(push(99, 3, 2));
        let got = guard(pushes, 100, &GuardLimits::default());
        assert_eq!((got.go.len(), got.stopped.len()), (1, 40));
        assert_eq!(got.reason.as_deref(), Some("40 of 100 listings on sale would show 0"));
        let told = reason_in_words(&got.reason.unwrap_or_default());
        assert_eq!(told.ja, "在庫0で送信される出品が40件あります（販売中 100件）");
        let both = "2 of 9 listings would rise to 10 times their number or more; stop!";
        let told = reason_in_words(both);
        assert_eq!(told.en, both);
        assert_eq!(told.ja, "在庫数が急増する出品が2件あります（販売中 9件、10倍以上）; stop!");
    }

    #[test]
    fn wild_raises_stop() {
        let pushes = (0..50).map(|n| push(n, 2, 5000)).collect();
        assert_eq!(guard(pushes, 100, &GuardLimits::default()).stopped.len(), 50);
    }

    #[test]
    fn a_push_is_suspicious_by_what_it_changes() {
        let harm = |was, quantity| Harm::of(&push(1, was, quantity), &GuardLimits::default());
        assert_eq!((harm(3, 0), harm(0, 0)), (Some(Harm::Zero), None));
        assert_eq!((harm(2, 20), harm(2, 19)), (Some(Harm::Raise), None));
        assert_eq!((harm(0, 10), harm(0, 9)), (Some(Harm::Raise), None), "a few units are no wild raise");
        let unheard = Push { was: None, ..push(1, 0, 0) };
        assert_eq!(Harm::of(&unheard, &GuardLimits::default()), None);
    }
}
