//! What a document means: every reference resolved, every number in its range, everything a worker needs and nothing
//! it could refuse.
//!
//! This is the only validator: what compiles is valid. It is pure, and it finds everything that is wrong at once. It
//! may be called with any document, however badly it was read.

use tidegate_shared::snapshot::{Content, Listener, Rule};

use self::resources::Resources;
use crate::arm::document::Document;
use crate::violation::Violations;

mod backends;
mod certificates;
mod frontends;
mod gateway;
mod hosts;
mod listeners;
mod probes;
mod resources;
mod rules;
mod size;
#[cfg(test)]
mod tests;

/// What the document means.
///
/// # Errors
/// Everything that is wrong with it, in the order of the document. Targets are paths within the gateway's document.
pub fn compile(document: &Document) -> Result<Content, Violations> {
    let mut violations = Violations::default();
    let found = &mut violations;
    gateway::check(document, found);

    let certificates = Resources::read(document, "sslCertificates", found);
    let compiled_certificates = certificates::servers(document, &certificates, found);
    let roots = Resources::read(document, "trustedRootCertificates", found);
    let compiled_roots = certificates::authorities(&roots, found);
    let frontends = Resources::read(document, "frontendIPConfigurations", found);
    let compiled_frontends = frontends::addresses(&frontends, found);
    let ports = Resources::read(document, "frontendPorts", found);
    let compiled_ports = frontends::ports(&ports, found);
    let probes = Resources::read(document, "probes", found);
    let compiled_probes = probes::compile(&probes, found);
    let pools = Resources::read(document, "backendAddressPools", found);
    let compiled_pools = backends::pools(&pools, found);
    let settings = Resources::read(document, "backendHttpSettingsCollection", found);
    let trust = backends::Trust { roots: &roots };
    let probing = backends::Probing { probes: &probes, compiled: &compiled_probes };
    let compiled_settings = backends::settings(&settings, &trust, &probing, found);
    let listeners = Resources::read(document, "httpListeners", found);
    let places = listeners::Places {
        frontends: &frontends,
        addresses: &compiled_frontends,
        ports: &ports,
        numbers: &compiled_ports,
        certificates: &certificates,
    };
    let compiled_listeners = listeners::compile(&listeners, &places, found);
    let rules = Resources::read(document, "requestRoutingRules", found);
    let compiled_rules = rules::compile(&rules, &listeners, &pools, &settings, found);

    let content = Content {
        name: document.path.to_string(),
        listeners: in_order_of_rules(compiled_listeners, compiled_rules),
        pools: compiled_pools,
        settings: compiled_settings,
        certificates: compiled_certificates,
        roots: compiled_roots,
    };
    if violations.is_empty() {
        size::check(&content, &mut violations);
    }
    if violations.is_empty() { Ok(content) } else { Err(violations) }
}

/// The listeners with their rules, in the order of the rules' priorities. Those without a rule come last, in the
/// order listed.
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
