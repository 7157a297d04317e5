//! Rendering of deployments in ARM's shape. Pure. The stored summary contains no secrets, so nothing is removed
//! here.

use serde_json::{Map, Value, json};

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentPath};
use crate::service::{Preview, summary};
use crate::store::{Deployment, DeploymentState, Step};

/// Renders a deployment.
pub(super) fn deployment(deployment: &Deployment) -> Value {
    shown_as(deployment, deployment.state.as_str())
}

/// Renders a deployment for the response to its PUT.
pub(super) fn accepted(deployment: &Deployment) -> Value {
    shown_as(deployment, "Accepted")
}

fn shown_as(deployment: &Deployment, state: &str) -> Value {
    let mut properties = deployment.body.clone();
    let resources = properties.shift_remove("resources");
    properties.insert("provisioningState".into(), state.into());
    properties
        .insert("timestamp".into(), deployment.ended_at.unwrap_or(deployment.started_at).to_string().into());
    properties.insert("duration".into(), duration(deployment).into());
    properties.insert("correlationId".into(), deployment.correlation_id.clone().into());
    if let Some(outputs) = &deployment.outputs {
        properties.insert("outputs".into(), outputs.clone());
    }
    if deployment.state == DeploymentState::Succeeded {
        properties.insert("outputResources".into(), resources.unwrap_or_else(|| json!([])));
    }
    if let Some(error) = &deployment.error {
        properties.insert("error".into(), json!(error));
    }
    envelope(&deployment.path, &properties)
}

fn envelope(path: &DeploymentPath, properties: &Map<String, Value>) -> Value {
    json!({
        "id": path.to_string(),
        "name": path.name,
        "type": DEPLOYMENT_TYPE,
        "properties": properties,
    })
}

/// Returns the duration in ISO 8601; zero for a running deployment.
fn duration(deployment: &Deployment) -> String {
    let millis = deployment.ended_at.map_or(0, |ended| ended.since(deployment.started_at)).max(0);
    format!("PT{}.{:03}S", millis / 1000, millis % 1000)
}

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
    status
}

/// Renders the operation of a deployment on one resource.
pub(super) fn step(deployment: &Deployment, step: &Step) -> Value {
    let id = step.id.to_string();
    let mut properties = json!({
        "provisioningOperation": "Create",
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
    envelope(path, &properties)
}

/// Returns the name in a resource ID, including those of its parents.
fn name_in(id: &str) -> String {
    let provided = id.rsplit("/providers/").next().unwrap_or_default();
    provided.split('/').skip(2).step_by(2).collect::<Vec<_>>().join("/")
}
