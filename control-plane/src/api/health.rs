//! Whether the process is up, whether it is ready, and what the workers see of a gateway's backends.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::arm::collection::Collection;
use crate::compile::compile;
use crate::fleet::health::{PairHealth, merge};
use crate::store::{Gateway, OperationKind};

use super::Shared;
use super::error::ApiError;
use super::extract::{Base, Target, Version};
use super::gateways::not_found;
use super::operations::Links;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// The store answers too. (Whoever can ask has shown that the endpoint listens.)
pub(super) async fn ready(State(app): Shared) -> Result<&'static str, ApiError> {
    app.store.check().await.map_err(ApiError::NotReady)?;
    Ok("ok")
}

/// Takes stock of the backends. The stock is taken at once, so the operation has ended when it is first asked for;
/// clients expect one nevertheless.
pub(super) async fn backends(
    State(app): Shared,
    version: Version,
    Target(path): Target,
    base: Base,
) -> Result<Response, ApiError> {
    let gateway = app.store.gateway(&path).await?.ok_or_else(|| not_found(&path))?;
    // What is stored compiles; if not (after an upgrade), no worker runs it and there is nothing to be seen.
    let content = compile(&gateway.document).unwrap_or_default();
    let result = show(&gateway, &merge(&content, &app.fleet.health(gateway.id)));
    let operation = app.store.ended_operation(&gateway, OperationKind::BackendHealth, &result).await?;
    let links = Links::new(&base, &version, &gateway, &operation);
    Ok((StatusCode::ACCEPTED, links.for_the_rest(), Json(Value::Null)).into_response())
}

fn show(gateway: &Gateway, pairs: &[PairHealth]) -> Value {
    let mut pools: Vec<&str> = pairs.iter().map(|pair| pair.pool.as_str()).collect();
    pools.dedup();
    let pools = pools.into_iter().map(|pool| {
        let settings: Vec<Value> =
            pairs.iter().filter(|pair| pair.pool == pool).map(|pair| show_settings(gateway, pair)).collect();
        json!({
            "backendAddressPool": {"id": id(gateway, "backendAddressPools", pool)},
            "backendHttpSettingsCollection": settings,
        })
    });
    json!({"backendAddressPools": pools.collect::<Vec<_>>()})
}

fn show_settings(gateway: &Gateway, pair: &PairHealth) -> Value {
    let servers = pair.members.iter().map(|member| {
        json!({
            "address": member.host.to_string(),
            "health": member.health.as_str(),
            "healthProbeLog": member.log,
        })
    });
    json!({
        "backendHttpSettings": {"id": id(gateway, "backendHttpSettingsCollection", &pair.settings)},
        "servers": servers.collect::<Vec<_>>(),
    })
}

fn id(gateway: &Gateway, collection: &str, name: &str) -> Option<String> {
    Some(gateway.document.path.child_id(Collection::named(collection)?, name))
}
