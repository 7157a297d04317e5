//! Deployments on the wire, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::error::ErrorDetail;
use crate::arm::gateway::SubResource;

/// The body of a request for a deployment: a template and the values of its parameters.
#[derive(JsonSchema)]
pub(crate) struct DeploymentRequest {
    /// The properties of the request.
    properties: DeploymentRequestProperties,
}

/// The properties of a request for a deployment.
#[derive(JsonSchema)]
struct DeploymentRequestProperties {
    /// The treatment of resources that are not in the template: they are kept.
    mode: DeploymentMode,
    /// The ARM template.
    template: Map<String, Value>,
    /// The values of parameters by name, each `{"value": …}`.
    parameters: Option<Map<String, Value>>,
}

/// The treatment of resources that are not in the template.
#[derive(JsonSchema)]
enum DeploymentMode {
    /// They are kept.
    Incremental,
}

/// A deployment: its request and its result.
#[derive(JsonSchema)]
pub(crate) struct Deployment {
    /// The resource ID.
    id: String,
    /// The name.
    name: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// The properties of the deployment.
    properties: DeploymentProperties,
}

/// The properties of a deployment.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct DeploymentProperties {
    /// The state.
    provisioning_state: DeploymentState,
    /// The end time, or the start time while it has not ended, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    timestamp: String,
    /// The duration, ISO 8601.
    duration: String,
    /// The ID of the request that started the deployment.
    correlation_id: String,
    /// The treatment of resources that are not in the template.
    mode: DeploymentMode,
    /// A hash of the template.
    template_hash: String,
    /// The values of the parameters, without secret ones.
    parameters: Map<String, Value>,
    /// The outputs by name, each with type and value; present after success.
    outputs: Option<Map<String, Value>>,
    /// The deployed resources; present after success.
    output_resources: Option<Vec<SubResource>>,
    /// The resources that would be deployed; present after validation.
    validated_resources: Option<Vec<SubResource>>,
    /// The types of the resources in the template.
    providers: Vec<Map<String, Value>>,
    /// The dependencies between resources.
    dependencies: Vec<Map<String, Value>>,
    /// The reason of a failure.
    error: Option<ErrorDetail>,
}

/// The state of a deployment.
#[derive(JsonSchema)]
enum DeploymentState {
    /// The deployment was accepted and has not begun.
    Accepted,
    /// The resources are being deployed.
    Running,
    /// All resources have been applied.
    Succeeded,
    /// A resource has failed.
    Failed,
    /// The deployment was canceled.
    Canceled,
}

/// The status of a deployment's operation.
#[derive(JsonSchema)]
pub(crate) struct DeploymentStatus {
    /// The status.
    status: super::answer::OperationStatus,
    /// The reason of a failure.
    error: Option<ErrorDetail>,
}

/// The operation of a deployment on one resource.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct DeploymentOperation {
    /// The resource ID.
    id: String,
    /// The ID of the operation within the deployment.
    operation_id: String,
    /// The properties of the operation.
    properties: DeploymentOperationProperties,
}

/// The properties of an operation of a deployment.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct DeploymentOperationProperties {
    /// The kind of operation.
    provisioning_operation: String,
    /// The state.
    provisioning_state: DeploymentState,
    /// The end time, or the start time while it has not ended, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    timestamp: String,
    /// The resource.
    target_resource: Map<String, Value>,
    /// `OK` after success.
    status_code: Option<String>,
    /// The reason of a failure.
    status_message: Option<Map<String, Value>>,
}

/// The changes that a deployment would make.
#[derive(JsonSchema)]
pub(crate) struct WhatIf {
    /// Always `Succeeded`.
    status: String,
    /// The properties of the result.
    properties: WhatIfProperties,
}

/// The changes that a deployment would make.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfProperties {
    /// The ID of the request.
    correlation_id: String,
    /// The changes by resource.
    changes: Vec<WhatIfChange>,
}

/// The change that a deployment would make to one resource.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfChange {
    /// The resource ID.
    resource_id: String,
    /// `Create`, `Modify` or `NoChange`.
    change_type: String,
    /// The present state.
    before: Option<Map<String, Value>>,
    /// The state after the deployment.
    after: Option<Map<String, Value>>,
    /// The differences.
    delta: Option<Vec<Map<String, Value>>>,
}
