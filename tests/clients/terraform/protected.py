"""Configurations with resources that protect: the policies of a firewall, and security groups."""

from configurations import ADDRESS, LOCATION, Configuration, Stack, changed, listener, rule
from provider import Provider, Resource

POLICY = {
    # Only this mode needs no option of Tidegate: nothing inspects requests.
    "policy_settings": {
        "mode": "Detection",
        "log_scrubbing": {
            "rule": [
                {"match_variable": "RequestHeaderNames", "selector": "Cookie"},
                {"match_variable": "RequestIPAddress", "selector_match_operator": "EqualsAny"},
            ],
        },
    },
    "managed_rules": {
        "exclusion": [
            {"match_variable": "RequestHeaderNames", "selector": "X-Token",
             "selector_match_operator": "Equals"},
        ],
        "managed_rule_set": [
            {"version": "3.2", "rule_group_override": [
                {"rule_group_name": "REQUEST-920-PROTOCOL-ENFORCEMENT",
                 "rule": [{"id": "920300", "enabled": True, "action": "Log"}, {"id": "920440"}]},
            ]},
        ],
    },
    "custom_rules": [
        {"name": "addresses", "priority": 1, "rule_type": "MatchRule", "action": "Block",
         "match_conditions": [
             {"operator": "IPMatch", "match_values": ["192.0.2.0/24"],
              "match_variables": [{"variable_name": "RemoteAddr"}]},
             {"operator": "Contains", "match_values": ["Windows"], "transforms": ["Lowercase"],
              "match_variables": [{"variable_name": "RequestHeaders", "selector": "User-Agent"}]},
         ]},
        {"name": "rate", "priority": 2, "rule_type": "RateLimitRule", "action": "Block",
         "rate_limit_duration": "OneMin", "rate_limit_threshold": 100, "group_rate_limit_by": "ClientAddr",
         "match_conditions": [
             {"operator": "IPMatch", "match_values": ["192.0.2.0/24"], "negation_condition": True,
              "match_variables": [{"variable_name": "RemoteAddr"}]},
         ]},
    ],
}  # fmt: skip


class Firewalled(Stack):
    """A policy that the gateway and one of its listeners refer to."""

    def __init__(self, name: str):
        super().__init__(name)
        self.policy = self._in_group(
            "azurerm_web_application_firewall_policy", "policy", location=LOCATION, **POLICY
        )
        of_policy = {"firewall_policy_id": self.policy.id}
        self.gateway.configuration |= {
            "sku": {"name": "WAF_v2", "tier": "WAF_v2", "capacity": 1},
            "http_listener": [listener("web"), listener("own", host_name="own.test", **of_policy)],
            "request_routing_rule": [rule("all", "web", 100), rule("own", "own", 50)],
            "force_firewall_policy_association": True,
        } | of_policy

    @property
    def resources(self) -> list[Resource]:
        return [*super().resources[:-1], self.policy, self.gateway]

    def update(self, provider: Provider) -> None:
        rules = self.policy.configuration["custom_rules"]
        provider.update(self.policy, {"custom_rules": changed(rules, 0, action="Log")[:1]})


def security(name: str, priority: int, **more) -> dict:
    return {
        "name": name, "priority": priority, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "source_port_range": "*", "source_address_prefix": "*", "destination_address_prefix": "*",
    } | more  # fmt: skip


class Guarded(Stack):
    """A subnet of backends with a security group, and an interface in it that is in the pool."""

    def __init__(self, name: str):
        super().__init__(name)
        self.backends = Resource.of(
            "azurerm_subnet", self.network.id, "backends", address_prefixes=["10.0.2.0/24"]
        )
        self.security = self._in_group(
            "azurerm_network_security_group", "security", location=LOCATION,
            security_rule=[
                security("web", 100, destination_port_range="80", description="From gateways."),
                security("some", 110, destination_port_ranges=["8080", "8443"], access="Deny"),
            ],
        )  # fmt: skip
        self.interface = self._in_group(
            "azurerm_network_interface", "interface", location=LOCATION,
            ip_configuration=[
                {"name": "first", "subnet_id": self.backends.id, "private_ip_address_allocation": "Dynamic"}
            ],
        )  # fmt: skip

    @property
    def resources(self) -> list[Resource]:
        return [*super().resources, self.backends, self.security, self.interface]

    def tie(self, provider: Provider) -> None:
        """Creates the associations, which are resources of Terraform, and not of ARM."""
        pool = {"id": f"{self.gateway.id}/backendAddressPools/echo"}

        def of_subnet(body: dict) -> None:
            assert not body["properties"].get("networkSecurityGroup"), "the association exists"
            body["properties"]["networkSecurityGroup"] = {"id": self.security.id}

        def of_interface(body: dict) -> None:
            pools = body["properties"]["ipConfigurations"][0]["properties"]
            pools["applicationGatewayBackendAddressPools"] = [pool]

        provider.amend(self.backends, of_subnet)
        provider.amend(self.interface, of_interface)
        seen = provider.get(self.backends)["properties"]["networkSecurityGroup"]
        assert seen["id"] == self.security.id, seen
        seen = provider.get(self.interface)["properties"]["ipConfigurations"][0]["properties"]
        assert seen["applicationGatewayBackendAddressPools"] == [pool], seen

    def untie(self, provider: Provider) -> None:
        def of_subnet(body: dict) -> None:
            del body["properties"]["networkSecurityGroup"]

        def of_interface(body: dict) -> None:
            of_first = body["properties"]["ipConfigurations"][0]["properties"]
            of_first["applicationGatewayBackendAddressPools"] = []

        provider.amend(self.interface, of_interface)
        provider.amend(self.backends, of_subnet)
        assert not provider.get(self.backends)["properties"].get("networkSecurityGroup")

    def update(self, provider: Provider) -> None:
        provider.update(self.security, {"security_rule": self.security.configuration["security_rule"][:1]})
        provider.update(self.interface, {"ip_forwarding_enabled": True})


def inspected(gateway: dict) -> None:
    """The older way: a block of the gateway itself."""
    gateway["sku"] = {"name": "WAF_v2", "tier": "WAF_v2", "capacity": 1}
    gateway["waf_configuration"] = {
        "enabled": True, "firewall_mode": "Detection", "rule_set_version": "3.2",
        "disabled_rule_group": [
            {"rule_group_name": "REQUEST-920-PROTOCOL-ENFORCEMENT", "rules": [920300]},
            {"rule_group_name": "REQUEST-930-APPLICATION-ATTACK-LFI"},
        ],
        "exclusion": [
            {"match_variable": "RequestHeaderNames", "selector_match_operator": "Equals",
             "selector": "X-Token"},
            {"match_variable": "RequestCookieNames"},
        ],
    }  # fmt: skip


CONFIGURATIONS = [
    Configuration("waf", inspected, lambda now: {
        "waf_configuration": now["waf_configuration"] | {"disabled_rule_group": []},
    }),
    Configuration("firewall", lambda gateway: None, lambda now: {"tags": {"stage": "test"}}, Firewalled),
    Configuration("interfaces", lambda gateway: None, lambda now: {
        "backend_address_pool": [{"name": "echo", "ip_addresses": [ADDRESS], "fqdns": ["localhost"]}],
    }, Guarded),
]  # fmt: skip
