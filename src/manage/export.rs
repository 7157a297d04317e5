//! `tidegate export`: a gateway and what it refers to, as a template that deploys them again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api_client::ApiRequest;
use crate::cli::{ExportOptions, Format};
use crate::outcome::CommandResult;
use crate::output::{line, message};

use super::session::Session;

/// Runs `tidegate export`.
///
/// # Errors
/// There is no such gateway, or the control plane refuses.
pub(super) async fn run(options: &ExportOptions) -> CommandResult {
    let session = Session::open(&options.common)?;
    let id = session.gateway(options.name.as_deref()).await?;
    let gateway = session.api().get(&id.to_string()).await?.body;
    let group = format!("/subscriptions/{}/resourceGroups/{}", id.subscription, id.group);
    let mut wanted = BTreeSet::from([id.to_string()]);
    let mut referred = BTreeSet::new();
    references(&gateway, &mut referred);
    for target in referred {
        // A gateway may refer to what is not stored, and to what is in another group.
        let is_near = target.to_ascii_lowercase().starts_with(&format!("{}/", group.to_ascii_lowercase()));
        if is_near && session.api().find(&target).await?.is_some() {
            wanted.insert(target);
        } else {
            message(&format!("{target} is not in the template: it is in another group, or is not stored"));
        }
    }
    let body = json!({
        "resources": wanted.into_iter().collect::<Vec<_>>(), "options": "IncludeParameterDefaultValue",
    });
    let answer =
        session.api().send(&ApiRequest::post(format!("{group}/exportTemplate"), Some(&body))).await?;
    for problem in answer.body["error"]["details"].as_array().into_iter().flatten() {
        message(problem["message"].as_str().unwrap_or_default());
    }
    let template = &answer.body["template"];
    match session.output.format {
        // A template is JSON to every other tool.
        Format::Table | Format::Json => line(&format!("{template:#}")),
        _ => session.output.document(template),
    }
}

/// Collects the IDs of the addresses, networks and policies to which a gateway refers.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value["id"].as_str() {
                    Some(id) if ["publicIPAddress", "firewallPolicy"].contains(&key.as_str()) => {
                        found.insert(id.to_owned());
                    }
                    Some(id) if key == "subnet" => {
                        let network = id.rsplit_once("/subnets/").map_or(id, |(network, _)| network);
                        found.insert(network.to_owned());
                    }
                    _ => references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_refers_to_is_found_once() {
        let document = json!({"properties": {
            "firewallPolicy": {"id": "/p"},
            "gatewayIPConfigurations": [{"properties": {"subnet": {"id": "/v/subnets/s"}}}],
            "frontendIPConfigurations": [{"properties": {"subnet": {"id": "/v/subnets/t"}}},
                {"properties": {"publicIPAddress": {"id": "/ip"}}}],
            "httpListeners": [{"properties": {"frontendPort": {"id": "/port"}}}],
        }});
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["/ip", "/p", "/v"]);
    }
}
