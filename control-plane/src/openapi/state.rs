//! The states of resources, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

/// The provisioning state of a resource.
#[derive(JsonSchema)]
pub(super) enum ProvisioningState {
    /// Every worker has applied it.
    Succeeded,
    /// It is being applied by the workers.
    Updating,
    /// It is being removed from the workers.
    Deleting,
    /// It is stored, but not applied by every worker.
    Failed,
}

/// The operational state of a gateway.
#[derive(JsonSchema)]
pub(super) enum OperationalState {
    /// The gateway does not carry traffic.
    Stopped,
    /// The gateway is being started.
    Starting,
    /// The gateway carries traffic.
    Running,
    /// The gateway is being stopped.
    Stopping,
}
