//! Deployments on the wire, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::error::ErrorDetail;
use super::what_if::WhatIfTraffic;
use crate::arm::gateway::SubResource;

/// The body of a request for a deployment: a template and the values of its parameters.
#[derive(JsonSchema)]
pub(crate) struct DeploymentRequest {
    /// The location of a deployment to a subscription. Required there; has no effect.
    location: Option<String>,
    /// The properties of the request.
    properties: DeploymentRequestProperties,
}

/// The properties of a request for a deployment.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct DeploymentRequestProperties {
    /// The treatment of resources that are not in the template.
    mode: DeploymentMode,
    /// The ARM template. Either this or `templateLink` is required.
    template: Option<Map<String, Value>>,
    /// The place from which the template is fetched.
    template_link: Option<ContentLink>,
    /// The values of parameters by name, each `{"value": …}`.
    parameters: Option<Map<String, Value>>,
    /// The place from which the values of parameters are fetched.
    parameters_link: Option<ContentLink>,
    /// The settings of a preview.
    what_if_settings: Option<WhatIfSettings>,
}

/// The place from which a template or a file with the values of parameters is fetched.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ContentLink {
    /// The URL.
    uri: Option<String>,
    /// The path relative to the template around it, in a nested deployment.
    relative_path: Option<String>,
    /// The version that the content must have.
    content_version: Option<String>,
    /// The query of the URL, usually a signature. It is not returned.
    query_string: Option<String>,
}

/// The settings of a preview.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfSettings {
    /// `FullResourcePayloads` (the default) or `ResourceIdOnly`.
    result_format: Option<String>,
}

/// The treatment of resources that are not in the template.
#[derive(JsonSchema)]
enum DeploymentMode {
    /// They are kept.
    Incremental,
    /// They are deleted. Only for a deployment to a resource group.
    Complete,
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
    /// The location; present for a deployment to a subscription.
    location: Option<String>,
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
    /// The place of the template, if it was linked; without the query.
    template_link: Option<ContentLink>,
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
    /// The warnings about the resources; after validation, also the parts that could not be validated.
    diagnostics: Option<Vec<Diagnostic>>,
    /// The reason of a failure.
    error: Option<ErrorDetail>,
}

/// The template of a deployment.
#[derive(JsonSchema)]
pub(crate) struct DeploymentTemplate {
    /// The template as it was deployed. The defaults of secure parameters are left out.
    template: Map<String, Value>,
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
    /// Further information about the deployment.
    properties: Option<super::answer::OperationProperties>,
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
    /// `Create` or `Delete`.
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
    /// What becomes of running requests and tunnels of the gateways that are changed or deleted. An extension of this
    /// service.
    traffic: Option<Vec<WhatIfTraffic>>,
    /// The parts that could not be previewed, and the warnings about the resources.
    diagnostics: Option<Vec<Diagnostic>>,
}

/// A part of a deployment that cannot be known before the deployment, or a warning about a resource.
#[derive(JsonSchema)]
struct Diagnostic {
    /// `Warning`.
    level: String,
    /// The code, such as `NestedDeploymentShortCircuited`.
    code: String,
    /// A sentence for the user.
    message: String,
    /// The resource ID.
    target: String,
}

/// The change that a deployment would make to one resource.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct WhatIfChange {
    /// The resource ID.
    resource_id: String,
    /// `Create`, `Modify`, `Deploy`, `NoChange`, `Delete`, `Ignore` or `Unsupported`.
    change_type: String,
    /// The reason of `Unsupported`.
    unsupported_reason: Option<String>,
    /// The present state.
    before: Option<Map<String, Value>>,
    /// The state after the deployment.
    after: Option<Map<String, Value>>,
    /// The differences.
    delta: Option<Vec<Map<String, Value>>>,
}

/// The body of a request for a template of a group's resources.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct ExportRequest {
    /// The IDs of the resources, or `*` for all.
    resources: Vec<String>,
    /// `IncludeParameterDefaultValue`, `IncludeComments`, `SkipResourceNameParameterization` and
    /// `SkipAllParameterization`, separated by commas.
    options: Option<String>,
    /// `Json`.
    output_format: Option<String>,
}

/// A template of a group's resources.
#[derive(JsonSchema)]
pub(crate) struct Export {
    /// The template.
    template: Map<String, Value>,
    /// The parts that are missing in the template.
    error: Option<ErrorDetail>,
}
