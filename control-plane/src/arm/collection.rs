//! Each collection of children, described once: for routes, store, reader, compiler and (later) OpenAPI.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::gateway::{
    BackendAddressPool, BackendHttpSettings, FrontendIpConfiguration, FrontendPort, GatewayIpConfiguration,
    Listener, Probe, RequestRoutingRule, SslCertificate, TrustedRootCertificate,
};
use super::resource_id::GATEWAY_TYPE;
use super::shape::{Property, Shape};
use crate::violation::code::limit;

/// A collection of children of a gateway.
#[derive(Debug)]
pub struct Collection {
    /// The segment in resource IDs and the key in `properties`, such as `httpListeners`.
    pub name: &'static str,
    /// The most members that a gateway may have, as the official service publishes it.
    pub limit: usize,
    /// The code of a violation of it.
    pub limit_code: &'static str,
    shape: LazyLock<Shape>,
    complete: fn(Map<String, Value>) -> Map<String, Value>,
}

/// All collections, in the order in which answers list them.
pub static COLLECTIONS: &[Collection] = &ALL;

static ALL: [Collection; 10] = [
    // No limits are published for these and for probes: the first has no effect, and more than one of the second
    // for each of the settings has no use.
    Collection::of::<GatewayIpConfiguration>("gatewayIPConfigurations", 10, limit::GATEWAY_IPS),
    Collection::of::<SslCertificate>("sslCertificates", 100, limit::SSL_CERTIFICATES),
    Collection::of::<TrustedRootCertificate>("trustedRootCertificates", 100, limit::TRUSTED_ROOTS),
    Collection::of::<FrontendIpConfiguration>("frontendIPConfigurations", 4, limit::FRONTENDS),
    Collection::of::<FrontendPort>("frontendPorts", 100, limit::FRONTEND_PORTS),
    Collection::of::<Probe>("probes", 100, limit::PROBES),
    Collection::of::<BackendAddressPool>("backendAddressPools", 100, limit::POOLS),
    Collection::of::<BackendHttpSettings>("backendHttpSettingsCollection", 100, limit::SETTINGS),
    Collection::of::<Listener>("httpListeners", 200, limit::LISTENERS),
    Collection::of::<RequestRoutingRule>("requestRoutingRules", 400, limit::RULES),
];

impl Collection {
    const fn of<T: JsonSchema + Serialize + DeserializeOwned>(
        name: &'static str,
        limit: usize,
        limit_code: &'static str,
    ) -> Collection {
        Collection { name, limit, limit_code, shape: LazyLock::new(Shape::of::<T>), complete: complete::<T> }
    }

    /// The collection of that name, compared without case.
    pub fn named(name: &str) -> Option<&'static Collection> {
        COLLECTIONS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The ARM type of its members, `Microsoft.Network/applicationGateways/{name}`.
    pub fn resource_type(&self) -> String {
        format!("{GATEWAY_TYPE}/{}", self.name)
    }

    /// What to say of more members than allowed.
    pub fn over_limit(&self, count: usize) -> String {
        over_limit(self.name, count, self.limit)
    }

    /// What its members' properties may be.
    pub fn properties(&self) -> &[Property] {
        self.shape.properties()
    }

    /// Those of its members' properties that refer to a collection, and to which.
    pub fn references(&self) -> impl Iterator<Item = (&Property, &'static Collection)> {
        self.properties().iter().filter_map(|p| Some((p, Collection::named(p.refers_to.as_deref()?)?)))
    }

    /// Canonical properties with the defaults filled in.
    pub fn complete(&self, properties: Map<String, Value>) -> Map<String, Value> {
        (self.complete)(properties)
    }
}

impl PartialEq for Collection {
    fn eq(&self, other: &Collection) -> bool {
        self.name == other.name
    }
}

impl Eq for Collection {}

/// The message for a count above its limit.
pub fn over_limit(what: &str, count: usize, limit: usize) -> String {
    format!(
        "The number of {what} exceeds the maximum allowed value. The number of {what} is {count} and the maximum \
         allowed is {limit}."
    )
}

/// Fills in the defaults of `T` by making it one and writing it out again, without nulls.
pub(super) fn complete<T: Serialize + DeserializeOwned>(
    properties: Map<String, Value>,
) -> Map<String, Value> {
    let typed: T =
        serde_json::from_value(Value::Object(properties)).expect("canonical properties fit their type");
    match serde_json::to_value(typed).map(without_nulls) {
        Ok(Value::Object(properties)) => properties,
        _ => Map::new(),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_reference_is_to_a_collection() {
        for collection in COLLECTIONS {
            assert_eq!(Collection::named(&collection.name.to_uppercase()), Some(collection));
            for property in collection.properties() {
                let target = property.refers_to.as_deref();
                assert!(target.is_none_or(|name| Collection::named(name).is_some()), "{}", property.name);
            }
        }
        assert!(Collection::named("urlPathMaps").is_none());
    }

    #[test]
    fn the_defaults_of_the_service_are_filled_in() {
        let check = |name: &str, expected: Value| {
            let collection = Collection::named(name).unwrap();
            assert_eq!(Value::Object(collection.complete(Map::new())), expected, "{name}");
        };
        check("gatewayIPConfigurations", json!({}));
        check("sslCertificates", json!({}));
        check("trustedRootCertificates", json!({}));
        check("frontendIPConfigurations", json!({ "privateIPAllocationMethod": "Dynamic" }));
        check("frontendPorts", json!({}));
        check(
            "probes",
            json!({ "protocol": "Http", "path": "/", "interval": 30, "timeout": 30, "unhealthyThreshold": 3,
                    "pickHostNameFromBackendHttpSettings": false, "minServers": 0 }),
        );
        check("backendAddressPools", json!({ "backendAddresses": [] }));
        check(
            "backendHttpSettingsCollection",
            json!({ "protocol": "Http", "cookieBasedAffinity": "Disabled", "requestTimeout": 30,
                    "pickHostNameFromBackendAddress": false,
                    "connectionDraining": { "enabled": false, "drainTimeoutInSec": 1 } }),
        );
        check(
            "httpListeners",
            json!({ "protocol": "Http", "hostNames": [], "requireServerNameIndication": false }),
        );
        check("requestRoutingRules", json!({ "ruleType": "Basic" }));
    }
}
