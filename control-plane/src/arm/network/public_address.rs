//! The properties of a public IP address, and their meaning for a gateway.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::path::NetworkPath;
use super::read;
use crate::addresses::{AddressMap, Family};
use crate::arm::gateway::{IpAllocationMethod, SubResource};
use crate::arm::shape::Shape;
use crate::violation::Violations;

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<PublicIpAddress>);

/// The body of a public IP address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PublicIpAddress {
    /// The region. Required.
    pub(crate) location: Option<String>,
    /// Labels chosen by the owner.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Availability zones. Stored and returned; has no effect.
    pub(crate) zones: Option<Vec<String>>,
    /// The SKU. v2 gateways require `Standard`.
    pub(crate) sku: PublicIpAddressSku,
    /// The extended location. Stored and returned; has no effect.
    pub(crate) extended_location: Option<Value>,
    /// The properties specific to an address.
    pub(crate) properties: PublicIpAddressProperties,
}

/// The SKU, the unit of Azure's billing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PublicIpAddressSku {
    /// The name.
    pub(crate) name: PublicIpAddressSkuName,
    /// The routing scope of the address.
    pub(crate) tier: PublicIpAddressTier,
}

/// The SKU of a public IP address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum PublicIpAddressSkuName {
    #[default]
    Basic,
    Standard,
}

/// The routing scope of a public IP address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum PublicIpAddressTier {
    #[default]
    Regional,
    Global,
}

/// The properties of a public IP address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["resourceGuid", "ipConfiguration"]))]
pub(crate) struct PublicIpAddressProperties {
    /// The allocation method. `Standard` addresses must be `Static`.
    #[serde(rename = "publicIPAllocationMethod")]
    pub(crate) public_ip_allocation_method: IpAllocationMethod,
    /// The IP version of the address.
    #[serde(rename = "publicIPAddressVersion")]
    pub(crate) public_ip_address_version: IpVersion,
    /// The address. If given, it is the address to which a gateway's public frontend binds, and it is kept
    /// until another one is given. Otherwise an address of `--public-pool`, or, without a pool, the workers' public
    /// address, if it is known.
    pub(crate) ip_address: Option<String>,
    /// The idle timeout of connections, 4 to 30 minutes. Stored and returned; has no effect.
    #[schemars(range(min = 4, max = 30))]
    pub(crate) idle_timeout_in_minutes: i64,
    /// DNS names. Stored and returned, with the name of the label; nothing is registered.
    pub(crate) dns_settings: Option<DnsSettings>,
    /// IP tags. Stored and returned; has no effect.
    pub(crate) ip_tags: Vec<IpTag>,
    /// DDoS protection. Stored and returned; has no effect.
    pub(crate) ddos_settings: Option<DdosSettings>,
    /// The action when the virtual machine is deleted. Stored and returned; has no effect.
    pub(crate) delete_option: Option<DeleteOption>,
    /// The NAT gateway that uses the address; not looked up.
    pub(crate) nat_gateway: Option<SubResource>,
    /// A linked address; not looked up.
    #[serde(rename = "linkedPublicIPAddress")]
    pub(crate) linked_public_ip_address: Option<SubResource>,
    /// The address of the service behind this one; not looked up.
    #[serde(rename = "servicePublicIPAddress")]
    pub(crate) service_public_ip_address: Option<SubResource>,
    /// The phase of a migration. Stored and returned; has no effect.
    pub(crate) migration_phase: Option<String>,
    /// The prefix from which Azure would allocate the address. Stored and returned; has no effect.
    #[serde(rename = "publicIPPrefix")]
    pub(crate) public_ip_prefix: Option<SubResource>,
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
            nat_gateway: None,
            linked_public_ip_address: None,
            service_public_ip_address: None,
            migration_phase: None,
            public_ip_prefix: None,
        }
    }
}

impl IpVersion {
    pub(crate) fn family(self) -> Family {
        match self {
            IpVersion::IPv4 => Family::V4,
            IpVersion::IPv6 => Family::V6,
        }
    }
}

/// A version of the Internet Protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum IpVersion {
    #[default]
    IPv4,
    IPv6,
}

/// DNS names of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DnsSettings {
    /// The first label.
    pub(crate) domain_name_label: Option<String>,
    /// The scope in which the label must be unique.
    pub(crate) domain_name_label_scope: Option<DomainNameLabelScope>,
    /// The fully qualified name. With a label, responses have the name that Azure makes of the label and the location.
    pub(crate) fqdn: Option<String>,
    /// The name of the reverse look-up.
    pub(crate) reverse_fqdn: Option<String>,
}

/// The scope in which a label must be unique.
#[expect(clippy::enum_variant_names, reason = "the official names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum DomainNameLabelScope {
    TenantReuse,
    SubscriptionReuse,
    ResourceGroupReuse,
    NoReuse,
}

/// An IP tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct IpTag {
    /// The type of the tag.
    pub(crate) ip_tag_type: Option<String>,
    /// The value of the tag.
    pub(crate) tag: Option<String>,
}

/// DDoS protection of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DdosSettings {
    /// The protection mode.
    pub(crate) protection_mode: Option<ProtectionMode>,
    /// The DDoS protection plan.
    pub(crate) ddos_protection_plan: Option<SubResource>,
}

/// The mode of DDoS protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ProtectionMode {
    VirtualNetworkInherited,
    Enabled,
    Disabled,
}

/// The action for an address when its virtual machine is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum DeleteOption {
    Delete,
    Detach,
}

impl PublicIpAddress {
    /// Returns the canonical form of a body as sent. Anything but an object is a violation and read as an empty
    /// object.
    pub(crate) fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        read::<PublicIpAddress>(body, &SHAPE, violations)
    }

    /// Deserializes a canonical body.
    pub(crate) fn typed(body: &Map<String, Value>) -> PublicIpAddress {
        serde_json::from_value(Value::Object(body.clone())).unwrap_or_default()
    }

    /// The address that was given, in canonical form; `None` if absent or not an IP address.
    pub(crate) fn given(&self) -> Option<IpAddr> {
        let address: Option<IpAddr> = self.properties.ip_address.as_ref().and_then(|text| text.parse().ok());
        address.map(|address| address.to_canonical())
    }
}

/// The properties of a public IP address that matter to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicAddress {
    /// The address to bind to, given or of the pool; the workers' own public address if `None`.
    pub(crate) address: Option<IpAddr>,
    /// True if the SKU is `Basic`, which v2 gateways cannot use.
    pub(crate) basic: bool,
}

impl PublicAddress {
    /// Extracts the properties from a canonical body. `allocated` is the address of the pool.
    pub(crate) fn of(body: &Map<String, Value>, allocated: Option<IpAddr>) -> PublicAddress {
        let typed = PublicIpAddress::typed(body);
        let address = typed.given().or(allocated);
        PublicAddress { address, basic: typed.sku.name == PublicIpAddressSkuName::Basic }
    }

    /// Returns the address that a canonical body gives, and the family of the address.
    pub(crate) fn with_family(body: &Map<String, Value>) -> (Option<IpAddr>, Family) {
        let typed = PublicIpAddress::typed(body);
        (typed.given(), typed.properties.public_ip_address_version.family())
    }

    /// Returns the properties with the address that stands for the given one.
    pub(crate) fn mapped(self, map: &AddressMap) -> PublicAddress {
        PublicAddress { address: self.address.map(|address| map.get(address).unwrap_or(address)), ..self }
    }
}

/// The stored public IP addresses to which a gateway refers. References to addresses that are not stored are
/// not resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublicAddresses(HashMap<String, PublicAddress>);

impl PublicAddresses {
    /// Adds an address.
    pub(crate) fn insert(&mut self, path: &NetworkPath, address: PublicAddress) {
        self.0.insert(path.key(), address);
    }

    /// Finds an address by resource ID.
    pub(crate) fn get(&self, id: &str) -> Option<PublicAddress> {
        self.0.get(&NetworkPath::parse(id)?.key()).copied()
    }
}
