//! Checks definitions that no worker implements yet. They are not part of the snapshot.
//!
//! A module moves from here to the compilation of the snapshot when workers implement its feature.

use tidegate_shared::snapshot::Listener;

use super::listeners::ListenerRefs;
use super::resources::Resources;
use super::{private_links, transport, transport_rules};
use crate::arm::document::Document;
use crate::arm::gateway::{BackendAddressPool, Probe, TrustedRootCertificate};
use crate::violation::Violations;

/// The resources to which definitions refer.
pub(super) struct Executed<'a> {
    /// Frontends, ports, certificates and profiles.
    pub(super) refs: &'a ListenerRefs<'a>,
    pub(super) roots: &'a Resources<TrustedRootCertificate>,
    pub(super) probes: &'a Resources<Probe>,
    pub(super) pools: &'a Resources<BackendAddressPool>,
    /// The compiled HTTP listeners.
    pub(super) compiled_listeners: &'a [Listener],
}

/// Checks all definitions, each before its referrers.
pub(super) fn check(document: &Document, executed: &Executed<'_>, violations: &mut Violations) {
    let Executed { refs, roots, probes, pools, compiled_listeners } = *executed;
    let links = Resources::read(document, "privateLinkConfigurations", violations);
    private_links::check(&links, refs.frontends, violations);
    let transport_listeners = Resources::read(document, "listeners", violations);
    transport::check_listeners(&transport_listeners, refs, compiled_listeners, violations);
    let transport_settings = Resources::read(document, "backendSettingsCollection", violations);
    transport::check_settings(&transport_settings, probes, roots, violations);
    let rules = Resources::read(document, "routingRules", violations);
    transport_rules::check(&rules, &transport_listeners, pools, &transport_settings, violations);
    private_links::refuse_with_transport(&links, &rules, violations);
}
