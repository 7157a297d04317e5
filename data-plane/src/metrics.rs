//! The metrics of a worker, and the page where Prometheus reads them.
//!
//! Data threads count in [`series`], each in its own cells ([`cell`]). On each request, [`page`] adds them up under
//! the names of [`families`], and [`server`] sends the page. Nothing here may delay a request, and no value from a
//! client becomes a label.

pub(crate) mod cell;
mod families;
mod page;
pub(crate) mod series;
mod server;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tidegate_shared::id::GatewayId;

use crate::limits::ConnectionLimit;
pub(crate) use page::{GatewayMetrics, Scrape};
use page::{ProcessMetrics, ScrapeSources};
pub(crate) use server::MetricsSocket;

/// The sources of the page.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    gateways: Arc<Mutex<BTreeMap<GatewayId, Arc<dyn Scrape>>>>,
    connection_limit: ConnectionLimit,
    lines_dropped: Arc<AtomicU64>,
    spans_dropped: Arc<AtomicU64>,
    unsaved: Arc<AtomicUsize>,
}

impl Metrics {
    pub(crate) fn new(
        connection_limit: ConnectionLimit,
        lines_dropped: Arc<AtomicU64>,
        spans_dropped: Arc<AtomicU64>,
    ) -> Metrics {
        Metrics {
            gateways: Arc::default(),
            connection_limit,
            lines_dropped,
            spans_dropped,
            unsaved: Arc::default(),
        }
    }

    /// Adds a gateway to the page.
    pub(crate) fn show(&self, gateway: GatewayId, source: Arc<dyn Scrape>) {
        self.lock().insert(gateway, source);
    }

    /// Removes a gateway from the page.
    pub(crate) fn hide(&self, gateway: GatewayId) {
        self.lock().remove(&gateway);
    }

    /// Sets the number of gateways whose applied snapshot is not on disk.
    pub(crate) fn set_unsaved(&self, gateways: usize) {
        self.unsaved.store(gateways, Ordering::Relaxed);
    }

    /// Writes the page.
    fn page(&self) -> String {
        // Copied first: gateways are added and removed without a wait for the page.
        let sources: Vec<_> = self.lock().values().cloned().collect();
        let gateways = sources.iter().map(|source| source.scrape()).collect();
        let process = ProcessMetrics {
            connections_max: self.connection_limit.all(),
            connections_available: self.connection_limit.free(),
            limited: self.connection_limit.times_limited(),
            lines_dropped: self.lines_dropped.load(Ordering::Relaxed),
            spans_dropped: self.spans_dropped.load(Ordering::Relaxed),
            unsaved: self.unsaved.load(Ordering::Relaxed),
        };
        tidegate_shared::metrics::page(ScrapeSources { gateways, process })
    }

    /// Locks the map. Each change is atomic, so the map stays valid after a panic of another thread.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<GatewayId, Arc<dyn Scrape>>> {
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `docs/reference/metrics.md` has a row for each family and no other, and the page has them all.
    #[test]
    fn the_documented_metrics_are_those_that_are_exported() {
        let text = include_str!("../../docs/reference/metrics.md");
        let section = text.split("## Workers").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let documented: BTreeSet<&str> =
            section.lines().filter(|line| line.starts_with("| `tidegate_")).collect();
        let rows: Vec<String> = families::ALL.iter().map(|family| family.row()).collect();
        assert_eq!(documented, rows.iter().map(String::as_str).collect());

        let metrics = Metrics::new(ConnectionLimit::raise(None), Arc::default(), Arc::default());
        let page = metrics.page();
        let exported: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(exported, families::ALL.iter().map(|family| family.name).collect());
    }
}
