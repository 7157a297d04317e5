//! What a deployment does to running requests and tunnels of gateways.

use tidegate_shared::snapshot::Content;

use crate::arm::external_refs::ExternalRefs;
use crate::arm::network::path::network_resources_of;
use crate::compile::compile;
use crate::networking::external_refs;
use crate::store::Gateway;

use super::super::resource_target::ResourceTarget;
use super::super::traffic::Traffic;
use super::super::{Service, ServiceError};
use super::change::{Change, Fate};
use super::stage::Stage;

/// The maximum number of gateways about which the workers are asked.
const MAX_GATEWAYS: usize = 20;

impl Service {
    /// Asks the workers about the gateways of a previewed deployment.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn traffic_of_deployment(
        &self,
        stage: &Stage,
        changes: &[Change],
    ) -> Result<Vec<(String, Traffic)>, ServiceError> {
        let mut contents: Vec<(Gateway, Content)> = Vec::new();
        for after in stage.gateways.values() {
            let Some(stored) = self.store.gateway(&after.document.path).await? else { continue };
            if stored.config_digest != after.config_digest
                && let Some(content) = self.staged_content(stage, after).await?
            {
                contents.push((stored, content));
            }
        }
        for change in changes.iter().filter(|change| change.fate == Fate::Deleted) {
            if let Some(ResourceTarget::Gateway(path)) = ResourceTarget::of(&change.id)
                && let Some(stored) = self.store.gateway(&path).await?
            {
                contents.push((stored, Content::default()));
            }
        }
        let mut found = Vec::new();
        for (gateway, content) in contents.into_iter().take(MAX_GATEWAYS) {
            let traffic = self.traffic(&gateway, content).await;
            found.push((gateway.document.path.to_string(), traffic));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    /// Compiles a gateway as it would be after the deployment.
    async fn staged_content(
        &self,
        stage: &Stage,
        gateway: &Gateway,
    ) -> Result<Option<Content>, ServiceError> {
        let mut resources = Vec::new();
        for path in network_resources_of(&gateway.document) {
            match stage.networks.get(&path.key()) {
                Some(staged) => resources.push(staged.clone()),
                None => resources.extend(self.store.network_resource(&path).await?.map(|(found, _)| found)),
            }
        }
        let pages =
            self.store.gateway_by_id(gateway.id).await?.map(|(_, refs)| refs.pages).unwrap_or_default();
        let stored = self.store.refs_with(resources, pages, Some(gateway.id)).await?;
        let refs = ExternalRefs { private: gateway.bound_addresses.clone(), ..external_refs(&stored) };
        Ok(compile(&gateway.document, &refs, &self.patterns).ok())
    }
}
