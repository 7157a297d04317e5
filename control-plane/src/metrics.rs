//! The metrics of the control plane itself, for Prometheus. Workers export their own; [`crate::api`] only
//! publishes their addresses (service discovery).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_shared::metrics::Kind::{Counter, Gauge, Histogram};
use tidegate_shared::metrics::{Encoder, Family, HistogramValue, Source};

use crate::clock::Millis;

/// The upper bounds of the buckets of all histograms here, in seconds.
const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

const REQUESTS: Family = Family {
    name: "tidegate_management_requests",
    kind: Counter,
    labels: &["method", "route", "code"],
    help: "Requests to the management API, by route and status.",
};
const REQUEST_TIME: Family = Family {
    name: "tidegate_management_request_duration_seconds",
    kind: Histogram,
    labels: &["method", "route"],
    help: "Time from the head of a request to the head of its response.",
};
const GATEWAYS: Family = Family {
    name: "tidegate_gateways",
    kind: Gauge,
    labels: &["state"],
    help: "Stored gateways, by provisioning state.",
};
const OPERATIONS: Family = Family {
    name: "tidegate_operations",
    kind: Gauge,
    labels: &["state"],
    help: "Stored long-running operations, by state; ended ones are kept for at least a day.",
};
const WORKERS: Family = Family {
    name: "tidegate_workers",
    kind: Gauge,
    labels: &["connected"],
    help: "Registered workers, by connection state.",
};
const SNAPSHOTS_REJECTED: Family = Family {
    name: "tidegate_worker_snapshots_rejected",
    kind: Gauge,
    labels: &[],
    help: "Configurations that a connected worker could not apply: one for each worker and gateway.",
};
const UNAUTHENTICATED_CONNECTIONS: Family = Family {
    name: "tidegate_channel_unauthenticated_connections",
    kind: Counter,
    labels: &["cause"],
    help: "Connections to the channel that ended before authentication, by cause: connection, evicted, \
           refused or timeout.",
};
const TURN_TIME: Family = Family {
    name: "tidegate_rollout_turn_duration_seconds",
    kind: Histogram,
    labels: &[],
    help: "Duration of a turn of the reconciler, which brings workers to the stored state.",
};
const TURN_FAILURES: Family = Family {
    name: "tidegate_rollout_turn_failures",
    kind: Counter,
    labels: &[],
    help: "Turns of the reconciler that failed.",
};
const WRITE_WAIT: Family = Family {
    name: "tidegate_store_write_wait_duration_seconds",
    kind: Histogram,
    labels: &[],
    help: "Time for which a write waited for the database.",
};
const WRITES_FAIL: Family = Family {
    name: "tidegate_store_writes_failing",
    kind: Gauge,
    labels: &[],
    help: "1 while writes to the database fail, for example because the disk is full; 0 otherwise.",
};
const READ_TIME: Family = Family {
    name: "tidegate_store_read_duration_seconds",
    kind: Gauge,
    labels: &[],
    help: "Duration of the database reads for this page.",
};
const CERTIFICATE_EXPIRY: Family = Family {
    name: "tidegate_certificate_expiry_timestamp_seconds",
    kind: Gauge,
    labels: &["certificate"],
    help: "Expiry of a certificate, in seconds since 1970: management, channel or authority.",
};
const FETCH_AGE: Family = Family {
    name: "tidegate_certificate_fetch_age_seconds",
    kind: Gauge,
    labels: &["certificate"],
    help: "Time since a certificate of a gateway was last fetched from its vault or files; absent if it never was.",
};
const FETCH_FAILS: Family = Family {
    name: "tidegate_certificate_fetch_failing",
    kind: Gauge,
    labels: &["certificate"],
    help: "1 if the last attempt to fetch a certificate of a gateway failed; 0 otherwise.",
};
const GATEWAY_CERTIFICATE_START: Family = Family {
    name: "tidegate_gateway_certificate_start_timestamp_seconds",
    kind: Gauge,
    labels: &["certificate"],
    help: "Time from which a certificate of a gateway is valid, in seconds since 1970, by resource ID.",
};
const GATEWAY_CERTIFICATE_EXPIRY: Family = Family {
    name: "tidegate_gateway_certificate_expiry_timestamp_seconds",
    kind: Gauge,
    labels: &["certificate"],
    help: "Expiry of a certificate of a gateway, in seconds since 1970, by resource ID.",
};
const BUILD: Family = Family {
    name: "tidegate_build_info",
    kind: Gauge,
    labels: &["version"],
    help: "Always 1; the label has the version of the process.",
};

/// All families, in the order of the page.
#[cfg(test)]
const ALL: &[&Family] = &[
    &REQUESTS,
    &REQUEST_TIME,
    &GATEWAYS,
    &OPERATIONS,
    &WORKERS,
    &SNAPSHOTS_REJECTED,
    &UNAUTHENTICATED_CONNECTIONS,
    &TURN_TIME,
    &TURN_FAILURES,
    &WRITE_WAIT,
    &WRITES_FAIL,
    &READ_TIME,
    &CERTIFICATE_EXPIRY,
    &FETCH_AGE,
    &FETCH_FAILS,
    &GATEWAY_CERTIFICATE_START,
    &GATEWAY_CERTIFICATE_EXPIRY,
    &BUILD,
];

/// A histogram of durations.
#[derive(Debug, Default)]
pub(crate) struct Times(Mutex<HistogramValue>);

impl Times {
    /// Records a duration.
    pub(crate) fn observe(&self, time: Duration) {
        observe(&mut lock(&self.0), time);
    }

    fn get(&self) -> HistogramValue {
        let mut times = lock(&self.0).clone();
        prepare(&mut times);
        times
    }
}

fn prepare(times: &mut HistogramValue) {
    if times.buckets.is_empty() {
        times.buckets = BOUNDS.into_iter().chain([f64::INFINITY]).map(|bound| (bound, 0)).collect();
    }
}

fn observe(times: &mut HistogramValue, time: Duration) {
    prepare(times);
    let seconds = time.as_secs_f64();
    times.seconds += seconds;
    times.count += 1;
    if let Some(bucket) = times.buckets.iter_mut().find(|(bound, _)| seconds <= *bound) {
        bucket.1 += 1;
    }
}

/// The counters and histograms, updated as events happen.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(String, &'static str), Requests>>,
    pending_joins: Mutex<BTreeMap<&'static str, u64>>,
    turns: Times,
    turn_failures: Mutex<u64>,
    certificates: Mutex<Vec<CertificateTimes>>,
}

/// The validity of a certificate of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateTimes {
    /// The resource ID.
    pub(crate) resource: String,
    pub(crate) starts_at: Millis,
    pub(crate) ends_at: Millis,
}

/// The requests of one method on one route.
#[derive(Clone, Debug, Default)]
struct Requests {
    by_status: BTreeMap<u16, u64>,
    time: HistogramValue,
}

impl Metrics {
    /// Records a response. `route` must be one of the listed routes, never text of a client, to bound the
    /// number of series.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, time: Duration) {
        let mut requests = lock(&self.requests);
        let requests = requests.entry((route.to_owned(), method)).or_default();
        *requests.by_status.entry(status).or_default() += 1;
        observe(&mut requests.time, time);
    }

    /// Records a connection to the channel that ended before the worker was authenticated, with the cause.
    pub(crate) fn unauthenticated_ended(&self, cause: &'static str) {
        *lock(&self.pending_joins).entry(cause).or_default() += 1;
    }

    /// Sets the certificates of all gateways.
    pub(crate) fn set_certificates(&self, certificates: Vec<CertificateTimes>) {
        *lock(&self.certificates) = certificates;
    }

    /// Records a turn of the rollout loop.
    pub(crate) fn turned(&self, time: Duration, well: bool) {
        self.turns.observe(time);
        if !well {
            *lock(&self.turn_failures) += 1;
        }
    }
}

/// Locks a mutex. A panic of a holder leaves the values consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The values of all metrics at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricValues {
    requests: BTreeMap<(String, &'static str), Requests>,
    pending_joins: BTreeMap<&'static str, u64>,
    turns: HistogramValue,
    turn_failures: u64,
    /// The number of gateways by state.
    pub(crate) gateways: BTreeMap<&'static str, u64>,
    /// The number of operations by state.
    pub(crate) operations: BTreeMap<&'static str, u64>,
    /// The number of registered workers.
    pub(crate) workers: usize,
    /// The number of connected workers.
    pub(crate) connected: usize,
    /// The number of configurations that a connected worker could not apply.
    pub(crate) snapshots_rejected: usize,
    /// The waiting times of writes.
    pub(crate) write_wait: HistogramValue,
    /// True if writes to the database fail.
    pub(crate) writes_fail: bool,
    /// The duration of reading the values of this page.
    pub(crate) read_time: Duration,
    gateway_certificates: Vec<CertificateTimes>,
    /// The expiry of the control plane's own certificates, by purpose.
    pub(crate) certificates: Vec<(&'static str, Millis)>,
    /// The certificates that are fetched: the resource ID, the time since the last success, and whether the last attempt
    /// failed.
    pub(crate) fetched: Vec<(String, Option<Duration>, bool)>,
}

impl MetricValues {
    /// Starts a page with the counters; the caller fills in the current values.
    pub(crate) fn of(metrics: &Metrics, write_wait: &Times) -> MetricValues {
        MetricValues {
            requests: lock(&metrics.requests).clone(),
            pending_joins: lock(&metrics.pending_joins).clone(),
            turns: metrics.turns.get(),
            turn_failures: *lock(&metrics.turn_failures),
            gateway_certificates: lock(&metrics.certificates).clone(),
            write_wait: write_wait.get(),
            ..MetricValues::default()
        }
    }
}

impl Source for MetricValues {
    fn encode(&self, mut encoder: Encoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        REQUESTS.write(encoder, |samples| {
            for ((route, method), requests) in &self.requests {
                for (status, count) in &requests.by_status {
                    samples.count(&[method, route, &status.to_string()], *count)?;
                }
            }
            Ok(())
        })?;
        REQUEST_TIME.write(encoder, |samples| {
            let mut each = self.requests.iter();
            each.try_for_each(|((route, method), requests)| samples.times(&[method, route], &requests.time))
        })?;
        for (family, counts) in [(&GATEWAYS, &self.gateways), (&OPERATIONS, &self.operations)] {
            family.write(encoder, |samples| {
                counts.iter().try_for_each(|(state, count)| samples.gauge(&[state], *count as f64))
            })?;
        }
        WORKERS.write(encoder, |samples| {
            samples.gauge(&["true"], self.connected as f64)?;
            samples.gauge(&["false"], self.workers.saturating_sub(self.connected) as f64)
        })?;
        SNAPSHOTS_REJECTED.write(encoder, |samples| samples.gauge(&[], self.snapshots_rejected as f64))?;
        UNAUTHENTICATED_CONNECTIONS.write(encoder, |samples| {
            self.pending_joins.iter().try_for_each(|(cause, count)| samples.count(&[cause], *count))
        })?;
        TURN_TIME.write(encoder, |samples| samples.times(&[], &self.turns))?;
        TURN_FAILURES.write(encoder, |samples| samples.count(&[], self.turn_failures))?;
        WRITE_WAIT.write(encoder, |samples| samples.times(&[], &self.write_wait))?;
        WRITES_FAIL.write(encoder, |samples| samples.gauge(&[], f64::from(u8::from(self.writes_fail))))?;
        READ_TIME.write(encoder, |samples| samples.gauge(&[], self.read_time.as_secs_f64()))?;
        CERTIFICATE_EXPIRY.write(encoder, |samples| {
            let mut each = self.certificates.iter();
            each.try_for_each(|(name, expires_at)| samples.gauge(&[name], expires_at.0 as f64 / 1000.0))
        })?;
        FETCH_AGE.write(encoder, |samples| {
            let mut each = self.fetched.iter().filter_map(|(id, age, _)| Some((id, (*age)?)));
            each.try_for_each(|(id, age)| samples.gauge(&[id], age.as_secs_f64()))
        })?;
        FETCH_FAILS.write(encoder, |samples| {
            let mut each = self.fetched.iter();
            each.try_for_each(|(id, _, fails)| samples.gauge(&[id], f64::from(u8::from(*fails))))
        })?;
        let certificates = &self.gateway_certificates;
        GATEWAY_CERTIFICATE_START.write(encoder, |samples| {
            certificates
                .iter()
                .try_for_each(|one| samples.gauge(&[&one.resource], one.starts_at.0 as f64 / 1000.0))
        })?;
        GATEWAY_CERTIFICATE_EXPIRY.write(encoder, |samples| {
            certificates
                .iter()
                .try_for_each(|one| samples.gauge(&[&one.resource], one.ends_at.0 as f64 / 1000.0))
        })?;
        BUILD.write(encoder, |samples| samples.gauge(&[env!("CARGO_PKG_VERSION")], 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_documented_metrics_are_those_that_are_exported() {
        let text = include_str!("../../docs/reference/metrics.md");
        let section = text.split("## The control plane").nth(1).unwrap();
        let documented: BTreeSet<&str> =
            section.lines().filter(|line| line.starts_with("| `tidegate_")).collect();
        let rows: Vec<String> = ALL.iter().map(|family| family.row()).collect();
        assert_eq!(documented, rows.iter().map(String::as_str).collect());

        let page = tidegate_shared::metrics::page(MetricValues::default());
        let exported: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(exported, ALL.iter().map(|family| family.name).collect());
    }

    #[test]
    fn a_request_is_counted_by_route_and_status() {
        let metrics = Metrics::default();
        for (status, seconds) in [(200, 0.002), (200, 60.0), (404, 0.0)] {
            metrics.answered("GET", "/workers", status, Duration::from_secs_f64(seconds));
        }
        let page = tidegate_shared::metrics::page(MetricValues::of(&metrics, &Times::default()));
        for line in [
            "tidegate_management_requests_total{method=\"GET\",route=\"/workers\",code=\"200\"} 2",
            "tidegate_management_requests_total{method=\"GET\",route=\"/workers\",code=\"404\"} 1",
            "tidegate_management_request_duration_seconds_bucket{le=\"0.0025\",method=\"GET\",route=\"/workers\"} 2",
            "tidegate_management_request_duration_seconds_bucket{le=\"+Inf\",method=\"GET\",route=\"/workers\"} 3",
        ] {
            assert!(page.lines().any(|one| one == line), "{line} is not in {page}");
        }
    }
}
