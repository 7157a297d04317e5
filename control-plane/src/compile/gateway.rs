//! The gateway's own properties: nothing of them reaches a worker yet, so all that is to do is to refuse what asks
//! for something that workers do not do.

use serde_json::Value;

use super::resources::Resources;
use crate::arm::document::Document;
use crate::arm::gateway::{
    Gateway, GatewayIpConfiguration, SkuName, SkuTier, SslPolicy, SslPolicyName, SslPolicyType,
};
use crate::violation::{Violations, code};

/// Checks all of it.
pub(super) fn check(document: &Document, violations: &mut Violations) {
    let typed = serde_json::from_value(Value::Object(document.body.clone()));
    let gateway: Gateway = typed.unwrap_or_else(|e| {
        // Only a store that another version wrote can hold such a body.
        violations.push(code::INVALID_JSON, "properties", format!("It cannot be read: {e}."));
        Gateway::default()
    });
    let sku = gateway.properties.sku.unwrap_or_default();
    let firewall = [SkuName::WAF_v2, SkuName::WAF_Medium, SkuName::WAF_Large];
    let by_name = sku.name.is_some_and(|name| firewall.contains(&name));
    if by_name || matches!(sku.tier, Some(SkuTier::WAF | SkuTier::WAF_v2)) {
        let property = if by_name { "name" } else { "tier" };
        let message = "No web application firewall is served yet. Use 'Standard_v2'.";
        violations.push(code::NOT_SUPPORTED, format!("properties.sku.{property}"), message);
    }
    if let Some(policy) = &gateway.properties.ssl_policy {
        check_ssl_policy(policy, violations);
    }
    let switches = gateway.properties.global_configuration.unwrap_or_default();
    for (name, on) in [
        ("enableRequestBuffering", switches.enable_request_buffering),
        ("enableResponseBuffering", switches.enable_response_buffering),
    ] {
        if on == Some(true) {
            let message = "Bodies are streamed, never buffered. Leave it out or set it to false.";
            violations.push(code::NOT_SUPPORTED, format!("properties.globalConfiguration.{name}"), message);
        }
    }
    check_ip_configurations(document, violations);
}

/// Workers serve TLS 1.2 and 1.3 with ECDHE and GCM or ChaCha20, which is what the policies of 2022 come down to.
fn check_ssl_policy(policy: &SslPolicy, violations: &mut Violations) {
    const TARGET: &str = "properties.sslPolicy";
    if *policy == SslPolicy::default() {
        return;
    }
    match policy.policy_type {
        None => {
            violations.push(code::SSL_POLICY_TYPE, TARGET, "Property 'policyType' is required.");
        }
        Some(SslPolicyType::Custom | SslPolicyType::CustomV2) => {
            let message = "Only policies of type 'Predefined' are served yet.";
            violations.push(code::NOT_SUPPORTED, format!("{TARGET}.policyType"), message);
        }
        Some(SslPolicyType::Predefined) => check_predefined(policy, TARGET, violations),
    }
}

fn check_predefined(policy: &SslPolicy, target: &str, violations: &mut Violations) {
    let served = [SslPolicyName::AppGwSslPolicy20220101, SslPolicyName::AppGwSslPolicy20220101S];
    if !policy.policy_name.is_some_and(|name| served.contains(&name)) {
        let message = "Only 'AppGwSslPolicy20220101S' and 'AppGwSslPolicy20220101' are served.";
        violations.push(code::NOT_SUPPORTED, format!("{target}.policyName"), message);
    }
    for (name, present) in [
        ("minProtocolVersion", policy.min_protocol_version.is_some()),
        ("cipherSuites", policy.cipher_suites.as_ref().is_some_and(|list| !list.is_empty())),
        ("disabledSslProtocols", policy.disabled_ssl_protocols.as_ref().is_some_and(|list| !list.is_empty())),
    ] {
        if present {
            let message = format!("Specified PolicyType 'Predefined' does not support property '{name}'.");
            violations.push(code::SSL_POLICY_PROPERTY, format!("{target}.{name}"), message);
        }
    }
}

fn check_ip_configurations(document: &Document, violations: &mut Violations) {
    let configurations: Resources<GatewayIpConfiguration> =
        Resources::read(document, "gatewayIPConfigurations", violations);
    for resource in configurations.iter() {
        if resource.properties.subnet.as_ref().is_none_or(|subnet| subnet.id.is_none()) {
            let message = format!("Subnet reference is required for ipconfiguration {}.", resource.id);
            violations.push(code::SUBNET_IS_REQUIRED, resource.at("subnet"), message);
        }
    }
}
