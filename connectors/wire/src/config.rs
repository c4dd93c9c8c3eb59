//! What differs between the wires of two channels.

use std::time::Duration;

use banto_channel::Quota;

use crate::reach::Reach;

/// The limits of one channel's wire. Built by [`WireConfig::new`]; every field may be changed before use.
#[derive(Clone, Debug)]
pub struct WireConfig {
    /// The channel's name in logs.
    pub channel: String,
    /// The allowances that the marketplace documents ([`banto_channel::Capabilities::quotas`]). A group that is
    /// not in the list is not paced, but still held when the server asks for it. Several quotas of one group all
    /// hold (5 a second and 10,000 a day).
    pub quotas: &'static [Quota],
    /// How much of the documented allowances may be used, in percent: less where another program uses the same key, more
    /// where the marketplace has granted more.
    pub quota_percent: u32,
    /// Longest time for one try, from the connection to the last byte of the body.
    pub timeout: Duration,
    /// Most bytes of one answer, counted after decompression.
    pub body_max: usize,
    /// Most tries that may fail in one call. A 429 is no failure: it is bounded by `retry_time_max` alone.
    pub attempts_max: u32,
    /// Longest time that one call spends waiting, for its turn and between tries together. What needs longer
    /// answers [`banto_channel::ErrorKind::RateLimited`] at once, so that the caller can do something else.
    pub retry_time_max: Duration,
    /// The delay before the second try; each further one doubles.
    pub delay_first: Duration,
    /// Where the doubling ends.
    pub delay_max: Duration,
    /// Where the spread of the delays starts from; random unless set.
    pub jitter_seed: u64,
    /// Which addresses may be connected to.
    pub reach: Reach,
}

impl WireConfig {
    /// The usual limits: 30 s a try, 20 MB a body, 4 tries, 60 s of waiting, delays from 0.5 s to 30 s.
    #[expect(
        clippy::disallowed_methods,
        reason = "delays of two daemons are to differ; a test sets the field"
    )]
    pub fn new(channel: impl Into<String>, quotas: &'static [Quota]) -> Self {
        Self {
            channel: channel.into(),
            quotas,
            quota_percent: 100,
            timeout: Duration::from_secs(30),
            body_max: 20_000_000,
            attempts_max: 4,
            retry_time_max: Duration::from_secs(60),
            delay_first: Duration::from_millis(500),
            delay_max: Duration::from_secs(30),
            jitter_seed: rand::random(),
            reach: Reach::Anywhere,
        }
    }
}
