//! The workers, which Azure does not have: connections, running generations and rejections, and the gateways
//! that have failed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tidegate_shared::id::GatewayId;

use crate::fleet::Worker;
use crate::service::KnownWorkers;
use crate::store::JoinedWorker;

use super::AppState;
use super::error::ApiError;
use super::extract::RequestAuthor;

pub(super) async fn list(State(app): AppState) -> Result<Json<Value>, ApiError> {
    let KnownWorkers { joined, connected, gateways: names, failures } = app.service.workers().await?;
    let newest = app.certificates.state().authorities.newest().fingerprint.clone();
    let shown = joined.iter().map(|JoinedWorker { id, joined_at, certificate }| {
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
            gateway["addresses"] = running.addresses.iter().map(ToString::to_string).collect();
        }
        if let Some(refusal) = worker.refused.get(id) {
            gateway["rejected"] = json!({"generation": refusal.generation.0, "reason": refusal.reason});
        }
        gateway
    });
    shown.collect()
}
