//! Stops a push that would do great harm unasked.

use super::plan::Push;

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

/// Parts a plan. `on_sale` is how many of the channel's listings show more than zero.
#[must_use]
pub fn guard(pushes: Vec<Push>, on_sale: i64, limits: &GuardLimits) -> Guarded {
    let is_zero = |p: &Push| p.quantity == 0 && p.was.is_some_and(|was| was > 0);
    let is_raise = |p: &Push| {
        p.was.is_some_and(|was| {
            p.quantity >= was.max(1).saturating_mul(limits.raise_factor) && p.quantity - was >= 10
        })
    };
    let count =
        |f: &dyn Fn(&Push) -> bool| i64::try_from(pushes.iter().filter(|p| f(p)).count()).unwrap_or(i64::MAX);
    let too_many = |n: i64, min: i64, percent: i64| n >= min.max(1) && n * 100 >= percent * on_sale.max(1);
    let (zeros, raises) = (count(&is_zero), count(&is_raise));
    let stop_zeros = too_many(zeros, limits.zeros_min, limits.zeros_percent);
    let stop_raises = too_many(raises, limits.raise_min, limits.raise_percent);
    let mut reasons = Vec::new();
    if stop_zeros {
        reasons.push(format!("{zeros} of {on_sale} listings on sale would show 0"));
    }
    if stop_raises {
        let factor = limits.raise_factor;
        reasons.push(format!(
            "{raises} of {on_sale} listings would rise to {factor} times their number or more"
        ));
    }
    let (stopped, go) =
        pushes.into_iter().partition(|p| (stop_zeros && is_zero(p)) || (stop_raises && is_raise(p)));
    Guarded { go, stopped, reason: (!reasons.is_empty()).then(|| reasons.join("; ")) }
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
    }

    #[test]
    fn wild_raises_stop() {
        let pushes = (0..50).map(|n| push(n, 2, 5000)).collect();
        assert_eq!(guard(pushes, 100, &GuardLimits::default()).stopped.len(), 50);
    }
}
