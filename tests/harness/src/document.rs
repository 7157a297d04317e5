//! Builds gateway documents in ARM's JSON, child by child.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::address::{BACKEND_PORT, HTTP_PORT, HTTPS_PORT};
use crate::pki::Identity;

/// The subscription of every test.
pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

/// The resource group of every test.
pub const GROUP: &str = "tests";

/// A gateway document, with the resource ID that its references begin with.
#[derive(Clone, Debug)]
pub struct GatewayDocument {
    id: String,
    body: Value,
}

impl GatewayDocument {
    /// Creates a gateway without children.
    pub fn empty(name: &str) -> GatewayDocument {
        let id = format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/applicationGateways/{name}"
        );
        let sku = json!({"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1});
        GatewayDocument { id, body: json!({"location": "local", "properties": {"sku": sku}}) }
    }

    /// Creates the usual gateway: listener `http` at [`HTTP_PORT`] of `address`, rule `rule`, settings `settings`,
    /// and the pool `pool` with these members.
    pub fn forwarding(name: &str, address: impl Into<IpAddr>, members: &[IpAddr]) -> GatewayDocument {
        GatewayDocument::empty(name)
            .frontend("frontend", address)
            .port("http", HTTP_PORT)
            .pool("pool", members)
            .settings("settings", &json!({}))
            .http_listener("http", "http")
            .rule("rule", "http", "pool", "settings")
    }

    /// The gateway's resource ID.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A child's resource ID.
    pub fn child_id(&self, collection: &str, name: &str) -> String {
        format!("{}/{collection}/{name}", self.id)
    }

    /// A reference to a child.
    pub fn reference(&self, collection: &str, name: &str) -> Value {
        json!({"id": self.child_id(collection, name)})
    }

    /// Returns the JSON.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// Returns the JSON for changes.
    pub fn body_mut(&mut self) -> &mut Value {
        &mut self.body
    }

    /// Adds a child, or replaces the one with this name.
    pub fn child(mut self, collection: &str, name: &str, properties: &Value) -> GatewayDocument {
        let properties = properties.clone();
        let child = json!({"name": name, "properties": properties});
        let children = self.children(collection);
        match children.iter_mut().find(|child| child["name"] == name) {
            Some(existing) => *existing = child,
            None => children.push(child),
        }
        self
    }

    /// Removes a child.
    pub fn without(mut self, collection: &str, name: &str) -> GatewayDocument {
        self.children(collection).retain(|child| child["name"] != name);
        self
    }

    fn children(&mut self, collection: &str) -> &mut Vec<Value> {
        let properties = self.body["properties"].as_object_mut().expect("documents have properties");
        let children = properties.entry(collection).or_insert_with(|| json!([]));
        children.as_array_mut().expect("collections are arrays")
    }

    /// Adds a private frontend at this address.
    pub fn frontend(self, name: &str, address: impl Into<IpAddr>) -> GatewayDocument {
        let address: IpAddr = address.into();
        let properties = json!({
            "privateIPAddress": address, "privateIPAllocationMethod": "Static", "subnet": {"id": subnet()}});
        self.child("frontendIPConfigurations", name, &properties)
    }

    /// Adds a frontend port.
    pub fn port(self, name: &str, port: u16) -> GatewayDocument {
        self.child("frontendPorts", name, &json!({"port": port}))
    }

    /// Adds a pool of addresses.
    pub fn pool(self, name: &str, members: &[IpAddr]) -> GatewayDocument {
        let addresses: Vec<Value> = members.iter().map(|ip| json!({"ipAddress": ip})).collect();
        self.child("backendAddressPools", name, &json!({"backendAddresses": addresses}))
    }

    /// Adds a pool of names.
    pub fn named_pool(self, name: &str, members: &[&str]) -> GatewayDocument {
        let addresses: Vec<Value> = members.iter().map(|fqdn| json!({"fqdn": fqdn})).collect();
        self.child("backendAddressPools", name, &json!({"backendAddresses": addresses}))
    }

    /// Adds settings: HTTP at [`BACKEND_PORT`], merged with `properties`.
    pub fn settings(self, name: &str, properties: &Value) -> GatewayDocument {
        let mut merged = json!({"port": BACKEND_PORT, "protocol": "Http"});
        merge(&mut merged, properties);
        self.child("backendHttpSettingsCollection", name, &merged)
    }

    /// Adds a probe of `/health` with an interval and a timeout of one second and a threshold of one failure,
    /// merged with `properties`.
    pub fn probe(self, name: &str, properties: &Value) -> GatewayDocument {
        let mut merged = json!({"protocol": "Http", "host": "probe.test", "path": "/health",
            "interval": 1, "timeout": 1, "unhealthyThreshold": 1});
        merge(&mut merged, properties);
        self.child("probes", name, &merged)
    }

    /// Replaces the usual settings by ones with the probe `probe` (see [`GatewayDocument::probe`]), each merged
    /// with the given properties.
    pub fn probed(self, probe: &Value, settings: &Value) -> GatewayDocument {
        let document = self.probe("probe", probe);
        let mut merged = json!({"probe": document.reference("probes", "probe")});
        merge(&mut merged, settings);
        document.settings("settings", &merged)
    }

    /// Replaces the usual settings by ones with this drain timeout.
    pub fn drained_after(self, seconds: u32) -> GatewayDocument {
        let draining = json!({"enabled": true, "drainTimeoutInSec": seconds});
        self.settings("settings", &json!({"connectionDraining": draining}))
    }

    /// Adds an HTTP listener at the frontend `frontend`.
    pub fn http_listener(self, name: &str, port: &str) -> GatewayDocument {
        self.listener(name, port, &json!({"protocol": "Http"}))
    }

    /// Adds an HTTPS listener at the frontend `frontend`.
    pub fn https_listener(self, name: &str, port: &str, certificate: &str) -> GatewayDocument {
        let certificate = self.reference("sslCertificates", certificate);
        self.listener(name, port, &json!({"protocol": "Https", "sslCertificate": certificate}))
    }

    /// Adds a listener and a rule, both named `https`, for HTTPS at [`HTTPS_PORT`], with the certificate
    /// `certificate`.
    pub fn https(self, identity: &Identity) -> GatewayDocument {
        self.port("https", HTTPS_PORT)
            .certificate("certificate", &identity.pem_base64(), None)
            .https_listener("https", "https", "certificate")
            .rule("https", "https", "pool", "settings")
    }

    /// Adds an HTTPS listener at [`HTTPS_PORT`] for one host; it, its certificate and its rule are named after the
    /// host. `properties` are merged into the listener.
    pub fn https_for(self, host: &str, identity: &Identity, properties: &Value) -> GatewayDocument {
        let document = self.port("https", HTTPS_PORT).certificate(host, &identity.pem_base64(), None);
        let certificate = document.reference("sslCertificates", host);
        let mut merged = json!({"protocol": "Https", "hostName": host, "sslCertificate": certificate});
        merge(&mut merged, properties);
        document.listener(host, "https", &merged).rule(host, host, "pool", "settings")
    }

    /// Adds a listener at the frontend `frontend`, merged with `properties`.
    pub fn listener(self, name: &str, port: &str, properties: &Value) -> GatewayDocument {
        let mut merged = json!({
            "frontendIPConfiguration": self.reference("frontendIPConfigurations", "frontend"),
            "frontendPort": self.reference("frontendPorts", port),
        });
        merge(&mut merged, properties);
        self.child("httpListeners", name, &merged)
    }

    /// Adds a rule. Its priority is that of the last rule plus ten.
    pub fn rule(mut self, name: &str, listener: &str, pool: &str, settings: &str) -> GatewayDocument {
        let rules = self.children("requestRoutingRules");
        let priority =
            rules.iter().filter_map(|rule| rule["properties"]["priority"].as_u64()).max().unwrap_or(0) + 10;
        let properties = json!({
            "ruleType": "Basic",
            "priority": priority,
            "httpListener": self.reference("httpListeners", listener),
            "backendAddressPool": self.reference("backendAddressPools", pool),
            "backendHttpSettings": self.reference("backendHttpSettingsCollection", settings),
        });
        self.child("requestRoutingRules", name, &properties)
    }

    /// Makes the usual rule path-based, with the path map `map`. Its default is the usual pool with the usual
    /// settings, merged with `properties`.
    pub fn by_path(self, properties: &Value) -> GatewayDocument {
        let mut map = json!({
            "defaultBackendAddressPool": self.reference("backendAddressPools", "pool"),
            "defaultBackendHttpSettings": self.reference("backendHttpSettingsCollection", "settings"),
        });
        merge(&mut map, properties);
        let rule = json!({
            "ruleType": "PathBasedRouting",
            "priority": 10,
            "httpListener": self.reference("httpListeners", "http"),
            "urlPathMap": self.reference("urlPathMaps", "map"),
        });
        self.child("urlPathMaps", "map", &map).child("requestRoutingRules", "rule", &rule)
    }

    /// Returns a path rule to a pool with the usual settings, merged with `properties`.
    pub fn path_rule(&self, name: &str, paths: &[&str], pool: &str, properties: &Value) -> Value {
        let mut merged = json!({
            "paths": paths,
            "backendAddressPool": self.reference("backendAddressPools", pool),
            "backendHttpSettings": self.reference("backendHttpSettingsCollection", "settings"),
        });
        merge(&mut merged, properties);
        json!({"name": name, "properties": merged})
    }

    /// Adds a server certificate: base64 data, with a password if it has one.
    pub fn certificate(self, name: &str, data: &str, password: Option<&str>) -> GatewayDocument {
        let mut properties = json!({"data": data});
        if let Some(password) = password {
            properties["password"] = json!(password);
        }
        self.child("sslCertificates", name, &properties)
    }

    /// Adds a trusted root certificate for backends.
    pub fn trusted_root(self, name: &str, data: &str) -> GatewayDocument {
        self.child("trustedRootCertificates", name, &json!({"data": data}))
    }
}

/// Returns the ID of a subnet, which the contract requires but which has no effect.
fn subnet() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
    )
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().expect("properties are objects") {
        into[key] = value.clone();
    }
}
