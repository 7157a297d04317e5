//! Rendering of a deployment's changes for `whatIf`. Pure.

use serde_json::{Value, json};

use crate::api::what_if::traffic;
use crate::json_delta::delta;
use crate::service::view::deployment::of_warnings;
use crate::service::{Change, Fate, Preview, Traffic};

/// Properties that change with every write and have no meaning here.
const RESTLESS: &[&str] = &["etag", "provisioningState", "operationalState", "resourceGuid"];

/// Renders the response.
pub(super) fn show(preview: &Preview, correlation_id: &str) -> Value {
    let changes: Vec<Value> = preview.changes.iter().map(|change| one(change, preview.ids_only)).collect();
    let mut properties = json!({"correlationId": correlation_id, "changes": changes});
    if !preview.traffic.is_empty() {
        properties["traffic"] = preview.traffic.iter().map(of_gateway).collect();
    }
    let found = diagnostics(preview);
    if !found.is_empty() {
        properties["diagnostics"] = found.into();
    }
    json!({"status": "Succeeded", "properties": properties})
}

/// Renders what becomes of running requests and tunnels of a gateway.
fn of_gateway((id, found): &(String, Traffic)) -> Value {
    let mut shown = traffic(found);
    shown["gateway"] = id.as_str().into();
    shown
}

/// Returns what the author should know: which nested deployments were left out, and the warnings about resources.
pub(super) fn diagnostics(preview: &Preview) -> Vec<Value> {
    let gaps = preview.changes.iter().filter_map(diagnostic);
    gaps.chain(of_warnings(preview.warnings.to_json().as_ref())).collect()
}

/// Says that a nested deployment was left out.
fn diagnostic(change: &Change) -> Option<Value> {
    let Fate::Unknown(why) = &change.fate else { return None };
    Some(json!({
        "level": "Warning",
        "code": "NestedDeploymentShortCircuited",
        "message": change.without_secrets_in(why),
        "target": change.id,
    }))
}

fn one(change: &Change, ids_only: bool) -> Value {
    let quiet = |value: &Option<Value>| value.as_ref().map(|value| quiet(change, value));
    let (before, after) = (quiet(&change.before), quiet(&change.after));
    let delta = match (&before, &after) {
        (Some(before), Some(after)) => delta(before, after),
        _ => Vec::new(),
    };
    let kind = match (&change.fate, &before, &after) {
        (Fate::Deleted, ..) => "Delete",
        (Fate::Ignored, ..) => "Ignore",
        (Fate::Unknown(_), ..) => "Unsupported",
        (Fate::Written, None, _) => "Create",
        // The result depends on resources that do not exist yet.
        (Fate::Written, Some(_), None) => "Deploy",
        (Fate::Written, Some(_), Some(_)) if delta.is_empty() => "NoChange",
        (Fate::Written, Some(_), Some(_)) => "Modify",
    };
    let mut shown = json!({"resourceId": change.id, "changeType": kind});
    if let Fate::Unknown(why) = &change.fate {
        shown["unsupportedReason"] = change.without_secrets_in(why).into();
    }
    if ids_only {
        return shown;
    }
    for (name, value) in [("before", before), ("after", after)] {
        if let Some(value) = value {
            shown[name] = value;
        }
    }
    if !delta.is_empty() {
        shown["delta"] = delta.into();
    }
    shown
}

/// Removes volatile properties and secrets from a resource.
fn quiet(change: &Change, value: &Value) -> Value {
    match value {
        Value::String(text) => change.without_secrets_in(text).into(),
        Value::Array(list) => list.iter().map(|value| quiet(change, value)).collect(),
        Value::Object(object) => {
            let members = object.iter().filter(|(key, _)| !RESTLESS.contains(&key.as_str()));
            Value::Object(members.map(|(key, value)| (key.clone(), quiet(change, value))).collect())
        }
        other => other.clone(),
    }
}
