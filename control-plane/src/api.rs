//! The management API: its one list of routes and its one list of layers.
//!
//! Handlers are thin: extractors take a request apart, [`crate::edit`] decides, the store writes, `view` shows.
//! Nothing here waits for a worker. Every failure is an `ApiError`, and only `error` knows what that is in HTTP.

mod auth;
mod children;
mod error;
mod extract;
mod gateways;
mod health;
mod layers;
mod opener;
mod operations;
mod path;
mod view;
mod workers;

pub mod server;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};

use crate::audit::{Act, Author};
use crate::edit::{Edit, EditAction, EditError};
use crate::fleet::Fleet;
use crate::store::{Decision, Gateway, Store, Written};

pub use auth::AdminToken;
use error::ApiError;
pub use opener::Opener;

/// What the handlers work with.
#[derive(Debug)]
pub struct App {
    /// What is stored.
    pub store: Arc<Store>,
    /// Who is connected.
    pub fleet: Arc<Fleet>,
    /// What opens the certificates in bodies.
    pub opener: Opener,
    /// What every request must show; `None` where nothing is asked for.
    pub token: Option<AdminToken>,
}

impl App {
    /// Makes a change durable and wakes the rollout. The author of a change may have put right, outside of Tidegate,
    /// what made workers refuse the last one, so they are asked again at once; a change that is refused asks nobody.
    async fn write(&self, author: Author, edit: Edit) -> Result<Written, EditError> {
        let path = edit.path.clone();
        let act = Act { author, action: edit.action_name(), resource: edit.resource_id() };
        let written = match edit.action {
            EditAction::Delete => self.store.delete(&path, &act, |stored| edit.decide(stored).map(drop)).await?,
            _ => self.store.write(&path, &act, |stored| self.decide(&edit, stored)).await?,
        };
        self.fleet.wake();
        Ok(written)
    }

    /// Refusals are forgiven before the write is done: afterwards, the rollout may have asked for it already, and a
    /// refusal that is forgiven then would be the answer to this very change.
    fn decide(&self, edit: &Edit, stored: Option<&Gateway>) -> Result<Decision, EditError> {
        let decision = edit.decide(stored)?;
        if let Some(gateway) = stored {
            self.fleet.forgive(gateway.id);
        }
        Ok(decision)
    }
}

/// A handler's state.
type Shared = axum::extract::State<Arc<App>>;

/// Everything that is served. Fixed segments are in lower case: `path::normalise` has brought requests to that.
pub fn router(app: Arc<App>) -> Router {
    const NETWORK: &str = "/subscriptions/{subscription}/providers/microsoft.network";
    const GROUP: &str = "/subscriptions/{subscription}/resourcegroups/{group}/providers/microsoft.network";
    let network = |rest: &str| format!("{NETWORK}{rest}");
    let group = |rest: &str| format!("{GROUP}/applicationgateways{rest}");
    let gateway = get(gateways::get).put(gateways::put).delete(gateways::delete);
    let child = put(children::put).get(children::get).delete(children::delete);
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/workers", get(workers::list))
        .route("/workers/{worker}", delete(workers::delete))
        .route(&network("/applicationgateways"), get(gateways::list_in_subscription))
        .route(&network("/locations/{location}/operations/{operation}"), get(operations::status))
        .route(&network("/locations/{location}/operationresults/{operation}"), get(operations::result))
        .route(&group(""), get(gateways::list_in_group))
        .route(&group("/{gateway}"), gateway)
        .route(&group("/{gateway}/backendhealth"), post(health::backends))
        .route(&group("/{gateway}/{collection}"), get(children::list))
        .route(&group("/{gateway}/{collection}/{child}"), child)
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        // The last layer is the outermost.
        .layer(from_fn_with_state(app.clone(), auth::authorise))
        .layer(from_fn(layers::limit_time))
        .layer(from_fn(layers::identify))
        .with_state(app)
}

async fn unknown_path(uri: Uri) -> ApiError {
    ApiError::UnknownPath(uri.path().to_owned())
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod { method: method.to_string(), path: uri.path().to_owned() }
}
