"""The configurations: a network, an address and a gateway each, and the update that follows its creation."""

import base64
import dataclasses
import os
import pathlib
from typing import Callable

from provider import SUBSCRIPTION, Provider, Resource

ADDRESS, BACKEND_PORT = os.environ["TEST_ADDRESS"], int(os.environ["TEST_BACKEND_PORT"])
CERTIFICATES = pathlib.Path(os.environ["TEST_CERTIFICATES"])
LOCATION = "westeurope"
HTTP, HTTPS = 80, 443


def encoded(file: str) -> str:
    return base64.b64encode((CERTIFICATES / file).read_bytes()).decode()


class Stack:
    """The resources of one configuration, in the order in which they depend on each other."""

    def __init__(self, name: str):
        self.group = Resource.of(
            "azurerm_resource_group", f"/subscriptions/{SUBSCRIPTION}", f"terraform-{name}", location=LOCATION
        )
        self.network = self._in_group(
            "azurerm_virtual_network", "network", location=LOCATION, address_space=["10.0.0.0/16"]
        )
        self.subnet = Resource.of(
            "azurerm_subnet", self.network.id, "gateways", address_prefixes=["10.0.1.0/24"]
        )
        self.address = self._in_group(
            "azurerm_public_ip", "address", location=LOCATION, allocation_method="Static"
        )
        self.gateway = self._in_group("azurerm_application_gateway", "gateway", **self._gateway())

    @property
    def resources(self) -> list[Resource]:
        return [self.group, self.network, self.subnet, self.address, self.gateway]

    def tie(self, provider: Provider) -> None:
        """Creates what associates the resources, once they exist."""

    def untie(self, provider: Provider) -> None:
        """Removes the associations."""

    def update(self, provider: Provider) -> None:
        """Updates the resources that other stacks have not."""

    def _in_group(self, type: str, name: str, **configuration) -> Resource:
        return Resource.of(type, self.group.id, name, **configuration)

    def _gateway(self) -> dict:
        """The blocks that every configuration has: a listener, and a rule that forwards all requests."""
        return {
            "location": LOCATION,
            "tags": {"made-by": "terraform"},
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1},
            "gateway_ip_configuration": [{"name": "subnet", "subnet_id": self.subnet.id}],
            "frontend_ip_configuration": [{"name": "public", "public_ip_address_id": self.address.id}],
            "frontend_port": [{"name": "http", "port": HTTP}],
            "backend_address_pool": [{"name": "echo", "ip_addresses": [ADDRESS]}],
            "backend_http_settings": [settings("plain")],
            "http_listener": [listener("web")],
            "request_routing_rule": [rule("all", "web", 100)],
        }


def settings(name: str, **more) -> dict:
    return {
        "name": name, "port": BACKEND_PORT, "protocol": "Http", "cookie_based_affinity": "Disabled",
        "request_timeout": 60,
    } | more  # fmt: skip


def listener(name: str, port: str = "http", protocol: str = "Http", **more) -> dict:
    names = {"frontend_ip_configuration_name": "public", "frontend_port_name": port}
    return {"name": name, "protocol": protocol} | names | more


def to_backend(**more) -> dict:
    return {"backend_address_pool_name": "echo", "backend_http_settings_name": "plain"} | more


def rule(name: str, listener_name: str, priority: int, **more) -> dict:
    way = {} if "redirect_configuration_name" in more or "url_path_map_name" in more else to_backend()
    base = {"name": name, "rule_type": "Basic", "http_listener_name": listener_name, "priority": priority}
    return base | way | more


def pfx(gateway: dict) -> None:
    gateway |= {
        "enable_http2": True,
        "frontend_port": [{"name": "http", "port": HTTP}, {"name": "https", "port": HTTPS}],
        "ssl_certificate": [{"name": "server", "data": encoded("server.pfx"), "password": "secret"}],
        "http_listener": [
            listener("web"),
            listener("secure", "https", "Https", ssl_certificate_name="server", host_name="gateway.test",
                     require_sni=True),
        ],
        "request_routing_rule": [rule("all", "web", 100), rule("secure", "secure", 200)],
    }  # fmt: skip


def probes(gateway: dict) -> None:
    times = {"interval": 30, "timeout": 20, "unhealthy_threshold": 3}
    gateway |= {
        "probe": [
            {"name": "by-host", "protocol": "Http", "host": "probe.test", "path": "/", "port": BACKEND_PORT,
             "match": {"body": "", "status_code": ["200-399"]}, **times},
            {"name": "by-settings", "protocol": "Http", "path": "/", "minimum_servers": 1,
             "pick_host_name_from_backend_http_settings": True, **times},
        ],
        "backend_http_settings": [
            settings("plain", probe_name="by-host",
                     connection_draining={"enabled": True, "drain_timeout_sec": 30}),
            settings("sticky", probe_name="by-settings", host_name="backend.test", path="/inner/",
                     cookie_based_affinity="Enabled", affinity_cookie_name="Affinity"),
        ],
        "request_routing_rule": [rule("all", "web", 100)],
    }  # fmt: skip


def path_maps(gateway: dict) -> None:
    defaults = {f"default_{name}": value for name, value in to_backend().items()}
    gateway |= {
        "backend_address_pool": [
            {"name": "echo", "ip_addresses": [ADDRESS]},
            {"name": "names", "fqdns": ["localhost"]},
        ],
        "url_path_map": [
            {"name": "paths", **defaults, "path_rule": [
                {"name": "images", "paths": ["/images/*", "/pictures/*"], **to_backend()},
                {"name": "names", "paths": ["/names/*"], **to_backend(backend_address_pool_name="names")},
            ]},
        ],
        "request_routing_rule": [
            rule("all", "web", 100, rule_type="PathBasedRouting", url_path_map_name="paths")
        ],
    }  # fmt: skip


def rewrites(gateway: dict) -> None:
    condition = {"variable": "var_uri_path", "pattern": "^/old/(.*)$", "ignore_case": True}
    gateway |= {
        "rewrite_rule_set": [
            {"name": "moving", "rewrite_rule": [
                {"name": "path", "rule_sequence": 100, "condition": [condition],
                 "url": {"path": "/new/{var_uri_path_1}", "components": "path_only"}},
                {"name": "both", "rule_sequence": 200,
                 "url": {"path": "/both", "query_string": "a={var_query_string}", "reroute": False}},
                {"name": "headers", "rule_sequence": 300,
                 "request_header_configuration": [
                     {"header_name": "X-Client", "header_value": "{var_client_ip}"}],
                 "response_header_configuration": [{"header_name": "Server", "header_value": ""}]},
            ]},
        ],
        "request_routing_rule": [rule("all", "web", 100, rewrite_rule_set_name="moving")],
    }  # fmt: skip


def redirects(gateway: dict) -> None:
    gateway |= {
        "frontend_port": [{"name": "http", "port": HTTP}, {"name": "other", "port": 8080}],
        "http_listener": [listener("web"), listener("other", "other")],
        "redirect_configuration": [
            {"name": "listener", "redirect_type": "Permanent", "target_listener_name": "web",
             "include_path": True, "include_query_string": True},
            {"name": "url", "redirect_type": "Found", "target_url": "https://elsewhere.test/"},
        ],
        "url_path_map": [
            {"name": "paths", "default_redirect_configuration_name": "listener", "path_rule": [
                {"name": "away", "paths": ["/away/*"], "redirect_configuration_name": "url"},
            ]},
        ],
        "request_routing_rule": [
            rule("all", "web", 100),
            rule("other", "other", 200, rule_type="PathBasedRouting", url_path_map_name="paths"),
        ],
    }  # fmt: skip


def profiles(gateway: dict) -> None:
    pfx(gateway)
    policy = {"policy_type": "Predefined", "policy_name": "AppGwSslPolicy20220101"}
    gateway |= {
        "trusted_client_certificate": [{"name": "authority", "data": encoded("authority.pem")}],
        "ssl_profile": [
            {"name": "mutual", "trusted_client_certificate_names": ["authority"], "ssl_policy": policy,
             "verify_client_cert_issuer_dn": True},
            {"name": "plain"},
        ],
    }  # fmt: skip
    gateway["http_listener"][1]["ssl_profile_name"] = "mutual"


def scaled(gateway: dict) -> None:
    gateway |= {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
        "autoscale_configuration": {"min_capacity": 0, "max_capacity": 4},
        "zones": ["1", "2", "3"],
    }


def private(gateway: dict) -> None:
    subnet = gateway["gateway_ip_configuration"][0]["subnet_id"]
    gateway["frontend_ip_configuration"] = [
        *gateway["frontend_ip_configuration"],
        {"name": "private", "subnet_id": subnet, "private_ip_address": "127.0.0.1",
         "private_ip_address_allocation": "Static"},
    ]  # fmt: skip
    gateway["frontend_port"].append({"name": "inner", "port": 8081})
    inner = listener("inner", "inner", frontend_ip_configuration_name="private")
    gateway["http_listener"].append(inner)
    gateway["request_routing_rule"].append(rule("inner", "inner", 200))


def identity(gateway: dict) -> None:
    group = gateway["gateway_ip_configuration"][0]["subnet_id"].split("/providers/")[0]
    gateway["identity"] = {
        "type": "UserAssigned",
        "identity_ids": [f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gateway"],
    }


def roots(gateway: dict) -> None:
    secure = {"protocol": "Https", "port": HTTPS, "host_name": "gateway.test"}
    gateway |= {
        "trusted_root_certificate": [{"name": "authority", "data": encoded("authority.cer")}],
        "backend_http_settings": [
            settings("plain"),
            settings("secure", trusted_root_certificate_names=["authority"], **secure),
        ],
        "request_routing_rule": [rule("all", "web", 100, backend_http_settings_name="secure")],
    }


def buffering(gateway: dict) -> None:
    gateway["global"] = {"request_buffering_enabled": True, "response_buffering_enabled": False}


def hosts(gateway: dict) -> None:
    """A policy for all listeners, several hosts, links and a second pool of names."""
    subnet = gateway["gateway_ip_configuration"][0]["subnet_id"]
    gateway |= {
        "ssl_policy": {
            "policy_type": "CustomV2", "min_protocol_version": "TLSv1_2",
            "cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                              "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        },
        "http_listener": [
            listener("web"),
            listener("some", host_names=["*.some.test", "some.test"]),
        ],
        "private_link_configuration": [
            {"name": "link", "ip_configuration": [
                {"name": "first", "subnet_id": subnet, "private_ip_address_allocation": "Dynamic",
                 "primary": True},
            ]},
        ],
        "request_routing_rule": [rule("some", "some", 50), rule("all", "web", 100)],
    }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A name, what it adds to the blocks of every configuration, and what its update changes."""

    name: str
    add: Callable[[dict], None]
    update: Callable[[dict], dict]
    of: type[Stack] = Stack

    def stack(self) -> Stack:
        stack = self.of(self.name)
        self.add(stack.gateway.configuration)
        return stack


def changed(blocks: list[dict], at: int, **more) -> list[dict]:
    """Returns blocks with one of them changed."""
    return [block | more if index == at else block for index, block in enumerate(blocks)]


CONFIGURATIONS = [
    Configuration("pfx", pfx, lambda now: {"enable_http2": False, "tags": {"stage": "test"}}),
    Configuration("probes", probes, lambda now: {
        "probe": changed(now["probe"], 0, interval=40, match={"body": "", "status_code": ["200", "404"]}),
        "backend_http_settings": changed(now["backend_http_settings"], 0, connection_draining=None),
    }),
    Configuration("path-maps", path_maps, lambda now: {
        "url_path_map": changed(now["url_path_map"], 0, path_rule=now["url_path_map"][0]["path_rule"][:1]),
    }),
    Configuration("rewrites", rewrites, lambda now: {
        "rewrite_rule_set": [], "request_routing_rule": [rule("all", "web", 100)],
    }),
    Configuration("redirects", redirects, lambda now: {
        "redirect_configuration": changed(now["redirect_configuration"], 0, include_path=False),
    }),
    Configuration("profiles", profiles, lambda now: {
        "ssl_profile": changed(now["ssl_profile"], 0, verify_client_cert_issuer_dn=False),
    }),
    Configuration("autoscale", scaled, lambda now: {
        "autoscale_configuration": {"min_capacity": 1},
    }),
    Configuration("private", private, lambda now: {
        "request_routing_rule": changed(now["request_routing_rule"], 1, priority=250),
    }),
    Configuration("identity", identity, lambda now: {"tags": {}}),
    Configuration("roots", roots, lambda now: {
        "backend_http_settings": changed(now["backend_http_settings"], 1, request_timeout=90),
    }),
    Configuration("buffering", buffering, lambda now: {
        "global": {"request_buffering_enabled": False, "response_buffering_enabled": False},
    }),
    Configuration("hosts", hosts, lambda now: {
        "http_listener": changed(now["http_listener"], 1, host_names=["some.test"]),
        "private_link_configuration": [],
    }),
]  # fmt: skip
