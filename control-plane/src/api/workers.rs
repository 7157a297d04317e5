//! The workers, which Azure does not have: connections, running generations and rejections, and the gateways
//! that have failed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::DutyState;

use crate::arm::extension::NAMESPACE;
use crate::fleet::Worker;
use crate::service::{KnownWorkers, ServiceError};
use crate::store::JoinedWorker;

use super::error::ApiError;
use super::extract::{ExtensionVersion, RequestAuthor};
use super::{App, AppState};

pub(super) async fn list(State(app): AppState) -> Result<Json<Value>, ApiError> {
    let KnownWorkers { joined, connected, gateways: names, failures, .. } = app.service.workers().await?;
    let newest = app.certificates.state().authorities.newest().fingerprint.clone();
    let shown = joined.iter().map(|JoinedWorker { id, joined_at, certificate, .. }| {
        let worker = connected.get(id);
        let mut shown = json!({
            "id": id.to_string(),
            "joinedAt": joined_at.to_string(),
            "connected": worker.is_some(),
            "gateways": worker.map(|worker| gateways(worker, &names)).unwrap_or_default(),
        });
        if let Some(certificate) = certificate {
            shown["certificate"] = json!({
                "expiresAt": certificate.validity.expires_at.to_string(),
                "isOfNewestAuthority": certificate.issuer == newest,
            });
        }
        shown
    });
    let failed = failures.iter().map(|(id, reason)| json!({"id": id, "reason": reason}));
    Ok(Json(json!({"value": shown.collect::<Vec<_>>(), "failed": failed.collect::<Vec<_>>()})))
}

/// Lists the workers as resources of the extension provider.
pub(super) async fn list_resources(
    State(app): AppState,
    _: ExtensionVersion,
) -> Result<Json<Value>, ApiError> {
    let known = app.service.workers().await?;
    let newest = app.certificates.state().authorities.newest().fingerprint.clone();
    let shown: Vec<Value> = known.joined.iter().map(|worker| resource(&known, worker, &newest)).collect();
    Ok(Json(json!({"value": shown})))
}

pub(super) async fn get_resource(
    State(app): AppState,
    _: ExtensionVersion,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    show(&app, &id).await
}

pub(super) async fn drain(
    State(app): AppState,
    _: ExtensionVersion,
    RequestAuthor(author): RequestAuthor,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    app.service.set_drained(author, &id, true).await?;
    show(&app, &id).await
}

pub(super) async fn resume(
    State(app): AppState,
    _: ExtensionVersion,
    RequestAuthor(author): RequestAuthor,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    app.service.set_drained(author, &id, false).await?;
    show(&app, &id).await
}

async fn show(app: &App, id: &str) -> Result<Json<Value>, ApiError> {
    let known = app.service.workers().await?;
    let newest = app.certificates.state().authorities.newest().fingerprint.clone();
    let worker = known.joined.iter().find(|worker| worker.id.to_string().eq_ignore_ascii_case(id));
    let worker = worker.ok_or_else(|| ServiceError::NoWorker(id.to_owned()))?;
    Ok(Json(resource(&known, worker, &newest)))
}

/// Renders a worker as a resource. `newest` is the fingerprint of the newest authority.
fn resource(known: &KnownWorkers, joined: &JoinedWorker, newest: &str) -> Value {
    let JoinedWorker { id, joined_at, certificate, .. } = joined;
    let worker = known.connected.get(id);
    let mut properties = json!({
        "state": state(worker),
        "desiredState": if known.drained.contains(id) { "drained" } else { "serving" },
        "joinedAt": joined_at.to_string(),
        "gateways": worker.map(|worker| gateways(worker, &known.gateways)).unwrap_or_default(),
    });
    if let Some(certificate) = certificate {
        properties["certificate"] = json!({
            "expiresAt": certificate.validity.expires_at.to_string(),
            "isOfNewestAuthority": certificate.issuer == newest,
        });
    }
    if let Some(address) = worker.and_then(|worker| worker.peer) {
        properties["address"] = address.to_string().into();
    }
    if let Some(status) = worker.and_then(|worker| worker.status.as_ref()) {
        properties["version"] = status.version.as_str().into();
        properties["load"] = json!({
            "tunnels": status.tunnels,
            "connections": status.connections,
            "cpuPercent": f64::from(status.cpu_permille) / 10.0,
        });
    }
    json!({
        "name": id.to_string(),
        "id": format!("/providers/{NAMESPACE}/workers/{id}"),
        "type": format!("{NAMESPACE}/workers"),
        "properties": properties,
    })
}

/// The state of a worker, which is `disconnected` without a connection.
fn state(worker: Option<&Worker>) -> &'static str {
    let Some(worker) = worker else { return "disconnected" };
    match worker.status.as_ref().map(|status| status.state) {
        None | Some(DutyState::Serving) => "serving",
        Some(DutyState::Draining) => "draining",
        Some(DutyState::Drained) => "drained",
    }
}

/// Revokes a worker: its certificate is no longer accepted, and its session ends. It continues to run its
/// gateways until it is stopped, because it can no longer receive a message.
pub(super) async fn delete(
    State(app): AppState,
    RequestAuthor(author): RequestAuthor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.service.remove_worker(author, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Renders every gateway that a worker runs or has rejected, without duplicates.
fn gateways(worker: &Worker, names: &BTreeMap<GatewayId, String>) -> Vec<Value> {
    let mut ids: Vec<&GatewayId> = worker.running.keys().chain(worker.refused.keys()).collect();
    ids.sort();
    ids.dedup();
    let shown = ids.into_iter().map(|id| {
        let mut gateway = json!({"resourceGuid": id.to_string(), "id": names.get(id)});
        if let Some(running) = worker.running.get(id) {
            gateway["generation"] = running.generation.0.into();
            gateway["digest"] = running.digest.0.as_str().into();
            gateway["addresses"] = running.addresses.iter().map(ToString::to_string).collect();
        }
        if let Some(refusal) = worker.refused.get(id) {
            gateway["rejected"] = json!({"generation": refusal.generation.0, "reason": refusal.reason});
        }
        gateway
    });
    shown.collect()
}
