//! Layer-4 listeners and settings.

use std::collections::HashMap;

use tidegate_shared::snapshot::{self, Frontend};

use super::hosts;
use super::listeners::ListenerRefs;
use super::resources::{Referrer, Resource, Resources, given, in_range};
use crate::arm::gateway::{
    Probe, TransportListener, TransportProtocol, TransportSettings, TrustedRootCertificate,
};
use crate::violation::{Violations, code};

const LISTENER: Referrer = Referrer { kind: "Listener", code: code::TRANSPORT_LISTENER_MUST_REFERENCE };

type Source = Resource<TransportListener>;

/// Checks the listeners, and their conflicts with each other and with HTTP listeners.
pub(super) fn check_listeners(
    listeners: &Resources<TransportListener>,
    refs: &ListenerRefs<'_>,
    http: &[snapshot::Listener],
    violations: &mut Violations,
) {
    let mut taken: HashMap<(Frontend, u16, String), String> = HashMap::new();
    let mut protocols: HashMap<(Frontend, u16), TransportProtocol> = HashMap::new();
    for resource in listeners.iter() {
        let properties = &resource.properties;
        let place = (properties.frontend_ip_configuration.as_ref(), properties.frontend_port.as_ref());
        let place = refs.of(resource, &LISTENER, place, violations);
        check_tls(resource, refs, violations);
        let hosts = host_names(resource, violations);
        let (Some(frontend), Some(port)) = place else { continue };
        let place = (frontend, port);
        let mut clash = http.iter().any(|other| (other.frontend, other.port) == place);
        clash |= *protocols.entry(place).or_insert(properties.protocol) != properties.protocol;
        for host in hosts {
            clash |= taken.insert((frontend, port, host), resource.id.clone()).is_some();
        }
        if clash {
            let message = format!(
                "Listener {} is using the same Frontend Port as another listener with a different protocol \
                 or the same host name.",
                resource.id
            );
            violations.push(code::LISTENERS_CLASH, resource.at("frontendPort"), message);
        }
    }
}

fn check_tls(resource: &Source, refs: &ListenerRefs<'_>, violations: &mut Violations) {
    let properties = &resource.properties;
    let certificate = properties.ssl_certificate.as_ref();
    refs.certificates.optional(resource, "sslCertificate", certificate, violations);
    refs.profiles.optional(resource, "sslProfile", properties.ssl_profile.as_ref(), violations);
    if properties.protocol == TransportProtocol::Tls && certificate.is_none() {
        let message =
            format!("Listener {} uses protocol Tls. Ssl Certificate must be specified.", resource.id);
        violations.push(code::LISTENER_NEEDS_CERTIFICATE, resource.at("sslCertificate"), message);
    }
}

/// Returns the server names in canonical form; a single empty name, which matches all, if there are none.
fn host_names(resource: &Source, violations: &mut Violations) -> Vec<String> {
    let names = &resource.properties.host_names;
    if !names.is_empty() && resource.properties.protocol == TransportProtocol::Tcp {
        let message = format!("Listener {} uses protocol Tcp, which has no host names.", resource.id);
        violations.push(code::TRANSPORT_TLS_ONLY, resource.at("hostNames"), message);
    }
    if names.is_empty() {
        return vec![String::new()];
    }
    let mut canonical = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        match hosts::pattern(name) {
            Ok(pattern) => canonical.push(String::from(pattern)),
            Err(complaint) => {
                let message = format!("'{name}': {complaint}.");
                violations.push(code::HOST_NAME, resource.at(&format!("hostNames[{i}]")), message);
            }
        }
    }
    canonical.sort_unstable();
    canonical.dedup();
    canonical
}

pub(super) fn check_settings(
    settings: &Resources<TransportSettings>,
    probes: &Resources<Probe>,
    roots: &Resources<TrustedRootCertificate>,
    violations: &mut Violations,
) {
    for resource in settings.iter() {
        let properties = &resource.properties;
        let port = properties.port.unwrap_or(0);
        in_range::<u16>(port, 1..=65_535, code::TRANSPORT_PORT, resource.at("port"), violations);
        if let Some(timeout) = properties.timeout {
            in_range::<u32>(timeout, 1..=86_400, code::OUT_OF_RANGE, resource.at("timeout"), violations);
        }
        probes.optional(resource, "probe", properties.probe.as_ref(), violations);
        for (i, reference) in properties.trusted_root_certificates.iter().enumerate() {
            let property = format!("trustedRootCertificates[{i}]");
            roots.find(resource, &property, reference, violations);
        }
        check_host(resource, violations);
    }
}

fn check_host(resource: &Resource<TransportSettings>, violations: &mut Violations) {
    let properties = &resource.properties;
    let Some(name) = given(properties.host_name.as_ref()) else { return };
    if properties.protocol == TransportProtocol::Tcp {
        let message = format!("{} uses protocol Tcp, which has no host names.", resource.id);
        violations.push(code::TRANSPORT_TLS_ONLY, resource.at("hostName"), message);
    }
    if properties.pick_host_name_from_backend_address == Some(true) {
        let message = format!(
            "{} has both hostName and pickHostNameFromBackendAddress. Only one is allowed.",
            resource.id
        );
        violations.push(code::EXCLUSIVE, resource.at("hostName"), message);
    }
    if !hosts::is_host(name) {
        violations.push(code::HOST_NAME, resource.at("hostName"), format!("'{name}' is not a host name."));
    }
}
