//! The properties of a virtual network and its subnets. They are checked, stored and returned, and have no
//! other effect, because nothing here routes between networks.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::path::NetworkPath;
use super::read;
use crate::arm::collection::complete;
use crate::arm::gateway::{Member, SubResource};
use crate::arm::level::Level;
use crate::arm::normalize::named::{ChildBody, normalize_properties};
use crate::arm::shape::Shape;
use crate::violation::Violations;

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<VirtualNetwork>);
static SUBNET_SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<Subnet>);

/// The body of a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct VirtualNetwork {
    /// The region. Required.
    pub(crate) location: Option<String>,
    /// Labels chosen by the owner.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// The extended location. Stored and returned; has no effect.
    pub(crate) extended_location: Option<Value>,
    /// The properties specific to a virtual network.
    pub(crate) properties: VirtualNetworkProperties,
}

/// The properties of a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["resourceGuid", "flowLogs", "defaultPublicNatGateway"]))]
pub(crate) struct VirtualNetworkProperties {
    /// The address ranges from which subnets are taken.
    pub(crate) address_space: AddressSpace,
    /// The DHCP options of machines in the network.
    pub(crate) dhcp_options: Option<DhcpOptions>,
    /// The subnets. A PUT without them keeps the existing ones.
    #[schemars(extend("x-members" = true))]
    pub(crate) subnets: Vec<Member<Subnet>>,
    /// The peerings with other networks. Stored and returned; has no effect.
    // Generators of clients do not read the schema `true` of any value.
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub(crate) virtual_network_peerings: Vec<Value>,
    /// The idle timeout of flows, 4 to 30 minutes.
    #[schemars(range(min = 4, max = 30))]
    pub(crate) flow_timeout_in_minutes: Option<i64>,
    /// True if DDoS protection is on.
    pub(crate) enable_ddos_protection: bool,
    /// The DDoS protection plan.
    pub(crate) ddos_protection_plan: Option<SubResource>,
    /// True if VM protection is on.
    pub(crate) enable_vm_protection: Option<bool>,
    /// The encryption of traffic within the network.
    pub(crate) encryption: Option<Encryption>,
    /// The communities of BGP.
    pub(crate) bgp_communities: Option<Value>,
    /// The allocations of addresses; not looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ip_allocations: Vec<SubResource>,
    /// The network policies that apply to private endpoints in the whole network.
    #[serde(rename = "privateEndpointVNetPolicies")]
    pub(crate) private_endpoint_vnet_policies: PrivateEndpointVnetPolicies,
}

/// The network policies that apply to private endpoints in a whole network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum PrivateEndpointVnetPolicies {
    #[default]
    Disabled,
    Basic,
}

/// Address ranges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddressSpace {
    /// The ranges in CIDR notation, at least one.
    pub(crate) address_prefixes: Vec<String>,
}

/// The DHCP options of a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DhcpOptions {
    /// The addresses of DNS servers.
    pub(crate) dns_servers: Vec<String>,
}

/// The encryption of traffic within a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Encryption {
    /// True if traffic is encrypted.
    pub(crate) enabled: bool,
    /// The action for unencrypted traffic.
    pub(crate) enforcement: Option<EncryptionEnforcement>,
}

/// The action for unencrypted traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum EncryptionEnforcement {
    DropUnencrypted,
    AllowUnencrypted,
}

/// The properties of a subnet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["applicationGatewayIPConfigurations", "ipConfigurations", "ipConfigurationProfiles", "privateEndpoints", "purpose", "resourceNavigationLinks", "serviceAssociationLinks"]))]
pub(crate) struct Subnet {
    /// The range in CIDR notation, within the ranges of the network. Either this or `addressPrefixes` is
    /// required.
    pub(crate) address_prefix: Option<String>,
    /// The ranges, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) address_prefixes: Vec<String>,
    /// A network security group; not looked up.
    pub(crate) network_security_group: Option<SubResource>,
    /// A route table; not looked up.
    pub(crate) route_table: Option<SubResource>,
    /// A NAT gateway; not looked up.
    pub(crate) nat_gateway: Option<SubResource>,
    /// A gateway of services; not looked up.
    pub(crate) service_gateway: Option<SubResource>,
    /// The allocations of addresses; not looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ip_allocations: Vec<SubResource>,
    /// The pools from which addresses are taken.
    pub(crate) ipam_pool_prefix_allocations: Option<Value>,
    /// The policies of service endpoints; not looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) service_endpoint_policies: Vec<SubResource>,
    /// The services with an endpoint in the subnet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) service_endpoints: Vec<ServiceEndpoint>,
    /// The services to which the subnet is delegated.
    #[schemars(extend("x-members" = true))]
    pub(crate) delegations: Vec<Member<Delegation>>,
    /// The network policies that apply to private endpoints.
    pub(crate) private_endpoint_network_policies: PrivateEndpointPolicies,
    /// The network policies that apply to private link services.
    pub(crate) private_link_service_network_policies: PrivateLinkServicePolicies,
    /// The sharing scope of the subnet.
    pub(crate) sharing_scope: Option<SharingScope>,
    /// True if machines have outbound access by default.
    pub(crate) default_outbound_access: Option<bool>,
}

/// A service endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["provisioningState"]))]
pub(crate) struct ServiceEndpoint {
    /// The service, such as `Microsoft.Storage`.
    pub(crate) service: Option<String>,
    /// The public IP address by which the service is reached; not looked up.
    pub(crate) network_identifier: Option<SubResource>,
    /// The regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) locations: Vec<String>,
}

/// The delegation of a subnet to a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["actions"]))]
pub(crate) struct Delegation {
    /// The service, such as `Microsoft.Web/serverFarms`.
    pub(crate) service_name: Option<String>,
}

/// The network policies that apply to private endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum PrivateEndpointPolicies {
    #[default]
    Disabled,
    Enabled,
    NetworkSecurityGroupEnabled,
    RouteTableEnabled,
}

/// The network policies that apply to private link services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum PrivateLinkServicePolicies {
    #[default]
    Enabled,
    Disabled,
}

/// The sharing scope of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SharingScope {
    Tenant,
    DelegatedServices,
}

impl VirtualNetwork {
    /// Returns the canonical form of a body as sent. Anything but an object is a violation and read as an empty
    /// object.
    pub(crate) fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        read::<VirtualNetwork>(body, &SHAPE, violations)
    }

    /// Deserializes a canonical body.
    pub(crate) fn typed(body: &Map<String, Value>) -> VirtualNetwork {
        serde_json::from_value(Value::Object(body.clone())).unwrap_or_default()
    }

    /// Returns whether something belongs to a subnet that the network does not contain. `rest` is what follows the
    /// network's ID in that of an extension, without the first slash.
    pub(crate) fn lacks_owner_of(&self, rest: &str) -> bool {
        let mut segments = rest.split('/');
        let (list, name) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let is_it = |subnet: &Member<Subnet>| subnet.name.eq_ignore_ascii_case(name);
        list.eq_ignore_ascii_case("subnets") && !self.properties.subnets.iter().any(is_it)
    }
}

impl Subnet {
    /// Returns the canonical form of the body of a PUT on a subnet's own URL: an object with name and
    /// properties.
    pub(crate) fn read(name: &str, body: Value, violations: &mut Violations) -> Value {
        let network = Level::resource(SHAPE.properties());
        let level = network.child(SUBNET_SHAPE.properties(), "");
        let body = ChildBody::read(body, &level, violations);
        body.check_against_url(name, violations);
        let beside = body.beside;
        let properties = normalize_properties(body.properties, &level, violations);
        let properties = Value::Object(complete::<Subnet>(properties, SUBNET_SHAPE.properties()));
        let own = [("name".to_owned(), Value::from(name)), ("properties".to_owned(), properties)];
        Value::Object(own.into_iter().chain(beside).collect())
    }
}

/// The network security groups of stored subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubnetGroups(HashMap<String, String>);

impl SubnetGroups {
    /// Adds the subnets of the virtual network with this canonical body.
    pub(crate) fn insert(&mut self, network: &NetworkPath, body: &Map<String, Value>) {
        for subnet in VirtualNetwork::typed(body).properties.subnets {
            let group = subnet.properties.network_security_group.and_then(|group| group.id);
            if let Some(group) = group.filter(|id| !id.is_empty()) {
                self.0.insert(network.subnet_id(&subnet.name).to_ascii_lowercase(), group);
            }
        }
    }

    /// Returns the resource ID of the group of a subnet, found by the subnet's resource ID.
    pub(crate) fn get(&self, subnet: &str) -> Option<&str> {
        self.0.get(&subnet.to_ascii_lowercase()).map(String::as_str)
    }
}
