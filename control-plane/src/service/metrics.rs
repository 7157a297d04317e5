//! The metrics of the control plane.

use tokio::time::Instant;

use crate::metrics::{MetricValues, Metrics};

use super::{Service, ServiceError};

impl Service {
    /// Reads the metrics of the store and of the workers. Those of certificates are left empty.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn metrics(&self, metrics: &Metrics) -> Result<MetricValues, ServiceError> {
        let mut page = MetricValues::of(metrics, self.store.write_wait());
        let began = Instant::now();
        for wanted in self.store.desired_states().await? {
            *page.gateways.entry(wanted.state.as_str()).or_default() += 1;
        }
        page.operations = self.store.operation_counts().await?;
        page.workers = self.store.workers().await?.len();
        page.fetched = self.fetched.ages();
        page.read_time = began.elapsed();
        page.writes_fail = self.store.write_failure().borrow().is_some();
        let connected = self.fleet.snapshot();
        page.connected = connected.len();
        page.snapshots_rejected = connected.values().map(|worker| worker.refused.len()).sum();
        Ok(page)
    }
}
