"""The gateway of this suite, and one sub-resource of each kind to add to it, as the SDK's models."""

import base64

from azure.mgmt.network import models
from connection import ADDRESS, BACKEND_PORT, CERTIFICATES, SUBSCRIPTION

GROUP = "python"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network"

PORT = 80


class Gateway:
    """The IDs of one gateway's sub-resources."""

    def __init__(self, name: str):
        self.name = name
        self.id = f"{NETWORK}/applicationGateways/{name}"

    def reference(self, collection: str, name: str) -> models.SubResource:
        return models.SubResource(id=f"{self.id}/{collection}/{name}")

    def document(self, public_address_id: str) -> models.ApplicationGateway:
        """Returns a gateway with a listener at a public address, and a rule that forwards all requests to one backend."""
        subnet = models.SubResource(id=f"{NETWORK}/virtualNetworks/network/subnets/gateways")
        return models.ApplicationGateway(
            location="local",
            tags={"made-by": "python"},
            sku=models.ApplicationGatewaySku(name="Standard_v2", tier="Standard_v2", capacity=1),
            gateway_ip_configurations=[models.ApplicationGatewayIPConfiguration(name="subnet", subnet=subnet)],
            frontend_ip_configurations=[
                models.ApplicationGatewayFrontendIPConfiguration(
                    name="public", public_ip_address=models.SubResource(id=public_address_id)
                )
            ],
            frontend_ports=[models.ApplicationGatewayFrontendPort(name="web", port=PORT)],
            backend_address_pools=[
                models.ApplicationGatewayBackendAddressPool(
                    name="echo", backend_addresses=[models.ApplicationGatewayBackendAddress(ip_address=ADDRESS)]
                )
            ],
            backend_http_settings_collection=[
                models.ApplicationGatewayBackendHttpSettings(name="plain", port=BACKEND_PORT, protocol="Http")
            ],
            http_listeners=[
                models.ApplicationGatewayHttpListener(
                    name="web",
                    protocol="Http",
                    frontend_ip_configuration=self.reference("frontendIPConfigurations", "public"),
                    frontend_port=self.reference("frontendPorts", "web"),
                )
            ],
            request_routing_rules=[
                models.ApplicationGatewayRequestRoutingRule(
                    name="all",
                    rule_type="Basic",
                    priority=100,
                    http_listener=self.reference("httpListeners", "web"),
                    backend_address_pool=self.reference("backendAddressPools", "echo"),
                    backend_http_settings=self.reference("backendHttpSettingsCollection", "plain"),
                )
            ],
        )

    def route_by_path(self, gateway: models.ApplicationGateway) -> None:
        """Makes the gateway's only rule path-based: `/old/*` is redirected, `/shop/*` is rewritten."""
        pool = self.reference("backendAddressPools", "echo")
        settings = self.reference("backendHttpSettingsCollection", "plain")
        away = models.ApplicationGatewayRedirectConfiguration(
            name="away",
            redirect_type="Permanent",
            target_url="https://elsewhere.test",
            include_path=True,
            include_query_string=True,
        )
        actions = models.ApplicationGatewayRewriteRuleActionSet(
            response_header_configurations=[
                models.ApplicationGatewayHeaderConfiguration(header_name="X-Way", header_value="{var_uri_path_1}")
            ],
            url_configuration=models.ApplicationGatewayUrlConfiguration(modified_path="/inner/{var_uri_path_2}"),
        )
        condition = models.ApplicationGatewayRewriteRuleCondition(variable="var_uri_path", pattern="^/([a-z]+)/(.*)$")
        rule = models.ApplicationGatewayRewriteRule(name="move", conditions=[condition], action_set=actions)
        paths = models.ApplicationGatewayUrlPathMap(
            name="paths",
            default_backend_address_pool=pool,
            default_backend_http_settings=settings,
            path_rules=[
                models.ApplicationGatewayPathRule(
                    name="old",
                    paths=["/old/*"],
                    redirect_configuration=self.reference("redirectConfigurations", "away"),
                ),
                models.ApplicationGatewayPathRule(
                    name="shop",
                    paths=["/shop/*"],
                    backend_address_pool=pool,
                    backend_http_settings=settings,
                    rewrite_rule_set=self.reference("rewriteRuleSets", "moving"),
                ),
            ],
        )
        gateway.redirect_configurations.append(away)
        gateway.rewrite_rule_sets.append(
            models.ApplicationGatewayRewriteRuleSet(name="moving", rewrite_rules=[rule])
        )
        gateway.url_path_maps.append(paths)
        only = gateway.request_routing_rules[0]
        only.rule_type = "PathBasedRouting"
        only.url_path_map = self.reference("urlPathMaps", "paths")
        only.backend_address_pool = only.backend_http_settings = None

    def sub_resources(self) -> list[tuple[str, str, object]]:
        """Returns one sub-resource of each kind: its attribute, its collection in IDs, and itself, named `added`.

        Each refers only to those before it.
        """
        return [*self._plain(), *self._certificates(), *self._definitions(), *self._layer_4()]

    def _plain(self):
        frontend = self.reference("frontendIPConfigurations", "public")
        yield "frontend_ports", "frontendPorts", models.ApplicationGatewayFrontendPort(name="added", port=81)
        yield (
            "backend_address_pools",
            "backendAddressPools",
            models.ApplicationGatewayBackendAddressPool(
                name="added", backend_addresses=[models.ApplicationGatewayBackendAddress(ip_address="127.0.0.1")]
            ),
        )
        yield (
            "probes",
            "probes",
            models.ApplicationGatewayProbe(
                name="added",
                protocol="Http",
                host="probe.test",
                path="/",
                interval=30,
                timeout=5,
                unhealthy_threshold=3,
            ),
        )
        yield (
            "backend_http_settings_collection",
            "backendHttpSettingsCollection",
            (
                models.ApplicationGatewayBackendHttpSettings(
                    name="added",
                    port=8080,
                    protocol="Http",
                    request_timeout=10,
                    probe=self.reference("probes", "added"),
                )
            ),
        )
        yield (
            "http_listeners",
            "httpListeners",
            models.ApplicationGatewayHttpListener(
                name="added",
                protocol="Http",
                host_name="added.test",
                frontend_ip_configuration=frontend,
                frontend_port=self.reference("frontendPorts", "added"),
            ),
        )
        yield (
            "request_routing_rules",
            "requestRoutingRules",
            models.ApplicationGatewayRequestRoutingRule(
                name="added",
                rule_type="Basic",
                priority=200,
                http_listener=self.reference("httpListeners", "added"),
                backend_address_pool=self.reference("backendAddressPools", "added"),
                backend_http_settings=self.reference("backendHttpSettingsCollection", "added"),
            ),
        )
        yield (
            "frontend_ip_configurations",
            "frontendIPConfigurations",
            (
                models.ApplicationGatewayFrontendIPConfiguration(
                    name="added",
                    private_ip_address="127.0.0.1",
                    private_ip_allocation_method="Static",
                    subnet=models.SubResource(id=f"{NETWORK}/virtualNetworks/network/subnets/gateways"),
                )
            ),
        )

    def _certificates(self):
        authority = base64.b64encode((CERTIFICATES / "authority.cer").read_bytes()).decode()
        chain = base64.b64encode((CERTIFICATES / "authority.pem").read_bytes()).decode()
        server = base64.b64encode((CERTIFICATES / "server.pfx").read_bytes()).decode()
        yield (
            "ssl_certificates",
            "sslCertificates",
            models.ApplicationGatewaySslCertificate(name="added", data=server, password="secret"),
        )
        yield (
            "trusted_root_certificates",
            "trustedRootCertificates",
            (models.ApplicationGatewayTrustedRootCertificate(name="added", data=authority)),
        )
        yield (
            "authentication_certificates",
            "authenticationCertificates",
            (models.ApplicationGatewayAuthenticationCertificate(name="added", data=authority)),
        )
        yield (
            "trusted_client_certificates",
            "trustedClientCertificates",
            (models.ApplicationGatewayTrustedClientCertificate(name="added", data=chain)),
        )
        yield (
            "ssl_profiles",
            "sslProfiles",
            models.ApplicationGatewaySslProfile(
                name="added", trusted_client_certificates=[self.reference("trustedClientCertificates", "added")]
            ),
        )

    def _definitions(self):
        pool = self.reference("backendAddressPools", "echo")
        settings = self.reference("backendHttpSettingsCollection", "plain")
        yield (
            "redirect_configurations",
            "redirectConfigurations",
            models.ApplicationGatewayRedirectConfiguration(
                name="added", redirect_type="Permanent", target_url="https://elsewhere.test/", include_path=True
            ),
        )
        yield (
            "rewrite_rule_sets",
            "rewriteRuleSets",
            models.ApplicationGatewayRewriteRuleSet(
                name="added",
                rewrite_rules=[
                    models.ApplicationGatewayRewriteRule(
                        name="header",
                        rule_sequence=100,
                        conditions=[
                            models.ApplicationGatewayRewriteRuleCondition(variable="http_req_X-Old", pattern="^yes$")
                        ],
                        action_set=models.ApplicationGatewayRewriteRuleActionSet(
                            request_header_configurations=[
                                models.ApplicationGatewayHeaderConfiguration(header_name="X-New", header_value="1")
                            ]
                        ),
                    )
                ],
            ),
        )
        yield (
            "url_path_maps",
            "urlPathMaps",
            models.ApplicationGatewayUrlPathMap(
                name="added",
                default_backend_address_pool=pool,
                default_backend_http_settings=settings,
                path_rules=[
                    models.ApplicationGatewayPathRule(
                        name="images", paths=["/images/*"], backend_address_pool=pool, backend_http_settings=settings
                    )
                ],
            ),
        )
        yield (
            "load_distribution_policies",
            "loadDistributionPolicies",
            (
                models.ApplicationGatewayLoadDistributionPolicy(
                    name="added",
                    load_distribution_algorithm="RoundRobin",
                    load_distribution_targets=[
                        models.ApplicationGatewayLoadDistributionTarget(
                            name="half", weight_per_server=50, backend_address_pool=pool
                        )
                    ],
                )
            ),
        )
        yield (
            "private_link_configurations",
            "privateLinkConfigurations",
            (
                models.ApplicationGatewayPrivateLinkConfiguration(
                    name="added",
                    ip_configurations=[
                        models.ApplicationGatewayPrivateLinkIpConfiguration(
                            name="first",
                            primary=True,
                            private_ip_allocation_method="Dynamic",
                            subnet=models.SubResource(id=f"{NETWORK}/virtualNetworks/network/subnets/links"),
                        )
                    ],
                )
            ),
        )

    def _layer_4(self):
        yield (
            "backend_settings_collection",
            "backendSettingsCollection",
            models.ApplicationGatewayBackendSettings(name="added", port=5432, protocol="Tcp", timeout=30),
        )
        yield (
            "listeners",
            "listeners",
            models.ApplicationGatewayListener(
                name="added",
                protocol="Tcp",
                frontend_ip_configuration=self.reference("frontendIPConfigurations", "public"),
                frontend_port=self.reference("frontendPorts", "database"),
            ),
        )
