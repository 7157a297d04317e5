//! Liveness, readiness, and the health of a gateway's backends.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tidegate_shared::protocol::MemberProbe;

use crate::arm::collection::Collection;
use crate::fleet::health::{Health, PairHealth};
use crate::service::view;
use crate::store::Gateway;

use super::AppState;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, JsonBody, RequestAuthor, Target};
use super::operations::Links;
use super::paging::Parameters;

/// Answers if the process is alive.
pub(super) async fn alive() -> &'static str {
    "ok"
}

/// Answers if the store can be read and written.
pub(super) async fn ready(State(app): AppState) -> Result<&'static str, ApiError> {
    app.service.check_ready().await?;
    Ok("ok")
}

/// Reports the health of the backends. The result is known at once, so the operation has ended already; clients
/// expect one nevertheless.
pub(super) async fn backends(
    State(app): AppState,
    version: ApiVersionParam,
    Target(path): Target,
    expand: Expand,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let show = |gateway: &Gateway, pairs: &[PairHealth]| show(gateway, expand, pairs);
    let (gateway, operation) = app.service.backend_health(&path, show).await?;
    let links = Links::new(&base, &version, &gateway, &operation);
    Ok((StatusCode::ACCEPTED, links.for_the_rest(), Json(Value::Null)).into_response())
}

fn show(gateway: &Gateway, expand: Expand, pairs: &[PairHealth]) -> Value {
    let mut pools: Vec<&str> = pairs.iter().map(|pair| pair.pool.as_str()).collect();
    pools.dedup();
    let pools = pools.into_iter().map(|pool| {
        let settings: Vec<Value> = pairs
            .iter()
            .filter(|pair| pair.pool == pool)
            .map(|pair| show_settings(gateway, expand, pair))
            .collect();
        json!({
            "backendAddressPool": expand.pool(gateway, pool),
            "backendHttpSettingsCollection": settings,
        })
    });
    json!({"backendAddressPools": pools.collect::<Vec<_>>()})
}

fn show_settings(gateway: &Gateway, expand: Expand, pair: &PairHealth) -> Value {
    let servers = pair.members.iter().map(|member| {
        json!({
            "address": member.host.to_string(),
            "health": member.health.as_str(),
            "healthProbeLog": member.log,
        })
    });
    json!({
        "backendHttpSettings": expand.settings(gateway, &pair.settings),
        "servers": servers.collect::<Vec<_>>(),
    })
}

/// Starts an on-demand probe of a pool's members by a worker.
pub(super) async fn probe_on_demand(
    State(app): AppState,
    version: ApiVersionParam,
    Target(path): Target,
    expand: Expand,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let (gateway, wanted) = app.service.on_demand_probe(&path, body).await?;
    let pool = expand.pool(&gateway, &wanted.pool.name);
    let settings = expand.settings(&gateway, &wanted.settings.name);
    let show = move |members: Vec<MemberProbe>| {
        let servers = members.iter().map(|member| {
            let health = Health::from(member.state).as_str();
            json!({"address": member.host.to_string(), "health": health, "healthProbeLog": member.reason})
        });
        let servers: Vec<Value> = servers.collect();
        let health = json!({"backendHttpSettings": settings, "servers": servers});
        json!({"backendAddressPool": pool, "backendHealthHttpSettings": health})
    };
    let operation = app.service.probe(&author, &gateway, wanted, show).await?;
    let links = Links::new(&base, &version, &gateway, &operation);
    Ok((StatusCode::ACCEPTED, links.for_the_rest(), Json(Value::Null)).into_response())
}

/// The parts to return complete rather than by ID (`$expand`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expand {
    pool: bool,
    settings: bool,
}

impl<S: Sync> FromRequestParts<S> for Expand {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Expand, ApiError> {
        let parameters = Parameters::from_request_parts(parts, state).await?;
        Expand::read(parameters.get("$expand").unwrap_or_default())
    }
}

impl Expand {
    /// Parses up to two names, in any case and order, separated by commas or slashes.
    fn read(text: &str) -> Result<Expand, ApiError> {
        let mut expand = Expand::default();
        for name in text.split([',', '/']).map(str::trim).filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case("BackendAddressPool") {
                expand.pool = true;
            } else if name.eq_ignore_ascii_case("BackendHttpSettings") {
                expand.settings = true;
            } else {
                let message =
                    format!("$expand supports BackendAddressPool and BackendHttpSettings, not '{name}'.");
                return Err(ApiError::BadRequest(message));
            }
        }
        Ok(expand)
    }

    fn pool(self, gateway: &Gateway, name: &str) -> Value {
        show_child(gateway, "backendAddressPools", name, self.pool)
    }

    fn settings(self, gateway: &Gateway, name: &str) -> Value {
        show_child(gateway, "backendHttpSettingsCollection", name, self.settings)
    }
}

fn show_child(gateway: &Gateway, collection: &str, name: &str, whole: bool) -> Value {
    let Some(collection) = Collection::named(collection) else { return Value::Null };
    let child = gateway.document.child(collection, name).filter(|_| whole);
    match child.and_then(|child| gateway.child_etag(child).map(|etag| (child, etag))) {
        Some((child, etag)) => view::child(gateway, child, etag),
        None => json!({"id": gateway.document.path.child_id(collection, name)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expanded_is_named_in_any_way_that_clients_have() {
        let (pool, settings) =
            (Expand { pool: true, settings: false }, Expand { pool: false, settings: true });
        let cases = [
            ("", Expand::default()),
            ("BackendAddressPool", pool),
            ("backendhttpsettings", settings),
            ("BackendAddressPool,BackendHttpSettings", Expand { pool: true, settings: true }),
            ("BackendHttpSettings/BackendAddressPool", Expand { pool: true, settings: true }),
            ("/backendAddressPool, ", pool),
        ];
        for (text, expected) in cases {
            assert_eq!(Expand::read(text).unwrap(), expected, "{text}");
        }
        assert!(matches!(Expand::read("BackendAddressPool,probes"), Err(ApiError::BadRequest(_))));
    }
}
