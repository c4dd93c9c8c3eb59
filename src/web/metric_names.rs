//! Every metric, once: its name, its labels and what it means.
//!
//! Record one with the `metrics` macros: `metrics::gauge!(metric_names::IMPORT_LAG, "channel" => name).set(2.5)`.

use metrics::Unit;

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Keeps quantiles of what was recorded.
    Histogram,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name in Prometheus.
    pub name: &'static str,
    /// What the number does.
    pub kind: Kind,
    /// The labels that go with it.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! table {
    ($($id:ident = $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(#[doc = $help] pub const $id: &str = $name;)*

        /// The whole table.
        pub const ALL: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help }),*
        ];
    };
}

table! {
    CHANNEL_UP = Gauge "banto_channel_up" ["channel"]
        "Whether the channel's last call succeeded (1) or not (0).";
    CREDENTIAL_DAYS_LEFT = Gauge "banto_credential_days_left" ["channel"]
        "Days until the channel's credentials run out, where the marketplace says so.";
    IMPORT_LAG = Gauge "banto_import_lag_seconds" ["channel"]
        "Seconds from the marketplace's own time of a change of an order to our commit, for the newest order.";
    JOBS_GIVEN_UP = Counter "banto_jobs_given_up_total" ["lane"]
        "Jobs that failed for good and wait for a person.";
    MAILS_SENT = Counter "banto_mails_sent_total" ["kind"]
        "Mails that a mail server accepted.";
    MAILS_UNCERTAIN = Gauge "banto_mails_uncertain" []
        "Mails of which nobody knows whether they went out.";
    ORDERS_IMPORTED = Counter "banto_orders_imported_total" ["channel"]
        "Orders taken in for the first time.";
    ORDERS_QUARANTINED = Gauge "banto_orders_quarantined" ["channel"]
        "Orders that could not be understood and wait for a person.";
    PROPAGATION = Histogram "banto_propagation_seconds" ["channel"]
        "Seconds from the commit of a change of stock to the push that carries it.";
    PUSH_LAG = Gauge "banto_push_lag_seconds" ["channel"]
        "Seconds that the oldest listing whose number is out of date has waited; 0 if none is.";
    QUEUE_AGE = Gauge "banto_queue_age_seconds" ["lane"]
        "Seconds that the oldest job that is due has waited.";
    QUEUE_JOBS = Gauge "banto_queue_jobs" ["lane" "state"]
        "Jobs by state.";
    RATE_LIMIT_WAITS = Counter "banto_rate_limit_waits_total" ["channel"]
        "Calls that waited because of the marketplace's rate limit.";
    SHORTFALL_UNITS = Gauge "banto_shortfall_units" []
        "Units that are ordered and not there.";
    STOCK_PUSHES = Counter "banto_stock_pushes_total" ["channel" "outcome"]
        "Listings pushed, by outcome (applied, pending, refused, retry).";
    TASK_PANICS = Counter "banto_task_panics_total" ["task"]
        "Tasks that panicked.";
    WEBHOOKS = Counter "banto_webhooks_total" ["channel" "outcome"]
        "Webhooks received, by outcome (accepted, ignored, forged, unknown_channel).";
}

/// Tells the recorder every name, and begins those without labels at zero, so that alert rules find them.
pub fn describe() {
    for metric in ALL {
        let (name, help) = (metric.name, metric.help);
        let unit = if name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count };
        match metric.kind {
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
        match metric.kind {
            Kind::Gauge if metric.labels.is_empty() => metrics::gauge!(name).set(0.0),
            Kind::Counter if metric.labels.is_empty() => metrics::counter!(name).absolute(0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_prometheus_own_rules() {
        let mut seen = BTreeSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(seen.insert(name), "{name} stands twice");
            let allowed = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.starts_with("banto_") && name.chars().all(allowed), "{name}");
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_metric_is_shown_with_its_help() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            for metric in ALL {
                let labels: Vec<_> = metric.labels.iter().map(|l| metrics::Label::new(*l, "x")).collect();
                match metric.kind {
                    Kind::Gauge => metrics::gauge!(metric.name, labels).set(1.0),
                    Kind::Counter => metrics::counter!(metric.name, labels).increment(1),
                    Kind::Histogram => metrics::histogram!(metric.name, labels).record(1.0),
                }
            }
        });
        let page = handle.render();
        for metric in ALL {
            let help = format!("# HELP {} {}", metric.name, metric.help);
            assert!(page.contains(&help), "{help}\n{page}");
        }
    }

    #[test]
    fn what_has_no_labels_is_there_from_the_start() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, describe);
        let page = handle.render();
        assert!(
            page.contains("banto_mails_uncertain 0") && page.contains("banto_shortfall_units 0"),
            "{page}"
        );
    }
}
