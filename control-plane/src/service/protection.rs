//! The gateways that rely on protection that no worker provides.

use crate::arm::naming::GATEWAY_TYPE;
use crate::networking::external_refs;
use crate::protection;
use crate::store::StoreError;

use super::unserved::NotEnforced;
use super::{Service, ServiceError};

impl Service {
    /// Returns every gateway that relies on protection that no worker provides, once for each reason.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn unprotected_gateways(&self) -> Result<Vec<NotEnforced>, ServiceError> {
        let mut found = Vec::new();
        for id in self.store.gateway_names().await?.into_keys() {
            let (gateway, refs) = match self.store.gateway_by_id(id).await {
                Ok(Some(gateway)) => gateway,
                // A request for the gateway itself returns the error.
                Ok(None) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let gaps = protection::of_gateway(&gateway.document, &external_refs(&refs));
            found.extend(gaps.iter().map(|gap| NotEnforced {
                id: gateway.document.path.to_string(),
                kind: GATEWAY_TYPE.to_owned(),
                reason: gap.reason(),
            }));
        }
        found.sort();
        Ok(found)
    }
}
