//! The workers, which Azure never shows: who is connected, what each runs and where, what it refused.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tidegate_shared::id::GatewayId;

use crate::fleet::Worker;

use super::Shared;
use super::error::ApiError;

pub(super) async fn list(State(app): Shared) -> Result<Json<Value>, ApiError> {
    let names = app.store.gateway_names().await?;
    let connected = app.fleet.look();
    let workers = app.store.workers().await?;
    let shown = workers.iter().map(|(id, joined_at)| {
        let worker = connected.get(id);
        json!({
            "id": id.to_string(),
            "joinedAt": joined_at.to_string(),
            "connected": worker.is_some(),
            "gateways": worker.map(|worker| gateways(worker, &names)).unwrap_or_default(),
        })
    });
    Ok(Json(json!({"value": shown.collect::<Vec<_>>()})))
}

/// Everything that a worker runs or was told to run, each gateway once.
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
