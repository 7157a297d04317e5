"""What `azurerm` does with its configuration and with each resource: its requests, in their order."""

import base64
import copy
import dataclasses
import json
import os
from typing import Any, Callable

import firewall
import gateway
import network
from client import URL, Client
from pollers import GoAzureSdk
from schema import Context, difference, expand, flatten, put

TENANT, CLIENT_ID = os.environ["TEST_TENANT"], os.environ["TEST_CLIENT_ID"]
SECRET = os.environ["TEST_CLIENT_SECRET"]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

# The versions of the SDK's packages that the provider imports.
GROUPS, NETWORKS, PROVIDERS, SUBSCRIPTIONS = "2023-07-01", "2025-01-01", "2022-09-01", "2022-12-01"

# Those of the set `core`; names are compared letter by letter.
REQUIRED = ("Microsoft.Authorization", "Microsoft.Compute", "Microsoft.Network", "Microsoft.Resources")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A resource type of Terraform: its table, the version of its API, and the segments before its name."""

    type: str
    attributes: tuple
    version: str
    segments: str


KINDS = {
    kind.type: kind
    for kind in (
        Kind("azurerm_resource_group", network.GROUP, GROUPS, "resourceGroups"),
        Kind("azurerm_virtual_network", network.NETWORK, NETWORKS,
             "providers/Microsoft.Network/virtualNetworks"),
        Kind("azurerm_subnet", network.SUBNET, NETWORKS, "subnets"),
        Kind("azurerm_public_ip", network.ADDRESS, NETWORKS, "providers/Microsoft.Network/publicIPAddresses"),
        Kind("azurerm_network_security_group", network.SECURITY_GROUP, NETWORKS,
             "providers/Microsoft.Network/networkSecurityGroups"),
        Kind("azurerm_network_interface", network.INTERFACE, NETWORKS,
             "providers/Microsoft.Network/networkInterfaces"),
        Kind("azurerm_web_application_firewall_policy", firewall.POLICY, NETWORKS,
             f"providers/Microsoft.Network/{firewall.SEGMENT}"),
        Kind("azurerm_application_gateway", gateway.ATTRIBUTES, NETWORKS,
             "providers/Microsoft.Network/applicationGateways"),
    )
}  # fmt: skip


@dataclasses.dataclass
class Resource:
    """A resource of a configuration: its ID, its attributes, and Terraform's state of it."""

    kind: Kind
    id: str
    configuration: dict
    state: dict | None = None

    @staticmethod
    def of(type: str, parent: str, name: str, **configuration) -> "Resource":
        kind = KINDS[type]
        if any(attribute.name == "name" for attribute in kind.attributes):
            configuration["name"] = name
        return Resource(kind, f"{parent}/{kind.segments}/{name}", configuration)


class Provider:
    """The configured provider."""

    def __init__(self, skips_at_once: bool = True):
        self.client = Client()
        self.polls = GoAzureSdk(self.client, skips_at_once)

    def configure(self) -> None:
        """Reads the metadata, logs in, and lists the resource providers."""
        cloud = self.client.send("GET", f"{URL}/metadata/endpoints?api-version=2022-09-01").expect(200).json()
        authentication, suffixes = cloud["authentication"], cloud["suffixes"]
        for required in (cloud["name"], cloud["resourceManager"], cloud["microsoftGraphResourceId"],
                         suffixes["storage"], suffixes["keyVaultDns"]):  # fmt: skip
            assert required and isinstance(required, str), cloud
        assert cloud["name"].lower() != "azurestackcloud"
        assert authentication["identityProvider"].lower() == "aad", cloud
        assert authentication["tenant"].lower() == "common", "any other is taken for Azure Stack"
        assert authentication["audiences"], cloud
        assert cloud["resourceManager"] == URL, cloud
        # One token for the object ID, another for the resource manager.
        for scope in ("https://graph.microsoft.com/.default", "https://management.azure.com/.default"):
            claims = self._log_in(authentication["loginEndpoint"], scope)
            assert claims["oid"], "the provider would look for it in Microsoft Graph"
            assert (claims["appid"], claims["tid"]) == (CLIENT_ID, TENANT), claims
            assert "openid" not in claims.get("scp", "").lower(), "it would be taken for a user"
        self._register()

    def _log_in(self, endpoint: str, scope: str) -> dict:
        self.client.token = None
        url = f"{endpoint}/{TENANT}/oauth2/v2.0/token"
        form = {"client_id": CLIENT_ID, "client_secret": SECRET, "grant_type": "client_credentials"}
        token = self.client.form(url, form | {"scope": scope}).expect(200).json()
        assert token["token_type"] == "Bearer" and int(token["expires_in"]) > 0, token
        self.client.token = token["access_token"]
        parts = token["access_token"].split(".")
        assert len(parts) == 3, "the SDK reads the claims of a JWT"
        return json.loads(base64.urlsafe_b64decode(parts[1] + "=="))

    def _register(self) -> None:
        """Registers required providers that are listed as not registered: here there must be none."""
        path = f"/subscriptions/{SUBSCRIPTION}/providers"
        listed = self.client.resource("GET", path, PROVIDERS).expect(200).json()
        assert not listed.get("nextLink"), listed
        states = {one["namespace"]: one["registrationState"] for one in listed["value"]}
        assert states.get("Microsoft.Network") == states.get("Microsoft.Resources") == "Registered", states
        waiting = [name for name in REQUIRED if states.get(name, "Registered") != "Registered"]
        assert not waiting, f"the provider would register {waiting}, and ask for each of them ten times"

    def read_subscription(self) -> None:
        """Reads the data source of the subscription, which many configurations begin with."""
        path = f"/subscriptions/{SUBSCRIPTION}"
        seen = self.client.resource("GET", path, SUBSCRIPTIONS).expect(200).json()
        assert (seen["subscriptionId"], seen["tenantId"]) == (SUBSCRIPTION, TENANT), seen
        texts = [seen["displayName"], seen["state"], *seen["subscriptionPolicies"].values()]
        assert all(isinstance(text, str) for text in texts), seen

    def get(self, resource: Resource) -> dict | None:
        answer = self.client.resource("GET", resource.id, resource.kind.version).expect(200, 404)
        return None if answer.status == 404 else answer.json()

    def create(self, resource: Resource) -> None:
        """Checks that it does not exist, creates it, waits for it, and reads it."""
        assert self.get(resource) is None, f"{resource.id} exists: it would have to be imported"
        body = expand(resource.kind.attributes, resource.configuration, Context(resource.id))
        self._put(resource, body)
        self.read(resource, resource.configuration)

    def update(self, resource: Resource, changed: dict) -> None:
        """Puts what it has read, with the changed attributes replaced. A group's tags are patched."""
        before, resource.configuration = resource.configuration, resource.configuration | changed
        names = {name for name, value in resource.configuration.items() if before.get(name) != value}
        body: dict[str, Any] = {}
        if resource.kind.segments == "resourceGroups":
            assert names == {"tags"}, names
            body = {"tags": resource.configuration["tags"]}
            self.client.resource("PATCH", resource.id, resource.kind.version, body).expect(200)
        else:
            body = without_nulls(self.get(resource) or {})
            for attribute in resource.kind.attributes:
                # The identity is sent anew with each update.
                anew = attribute.name == "identity" and "identity" in resource.configuration
                if anew or attribute.name in names:
                    put(body, attribute, attribute.configured(resource.configuration), Context(resource.id))
            self._put(resource, body)
        self.read(resource, resource.configuration)

    def amend(self, resource: Resource, change: Callable[[dict], None]) -> None:
        """Reads the resource, changes its body, and puts it again, as the associations do."""
        body = without_nulls(self.get(resource) or {})
        change(body)
        self._put(resource, body)

    def _put(self, resource: Resource, body: dict) -> None:
        """Puts a body and waits. A subnet is sent with its name and properties only."""
        if "/subnets/" in resource.id:
            body = {name: body[name] for name in ("name", "properties")}
        answer = self.client.resource("PUT", resource.id, resource.kind.version, body)
        self._settle(resource, answer.expect(200, 201, 202))

    def _settle(self, resource: Resource, answer) -> None:
        """Waits for a write: by the SDK's pollers, and for some resources by further reads."""
        if resource.kind.segments == "resourceGroups":
            for _ in range(3):
                assert self.get(resource) is not None
            return
        self.polls.finish(answer)
        parents = {"azurerm_virtual_network": [resource.id],
                   "azurerm_subnet": [resource.id, resource.id.split("/subnets/")[0]]}  # fmt: skip
        for identifier in parents.get(resource.kind.type, []):
            seen = self.client.resource("GET", identifier, NETWORKS).expect(200).json()
            assert seen["properties"]["provisioningState"] == "Succeeded", seen

    def read(self, resource: Resource, prior: dict | None) -> dict:
        """Reads the resource into Terraform's state. Secrets come from `prior`, which an import has not."""
        body = self.get(resource)
        assert body is not None, f"{resource.id} has vanished"
        # Azure writes the type of firewall policies with a capital letter; the provider keeps its own ID.
        seen = body["id"].replace(f"/A{firewall.SEGMENT[1:]}/", f"/{firewall.SEGMENT}/")
        assert seen == resource.id, f"{seen} is read where {resource.id} is written"
        resource.state = flatten(resource.kind.attributes, body, Context(resource.id, prior))
        return resource.state

    def plan(self, resource: Resource) -> list[str]:
        """Refreshes the state and returns the differences to the configuration."""
        self.read(resource, resource.state)
        return difference(resource.kind.attributes, resource.configuration, resource.state or {})

    def imported(self, resource: Resource) -> dict:
        """Returns the state that an import by ID would have."""
        return self.read(copy.deepcopy(resource), None)

    def destroy(self, resource: Resource) -> None:
        """Deletes the resource. A group is deleted only if nothing is in it, by the provider's default."""
        if resource.kind.segments == "resourceGroups":
            path = f"{resource.id}/resources?%24expand=provisioningState&%24top=10&api-version={GROUPS}"
            inside = self.client.send("GET", path).expect(200).json()["value"]
            assert inside == [], f"the provider would refuse to delete the group: {inside}"
        answer = self.client.resource("DELETE", resource.id, resource.kind.version).expect(200, 202, 204)
        self.polls.finish(answer)
        assert self.get(resource) is None, f"{resource.id} is still there"


def without_nulls(value):
    """Returns a body as the SDK's models send it again: without nulls."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value
