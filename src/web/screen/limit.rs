//! How often somebody may try to log in, per name and per address, or show wrong tokens to the API: longer waits with
//! every try that failed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banto_channel::Timestamp;

/// Tries of one kind of key.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// Tries that fail without a wait.
    free: u32,
    /// The longest wait.
    longest: Duration,
}

/// A name: its owner mistypes, and must not be kept out for long by others who try it.
const NAME: Rule = Rule { free: 5, longest: Duration::from_secs(300) };
/// An address: a whole shop may stand behind one.
const ADDRESS: Rule = Rule { free: 20, longest: Duration::from_secs(900) };

/// An address that shows wrong tokens: programs of several sorts may stand behind one, each asking on for a while after
/// its token has ended.
const TOKENS: Rule = Rule { free: 20, longest: Duration::from_secs(900) };

/// Tries are forgotten after this long without another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// Names and addresses remembered at once.
const KEYS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    last: Timestamp,
    next: Timestamp,
}

/// Who tried how often. It is forgotten with the process: whoever can restart the daemon may also try.
#[derive(Debug, Default)]
pub(in crate::web) struct Limit(Mutex<HashMap<String, Tries>>);

impl Limit {
    /// Counts a try before its password is looked at, so that a hundred at once are a hundred. [`Limit::succeeded`]
    /// takes it back.
    ///
    /// Errors: how long to wait; the try does not count then.
    pub(super) fn begin(&self, name: &str, address: &str, now: Timestamp) -> Result<(), Duration> {
        self.count([(key("name", name), NAME), (key("address", address), ADDRESS)], now)
    }

    /// Counts a wrong token. One that is right is never asked about here.
    ///
    /// Errors: how long to wait; the token does not count then.
    pub(in crate::web) fn wrong_token(&self, address: &str, now: Timestamp) -> Result<(), Duration> {
        self.count([(key("token", address), TOKENS)], now)
    }

    fn count<const N: usize>(&self, keys: [(String, Rule); N], now: Timestamp) -> Result<(), Duration> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = keys.iter().filter_map(|(key, _)| tries.get(key)).map(|t| t.next.since(now)).max();
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        if tries.len() >= KEYS_MAX {
            forget(&mut tries, now);
        }
        for (key, rule) in keys {
            let entry = tries.entry(key).or_insert(Tries { count: 0, last: now, next: now });
            if now.since(entry.last) > FORGOTTEN_AFTER {
                entry.count = 0;
            }
            entry.count += 1;
            entry.last = now;
            entry.next = now.plus(wait_after(entry.count, rule));
        }
        Ok(())
    }

    /// The try was a login: the name begins anew, and the address has one try less.
    pub(super) fn succeeded(&self, name: &str, address: &str, now: Timestamp) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.remove(&key("name", name));
        if let Some(entry) = tries.get_mut(&key("address", address)) {
            entry.count = entry.count.saturating_sub(1);
            entry.next = now;
        }
    }
}

fn key(kind: &str, what: &str) -> String {
    // A name as long as a book must not fill the memory.
    let short: String = what.chars().take(64).collect();
    format!("{kind} {short}")
}

fn wait_after(count: u32, rule: Rule) -> Duration {
    match count.checked_sub(rule.free) {
        None | Some(0) => Duration::ZERO,
        Some(over) => Duration::from_secs(1 << over.min(16)).min(rule.longest),
    }
}

/// Drops what is old; if that is not enough, those who tried longest ago.
fn forget(tries: &mut HashMap<String, Tries>, now: Timestamp) {
    tries.retain(|_, t| now.since(t.last) <= FORGOTTEN_AFTER);
    if tries.len() >= KEYS_MAX {
        let mut last: Vec<Timestamp> = tries.values().map(|t| t.last).collect();
        last.sort_unstable();
        let oldest = last.get(KEYS_MAX / 2).copied().unwrap_or(now);
        tries.retain(|_, t| t.last > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_795_255_200);

    #[test]
    fn waits_double_and_end() {
        let limit = Limit::default();
        let mut now = START;
        for _ in 0..6 {
            assert_eq!(limit.begin("aki", "192.0.2.1", now), Ok(()));
        }
        let mut waits = Vec::new();
        for _ in 0..9 {
            let wait = limit.begin("aki", "192.0.2.1", now).unwrap_err();
            waits.push(wait.as_secs());
            now = now.plus(wait);
            assert_eq!(limit.begin("aki", "192.0.2.1", now), Ok(()));
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!(limit.begin("aki", "198.51.100.7", now).is_err(), "the name is tried from elsewhere");
        assert_eq!(limit.begin("yuki", "198.51.100.7", now), Ok(()), "others are not held up");
        assert_eq!(limit.begin("aki", "192.0.2.1", now.plus(Duration::from_secs(301))), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_names_waits() {
        let limit = Limit::default();
        let ok = (0..40).filter(|n| limit.begin(&format!("n{n}"), "192.0.2.1", START).is_ok()).count();
        assert_eq!(ok, 21);
    }

    #[test]
    fn wrong_tokens_wait_apart_from_logins() {
        let limit = Limit::default();
        let ok = (0..40).filter(|_| limit.wrong_token("192.0.2.1", START).is_ok()).count();
        assert_eq!(ok, 21);
        assert_eq!(limit.wrong_token("192.0.2.1", START), Err(Duration::from_secs(2)));
        assert_eq!(limit.wrong_token("192.0.2.2", START), Ok(()), "others are not held up");
        assert_eq!(limit.begin("aki", "192.0.2.1", START), Ok(()), "nor people at the same address");
        assert_eq!(limit.wrong_token("192.0.2.1", START.plus(Duration::from_secs(2))), Ok(()));
    }

    #[test]
    fn whoever_logs_in_begins_anew() {
        let limit = Limit::default();
        for _ in 0..50 {
            assert_eq!(limit.begin("aki", "192.0.2.1", START), Ok(()));
            limit.succeeded("aki", "192.0.2.1", START);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let limit = Limit::default();
        for n in 0..3 * KEYS_MAX {
            let at = START.plus(Duration::from_millis(n as u64));
            let _ = limit.begin(&format!("name{n}"), &format!("10.{n}"), at);
        }
        assert!(limit.0.lock().unwrap().len() <= KEYS_MAX + 1);
    }
}
