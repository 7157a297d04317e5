//! Answers that are no resource documents, as types of which only the schema is of use. That the handlers answer so
//! is shown by the end-to-end tests, which check each answer against the published description.
#![expect(dead_code, reason = "only the schemas are of use")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::error::ErrorDetail;
use super::resource;
use crate::arm::gateway::SubResource;

/// Where a resource stands.
#[derive(JsonSchema)]
pub(super) enum ProvisioningState {
    /// Every worker runs it.
    Succeeded,
    /// It is on its way to the workers.
    Updating,
    /// It is being withdrawn from the workers.
    Deleting,
    /// It is stored, but not in force everywhere.
    Failed,
}

/// Whether a gateway carries traffic.
#[derive(JsonSchema)]
pub(super) enum OperationalState {
    /// It does not.
    Stopped,
    /// It is about to.
    Starting,
    /// It does.
    Running,
    /// It is about to end.
    Stopping,
}

/// A list, whole or one page of it.
pub(crate) struct Page<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Page<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}List", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": {"type": "array", "items": generator.subschema_for::<T>()},
                "nextLink": {"type": "string", "description": "The URL of the next page, unless this is the last."},
            },
        })
    }
}

/// A long-running operation.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Operation {
    /// Its resource ID.
    id: String,
    /// What identifies it.
    name: String,
    /// Where it stands.
    status: OperationStatus,
    /// When it began, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    start_time: String,
    /// When it ended, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    end_time: Option<String>,
    /// Why it did not succeed.
    error: Option<ErrorDetail>,
}

/// Where an operation stands.
#[derive(JsonSchema)]
pub(super) enum OperationStatus {
    /// Ask again.
    InProgress,
    /// It is done.
    Succeeded,
    /// It came to nothing.
    Failed,
    /// A newer one took its place.
    Canceled,
}

/// What an operation brought: a report on backends, of either kind.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(crate) enum OperationResult {
    /// Of `backendhealth`.
    Health(BackendHealth),
    /// Of `getBackendHealthOnDemand`.
    OnDemand(BackendHealthOnDemand),
    /// Of everything else.
    None(Null),
}

/// What the workers see of a gateway's backends.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct BackendHealth {
    /// By pool.
    backend_address_pools: Vec<PoolHealth>,
}

/// What a worker saw of a pool just now.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct BackendHealthOnDemand {
    /// The pool; all of it with `$expand`.
    #[schemars(schema_with = "pool")]
    backend_address_pool: (),
    /// By way of the settings that were asked for.
    backend_health_http_settings: SettingsHealth,
}

/// What the workers see of a pool.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct PoolHealth {
    /// The pool; all of it with `$expand`.
    #[schemars(schema_with = "pool")]
    backend_address_pool: (),
    /// By settings.
    backend_http_settings_collection: Vec<SettingsHealth>,
}

/// What the workers see of a pool's members by way of some settings.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct SettingsHealth {
    /// The settings; all of them with `$expand`.
    #[schemars(schema_with = "settings")]
    backend_http_settings: (),
    /// By member.
    servers: Vec<MemberHealth>,
}

fn pool(generator: &mut SchemaGenerator) -> Schema {
    resource::member_of("backendAddressPools", generator)
}

fn settings(generator: &mut SchemaGenerator) -> Schema {
    resource::member_of("backendHttpSettingsCollection", generator)
}

/// What the workers see of a member.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct MemberHealth {
    /// Its address or name.
    address: String,
    /// Whether it is well.
    health: Health,
    /// Why, as the last probe found.
    health_probe_log: Option<String>,
}

/// Whether a member is well.
#[derive(JsonSchema)]
enum Health {
    /// No worker has said so lately.
    Unknown,
    /// It is.
    Up,
    /// It is not.
    Down,
    /// The workers differ.
    Partial,
    /// It is about to go.
    Draining,
}

/// The workers, and why gateways have failed.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Workers {
    /// Every worker that may connect.
    value: Vec<Worker>,
    /// Every gateway that is not in force.
    failed: Vec<Failure>,
}

/// A worker.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Worker {
    /// What identifies it.
    id: String,
    /// When it joined, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    joined_at: String,
    /// Whether it is connected now.
    connected: bool,
    /// The newest of its certificates; none for a worker whose joining was cut short.
    certificate: Option<WorkersCertificate>,
    /// What it runs or was told to run.
    gateways: Vec<WorkersGateway>,
}

/// The certificate by which a worker is known on the channel.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WorkersCertificate {
    /// When it expires, RFC 3339. A connected worker renews it after two thirds of its lifetime.
    #[schemars(extend("format" = "date-time"))]
    expires_at: String,
    /// Whether the newest authority issued it. A rotation of the authority can be finished when this is so of every
    /// worker.
    is_of_newest_authority: bool,
}

/// A gateway as one worker has it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WorkersGateway {
    /// What identifies the gateway.
    resource_guid: String,
    /// Its resource ID, unless it is gone.
    id: Option<String>,
    /// The generation that the worker runs.
    generation: Option<u64>,
    /// The addresses that its listeners are bound to.
    addresses: Option<Vec<String>>,
    /// The generation that it refused.
    rejected: Option<Rejection>,
}

/// A generation that a worker refused.
#[derive(JsonSchema)]
struct Rejection {
    /// Which.
    generation: u64,
    /// Why.
    reason: String,
}

/// A gateway that is not in force.
#[derive(JsonSchema)]
struct Failure {
    /// Its resource ID.
    id: String,
    /// Why.
    reason: String,
}

/// Where Prometheus finds the metrics of workers.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct MetricsTargets(Vec<MetricsTarget>);

/// One worker, as Prometheus' HTTP service discovery has it.
#[derive(JsonSchema)]
struct MetricsTarget {
    /// Its address, `HOST:PORT`; the page is at `/metrics`.
    targets: Vec<String>,
    /// Labels for all of its metrics: `tidegate_worker` is what identifies it.
    labels: std::collections::BTreeMap<String, String>,
}

/// Nothing: the body is `null`.
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

/// The rule sets of the web application firewall.
#[derive(JsonSchema)]
pub(crate) struct FirewallRuleSets {
    /// Always empty.
    value: Vec<Map<String, Value>>,
}

/// What a TLS policy may be made of.
#[derive(JsonSchema)]
pub(crate) struct TlsOptions {
    /// Their resource ID.
    id: String,
    /// Their name.
    name: String,
    /// Their resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// The options.
    properties: TlsOptionsProperties,
}

/// What a TLS policy may be made of.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct TlsOptionsProperties {
    /// The policies that have a name.
    predefined_policies: Vec<SubResource>,
    /// The policy of a gateway that has none of its own.
    default_policy: String,
    /// Every cipher suite.
    available_cipher_suites: Vec<String>,
    /// Every version of TLS.
    available_protocols: Vec<String>,
}

/// A predefined TLS policy.
#[derive(JsonSchema)]
pub(crate) struct TlsPolicy {
    /// Its resource ID.
    id: String,
    /// Its name.
    name: String,
    /// What it comes to.
    properties: TlsPolicyProperties,
}

/// What a predefined TLS policy comes to.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct TlsPolicyProperties {
    /// The cipher suites, the best first.
    cipher_suites: Vec<String>,
    /// The oldest version of TLS.
    min_protocol_version: String,
}
