"""Configures the gateway under test: for each backend a listener without TLS and one with TLS."""

import base64
import collections
import json
import pathlib
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from kit import installs
from kit.server import PORT_OFFSET, Tidegate, environment

from rig.backends import Backend, Read

SCOPE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rig/providers/Microsoft.Network"
GATEWAY = f"{SCOPE}/applicationGateways/rig"
SUBNET = {"id": f"{SCOPE}/virtualNetworks/rig/subnets/rig"}
APPLY_TIMEOUT_SECONDS = 60

# The gateway's health probe, which is not in the access log.
PROBE = Read("GET", "/probe", "probe.test")


def ports(index: int) -> tuple[int, int]:
    """Returns the frontend ports of a backend's listeners: without TLS, and with TLS."""
    return 1000 + index, 2000 + index


def configure(tidegate: Tidegate, backends: list[Backend]) -> None:
    """Puts the gateway, and waits until it is applied."""
    ref = lambda collection, name: {"id": f"{GATEWAY}/{collection}/{name}"}  # noqa: E731
    named = lambda name, **properties: {"name": name, "properties": properties}  # noqa: E731
    frontend = {"privateIPAddress": tidegate.address, "privateIPAllocationMethod": "Static", "subnet": SUBNET}
    pfx = base64.b64encode((certificates(tidegate) / "server.pfx").read_bytes()).decode()
    lists = collections.defaultdict(list)
    for index, backend in enumerate(backends):
        member = {"ipAddress": backend.address}
        lists["backendAddressPools"].append(named(backend.name, backendAddresses=[member]))
        how = {"protocol": "Http", "host": PROBE.host, "path": PROBE.target}
        probe = named(backend.name, **how, interval=86400, timeout=5, unhealthyThreshold=20)
        lists["probes"].append(probe)
        settings = named(backend.name, port=backend.port, protocol="Http", requestTimeout=5, probe=ref("probes", backend.name))
        lists["backendHttpSettingsCollection"].append(settings)
        for secure, port in zip([False, True], ports(index)):
            name = f"{backend.name}-{port}"
            lists["frontendPorts"].append(named(name, port=port))
            protocol = {"protocol": "Https", "sslCertificate": ref("sslCertificates", "server")} if secure else {"protocol": "Http"}
            place = {"frontendIPConfiguration": ref("frontendIPConfigurations", "address"), "frontendPort": ref("frontendPorts", name)}
            lists["httpListeners"].append(named(name, **place, **protocol))
            target = {
                "httpListener": ref("httpListeners", name),
                "backendAddressPool": ref("backendAddressPools", backend.name),
                "backendHttpSettings": ref("backendHttpSettingsCollection", backend.name),
            }
            lists["requestRoutingRules"].append(named(name, ruleType="Basic", priority=port, **target))
    properties = {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
        "enableHttp2": True,
        "gatewayIPConfigurations": [named("subnet", subnet=SUBNET)],
        "frontendIPConfigurations": [named("address", **frontend)],
        "sslCertificates": [named("server", data=pfx, password="secret")],
        **lists,
    }
    url = f"{tidegate.endpoints['management']}{GATEWAY}?api-version=2025-05-01"
    _call(tidegate, "PUT", url, {"location": "local", "properties": properties})
    deadline = time.monotonic() + APPLY_TIMEOUT_SECONDS
    while (state := _call(tidegate, "GET", url)["properties"]["provisioningState"]) != "Succeeded":
        if state == "Failed" or time.monotonic() > deadline:
            raise RuntimeError(f"the gateway is {state}")
        time.sleep(0.05)


def certificates(tidegate: Tidegate) -> pathlib.Path:
    """Creates a directory with the listeners' certificate."""
    directory = tidegate.directory / "certificates"
    if not directory.exists():
        directory.mkdir()
        python = installs.python("differential", pathlib.Path(__file__).resolve().parent.parent) / "python"
        maker = [python, installs.CLIENTS / "kit" / "certificates.py", directory]
        subprocess.run(maker, env=environment(), check=True, timeout=60)
    return directory


def client_tls() -> ssl.SSLContext:
    """Returns a TLS context for HTTP/2, which does not verify the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class Forwarded:
    """The requests to one backend by the gateway's access log, and the number of rejected ones."""

    def __init__(self) -> None:
        self.sent, self.answered = collections.Counter(), collections.Counter()
        self.refused_by_backend = self.refused = 0


def forwarded(tidegate: Tidegate, backends: list[Backend]) -> dict[str, Forwarded]:
    """Reads the access log, by the backend's name."""
    found = {backend.name: Forwarded() for backend in backends}
    for line in (tidegate.directory / "access.log").read_text().splitlines():
        entry = json.loads(line)
        facts, to = entry["properties"], found.get(entry["backendPoolName"])
        if to is None:
            continue
        if not facts["serverRouted"]:
            to.refused += 1
            continue
        target = facts["requestUri"] + ("?" + facts["requestQuery"] if facts["requestQuery"] else "")
        read = Read.of(facts["httpMethod"], target, facts["host"])
        to.sent[read] += 1
        status = facts["serverStatus"]
        to.answered[read] += status.startswith("2")
        to.refused_by_backend += status.startswith(("4", "5"))
    return found


def _call(tidegate: Tidegate, method: str, url: str, body=None) -> dict:
    headers = {"Authorization": "Bearer " + tidegate.admin_token(), "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=APPLY_TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{method} {url}: {error.code} {error.read().decode()}") from error


def address(tidegate: Tidegate, port: int) -> tuple[str, int]:
    """Returns the address of a frontend port."""
    return tidegate.address, PORT_OFFSET + port
