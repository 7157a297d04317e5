"""One member of each collection, as properties for the generated models; each refers only to members before it."""

import base64
import os
import pathlib

CERTIFICATES = pathlib.Path(os.environ["TEST_CERTIFICATES"])


def _file(name: str) -> str:
    return base64.b64encode((CERTIFICATES / name).read_bytes()).decode()


def members(gateway_id: str) -> list[tuple[str, str, dict]]:
    """Returns the collection, the model, and the properties of a member named `added`."""

    def to(collection: str, name: str) -> dict:
        return {"id": f"{gateway_id}/{collection}/{name}"}

    pool, settings = to("backendAddressPools", "echo"), to("backendHttpSettingsCollection", "plain")
    frontend = to("frontendIPConfigurations", "public")
    network = gateway_id.partition("/applicationGateways/")[0]
    links = {"id": f"{network}/virtualNetworks/network/subnets/links"}
    return [
        ("gatewayIPConfigurations", "GatewayIPConfiguration", {"subnet": links}),
        ("frontendPorts", "FrontendPort", {"port": 81}),
        ("backendAddressPools", "BackendAddressPool", {"backendAddresses": [{"ipAddress": "127.0.0.1"}]}),
        ("probes", "Probe", {"protocol": "Http", "host": "probe.test", "path": "/", "interval": 30, "timeout": 5}),
        (
            "backendHttpSettingsCollection",
            "BackendHttpSettings",
            {"port": 8080, "protocol": "Http", "probe": to("probes", "added")},
        ),
        (
            "httpListeners",
            "HttpListener",
            {
                "protocol": "Http",
                "hostName": "added.test",
                "frontendIPConfiguration": frontend,
                "frontendPort": to("frontendPorts", "added"),
            },
        ),
        (
            "requestRoutingRules",
            "RequestRoutingRule",
            {
                "ruleType": "Basic",
                "priority": 200,
                "httpListener": to("httpListeners", "added"),
                "backendAddressPool": to("backendAddressPools", "added"),
                "backendHttpSettings": to("backendHttpSettingsCollection", "added"),
            },
        ),
        (
            "frontendIPConfigurations",
            "FrontendIPConfiguration",
            {"privateIPAddress": "127.0.0.1", "privateIPAllocationMethod": "Static", "subnet": links},
        ),
        ("sslCertificates", "SslCertificate", {"data": _file("server.pfx"), "password": "secret"}),
        ("trustedRootCertificates", "TrustedRootCertificate", {"data": _file("authority.cer")}),
        ("authenticationCertificates", "AuthenticationCertificate", {"data": _file("authority.cer")}),
        ("trustedClientCertificates", "TrustedClientCertificate", {"data": _file("authority.pem")}),
        (
            "sslProfiles",
            "SslProfile",
            {"trustedClientCertificates": [to("trustedClientCertificates", "added")]},
        ),
        ("redirectConfigurations", "RedirectConfiguration", {"redirectType": "Found", "targetUrl": "https://a.test/"}),
        (
            "rewriteRuleSets",
            "RewriteRuleSet",
            {
                "rewriteRules": [
                    {
                        "name": "header",
                        "ruleSequence": 100,
                        "actionSet": {"requestHeaderConfigurations": [{"headerName": "X-New", "headerValue": "1"}]},
                    }
                ]
            },
        ),
        (
            "urlPathMaps",
            "UrlPathMap",
            {
                "defaultBackendAddressPool": pool,
                "defaultBackendHttpSettings": settings,
                "pathRules": [
                    {
                        "name": "images",
                        "properties": {
                            "paths": ["/images/*"],
                            "backendAddressPool": pool,
                            "backendHttpSettings": settings,
                        },
                    }
                ],
            },
        ),
        (
            "loadDistributionPolicies",
            "LoadDistributionPolicy",
            {
                "loadDistributionAlgorithm": "RoundRobin",
                "loadDistributionTargets": [
                    {"name": "half", "properties": {"weightPerServer": 50, "backendAddressPool": pool}}
                ],
            },
        ),
        (
            "privateLinkConfigurations",
            "PrivateLinkConfiguration",
            {
                "ipConfigurations": [
                    {
                        "name": "first",
                        "properties": {"primary": True, "privateIPAllocationMethod": "Dynamic", "subnet": links},
                    }
                ]
            },
        ),
        ("backendSettingsCollection", "BackendSettings", {"port": 5432, "protocol": "Tcp", "timeout": 30}),
        (
            "listeners",
            "Listener",
            {
                "protocol": "Tcp",
                "frontendIPConfiguration": frontend,
                "frontendPort": to("frontendPorts", "database"),
            },
        ),
    ]
