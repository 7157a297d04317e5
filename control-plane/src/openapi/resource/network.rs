//! Resource groups, virtual networks, public IP addresses and firewall policies as components.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{as_schema, envelope, insert, name_members, properties_of, reference, show_state};
use crate::arm::network::firewall_policy::FirewallPolicyProperties;
use crate::arm::network::public_address::PublicIpAddressProperties;
use crate::arm::network::virtual_network::VirtualNetworkProperties;
use crate::arm::{network, resource_group};

/// A virtual network with its subnets.
pub(crate) struct VirtualNetwork;

/// A subnet.
pub(crate) struct Subnet;

/// A public IP address.
pub(crate) struct PublicIpAddress;

/// A web application firewall policy.
pub(crate) struct FirewallPolicy;

/// A resource group.
pub(crate) struct ResourceGroup;

impl JsonSchema for VirtualNetwork {
    fn schema_name() -> Cow<'static, str> {
        "VirtualNetwork".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "shown VirtualNetwork".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = VirtualNetworkProperties::json_schema(generator).to_value();
        name_members(&mut properties, generator);
        let own = network::VirtualNetwork::json_schema(generator).to_value();
        shown("VirtualNetwork", "virtual network with its subnets", own, properties, generator)
    }
}

impl JsonSchema for Subnet {
    fn schema_name() -> Cow<'static, str> {
        "Subnet".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "shown Subnet".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // The component is created together with that of the virtual network.
        generator.subschema_for::<VirtualNetwork>();
        as_schema(reference("Subnet"))
    }
}

impl JsonSchema for PublicIpAddress {
    fn schema_name() -> Cow<'static, str> {
        "PublicIPAddress".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = PublicIpAddressProperties::json_schema(generator).to_value();
        let configuration = json!({"type": "object", "readOnly": true,
            "description": "The frontend that uses the address.",
            "properties": {"id": {"type": "string", "description": "The resource ID."}}});
        properties_of(&mut properties).insert("ipConfiguration".into(), configuration);
        let own = network::PublicIpAddress::json_schema(generator).to_value();
        shown("PublicIPAddress", "public IP address", own, properties, generator)
    }
}

impl JsonSchema for FirewallPolicy {
    fn schema_name() -> Cow<'static, str> {
        "FirewallPolicy".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "shown FirewallPolicy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties = FirewallPolicyProperties::json_schema(generator).to_value();
        let own = network::FirewallPolicy::json_schema(generator).to_value();
        shown("FirewallPolicy", "web application firewall policy", own, properties, generator)
    }
}

impl JsonSchema for ResourceGroup {
    fn schema_name() -> Cow<'static, str> {
        "ResourceGroup".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "shown ResourceGroup".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut own = resource_group::ResourceGroup::json_schema(generator).to_value();
        let text =
            |description: &str| json!({"type": "string", "readOnly": true, "description": description});
        let state = json!({"type": "object", "readOnly": true, "description": "The state.",
            "properties": {"provisioningState": text("`Succeeded`, or `Deleting` until the last gateway in it is removed.")}});
        let properties = properties_of(&mut own);
        properties.insert("id".into(), text("The resource ID."));
        properties.insert("name".into(), text("The name."));
        properties.insert("type".into(), text("The resource type."));
        properties.insert("properties".into(), state);
        as_schema(own)
    }
}

/// Returns the component of a resource: the properties of bodies, and those that only responses contain.
fn shown(
    name: &str,
    what: &str,
    mut own: Value,
    mut properties: Value,
    generator: &mut SchemaGenerator,
) -> Schema {
    show_state(&mut properties, generator);
    let guid = json!({"type": "string", "format": "uuid", "readOnly": true,
        "description": "The GUID, which identifies the resource from its creation to its deletion."});
    properties_of(&mut properties).insert("resourceGuid".into(), guid);
    let name = format!("{name}Properties");
    insert(generator, &name, properties);
    let mut shown = envelope(what, &name);
    let head = properties_of(&mut own);
    head.shift_remove("properties");
    properties_of(&mut shown).append(head);
    as_schema(shown)
}
