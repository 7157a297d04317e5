//! Rendering of deployments in ARM's shape. Pure. The stored summary contains no secrets, so nothing is
//! removed here.

use serde_json::{Map, Value, json};

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentPath};
use crate::store::{Deployment, DeploymentState};

/// Renders a deployment.
pub(crate) fn deployment(deployment: &Deployment) -> Value {
    shown_as(deployment, deployment.state.as_str())
}

/// Renders a deployment for the response to its PUT.
pub(crate) fn accepted(deployment: &Deployment) -> Value {
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
    let diagnostics = of_warnings(deployment.warnings.as_ref());
    if !diagnostics.is_empty() {
        properties.insert("diagnostics".into(), diagnostics.into());
    }
    envelope(&deployment.path, properties)
}

/// Renders warnings about the resources of a deployment as ARM's diagnostics.
pub(crate) fn of_warnings(warnings: Option<&Value>) -> Vec<Value> {
    let list = warnings.and_then(Value::as_array).into_iter().flatten();
    let shown = |one: &Value| {
        let (code, message, target) = (&one["code"], &one["message"], &one["target"]);
        json!({"level": "Warning", "code": code, "message": message, "target": target})
    };
    list.map(shown).collect()
}

/// Puts properties into the resource of a deployment. The location of a deployment to a subscription is among
/// them.
pub(crate) fn envelope(path: &DeploymentPath, mut properties: Map<String, Value>) -> Value {
    let location = properties.shift_remove("location");
    let mut shown = json!({"id": path.to_string(), "name": path.name, "type": DEPLOYMENT_TYPE});
    if let Some(location) = location {
        shown["location"] = location;
    }
    shown["properties"] = properties.into();
    shown
}

/// Returns the duration in ISO 8601; zero for a running deployment.
fn duration(deployment: &Deployment) -> String {
    let millis = deployment.ended_at.map_or(0, |ended| ended.since(deployment.started_at)).max(0);
    format!("PT{}.{:03}S", millis / 1000, millis % 1000)
}
