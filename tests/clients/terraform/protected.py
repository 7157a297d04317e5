"""Configurations with resources that protect: security groups."""

from configurations import ADDRESS, LOCATION, Configuration, Stack
from provider import Provider, Resource


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


CONFIGURATIONS = [
    Configuration("interfaces", lambda gateway: None, lambda now: {
        "backend_address_pool": [{"name": "echo", "ip_addresses": [ADDRESS], "fqdns": ["localhost"]}],
    }, Guarded),
]  # fmt: skip
