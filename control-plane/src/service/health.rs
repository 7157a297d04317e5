//! The health of backends: from the workers' probes, and by on-demand probes.

use serde_json::Value;
use tidegate_shared::protocol::MemberProbe;
use tidegate_shared::snapshot::Content;

use crate::arm::external_refs::ExternalRefs;
use crate::arm::on_demand;
use crate::arm::resource_id::GatewayPath;
use crate::audit::Author;
use crate::compile::{OnDemand, compile, compile_on_demand};
use crate::fleet::health::{PairHealth, merge};
use crate::store::{Gateway, Operation, OperationKind};

use super::{Service, ServiceError};

impl Service {
    /// Reads the health of a gateway's backends and stores `show` of it as the result of an ended operation:
    /// clients expect an operation, although the result is known at once.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn backend_health(
        &self,
        path: &GatewayPath,
        show: impl FnOnce(&Gateway, &[PairHealth]) -> Value,
    ) -> Result<(Gateway, Operation), ServiceError> {
        let gateway = self.gateway(path).await?;
        let pairs = merge(&self.content(&gateway), &self.fleet.health(gateway.id));
        let result = show(&gateway, &pairs);
        let operation = self.store.ended_operation(&gateway, OperationKind::BackendHealth, &result).await?;
        Ok((gateway, operation))
    }

    /// Reads the body of a request for an on-demand probe.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`], or an error of the store.
    pub(crate) async fn on_demand_probe(
        &self,
        path: &GatewayPath,
        body: Value,
    ) -> Result<(Gateway, OnDemand), ServiceError> {
        let gateway = self.gateway(path).await?;
        let content = self.content(&gateway);
        let (request, mut violations) = on_demand::read(body);
        match compile_on_demand(&gateway.document.path, &content, &request) {
            Ok(wanted) if violations.is_empty() => Ok((gateway, wanted)),
            Ok(_) => Err(ServiceError::Invalid(violations)),
            Err(found) => {
                violations.absorb(found);
                Err(ServiceError::Invalid(violations))
            }
        }
    }

    /// Begins a probe on demand for a client. The result of its operation is `show` of what the workers report.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn probe(
        &self,
        author: &Author,
        gateway: &Gateway,
        wanted: OnDemand,
        show: impl FnOnce(Vec<MemberProbe>) -> Value + Send + 'static,
    ) -> Result<Operation, ServiceError> {
        Ok(self.prober.begin(&author.name, gateway, wanted, show).await?)
    }

    /// Compiles a stored gateway without its external resources: neither the addresses of its frontends nor its error
    /// pages matter for its backends. Empty if the gateway does not compile after an upgrade; then no worker runs it.
    fn content(&self, gateway: &Gateway) -> Content {
        compile(&gateway.document, &ExternalRefs::default(), &self.patterns).unwrap_or_default()
    }
}
