//! The audit log.

use crate::audit::{Entry, Filter};

use super::{Service, ServiceError};

impl Service {
    /// Returns at most `rows` entries that pass the filter, the newest first.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn audit(&self, filter: &Filter, rows: u16) -> Result<Vec<Entry>, ServiceError> {
        Ok(self.store.audit(filter, rows).await?)
    }
}
