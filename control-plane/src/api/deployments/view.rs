//! Rendering of validations, operations and states of deployments in ARM's shape. Pure. What is stored
//! contains no secrets, so nothing is removed here.

use serde_json::{Value, json};

use crate::arm::deployment::DeploymentPath;
use crate::service::view::deployment::envelope;
use crate::service::{Preview, summary};
use crate::store::{Deployment, DeploymentState, Step};

use super::what_if::diagnostics;

/// Renders the status of a deployment.
pub(super) fn status(deployment: &Deployment) -> Value {
    let word = match deployment.state {
        DeploymentState::Running => "InProgress",
        ended => ended.as_str(),
    };
    let mut status = json!({"status": word});
    if let Some(error) = &deployment.error {
        status["error"] = json!(error);
    }
    if let Some(warnings) = &deployment.warnings {
        status["properties"] = json!({"warnings": warnings});
    }
    status
}

/// Renders the operation of a deployment on one resource.
pub(super) fn step(deployment: &Deployment, step: &Step) -> Value {
    let id = step.id.to_string();
    let mut properties = json!({
        "provisioningOperation": step.operation.as_str(),
        "provisioningState": step.state.as_str(),
        "timestamp": step.ended_at.unwrap_or(step.started_at).to_string(),
        "targetResource": {
            "id": step.resource_id,
            "resourceType": step.resource_type,
            "resourceName": name_in(&step.resource_id),
        },
    });
    match (&step.error, step.state) {
        (Some(error), _) => properties["statusMessage"] = json!({"error": error}),
        (None, DeploymentState::Succeeded) => properties["statusCode"] = "OK".into(),
        (None, _) => {}
    }
    json!({
        "id": format!("{}/operations/{id}", deployment.path),
        "operationId": id,
        "properties": properties,
    })
}

/// Renders the response to a successful validation.
pub(super) fn validated(path: &DeploymentPath, preview: &Preview, correlation_id: &str) -> Value {
    let mut properties = summary(preview);
    let resources = properties.shift_remove("resources");
    properties.insert("validatedResources".into(), resources.unwrap_or_default());
    properties.insert("provisioningState".into(), "Succeeded".into());
    properties.insert("timestamp".into(), preview.now.to_string().into());
    properties.insert("duration".into(), "PT0S".into());
    properties.insert("correlationId".into(), correlation_id.into());
    let found = diagnostics(preview);
    if !found.is_empty() {
        properties.insert("diagnostics".into(), found.into());
    }
    envelope(path, properties)
}

/// Returns the name in a resource ID, including those of its parents.
fn name_in(id: &str) -> String {
    let provided = id.rsplit("/providers/").next().unwrap_or_default();
    provided.split('/').skip(2).step_by(2).collect::<Vec<_>>().join("/")
}
