//! What deployments look like on the wire, as types of which only the schema is of use.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::error::ErrorDetail;
use crate::arm::gateway::SubResource;

/// What is asked for: a template and the values of its parameters.
#[derive(JsonSchema)]
pub(crate) struct DeploymentRequest {
    /// Everything.
    properties: DeploymentRequestProperties,
}

/// What is asked for.
#[derive(JsonSchema)]
struct DeploymentRequestProperties {
    /// What becomes of resources that the template lacks: they stay.
    mode: DeploymentMode,
    /// The template, in the language of ARM templates.
    template: Map<String, Value>,
    /// By name, `{"value": …}` for each.
    parameters: Option<Map<String, Value>>,
}

/// What becomes of resources that the template lacks.
#[derive(JsonSchema)]
enum DeploymentMode {
    /// They stay.
    Incremental,
}

/// A deployment: what a template was asked for, and what came of it.
#[derive(JsonSchema)]
pub(crate) struct Deployment {
    /// The resource ID.
    id: String,
    /// The name.
    name: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// Everything else.
    properties: DeploymentProperties,
}

/// What came of a deployment.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct DeploymentProperties {
    /// Where it stands.
    provisioning_state: DeploymentState,
    /// When it ended, or began if it has not, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    timestamp: String,
    /// How long it took, ISO 8601.
    duration: String,
    /// The ID of the request that asked for it.
    correlation_id: String,
    /// What becomes of resources that the template lacks.
    mode: DeploymentMode,
    /// What identifies the template.
    template_hash: String,
    /// The values of the parameters, without those that are secret.
    parameters: Map<String, Value>,
    /// By name, with type and value; once it has succeeded.
    outputs: Option<Map<String, Value>>,
    /// What was put, once it has succeeded.
    output_resources: Option<Vec<SubResource>>,
    /// What would be put, where it was only validated.
    validated_resources: Option<Vec<SubResource>>,
    /// The types of what the template holds.
    providers: Vec<Map<String, Value>>,
    /// What has to wait for what.
    dependencies: Vec<Map<String, Value>>,
    /// Why it did not succeed.
    error: Option<ErrorDetail>,
}

/// Where a deployment stands.
#[derive(JsonSchema)]
enum DeploymentState {
    /// It was just asked for.
    Accepted,
    /// Its resources are being put.
    Running,
    /// All of them are in force.
    Succeeded,
    /// One of them is not.
    Failed,
    /// Somebody ended it.
    Canceled,
}

/// Where the operation of a deployment stands.
#[derive(JsonSchema)]
pub(crate) struct DeploymentStatus {
    /// Where.
    status: super::answer::OperationStatus,
    /// Why it did not succeed.
    error: Option<ErrorDetail>,
}

/// What a deployment did to one resource.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct DeploymentOperation {
    /// The resource ID.
    id: String,
    /// What identifies it within the deployment.
    operation_id: String,
    /// Everything else.
    properties: DeploymentOperationProperties,
}

/// What a deployment did to one resource.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct DeploymentOperationProperties {
    /// What was done.
    provisioning_operation: String,
    /// Where it stands.
    provisioning_state: DeploymentState,
    /// When it ended, or began if it has not, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    timestamp: String,
    /// To what.
    target_resource: Map<String, Value>,
    /// `OK`, once it has succeeded.
    status_code: Option<String>,
    /// Why it did not succeed.
    status_message: Option<Map<String, Value>>,
}

/// What a deployment would change.
#[derive(JsonSchema)]
pub(crate) struct WhatIf {
    /// Always `Succeeded`.
    status: String,
    /// The changes.
    properties: WhatIfProperties,
}

/// What a deployment would change.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfProperties {
    /// The ID of the request that asked.
    correlation_id: String,
    /// By resource.
    changes: Vec<WhatIfChange>,
}

/// What a deployment would do to one resource.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfChange {
    /// Which.
    resource_id: String,
    /// `Create`, `Modify` or `NoChange`.
    change_type: String,
    /// As it is.
    before: Option<Map<String, Value>>,
    /// As it would be.
    after: Option<Map<String, Value>>,
    /// What differs.
    delta: Option<Vec<Map<String, Value>>>,
}
