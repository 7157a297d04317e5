//! Compiles a document, with its extensions, to the content of a snapshot: every reference resolved, every number in its range, and
//! nothing that a worker could reject.
//!
//! This is the only validator: a document that compiles is valid. It is pure, reports all errors at once, and
//! accepts any document, even one that was read from an invalid body.

use tidegate_shared::snapshot::{
    Buffering, Certificate, ClientAuthority, Content, Distribution, ErrorPages, Frontend, Listener,
    LocalReplies, PathMap, Pool, RewriteSet, Rule, Settings, TrustedRoot,
};

use self::listeners::ListenerRefs;
use self::resources::Resources;
use self::ssl_profiles::Profile;
use crate::arm::document::Document;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::gateway::{
    self as arm, BackendAddressPool, BackendHttpSettings, FrontendIpConfiguration, FrontendPort, Gateway,
    Probe, SslCertificate, SslPolicy, SslProfile, TrustedRootCertificate,
};
use crate::violation::Violations;

mod backends;
mod certificates;
mod client_authorities;
mod definitions;
mod error_pages;
mod extensions;
mod firewall;
mod firewall_policy;
mod firewall_rule_sets;
mod frontends;
mod gateway;
mod hosts;
mod listeners;
mod load_distribution;
mod notices;
mod ocsp;
mod on_demand;
mod path_maps;
mod pattern_trial;
mod patterns;
mod private_links;
mod probes;
mod public_address;
mod redirects;
mod resources;
mod rewrite_text;
mod rewrites;
mod route_actions;
mod rules;
mod size;
mod sku;
mod ssl_profiles;
#[cfg(test)]
mod tests;
mod tls_policy;
mod transport;
mod transport_rules;
mod tunnel_policies;
mod virtual_network;

pub(crate) use certificates::BUNDLED;
pub(crate) use firewall_policy::check_firewall_policy;
pub(crate) use frontends::private_addresses;
pub(crate) use notices::notices;
pub(crate) use pattern_trial::try_patterns;
pub(crate) use patterns::PatternCache;
pub(crate) use public_address::check_public_address;
pub(crate) use tls_policy::{is_no_policy, served_cipher_suites};
pub(crate) use tunnel_policies::compile_close_frame;
pub(crate) use virtual_network::check_virtual_network;

pub(crate) use self::on_demand::{OnDemand, compile_on_demand};

/// Compiles a document. `external_refs` holds the external resources to which it refers. `patterns` caches the results for
/// its patterns; the cache does not affect the result.
///
/// # Errors
/// All violations, those of a part before those of its referrers. Targets are paths within the gateway's
/// document.
pub(crate) fn compile(
    document: &Document,
    external_refs: &ExternalRefs,
    patterns: &PatternCache,
) -> Result<Content, Violations> {
    let mut violations = Violations::default();
    let found = &mut violations;
    let gateway = gateway::check(document, found);
    let policy = gateway.properties.ssl_policy.as_ref();
    let mut pages = error_pages::Collected::new(&external_refs.pages);
    let errors = gateway.properties.custom_error_configurations.as_slice();
    let of_gateway = pages.add(errors, "properties.customErrorConfigurations", found);

    let mut upstream = upstream(document, found);
    tunnel_policies::apply(document, &mut upstream.compiled_pools, found);
    let downstream = downstream(document, external_refs, policy, found);
    let listeners = Resources::read(document, "httpListeners", found);
    let refs = downstream.listener_refs(policy);
    let compiled_listeners = listeners::compile(&listeners, &refs, &mut pages, found);
    let routing = routing(document, &upstream, (&listeners, &compiled_listeners), patterns, found);
    let executed = definitions::Executed {
        refs: &refs,
        roots: &upstream.roots,
        probes: &upstream.probes,
        pools: &upstream.pools,
        compiled_listeners: &compiled_listeners,
    };
    definitions::check(document, &executed, found);
    firewall::check(document, &gateway.properties, &external_refs.policies, found);
    extensions::check_certificate_sources(document, found);
    let http2_limits = extensions::http2_limits(document, found);

    let content = Content {
        name: document.path.to_string(),
        http2: gateway.properties.enable_http2,
        http2_limits,
        listeners: in_order_of_rules(compiled_listeners, routing.rules),
        path_maps: routing.path_maps,
        pools: upstream.compiled_pools,
        distributions: routing.distributions,
        settings: upstream.compiled_settings,
        certificates: downstream.compiled_certificates,
        roots: upstream.compiled_roots,
        client_authorities: downstream.compiled_authorities,
        local_replies: local_replies(&gateway, pages, of_gateway),
        buffering: buffering(&gateway),
        headers: gateway::request_headers(&gateway.switches()),
        rewrites: routing.rewrites,
    };
    if violations.is_empty() {
        size::check(&content, &mut violations);
    }
    if violations.is_empty() { Ok(content) } else { Err(violations) }
}

/// The resources to which listeners refer, with their compiled forms.
struct Downstream {
    certificates: Resources<SslCertificate>,
    compiled_certificates: Vec<Certificate>,
    certificate_places: Vec<Option<usize>>,
    frontends: Resources<FrontendIpConfiguration>,
    addresses: Vec<Option<Frontend>>,
    ports: Resources<FrontendPort>,
    numbers: Vec<Option<u16>>,
    compiled_authorities: Vec<ClientAuthority>,
    profiles: Resources<SslProfile>,
    compiled_profiles: Vec<Profile>,
}

impl Downstream {
    fn listener_refs<'a>(&'a self, policy: Option<&'a SslPolicy>) -> ListenerRefs<'a> {
        ListenerRefs {
            frontends: &self.frontends,
            addresses: &self.addresses,
            ports: &self.ports,
            numbers: &self.numbers,
            certificates: &self.certificates,
            certificate_places: &self.certificate_places,
            policy,
            profiles: &self.profiles,
            compiled_profiles: &self.compiled_profiles,
        }
    }
}

fn downstream(
    document: &Document,
    external_refs: &ExternalRefs,
    policy: Option<&SslPolicy>,
    found: &mut Violations,
) -> Downstream {
    let certificates = Resources::read(document, "sslCertificates", found);
    let (compiled_certificates, certificate_places) = certificates::servers(document, &certificates, found);
    let frontends = Resources::read(document, "frontendIPConfigurations", found);
    let addresses = frontends::addresses(document, &frontends, external_refs, found);
    let ports = Resources::read(document, "frontendPorts", found);
    let numbers = frontends::ports(document, &ports, found);
    let authorities = Resources::read(document, "trustedClientCertificates", found);
    let compiled_authorities = client_authorities::compile(&authorities, found);
    let profiles = Resources::read(document, "sslProfiles", found);
    let compiled_profiles = ssl_profiles::compile(&profiles, &authorities, policy, found);
    Downstream {
        certificates,
        compiled_certificates,
        certificate_places,
        frontends,
        addresses,
        ports,
        numbers,
        compiled_authorities,
        profiles,
        compiled_profiles,
    }
}

/// The resources that are destinations of requests, with their compiled forms.
struct Upstream {
    roots: Resources<TrustedRootCertificate>,
    compiled_roots: Vec<TrustedRoot>,
    probes: Resources<Probe>,
    pools: Resources<BackendAddressPool>,
    compiled_pools: Vec<Pool>,
    settings: Resources<BackendHttpSettings>,
    compiled_settings: Vec<Settings>,
}

fn upstream(document: &Document, found: &mut Violations) -> Upstream {
    let roots = Resources::read(document, "trustedRootCertificates", found);
    let compiled_roots = certificates::authorities(document, &roots, found);
    let probes = Resources::read(document, "probes", found);
    let compiled_probes = probes::compile(&probes, found);
    let pools = Resources::read(document, "backendAddressPools", found);
    let compiled_pools = backends::pools(&pools, found);
    let settings = Resources::read(document, "backendHttpSettingsCollection", found);
    let authentication = Resources::read(document, "authenticationCertificates", found);
    let pinned = certificates::pinned(&authentication, found);
    let trust = backends::Trust { roots: &roots, authentication: &authentication, pinned: &pinned };
    let probing = backends::Probing { probes: &probes, compiled: &compiled_probes };
    let compiled_settings = backends::settings(&settings, &trust, &probing, found);
    Upstream { roots, compiled_roots, probes, pools, compiled_pools, settings, compiled_settings }
}

/// The compiled routing of requests.
struct Routed {
    rules: Vec<rules::Compiled>,
    path_maps: Vec<PathMap>,
    rewrites: Vec<RewriteSet>,
    distributions: Vec<Distribution>,
}

fn routing(
    document: &Document,
    upstream: &Upstream,
    (listeners, compiled_listeners): (&Resources<arm::Listener>, &[Listener]),
    patterns: &PatternCache,
    found: &mut Violations,
) -> Routed {
    let redirects = Resources::read(document, "redirectConfigurations", found);
    let compiled_redirects = redirects::compile(&redirects, listeners, compiled_listeners, found);
    let rewrites = Resources::read(document, "rewriteRuleSets", found);
    let compiled_rewrites = rewrites::compile(&rewrites, patterns, found);
    let distributions = Resources::read(document, "loadDistributionPolicies", found);
    let compiled_distributions = load_distribution::compile(&distributions, &upstream.pools, found);
    let targets = route_actions::Targets {
        pools: &upstream.pools,
        settings: &upstream.settings,
        redirects: &redirects,
        compiled_redirects: &compiled_redirects,
        rewrites: &rewrites,
        distributions: &distributions,
    };
    let maps = Resources::read(document, "urlPathMaps", found);
    let path_maps = path_maps::compile(&maps, &targets, found);
    let rules = Resources::read(document, "requestRoutingRules", found);
    Routed {
        rules: rules::compile(document, (&rules, listeners, &maps), &targets, found),
        path_maps: path_maps.into_iter().flatten().collect(),
        rewrites: compiled_rewrites,
        distributions: compiled_distributions,
    }
}

/// The configuration of local replies.
fn local_replies(
    gateway: &Gateway,
    pages: error_pages::Collected<'_>,
    of_gateway: ErrorPages,
) -> LocalReplies {
    let without_server = gateway.switches().disable_default_server_header_in_response.unwrap_or_default();
    LocalReplies { pages: pages.into_pages(), of_gateway, without_server }
}

fn buffering(gateway: &Gateway) -> Buffering {
    let switches = gateway.switches();
    Buffering {
        requests: switches.enable_request_buffering.unwrap_or_default(),
        responses: switches.enable_response_buffering.unwrap_or_default(),
    }
}

/// Returns the listeners with their rules, in the order of priority. Listeners without a rule are last, in the
/// order of their names.
fn in_order_of_rules(listeners: Vec<Listener>, mut rules: Vec<rules::Compiled>) -> Vec<Listener> {
    rules.sort_by_key(|rule| rule.priority);
    let mut rest: Vec<Option<Listener>> = listeners.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(rest.len());
    for rules::Compiled { listener, rule, .. } in rules {
        let taken = rest.get_mut(listener).and_then(Option::take);
        ordered.extend(taken.map(|listener| with_rule(listener, rule)));
    }
    ordered.extend(rest.into_iter().flatten());
    ordered
}

fn with_rule(listener: Listener, rule: Rule) -> Listener {
    Listener { rule: Some(rule), ..listener }
}
