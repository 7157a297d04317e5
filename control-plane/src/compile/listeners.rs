//! HTTP listeners, and conflicts between them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use tidegate_shared::host::HostPattern;
use tidegate_shared::snapshot::{Frontend, Listener, ListenerTls};

use super::error_pages::Collected;
use super::resources::{Referrer, Resource, Resources, given};
use super::ssl_profiles::Profile;
use super::virtual_network::prefix;
use super::{hosts, tls_policy};
use crate::arm::collection::over_limit;
use crate::arm::gateway::{
    self, FrontendIpConfiguration, FrontendPort, Protocol, SslCertificate, SslPolicy, SslProfile, SubResource,
};
use crate::violation::{Violations, code};

/// The resources to which listeners refer, with their compiled forms.
pub(super) struct ListenerRefs<'a> {
    pub(super) frontends: &'a Resources<FrontendIpConfiguration>,
    pub(super) addresses: &'a [Option<Frontend>],
    pub(super) ports: &'a Resources<FrontendPort>,
    pub(super) numbers: &'a [Option<u16>],
    pub(super) certificates: &'a Resources<SslCertificate>,
    /// The index of the compiled form of each certificate; `None` if it could not be fetched.
    pub(super) certificate_places: &'a [Option<usize>],
    /// The gateway's own TLS policy.
    pub(super) policy: Option<&'a SslPolicy>,
    pub(super) profiles: &'a Resources<SslProfile>,
    pub(super) compiled_profiles: &'a [Profile],
}

impl ListenerRefs<'_> {
    /// Resolves the two references of a listener. A target that is invalid itself yields `None` without a
    /// violation, because it has been reported already.
    pub(super) fn of<T>(
        &self,
        resource: &Resource<T>,
        referrer: &Referrer,
        (frontend, port): (Option<&SubResource>, Option<&SubResource>),
        violations: &mut Violations,
    ) -> (Option<Frontend>, Option<u16>) {
        let property = ("frontendIPConfiguration", "FrontendIpConfiguration");
        let frontend = self.frontends.required(resource, referrer, property, frontend, violations);
        let property = ("frontendPort", "FrontendPort");
        let port = self.ports.required(resource, referrer, property, port, violations);
        (
            frontend.and_then(|index| self.addresses.get(index).copied().flatten()),
            port.and_then(|index| self.numbers.get(index).copied().flatten()),
        )
    }
}

/// The maximum number of sources of the PROXY protocol: each connection is compared with all of them.
const SOURCES: usize = 100;

const LISTENER: Referrer = Referrer { kind: "Http Listener", code: code::LISTENER_MUST_REFERENCE };

type Source = Resource<gateway::Listener>;

/// Compiles the listeners, without rules, in the order of their names.
pub(super) fn compile(
    listeners: &Resources<gateway::Listener>,
    refs: &ListenerRefs<'_>,
    pages: &mut Collected<'_>,
    violations: &mut Violations,
) -> Vec<Listener> {
    let mut compiled: Vec<(&Source, Listener)> = Vec::new();
    for resource in listeners.iter() {
        compiled.extend(listener(resource, refs, pages, violations).map(|listener| (resource, listener)));
    }
    let mut listed: Vec<_> = compiled.iter().collect();
    listed.sort_unstable_by_key(|(resource, _)| resource.place);
    find_clashes(&listed, violations);
    compiled.into_iter().map(|(_, listener)| listener).collect()
}

fn listener(
    resource: &Source,
    refs: &ListenerRefs<'_>,
    pages: &mut Collected<'_>,
    violations: &mut Violations,
) -> Option<Listener> {
    let properties = &resource.properties;
    let place = (properties.frontend_ip_configuration.as_ref(), properties.frontend_port.as_ref());
    let (frontend, port) = refs.of(resource, &LISTENER, place, violations);
    let certificate = certificate(resource, refs.certificates, violations);
    let profile = profile(resource, refs, violations);
    let tls = certificate.map(|certificate| ListenerTls {
        certificate: refs.certificate_places.get(certificate).copied().flatten(),
        suites: profile
            .and_then(|profile| profile.suites.clone())
            .unwrap_or_else(|| tls_policy::served(refs.policy)),
        clients: profile.and_then(|profile| profile.clients.clone()),
    });
    let hosts = host_names(resource, violations);
    let proxies = proxies(resource, violations);
    let errors = properties.custom_error_configurations.as_slice();
    let error_pages = pages.add(errors, &resource.at("customErrorConfigurations"), violations);
    Some(Listener {
        name: resource.name.clone(),
        frontend: frontend?,
        port: port?,
        tls,
        hosts,
        proxies,
        error_pages,
        rule: None,
    })
}

fn certificate(
    resource: &Source,
    certificates: &Resources<SslCertificate>,
    violations: &mut Violations,
) -> Option<usize> {
    let reference = resource.properties.ssl_certificate.as_ref();
    let index = reference.and_then(|r| certificates.find(resource, "sslCertificate", r, violations));
    match resource.properties.protocol {
        // A certificate of an HTTP listener is checked but has no effect.
        Protocol::Http => None,
        Protocol::Https => {
            if reference.is_none() {
                let message = format!(
                    "Http Listener {} uses protocol Https. Ssl Certificate must be specified.",
                    resource.id
                );
                violations.push(code::LISTENER_NEEDS_CERTIFICATE, resource.at("sslCertificate"), message);
            }
            index
        }
    }
}

/// Returns the SSL profile of a listener. Rejects one on a listener of plain HTTP.
fn profile<'a>(
    resource: &Source,
    refs: &ListenerRefs<'a>,
    violations: &mut Violations,
) -> Option<&'a Profile> {
    let reference = resource.properties.ssl_profile.as_ref()?;
    if resource.properties.protocol == Protocol::Http {
        let message = "An SSL profile is for listeners of protocol Https.";
        violations.push(code::NOT_SUPPORTED, resource.at("sslProfile"), message);
    }
    let index = refs.profiles.find(resource, "sslProfile", reference, violations)?;
    refs.compiled_profiles.get(index)
}

/// Returns the host names in canonical form, without duplicates.
fn host_names(resource: &Source, violations: &mut Violations) -> Vec<HostPattern> {
    let properties = &resource.properties;
    let single = given(properties.host_name.as_ref());
    if single.is_some() && !properties.host_names.is_empty() {
        let message =
            format!("Http Listener {} has both hostName and hostNames. Only one is allowed.", resource.id);
        violations.push(code::EXCLUSIVE, resource.at("hostNames"), message);
    }
    let mut hosts = Vec::new();
    let mut add = |text: &str, parsed: Result<HostPattern, &str>, target: String| match parsed {
        Err(complaint) => violations.push(code::HOST_NAME, target, format!("'{text}': {complaint}.")),
        Ok(host) => hosts.push(host),
    };
    if let Some(name) = single {
        add(name, hosts::name(name), resource.at("hostName"));
    }
    for (i, pattern) in properties.host_names.iter().enumerate() {
        add(pattern, hosts::pattern(pattern), resource.at(&format!("hostNames[{i}]")));
    }
    let mut seen = HashSet::new();
    hosts.retain(|host| seen.insert(host.clone()));
    hosts
}

/// Returns the networks whose connections begin with a PROXY protocol header.
fn proxies(resource: &Source, violations: &mut Violations) -> Vec<(IpAddr, u8)> {
    let Some(protocol) = &resource.properties.proxy_protocol else { return Vec::new() };
    let target = resource.at("proxyProtocol.sources");
    if protocol.sources.is_empty() {
        let message = format!("Http Listener {} has an empty list of PROXY protocol sources.", resource.id);
        violations.push(code::PROXY_PROTOCOL_SOURCES, target, message);
        return Vec::new();
    }
    if protocol.sources.len() > SOURCES {
        let message = over_limit("sources of the PROXY protocol", protocol.sources.len(), SOURCES);
        violations.push(code::PROXY_PROTOCOL_SOURCES, target, message);
        return Vec::new();
    }
    let source = |(i, text): (usize, &String)| {
        let address = text.parse::<IpAddr>().map(IpNet::from).ok();
        address.or_else(|| prefix(text, &format!("{target}[{i}]"), violations))
    };
    let networks = protocol.sources.iter().enumerate().filter_map(source);
    networks.map(|network| (network.addr(), network.prefix_len())).collect()
}

/// Reports two listeners on one address and port with different protocols, different `proxyProtocol`, or a
/// common host name.
fn find_clashes(listeners: &[&(&Source, Listener)], violations: &mut Violations) {
    let mut first_on: HashMap<(Frontend, u16), &Source> = HashMap::new();
    let mut taken: HashMap<(Frontend, u16, &str), &Source> = HashMap::new();
    for (resource, listener) in listeners.iter().copied() {
        let other = *first_on.entry((listener.frontend, listener.port)).or_insert(resource);
        let mut clash = (other.properties.protocol != resource.properties.protocol)
            .then_some((other, "and different protocols"));
        if other.properties.proxy_protocol != resource.properties.proxy_protocol {
            clash.get_or_insert((other, "and different proxyProtocol"));
        }
        let everything = listener.hosts.is_empty().then_some("");
        for host in listener.hosts.iter().map(HostPattern::as_str).chain(everything) {
            if let Some(other) = taken.insert((listener.frontend, listener.port, host), resource) {
                clash.get_or_insert((other, "and the same host name"));
            }
        }
        if let Some((other, how)) = clash {
            let message = format!(
                "Two Http Listeners of Application Gateway {} and {} are using the same Frontend Port {how}.",
                other.id, resource.id
            );
            violations.push(code::LISTENERS_CLASH, resource.at("frontendPort"), message);
        }
    }
}
