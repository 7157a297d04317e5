"""The table of `azurerm_application_gateway`, after its schema, its `expand` and its `flatten` functions."""

from firewall import PolicyReference
from schema import (
    FLAG, NUMBER, OMIT, TEXT, Attribute, Block, Member, Members, Reference, Secret, Texts, Translated,
    Unreadable,
    read_list, read_object,
)  # fmt: skip

NAME = Attribute("name", "name", TEXT)
# Sets are sent in an order of their own; nothing may depend on it.
SET = {"ordered": False}


def text(name: str, path: str, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", TEXT, **more)


def number(name: str, path: str, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", NUMBER, **more)


def flag(name: str, path: str, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", FLAG, always=True, **more)


def member(name: str, path: str, collection: str) -> Attribute:
    return Attribute(name, f"properties.{path}", Member(collection))


def reference(name: str, path: str) -> Attribute:
    return Attribute(name, f"properties.{path}", Reference())


def addresses(kind: str) -> Translated:
    """One kind of a pool's addresses; both kinds share a list, see `send_pools`."""
    pick = lambda one: read_object(one).get(kind)  # noqa: E731 shorter so
    return Translated(lambda _: OMIT, lambda json: sorted(filter(None, map(pick, read_list(json)))), [])


class Pools(Block):
    """Pools: names and addresses are two sets in the configuration, and one list in the body."""

    def send(self, value, context):
        pools = super().send(value, context)
        for pool, configured in zip(pools, value):
            names = [{"fqdn": name} for name in configured.get("fqdns", [])]
            numbers = [{"ipAddress": one} for one in configured.get("ip_addresses", [])]
            pool["properties"] = {"backendAddresses": names + numbers}
        return pools


def send_policy(policy: dict | None) -> dict:
    """An SSL policy; an empty object if none is configured. Only what belongs to the type is sent."""
    policy = policy or {}
    if policy.get("disabled_protocols"):
        return {"disabledSslProtocols": policy["disabled_protocols"]}
    sent = {"policyType": policy["policy_type"]} if policy.get("policy_type") else {}
    if policy.get("policy_type") == "Predefined":
        sent["policyName"] = policy["policy_name"]
    elif sent:
        sent["minProtocolVersion"] = policy["min_protocol_version"]
        sent["cipherSuites"] = policy.get("cipher_suites", [])
    return sent


POLICY = Block(
    Attribute("disabled_protocols", "disabledSslProtocols", Texts()),
    Attribute("policy_type", "policyType", TEXT),
    Attribute("policy_name", "policyName", TEXT),
    Attribute("cipher_suites", "cipherSuites", Texts()),
    Attribute("min_protocol_version", "minProtocolVersion", TEXT),
    many=False,
)


class Policy(Block):
    def __init__(self):
        super().__init__(*POLICY.attributes, many=False)

    def send(self, value, _context):
        return send_policy(value)


def read_revocation(json):
    # The provider reads through this pointer without looking.
    if json is None:
        raise Unreadable("clientAuthConfiguration has no verifyClientRevocation")
    return "" if json == "None" else json


class Url(Block):
    """The URL of a rewrite. `components` does not exist in the API: it follows from what is absent."""

    def __init__(self):
        names = {"path": "modifiedPath", "query_string": "modifiedQueryString",
                 "components": "", "reroute": "reroute"}  # fmt: skip
        codecs = {"reroute": FLAG}
        super().__init__(*(Attribute(*one, codecs.get(one[0], TEXT)) for one in names.items()), many=False)

    def send(self, value, _context):
        """Sends both texts, unless `components` leaves one out."""
        if value is None:
            return OMIT
        sent, components = {"reroute": value.get("reroute", False)}, value.get("components", "")
        if components != "query_string_only":
            sent["modifiedPath"] = value.get("path", "")
        if components != "path_only":
            sent["modifiedQueryString"] = value.get("query_string", "")
        return sent

    def read(self, json, context):
        if json is None:
            return None
        path, query = json.get("modifiedPath"), json.get("modifiedQueryString")
        components = ""
        if query is not None and path is None:
            components = "query_string_only"
        if query is None and path is not None:
            components = "path_only"
        read = {"path": TEXT.read(path, context), "query_string": TEXT.read(query, context)}
        return read | {"components": components, "reroute": FLAG.read(json.get("reroute"), context)}


CUSTOM_ERRORS = Block(
    Attribute("status_code", "statusCode", TEXT),
    Attribute("custom_error_page_url", "customErrorPageUrl", TEXT),
)

SETTINGS = Block(
    NAME,
    text("path", "path", always=True),
    number("port", "port"),
    text("protocol", "protocol"),
    text("cookie_based_affinity", "cookieBasedAffinity"),
    text("affinity_cookie_name", "affinityCookieName"),
    flag("dedicated_backend_connection_enabled", "dedicatedBackendConnection"),
    text("host_name", "hostName"),
    flag("pick_host_name_from_backend_address", "pickHostNameFromBackendAddress"),
    number("request_timeout", "requestTimeout", default=30),
    Attribute("authentication_certificates", "properties.authenticationCertificates",
              Members("authenticationCertificates"), always=True),
    Attribute("trusted_root_certificate_names", "properties.trustedRootCertificates",
              Members("trustedRootCertificates"), always=True),
    Attribute("connection_draining", "properties.connectionDraining", Block(
        Attribute("enabled", "enabled", FLAG, always=True),
        Attribute("drain_timeout_sec", "drainTimeoutInSec", NUMBER, always=True),
        many=False,
    )),
    member("probe_name", "probe", "probes"),
    **SET,
)  # fmt: skip

FRONTENDS = Block(
    NAME,
    reference("subnet_id", "subnet"),
    text("private_ip_address", "privateIPAddress", computed=True),
    reference("public_ip_address_id", "publicIPAddress"),
    text("private_ip_address_allocation", "privateIPAllocationMethod", default="Dynamic"),
    member("private_link_configuration_name", "privateLinkConfiguration", "privateLinkConfigurations"),
)

LISTENERS = Block(
    NAME,
    member("frontend_ip_configuration_name", "frontendIPConfiguration", "frontendIPConfigurations"),
    member("frontend_port_name", "frontendPort", "frontendPorts"),
    text("protocol", "protocol"),
    text("host_name", "hostName"),
    Attribute("host_names", "properties.hostNames", Texts(**SET)),
    member("ssl_certificate_name", "sslCertificate", "sslCertificates"),
    flag("require_sni", "requireServerNameIndication"),
    Attribute("custom_error_configuration", "properties.customErrorConfigurations", CUSTOM_ERRORS,
              always=True),
    Attribute("firewall_policy_id", "properties.firewallPolicy", PolicyReference()),
    member("ssl_profile_name", "sslProfile", "sslProfiles"),
    **SET,
)

LINKS = Block(
    NAME,
    Attribute("ip_configuration", "properties.ipConfigurations", Block(
        NAME,
        reference("subnet_id", "subnet"),
        text("private_ip_address", "privateIPAddress", computed=True),
        text("private_ip_address_allocation", "privateIPAllocationMethod"),
        flag("primary", "primary"),
    )),
    **SET,
)  # fmt: skip

RULES = Block(
    NAME,
    text("rule_type", "ruleType"),
    member("http_listener_name", "httpListener", "httpListeners"),
    member("backend_address_pool_name", "backendAddressPool", "backendAddressPools"),
    member("backend_http_settings_name", "backendHttpSettings", "backendHttpSettingsCollection"),
    member("url_path_map_name", "urlPathMap", "urlPathMaps"),
    member("redirect_configuration_name", "redirectConfiguration", "redirectConfigurations"),
    member("rewrite_rule_set_name", "rewriteRuleSet", "rewriteRuleSets"),
    number("priority", "priority"),
    **SET,
)

REDIRECTS = Block(
    NAME,
    text("redirect_type", "redirectType"),
    member("target_listener_name", "targetListener", "httpListeners"),
    text("target_url", "targetUrl"),
    flag("include_path", "includePath"),
    flag("include_query_string", "includeQueryString"),
    **SET,
)

PROBES = Block(
    NAME,
    text("protocol", "protocol"),
    text("path", "path"),
    text("host", "host", always=True),
    number("interval", "interval"),
    number("timeout", "timeout"),
    number("unhealthy_threshold", "unhealthyThreshold"),
    number("port", "port"),
    flag("pick_host_name_from_backend_http_settings", "pickHostNameFromBackendHttpSettings"),
    number("minimum_servers", "minServers", always=True),
    Attribute("match", "properties.match", Block(
        Attribute("body", "body", TEXT, always=True),
        Attribute("status_code", "statusCodes", Texts(), always=True),
        many=False,
    )),
    **SET,
)  # fmt: skip

HEADERS = Block(
    Attribute("header_name", "headerName", TEXT),
    Attribute("header_value", "headerValue", TEXT, always=True),
)

REWRITES = Block(
    NAME,
    Attribute("rewrite_rule", "properties.rewriteRules", Block(
        NAME,
        Attribute("rule_sequence", "ruleSequence", NUMBER),
        Attribute("condition", "conditions", Block(
            Attribute("variable", "variable", TEXT),
            Attribute("pattern", "pattern", TEXT),
            Attribute("ignore_case", "ignoreCase", FLAG, always=True),
            Attribute("negate", "negate", FLAG, always=True),
        ), always=True),
        Attribute("request_header_configuration", "actionSet.requestHeaderConfigurations", HEADERS,
                  always=True),
        Attribute("response_header_configuration", "actionSet.responseHeaderConfigurations", HEADERS,
                  always=True),
        Attribute("url", "actionSet.urlConfiguration", Url()),
    ), always=True),
)  # fmt: skip

PROFILES = Block(
    NAME,
    Attribute("trusted_client_certificate_names", "properties.trustedClientCertificates",
              Members("trustedClientCertificates"), always=True),
    flag("verify_client_cert_issuer_dn", "clientAuthConfiguration.verifyClientCertIssuerDN"),
    Attribute("verify_client_certificate_revocation",
              "properties.clientAuthConfiguration.verifyClientRevocation",
              Translated(lambda text: text or "None", read_revocation, ""), always=True),
    Attribute("ssl_policy", "properties.sslPolicy", Policy()),
)  # fmt: skip

PATH_MAPS = Block(
    NAME,
    member("default_backend_address_pool_name", "defaultBackendAddressPool", "backendAddressPools"),
    member("default_backend_http_settings_name", "defaultBackendHttpSettings",
           "backendHttpSettingsCollection"),
    member("default_redirect_configuration_name", "defaultRedirectConfiguration", "redirectConfigurations"),
    member("default_rewrite_rule_set_name", "defaultRewriteRuleSet", "rewriteRuleSets"),
    Attribute("path_rule", "properties.pathRules", Block(
        NAME,
        Attribute("paths", "properties.paths", Texts(), always=True),
        member("backend_address_pool_name", "backendAddressPool", "backendAddressPools"),
        member("backend_http_settings_name", "backendHttpSettings", "backendHttpSettingsCollection"),
        member("redirect_configuration_name", "redirectConfiguration", "redirectConfigurations"),
        member("rewrite_rule_set_name", "rewriteRuleSet", "rewriteRuleSets"),
        Attribute("firewall_policy_id", "properties.firewallPolicy", PolicyReference()),
    ), always=True),
)  # fmt: skip

FIREWALL = Block(
    Attribute("enabled", "enabled", FLAG, always=True),
    Attribute("firewall_mode", "firewallMode", TEXT),
    Attribute("rule_set_type", "ruleSetType", TEXT, default="OWASP"),
    Attribute("rule_set_version", "ruleSetVersion", TEXT),
    Attribute("file_upload_limit_mb", "fileUploadLimitInMb", NUMBER, default=100),
    Attribute("request_body_check", "requestBodyCheck", FLAG, default=True, always=True),
    Attribute("max_request_body_size_kb", "maxRequestBodySizeInKb", NUMBER, default=128),
    Attribute("disabled_rule_group", "disabledRuleGroups", Block(
        Attribute("rule_group_name", "ruleGroupName", TEXT),
        Attribute("rules", "rules", Translated(list, read_list, [])),
    )),
    Attribute("exclusion", "exclusions", Block(
        Attribute("match_variable", "matchVariable", TEXT),
        Attribute("selector_match_operator", "selectorMatchOperator", TEXT, always=True),
        Attribute("selector", "selector", TEXT, always=True),
    )),
    many=False,
)  # fmt: skip


def send_identity(identity: dict) -> dict:
    identifiers = {one: {} for one in identity.get("identity_ids", [])}
    return {"type": identity["type"], "userAssignedIdentities": identifiers or None}


def read_identity(json):
    if json is None or json.get("type") in (None, "None"):
        return None
    identifiers = sorted(read_object(json.get("userAssignedIdentities")))
    for one in identifiers:
        segments = one.split("/")[1::2]
        if segments != ["subscriptions", "resourceGroups", "providers", "userAssignedIdentities"]:
            raise Unreadable(f"{one} is no ID of an identity")
    read = {"type": json["type"]}
    return read | {"identity_ids": identifiers} if identifiers else read


def certificates(name: str, path: str, *attributes: Attribute, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", Block(NAME, *attributes, **more), always=True)


def secret(name: str, path: str, **more) -> Attribute:
    return Attribute(name, f"properties.{path}", Secret(), **more)


ATTRIBUTES = (
    Attribute("location", "location", TEXT),
    Attribute("tags", "tags", Translated(dict, read_object, {}), always=True),
    Attribute("zones", "zones", Texts(**SET)),
    Attribute("identity", "identity", Translated(send_identity, read_identity, None)),
    Attribute("backend_address_pool", "properties.backendAddressPools", Pools(
        NAME,
        Attribute("fqdns", "properties.backendAddresses", addresses("fqdn")),
        Attribute("ip_addresses", "properties.backendAddresses", addresses("ipAddress")),
        **SET,
    ), always=True),
    Attribute("backend_http_settings", "properties.backendHttpSettingsCollection", SETTINGS, always=True),
    Attribute("frontend_ip_configuration", "properties.frontendIPConfigurations", FRONTENDS, always=True),
    Attribute("frontend_port", "properties.frontendPorts", Block(NAME, number("port", "port"), **SET),
              always=True),
    Attribute("gateway_ip_configuration", "properties.gatewayIPConfigurations",
              Block(NAME, reference("subnet_id", "subnet")), always=True),
    Attribute("global", "properties.globalConfiguration", Block(
        Attribute("request_buffering_enabled", "enableRequestBuffering", FLAG, always=True),
        Attribute("response_buffering_enabled", "enableResponseBuffering", FLAG, always=True),
        many=False,
    )),
    Attribute("http_listener", "properties.httpListeners", LISTENERS, always=True),
    Attribute("fips_enabled", "properties.enableFips", FLAG),
    Attribute("private_link_configuration", "properties.privateLinkConfigurations", LINKS, always=True),
    Attribute("request_routing_rule", "properties.requestRoutingRules", RULES, always=True),
    Attribute("redirect_configuration", "properties.redirectConfigurations", REDIRECTS, always=True),
    Attribute("autoscale_configuration", "properties.autoscaleConfiguration", Block(
        Attribute("min_capacity", "minCapacity", NUMBER, always=True),
        Attribute("max_capacity", "maxCapacity", NUMBER),
        many=False,
    )),
    Attribute("sku", "properties.sku", Block(
        Attribute("name", "name", TEXT),
        Attribute("tier", "tier", TEXT),
        Attribute("capacity", "capacity", NUMBER),
        many=False,
    )),
    certificates("authentication_certificate", "authenticationCertificates", secret("data", "data")),
    certificates("trusted_root_certificate", "trustedRootCertificates",
                 secret("data", "data"), text("key_vault_secret_id", "keyVaultSecretId")),
    Attribute("ssl_policy", "properties.sslPolicy", Policy(), always=True, computed=True),
    flag("enable_http2", "enableHttp2"),
    Attribute("force_firewall_policy_association", "properties.forceFirewallPolicyAssociation", FLAG),
    Attribute("probe", "properties.probes", PROBES, always=True),
    Attribute("rewrite_rule_set", "properties.rewriteRuleSets", REWRITES, always=True),
    certificates("ssl_certificate", "sslCertificates",
                 secret("data", "data"), secret("password", "password", always=True),
                 text("key_vault_secret_id", "keyVaultSecretId"),
                 text("public_cert_data", "publicCertData", computed=True), **SET),
    certificates("trusted_client_certificate", "trustedClientCertificates", text("data", "data")),
    Attribute("ssl_profile", "properties.sslProfiles", PROFILES, always=True),
    Attribute("url_path_map", "properties.urlPathMaps", PATH_MAPS, always=True),
    Attribute("waf_configuration", "properties.webApplicationFirewallConfiguration", FIREWALL),
    Attribute("firewall_policy_id", "properties.firewallPolicy", PolicyReference()),
    Attribute("custom_error_configuration", "properties.customErrorConfigurations", CUSTOM_ERRORS,
              always=True),
)  # fmt: skip
