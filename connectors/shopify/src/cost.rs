//! What an answer says of the bucket of points that all calls are paid from.

use std::time::Duration;

use banto_channel::Response;
use serde::Deserialize;

/// Points that the dearest question may be asked at. The group rests until they are there: the long run is as fast as
/// the bucket fills either way, and no question comes too early.
const DEAREST: f64 = 1000.0;

/// No rest is longer: the bucket of the slowest plan is full again after 20 s.
const REST_MAX: f64 = 30.0;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    extensions: Option<Extensions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extensions {
    cost: Option<Cost>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Cost {
    requested_query_cost: Option<f64>,
    throttle_status: Option<Throttle>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Throttle {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

/// How long no call should go, by the throttle status in an answer's `extensions`.
pub(crate) fn rest(response: &Response) -> Option<Duration> {
    let answer: Answer = serde_json::from_slice(&response.body).ok()?;
    let cost = answer.extensions?.cost?;
    let throttle = cost.throttle_status?;
    // Half of the bucket stays for bursts, whatever its size.
    let wanted = DEAREST.min(throttle.maximum_available / 2.0).max(cost.requested_query_cost.unwrap_or(0.0));
    let missing = wanted - throttle.currently_available;
    if missing <= 0.0 || throttle.restore_rate <= 0.0 {
        return None;
    }
    Duration::try_from_secs_f64((missing / throttle.restore_rate).min(REST_MAX)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(available: f64, requested: f64, maximum: f64) -> Option<f64> {
        let body = format!(
            "{{\"data\":{{}},\"extensions\":{{\"cost\":{{\"requestedQueryCost\":{requested},\"actualQueryCost\":null,\
             \"throttleStatus\":{{\"maximumAvailable\":{maximum},\"currentlyAvailable\":{available},\
             \"restoreRate\":{rate}}}}}}}}}",
            rate = maximum / 20.0
        );
        rest(&Response { status: 200, headers: Vec::new(), body: body.into_bytes() }).map(|d| d.as_secs_f64())
    }

    #[test]
    fn the_group_rests_until_the_dearest_question_can_be_paid() {
        assert_eq!(asked(1990.0, 10.0, 2000.0), None);
        assert_eq!(asked(1000.0, 10.0, 2000.0), None);
        assert_eq!(asked(900.0, 10.0, 2000.0), Some(1.0));
        assert_eq!(asked(0.0, 980.0, 2000.0), Some(10.0));
        // A smaller bucket (older plans had 1,000 points) must not make us wait for what it never holds.
        assert_eq!(asked(450.0, 10.0, 1000.0), Some(1.0));
        assert_eq!(asked(700.0, 800.0, 1000.0), Some(2.0), "the same again must be affordable");
        assert_eq!(asked(19_000.0, 10.0, 20_000.0), None);
    }

    #[test]
    fn what_says_nothing_asks_for_nothing() {
        for body in ["", "<html>", "{}", "{\"extensions\":{}}", "{\"extensions\":{\"cost\":{}}}"] {
            let response = Response { status: 200, headers: Vec::new(), body: body.into() };
            assert_eq!(rest(&response), None, "{body}");
        }
    }
}
