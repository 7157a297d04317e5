//! Answers that are not resource documents, as types that exist only for their schema. The end-to-end tests
//! check each answer of a handler against the published description.
#![expect(dead_code, reason = "only the schemas are of use")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::error::ErrorDetail;
use super::resource;
use super::tunnels::TunnelsClosed;
use crate::arm::gateway::SubResource;

/// A list, or one page of it.
pub(crate) struct ListPage<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for ListPage<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}List", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": {"type": "array", "items": generator.subschema_for::<T>()},
                "nextLink": {"type": "string", "description": "The URL of the next page; absent on the last page."},
            },
        })
    }
}

/// The stored resources that have no effect.
#[derive(JsonSchema)]
pub(crate) struct NotEnforced {
    /// The resources.
    value: Vec<NotEnforcedResource>,
}

/// A stored resource that has no effect, or whose protection has none.
#[derive(JsonSchema)]
struct NotEnforcedResource {
    /// The resource ID.
    id: String,
    /// The ARM type.
    #[serde(rename = "type")]
    kind: String,
    /// The reason, as a sentence.
    reason: String,
}

/// The operations of a resource provider.
#[derive(JsonSchema)]
pub(crate) struct ProviderOperations {
    /// The operations.
    value: Vec<ProviderOperation>,
}

/// An operation of a resource provider.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ProviderOperation {
    /// The name, such as `Tidegate.Network/tunnelPolicies/write`.
    name: String,
    /// Always false: the operations manage gateways.
    is_data_action: bool,
    /// The texts for people.
    display: ProviderOperationDisplay,
}

/// The texts about an operation of a resource provider.
#[derive(JsonSchema)]
struct ProviderOperationDisplay {
    /// The provider.
    provider: String,
    /// The kind of resource.
    resource: String,
    /// The operation.
    operation: String,
    /// What the operation permits.
    description: String,
}

/// A long-running operation.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Operation {
    /// The resource ID.
    id: String,
    /// The ID of the operation.
    name: String,
    /// The status.
    status: OperationStatus,
    /// The start time, RFC 3339. Not set for a write that was complete when it was answered.
    #[schemars(extend("format" = "date-time"))]
    start_time: Option<String>,
    /// The end time, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    end_time: Option<String>,
    /// The reason of a failure.
    error: Option<ErrorDetail>,
    /// Further information about the operation.
    properties: Option<OperationProperties>,
}

/// Further information about an operation.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct OperationProperties {
    /// The warnings about what was written, such as unknown properties. An extension of this service.
    warnings: Option<Vec<ErrorDetail>>,
    /// The number of tunnels that were chosen to be closed.
    chosen: Option<i64>,
    /// The number of tunnels that were closed.
    closed: Option<i64>,
    /// The number of chosen tunnels that had ended by themselves before.
    ended: Option<i64>,
    /// The number of chosen tunnels that are left.
    left: Option<i64>,
    /// The workers that did not answer.
    missing_workers: Option<Vec<String>>,
}

/// The status of an operation.
#[derive(JsonSchema)]
pub(super) enum OperationStatus {
    /// The operation has not ended yet.
    InProgress,
    /// The operation succeeded.
    Succeeded,
    /// The operation failed.
    Failed,
    /// The operation was superseded by a newer one.
    Canceled,
}

/// The result of an operation: a backend health report, the number of closed tunnels, or nothing.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(crate) enum OperationResult {
    /// The result of `backendhealth`.
    Health(BackendHealth),
    /// The result of `getBackendHealthOnDemand`.
    OnDemand(BackendHealthOnDemand),
    /// The result of `closeTunnels`, and of `close` of a tunnel.
    Tunnels(TunnelsClosed),
    /// All other operations have no result.
    None(Null),
}

/// The health of a gateway's backends, as seen by the workers.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct BackendHealth {
    /// The health by pool.
    backend_address_pools: Vec<PoolHealth>,
}

/// The result of an on-demand probe of a pool by one worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct BackendHealthOnDemand {
    /// The pool; complete with `$expand`.
    #[schemars(schema_with = "pool")]
    backend_address_pool: (),
    /// The result for the settings of the request.
    backend_health_http_settings: SettingsHealth,
}

/// The health of a pool.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct PoolHealth {
    /// The pool; complete with `$expand`.
    #[schemars(schema_with = "pool")]
    backend_address_pool: (),
    /// The health by settings.
    backend_http_settings_collection: Vec<SettingsHealth>,
}

/// The health of a pool's members with one set of settings.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct SettingsHealth {
    /// The settings; complete with `$expand`.
    #[schemars(schema_with = "settings")]
    backend_http_settings: (),
    /// The health by member.
    servers: Vec<MemberHealth>,
}

fn pool(generator: &mut SchemaGenerator) -> Schema {
    resource::member_of("backendAddressPools", generator)
}

fn settings(generator: &mut SchemaGenerator) -> Schema {
    resource::member_of("backendHttpSettingsCollection", generator)
}

/// The health of a member.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct MemberHealth {
    /// The address or host name.
    address: String,
    /// The state of health.
    health: Health,
    /// The result of the last probe, as text.
    health_probe_log: Option<String>,
}

/// The state of health of a member.
#[derive(JsonSchema)]
enum Health {
    /// No worker has reported recently.
    Unknown,
    /// The member is healthy.
    Up,
    /// The member is unhealthy.
    Down,
    /// The reports of the workers differ.
    Partial,
    /// The member is being removed.
    Draining,
}

/// The workers, and the gateways that have failed.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Workers {
    /// All workers that may connect.
    value: Vec<Worker>,
    /// All gateways that have failed.
    failed: Vec<FailedGateway>,
}

/// A worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Worker {
    /// The ID of the worker.
    id: String,
    /// The time of joining, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    joined_at: String,
    /// True if the worker is connected.
    connected: bool,
    /// The newest certificate; absent if joining was interrupted.
    certificate: Option<WorkersCertificate>,
    /// The gateways that the worker runs or was assigned.
    gateways: Vec<WorkersGateway>,
}

/// The certificate that identifies a worker on the channel.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct WorkersCertificate {
    /// The expiry, RFC 3339. A connected worker renews its certificate after two thirds of the lifetime.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// True if the newest authority issued the certificate. A rotation of the authority can be finished when
    /// this is true of every worker.
    is_of_newest_authority: bool,
}

/// The state of a gateway on one worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct WorkersGateway {
    /// The GUID of the gateway.
    resource_guid: String,
    /// The resource ID; absent if the gateway no longer exists.
    id: Option<String>,
    /// The generation that the worker runs.
    generation: Option<u64>,
    /// The hash of the content that the worker runs.
    digest: Option<String>,
    /// The addresses to which the listeners are bound.
    addresses: Option<Vec<String>>,
    /// The generation that the worker rejected.
    rejected: Option<Rejection>,
}

/// A rejected generation.
#[derive(JsonSchema)]
struct Rejection {
    /// The generation.
    generation: u64,
    /// The reason.
    reason: String,
}

/// A failed gateway.
#[derive(JsonSchema)]
struct FailedGateway {
    /// The resource ID.
    id: String,
    /// The reason.
    reason: String,
}

/// The metrics endpoints of workers, for Prometheus.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct MetricsTargets(Vec<MetricsTarget>);

/// One worker, in the format of Prometheus' HTTP service discovery.
#[derive(JsonSchema)]
struct MetricsTarget {
    /// The address, `HOST:PORT`; the metrics are at `/metrics`.
    targets: Vec<String>,
    /// Labels of all metrics of the worker. `tidegate_worker` is its ID.
    labels: std::collections::BTreeMap<String, String>,
}

/// A body that is `null`.
pub(crate) struct Null;

impl JsonSchema for Null {
    fn schema_name() -> Cow<'static, str> {
        "Null".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "nullable": true, "enum": [null]})
    }
}

/// The options for TLS policies.
#[derive(JsonSchema)]
pub(crate) struct TlsOptions {
    /// The resource ID.
    id: String,
    /// The name.
    name: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// The options.
    properties: TlsOptionsProperties,
}

/// The options for TLS policies.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct TlsOptionsProperties {
    /// The predefined policies.
    predefined_policies: Vec<SubResource>,
    /// The policy of a gateway without one.
    default_policy: String,
    /// All cipher suites.
    available_cipher_suites: Vec<String>,
    /// All versions of TLS.
    available_protocols: Vec<String>,
}

/// A predefined TLS policy.
#[derive(JsonSchema)]
pub(crate) struct TlsPolicy {
    /// The resource ID.
    id: String,
    /// The name.
    name: String,
    /// The content of the policy.
    properties: TlsPolicyProperties,
}

/// The content of a predefined TLS policy.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct TlsPolicyProperties {
    /// The cipher suites, in order of preference.
    cipher_suites: Vec<String>,
    /// The minimum version of TLS.
    min_protocol_version: String,
}
