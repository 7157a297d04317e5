//! The gateways that rely on protection that no worker provides, and the protection that no gateway uses.

use crate::arm::naming::GATEWAY_TYPE;
use crate::arm::network::NetworkKind;
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

    /// Returns every firewall policy that is enabled and in use by no gateway.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn unused_policies(&self) -> Result<Vec<NotEnforced>, ServiceError> {
        let mut found = Vec::new();
        for path in self.store.network_paths(NetworkKind::FirewallPolicy).await? {
            let (policy, users) = match self.store.network_resource(&path).await {
                Ok(Some(stored)) => stored,
                Ok(None) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let gap = protection::of_policy(&policy.path, &policy.body).filter(|_| users.is_empty());
            found.extend(gap.map(|gap| NotEnforced {
                id: policy.path.to_string(),
                kind: policy.path.kind.resource_type().to_owned(),
                reason: gap.reason(),
            }));
        }
        Ok(found)
    }
}
