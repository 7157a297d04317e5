//! Long-running operations.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::store::{Operation, OperationState};

use super::{Service, ServiceError};

/// The time that a poll may wait for the end of an operation.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

impl Service {
    /// Returns an operation of a subscription. Waits up to [`PATIENCE`] for its end: most operations end
    /// sooner, and clients that see one in progress sleep for at least a second. It waits for the store, not
    /// for a worker.
    ///
    /// # Errors
    /// [`ServiceError::NoOperation`], or an error of the store.
    pub(crate) async fn operation(&self, subscription: &str, id: &str) -> Result<Operation, ServiceError> {
        let mut endings = self.store.endings();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let operation = self.find_operation(subscription, id).await?;
            let ended = operation.state != OperationState::InProgress;
            if ended || timeout_at(deadline, endings.changed()).await.is_err() {
                return Ok(operation);
            }
        }
    }

    /// Returns the resource ID that an operation is about.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn resource_of_operation(&self, id: Uuid) -> Result<Option<String>, ServiceError> {
        Ok(self.store.resource_of_operation(id).await?)
    }

    async fn find_operation(&self, subscription: &str, id: &str) -> Result<Operation, ServiceError> {
        let unknown = || ServiceError::NoOperation(id.to_owned());
        let parsed = id.parse().map_err(|_| unknown())?;
        self.store.operation(subscription, parsed).await?.ok_or_else(unknown)
    }
}
