//! The extension documents of a gateway with typed properties, and those that become one value of the snapshot.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_shared::snapshot::Http2Limits;

use super::resources::{Resource, given, in_range};
use crate::arm::document::Document;
use crate::arm::extension::{
    CERTIFICATE_SOURCES, CertificateSource, Extension, ExtensionType, HTTP2_POLICIES, Http2Policy,
};
use crate::violation::{Violations, code};

/// The maximum of `maxRequestsPerConnection`.
const MAX_REQUESTS: i64 = 1_000_000;

/// Returns the documents of a type.
pub(super) fn read<T: DeserializeOwned + Default>(
    document: &Document,
    kind: &ExtensionType,
    violations: &mut Violations,
) -> Vec<Resource<T>> {
    let mut typed = |(place, extension): (usize, &Extension)| {
        let target = format!("{}.properties", extension.target());
        let properties = serde_json::from_value(Value::Object(extension.properties.clone()));
        let properties = properties.unwrap_or_else(|e| {
            // Only a store written by another version can contain such properties.
            violations.push(code::INVALID_JSON, target.as_str(), format!("It cannot be read: {e}."));
            T::default()
        });
        let (id, name) = (document.extension_id(extension), extension.name.clone());
        Resource { name, id, target, properties, place }
    };
    document.extensions_of(kind).enumerate().map(&mut typed).collect()
}

/// Checks the sources of certificates. Whether the files can be read is not known here.
pub(super) fn check_certificate_sources(document: &Document, violations: &mut Violations) {
    for source in read::<CertificateSource>(document, CERTIFICATE_SOURCES, violations) {
        let CertificateSource { certificate_path, key_path, .. } = &source.properties;
        for (name, path) in [("certificatePath", certificate_path), ("keyPath", key_path)] {
            if given(path.as_ref()).is_none() {
                let message = format!(
                    "A source of the kind File must have {name}, a path below the directory of --certificate-files."
                );
                violations.push(code::CERTIFICATE_SOURCE, source.at(name), message);
            }
        }
    }
}

/// Compiles the limits of clients' HTTP/2 connections.
pub(super) fn http2_limits(document: &Document, violations: &mut Violations) -> Http2Limits {
    let policies = read::<Http2Policy>(document, HTTP2_POLICIES, violations);
    let Some(policy) = policies.first() else { return Http2Limits::default() };
    let (value, target) =
        (policy.properties.max_requests_per_connection, policy.at("maxRequestsPerConnection"));
    let max_requests = in_range(value, 1..=MAX_REQUESTS, code::OUT_OF_RANGE, target, violations);
    max_requests.map_or_else(Http2Limits::default, |max_requests| Http2Limits { max_requests })
}
