//! The properties of a public IP address, and what they come to for a gateway.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::path::NetworkPath;
use super::read;
use crate::arm::gateway::{IpAllocationMethod, SubResource};
use crate::arm::shape::Shape;
use crate::violation::Violations;

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<PublicIpAddress>);

/// The body of a public IP address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PublicIpAddress {
    /// The region. Required.
    pub location: Option<String>,
    /// Labels of the owner's choice.
    pub tags: Option<BTreeMap<String, String>>,
    /// Availability zones. Stored and given back; without effect here.
    pub zones: Option<Vec<String>>,
    /// What kind of address it is. Gateways of the second generation need `Standard`.
    pub sku: PublicIpAddressSku,
    /// Everything else.
    pub properties: PublicIpAddressProperties,
}

/// What the official service charges by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PublicIpAddressSku {
    /// The name.
    pub name: PublicIpAddressSkuName,
    /// Where it is announced.
    pub tier: PublicIpAddressTier,
}

/// The kind of a public IP address.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublicIpAddressSkuName {
    #[default]
    Basic,
    Standard,
}

/// Where a public IP address is announced.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublicIpAddressTier {
    #[default]
    Regional,
    Global,
}

/// The properties of a public IP address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PublicIpAddressProperties {
    /// How the address is chosen. `Standard` ones must be `Static`.
    #[serde(rename = "publicIPAllocationMethod")]
    pub public_ip_allocation_method: IpAllocationMethod,
    /// Of which version the address is.
    #[serde(rename = "publicIPAddressVersion")]
    pub public_ip_address_version: IpVersion,
    /// The address. One that is given is where a gateway's public frontend is bound; it stays until another one is
    /// given. Where none was given it is the workers' public address, as far as that is known.
    pub ip_address: Option<String>,
    /// How long an idle connection is kept, 4 to 30 minutes. Stored and given back; without effect here.
    #[schemars(range(min = 4, max = 30))]
    pub idle_timeout_in_minutes: i64,
    /// Names for it. Stored and given back; nothing is announced.
    pub dns_settings: Option<DnsSettings>,
    /// Labels for the network. Stored and given back; without effect here.
    pub ip_tags: Vec<IpTag>,
    /// Protection against floods. Stored and given back; without effect here.
    pub ddos_settings: Option<DdosSettings>,
    /// What becomes of it with its machine. Stored and given back; without effect here.
    pub delete_option: Option<DeleteOption>,
    /// Not served: there is nothing that addresses could be taken from.
    #[serde(rename = "publicIPPrefix")]
    #[schemars(extend("x-not-served" = "Give the address itself in 'ipAddress', or leave it out."))]
    pub public_ip_prefix: Option<SubResource>,
}

impl Default for PublicIpAddressProperties {
    fn default() -> PublicIpAddressProperties {
        PublicIpAddressProperties {
            public_ip_allocation_method: IpAllocationMethod::default(),
            public_ip_address_version: IpVersion::default(),
            ip_address: None,
            idle_timeout_in_minutes: 4,
            dns_settings: None,
            ip_tags: Vec::new(),
            ddos_settings: None,
            delete_option: None,
            public_ip_prefix: None,
        }
    }
}

/// A version of the Internet Protocol.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpVersion {
    #[default]
    IPv4,
    IPv6,
}

/// Names for an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DnsSettings {
    /// The first label.
    pub domain_name_label: Option<String>,
    /// Whose labels it must differ from.
    pub domain_name_label_scope: Option<DomainNameLabelScope>,
    /// The whole name.
    pub fqdn: Option<String>,
    /// The name that the address leads back to.
    pub reverse_fqdn: Option<String>,
}

/// Whose labels a label must differ from.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DomainNameLabelScope {
    TenantReuse,
    SubscriptionReuse,
    ResourceGroupReuse,
    NoReuse,
}

/// A label for the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct IpTag {
    /// Its type.
    pub ip_tag_type: Option<String>,
    /// Its value.
    pub tag: Option<String>,
}

/// Protection against floods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DdosSettings {
    /// Of which kind.
    pub protection_mode: Option<ProtectionMode>,
    /// By which plan.
    pub ddos_protection_plan: Option<SubResource>,
}

/// Which protection against floods.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProtectionMode {
    VirtualNetworkInherited,
    Enabled,
    Disabled,
}

/// What becomes of an address with its machine.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeleteOption {
    Delete,
    Detach,
}

impl PublicIpAddress {
    /// The canonical form of a body as sent. One that is no object reads as an empty one, with a violation.
    pub fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        read::<PublicIpAddress>(body, &SHAPE, violations)
    }

    /// A canonical body as a value.
    pub fn typed(body: &Map<String, Value>) -> PublicIpAddress {
        serde_json::from_value(Value::Object(body.clone())).unwrap_or_default()
    }

    /// The address that was given, if it is one.
    pub fn given(&self) -> Option<IpAddr> {
        let address: Option<IpAddr> = self.properties.ip_address.as_ref().and_then(|text| text.parse().ok());
        address.map(|address| address.to_canonical())
    }
}

/// What a public IP address comes to for a gateway that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicAddress {
    /// Where the frontend is bound; at the workers' own public address where none was given.
    pub given: Option<IpAddr>,
    /// Whether it is of the kind that gateways of the second generation cannot have.
    pub basic: bool,
}

impl PublicAddress {
    /// What a canonical body comes to.
    pub fn of(body: &Map<String, Value>) -> PublicAddress {
        let typed = PublicIpAddress::typed(body);
        PublicAddress { given: typed.given(), basic: typed.sku.name == PublicIpAddressSkuName::Basic }
    }
}

/// The stored public IP addresses that a gateway refers to. One that it refers to and that is not stored is none of
/// them; such a reference is not examined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddresses(HashMap<String, PublicAddress>);

impl PublicAddresses {
    /// Adds one.
    pub fn insert(&mut self, path: &NetworkPath, address: PublicAddress) {
        self.0.insert(path.key(), address);
    }

    /// The one with that resource ID.
    pub fn get(&self, id: &str) -> Option<PublicAddress> {
        self.0.get(&NetworkPath::parse(id)?.key()).copied()
    }
}
