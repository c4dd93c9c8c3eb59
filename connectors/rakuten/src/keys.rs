//! serviceSecret and licenseKeys. A licence key lives for three months; the next may be issued early, and both work
//! until the older runs out.

use std::sync::atomic::{AtomicUsize, Ordering};

use banto_channel::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The credentials of one shop.
#[derive(Debug)]
pub(crate) struct Keys {
    service_secret: Secret,
    /// The one in use and, where it was issued already, the next.
    licence_keys: Vec<Secret>,
    /// Forgotten by a restart, which then asks with the older key first and is refused once more.
    active: AtomicUsize,
}

impl Keys {
    pub(crate) fn new(service_secret: Secret, licence_key: Secret, next: Option<Secret>) -> Self {
        let licence_keys = std::iter::once(licence_key).chain(next).collect();
        Self { service_secret, licence_keys, active: AtomicUsize::new(0) }
    }

    /// The place of the key that worked last.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// The place of the key to try when the active one is refused.
    pub(crate) fn other(&self, than: usize) -> Option<usize> {
        (0..self.licence_keys.len()).find(|at| *at != than)
    }

    /// Remembers which key works.
    pub(crate) fn prefer(&self, at: usize) {
        self.active.store(at, Ordering::Relaxed);
    }

    pub(crate) fn licence_keys(&self) -> &[Secret] {
        &self.licence_keys
    }

    /// The `Authorization` header for the key at `at`.
    pub(crate) fn authorization(&self, at: usize) -> Secret {
        Secret::new(&format!("ESA {}", self.token(at)))
    }

    fn token(&self, at: usize) -> String {
        let key = self.licence_keys.get(at).map(Secret::expose).unwrap_or_default();
        STANDARD.encode(format!("{}:{key}", self.service_secret.expose()))
    }

    /// The same text without any credential in it, should the server have echoed one in another form than it came.
    pub(crate) fn redact(&self, text: &str) -> String {
        let tokens = (0..self.licence_keys.len()).map(|at| self.token(at));
        let plain =
            self.licence_keys.iter().chain([&self.service_secret]).map(|secret| secret.expose().to_owned());
        let hidden = tokens.chain(plain).filter(|secret| !secret.is_empty());
        hidden.fold(text.to_owned(), |text, secret| text.replace(&secret, "…"))
    }
}
