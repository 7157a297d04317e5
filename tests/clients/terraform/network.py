"""The tables of the resources around a gateway: groups, networks, addresses, interfaces."""

from schema import (
    FLAG, NUMBER, TEXT, Attribute, Block, Merged, Reference, Texts, Translated, Unreadable, read_list,
    read_object,
)  # fmt: skip

LOCATION = Attribute("location", "location", TEXT)
TAGS = Attribute("tags", "tags", Translated(dict, read_object, {}), always=True)


def text(name: str, path: str, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", TEXT, **more)


def listed(name: str, path: str, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", Texts(), **more)


class Prefixes(Merged, Texts):
    """A subnet's prefixes: a single one is sent as `addressPrefix`, and read there if there is no list."""

    properties = ("addressPrefix", "addressPrefixes")

    def send(self, value, _context):
        return {"addressPrefix": value[0]} if len(value) == 1 else {"addressPrefixes": value}

    def read(self, json, context):
        several, one = json.get("addressPrefixes"), json.get("addressPrefix")
        return super().read(several if several is not None else [one] if one else [], context)


def of_state(enabled: bool) -> str:
    return "Enabled" if enabled else "Disabled"


def ids(name: str, path: str, key: str, **more) -> Attribute:
    """A list of texts, each in an object of its own."""
    codec = Translated(
        lambda texts: [{key: one} for one in texts], lambda json: [one[key] for one in read_list(json)], []
    )
    return Attribute(name, f"properties.{path}", codec, always=True, **more)


DELEGATIONS = Block(
    Attribute("name", "name", TEXT),
    text("service_name", "serviceName"),
    # Computed by the service; the provider's schema has it as a set that may stay empty.
    listed("actions", "actions", always=True, computed=True),
)

GROUP = (LOCATION, TAGS)

NETWORK = (
    Attribute("name", "name", TEXT),
    LOCATION,
    TAGS,
    listed("address_space", "addressSpace.addressPrefixes"),
    listed("dns_servers", "dhcpOptions.dnsServers", always=True, computed=True),
    text("private_endpoint_vnet_policies", "privateEndpointVNetPolicies", default="Disabled"),
    Attribute("flow_timeout_in_minutes", "properties.flowTimeoutInMinutes", NUMBER),
    # Subnets are resources of their own; the provider sends an empty list when it creates a network.
    ids("subnet", "subnets", "name", computed=True),
)

SUBNET = (
    Attribute("name", "name", TEXT),
    Attribute("address_prefixes", "properties", Prefixes()),
    text("private_endpoint_network_policies", "privateEndpointNetworkPolicies", default="Disabled"),
    Attribute("private_link_service_network_policies_enabled", "properties.privateLinkServiceNetworkPolicies",
              Translated(of_state, lambda json: (json or "").lower() == "enabled", False),
              default=True, always=True),
    ids("service_endpoint_policy_ids", "serviceEndpointPolicies", "id"),
    ids("service_endpoints", "serviceEndpoints", "service"),
    text("sharing_scope", "sharingScope", always=True),
    Attribute("default_outbound_access_enabled", "properties.defaultOutboundAccess",
              Translated(bool, lambda json: True if json is None else json, False),
              default=True, always=True),
    Attribute("delegation", "properties.delegations", DELEGATIONS, always=True),
)  # fmt: skip

ADDRESS = (
    Attribute("name", "name", TEXT),
    LOCATION,
    TAGS,
    Attribute("zones", "zones", Texts(ordered=False)),
    Attribute("sku", "sku.name", TEXT, default="Standard"),
    Attribute("sku_tier", "sku.tier", TEXT, default="Regional"),
    text("allocation_method", "publicIPAllocationMethod"),
    text("ip_version", "publicIPAddressVersion", default="IPv4"),
    Attribute("idle_timeout_in_minutes", "properties.idleTimeoutInMinutes", NUMBER, default=4),
    Attribute("ddos_protection_mode", "properties.ddosSettings.protectionMode",
              Translated(str, lambda json: "VirtualNetworkInherited" if json is None else json, ""),
              default="VirtualNetworkInherited"),
    text("domain_name_label", "dnsSettings.domainNameLabel"),
    text("reverse_fqdn", "dnsSettings.reverseFqdn"),
    Attribute("ip_tags", "properties.ipTags", Translated(
        lambda tags: [{"ipTagType": key, "tag": value} for key, value in tags.items()],
        lambda json: {one["ipTagType"]: one["tag"] for one in read_list(json)},
        {},
    )),
    text("ip_address", "ipAddress", computed=True),
)  # fmt: skip


def read_priority(json):
    # The provider reads through this pointer without looking.
    if type(json) is not int:
        raise Unreadable(f"the priority {json!r} is no number")
    return json


SECURITY_GROUP = (
    Attribute("name", "name", TEXT),
    LOCATION,
    TAGS,
    Attribute("security_rule", "properties.securityRules", Block(
        Attribute("name", "name", TEXT),
        text("description", "description"),
        text("protocol", "protocol"),
        text("source_port_range", "sourcePortRange", always=True),
        listed("source_port_ranges", "sourcePortRanges"),
        text("destination_port_range", "destinationPortRange", always=True),
        listed("destination_port_ranges", "destinationPortRanges"),
        text("source_address_prefix", "sourceAddressPrefix", always=True),
        listed("source_address_prefixes", "sourceAddressPrefixes"),
        text("destination_address_prefix", "destinationAddressPrefix", always=True),
        listed("destination_address_prefixes", "destinationAddressPrefixes"),
        text("access", "access"),
        Attribute("priority", "properties.priority", Translated(int, read_priority, 0)),
        text("direction", "direction"),
        ordered=False,
    ), always=True),
)  # fmt: skip

INTERFACE = (
    Attribute("name", "name", TEXT),
    LOCATION,
    TAGS,
    Attribute("ip_forwarding_enabled", "properties.enableIPForwarding", FLAG, always=True),
    Attribute("accelerated_networking_enabled", "properties.enableAcceleratedNetworking", FLAG, always=True),
    listed("dns_servers", "dnsSettings.dnsServers"),
    Attribute("ip_configuration", "properties.ipConfigurations", Block(
        Attribute("name", "name", TEXT),
        Attribute("subnet_id", "properties.subnet", Reference()),
        text("private_ip_address", "privateIPAddress", computed=True),
        text("private_ip_address_allocation", "privateIPAllocationMethod"),
        text("private_ip_address_version", "privateIPAddressVersion", default="IPv4"),
        Attribute("public_ip_address_id", "properties.publicIPAddress", Reference()),
        Attribute("primary", "properties.primary", FLAG, always=True, computed=True),
    )),
)  # fmt: skip
