//! The gateway's own properties. Rejects features that workers do not implement.

use serde_json::Value;
use tidegate_shared::snapshot;

use super::resources::Resources;
use super::{sku, tls_policy};
use crate::arm::document::Document;
use crate::arm::gateway::{Gateway, GatewayIpConfiguration, GlobalConfiguration, HeaderNames};
use crate::violation::{Violations, code};

/// Checks the properties that are independent of children, and returns all of them.
pub(super) fn check(document: &Document, violations: &mut Violations) -> Gateway {
    let typed = serde_json::from_value(Value::Object(document.body.clone()));
    let gateway: Gateway = typed.unwrap_or_else(|e| {
        // Only a store written by another version can contain such a body.
        violations.push(code::INVALID_JSON, "properties", format!("It cannot be read: {e}."));
        Gateway::default()
    });
    sku::check(document, &gateway.properties, violations);
    if let Some(policy) = &gateway.properties.ssl_policy {
        tls_policy::check(policy, "properties.sslPolicy", violations);
    }
    check_ip_configurations(document, violations);
    gateway
}

/// Compiles the treatment of request headers.
pub(super) fn request_headers(switches: &GlobalConfiguration) -> snapshot::RequestHeaders {
    let names = match switches.header_names.unwrap_or_default() {
        HeaderNames::Standard => snapshot::HeaderNames::Standard,
        HeaderNames::LettersDigitsHyphens => snapshot::HeaderNames::LettersDigitsHyphens,
        HeaderNames::All => snapshot::HeaderNames::All,
    };
    snapshot::RequestHeaders { names, without_client_port: !switches.forwarded_for_port.unwrap_or(true) }
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
