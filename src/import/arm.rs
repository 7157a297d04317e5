//! A resource that `az` or the REST API prints, as it is sent.

use serde_json::{Map, Value};

use super::{Resource, flat};

/// The properties that only responses have, at any depth.
const OF_RESPONSES: [&str; 6] = [
    "etag",
    "provisioningState",
    "resourceGuid",
    "operationalState",
    "privateEndpointConnections",
    "defaultPredefinedSslPolicy",
];

/// The lists by which networks and policies name what refers to them. A template would wait in circles for these.
const REFERRERS: [&str; 8] = [
    "applicationGatewayIPConfigurations",
    "ipConfigurations",
    "ipConfigurationProfiles",
    "privateEndpoints",
    "serviceAssociationLinks",
    "applicationGateways",
    "httpListeners",
    "pathBasedRules",
];

/// Reads a printed resource.
///
/// # Errors
/// It has no resource ID of a kind that can be imported.
pub(super) fn resource(source: &str, mut document: Map<String, Value>) -> Result<Resource, String> {
    let Some(id) = document.get("id").and_then(Value::as_str).map(str::to_owned) else {
        return Err(format!(
            "{source}: this is no document that can be imported: expected the JSON of `az network application-gateway \
             show`, an ARM template, or the JSON of `terraform show -json`"
        ));
    };
    let segments: Vec<&str> = id.split('/').collect();
    let [_, subscriptions, _, groups, _, providers, provider, kind, _] = segments[..] else {
        return Err(format!("{source}: `{id}` is not the ID of a resource in a resource group"));
    };
    let fixed = [(subscriptions, "subscriptions"), (groups, "resourceGroups"), (providers, "providers")];
    if !fixed.iter().all(|(found, expected)| found.eq_ignore_ascii_case(expected)) {
        return Err(format!("{source}: `{id}` is not the ID of a resource in a resource group"));
    }
    let is_gateway = format!("{provider}/{kind}").eq_ignore_ascii_case(crate::api_client::GATEWAYS);
    if !document.contains_key("properties") {
        document = flat::nested(document, is_gateway);
    }
    clean(&mut document, true);
    if !is_gateway {
        without_referrers(&mut document);
    }
    Ok(Resource { id, body: document, source: source.to_owned() })
}

/// Removes what is not sent: nulls, and what only responses have. `az` adds the name of the group to each reference.
fn clean(object: &mut Map<String, Value>, is_root: bool) {
    let is_named = object.contains_key("id");
    object.retain(|key, value| {
        let is_added = key == "resourceGroup" && is_named;
        let is_of_root = is_root && ["id", "name", "type", "managedBy"].contains(&key.as_str());
        !value.is_null() && !is_added && !is_of_root && !OF_RESPONSES.contains(&key.as_str())
    });
    object.values_mut().for_each(clean_value);
}

fn without_referrers(object: &mut Map<String, Value>) {
    object.retain(|key, _| !REFERRERS.contains(&key.as_str()));
    for value in object.values_mut() {
        match value {
            Value::Object(object) => without_referrers(object),
            Value::Array(list) => {
                list.iter_mut().filter_map(Value::as_object_mut).for_each(without_referrers)
            }
            _ => {}
        }
    }
}

fn clean_value(value: &mut Value) {
    match value {
        Value::Object(object) => clean(object, false),
        Value::Array(list) => list.iter_mut().for_each(clean_value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/edge";

    #[test]
    fn what_only_responses_have_is_left_out() {
        let printed = json!({"id": ID, "name": "edge", "type": "x", "location": "here", "etag": "e", "resourceGroup": "g",
            "properties": {"provisioningState": "Succeeded", "frontendIPConfigurations": [{
                "name": "f", "id": "x", "etag": "e",
                "properties": {"publicIPAddress": {"id": "ip", "resourceGroup": "g"}, "subnet": null}}]}});
        let read = resource("file", printed.as_object().cloned().unwrap()).unwrap();
        let expected = json!({"location": "here", "properties": {"frontendIPConfigurations": [{
            "name": "f", "id": "x", "properties": {"publicIPAddress": {"id": "ip"}}}]}});
        assert_eq!(Value::Object(read.body), expected);
        assert_eq!(read.id, ID);
    }

    #[test]
    fn other_documents_are_refused_by_name() {
        for (document, part) in [
            (json!({"name": "edge"}), "no document that can be imported"),
            (json!({"id": "/subscriptions/s"}), "'/subscriptions/s`"),
            (json!({"id": ID.replace("resourceGroups", "groups")}), "is not the ID"),
        ] {
            let message = resource("file", document.as_object().cloned().unwrap()).unwrap_err();
            assert!(
                message.contains(part.trim_start_matches('\'')) && message.starts_with("file: "),
                "{message}"
            );
        }
    }
}
