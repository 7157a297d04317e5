"""Replays clients that send bodies as they are: Terraform's azapi provider, and Azure's SDK for Go below it.

`azapi` puts any body and demands that it finds each property of it in the response, by the same name and with
the same value. Pulumi's azure-native sends through the same SDK.
"""

import json
from typing import Any

from client import URL, Client
from configurations import ADDRESS, BACKEND_PORT
from pollers import AzCore
from provider import CLIENT_ID, GROUPS, KINDS, NETWORKS, SECRET, SUBSCRIPTION, TENANT, Provider, Resource

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/azapi"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
VNET, PUBLIC = f"{NETWORK}/virtualNetworks/network", f"{NETWORK}/publicIPAddresses/address"
GATEWAY = f"{NETWORK}/applicationGateways/gateway"

HEADERS = {"Accept": "application/json", "User-Agent": "azsdk-go-resource/v0.1.0 azapi (replay)"}
JSON = HEADERS | {"Content-Type": "application/json"}

# The seconds that the SDK may sleep for a write: those of the first answer. It polls at once then.
FIRST_SECONDS = 1


def own(collection: str, name: str) -> dict:
    return {"id": f"{GATEWAY}/{collection}/{name}"}


SUBNET = {"name": "gateways", "properties": {"addressPrefix": "10.0.1.0/24"}}
BODIES: dict[str, dict[str, Any]] = {
    GROUP: {"location": "westeurope", "tags": {"made-by": "azapi"}},
    VNET: {
        "location": "westeurope",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [SUBNET]},
    },
    PUBLIC: {
        "location": "westeurope",
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"},
    },
    GATEWAY: {
        "location": "westeurope",
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
            "gatewayIPConfigurations": [
                {"name": "subnet", "properties": {"subnet": {"id": f"{VNET}/subnets/gateways"}}}
            ],
            "frontendIPConfigurations": [
                {"name": "public", "properties": {"publicIPAddress": {"id": PUBLIC}}}
            ],
            "frontendPorts": [{"name": "http", "properties": {"port": 80}}],
            "backendAddressPools": [
                {"name": "echo", "properties": {"backendAddresses": [{"ipAddress": ADDRESS}]}}
            ],
            "backendHttpSettingsCollection": [
                {"name": "plain", "properties": {"port": BACKEND_PORT, "protocol": "Http"}}
            ],
            "httpListeners": [
                {"name": "web", "properties": {
                    "frontendIPConfiguration": own("frontendIPConfigurations", "public"),
                    "frontendPort": own("frontendPorts", "http"), "protocol": "Http",
                }},
            ],
            "requestRoutingRules": [
                {"name": "all", "properties": {
                    "ruleType": "Basic", "priority": 100, "httpListener": own("httpListeners", "web"),
                    "backendAddressPool": own("backendAddressPools", "echo"),
                    "backendHttpSettings": own("backendHttpSettingsCollection", "plain"),
                }},
            ],
        },
    },
}  # fmt: skip


def version(identifier: str) -> str:
    return GROUPS if identifier == GROUP else NETWORKS


class Sdk:
    """One client of Azure's SDK for Go, logged in by `azidentity` without the discovery of instances."""

    def __init__(self):
        self.client = Client()
        document = f"{URL}/{TENANT}/v2.0/.well-known/openid-configuration"
        found = self.client.send("GET", document, headers={"Accept": "application/json"}).expect(200).json()
        assert found["authorization_endpoint"] and found["issuer"].startswith(URL), found
        fields = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET}
        # MSAL adds its own scopes, and asks for the information about a client that only users have.
        fields |= {"scope": f"{URL}/.default openid offline_access profile", "client_info": "1"}
        token = self.client.form(found["token_endpoint"], fields).expect(200).json()
        assert int(token["expires_in"]) > 0, token
        self.client.token = token["access_token"]

    def write(self, method: str, identifier: str, body=None, action: str = ""):
        """Sends a write and waits for its end. Returns the kind of the poller and the result."""
        url = f"{identifier}{action}?api-version={version(identifier)}"
        answer = self.client.send(method, url, body, HEADERS if body is None else JSON)
        poller = AzCore(self.client)
        kind, result = poller.finish(answer.expect(200, 201, 202, 204))
        allowed = FIRST_SECONDS + poller.pace.polls
        assert poller.pace.seconds <= allowed, f"{method} {url}: {poller.pace}"
        return kind, result

    def get(self, identifier: str):
        answer = self.client.send("GET", f"{identifier}?api-version={version(identifier)}", headers=HEADERS)
        return None if answer.expect(200, 404).status == 404 else answer.json()


def missing(sent, seen, where: str = "") -> list[str]:
    """Returns what was sent and does not come back, as azapi compares: members of lists in order."""
    if isinstance(sent, dict):
        if not isinstance(seen, dict):
            return [f"{where}: {seen!r} instead of an object"]
        return sum((missing(value, seen.get(name), f"{where}.{name}") for name, value in sent.items()), [])
    if isinstance(sent, list):
        if not isinstance(seen, list) or len(sent) != len(seen):
            return [f"{where}: {seen!r} instead of {len(sent)} members"]
        return sum((missing(*pair, f"{where}[{at}]") for at, pair in enumerate(zip(sent, seen))), [])
    return [] if sent == seen else [f"{where}: {seen!r} instead of {sent!r}"]


def exported(body, path: str):
    """Returns a value of a response, as `response_export_values` names it."""
    for name in path.split("."):
        body = body[int(name)] if isinstance(body, list) else body[name]
    return body


def azapi(provider: Provider) -> None:
    """Creates, reads, changes and deletes bodies; what is sent comes back."""
    sdk = Sdk()
    for identifier, body in BODIES.items():
        assert sdk.get(identifier) is None, identifier
        sdk.write("PUT", identifier, body)
        lost = missing(body, sdk.get(identifier))
        assert not lost, f"{identifier}: {lost}"
    gateway = sdk.get(GATEWAY)
    assert exported(gateway, "properties.provisioningState") == "Succeeded", gateway
    assert exported(gateway, "properties.httpListeners.0.id") == own("httpListeners", "web")["id"], gateway
    # `azurerm` can import what another client has made.
    seen = provider.imported(Resource(KINDS["azurerm_application_gateway"], GATEWAY, {}))
    assert [one["http_listener_name"] for one in seen["request_routing_rule"]] == ["web"], seen
    # Without a change, the whole body is sent again, and nothing differs.
    sdk.write("PUT", GATEWAY, BODIES[GATEWAY])
    assert sdk.get(GATEWAY)["properties"] == gateway["properties"], "an equal body changes nothing"
    # `azapi_update_resource` reads, merges, and puts everything that it has read.
    merged = json.loads(json.dumps(gateway))
    merged["properties"]["frontendPorts"].append({"name": "more", "properties": {"port": 81}})
    _, result = sdk.write("PUT", GATEWAY, merged)
    assert [port["name"] for port in result["properties"]["frontendPorts"]] == ["http", "more"], result
    for identifier in reversed(BODIES):
        sdk.write("DELETE", identifier)
        assert sdk.get(identifier) is None, identifier


def azcore(_provider: Provider) -> None:
    """Checks which poller each answer asks for, and what it returns at last."""
    sdk = Sdk()
    bodies = iter(BODIES.items())
    for (identifier, body), kind in zip(bodies, ("body", "async", "async", "async"), strict=True):
        poller, result = sdk.write("PUT", identifier, body)
        assert poller == kind and result["id"] == identifier, (identifier, poller, result)
    poller, result = sdk.write("POST", GATEWAY, action="/backendhealth")
    assert poller == "async" and result["backendAddressPools"], "the result is at Location"
    for action in ("/stop", "/start"):
        assert sdk.write("POST", GATEWAY, action=action) == ("async", None), action
    busy = BODIES[GATEWAY] | {"properties": BODIES[GATEWAY]["properties"] | {"frontendPorts": []}}
    refused = sdk.client.send("PUT", f"{GATEWAY}?api-version={NETWORKS}", busy, JSON)
    assert refused.status == 400 and refused.json()["error"]["code"], "a refusal is no operation"
    for identifier, kind in ((GATEWAY, "async"), (VNET, "async"), (VNET, "nop"), (GROUP, "location")):
        assert sdk.write("DELETE", identifier)[0] == kind, identifier
    assert sdk.get(GROUP) is None


STEPS = {"azapi": azapi, "azcore": azcore}
