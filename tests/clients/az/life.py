"""The life of a gateway with azure-cli: login, create, traffic, changes, delete."""

import json
import os
import pathlib
import tempfile
import time

import children
import deployments
import firewall
import traffic
from az import GATEWAY, GROUP, NOT_FOUND, URL, ag, az, child, clean_up, log_in, refused
from traffic import ADDRESS, BACKEND_PORT

PORT = 80


def create_from_nothing():
    """Creates the network, the public address and the gateway with one command, which deploys a template."""
    assert az(f"group create --name {GROUP} --location local")["properties"]["provisioningState"] == "Succeeded"
    arguments = (
        "--sku Standard_v2 --capacity 1 --priority 100 --public-ip-address address"
        f" --frontend-port {PORT} --servers {ADDRESS} --http-settings-port {BACKEND_PORT}"
    )
    assert ag(f"create --validate {arguments}").get("error") is None
    assert refused(lambda: ag("show")).code == NOT_FOUND
    made = ag(f"create {arguments}")["applicationGateway"]
    assert made["provisioningState"] == "Succeeded", made
    assert made["operationalState"] == "Running", made
    vnet = az(f"network vnet show --resource-group {GROUP} --name {GATEWAY}Vnet")
    assert [subnet["name"] for subnet in vnet["subnets"]] == ["default"], vnet
    assert az(f"network public-ip show --resource-group {GROUP} --name address")["ipAddress"] == ADDRESS


def carry_traffic():
    traffic.until_status(200, PORT)
    traffic.echo(PORT)


def show_and_list():
    shown = ag("show")
    assert shown["name"] == GATEWAY and shown["resourceGroup"] == GROUP, shown
    for command in (f"--resource-group {GROUP}", ""):
        listed = az(f"network application-gateway list {command}")
        assert [gateway["id"] for gateway in listed] == [shown["id"]], listed
    ag("wait --created --timeout 30")
    resource_type = "--resource-type Microsoft.Network/applicationGateways"
    assert az(f"resource show --resource-group {GROUP} --name {GATEWAY} {resource_type}")["id"] == shown["id"]
    assert shown["id"] in [resource["id"] for resource in az(f"resource list --resource-group {GROUP}")]
    assert az(f"rest --url '{shown['id']}?api-version=2025-05-01'")["name"] == GATEWAY


def tag():
    assert ag("update --set tags.stage=test")["tags"] == {"stage": "test"}
    assert ag("show")["tags"] == {"stage": "test"}


def keep_a_tunnel_policy():
    """Writes a policy beside the gateway. Commands read the gateway, change it and write it back whole."""
    url = f"'{ag('show')['id']}/providers/Tidegate.Network/tunnelPolicies/default?api-version=2026-12-01'"
    body = json.dumps({"properties": {"maxTunnels": 500}})
    written = az(f"rest --method put --url {url} --body '{body}'")
    ag("update --set tags.policy=kept")
    kept = az(f"rest --url {url}")
    assert (kept["etag"], kept["properties"]["maxTunnels"]) == (written["etag"], 500), kept


def choose_a_tls_policy():
    assert "AppGwSslPolicy20220101" in json.dumps(az("network application-gateway ssl-policy list-options"))
    names = [policy["name"] for policy in az("network application-gateway ssl-policy predefined list")]
    assert "AppGwSslPolicy20220101S" in names, names
    az("network application-gateway ssl-policy predefined show --name AppGwSslPolicy20220101")
    child("ssl-policy", "set", "--policy-type Predefined --name AppGwSslPolicy20220101S")
    assert child("ssl-policy", "show")["policyName"] == "AppGwSslPolicy20220101S"


def see_backend_health():
    def servers(health):
        return health["backendAddressPools"][0]["backendHttpSettingsCollection"][0]["servers"]

    deadline = time.monotonic() + traffic.DEADLINE_SECONDS
    while servers(health := ag("show-backend-health"))[0]["health"] != "Up":
        assert time.monotonic() < deadline, health
    assert servers(health)[0]["address"] == ADDRESS, health
    expanded = ag("show-backend-health --expand BackendAddressPool,BackendHttpSettings")
    assert expanded["backendAddressPools"][0]["backendAddressPool"]["name"] == children.POOL, expanded

    on_demand = ag(
        "show-backend-health --protocol Http --host probe.test --path / --timeout 5"
        f" --address-pool {children.POOL} --http-settings {children.HTTP_SETTINGS}"
    )
    server = on_demand["backendHealthHttpSettings"]["servers"][0]
    assert (server["address"], server["health"]) == (ADDRESS, "Up"), on_demand


def stop_and_start():
    ag("stop")
    assert ag("show")["operationalState"] == "Stopped"
    traffic.until_status(None, PORT)
    ag("start")
    assert ag("show")["operationalState"] == "Running"
    carry_traffic()


def go_wrong():
    absent = f"network application-gateway show --resource-group {GROUP} --name absent"
    assert refused(lambda: az(absent)).code == NOT_FOUND

    to_backends = f"--address-pool {children.POOL} --http-settings {children.HTTP_SETTINGS}"
    rule = f"--name dangling --http-listener absent {to_backends} --priority 300"
    refusal = refused(lambda: child("rule", "create", rule))
    assert "InvalidResourceReference" in refusal.error, refusal

    url = f"'{ag('show')['id']}?api-version=2025-05-01'"
    document = pathlib.Path(tempfile.gettempdir()) / f"tidegate-az-{os.getpid()}.json"
    document.write_text(json.dumps({"location": "local", "properties": {}}))
    try:
        stale = f"rest --method put --url {url} --headers If-Match=stale --body @{document}"
        refusal = refused(lambda: az(stale))
        assert "PreconditionFailed" in refusal.error, refusal
    finally:
        document.unlink()

    absolute = f"{URL}{url[1:-1]}"
    refusal = refused(lambda: az(f"rest --skip-authorization-header --url '{absolute}'"))
    assert "Unauthorized" in refusal.error, refusal


def delete():
    ag("delete")
    assert refused(lambda: ag("show")).code == NOT_FOUND
    assert traffic.status(PORT) is None
    az(f"group delete --name {GROUP} --yes")
    assert az(f"group exists --name {GROUP}") is False
    az("logout")


STEPS = [
    log_in,
    create_from_nothing,
    carry_traffic,
    show_and_list,
    tag,
    keep_a_tunnel_policy,
    children.each_kind_comes_and_goes,
    choose_a_tls_policy,
    firewall.write_a_policy,
    firewall.list_rule_sets,
    firewall.rely_on_a_firewall,
    see_backend_health,
    stop_and_start,
    go_wrong,
    deployments.deploy,
    delete,
]

if __name__ == "__main__":
    try:
        for step in STEPS:
            begin = time.monotonic()
            step()
            print(f"   {step.__name__.replace('_', ' ')} ({time.monotonic() - begin:.1f} s)", flush=True)
    finally:
        clean_up()
