//! Workers.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_shared::id::{GatewayId, WorkerId};

use crate::audit::Author;
use crate::fleet::Worker;
use crate::store::JoinedWorker;

use super::{Service, ServiceError};

/// The workers that joined, and the state of the gateways on them.
#[derive(Debug)]
pub(crate) struct KnownWorkers {
    /// Every worker that joined.
    pub(crate) joined: Vec<JoinedWorker>,
    /// The connected ones.
    pub(crate) connected: BTreeMap<WorkerId, Worker>,
    /// The resource IDs of all gateways.
    pub(crate) gateways: BTreeMap<GatewayId, String>,
    /// The resource IDs of the gateways that failed, with the reasons.
    pub(crate) failures: Vec<(String, String)>,
    /// The workers that are to be drained.
    pub(crate) drained: BTreeSet<WorkerId>,
}

impl Service {
    /// Returns all workers.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn workers(&self) -> Result<KnownWorkers, ServiceError> {
        Ok(KnownWorkers {
            gateways: self.store.gateway_names().await?,
            connected: self.connected_workers(),
            joined: self.store.workers().await?,
            failures: self.store.failures().await?,
            drained: self.store.drained_workers().await?,
        })
    }

    /// Returns the resource IDs of all gateways.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn gateway_names(&self) -> Result<BTreeMap<GatewayId, String>, ServiceError> {
        Ok(self.store.gateway_names().await?)
    }

    /// Returns the connected workers.
    pub(crate) fn connected_workers(&self) -> BTreeMap<WorkerId, Worker> {
        self.fleet.snapshot()
    }

    /// Has a worker drained, or serve again. It stays so until the opposite is asked for, whatever restarts.
    ///
    /// # Errors
    /// [`ServiceError::NoWorker`], or an error of the store.
    pub(crate) async fn set_drained(
        &self,
        author: Author,
        id: &str,
        drained: bool,
    ) -> Result<(), ServiceError> {
        let unknown = || ServiceError::NoWorker(id.to_owned());
        let worker = WorkerId(id.parse().map_err(|_| unknown())?);
        let known = self.store.set_drained(author, worker, drained).await?;
        self.fleet.wake();
        if known { Ok(()) } else { Err(unknown()) }
    }

    /// Removes a worker for good: its certificate is no longer accepted, and its session ends. The worker continues to run
    /// its gateways until it is stopped.
    ///
    /// # Errors
    /// [`ServiceError::NoWorker`], or an error of the store.
    pub(crate) async fn remove_worker(&self, author: Author, id: &str) -> Result<(), ServiceError> {
        let unknown = || ServiceError::NoWorker(id.to_owned());
        let worker = WorkerId(id.parse().map_err(|_| unknown())?);
        let known = self.store.remove_worker(author, worker).await?;
        // After the row is removed, so that the worker cannot reconnect in between.
        self.fleet.disconnect(worker);
        if known { Ok(()) } else { Err(unknown()) }
    }
}
