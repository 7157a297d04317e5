//! The metrics of a gateway, read from its runtime.

use arc_swap::ArcSwap;

use super::Runtime;
use crate::metrics::{GatewayMetrics, Scrape};

impl Scrape for ArcSwap<Runtime> {
    fn scrape(&self) -> GatewayMetrics {
        let runtime = self.load();
        let backends = runtime.backends.iter();
        GatewayMetrics {
            name: runtime.name.clone(),
            connections: runtime.series.connections.clone(),
            rules: runtime.series.rules().cloned().collect(),
            pools: runtime.backends.all_series().cloned().collect(),
            backends: backends.map(|backend| (backend.series.clone(), backend.health.state())).collect(),
        }
    }
}
