//! Metrics of the control plane, and service discovery of the workers' metrics, for Prometheus.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tidegate_shared::metrics::{self, CONTENT_TYPE as METRICS_TYPE};
use tokio::time::Instant;

use super::error::ApiError;
use super::{App, AppState};

/// The label of requests without a known route or method, both of which the client chooses.
const NONE: &str = "none";

/// Counts each request by its route.
pub(super) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let began = Instant::now();
    let response = next.run(request).await;
    let (method, route) = route.as_ref().map_or((NONE, NONE), |route| (method, route.as_str()));
    app.metrics.answered(method, route, response.status().as_u16(), began.elapsed());
    response
}

/// Returns the method if it is a supported one. A known path accepts any text as method until it is routed.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => NONE,
    }
}

pub(super) async fn show(State(app): AppState) -> Result<impl IntoResponse, ApiError> {
    let mut page = app.service.metrics(&app.metrics).await?;
    let certificates = app.certificates.state();
    page.certificates = vec![
        ("management", certificates.management_expires_at),
        ("channel", certificates.validity.expires_at),
        ("authority", certificates.authorities.current.expires_at),
    ];
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], metrics::page(page)))
}

/// Returns the metrics endpoints of the connected workers, in the format of Prometheus' HTTP service discovery:
/// one group for each worker.
pub(super) async fn targets(State(app): AppState) -> Json<Value> {
    let connected = app.service.connected_workers();
    let groups = connected.iter().filter_map(|(id, worker)| {
        let address: SocketAddr = worker.metrics?;
        Some(json!({"targets": [address.to_string()], "labels": {"tidegate_worker": id.to_string()}}))
    });
    Json(groups.collect())
}
