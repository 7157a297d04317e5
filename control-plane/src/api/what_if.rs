//! The effects of a change of a gateway, without making it.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tidegate_shared::protocol::{ConcernedTunnels, RemovedMember, TunnelEvent, WhatIf as WorkerAnswer};
use tidegate_shared::snapshot::{Host, TunnelAction};

use crate::json_delta::delta;
use crate::service::view::deployment::of_warnings;
use crate::service::{ResourceChange, Traffic, WhatIf, WorkerTraffic};
use crate::store::Claim;

use super::AppState;
use super::error::ApiError;
use super::extract::{DocumentBody, ExtensionVersion, RequestAuthor, Target};

pub(super) async fn of_gateway(
    State(app): AppState,
    _: ExtensionVersion,
    Target(path): Target,
    RequestAuthor(author): RequestAuthor,
    DocumentBody { json: body, place }: DocumentBody,
) -> Result<Json<Value>, ApiError> {
    let found = app.service.what_if(&author, &path, body).await?;
    drop(place);
    Ok(Json(json!({"status": "Succeeded", "properties": show(&found)})))
}

fn show(found: &WhatIf) -> Value {
    let claims = |claims: &[Claim]| -> Vec<Value> {
        claims.iter().map(|claim| json!({"address": claim.address, "port": claim.port})).collect()
    };
    json!({
        "changes": found.changes.iter().map(change).collect::<Vec<_>>(),
        "newGeneration": found.is_new_generation,
        "listenersOpened": claims(&found.opened),
        "listenersClosed": claims(&found.closed),
        "certificatesReplaced": found.replaced_certificates,
        "traffic": traffic(&found.traffic),
        "diagnostics": of_warnings(found.warnings.to_json().as_ref()),
    })
}

fn change(change: &ResourceChange) -> Value {
    let kind = match (&change.before, &change.after) {
        (None, _) => "Create",
        (Some(_), None) => "Delete",
        (Some(_), Some(_)) => "Modify",
    };
    let mut shown = json!({"resourceId": change.id, "changeType": kind});
    for (name, value) in [("before", &change.before), ("after", &change.after)] {
        if let Some(value) = value {
            shown[name] = value.clone();
        }
    }
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        shown["delta"] = delta(before, after).into();
    }
    shown
}

/// Renders what becomes of requests and tunnels: the sums over the workers, and the answer of each.
pub(in crate::api) fn traffic(traffic: &Traffic) -> Value {
    let answers = || traffic.workers.iter().filter_map(|worker| worker.answer.as_ref().ok());
    let removed = || answers().flat_map(|answer| &answer.removed);
    let concerned = || answers().flat_map(|answer| &answer.concerned);
    let tunnels = |which: fn(&TunnelAction) -> bool| -> u64 {
        let removed = removed().map(|member| (member.action, member.tunnels));
        let all = removed.chain(concerned().map(|tunnels| (tunnels.action, tunnels.tunnels)));
        all.filter(|(action, _)| which(action)).map(|(_, tunnels)| tunnels).sum()
    };
    let drained = tunnels(|action| matches!(action, TunnelAction::Drain(_)));
    let closed = tunnels(|action| *action == TunnelAction::Close);
    let all: u64 = answers().map(|answer| answer.tunnels).sum();
    let requests: u64 = answers().map(|answer| answer.requests).sum();
    let ending: u64 = removed().map(|member| member.requests).sum();
    let mut shown = json!({
        "tunnels": {"kept": all.saturating_sub(drained + closed), "drained": drained, "closed": closed},
        "requests": {"kept": requests.saturating_sub(ending), "drained": ending},
        "workers": traffic.workers.iter().map(worker).collect::<Vec<_>>(),
    });
    let ends = removed().filter_map(ends_within);
    let ends = ends.chain(concerned().filter_map(|tunnels| Some(tunnels.end_within?.as_secs())));
    if let Some(seconds) = ends.max() {
        shown["endWithinInSec"] = seconds.into();
    }
    shown
}

/// The time in seconds within which the last tunnel or request at a removed member ends; `None` if there is nothing to
/// end.
fn ends_within(member: &RemovedMember) -> Option<u64> {
    let tunnels = member.tunnels_end_within.filter(|_| member.tunnels > 0);
    let requests = Some(member.requests_end_within).filter(|_| member.requests > 0);
    tunnels.max(requests).map(|time| time.as_secs())
}

fn worker(WorkerTraffic { worker, answer }: &WorkerTraffic) -> Value {
    let mut shown = json!({"worker": worker.to_string()});
    match answer {
        Ok(WorkerAnswer { rejection, tunnels, requests, removed, concerned }) => {
            shown["tunnels"] = (*tunnels).into();
            shown["requests"] = (*requests).into();
            shown["removedMembers"] = removed.iter().map(member).collect();
            shown["events"] = concerned.iter().map(event).collect();
            if let Some(reason) = rejection {
                shown["rejection"] = reason.as_str().into();
            }
        }
        Err(reason) => shown["unanswered"] = reason.as_str().into(),
    }
    shown
}

fn member(member: &RemovedMember) -> Value {
    let address = match &member.host {
        Host::Ip(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    };
    let mut shown = json!({
        "pool": member.pool,
        "member": address,
        "tunnels": member.tunnels,
        "action": action(member.action),
        "requests": member.requests,
        "requestsEndWithinInSec": member.requests_end_within.as_secs(),
    });
    if let Some(time) = member.tunnels_end_within {
        shown["tunnelsEndWithinInSec"] = time.as_secs().into();
    }
    shown
}

fn event(tunnels: &ConcernedTunnels) -> Value {
    let event = match tunnels.event {
        TunnelEvent::RouteChanged => "onRouteChanged",
        TunnelEvent::ListenerRemoved => "onListenerRemoved",
        TunnelEvent::PolicyTightened => "onPolicyTightened",
        TunnelEvent::LifetimeReached => "maxLifetimeInSec",
    };
    let mut shown = json!({
        "event": event,
        "pool": tunnels.pool,
        "tunnels": tunnels.tunnels,
        "action": action(tunnels.action),
    });
    if let Some(time) = tunnels.end_within {
        shown["endWithinInSec"] = time.as_secs().into();
    }
    shown
}

fn action(action: TunnelAction) -> &'static str {
    match action {
        TunnelAction::Keep => "keep",
        TunnelAction::Drain(_) => "drain",
        TunnelAction::Close => "close",
    }
}
