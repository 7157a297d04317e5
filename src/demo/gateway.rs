//! The demo's gateway: an HTTP and an HTTPS listener in front of one pool, as a resource document.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

/// The gateway's resource ID.
pub(super) const ID: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/demo\
                             /providers/Microsoft.Network/applicationGateways/demo";

/// The path and query of its PUT.
pub(super) const PATH: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/demo\
                               /providers/Microsoft.Network/applicationGateways/demo?api-version=2025-05-01";

/// The host name in its certificate.
pub(super) const HOST: &str = "localhost";

/// The variable parts of the document.
pub(super) struct DemoGateway {
    http_port: u16,
    https_port: u16,
    backends: [SocketAddr; 2],
    certified: CertifiedKey<KeyPair>,
}

impl DemoGateway {
    /// Creates a gateway with a new certificate. `ports` are those of its HTTP and its HTTPS listener.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub(super) fn new(ports: [u16; 2], backends: [SocketAddr; 2]) -> Result<DemoGateway, Box<dyn Error>> {
        let certified = generate_simple_self_signed([HOST.to_owned(), Ipv4Addr::LOCALHOST.to_string()])?;
        Ok(DemoGateway { http_port: ports[0], https_port: ports[1], backends, certified })
    }

    /// The address of its HTTP listener.
    pub(super) fn http(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http_port).into()
    }

    /// The address of its HTTPS listener.
    pub(super) fn https(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.https_port).into()
    }

    /// The certificate of its HTTPS listener, PEM.
    pub(super) fn certificate(&self) -> String {
        self.certified.cert.pem()
    }

    /// The certificate of its HTTPS listener, DER.
    pub(super) fn certificate_der(&self) -> CertificateDer<'static> {
        self.certified.cert.der().clone()
    }

    /// The body of its PUT.
    pub(super) fn document(&self) -> Value {
        let pem = self.certificate() + &self.certified.signing_key.serialize_pem();
        let members: Vec<Value> =
            self.backends.iter().map(|backend| json!({"ipAddress": backend.ip().to_string()})).collect();
        json!({
            "location": "local",
            "properties": {
                "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
                "frontendIPConfigurations": [named("loopback", &json!({
                    "privateIPAddress": "127.0.0.1",
                    "privateIPAllocationMethod": "Static",
                }))],
                "frontendPorts": [
                    named("http", &json!({"port": self.http_port})),
                    named("https", &json!({"port": self.https_port})),
                ],
                "sslCertificates": [named("localhost", &json!({"data": STANDARD.encode(pem)}))],
                "httpListeners": [
                    listener("http", "Http", json!({})),
                    listener("https", "Https", json!({"sslCertificate": reference("sslCertificates", "localhost")})),
                ],
                "backendAddressPools": [named("echo", &json!({"backendAddresses": members}))],
                "backendHttpSettingsCollection": [named("plain", &json!({
                    "port": self.backends[0].port(),
                    "protocol": "Http",
                    "cookieBasedAffinity": "Disabled",
                    "requestTimeout": 30,
                }))],
                "requestRoutingRules": [rule("http", 100), rule("https", 200)],
            },
        })
    }
}

fn named(name: &str, properties: &Value) -> Value {
    json!({"name": name, "properties": properties})
}

fn reference(collection: &str, name: &str) -> Value {
    json!({"id": format!("{ID}/{collection}/{name}")})
}

/// A listener at the frontend port that has its name.
fn listener(name: &str, protocol: &str, mut properties: Value) -> Value {
    properties["frontendIPConfiguration"] = reference("frontendIPConfigurations", "loopback");
    properties["frontendPort"] = reference("frontendPorts", name);
    properties["protocol"] = json!(protocol);
    named(name, &properties)
}

/// A rule for the listener that has its name.
fn rule(name: &str, priority: u16) -> Value {
    named(
        name,
        &json!({
            "ruleType": "Basic",
            "priority": priority,
            "httpListener": reference("httpListeners", name),
            "backendAddressPool": reference("backendAddressPools", "echo"),
            "backendHttpSettings": reference("backendHttpSettingsCollection", "plain"),
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_the_id() {
        assert_eq!(PATH.split_once('?').unwrap().0, ID);
    }

    #[test]
    fn every_reference_names_something_in_the_document() {
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| match value.as_str() {
                    Some(id) if key == "id" => found.push(id),
                    _ => references(value, found),
                }),
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let backends = ["127.0.0.1:1".parse().unwrap(), "127.0.0.2:1".parse().unwrap()];
        let document = DemoGateway::new([2, 3], backends).unwrap().document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert_eq!(found.len(), 5 + 6);
        for id in found {
            let (collection, name) = id.strip_prefix(ID).unwrap()[1..].split_once('/').unwrap();
            let list = document["properties"][collection].as_array().unwrap();
            assert!(list.iter().any(|item| item["name"] == name), "{id}");
        }
    }
}
