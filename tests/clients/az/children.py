"""Each az command group for sub-resources: create, show, list, update, delete.

Layer-4 sub-resources are only stored; the command that would use them is refused.
"""

import dataclasses
import functools
import os
import pathlib

from az import GROUP, ag, child, refused

CERTIFICATES = pathlib.Path(os.environ["TEST_CERTIFICATES"])
NAME = "added"
NOT_SUPPORTED = "ApplicationGatewayFeatureNotSupported"

# The names that `az network application-gateway create` uses.
POOL, HTTP_SETTINGS, FRONTEND_IP = "appGatewayBackendPool", "appGatewayBackendHttpSettings", "appGatewayFrontendIP"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A command group, the options that create and update a sub-resource, and the property that shows the update."""

    group: str
    create: str
    update: str = ""
    changed: tuple[str, object] | None = None
    verbs: tuple[str, str] = ("create", "delete")
    confirmation: str = ""


PFX, CER, PEM = CERTIFICATES / "server.pfx", CERTIFICATES / "authority.cer", CERTIFICATES / "authority.pem"
ADD_AND_REMOVE = ("add", "remove")

KINDS = [
    Kind("frontend-port", "--port 81", "--port 82", ("port", 82)),
    Kind("address-pool", "--servers 127.0.0.1", "--add backendAddresses ipAddress=127.0.0.2"),
    Kind("probe", "--protocol Http --host probe.test --path /", "--interval 20", ("interval", 20)),
    Kind(
        "http-settings",
        "--port 8080 --protocol Http --probe added --timeout 10",
        "--connection-draining-timeout 5",
        ("connectionDraining.drainTimeoutInSec", 5),
    ),
    Kind(
        "http-listener",
        f"--frontend-ip {FRONTEND_IP} --frontend-port added --host-name added.test",
        "--host-name changed.test",
        ("hostName", "changed.test"),
    ),
    Kind(
        "rule",
        "--http-listener added --address-pool added --http-settings added --priority 200",
        "--priority 210",
        ("priority", 210),
    ),
    Kind("frontend-ip", "--private-ip-address 127.0.0.1 --vnet-name gatewayVnet --subnet default"),
    Kind("ssl-cert", f"--cert-file {PFX} --cert-password secret", f"--cert-file {PFX} --cert-password secret"),
    Kind("root-cert", f"--cert-file {CER}", f"--cert-file {CER}"),
    Kind("auth-cert", f"--cert-file {CER}", f"--cert-file {CER}"),
    Kind("client-cert", f"--data {PEM}", f"--data {PEM}", verbs=ADD_AND_REMOVE),
    Kind(
        "ssl-profile",
        "--trusted-client-certificates added",
        "--client-auth-configuration true",
        ("clientAuthConfiguration.verifyClientCertIssuerDN", True),
        ADD_AND_REMOVE,
    ),
    Kind(
        "redirect-config",
        "--type Permanent --target-url https://elsewhere.test/ --include-path true",
        "--type Found",
        ("redirectType", "Found"),
    ),
    Kind("rewrite-rule set", ""),
    Kind(
        "url-path-map",
        f"--rule-name first --paths /images/* --address-pool {POOL} --http-settings {HTTP_SETTINGS}"
        f" --default-address-pool {POOL} --default-http-settings {HTTP_SETTINGS}",
    ),
    Kind("settings", "--port 5432 --protocol Tcp --timeout 30", "--timeout 40", ("timeout", 40)),
    Kind(
        "private-link",
        f"--frontend-ip {FRONTEND_IP} --subnet links --subnet-prefix 10.0.1.0/24",
        verbs=ADD_AND_REMOVE,
        confirmation="--yes",
    ),
]


def each_kind_comes_and_goes():
    for kind in KINDS:
        come(kind)
        print(f"     {kind.group}", flush=True)
    members_of_members()
    layer_4_listeners()
    a_profile_needs_tls()
    for kind in reversed(KINDS):
        _, delete = kind.verbs
        child(kind.group, delete, f"--name {NAME} {kind.confirmation}")
    left = {kind: [member["name"] for member in members] for kind, members in ag("show").items() if is_list(members)}
    assert NAME not in sum(left.values(), []), left


def is_list(value) -> bool:
    """Returns true for a collection of sub-resources."""
    return isinstance(value, list) and all(isinstance(member, dict) for member in value)


def come(kind: Kind):
    create, _ = kind.verbs
    child(kind.group, create, f"--name {NAME} {kind.create}")
    if kind.update:
        child(kind.group, "update", f"--name {NAME} {kind.update}")
    shown = child(kind.group, "show", f"--name {NAME}")
    # Only redirects have no provisioning state.
    assert shown["name"] == NAME and shown.get("provisioningState", "Succeeded") == "Succeeded", shown
    assert f"/resourceGroups/{GROUP}/" in shown["id"] and shown["id"].endswith(f"/{NAME}"), shown
    assert NAME in [member["name"] for member in child(kind.group, "list")], kind.group
    if kind.changed:
        path, value = kind.changed
        seen = functools.reduce(lambda members, part: members[part], path.split("."), shown)
        assert seen == value, (kind.group, shown)


def members_of_members():
    """Checks conditions of rewrites, rules of path maps and addresses of private links."""
    of_set = f"--rule-set-name {NAME}"
    child("rewrite-rule", "create", f"{of_set} --name header --sequence 100 --request-headers X-New=1")
    child("rewrite-rule", "update", f"{of_set} --name header --response-headers X-Answer=2")
    of_rule = f"{of_set} --rule-name header --variable http_req_X-Old"
    child("rewrite-rule condition", "create", f"{of_rule} --pattern ^yes$")
    child("rewrite-rule condition", "update", f"{of_rule} --negate true")
    shown = child("rewrite-rule", "show", f"{of_set} --name header")
    assert shown["conditions"][0]["negate"] is True, shown
    assert shown["actionSet"]["responseHeaderConfigurations"][0]["headerName"] == "X-Answer", shown
    child("rewrite-rule condition", "delete", of_rule)
    child("rewrite-rule", "delete", f"{of_set} --name header")
    assert child("rewrite-rule", "list", of_set) == []

    of_map = f"--path-map-name {NAME} --name second"
    to_backends = f"--address-pool {POOL} --http-settings {HTTP_SETTINGS}"
    child("url-path-map rule", "create", f"{of_map} --paths /more/* {to_backends}")
    assert [rule["name"] for rule in child("url-path-map", "show", f"--name {NAME}")["pathRules"]] == [
        "first",
        "second",
    ]
    child("url-path-map rule", "delete", of_map)
    assert [rule["name"] for rule in child("url-path-map", "show", f"--name {NAME}")["pathRules"]] == ["first"]

    of_link = f"--private-link {NAME}"
    child("private-link ip-config", "add", f"{of_link} --name second --primary false")
    assert "second" in [member["name"] for member in child("private-link ip-config", "list", of_link)]
    child("private-link ip-config", "remove", f"{of_link} --name second --yes")
    assert "second" not in [member["name"] for member in child("private-link ip-config", "list", of_link)]


def layer_4_listeners():
    """Creates, lists and deletes a layer-4 listener at its own port; its routing rule is refused."""
    child("frontend-port", "create", "--name database --port 5432")
    child("listener", "create", f"--name {NAME} --frontend-ip {FRONTEND_IP} --frontend-port database")
    assert child("listener", "show", f"--name {NAME}")["protocol"] == "Tcp"
    routing = f"--name {NAME} --listener {NAME} --address-pool {POOL} --settings {NAME} --priority 300"
    refusal = refused(lambda: child("routing-rule", "create", routing))
    assert NOT_SUPPORTED in refusal.error, refusal
    assert child("routing-rule", "list") == []
    assert [listener["name"] for listener in child("listener", "list")] == [NAME]
    child("listener", "delete", f"--name {NAME}")
    child("frontend-port", "delete", "--name database")


def a_profile_needs_tls():
    """Checks that an SSL profile is refused for a plain HTTP listener."""
    refusal = refused(lambda: child("http-listener", "update", f"--name {NAME} --ssl-profile-id {NAME}"))
    assert NOT_SUPPORTED in refusal.error, refusal
