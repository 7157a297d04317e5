//! Workers as resources, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

use super::answer::{WorkersCertificate, WorkersGateway};

/// The workers.
#[derive(JsonSchema)]
pub(crate) struct WorkerResourceList {
    /// The workers, in the order of joining.
    value: Vec<WorkerResource>,
}

/// A worker.
#[derive(JsonSchema)]
pub(crate) struct WorkerResource {
    /// The resource ID.
    id: String,
    /// The ID of the worker.
    name: String,
    /// The ARM type.
    #[serde(rename = "type")]
    kind: String,
    /// The properties.
    properties: WorkerProperties,
}

/// The properties of a worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WorkerProperties {
    /// The state.
    state: WorkerState,
    /// The state that the operator has asked for: `serving` or `drained`.
    desired_state: String,
    /// The time of joining, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    joined_at: String,
    /// The certificate with which it connects.
    certificate: Option<WorkersCertificate>,
    /// The address from which it is connected.
    address: Option<String>,
    /// The version of its program.
    version: Option<String>,
    /// What it carries.
    load: Option<WorkerLoad>,
    /// The gateways that it runs or has rejected.
    gateways: Vec<WorkersGateway>,
}

/// The state of a worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
enum WorkerState {
    /// It accepts connections.
    Serving,
    /// It accepts no connections, and some still run.
    Draining,
    /// It accepts no connections, and none runs.
    Drained,
    /// It is not connected to the control plane. It may serve nevertheless.
    Disconnected,
}

/// What a worker carries.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WorkerLoad {
    /// The open tunnels.
    tunnels: u64,
    /// The open connections of clients, tunnels included.
    connections: u64,
    /// The use of processors in percent of one of them.
    cpu_percent: f64,
}
