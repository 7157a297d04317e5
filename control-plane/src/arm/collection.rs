//! One description of each collection of children, used by routes, store, reader, compiler and OpenAPI.

use std::borrow::Cow;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::gateway::{
    AuthenticationCertificate, BackendAddressPool, BackendHttpSettings, FrontendIpConfiguration,
    FrontendPort, GatewayIpConfiguration, Listener, LoadDistributionPolicy, PrivateLinkConfiguration, Probe,
    RedirectConfiguration, RequestRoutingRule, RewriteRuleSet, SslCertificate, SslProfile, TransportListener,
    TransportRule, TransportSettings, TrustedClientCertificate, TrustedRootCertificate, UrlPathMap,
};
use super::naming::GATEWAY_TYPE;
use super::shape::{Property, Shape};
use super::unknown;
use crate::violation::code::limit;

/// The maximum number of members of one collection that are read from a body, and the upper bound of limits.
pub(crate) const MAX_MEMBERS: usize = 10_000;

/// A collection of children of a gateway, such as its listeners.
#[derive(Debug)]
pub(crate) struct Collection {
    /// The segment in resource IDs and the key in `properties`, such as `httpListeners`.
    pub(crate) name: &'static str,
    /// The maximum number of members of a gateway, as Azure publishes it.
    pub(crate) limit: usize,
    /// The code of the violation that reports an exceeded `limit`.
    pub(crate) limit_code: &'static str,
    shape: LazyLock<Shape>,
    schema: fn(&mut SchemaGenerator) -> Schema,
    round_trip: fn(Map<String, Value>) -> Map<String, Value>,
}

/// All collections, in the order in which responses list them.
pub(crate) static COLLECTIONS: &[Collection] = &ALL;

static ALL: [Collection; 21] = [
    // 100 where Azure publishes no limit. Gateway IP configurations after the first have no effect.
    Collection::of::<GatewayIpConfiguration>("gatewayIPConfigurations", 10, limit::GATEWAY_IPS),
    Collection::of::<SslCertificate>("sslCertificates", 100, limit::SSL_CERTIFICATES),
    Collection::of::<TrustedRootCertificate>("trustedRootCertificates", 100, limit::TRUSTED_ROOTS),
    Collection::of::<TrustedClientCertificate>("trustedClientCertificates", 200, limit::TRUSTED_CLIENTS),
    Collection::of::<AuthenticationCertificate>("authenticationCertificates", 100, limit::AUTHENTICATION),
    Collection::of::<FrontendIpConfiguration>("frontendIPConfigurations", 4, limit::FRONTENDS),
    Collection::of::<FrontendPort>("frontendPorts", 100, limit::FRONTEND_PORTS),
    Collection::of::<BackendAddressPool>("backendAddressPools", 100, limit::POOLS),
    Collection::of::<BackendHttpSettings>("backendHttpSettingsCollection", 100, limit::SETTINGS),
    Collection::of::<TransportSettings>("backendSettingsCollection", 100, limit::TRANSPORT_SETTINGS),
    Collection::of::<SslProfile>("sslProfiles", 100, limit::SSL_PROFILES),
    Collection::of::<Listener>("httpListeners", 200, limit::LISTENERS),
    Collection::of::<TransportListener>("listeners", 200, limit::TRANSPORT_LISTENERS),
    Collection::of::<UrlPathMap>("urlPathMaps", 100, limit::PATH_MAPS),
    Collection::of::<RequestRoutingRule>("requestRoutingRules", 400, limit::RULES),
    Collection::of::<TransportRule>("routingRules", 400, limit::TRANSPORT_RULES),
    Collection::of::<RewriteRuleSet>("rewriteRuleSets", 400, limit::REWRITE_SETS),
    Collection::of::<RedirectConfiguration>("redirectConfigurations", 100, limit::REDIRECTS),
    Collection::of::<Probe>("probes", 100, limit::PROBES),
    Collection::of::<PrivateLinkConfiguration>("privateLinkConfigurations", 2, limit::PRIVATE_LINKS),
    Collection::of::<LoadDistributionPolicy>("loadDistributionPolicies", 100, limit::LOAD_DISTRIBUTION),
];

impl Collection {
    const fn of<T: JsonSchema + Serialize + DeserializeOwned>(
        name: &'static str,
        limit: usize,
        limit_code: &'static str,
    ) -> Collection {
        Collection {
            name,
            limit,
            limit_code,
            shape: LazyLock::new(Shape::of::<T>),
            schema: T::json_schema,
            round_trip: round_trip::<T>,
        }
    }

    /// Finds a collection by name, ignoring case.
    pub(crate) fn named(name: &str) -> Option<&'static Collection> {
        COLLECTIONS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The ARM type of members of this collection, `Microsoft.Network/applicationGateways/{name}`.
    pub(crate) fn resource_type(&self) -> String {
        format!("{GATEWAY_TYPE}/{}", self.name)
    }

    /// The JSON schema of a member's `properties`, for the OpenAPI description.
    pub(crate) fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }

    /// The shape of a member's `properties`.
    pub(crate) fn properties(&self) -> &[Property] {
        self.shape.properties()
    }

    /// The collections nested in a member's `properties`, such as `pathRules` of path maps.
    pub(crate) fn nested(&'static self) -> impl Iterator<Item = Nested> {
        let nested = move |property: &'static Property| {
            Some(Nested { within: self, name: &property.name, properties: property.shape.members()? })
        };
        self.properties().iter().filter_map(nested)
    }

    /// Finds a nested collection by name, ignoring case.
    pub(crate) fn nested_named(&'static self, name: &str) -> Option<Nested> {
        self.nested().find(|nested| nested.name.eq_ignore_ascii_case(name))
    }

    /// Fills the defaults into canonical properties.
    pub(crate) fn complete(&self, properties: Map<String, Value>) -> Map<String, Value> {
        unknown::restored(properties, self.properties(), self.round_trip)
    }

    /// Returns canonical properties without the unknown ones, which have no effect.
    pub(crate) fn known<'a>(&self, properties: &'a Map<String, Value>) -> Cow<'a, Map<String, Value>> {
        unknown::removed(properties, self.properties())
    }
}

/// A collection nested in the properties of a child, such as the path rules of a path map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nested {
    /// The collection of the child.
    pub(crate) within: &'static Collection,
    /// The segment in resource IDs and the key in the child's `properties`.
    pub(crate) name: &'static str,
    /// The shape of a nested member's `properties`.
    pub(crate) properties: &'static [Property],
}

impl Nested {
    /// The ARM type of the nested members, such as
    /// `Microsoft.Network/applicationGateways/urlPathMaps/pathRules`.
    pub(crate) fn resource_type(&self) -> String {
        format!("{}/{}", self.within.resource_type(), self.name)
    }
}

impl PartialEq for Collection {
    fn eq(&self, other: &Collection) -> bool {
        self.name == other.name
    }
}

impl Eq for Collection {}

/// The message of a violation that reports a count above its limit.
pub(crate) fn over_limit(what: &str, count: usize, limit: usize) -> String {
    format!(
        "The number of {what} exceeds the maximum allowed value. The number of {what} is {count} and the maximum \
         allowed is {limit}."
    )
}

/// Fills in the defaults of `T`, which has these properties; drops nulls.
pub(super) fn complete<T: Serialize + DeserializeOwned>(
    body: Map<String, Value>,
    properties: &[Property],
) -> Map<String, Value> {
    unknown::restored(body, properties, round_trip::<T>)
}

/// Fills in the defaults of `T` by a round trip through the type, which drops unknown properties; drops nulls.
pub(super) fn round_trip<T: Serialize + DeserializeOwned>(
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
            let nested = collection.nested().flat_map(|nested| nested.properties);
            for property in collection.properties().iter().chain(nested) {
                let target = property.refers_to.as_deref();
                assert!(target.is_none_or(|name| Collection::named(name).is_some()), "{}", property.name);
            }
        }
        assert!(Collection::named("privateEndpointConnections").is_none());
    }

    #[test]
    fn members_live_where_the_official_schema_has_them() {
        let all = COLLECTIONS.iter().flat_map(Collection::nested).map(|nested| nested.resource_type());
        let prefix = format!("{GATEWAY_TYPE}/");
        assert_eq!(
            all.map(|name| name.replace(&prefix, "")).collect::<Vec<_>>(),
            [
                "urlPathMaps/pathRules",
                "privateLinkConfigurations/ipConfigurations",
                "loadDistributionPolicies/loadDistributionTargets",
            ]
        );
        let maps = Collection::named("urlPathMaps").unwrap();
        assert!(maps.nested_named("PATHRULES").is_some() && maps.nested_named("ipConfigurations").is_none());
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
                    "pickHostNameFromBackendAddress": false }),
        );
        check(
            "httpListeners",
            json!({ "protocol": "Http", "hostNames": [], "requireServerNameIndication": false }),
        );
        check("requestRoutingRules", json!({ "ruleType": "Basic" }));
        for without in [
            "trustedClientCertificates",
            "authenticationCertificates",
            "sslProfiles",
            "urlPathMaps",
            "redirectConfigurations",
            "privateLinkConfigurations",
        ] {
            check(without, json!({}));
        }
        check("rewriteRuleSets", json!({ "rewriteRules": [] }));
        check("loadDistributionPolicies", json!({ "loadDistributionAlgorithm": "RoundRobin" }));
        check("listeners", json!({ "protocol": "Tcp", "hostNames": [] }));
        check("backendSettingsCollection", json!({ "protocol": "Tcp" }));
        check("routingRules", json!({ "ruleType": "Basic" }));
    }
}
