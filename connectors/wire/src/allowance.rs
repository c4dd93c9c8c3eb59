//! What a server says about its own limits.

use std::time::Duration;

use banto_channel::{Response, Timestamp};

/// No pause is kept for longer: a quota of a day has come back by then, and a nonsensical header does no harm.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Calls left, under the names in use (the last one is Walmart's).
const REMAINING: [&str; 4] =
    ["x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining", "x-current-token-count"];

/// When calls come back: a delay in seconds or a moment. The last one is Walmart's, in milliseconds since 1970.
const RESET: [&str; 5] = [
    "x-ratelimit-reset",
    "x-rate-limit-reset",
    "ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-next-replenishment-time",
];

/// Calls a second in the long run, as Amazon tells them with most answers: the account's own rate, which may differ
/// from the documented one (developer-docs.amazon.com/sp-api, "Usage plans and rate limits").
const RATE: &str = "x-amzn-ratelimit-limit";

/// The rate that the server says it allows, in calls a second.
pub(crate) fn rate_told(response: &Response) -> Option<f64> {
    response.header(RATE)?.trim().parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
}

/// How long the server wants no more calls, if it says so: on 429 and 503 by `Retry-After` or else a reset
/// header, on any other status only when no call is left. Zero and the past count as not said.
///
/// Moments are compared with the server's own `Date`, so that a wrong clock on either side does no harm.
pub(crate) fn pause_asked(response: &Response, now: Timestamp) -> Option<Duration> {
    let now = response.header("date").and_then(http_date).unwrap_or(now);
    let refused = matches!(response.status, 429 | 503);
    let used_up = REMAINING
        .iter()
        .find_map(|name| response.header(name))
        .is_some_and(|left| left.trim().parse() == Ok(0.0));
    let retry_after = response.header("retry-after").filter(|_| refused);
    let reset = RESET.iter().find_map(|name| response.header(name)).filter(|_| refused || used_up);
    [retry_after, reset]
        .into_iter()
        .flatten()
        .find_map(|text| delay(text.trim(), now))
        .map(|pause| pause.min(PAUSE_MAX))
}

/// Seconds from now, seconds or milliseconds since 1970, an HTTP date, or an RFC 3339 one.
fn delay(text: &str, now: Timestamp) -> Option<Duration> {
    let moment = match text.parse::<f64>() {
        Ok(secs) if secs < 1e9 => return Duration::try_from_secs_f64(secs).ok().filter(|d| !d.is_zero()),
        // No delay is 30 years long: these are moments, and from 1e11 on they can only be milliseconds.
        Ok(secs) if secs < 1e11 => Timestamp::default().plus(Duration::try_from_secs_f64(secs).ok()?),
        Ok(ms) => Timestamp::default().plus(Duration::try_from_secs_f64(ms / 1000.0).ok()?),
        Err(_) => http_date(text).or_else(|| text.parse::<jiff::Timestamp>().ok().map(micros))?,
    };
    Some(moment.since(now)).filter(|d| !d.is_zero())
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(micros)
}

fn micros(time: jiff::Timestamp) -> Timestamp {
    Timestamp(time.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T12:00:00Z
    const NOON: Timestamp = Timestamp::from_secs(1_795_262_400);

    fn asked(status: u16, headers: &[(&str, &str)]) -> Option<f64> {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        pause_asked(&Response { status, headers, body: Vec::new() }, NOON).map(|d| d.as_secs_f64())
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        assert_eq!(asked(429, &[("retry-after", "7")]), Some(7.0));
        assert_eq!(asked(429, &[("retry-after", " 2.5 ")]), Some(2.5));
        assert_eq!(asked(503, &[("retry-after", "Sat, 21 Nov 2026 12:01:30 GMT")]), Some(90.0));
        assert_eq!(asked(429, &[("retry-after", "2026-11-21T12:00:05Z")]), Some(5.0));
        for nothing in ["0", "-3", "soon", "", "NaN", "inf", "Sat, 21 Nov 2026 11:00:00 GMT"] {
            assert_eq!(asked(429, &[("retry-after", nothing)]), None, "{nothing}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_servers_own_clock() {
        let headers =
            [("retry-after", "Sat, 21 Nov 2026 15:00:10 GMT"), ("date", "Sat, 21 Nov 2026 15:00:00 GMT")];
        assert_eq!(asked(429, &headers), Some(10.0));
    }

    #[test]
    fn reset_headers_are_delays_seconds_or_milliseconds_since_1970() {
        assert_eq!(asked(429, &[("x-ratelimit-reset", "12")]), Some(12.0));
        assert_eq!(asked(429, &[("ratelimit-reset", "1795262430")]), Some(30.0));
        assert_eq!(asked(429, &[("x-next-replenishment-time", "1795262401500")]), Some(1.5));
    }

    #[test]
    fn retry_after_comes_before_the_reset_and_only_on_refusals() {
        assert_eq!(asked(429, &[("x-ratelimit-reset", "12"), ("retry-after", "3")]), Some(3.0));
        assert_eq!(asked(429, &[("x-ratelimit-reset", "12"), ("retry-after", "x")]), Some(12.0));
        assert_eq!(asked(202, &[("retry-after", "3")]), None);
    }

    #[test]
    fn an_answer_that_was_the_last_one_holds_too() {
        assert_eq!(asked(200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "4")]), Some(4.0));
        assert_eq!(asked(200, &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "4")]), None);
        assert_eq!(asked(200, &[("x-ratelimit-reset", "4")]), None);
    }

    #[test]
    fn a_rate_is_a_number_above_zero() {
        let told = |value: &str| {
            let headers = vec![(RATE.to_owned(), value.to_owned())];
            rate_told(&Response { status: 200, headers, body: Vec::new() })
        };
        assert_eq!(told("0.0167"), Some(0.0167));
        assert_eq!(told(" 5 "), Some(5.0));
        for nothing in ["", "0", "-1", "NaN", "inf", "many"] {
            assert_eq!(told(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn no_pause_is_longer_than_a_day() {
        assert_eq!(asked(429, &[("retry-after", "99999999")]), Some(86_400.0));
        assert_eq!(asked(429, &[("retry-after", "1e300")]), None);
    }
}
