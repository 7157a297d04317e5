//! The attributes of the provider `azurerm` and the properties that they are. Pure data.

mod gateway;

use serde_json::Value;

use super::made::subnets;
use gateway::GATEWAY;

/// A type of resources.
pub(super) struct Kind {
    /// The type in Terraform.
    pub(super) name: &'static str,
    pub(super) attributes: &'static [Attribute],
    /// The attributes that say nothing, because the ID has them or because only Azure sets them.
    pub(super) ignored: &'static [&'static str],
}

/// An attribute and its property.
pub(super) struct Attribute {
    /// The name in Terraform.
    pub(super) from: &'static str,
    /// The path in ARM.
    pub(super) to: &'static str,
    pub(super) kind: To,
}

/// How the value of an attribute becomes that of a property.
#[derive(Clone, Copy)]
pub(super) enum To {
    /// A text; an empty one is not set.
    Text,
    Flag,
    Number,
    /// A number that is not set if it is zero.
    Count,
    /// A list of texts; an empty one is not set.
    Texts,
    /// A map of texts.
    Tags,
    /// The ID of another resource.
    Reference,
    /// The name of a member of a collection of the same resource.
    Member(&'static str),
    /// Names of members, or blocks with such names.
    Members(&'static str),
    /// A list of blocks.
    Blocks(&'static [Attribute]),
    /// A list of one block, or none.
    Block(&'static [Attribute]),
    /// Anything else.
    Made(fn(&Value) -> Option<Value>),
}

const fn a(from: &'static str, to: &'static str, kind: To) -> Attribute {
    Attribute { from, to, kind }
}

const NAME: Attribute = a("name", "name", To::Text);

const IGNORED: &[&str] =
    &["id", "name", "resource_group_name", "timeouts", "private_endpoint_connection", "fqdn"];

/// The types that are imported.
pub(super) const TYPES: &[Kind] = &[
    Kind { name: "azurerm_application_gateway", attributes: GATEWAY, ignored: IGNORED },
    Kind { name: "azurerm_public_ip", attributes: ADDRESS, ignored: IGNORED },
    Kind {
        name: "azurerm_virtual_network",
        attributes: NETWORK,
        ignored: &[
            "id",
            "name",
            "resource_group_name",
            "timeouts",
            "guid",
            "dns_servers",
            "private_endpoint_vnet_policies",
        ],
    },
    Kind {
        name: "azurerm_subnet",
        attributes: &[a("address_prefixes", "properties.addressPrefixes", To::Texts)],
        ignored: &[
            "id",
            "name",
            "resource_group_name",
            "timeouts",
            "virtual_network_name",
            "default_outbound_access_enabled",
            "private_endpoint_network_policies",
            "private_link_service_network_policies_enabled",
        ],
    },
];

const ADDRESS: &[Attribute] = &[
    a("location", "location", To::Text),
    a("tags", "tags", To::Tags),
    a("zones", "zones", To::Texts),
    a("sku", "sku.name", To::Text),
    a("sku_tier", "sku.tier", To::Text),
    a("allocation_method", "properties.publicIPAllocationMethod", To::Text),
    a("ip_version", "properties.publicIPAddressVersion", To::Text),
    a("ip_address", "properties.ipAddress", To::Text),
    a("idle_timeout_in_minutes", "properties.idleTimeoutInMinutes", To::Count),
    a("domain_name_label", "properties.dnsSettings.domainNameLabel", To::Text),
    a("domain_name_label_scope", "properties.dnsSettings.domainNameLabelScope", To::Text),
    a("reverse_fqdn", "properties.dnsSettings.reverseFqdn", To::Text),
    a("public_ip_prefix_id", "properties.publicIPPrefix", To::Reference),
    a("ddos_protection_mode", "properties.ddosSettings.protectionMode", To::Text),
];

const NETWORK: &[Attribute] = &[
    a("location", "location", To::Text),
    a("tags", "tags", To::Tags),
    a("address_space", "properties.addressSpace.addressPrefixes", To::Texts),
    a("subnet", "properties.subnets", To::Made(subnets)),
];
