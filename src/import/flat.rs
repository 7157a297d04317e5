//! The documents of `az`, which prints the properties of a resource and of its children beside their names.

use serde_json::{Map, Value};

/// What stays beside `properties`.
const BESIDE: [&str; 10] = [
    "id",
    "name",
    "type",
    "location",
    "tags",
    "zones",
    "identity",
    "etag",
    "extendedLocation",
    "resourceGroup",
];

/// What stays beside the `properties` of a child.
const BESIDE_OF_CHILD: [&str; 5] = ["id", "name", "type", "etag", "resourceGroup"];

/// The lists whose members have properties of their own, at any depth.
const LISTS: [&str; 27] = [
    "authenticationCertificates",
    "backendAddressPools",
    "backendHttpSettingsCollection",
    "backendSettingsCollection",
    "frontendIPConfigurations",
    "frontendPorts",
    "gatewayIPConfigurations",
    "httpListeners",
    "ipConfigurations",
    "listeners",
    "loadDistributionPolicies",
    "loadDistributionTargets",
    "pathRules",
    "privateLinkConfigurations",
    "probes",
    "redirectConfigurations",
    "requestRoutingRules",
    "rewriteRuleSets",
    "routingRules",
    "sslCertificates",
    "sslProfiles",
    "trustedClientCertificates",
    "trustedRootCertificates",
    "urlPathMaps",
    "entraJWTValidationConfigs",
    "subnets",
    "virtualNetworkPeerings",
];

/// Moves the properties of a resource and of its children to where ARM has them.
pub(super) fn nested(document: Map<String, Value>, is_gateway: bool) -> Map<String, Value> {
    // The SKU of a gateway is one of its properties, that of an address stands beside them.
    split(document, |key| BESIDE.contains(&key) || (key == "sku" && !is_gateway))
}

fn split(object: Map<String, Value>, is_beside: impl Fn(&str) -> bool) -> Map<String, Value> {
    let (mut whole, mut properties) = (Map::new(), Map::new());
    for (key, value) in object {
        let place = if is_beside(&key) { &mut whole } else { &mut properties };
        let value = if LISTS.contains(&key.as_str()) { children(value) } else { value };
        place.insert(key, value);
    }
    whole.insert("properties".to_owned(), properties.into());
    whole
}

/// Moves the properties of the members of a list. A member that is only a reference stays as it is.
fn children(list: Value) -> Value {
    let Value::Array(list) = list else { return list };
    let child = |child: Value| match child {
        Value::Object(object) if object.contains_key("name") && !object.contains_key("properties") => {
            split(object, |key| BESIDE_OF_CHILD.contains(&key)).into()
        }
        other => other,
    };
    list.into_iter().map(child).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn properties_return_to_their_place() {
        let printed = json!({
            "id": "x", "name": "edge", "location": "here", "sku": {"name": "Standard_v2"}, "enableHttp2": true,
            "urlPathMaps": [{"name": "m", "etag": "e", "defaultBackendAddressPool": {"id": "p"},
                "pathRules": [{"name": "r", "paths": ["/a"]}]}],
            "sslProfiles": [{"name": "s", "trustedClientCertificates": [{"id": "c", "resourceGroup": "g"}]}],
            "rewriteRuleSets": [{"name": "w", "rewriteRules": [{"name": "x", "ruleSequence": 1}]}],
        });
        let expected = json!({"id": "x", "name": "edge", "location": "here", "properties": {
            "sku": {"name": "Standard_v2"}, "enableHttp2": true,
            "urlPathMaps": [{"name": "m", "etag": "e", "properties": {"defaultBackendAddressPool": {"id": "p"},
                "pathRules": [{"name": "r", "properties": {"paths": ["/a"]}}]}}],
            "sslProfiles": [{"name": "s", "properties": {"trustedClientCertificates": [{"id": "c", "resourceGroup": "g"}]}}],
            "rewriteRuleSets": [{"name": "w", "properties": {"rewriteRules": [{"name": "x", "ruleSequence": 1}]}}],
        }});
        assert_eq!(Value::Object(nested(printed.as_object().cloned().unwrap(), true)), expected);
        let address = json!({"name": "ip", "sku": {"name": "Standard"}, "ipAddress": "20.1.2.3"});
        let expected =
            json!({"name": "ip", "sku": {"name": "Standard"}, "properties": {"ipAddress": "20.1.2.3"}});
        assert_eq!(Value::Object(nested(address.as_object().cloned().unwrap(), false)), expected);
    }
}
