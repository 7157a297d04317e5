//! What a document tells by itself about its import: parts without an effect, addresses of Azure, and certificates whose
//! key only Azure has. What the control plane refuses is known to the control plane alone.

use serde_json::{Map, Value};

use super::finding::{Finding, Outcome};

/// The parts of a gateway that are stored and have no effect, as JSON pointers, with the reason.
const WITHOUT_EFFECT: [(&str, &str, &str); 8] = [
    ("/zones", "zones", "the workers run where they are started"),
    ("/identity", "identity", "there are no managed identities"),
    ("/properties/sku/capacity", "properties.sku.capacity", "`--workers` sets the number of workers"),
    (
        "/properties/autoscaleConfiguration",
        "properties.autoscaleConfiguration",
        "`--workers` sets the number of workers",
    ),
    ("/properties/enableFips", "properties.enableFips", "there is no FIPS mode"),
    (
        "/properties/gatewayIPConfigurations",
        "properties.gatewayIPConfigurations",
        "workers use the network of their machine",
    ),
    (
        "/properties/privateLinkConfigurations",
        "properties.privateLinkConfigurations",
        "there are no private endpoints",
    ),
    (
        "/properties/forceFirewallPolicyAssociation",
        "properties.forceFirewallPolicyAssociation",
        "the policy always has precedence",
    ),
];

/// Checks a resource, and leaves out what belongs to Azure: the address of a public IP address. `resource` is its label.
pub(super) fn resource(
    resource: &str,
    body: &mut Map<String, Value>,
    source: &str,
    findings: &mut Vec<Finding>,
) {
    findings.push(Finding::new(Outcome::Taken, resource, "", format!("from {source}")));
    match resource.split('/').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "applicationgateways" => gateway(resource, body, findings),
        "publicipaddresses" => address(resource, body, findings),
        _ => {}
    }
}

fn gateway(resource: &str, body: &Map<String, Value>, findings: &mut Vec<Finding>) {
    let whole = Value::Object(body.clone());
    for (pointer, path, reason) in WITHOUT_EFFECT {
        let is_given = match whole.pointer(pointer) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
        };
        if is_given {
            findings.push(Finding::new(Outcome::WithoutEffect, resource, path, reason));
        }
    }
    let properties = body.get("properties").and_then(Value::as_object);
    let has_effect = |collection: &str| {
        let path = format!("properties.{collection}");
        WITHOUT_EFFECT.iter().all(|(_, other, _)| *other != path)
    };
    let collections = properties.into_iter().flatten().filter(|(collection, _)| has_effect(collection));
    for (collection, list) in collections {
        for (at, child) in list.as_array().into_iter().flatten().enumerate() {
            let Some(name) = child["name"].as_str() else { continue };
            let path = format!("properties.{collection}[{at}]");
            if collection == "sslCertificates" && !has_key(&child["properties"]) {
                let message = format!(
                    "the certificate '{name}' has no private key, which Azure does not give back: add \
                     `properties.data`, the PFX in base64, and `properties.password`"
                );
                findings.push(Finding::new(Outcome::MustChange, resource, path, message));
            } else {
                findings.push(Finding::new(Outcome::Taken, resource, path, name));
            }
        }
    }
}

/// Returns true if a certificate has its key, or says where it is.
fn has_key(properties: &Value) -> bool {
    let text = |name: &str| properties[name].as_str().is_some_and(|text| !text.is_empty());
    text("data") || text("keyVaultSecretId")
}

/// The address of Azure does not exist here.
fn address(resource: &str, body: &mut Map<String, Value>, findings: &mut Vec<Finding>) {
    let properties = body.get_mut("properties").and_then(Value::as_object_mut);
    let Some(properties) = properties else { return };
    properties.remove("ipConfiguration");
    if let Some(address) = properties.remove("ipAddress") {
        let address = address.as_str().unwrap_or_default().to_owned();
        let message = format!(
            "the address {address} belongs to Azure: it is left out, and the frontend is bound to an address of \
             `--public-pool`, or to `--public-address`"
        );
        findings.push(Finding::new(Outcome::WithoutEffect, resource, "properties.ipAddress", message));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(label: &str, body: Value) -> (Value, Vec<(Outcome, String)>) {
        let Value::Object(mut body) = body else { panic!("an object") };
        let mut findings = Vec::new();
        resource(label, &mut body, "file", &mut findings);
        let short = findings.into_iter().map(|finding| (finding.outcome, finding.path)).collect();
        (body.into(), short)
    }

    #[test]
    fn certificates_without_a_key_must_change() {
        let (_, found) = checked(
            "applicationGateways/edge",
            json!({"zones": ["1"], "identity": null, "properties": {
                "enableFips": false,
                "sslCertificates": [
                    {"name": "a", "properties": {"publicCertData": "x"}},
                    {"name": "b", "properties": {"data": "x"}},
                    {"name": "c", "properties": {"keyVaultSecretId": "https://v/secrets/c"}},
                ],
            }}),
        );
        let expected = [
            (Outcome::Taken, ""),
            (Outcome::WithoutEffect, "zones"),
            (Outcome::MustChange, "properties.sslCertificates[0]"),
            (Outcome::Taken, "properties.sslCertificates[1]"),
            (Outcome::Taken, "properties.sslCertificates[2]"),
        ];
        assert_eq!(found, expected.map(|(outcome, path)| (outcome, path.to_owned())));
    }

    #[test]
    fn the_address_of_azure_is_left_out() {
        let body = json!({"properties": {"ipAddress": "20.1.2.3", "ipConfiguration": {"id": "x"}}});
        let (left, found) = checked("publicIPAddresses/ip", body);
        assert_eq!(left, json!({"properties": {}}));
        assert_eq!(found[1], (Outcome::WithoutEffect, "properties.ipAddress".to_owned()));
    }
}
