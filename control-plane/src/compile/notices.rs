//! Warnings about documents that compile: what Azure has retired, and what has no effect here.

use serde_json::Value;

use crate::arm::collection::Collection;
use crate::arm::document::Document;
use crate::arm::gateway::{ClientAuthMode, SslProfile};
use crate::violation::{Violations, code};

/// Returns the warnings about a document, which are no violations. Targets are paths within it.
pub(crate) fn notices(document: &Document) -> Violations {
    let mut found = Violations::default();
    if document.is_v1() {
        let sku = document.body.get("properties").map_or(&Value::Null, |properties| &properties["sku"]);
        let name = sku["name"].as_str().or(sku["tier"].as_str()).unwrap_or_default();
        let message = format!(
            "Azure has retired v1 gateways, such as those of SKU '{name}'. Here the gateway is served; its rules need \
             no priority, and those without one are ordered as listed."
        );
        found.warn(code::RETIRED, "properties.sku", message);
    }
    let profiles = Collection::named("sslProfiles").into_iter().flat_map(|all| document.members(all));
    for (i, profile) in profiles.enumerate() {
        let typed = serde_json::from_value(Value::Object(profile.properties.clone()));
        let named: SslProfile = typed.unwrap_or_default();
        let asked = named.client_auth_configuration.unwrap_or_default();
        let no_authority = named.trusted_client_certificates.is_empty()
            && asked.verify_client_auth_mode != Some(ClientAuthMode::Passthrough);
        if no_authority && asked.verify_client_cert_issuer_dn == Some(true) {
            let target = format!(
                "properties.sslProfiles[{i}].properties.clientAuthConfiguration.verifyClientCertIssuerDN"
            );
            let message = "Clients are not asked for certificates, because the profile names no \
                           trustedClientCertificates; so the names of issuers are not checked.";
            found.warn(code::NO_EFFECT, target, message);
        }
    }
    found
}
