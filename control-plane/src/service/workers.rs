//! Workers.

use tidegate_shared::id::WorkerId;

use crate::audit::Author;

use super::{Service, ServiceError};

impl Service {
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
