//! Webhooks of a simulated marketplace: who asked for them, what went out, and the signature.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use banto_channel::{RemoteOrderId, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::faults::{Fault, Faults};

/// The header that carries the signature: HMAC-SHA256 over the body, in hexadecimal.
pub(crate) const SIGNATURE: &str = "x-sim-signature";

/// Beyond so many that nobody took, the oldest is dropped.
const OUTBOX_MAX: usize = 10_000;

/// One webhook as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Where it was sent.
    pub url: String,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body that is signed.
    pub body: Vec<u8>,
}

/// The webhook desk.
#[derive(Debug, Default)]
pub(crate) struct Hooks {
    /// Address, and whether it is switched on.
    registered: BTreeMap<String, bool>,
    held_back: Option<Hook>,
    outbox: VecDeque<Hook>,
}

impl Hooks {
    /// Whether webhooks go to `url`: `None` if it was never registered, `Some(false)` if it was switched off.
    pub(crate) fn status(&self, url: &str) -> Option<bool> {
        self.registered.get(url).copied()
    }

    pub(crate) fn register(&mut self, url: &str) {
        self.registered.insert(url.to_owned(), true);
    }

    pub(crate) fn switch_off(&mut self) {
        self.registered.values_mut().for_each(|on| *on = false);
    }

    /// Sends word of an order to whoever asked, with the faults that are due.
    pub(crate) fn order_changed(&mut self, order: &RemoteOrderId, secret: &Secret, faults: &Faults) {
        let body = serde_json::json!({ "topic": "order", "order": order }).to_string();
        let urls: Vec<String> =
            self.registered.iter().filter(|(_, on)| **on).map(|(url, _)| url.clone()).collect();
        for url in urls {
            let hook = signed(&url, body.as_bytes(), secret);
            let fault = faults.for_hook();
            if fault == Some(Fault::HookLate) && self.held_back.is_none() {
                self.held_back = Some(hook);
                continue;
            }
            if fault == Some(Fault::HookTwice) {
                self.outbox.push_back(hook.clone());
            }
            self.outbox.push_back(hook);
            self.outbox.extend(self.held_back.take());
        }
        while self.outbox.len() > OUTBOX_MAX {
            self.outbox.pop_front();
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Hook> {
        std::mem::take(&mut self.outbox).into()
    }
}

/// A webhook with its signature.
pub(crate) fn signed(url: &str, body: &[u8], secret: &Secret) -> Hook {
    Hook {
        url: url.to_owned(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (SIGNATURE.to_owned(), signature(body, secret)),
        ],
        body: body.to_vec(),
    }
}

fn keyed(secret: &Secret) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length, so there always is one.
    Hmac::new_from_slice(secret.expose().as_bytes()).ok()
}

fn signature(body: &[u8], secret: &Secret) -> String {
    let mut text = String::new();
    if let Some(mut mac) = keyed(secret) {
        mac.update(body);
        for byte in mac.finalize().into_bytes() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

/// Compares in constant time.
pub(crate) fn is_signed(body: &[u8], signature: &str, secret: &Secret) -> bool {
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let Some(bytes) = signature.as_bytes().chunks(2).map(hex).collect::<Option<Vec<u8>>>() else {
        return false;
    };
    keyed(secret).is_some_and(|mut mac| {
        mac.update(body);
        mac.verify_slice(&bytes).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_documented_one() {
        // RFC 4231, test case 2.
        let text = signature(b"what do ya want for nothing?", &Secret::new("Jefe"));
        assert_eq!(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(is_signed(b"what do ya want for nothing?", &text, &Secret::new("Jefe")));
        assert!(!is_signed(b"what do ya want for nothing!", &text, &Secret::new("Jefe")));
        assert!(!is_signed(b"what do ya want for nothing?", &text, &Secret::new("Jeff")));
        for forged in ["", "5b", "zz", "✓✓", &text[..62]] {
            assert!(!is_signed(b"what do ya want for nothing?", forged, &Secret::new("Jefe")), "{forged}");
        }
    }

    #[test]
    fn webhooks_come_twice_and_late_when_told_to() {
        let (faults, secret) = (Faults::calm(0), Secret::new("s"));
        let mut hooks = Hooks::default();
        let tell =
            |hooks: &mut Hooks, n: &str| hooks.order_changed(&RemoteOrderId::from(n), &secret, &faults);
        tell(&mut hooks, "0");
        hooks.register("http://a.invalid");
        faults.play(Fault::HookLate);
        tell(&mut hooks, "1");
        faults.play(Fault::HookTwice);
        tell(&mut hooks, "2");
        hooks.switch_off();
        tell(&mut hooks, "3");
        let arrived: Vec<String> = hooks
            .take()
            .iter()
            .filter_map(|h| serde_json::from_slice::<serde_json::Value>(&h.body).ok())
            .filter_map(|v| v["order"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(arrived, ["2", "2", "1"]);
    }
}
