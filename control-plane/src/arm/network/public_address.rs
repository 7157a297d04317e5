//! The properties of a public IP address, and their meaning for a gateway.

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
    /// Labels chosen by the owner.
    pub tags: Option<BTreeMap<String, String>>,
    /// Availability zones. Stored and returned; has no effect.
    pub zones: Option<Vec<String>>,
    /// The SKU. v2 gateways require `Standard`.
    pub sku: PublicIpAddressSku,
    /// The properties specific to an address.
    pub properties: PublicIpAddressProperties,
}

/// The SKU, the unit of Azure's billing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PublicIpAddressSku {
    /// The name.
    pub name: PublicIpAddressSkuName,
    /// The routing scope of the address.
    pub tier: PublicIpAddressTier,
}

/// The SKU of a public IP address.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublicIpAddressSkuName {
    #[default]
    Basic,
    Standard,
}

/// The routing scope of a public IP address.
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
    /// The allocation method. `Standard` addresses must be `Static`.
    #[serde(rename = "publicIPAllocationMethod")]
    pub public_ip_allocation_method: IpAllocationMethod,
    /// The IP version of the address.
    #[serde(rename = "publicIPAddressVersion")]
    pub public_ip_address_version: IpVersion,
    /// The address. If given, it is the address to which a gateway's public frontend binds, and it is kept
    /// until another one is given. Otherwise the workers' public address, if it is known.
    pub ip_address: Option<String>,
    /// The idle timeout of connections, 4 to 30 minutes. Stored and returned; has no effect.
    #[schemars(range(min = 4, max = 30))]
    pub idle_timeout_in_minutes: i64,
    /// DNS names. Stored and returned; nothing is registered.
    pub dns_settings: Option<DnsSettings>,
    /// IP tags. Stored and returned; has no effect.
    pub ip_tags: Vec<IpTag>,
    /// DDoS protection. Stored and returned; has no effect.
    pub ddos_settings: Option<DdosSettings>,
    /// The action when the virtual machine is deleted. Stored and returned; has no effect.
    pub delete_option: Option<DeleteOption>,
    /// Not supported: no addresses are allocated.
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

/// DNS names of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DnsSettings {
    /// The first label.
    pub domain_name_label: Option<String>,
    /// The scope in which the label must be unique.
    pub domain_name_label_scope: Option<DomainNameLabelScope>,
    /// The fully qualified name.
    pub fqdn: Option<String>,
    /// The name of the reverse look-up.
    pub reverse_fqdn: Option<String>,
}

/// The scope in which a label must be unique.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DomainNameLabelScope {
    TenantReuse,
    SubscriptionReuse,
    ResourceGroupReuse,
    NoReuse,
}

/// An IP tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct IpTag {
    /// The type of the tag.
    pub ip_tag_type: Option<String>,
    /// The value of the tag.
    pub tag: Option<String>,
}

/// DDoS protection of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DdosSettings {
    /// The protection mode.
    pub protection_mode: Option<ProtectionMode>,
    /// The DDoS protection plan.
    pub ddos_protection_plan: Option<SubResource>,
}

/// The mode of DDoS protection.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProtectionMode {
    VirtualNetworkInherited,
    Enabled,
    Disabled,
}

/// The action for an address when its virtual machine is deleted.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeleteOption {
    Delete,
    Detach,
}

impl PublicIpAddress {
    /// Returns the canonical form of a body as sent. Anything but an object is a violation and read as an empty
    /// object.
    pub fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        read::<PublicIpAddress>(body, &SHAPE, violations)
    }

    /// Deserializes a canonical body.
    pub fn typed(body: &Map<String, Value>) -> PublicIpAddress {
        serde_json::from_value(Value::Object(body.clone())).unwrap_or_default()
    }

    /// The address that was given, in canonical form; `None` if absent or not an IP address.
    pub fn given(&self) -> Option<IpAddr> {
        let address: Option<IpAddr> = self.properties.ip_address.as_ref().and_then(|text| text.parse().ok());
        address.map(|address| address.to_canonical())
    }
}

/// The properties of a public IP address that matter to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicAddress {
    /// The address to bind to; the workers' own public address if `None`.
    pub given: Option<IpAddr>,
    /// True if the SKU is `Basic`, which v2 gateways cannot use.
    pub basic: bool,
}

impl PublicAddress {
    /// Extracts the properties from a canonical body.
    pub fn of(body: &Map<String, Value>) -> PublicAddress {
        let typed = PublicIpAddress::typed(body);
        PublicAddress { given: typed.given(), basic: typed.sku.name == PublicIpAddressSkuName::Basic }
    }
}

/// The stored public IP addresses to which a gateway refers. References to addresses that are not stored are
/// not resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicAddresses(HashMap<String, PublicAddress>);

impl PublicAddresses {
    /// Adds an address.
    pub fn insert(&mut self, path: &NetworkPath, address: PublicAddress) {
        self.0.insert(path.key(), address);
    }

    /// Finds an address by resource ID.
    pub fn get(&self, id: &str) -> Option<PublicAddress> {
        self.0.get(&NetworkPath::parse(id)?.key()).copied()
    }
}
