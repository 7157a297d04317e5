//! The attributes of a gateway. Pure data.

use serde_json::Value;

use super::super::made::{host_names, identity, ip_addresses, url};
use super::{Attribute, NAME, To, a};

/// The attributes of `azurerm_application_gateway`.
pub(super) const GATEWAY: &[Attribute] = &[
    a("location", "location", To::Text),
    a("tags", "tags", To::Tags),
    a("zones", "zones", To::Texts),
    a("identity", "identity", To::Made(identity)),
    a("sku", "properties.sku", To::Block(SKU)),
    a("autoscale_configuration", "properties.autoscaleConfiguration", To::Block(SCALE)),
    a("gateway_ip_configuration", "properties.gatewayIPConfigurations", To::Blocks(SUBNETS)),
    a("frontend_ip_configuration", "properties.frontendIPConfigurations", To::Blocks(FRONTENDS)),
    a("frontend_port", "properties.frontendPorts", To::Blocks(PORTS)),
    a("backend_address_pool", "properties.backendAddressPools", To::Blocks(POOLS)),
    a("backend_http_settings", "properties.backendHttpSettingsCollection", To::Blocks(SETTINGS)),
    a("http_listener", "properties.httpListeners", To::Blocks(LISTENERS)),
    a("request_routing_rule", "properties.requestRoutingRules", To::Blocks(RULES)),
    a("url_path_map", "properties.urlPathMaps", To::Blocks(PATH_MAPS)),
    a("redirect_configuration", "properties.redirectConfigurations", To::Blocks(REDIRECTS)),
    a("rewrite_rule_set", "properties.rewriteRuleSets", To::Blocks(REWRITE_SETS)),
    a("probe", "properties.probes", To::Blocks(PROBES)),
    a("ssl_certificate", "properties.sslCertificates", To::Blocks(CERTIFICATES)),
    a("trusted_root_certificate", "properties.trustedRootCertificates", To::Blocks(ROOTS)),
    a("trusted_client_certificate", "properties.trustedClientCertificates", To::Blocks(DATA)),
    a("authentication_certificate", "properties.authenticationCertificates", To::Blocks(DATA)),
    a("ssl_profile", "properties.sslProfiles", To::Blocks(PROFILES)),
    a("ssl_policy", "properties.sslPolicy", To::Block(POLICY)),
    a("private_link_configuration", "properties.privateLinkConfigurations", To::Blocks(LINKS)),
    a("custom_error_configuration", "properties.customErrorConfigurations", To::Blocks(ERRORS)),
    a("waf_configuration", "properties.webApplicationFirewallConfiguration", To::Block(FIREWALL)),
    a("firewall_policy_id", "properties.firewallPolicy", To::Reference),
    a("force_firewall_policy_association", "properties.forceFirewallPolicyAssociation", To::Flag),
    a("enable_http2", "properties.enableHttp2", To::Flag),
    a("http2_enabled", "properties.enableHttp2", To::Flag),
    a("fips_enabled", "properties.enableFips", To::Flag),
    a("global", "properties.globalConfiguration", To::Block(GLOBAL)),
];

const SKU: &[Attribute] =
    &[a("name", "name", To::Text), a("tier", "tier", To::Text), a("capacity", "capacity", To::Count)];

const SCALE: &[Attribute] =
    &[a("min_capacity", "minCapacity", To::Number), a("max_capacity", "maxCapacity", To::Count)];

const GLOBAL: &[Attribute] = &[
    a("request_buffering_enabled", "enableRequestBuffering", To::Flag),
    a("response_buffering_enabled", "enableResponseBuffering", To::Flag),
];

const SUBNETS: &[Attribute] = &[NAME, a("subnet_id", "properties.subnet", To::Reference)];

const PORTS: &[Attribute] = &[NAME, a("port", "properties.port", To::Number)];

const FRONTENDS: &[Attribute] = &[
    NAME,
    a("subnet_id", "properties.subnet", To::Reference),
    a("private_ip_address", "properties.privateIPAddress", To::Text),
    a("private_ip_address_allocation", "properties.privateIPAllocationMethod", To::Text),
    a("public_ip_address_id", "properties.publicIPAddress", To::Reference),
    a(
        "private_link_configuration_name",
        "properties.privateLinkConfiguration",
        To::Member("privateLinkConfigurations"),
    ),
];

const POOLS: &[Attribute] = &[
    NAME,
    a("fqdns", "properties.backendAddresses", To::Made(host_names)),
    a("ip_addresses", "properties.backendAddresses", To::Made(ip_addresses)),
];

const SETTINGS: &[Attribute] = &[
    NAME,
    a("port", "properties.port", To::Number),
    a("protocol", "properties.protocol", To::Text),
    a("path", "properties.path", To::Text),
    a("cookie_based_affinity", "properties.cookieBasedAffinity", To::Text),
    a("affinity_cookie_name", "properties.affinityCookieName", To::Text),
    a("dedicated_backend_connection_enabled", "properties.dedicatedBackendConnection", To::Flag),
    a("host_name", "properties.hostName", To::Text),
    a("pick_host_name_from_backend_address", "properties.pickHostNameFromBackendAddress", To::Flag),
    a("request_timeout", "properties.requestTimeout", To::Count),
    a("probe_name", "properties.probe", To::Member("probes")),
    a(
        "trusted_root_certificate_names",
        "properties.trustedRootCertificates",
        To::Members("trustedRootCertificates"),
    ),
    a(
        "authentication_certificate",
        "properties.authenticationCertificates",
        To::Members("authenticationCertificates"),
    ),
    a("connection_draining", "properties.connectionDraining", To::Block(DRAINING)),
];

const DRAINING: &[Attribute] =
    &[a("enabled", "enabled", To::Flag), a("drain_timeout_sec", "drainTimeoutInSec", To::Number)];

const LISTENERS: &[Attribute] = &[
    NAME,
    a(
        "frontend_ip_configuration_name",
        "properties.frontendIPConfiguration",
        To::Member("frontendIPConfigurations"),
    ),
    a("frontend_port_name", "properties.frontendPort", To::Member("frontendPorts")),
    a("protocol", "properties.protocol", To::Text),
    a("host_name", "properties.hostName", To::Text),
    a("host_names", "properties.hostNames", To::Texts),
    a("require_sni", "properties.requireServerNameIndication", To::Flag),
    a("ssl_certificate_name", "properties.sslCertificate", To::Member("sslCertificates")),
    a("ssl_profile_name", "properties.sslProfile", To::Member("sslProfiles")),
    a("firewall_policy_id", "properties.firewallPolicy", To::Reference),
    a("custom_error_configuration", "properties.customErrorConfigurations", To::Blocks(ERRORS)),
];

const ERRORS: &[Attribute] =
    &[a("status_code", "statusCode", To::Text), a("custom_error_page_url", "customErrorPageUrl", To::Text)];

const RULES: &[Attribute] = &[
    NAME,
    a("rule_type", "properties.ruleType", To::Text),
    a("priority", "properties.priority", To::Count),
    a("http_listener_name", "properties.httpListener", To::Member("httpListeners")),
    a("backend_address_pool_name", "properties.backendAddressPool", To::Member("backendAddressPools")),
    a(
        "backend_http_settings_name",
        "properties.backendHttpSettings",
        To::Member("backendHttpSettingsCollection"),
    ),
    a("url_path_map_name", "properties.urlPathMap", To::Member("urlPathMaps")),
    a(
        "redirect_configuration_name",
        "properties.redirectConfiguration",
        To::Member("redirectConfigurations"),
    ),
    a("rewrite_rule_set_name", "properties.rewriteRuleSet", To::Member("rewriteRuleSets")),
];

const PATH_MAPS: &[Attribute] = &[
    NAME,
    a(
        "default_backend_address_pool_name",
        "properties.defaultBackendAddressPool",
        To::Member("backendAddressPools"),
    ),
    a(
        "default_backend_http_settings_name",
        "properties.defaultBackendHttpSettings",
        To::Member("backendHttpSettingsCollection"),
    ),
    a(
        "default_redirect_configuration_name",
        "properties.defaultRedirectConfiguration",
        To::Member("redirectConfigurations"),
    ),
    a("default_rewrite_rule_set_name", "properties.defaultRewriteRuleSet", To::Member("rewriteRuleSets")),
    a("path_rule", "properties.pathRules", To::Blocks(PATH_RULES)),
];

const PATH_RULES: &[Attribute] = &[
    NAME,
    a("paths", "properties.paths", To::Texts),
    a("backend_address_pool_name", "properties.backendAddressPool", To::Member("backendAddressPools")),
    a(
        "backend_http_settings_name",
        "properties.backendHttpSettings",
        To::Member("backendHttpSettingsCollection"),
    ),
    a(
        "redirect_configuration_name",
        "properties.redirectConfiguration",
        To::Member("redirectConfigurations"),
    ),
    a("rewrite_rule_set_name", "properties.rewriteRuleSet", To::Member("rewriteRuleSets")),
    a("firewall_policy_id", "properties.firewallPolicy", To::Reference),
];

const REDIRECTS: &[Attribute] = &[
    NAME,
    a("redirect_type", "properties.redirectType", To::Text),
    a("target_listener_name", "properties.targetListener", To::Member("httpListeners")),
    a("target_url", "properties.targetUrl", To::Text),
    a("include_path", "properties.includePath", To::Flag),
    a("include_query_string", "properties.includeQueryString", To::Flag),
];

const REWRITE_SETS: &[Attribute] =
    &[NAME, a("rewrite_rule", "properties.rewriteRules", To::Blocks(REWRITE_RULES))];

const REWRITE_RULES: &[Attribute] = &[
    NAME,
    a("rule_sequence", "ruleSequence", To::Number),
    a("condition", "conditions", To::Blocks(CONDITIONS)),
    a("request_header_configuration", "actionSet.requestHeaderConfigurations", To::Blocks(HEADERS)),
    a("response_header_configuration", "actionSet.responseHeaderConfigurations", To::Blocks(HEADERS)),
    a("url", "actionSet.urlConfiguration", To::Made(url)),
];

const CONDITIONS: &[Attribute] = &[
    a("variable", "variable", To::Text),
    a("pattern", "pattern", To::Text),
    a("ignore_case", "ignoreCase", To::Flag),
    a("negate", "negate", To::Flag),
];

const HEADERS: &[Attribute] = &[
    a("header_name", "headerName", To::Text),
    // An empty value removes the header, so it is sent.
    a("header_value", "headerValue", To::Made(|value| value.as_str().map(Value::from))),
];

const PROBES: &[Attribute] = &[
    NAME,
    a("protocol", "properties.protocol", To::Text),
    a("host", "properties.host", To::Text),
    a("path", "properties.path", To::Text),
    a("port", "properties.port", To::Count),
    a("interval", "properties.interval", To::Number),
    a("timeout", "properties.timeout", To::Number),
    a("unhealthy_threshold", "properties.unhealthyThreshold", To::Number),
    a("minimum_servers", "properties.minServers", To::Count),
    a(
        "pick_host_name_from_backend_http_settings",
        "properties.pickHostNameFromBackendHttpSettings",
        To::Flag,
    ),
    a("match", "properties.match", To::Block(MATCH)),
];

const MATCH: &[Attribute] = &[a("body", "body", To::Text), a("status_code", "statusCodes", To::Texts)];

const CERTIFICATES: &[Attribute] = &[
    NAME,
    a("data", "properties.data", To::Text),
    a("password", "properties.password", To::Text),
    a("key_vault_secret_id", "properties.keyVaultSecretId", To::Text),
];

const ROOTS: &[Attribute] = &[
    NAME,
    a("data", "properties.data", To::Text),
    a("key_vault_secret_id", "properties.keyVaultSecretId", To::Text),
];

const DATA: &[Attribute] = &[NAME, a("data", "properties.data", To::Text)];

const PROFILES: &[Attribute] = &[
    NAME,
    a(
        "trusted_client_certificate_names",
        "properties.trustedClientCertificates",
        To::Members("trustedClientCertificates"),
    ),
    a(
        "verify_client_cert_issuer_dn",
        "properties.clientAuthConfiguration.verifyClientCertIssuerDN",
        To::Flag,
    ),
    a(
        "verify_client_certificate_revocation",
        "properties.clientAuthConfiguration.verifyClientRevocation",
        To::Text,
    ),
    a("ssl_policy", "properties.sslPolicy", To::Block(POLICY)),
];

const POLICY: &[Attribute] = &[
    a("policy_type", "policyType", To::Text),
    a("policy_name", "policyName", To::Text),
    a("min_protocol_version", "minProtocolVersion", To::Text),
    a("cipher_suites", "cipherSuites", To::Texts),
    a("disabled_protocols", "disabledSslProtocols", To::Texts),
];

const LINKS: &[Attribute] =
    &[NAME, a("ip_configuration", "properties.ipConfigurations", To::Blocks(LINK_ADDRESSES))];

const LINK_ADDRESSES: &[Attribute] = &[
    NAME,
    a("subnet_id", "properties.subnet", To::Reference),
    a("private_ip_address", "properties.privateIPAddress", To::Text),
    a("private_ip_address_allocation", "properties.privateIPAllocationMethod", To::Text),
    a("primary", "properties.primary", To::Flag),
];

const FIREWALL: &[Attribute] = &[
    a("enabled", "enabled", To::Flag),
    a("firewall_mode", "firewallMode", To::Text),
    a("rule_set_type", "ruleSetType", To::Text),
    a("rule_set_version", "ruleSetVersion", To::Text),
    a("request_body_check", "requestBodyCheck", To::Flag),
    a("max_request_body_size_kb", "maxRequestBodySizeInKb", To::Count),
    a("file_upload_limit_mb", "fileUploadLimitInMb", To::Count),
    a("disabled_rule_group", "disabledRuleGroups", To::Blocks(RULE_GROUPS)),
    a("exclusion", "exclusions", To::Blocks(EXCLUSIONS)),
];

const RULE_GROUPS: &[Attribute] =
    &[a("rule_group_name", "ruleGroupName", To::Text), a("rules", "rules", To::Texts)];

const EXCLUSIONS: &[Attribute] = &[
    a("match_variable", "matchVariable", To::Text),
    a("selector_match_operator", "selectorMatchOperator", To::Text),
    a("selector", "selector", To::Text),
];
