//! The properties of a virtual network and its subnets. Nothing here routes between them, so all of it is checked,
//! stored and given back, and without further effect.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::read;
use crate::arm::collection::complete;
use crate::arm::gateway::{Member, SubResource};
use crate::arm::named::ChildBody;
use crate::arm::normalize::normalize_object;
use crate::arm::shape::Shape;
use crate::violation::Violations;

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<VirtualNetwork>);
static SUBNET_SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<Subnet>);

/// The body of a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualNetwork {
    /// The region. Required.
    pub location: Option<String>,
    /// Labels of the owner's choice.
    pub tags: Option<BTreeMap<String, String>>,
    /// Everything else.
    pub properties: VirtualNetworkProperties,
}

/// The properties of a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualNetworkProperties {
    /// The ranges that its subnets are cut from.
    pub address_space: AddressSpace,
    /// What its machines are told.
    pub dhcp_options: Option<DhcpOptions>,
    /// Its subnets. Where they are left out of a PUT, those that are there stay.
    #[schemars(extend("x-members" = true))]
    pub subnets: Vec<Member<Subnet>>,
    /// Not served: there is nothing to connect.
    #[schemars(extend("x-not-served" = "Leave it out or empty."))]
    pub virtual_network_peerings: Option<Vec<Value>>,
    /// How long an idle flow is remembered, 4 to 30 minutes.
    #[schemars(range(min = 4, max = 30))]
    pub flow_timeout_in_minutes: Option<i64>,
    /// Whether it is protected against floods.
    pub enable_ddos_protection: bool,
    /// By which plan.
    pub ddos_protection_plan: Option<SubResource>,
    /// Whether its machines are protected.
    pub enable_vm_protection: Option<bool>,
    /// Whether traffic in it is encrypted.
    pub encryption: Option<Encryption>,
}

/// Ranges of addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AddressSpace {
    /// In CIDR notation, at least one.
    pub address_prefixes: Vec<String>,
}

/// What machines of a virtual network are told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DhcpOptions {
    /// The addresses of DNS servers.
    pub dns_servers: Vec<String>,
}

/// Whether traffic is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Encryption {
    /// Whether it is.
    pub enabled: bool,
    /// What becomes of traffic that is not.
    pub enforcement: Option<EncryptionEnforcement>,
}

/// What becomes of traffic that is not encrypted.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EncryptionEnforcement {
    DropUnencrypted,
    AllowUnencrypted,
}

/// The properties of a subnet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Subnet {
    /// Its range in CIDR notation, inside the network's. It or `addressPrefixes` is required.
    pub address_prefix: Option<String>,
    /// Its ranges, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub address_prefixes: Vec<String>,
    /// A reference; not looked up.
    pub network_security_group: Option<SubResource>,
    /// A reference; not looked up.
    pub route_table: Option<SubResource>,
    /// A reference; not looked up.
    pub nat_gateway: Option<SubResource>,
    /// Services that are reached directly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_endpoints: Vec<ServiceEndpoint>,
    /// Services that may put their machines there.
    #[schemars(extend("x-members" = true))]
    pub delegations: Vec<Member<Delegation>>,
    /// Which policies apply to private endpoints.
    pub private_endpoint_network_policies: PrivateEndpointPolicies,
    /// Whether policies apply to private link services.
    pub private_link_service_network_policies: PrivateLinkServicePolicies,
    /// Who shares it.
    pub sharing_scope: Option<SharingScope>,
    /// Whether its machines reach out without more ado.
    pub default_outbound_access: Option<bool>,
}

/// A service that is reached directly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServiceEndpoint {
    /// Which.
    pub service: Option<String>,
    /// In which regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
}

/// A service that may put its machines into a subnet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Delegation {
    /// Which.
    pub service_name: Option<String>,
}

/// Which policies apply to private endpoints.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrivateEndpointPolicies {
    #[default]
    Disabled,
    Enabled,
    NetworkSecurityGroupEnabled,
    RouteTableEnabled,
}

/// Whether policies apply to private link services.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrivateLinkServicePolicies {
    #[default]
    Enabled,
    Disabled,
}

/// Who shares a subnet.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SharingScope {
    Tenant,
    DelegatedServices,
}

impl VirtualNetwork {
    /// The canonical form of a body as sent. One that is no object reads as an empty one, with a violation.
    pub fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        read::<VirtualNetwork>(body, &SHAPE, violations)
    }

    /// A canonical body as a value.
    pub fn typed(body: &Map<String, Value>) -> VirtualNetwork {
        serde_json::from_value(Value::Object(body.clone())).unwrap_or_default()
    }
}

impl Subnet {
    /// The canonical form of the body of a PUT on a subnet's own URL: an object with name and properties.
    pub fn read(name: &str, body: Value, violations: &mut Violations) -> Value {
        let body = ChildBody::read(body, "", violations);
        body.check_against_url(name, violations);
        let properties =
            normalize_object(body.properties, SUBNET_SHAPE.properties(), "properties", violations);
        let properties = Value::Object(complete::<Subnet>(properties));
        Value::Object(Map::from_iter([
            ("name".to_owned(), Value::from(name)),
            ("properties".to_owned(), properties),
        ]))
    }
}
