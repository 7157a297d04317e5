//! The management API: routes (in `routes`) inside one stack of layers.
//!
//! Handlers are thin: extractors parse a request, a use case of [`crate::service`] does the work, and the handler
//! renders the result. No handler waits for a worker. Every failure is an `ApiError`, which only `error` converts to HTTP.

mod audit;
mod auth;
mod available;
mod children;
mod deployments;
mod describe;
mod error;
mod event_streams;
mod events;
mod extensions;
mod extract;
mod filter;
mod firewall_rule_sets;
mod forwarded;
mod gateways;
mod groups;
mod health;
mod layers;
mod members;
mod metrics;
mod networks;
mod oauth;
mod odata;
mod openapi;
mod operations;
mod paging;
mod path;
mod providers;
mod receive;
mod resources;
mod revisions;
mod routes;
mod subnets;
mod subscriptions;
mod tunnels;
mod unserved;
mod warnings;
mod what_if;
mod workers;

pub(crate) mod server;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;

use crate::admin_token::AdminToken;
use crate::certificates::Certificates;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::service::{DeploymentError, Service, ServiceError};

use error::ApiError;
pub(crate) use event_streams::Streams;
pub(crate) use extract::body::LargeBodies;
pub(crate) use openapi::description;
pub(crate) use paging::PageTokens;

/// The state shared by all handlers.
#[derive(Debug)]
pub(crate) struct App {
    /// The use cases.
    pub(crate) service: Arc<Service>,
    /// The certificates of this control plane and of its workers.
    pub(crate) certificates: Arc<Certificates>,
    /// The maximum size of gateway documents, and the number of large ones read at once.
    pub(crate) large_bodies: LargeBodies,
    /// The key that seals the page tokens of lists.
    pub(crate) page_tokens: PageTokens,
    /// The admin token; `None` if authentication is disabled.
    pub(crate) token: Option<AdminToken>,
    /// The file with the admin token, which is named to clients on this machine.
    pub(crate) token_file: PathBuf,
    /// The metrics of requests.
    pub(crate) metrics: Arc<Metrics>,
    /// The latest events.
    pub(crate) events: Arc<Events>,
    /// The open streams of events.
    pub(crate) streams: Streams,
    /// The description of the API, made at its first use.
    pub(crate) description: LazyLock<Bytes>,
}

/// The state extractor of handlers.
type AppState = axum::extract::State<Arc<App>>;

/// Returns the router of all routes, wrapped in the layers.
pub(crate) fn router(app: Arc<App>) -> Router {
    routes::router()
        .route("/providers/microsoft.resources/deployments/{*rest}", any(no_such_scope))
        .route(
            "/providers/microsoft.management/managementgroups/{group}/providers/microsoft.resources/deployments/{*rest}",
            any(no_such_scope),
        )
        .fallback(unserved::handle)
        // Extensions of a gateway would otherwise be taken for a collection of it.
        .route(&routes::extensions_of_gateways(), any(unserved::handle))
        .method_not_allowed_fallback(wrong_method)
        // The last layer is the outermost.
        .layer(from_fn_with_state(app.clone(), auth::authorise))
        .layer(from_fn(receive::receive))
        .layer(from_fn(layers::limit_time))
        .layer(from_fn(layers::identify))
        .layer(from_fn_with_state(app.clone(), metrics::count))
        .with_state(app)
}

/// Answers for deployments to the tenant and to management groups.
async fn no_such_scope() -> ApiError {
    ServiceError::from(DeploymentError::NoSuchScope).into()
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod { method: method.to_string(), path: uri.path().to_owned() }
}
