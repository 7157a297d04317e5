"""The life of a gateway with a Python client that was generated from openapi/tidegate.json.

Sub-resources are created and deleted at their own URLs, an extension that only the generated clients support. A
response that the description does not declare raises.
"""

import importlib
import os
import re
import time

import traffic
from members import members
from tidegate_client import AuthenticatedClient, Client, models
from tidegate_client.api.application_gateways import (
    application_gateways_backend_health,
    application_gateways_backend_health_on_demand,
    application_gateways_create_or_update,
    application_gateways_delete,
    application_gateways_get,
    application_gateways_list,
    application_gateways_list_all,
    application_gateways_start,
    application_gateways_stop,
    application_gateways_update_tags,
)
from tidegate_client.api.identity import identity_token
from tidegate_client.api.operations import operations_result, operations_status
from traffic import ADDRESS, BACKEND_PORT

URL, CA_FILE, TENANT = os.environ["TEST_URL"], os.environ["TEST_CA"], os.environ["TEST_TENANT"]
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP, GATEWAY = "generated-python", "gateway"
ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/applicationGateways/{GATEWAY}"
VERSION = "2025-05-01"
PORT = 80


def log_in() -> AuthenticatedClient:
    """Gets an access token for the API client that `tidegate client create` has created."""
    request = models.TokenRequest(
        grant_type=models.GrantType.CLIENT_CREDENTIALS,
        client_id=os.environ["TEST_CLIENT_ID"],
        client_secret=os.environ["TEST_CLIENT_SECRET"],
    )
    nobody = Client(base_url=URL, verify_ssl=CA_FILE, raise_on_unexpected_status=True)
    return connect(identity_token.sync(TENANT, client=nobody, body=request).access_token)


def connect(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=URL, token=token, verify_ssl=CA_FILE, raise_on_unexpected_status=True)


client = log_in()


def call(operation, *names, **arguments):
    """Calls an operation on the gateway, and returns the whole response."""
    arguments = {"client": client, "api_version": VERSION} | arguments
    return operation.sync_detailed(SUBSCRIPTION, GROUP, *names, **arguments)


def on_gateway(operation, *names, **arguments):
    return call(operation, GATEWAY, *names, **arguments)


def settled(answer):
    """Polls the operation that the response has started to its end, and returns its result."""
    assert answer.status_code in (200, 201, 202), answer
    location, operation = re.search(
        r"/locations/([^/]+)/operations/([^/?]+)", answer.headers["azure-asyncoperation"]
    ).groups()
    arguments = {"client": client, "api_version": VERSION}
    deadline = time.monotonic() + traffic.DEADLINE_SECONDS
    while True:
        polled = operations_status.sync_detailed(SUBSCRIPTION, location, operation, **arguments)
        if polled.parsed.status != models.OperationStatus.INPROGRESS:
            break
        assert time.monotonic() < deadline, polled.parsed
        time.sleep(int(polled.headers["retry-after"]))
    assert polled.parsed.status == models.OperationStatus.SUCCEEDED, polled.parsed
    return operations_result.sync_detailed(SUBSCRIPTION, location, operation, **arguments).parsed


def document() -> models.ApplicationGateway:
    """Returns a gateway with a listener at a public address, and a rule that forwards all requests to one backend."""

    def to(collection: str, name: str) -> dict:
        return {"id": f"{ID}/{collection}/{name}"}

    network = ID.partition("/applicationGateways/")[0]
    listener = {
        "protocol": "Http",
        "frontendIPConfiguration": to("frontendIPConfigurations", "public"),
        "frontendPort": to("frontendPorts", "web"),
    }
    rule = {
        "ruleType": "Basic",
        "priority": 100,
        "httpListener": to("httpListeners", "web"),
        "backendAddressPool": to("backendAddressPools", "echo"),
        "backendHttpSettings": to("backendHttpSettingsCollection", "plain"),
    }
    public = {"publicIPAddress": {"id": f"{network}/publicIPAddresses/address"}}
    properties = {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
        "frontendIPConfigurations": [{"name": "public", "properties": public}],
        "frontendPorts": [
            {"name": "web", "properties": {"port": PORT}},
            {"name": "database", "properties": {"port": 5432}},
        ],
        "backendAddressPools": [{"name": "echo", "properties": {"backendAddresses": [{"ipAddress": ADDRESS}]}}],
        "backendHttpSettingsCollection": [{"name": "plain", "properties": {"port": BACKEND_PORT, "protocol": "Http"}}],
        "httpListeners": [{"name": "web", "properties": listener}],
        "requestRoutingRules": [{"name": "all", "properties": rule}],
    }
    return models.ApplicationGateway.from_dict({"location": "local", "properties": properties})


def create():
    answer = on_gateway(application_gateways_create_or_update, body=document())
    assert answer.status_code == 201, answer
    settled(answer)
    properties = on_gateway(application_gateways_get).parsed.properties
    assert properties.provisioning_state == models.ProvisioningState.SUCCEEDED, properties
    assert properties.operational_state == models.OperationalState.RUNNING, properties


def list_page_by_page():
    other = models.ApplicationGateway.from_dict({"location": "local", "properties": {"sku": {"name": "Standard_v2"}}})
    settled(call(application_gateways_create_or_update, "other", body=other))
    names, token = [], None
    while True:
        page = call(application_gateways_list, top="1", **({"skip_token": token} if token else {})).parsed
        names += [gateway.name for gateway in page.value]
        if not page.next_link:
            break
        token = re.search(r"skipToken=([^&]+)", page.next_link)[1]
    assert sorted(names) == [GATEWAY, "other"], names
    everywhere = application_gateways_list_all.sync(SUBSCRIPTION, client=client, api_version=VERSION)
    assert sorted(gateway.name for gateway in everywhere.value) == [GATEWAY, "other"], everywhere
    settled(call(application_gateways_delete, "other"))


def carry_traffic():
    traffic.until_status(200, PORT)
    traffic.echo(PORT)


def tag():
    tags = models.TagsObject.from_dict({"tags": {"stage": "test"}})
    tagged = on_gateway(application_gateways_update_tags, body=tags).parsed
    assert tagged.tags.to_dict() == {"stage": "test"}, tagged


def add_and_remove_a_member_of_each_collection():
    made = members(ID)
    for collection, model, properties in made:
        body = getattr(models, model).from_dict({"properties": properties})
        answer = on_gateway(of(collection, "create_or_update"), "added", body=body)
        assert answer.status_code == 201, answer
        settled(answer)
        got = on_gateway(of(collection, "get"), "added").parsed
        assert got.id == f"{ID}/{collection}/added", got
        assert "added" in [member.name for member in on_gateway(of(collection, "list")).parsed.value]
        print(f"     {collection}", flush=True)
    for collection, _, _ in reversed(made):
        settled(on_gateway(of(collection, "delete"), "added"))
        assert on_gateway(of(collection, "get"), "added").status_code == 404
    traffic.echo(PORT)


def of(collection: str, verb: str):
    """Returns the generated operation on a collection."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", collection).lower()
    return importlib.import_module(f"tidegate_client.api.{name}.{name}_{verb}")


def keep_a_policy_beside_the_gateway():
    version = {"api_version": "2026-12-01"}
    policy = {"properties": {"onMemberDown": {"action": "keep"}, "closeFrame": {"code": 1012}}}
    body = models.TunnelPolicy.from_dict(policy)
    written = on_gateway(of("tunnelPolicies", "create_or_update"), "default", body=body, **version)
    assert written.status_code == 201, written
    settled(written)
    settled(on_gateway(application_gateways_create_or_update, body=document()))
    kept = on_gateway(of("tunnelPolicies", "get"), "default", **version).parsed
    assert kept.etag == written.parsed.etag, kept
    assert kept.properties.on_member_down.action == "keep", kept
    assert [one.name for one in on_gateway(of("tunnelPolicies", "list"), **version).parsed.value] == ["default"]
    settled(on_gateway(of("tunnelPolicies", "delete"), "default", **version))
    assert on_gateway(of("tunnelPolicies", "get"), "default", **version).status_code == 404


def see_backend_health():
    deadline = time.monotonic() + traffic.DEADLINE_SECONDS
    while True:
        health = settled(on_gateway(application_gateways_backend_health)).to_dict()
        server = health["backendAddressPools"][0]["backendHttpSettingsCollection"][0]["servers"][0]
        if server["health"] == "Up":
            break
        assert time.monotonic() < deadline, health
    assert server["address"] == ADDRESS, health

    probe = {
        "protocol": "Http",
        "host": "probe.test",
        "path": "/",
        "timeout": 5,
        "backendAddressPool": {"id": f"{ID}/backendAddressPools/echo"},
        "backendHttpSettings": {"id": f"{ID}/backendHttpSettingsCollection/plain"},
    }
    body = models.ApplicationGatewayOnDemandProbe.from_dict(probe)
    health = settled(on_gateway(application_gateways_backend_health_on_demand, body=body)).to_dict()
    server = health["backendHealthHttpSettings"]["servers"][0]
    assert (server["address"], server["health"]) == (ADDRESS, "Up"), health


def stop_and_start():
    settled(on_gateway(application_gateways_stop))
    traffic.until_status(None, PORT)
    settled(on_gateway(application_gateways_start))
    carry_traffic()


def go_wrong():
    absent = call(application_gateways_get, "absent")
    assert (absent.status_code, absent.parsed.error.code) == (404, "ResourceNotFound"), absent

    dangling = document()
    dangling.properties.request_routing_rules[0].properties.http_listener.id = f"{ID}/httpListeners/absent"
    answer = on_gateway(application_gateways_create_or_update, body=dangling)
    assert (answer.status_code, answer.parsed.error.code) == (400, "InvalidResourceReference"), answer

    answer = on_gateway(application_gateways_create_or_update, body=document(), if_match='"stale"')
    assert (answer.status_code, answer.parsed.error.code) == (412, "PreconditionFailed"), answer

    answer = on_gateway(application_gateways_get, client=connect("forged"))
    assert answer.status_code == 401, answer


def delete():
    settled(on_gateway(application_gateways_delete))
    assert on_gateway(application_gateways_get).status_code == 404
    assert traffic.status(PORT) is None
    assert on_gateway(application_gateways_delete).status_code == 204


STEPS = [
    create,
    list_page_by_page,
    carry_traffic,
    tag,
    add_and_remove_a_member_of_each_collection,
    keep_a_policy_beside_the_gateway,
    see_backend_health,
    stop_and_start,
    go_wrong,
    delete,
]

if __name__ == "__main__":
    for step in STEPS:
        begin = time.monotonic()
        step()
        print(f"   {step.__name__.replace('_', ' ')} ({time.monotonic() - begin:.1f} s)", flush=True)
