//! Backend pools and the settings of connections to their members.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use tidegate_shared::snapshot::{
    self, Host, HostHeader, HttpVersion, Pool, Settings, UpstreamTls, UpstreamTrust,
};

use super::hosts;
use super::probes::{self, default_probe};
use super::resources::{Resource, Resources, given, in_range};
use crate::arm::gateway::{
    AuthenticationCertificate, BackendAddress, BackendAddressPool, BackendHttpSettings, CookieBasedAffinity,
    Probe, Protocol, ProtocolVersion, TrustedRootCertificate,
};
use crate::violation::{Violations, code};

/// The drain timeout of a removed backend if draining is disabled.
const UNASKED_DRAIN: Duration = Duration::from_secs(30);

/// The default name of the affinity cookie, as in Azure.
const USUAL_COOKIE: &str = "ApplicationGatewayAffinity";

/// The maximum length of a cookie name, which is sent in every request.
const MAX_COOKIE_NAME: usize = 128;

/// Compiles the pools, in the order of `pools`.
pub(super) fn pools(pools: &Resources<BackendAddressPool>, violations: &mut Violations) -> Vec<Pool> {
    let pool = |resource: &Resource<BackendAddressPool>| {
        let addresses = &resource.properties.backend_addresses;
        let mut members = Vec::with_capacity(addresses.len());
        for (i, address) in addresses.iter().enumerate() {
            members.extend(member(address, &resource.at(&format!("backendAddresses[{i}]")), violations));
        }
        Pool { name: resource.name.clone(), members, ..Pool::default() }
    };
    pools.iter().map(pool).collect()
}

fn member(address: &BackendAddress, target: &str, violations: &mut Violations) -> Option<Host> {
    let (property, text) = match (given(address.ip_address.as_ref()), given(address.fqdn.as_ref())) {
        (Some(text), None) => ("ipAddress", text),
        (None, Some(text)) => ("fqdn", text),
        _ => {
            let message = "Exactly one of 'ipAddress' and 'fqdn' is required for each member.";
            violations.push(code::BACKEND_ADDRESS, target, message);
            return None;
        }
    };
    if let Ok(ip) = text.parse::<IpAddr>() {
        if !ip.is_unspecified() && !ip.is_multicast() {
            return Some(Host::Ip(ip.to_canonical()));
        }
    } else if hosts::is_host(text) {
        return Some(Host::Name(text.to_ascii_lowercase()));
    }
    let message = format!(
        "'{text}' is neither a unicast IP address nor a host name. Give an address such as '10.0.0.4' in 'ipAddress', or \
         a name such as 'web.example.com' in 'fqdn', without scheme, port or path."
    );
    violations.push(code::BACKEND_ADDRESS, format!("{target}.{property}"), message);
    None
}

/// The certificates that settings may reference. The indices of roots are those of the snapshot.
pub(super) struct Trust<'a> {
    pub(super) roots: &'a Resources<TrustedRootCertificate>,
    pub(super) authentication: &'a Resources<AuthenticationCertificate>,
    /// The certificates (DER) of each authentication certificate.
    pub(super) pinned: &'a [Vec<Vec<u8>>],
}

/// The probes that settings may reference.
pub(super) struct Probing<'a> {
    pub(super) probes: &'a Resources<Probe>,
    pub(super) compiled: &'a [Option<probes::Compiled>],
}

type Source = Resource<BackendHttpSettings>;

/// Compiles the settings, in the order of `settings`.
pub(super) fn settings(
    settings: &Resources<BackendHttpSettings>,
    trust: &Trust<'_>,
    probing: &Probing<'_>,
    violations: &mut Violations,
) -> Vec<Settings> {
    find_clashes(settings, violations);
    settings.iter().filter_map(|resource| compile_settings(resource, trust, probing, violations)).collect()
}

/// The suffix of the second affinity cookie, which browsers also send with cross-site requests.
const OF_OTHER_SITES: &str = "CORS";

/// Reports settings whose affinity cookie has the name of another's second cookie: each would overwrite the
/// other.
fn find_clashes(settings: &Resources<BackendHttpSettings>, violations: &mut Violations) {
    let cookies: HashMap<&str, &Source> =
        settings.iter().filter_map(|resource| Some((affinity_name(resource)?, resource))).collect();
    for resource in settings.iter() {
        let first = affinity_name(resource).and_then(|name| name.strip_suffix(OF_OTHER_SITES));
        if let Some(other) = first.and_then(|first| cookies.get(first)) {
            let message =
                format!("{} already uses a cookie of that name, for cross-site requests.", other.id);
            violations.push(code::AFFINITY_COOKIE_NAME, resource.at("affinityCookieName"), message);
        }
    }
}

/// Returns the name of the affinity cookie if affinity is enabled.
fn affinity_name(resource: &Source) -> Option<&str> {
    let on = resource.properties.cookie_based_affinity == CookieBasedAffinity::Enabled;
    on.then(|| given(resource.properties.affinity_cookie_name.as_ref()).unwrap_or(USUAL_COOKIE))
}

fn compile_settings(
    resource: &Source,
    trust: &Trust<'_>,
    probing: &Probing<'_>,
    violations: &mut Violations,
) -> Option<Settings> {
    let properties = &resource.properties;
    // An absent number counts as zero, as in Azure.
    let port = properties.port.unwrap_or(0);
    let port = in_range(port, 1..=65_535, code::SETTINGS_PORT, resource.at("port"), violations);
    let target = resource.at("requestTimeout");
    let timeout = in_range(properties.request_timeout, 1..=86_400, code::OUT_OF_RANGE, target, violations);
    let drain = drain_timeout(resource, violations);
    let tls = upstream_tls(resource, trust, violations);
    let host = host_header(resource, violations);
    let path = path(resource, violations);
    let probe = probe(resource, &host, probing, violations);
    Some(Settings {
        name: resource.name.clone(),
        port: port?,
        version: match properties.protocol_version {
            None | Some(ProtocolVersion::Http1) => HttpVersion::Http1,
            Some(ProtocolVersion::Http2) => HttpVersion::Http2,
        },
        tls,
        host,
        path,
        request_timeout: Duration::from_secs(timeout?),
        drain_timeout: drain?,
        probe: probe?,
        affinity_cookie: affinity_cookie(resource, violations),
        dedicated_connections: dedicated_connections(resource, violations),
    })
}

/// Returns the drain timeout. It is checked even if it has no effect.
fn drain_timeout(resource: &Source, violations: &mut Violations) -> Option<Duration> {
    let Some(draining) = &resource.properties.connection_draining else { return Some(UNASKED_DRAIN) };
    let target = resource.at("connectionDraining.drainTimeoutInSec");
    let drain = in_range(draining.drain_timeout_in_sec, 1..=3600, code::DRAIN_TIMEOUT, target, violations);
    drain.map(|drain| if draining.enabled { Duration::from_secs(drain) } else { UNASKED_DRAIN })
}

/// Returns the name of the affinity cookie if affinity is enabled. The name is checked even if it has no
/// effect.
fn affinity_cookie(resource: &Source, violations: &mut Violations) -> Option<String> {
    let name = given(resource.properties.affinity_cookie_name.as_ref());
    if let Some(name) = name.filter(|name| !is_cookie_name(name)) {
        let message = format!(
            "'{name}' is not a valid cookie name. It must have 1 to {MAX_COOKIE_NAME} characters, each a \
             letter, a digit or one of {COOKIE_SYMBOLS}."
        );
        violations.push(code::AFFINITY_COOKIE_NAME, resource.at("affinityCookieName"), message);
    }
    affinity_name(resource).map(str::to_owned)
}

fn dedicated_connections(resource: &Source, violations: &mut Violations) -> bool {
    let dedicated = resource.properties.dedicated_backend_connection == Some(true);
    if dedicated && resource.properties.protocol_version == Some(ProtocolVersion::Http2) {
        let message = format!(
            "{} requests dedicated connections, which carry one request at a time, and HTTP/2. These \
             exclude each other.",
            resource.id
        );
        violations.push(code::EXCLUSIVE, resource.at("dedicatedBackendConnection"), message);
    }
    dedicated
}

/// The characters other than letters and digits of a cookie name (RFC 6265, section 4.1.1: a token).
const COOKIE_SYMBOLS: &str = "!#$%&'*+-.^_`|~";

fn is_cookie_name(name: &str) -> bool {
    let fit = |letter: char| letter.is_ascii_alphanumeric() || COOKIE_SYMBOLS.contains(letter);
    name.len() <= MAX_COOKIE_NAME && name.chars().all(fit)
}

/// Compiles the TLS settings of backend connections. References are checked even if they have no effect.
fn upstream_tls(resource: &Source, trust: &Trust<'_>, violations: &mut Violations) -> Option<UpstreamTls> {
    let mut used = BTreeSet::new();
    for (i, reference) in resource.properties.trusted_root_certificates.iter().enumerate() {
        let property = format!("trustedRootCertificates[{i}]");
        used.extend(trust.roots.find(resource, &property, reference, violations));
    }
    let properties = &resource.properties;
    let pinned = pinned(resource, trust, violations);
    let checks_name = properties.validate_sni != Some(false);
    let name = sni_name(resource, checks_name, violations);
    if !pinned.is_empty() {
        let trust = UpstreamTrust::Pinned(pinned.into_iter().collect());
        let tls = UpstreamTls { trust, checks_name: false, name };
        return Some(tls).filter(|_| properties.protocol == Protocol::Https);
    }
    let trust = match properties.validate_cert_chain_and_expiry {
        Some(false) => UpstreamTrust::Anybody,
        _ if used.is_empty() => UpstreamTrust::System,
        _ => UpstreamTrust::Roots(used.into_iter().collect()),
    };
    (properties.protocol == Protocol::Https).then_some(UpstreamTls { trust, checks_name, name })
}

/// Returns the pinned certificates (DER).
fn pinned(resource: &Source, trust: &Trust<'_>, violations: &mut Violations) -> BTreeSet<Vec<u8>> {
    let mut pinned = BTreeSet::new();
    let references = &resource.properties.authentication_certificates;
    for (i, reference) in references.iter().enumerate() {
        let property = format!("authenticationCertificates[{i}]");
        let found = trust.authentication.find(resource, &property, reference, violations);
        pinned.extend(found.and_then(|index| trust.pinned.get(index)).into_iter().flatten().cloned());
    }
    if !references.is_empty() && !resource.properties.trusted_root_certificates.is_empty() {
        let message = format!(
            "{} has both authenticationCertificates, which pin the members' certificates, and \
             trustedRootCertificates. Only one is allowed.",
            resource.id
        );
        violations.push(code::EXCLUSIVE, resource.at("authenticationCertificates"), message);
    }
    pinned
}

/// Returns the server name to send and to verify. Valid only with TLS and with verification of the name.
fn sni_name(resource: &Source, checks_name: bool, violations: &mut Violations) -> Option<String> {
    let name = given(resource.properties.sni_name.as_ref())?;
    let target = || resource.at("sniName");
    if !hosts::is_host(name) {
        violations.push(code::HOST_NAME, target(), format!("'{name}' is not a host name."));
    }
    if !checks_name {
        let message = format!("{} has an sniName, which requires validateSNI to be true.", resource.id);
        violations.push(code::EXCLUSIVE, target(), message);
    }
    if resource.properties.protocol != Protocol::Https {
        let message = format!("{} has an sniName, which requires the protocol Https.", resource.id);
        violations.push(code::EXCLUSIVE, target(), message);
    }
    Some(name.to_owned())
}

fn host_header(resource: &Source, violations: &mut Violations) -> HostHeader {
    let picked = resource.properties.pick_host_name_from_backend_address;
    match given(resource.properties.host_name.as_ref()) {
        None if picked => HostHeader::Member,
        None => HostHeader::Client,
        Some(name) => {
            if picked {
                let message = format!(
                    "{} has both hostName and pickHostNameFromBackendAddress. Only one is allowed.",
                    resource.id
                );
                violations.push(code::EXCLUSIVE, resource.at("hostName"), message);
            }
            if !hosts::is_host(name) {
                violations.push(
                    code::HOST_NAME,
                    resource.at("hostName"),
                    format!("'{name}' is not a host name."),
                );
            }
            HostHeader::Fixed(name.to_owned())
        }
    }
}

/// Returns the path that replaces the part matched by a rule.
fn path(resource: &Source, violations: &mut Violations) -> Option<String> {
    let path = given(resource.properties.path.as_ref())?;
    if !path.parse::<PathAndQuery>().is_ok_and(|parsed| parsed.path() == path) || !path.starts_with('/') {
        let message = format!(
            "'{path}' is not a valid path. It must begin with '/', have no query, and contain only \
             characters that are valid in a URL."
        );
        violations.push(code::PATH_INVALID, resource.at("path"), message);
        return None;
    }
    if let Err(complaint) = tidegate_shared::path::check(path) {
        violations.push(code::PATH_INVALID, resource.at("path"), format!("'{path}': {complaint}."));
        return None;
    }
    Some(path.to_owned())
}

fn probe(
    resource: &Source,
    host: &HostHeader,
    probing: &Probing<'_>,
    violations: &mut Violations,
) -> Option<snapshot::Probe> {
    let Some(reference) = &resource.properties.probe else { return Some(default_probe()) };
    let index = probing.probes.find(resource, "probe", reference, violations)?;
    let id = probing.probes.get(index).map_or("", |probe| probe.id.as_str());
    let probes::Compiled { protocol, host_from_settings, mut probe } =
        probing.compiled.get(index)?.clone()?;
    if protocol != resource.properties.protocol {
        let message = format!(
            "Probe {id} protocol ({protocol:?}) does not match Backend Http Setting {} protocol ({:?}).",
            resource.id, resource.properties.protocol
        );
        violations.push(code::PROBE_PROTOCOL, resource.at("probe"), message);
    }
    if host_from_settings {
        probe.host = match host {
            HostHeader::Fixed(name) => Some(name.clone()),
            HostHeader::Member => None,
            HostHeader::Client => {
                let message = format!(
                    "Probe {id} takes its host from {}, which has neither a hostName nor \
                     pickHostNameFromBackendAddress.",
                    resource.id
                );
                violations.push(code::PROBE_HOST_IS_NULL, resource.at("probe"), message);
                None
            }
        };
    }
    Some(probe)
}
