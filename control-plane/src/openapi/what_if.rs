//! What-if of gateways, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// What a change of a gateway would do.
#[derive(JsonSchema)]
pub(crate) struct GatewayWhatIf {
    /// `Succeeded`.
    status: String,
    /// What the change would do.
    properties: GatewayWhatIfProperties,
}

/// What a change of a gateway would do.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct GatewayWhatIfProperties {
    /// The resources that are created, changed or deleted.
    changes: Vec<GatewayPartChange>,
    /// Whether the workers get a new generation.
    new_generation: bool,
    /// The addresses and ports at which the gateway begins to listen.
    listeners_opened: Vec<ListenAddress>,
    /// The addresses and ports at which the gateway no longer listens.
    listeners_closed: Vec<ListenAddress>,
    /// The resource IDs of the certificates that get another key.
    certificates_replaced: Vec<String>,
    /// What becomes of running requests and tunnels, as the connected workers see it.
    traffic: WhatIfTraffic,
    /// The warnings that the write would give.
    diagnostics: Vec<Map<String, Value>>,
}

/// A resource that is created, changed or deleted.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct GatewayPartChange {
    /// The resource ID.
    resource_id: String,
    /// `Create`, `Modify` or `Delete`.
    change_type: String,
    /// The resource before the change.
    before: Option<Map<String, Value>>,
    /// The resource after the change.
    after: Option<Map<String, Value>>,
    /// The differences by property, as in the what-if of a deployment.
    delta: Option<Vec<Map<String, Value>>>,
}

/// An address and a port.
#[derive(JsonSchema)]
struct ListenAddress {
    /// The IP address, or `public`.
    address: String,
    /// The frontend port.
    port: u16,
}

/// What becomes of running requests and tunnels.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct WhatIfTraffic {
    /// The resource ID of the gateway; in the preview of a deployment.
    gateway: Option<String>,
    /// The open tunnels.
    tunnels: TunnelFates,
    /// The running requests.
    requests: RequestFates,
    /// The time in seconds within which the last one of those that do not stay ends; absent if all stay.
    end_within_in_sec: Option<u64>,
    /// The answer of each connected worker that runs the gateway.
    workers: Vec<WhatIfWorker>,
}

/// The numbers of open tunnels by what becomes of them.
#[derive(JsonSchema)]
struct TunnelFates {
    /// Those that stay.
    kept: u64,
    /// Those that end within a time.
    drained: u64,
    /// Those that end at once.
    closed: u64,
}

/// The numbers of running requests by what becomes of them.
#[derive(JsonSchema)]
struct RequestFates {
    /// Those that stay.
    kept: u64,
    /// Those that have to end within a time.
    drained: u64,
}

/// The answer of one worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfWorker {
    /// The ID of the worker.
    worker: String,
    /// The open tunnels of the gateway.
    tunnels: Option<u64>,
    /// The running requests of the gateway: connections to backends that carry one.
    requests: Option<u64>,
    /// The pool members that the change removes.
    removed_members: Option<Vec<WhatIfMember>>,
    /// What happens to other tunnels, and to those of removed members that it ends earlier.
    events: Option<Vec<WhatIfEvent>>,
    /// The reason why the worker could not apply the change.
    rejection: Option<String>,
    /// The reason why the worker gave no answer.
    unanswered: Option<String>,
}

/// A pool member that a change removes.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfMember {
    /// The name of the pool.
    pool: String,
    /// The address or host name.
    member: String,
    /// The open tunnels to it.
    tunnels: u64,
    /// What becomes of them: `keep`, `drain` or `close`.
    action: String,
    /// The time in seconds within which they end; absent if they stay.
    tunnels_end_within_in_sec: Option<u64>,
    /// The running requests to it.
    requests: u64,
    /// The time in seconds within which they have to end.
    requests_end_within_in_sec: u64,
}

/// Tunnels to which a change does the same.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfEvent {
    /// The property of the tunnel policy that decides about them: `onRouteChanged`, `onListenerRemoved`,
    /// `onPolicyTightened` or `maxLifetimeInSec`.
    event: String,
    /// The name of their pool.
    pool: String,
    /// Their number.
    tunnels: u64,
    /// What becomes of them: `keep`, `drain` or `close`.
    action: String,
    /// The time in seconds within which they end; absent if they stay.
    end_within_in_sec: Option<u64>,
}
