"""The life of a gateway with the PyPI package azure-mgmt-network."""

import ssl
import time
import urllib.error
import urllib.request

import connection
import traffic
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.mgmt.network import models
from connection import ADDRESS, PORT_OFFSET
from documents import GROUP, PORT, Gateway

network = connection.connect(connection.credential())
gateways = network.application_gateways
GATEWAY = Gateway("gateway")
LISTENING = PORT + PORT_OFFSET


def make_what_the_gateway_leans_on():
    subnets = [
        models.Subnet(name="gateways", address_prefix="10.0.0.0/24"),
        models.Subnet(name="links", address_prefix="10.0.1.0/24"),
    ]
    space = models.AddressSpace(address_prefixes=["10.0.0.0/16"])
    wanted = models.VirtualNetwork(location="local", address_space=space, subnets=subnets)
    made = network.virtual_networks.begin_create_or_update(GROUP, "network", wanted).result()
    assert [subnet.name for subnet in made.subnets] == ["gateways", "links"], made

    sku = models.PublicIPAddressSku(name="Standard")
    wanted = models.PublicIPAddress(location="local", sku=sku, public_ip_allocation_method="Static")
    made = network.public_ip_addresses.begin_create_or_update(GROUP, "address", wanted).result()
    assert made.provisioning_state == "Succeeded", made


def create():
    address = network.public_ip_addresses.get(GROUP, "address")
    made = gateways.begin_create_or_update(GROUP, GATEWAY.name, GATEWAY.document(address.id)).result()
    assert made.provisioning_state == "Succeeded", made
    assert made.operational_state == "Running", made
    assert made.request_routing_rules[0].provisioning_state == "Succeeded", made


def get_and_list():
    got = gateways.get(GROUP, GATEWAY.name)
    assert got.id == GATEWAY.id, got.id
    assert [listed.id for listed in gateways.list(GROUP)] == [GATEWAY.id]
    assert [listed.id for listed in gateways.list_all()] == [GATEWAY.id]


def list_page_by_page():
    """Lists more gateways than fit on one page: the SDK follows `nextLink`."""
    others = [Gateway(f"other{number}") for number in range(3)]
    for other in others:
        sku = models.ApplicationGatewaySku(name="Standard_v2", tier="Standard_v2")
        gateways.begin_create_or_update(
            GROUP, other.name, models.ApplicationGateway(location="local", sku=sku)
        ).result()
    wanted = sorted([GATEWAY.id, *(other.id for other in others)])
    for paged in (gateways.list(GROUP, params={"$top": "1"}), gateways.list_all(params={"$top": "1"})):
        pages = [[listed.id for listed in page] for page in paged.by_page()]
        assert sorted(sum(pages, [])) == wanted and len(pages) >= len(wanted), pages
    for other in others:
        gateways.begin_delete(GROUP, other.name).result()


def carry_traffic():
    traffic.until_status(200, ADDRESS, LISTENING)
    traffic.echo(ADDRESS, LISTENING)


def tag():
    tagged = gateways.update_tags(GROUP, GATEWAY.name, models.TagsObject(tags={"stage": "test"}))
    assert tagged.tags == {"stage": "test"}, tagged.tags
    assert gateways.get(GROUP, GATEWAY.name).tags == {"stage": "test"}


def change(edit) -> models.ApplicationGateway:
    """Changes a sub-resource as the SDK does: GET, edit, PUT."""
    gateway = gateways.get(GROUP, GATEWAY.name)
    edit(gateway)
    return gateways.begin_create_or_update(GROUP, GATEWAY.name, gateway).result()


def add_and_remove_each_kind_of_sub_resource():
    port = models.ApplicationGatewayFrontendPort(name="database", port=5432)
    change(lambda gateway: gateway.frontend_ports.append(port))
    kinds = GATEWAY.sub_resources()
    for attribute, collection, sub_resource in kinds:
        changed = change(lambda gateway: getattr(gateway, attribute).append(sub_resource))
        added = {member.name: member for member in getattr(changed, attribute)}["added"]
        assert added.id == f"{GATEWAY.id}/{collection}/added", added
        assert added.etag, added
        # Only redirects have no provisioning state.
        assert getattr(added, "provisioning_state", "Succeeded") == "Succeeded", added
        print(f"     {attribute}", flush=True)
    # A GET does not return secrets; the PUTs above have kept them all the same.
    assert not getattr(gateways.get(GROUP, GATEWAY.name).ssl_certificates[0], "data", None)
    for attribute, _, _ in reversed(kinds):
        changed = change(lambda gateway: remove(gateway, attribute, "added"))
        assert "added" not in [member.name for member in getattr(changed, attribute)], attribute
    traffic.echo(ADDRESS, LISTENING)


def remove(gateway, attribute: str, name: str):
    setattr(gateway, attribute, [member for member in getattr(gateway, attribute) if member.name != name])


def route_redirect_and_rewrite():
    """Checks that a path map, a redirect and rewrites are applied as soon as the operation has ended."""
    before = gateways.get(GROUP, GATEWAY.name)
    change(GATEWAY.route_by_path)
    status, headers, _ = traffic.answer(ADDRESS, LISTENING, "/old/page?a=b")
    assert (status, headers["location"]) == (301, "https://elsewhere.test/old/page?a=b"), headers
    status, headers, body = traffic.answer(ADDRESS, LISTENING, "/shop/shoes")
    assert (status, headers["x-way"]) == (200, "shop"), headers
    assert "/inner/shoes" in body, body
    status, headers, _ = traffic.answer(ADDRESS, LISTENING, "/else")
    assert status == 200 and "x-way" not in headers, headers
    traffic.echo(ADDRESS, LISTENING)
    gateways.begin_create_or_update(GROUP, GATEWAY.name, before).result()
    assert traffic.status(ADDRESS, LISTENING, "/old/page") == 200


def be_told_what_is_not_executed_yet():
    """Checks that unsupported features are refused with the property's name."""

    def firewall(gateway):
        gateway.sku = models.ApplicationGatewaySku(name="WAF_v2", tier="WAF_v2", capacity=1)
        gateway.web_application_firewall_configuration = models.ApplicationGatewayWebApplicationFirewallConfiguration(
            enabled=True, firewall_mode="Prevention", rule_set_type="OWASP", rule_set_version="3.2"
        )

    refusal = refused(HttpResponseError, lambda: change(firewall))
    assert refusal.status_code == 400, refusal
    assert refusal.error.code == "ApplicationGatewayProtectionNotEnforced", refusal
    assert "--unserved-protection warn" in refusal.error.message, refusal


def see_backend_health():
    def servers(health):
        return health.backend_address_pools[0].backend_http_settings_collection[0].servers

    deadline = time.monotonic() + traffic.DEADLINE_SECONDS
    while servers(health := gateways.begin_backend_health(GROUP, GATEWAY.name).result())[0].health != "Up":
        assert time.monotonic() < deadline, health
    assert servers(health)[0].address == ADDRESS, health
    assert not health.backend_address_pools[0].backend_address_pool.backend_addresses

    expand = "BackendAddressPool,BackendHttpSettings"
    health = gateways.begin_backend_health(GROUP, GATEWAY.name, expand=expand).result()
    assert health.backend_address_pools[0].backend_address_pool.backend_addresses[0].ip_address == ADDRESS, health


def probe_on_demand():
    probe = models.ApplicationGatewayOnDemandProbe(
        protocol="Http",
        host="probe.test",
        path="/",
        timeout=5,
        backend_address_pool=GATEWAY.reference("backendAddressPools", "echo"),
        backend_http_settings=GATEWAY.reference("backendHttpSettingsCollection", "plain"),
    )
    health = gateways.begin_backend_health_on_demand(GROUP, GATEWAY.name, probe).result()
    servers = health.backend_health_http_settings.servers
    assert [(server.address, server.health) for server in servers] == [(ADDRESS, "Up")], health

    probe.match = models.ApplicationGatewayProbeHealthResponseMatch(status_codes=["500-599"])
    health = gateways.begin_backend_health_on_demand(GROUP, GATEWAY.name, probe).result()
    assert health.backend_health_http_settings.servers[0].health == "Down", health


def stop_and_start():
    gateways.begin_stop(GROUP, GATEWAY.name).result()
    assert gateways.get(GROUP, GATEWAY.name).operational_state == "Stopped"
    traffic.until_status(None, ADDRESS, LISTENING)
    gateways.begin_start(GROUP, GATEWAY.name).result()
    assert gateways.get(GROUP, GATEWAY.name).operational_state == "Running"
    traffic.until_status(200, ADDRESS, LISTENING)
    traffic.echo(ADDRESS, LISTENING)


def ask_what_there_is_to_choose_from():
    options = gateways.list_available_ssl_options()
    assert "TLSv1_3" in options.available_protocols, options
    names = [policy.name for policy in gateways.list_available_ssl_predefined_policies()]
    assert "AppGwSslPolicy20220101" in names, names
    assert gateways.get_ssl_predefined_policy("AppGwSslPolicy20220101").cipher_suites
    assert "client_ip" in gateways.list_available_server_variables()
    assert "Accept" in gateways.list_available_request_headers()
    assert "Location" in gateways.list_available_response_headers()
    rule_sets = [rule_set.name for rule_set in gateways.list_available_waf_rule_sets().value]
    assert "OWASP_3.2" in rule_sets, rule_sets


def go_wrong():
    absent = refused(ResourceNotFoundError, lambda: gateways.get(GROUP, "absent"))
    assert absent.error.code == "ResourceNotFound", absent

    def refer_to_nothing(gateway):
        gateway.request_routing_rules[0].http_listener = GATEWAY.reference("httpListeners", "absent")

    dangling = refused(HttpResponseError, lambda: change(refer_to_nothing))
    assert (dangling.status_code, dangling.error.code) == (400, "InvalidResourceReference"), dangling

    gateway = gateways.get(GROUP, GATEWAY.name)
    stale = {"If-Match": gateway.etag}
    change(lambda newer: newer.frontend_ports.append(models.ApplicationGatewayFrontendPort(name="newer", port=82)))
    late = refused(
        HttpResponseError,
        lambda: gateways.begin_create_or_update(GROUP, GATEWAY.name, gateway, headers=stale).result(),
    )
    assert (late.status_code, late.error.code) == (412, "PreconditionFailed"), late

    in_use = refused(HttpResponseError, lambda: network.public_ip_addresses.begin_delete(GROUP, "address").result())
    assert in_use.error.code == "PublicIPAddressCannotBeDeleted", in_use

    class Forged:
        def get_token(self, *_scopes, **_options):
            return AccessToken("forged", int(time.time()) + 3600)

    stranger = connection.connect(Forged()).application_gateways
    assert refused(ClientAuthenticationError, lambda: stranger.get(GROUP, GATEWAY.name)).status_code == 401

    # The SDK always sends a token; a client without one gets a challenge.
    trust = ssl.create_default_context(cafile=connection.CA_FILE)
    try:
        urllib.request.urlopen(f"{connection.URL}/subscriptions?api-version=2022-12-01", context=trust)
        raise AssertionError("answered without a token")
    except urllib.error.HTTPError as error:
        assert (error.code, error.headers["WWW-Authenticate"]) == (401, "Bearer"), error.headers


def refused(kind, call):
    """Returns the exception of the call, which must be of this kind."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nothing was raised, but {kind.__name__} was expected")


def delete():
    gateways.begin_delete(GROUP, GATEWAY.name).result()
    refused(ResourceNotFoundError, lambda: gateways.get(GROUP, GATEWAY.name))
    assert traffic.status(ADDRESS, LISTENING) is None
    # Repeated, like a retry.
    gateways.begin_delete(GROUP, GATEWAY.name).result()
    network.public_ip_addresses.begin_delete(GROUP, "address").result()
    network.virtual_networks.begin_delete(GROUP, "network").result()


STEPS = [
    make_what_the_gateway_leans_on,
    create,
    get_and_list,
    list_page_by_page,
    carry_traffic,
    tag,
    add_and_remove_each_kind_of_sub_resource,
    route_redirect_and_rewrite,
    be_told_what_is_not_executed_yet,
    see_backend_health,
    probe_on_demand,
    stop_and_start,
    ask_what_there_is_to_choose_from,
    go_wrong,
    delete,
]

if __name__ == "__main__":
    for step in STEPS:
        begin = time.monotonic()
        step()
        print(f"   {step.__name__.replace('_', ' ')} ({time.monotonic() - begin:.1f} s)", flush=True)
