//! Figures for whoever watches the house, in OpenMetrics (Prometheus reads it): what crossed and how quickly,
//! how the homeserver answers, what waits in the journal, how the logins are. Counted where it happens; what is a
//! level and not a count is read when it is asked for.

mod levels;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub(crate) use levels::{JournalLevel, Levels, LoginLevel};

type Timed<L> = Family<L, Histogram, fn() -> Histogram>;

/// A row that came to its end.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct RowLabels {
    pub(crate) direction: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) outcome: &'static str,
}

/// One attempt of a step.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct StepLabels {
    pub(crate) target: &'static str,
    pub(crate) network: String,
    pub(crate) state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Endpoint {
    endpoint: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndpointStatus {
    endpoint: &'static str,
    status: String,
}

/// All figures. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    rows: Family<RowLabels, Counter>,
    crossing: Timed<Direction>,
    steps: Family<StepLabels, Counter>,
    acknowledging: Timed<Direction>,
    requests: Family<EndpointStatus, Counter>,
    request_times: Timed<Endpoint>,
    levels: LevelFamilies,
    /// Held while levels are written and read: two who ask at once do not mix.
    reading: Mutex<()>,
}

#[derive(Clone, Default)]
struct LevelFamilies {
    journal_rows: Family<levels::JournalLabels, Gauge>,
    journal_oldest: Family<Direction, Gauge>,
    lanes: Gauge,
    logins: Family<levels::LoginLabels, Gauge>,
    login_silence: Family<levels::LoginName, Gauge>,
}

/// From a millisecond to about a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.5, 13))
}

fn timed<L: Clone + std::hash::Hash + Eq>() -> Timed<L> {
    Family::new_with_constructor(seconds)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("rialto");
        let (rows, steps) = (Family::default(), Family::default());
        let (crossing, acknowledging) = (timed(), timed());
        let (requests, request_times) = (Family::default(), timed());
        registry.register("rows", "Events that came to their end", rows.clone());
        registry.register(
            "crossing_seconds",
            "From an event's acceptance to its end",
            crossing.clone(),
        );
        registry.register("steps", "Attempts of sends and what came of them", steps.clone());
        registry.register(
            "acknowledge_seconds",
            "From an event's arrival until it was durable and could be acknowledged",
            acknowledging.clone(),
        );
        registry.register(
            "homeserver_requests",
            "Requests to the homeserver by endpoint and status",
            requests.clone(),
        );
        registry.register(
            "homeserver_request_seconds",
            "How long the homeserver took to answer",
            request_times.clone(),
        );
        let levels = LevelFamilies::default();
        levels.register(&mut registry);
        let reading = Mutex::new(());
        Self(Arc::new(Inner {
            registry,
            rows,
            crossing,
            steps,
            acknowledging,
            requests,
            request_times,
            levels,
            reading,
        }))
    }

    /// Counts a row that came to its end.
    pub(crate) fn row(&self, labels: RowLabels, took: Duration) {
        let direction = Direction { direction: labels.direction };
        self.0.rows.get_or_create(&labels).inc();
        self.0.crossing.get_or_create(&direction).observe(took.as_secs_f64());
    }

    /// Counts an attempt of a step.
    pub(crate) fn step(&self, labels: &StepLabels) {
        self.0.steps.get_or_create(labels).inc();
    }

    /// Notes how long it took until something could be acknowledged.
    pub(crate) fn acknowledged(&self, direction: &'static str, took: Duration) {
        let labels = Direction { direction };
        self.0.acknowledging.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts a request to the homeserver; a status of 0 means that it did not answer.
    pub(crate) fn request(&self, endpoint: &'static str, status: u16, took: Duration) {
        let status = if status == 0 { "none".to_owned() } else { status.to_string() };
        self.0.requests.get_or_create(&EndpointStatus { endpoint, status }).inc();
        let labels = Endpoint { endpoint };
        self.0.request_times.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Writes all figures down, with these levels. The end mark of the format is the caller's to write.
    pub(crate) fn write(&self, levels: &Levels, text: &mut String) -> fmt::Result {
        let _reading = self.0.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.levels.set(levels);
        encode_registry(text, &self.0.registry)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written_and_old_levels_are_not() {
        let metrics = Metrics::new();
        let labels = RowLabels { direction: "to_matrix", kind: "message", outcome: "sent" };
        metrics.row(labels, Duration::from_millis(30));
        metrics.request("send", 200, Duration::from_millis(3));
        metrics.request("send", 0, Duration::from_secs(3));
        metrics.acknowledged("from_matrix", Duration::from_millis(1));
        let login = |state| LoginLevel {
            login: "libera-1".to_owned(),
            network: "libera".to_owned(),
            state,
            silent_for: Some(Duration::from_secs(7)),
        };
        let levels = |state| Levels { logins: vec![login(state)], ..Levels::default() };
        let mut text = String::new();
        metrics.write(&levels("connecting"), &mut text).expect("a String takes it");
        text.clear();
        metrics.write(&levels("connected"), &mut text).expect("a String takes it");
        for line in [
            "rialto_rows_total{direction=\"to_matrix\",kind=\"message\",outcome=\"sent\"} 1",
            "rialto_crossing_seconds_count{direction=\"to_matrix\"} 1",
            "rialto_homeserver_requests_total{endpoint=\"send\",status=\"none\"} 1",
            "rialto_homeserver_request_seconds_count{endpoint=\"send\"} 2",
            "rialto_acknowledge_seconds_count{direction=\"from_matrix\"} 1",
            "rialto_login_state{login=\"libera-1\",network=\"libera\",state=\"connected\"} 1",
            "rialto_login_silent_seconds{login=\"libera-1\",network=\"libera\"} 7",
        ] {
            assert!(text.contains(line), "no `{line}` in\n{text}");
        }
        assert!(!text.contains("state=\"connecting\""), "{text}");
    }
}
