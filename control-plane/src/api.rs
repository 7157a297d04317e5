//! The management API: routes (in `routes`) inside one stack of layers.
//!
//! Handlers are thin: extractors parse a request, [`crate::edit`] decides, the store writes, and `view`
//! renders. No handler waits for a worker. Every failure is an `ApiError`, which only `error` converts to HTTP.

mod audit;
mod auth;
mod available;
mod body_preparer;
mod children;
mod deployments;
mod error;
mod extract;
mod fetcher;
mod filter;
mod forwarded;
mod gateways;
mod groups;
mod health;
mod layers;
mod members;
mod metrics;
mod networks;
mod oauth;
mod openapi;
mod operations;
mod paging;
mod path;
mod providers;
mod receive;
mod resources;
mod routes;
mod subnets;
mod subscriptions;
mod view;
mod workers;

pub mod server;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use tokio::sync::Notify;

use crate::admin_token::AdminToken;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::network::path::references_of;
use crate::audit::{Act, Author};
use crate::certificates::Certificates;
use crate::compile::PatternCache;
use crate::edit::{Context, Edit, EditAction, EditError};
use crate::fair_share::{Bounds, FairShare};
use crate::fleet::Fleet;
use crate::identity::access::Client;
use crate::identity::issuer::Issuer;
use crate::identity::links;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::networking::external_refs;
use crate::on_demand::Prober;
use crate::store::{Decision, Gateway, Store, StoredRefs, Written};

pub use body_preparer::BodyPreparer;
pub use deployments::run as run_deployments;
use error::ApiError;
pub use extract::body::LargeBodies;
pub use oauth::SecretCheck;
pub use paging::PageTokens;

/// The number of templates evaluated at once: one for each client and two in total, so that a second client
/// does not wait for the first.
pub(crate) const PLANS: Bounds = Bounds { total: 2, each: 1, waiting: 64 };

/// The state shared by all handlers.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Arc<Store>,
    /// The connected workers.
    pub fleet: Arc<Fleet>,
    /// The certificates of this control plane and of its workers.
    pub certificates: Arc<Certificates>,
    /// Opens the certificates in bodies and fetches the error pages that they name.
    pub body_preparer: BodyPreparer,
    /// The cache of the compiler's results for patterns.
    pub patterns: Arc<PatternCache>,
    /// The shares of clients in the evaluation of templates.
    pub plans: FairShare<String>,
    /// The maximum number of children of a gateway, by collection.
    pub limits: Limits,
    /// The maximum size of gateway documents, and the number of large ones read at once.
    pub large_bodies: LargeBodies,
    /// Notified when a deployment is ready to run.
    pub deployments: Notify,
    /// Runs on-demand probes.
    pub prober: Prober,
    /// Issues and verifies access tokens of API clients.
    pub issuer: Issuer,
    /// Verifies the secrets of API clients.
    pub secrets: SecretCheck,
    /// The key that seals the page tokens of lists.
    pub page_tokens: PageTokens,
    /// The admin token; `None` if authentication is disabled.
    pub token: Option<AdminToken>,
    /// The metrics of requests.
    pub metrics: Arc<Metrics>,
}

impl App {
    /// Commits a change and wakes the rollout. The author may have fixed, outside of Tidegate, the reason why
    /// workers rejected the previous generation, so a successful write also makes the rollout retry. A rejected
    /// write does not.
    async fn write(&self, author: Author, edit: Edit) -> Result<Written, EditError> {
        let path = edit.path.clone();
        let act = act(author, &edit);
        check_links(&act, &edit)?;
        let written = match edit.action {
            EditAction::Delete => {
                let refs = ExternalRefs::default();
                let decide =
                    |stored: Option<&Gateway>| edit.decide(self.decision_context(&refs), stored).map(drop);
                self.store.delete(&path, &act, decide).await?
            }
            _ => {
                let named = edit.public_addresses();
                let decide = |stored: Option<&Gateway>, refs: &StoredRefs| {
                    let decision = edit.decide(self.decision_context(&external_refs(refs)), stored)?;
                    check_stored_links(&act, &decision, stored).map(|()| decision)
                };
                self.store.write(&path, &act, &named, decide).await?
            }
        };
        self.fleet.wake();
        Ok(written)
    }

    fn decision_context<'a>(&'a self, external_refs: &'a ExternalRefs) -> Context<'a> {
        Context { limits: &self.limits, patterns: &self.patterns, external_refs }
    }
}

/// Returns the entry for the audit log.
fn act(author: Author, edit: &Edit) -> Act {
    Act { author, action: edit.action_name(), resource: edit.resource_id() }
}

/// Rejects a request that refers to resources which the author may not use.
fn check_links(act: &Act, edit: &Edit) -> Result<(), EditError> {
    let (Some(client), Some(sent)) = (&act.author.client, edit.sent()) else { return Ok(()) };
    match links::forbidden(client, &act.resource, sent) {
        Some(linked) => Err(link_forbidden(act, client, linked.to_string())),
        None => Ok(()),
    }
}

/// Rejects a document that refers to resources which the author may not use and to which the stored document
/// does not refer already. The request itself has been checked before; this checks the document that results
/// from it.
fn check_stored_links(act: &Act, decision: &Decision, stored: Option<&Gateway>) -> Result<(), EditError> {
    let (Some(client), Decision::Replace { document, .. }) = (&act.author.client, decision) else {
        return Ok(());
    };
    let known = stored.map(|stored| references_of(&stored.document)).unwrap_or_default();
    let is_known = |id: &str| known.iter().any(|reference| reference.target.eq_ignore_ascii_case(id));
    let forbidden = references_of(document)
        .into_iter()
        .map(|reference| reference.target)
        .find(|target| !is_known(target) && !client.may_name(&act.resource, target));
    match forbidden {
        Some(linked) => Err(link_forbidden(act, client, linked)),
        None => Ok(()),
    }
}

fn link_forbidden(act: &Act, client: &Client, linked: String) -> EditError {
    let (action, resource) = (act.action.clone(), act.resource.clone());
    EditError::LinkForbidden { client: client.clone(), action, resource, linked }
}

/// The state extractor of handlers.
type Shared = axum::extract::State<Arc<App>>;

/// Returns the router of all routes, wrapped in the layers.
pub fn router(app: Arc<App>) -> Router {
    routes::router()
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        // The last layer is the outermost.
        .layer(from_fn_with_state(app.clone(), auth::authorise))
        .layer(from_fn(receive::receive))
        .layer(from_fn(layers::limit_time))
        .layer(from_fn(layers::identify))
        .layer(from_fn_with_state(app.clone(), metrics::count))
        .with_state(app)
}

async fn unknown_path(uri: Uri) -> ApiError {
    ApiError::UnknownPath(uri.path().to_owned())
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::WrongMethod { method: method.to_string(), path: uri.path().to_owned() }
}

#[cfg(test)]
mod tests;
