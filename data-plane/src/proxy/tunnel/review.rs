//! Decides what a change of the configuration means for a tunnel whose member stays: whether its listener is still
//! there, would still serve a request of the same connection, and would still send the handshake to the same pool.

use std::sync::Arc;

use tidegate_shared::host::CanonicalHost;
use tidegate_shared::snapshot::{TunnelAction, TunnelPolicy};

use crate::live_tunnel::{Details, LiveTunnel};
use crate::proxy::admission;
use crate::registry::CloseReason;
use crate::runtime::{Action, Binding, Route, Runtime, Selection};

/// Returns what has happened to the tunnel under the configuration in force, with the action of its policy. `None` if
/// nothing has, or if its whole gateway was removed, which is no matter of its listener.
pub(super) fn event_of(
    runtime: &Runtime,
    details: &Details,
    live: &LiveTunnel,
    policy: &TunnelPolicy,
) -> Option<(CloseReason, TunnelAction)> {
    if runtime.is_withdrawn {
        return None;
    }
    let selection = &details.selection;
    let binding = runtime.bindings.get(&details.local());
    let listener = binding.and_then(|binding| binding.route_of(&selection.route.listener));
    let (Some(binding), Some(listener)) = (binding, listener) else {
        return Some((CloseReason::ListenerRemoved, policy.on_listener_removed));
    };
    if demands_more(binding, listener, details) {
        return Some((CloseReason::PolicyTightened, policy.on_policy_tightened));
    }
    let key = &live.backend.key;
    let leads_there = |found: &Action| match found {
        Action::Forward(backend_set) => backend_set.leads_to(&key.pool, &key.settings),
        Action::Redirect(_) => false,
    };
    let is_kept = if is_routed_by_its_own_path(selection, live.head.path()) {
        let host = CanonicalHost::parse(live.head.host()).unwrap_or(CanonicalHost::NONE);
        let route = binding.route(&host).cloned();
        let found = route.and_then(|route| Selection::of(route, live.head.path()).ok());
        found.is_some_and(|found| leads_there(found.action()))
    } else {
        same_path_rule(listener, selection).is_some_and(leads_there)
    };
    (!is_kept).then_some((CloseReason::RouteChanged, policy.on_route_changed))
}

/// Returns true if the listener would answer a request over the tunnel's connection with 421 or 400, which it has not
/// done when the tunnel was opened: the connection has no TLS, or a TLS version, a cipher suite or a client certificate
/// that the listener no longer accepts.
fn demands_more(binding: &Binding, listener: &Route, details: &Details) -> bool {
    let tls = details.tls.as_deref();
    let demands_tls = tls.is_none() && binding.tls.is_some();
    // A listener that no longer has TLS demands nothing.
    let demands =
        || admission::check_suite(listener, tls).is_err() || admission::check_client(listener, tls).is_err();
    demands_tls || (binding.tls.is_some() && demands())
}

/// Returns true if the route has chosen the entry for the path that the client sent, and no rewrite for another path.
fn is_routed_by_its_own_path(selection: &Selection, path: &str) -> bool {
    Selection::of(selection.route.clone(), path).is_ok_and(|own| own.number() == selection.number())
}

/// Returns the action of the path rule with the same name.
fn same_path_rule<'a>(listener: &'a Arc<Route>, selection: &Selection) -> Option<&'a Action> {
    let entries = &listener.rule.as_ref()?.entries;
    let name = &selection.entry().path_rule;
    entries.iter().find(|entry| entry.path_rule == *name).map(|entry| &entry.action)
}
