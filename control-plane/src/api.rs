//! The management API: its one list of layers around its one list of routes (which is in `routes`).
//!
//! Handlers are thin: extractors take a request apart, [`crate::edit`] decides, the store writes, `view` shows.
//! Nothing here waits for a worker. Every failure is an `ApiError`, and only `error` knows what that is in HTTP.

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
use crate::edit::{Edit, EditAction, EditError};
use crate::fair_share::{Bounds, FairShare};
use crate::fleet::Fleet;
use crate::identity::access::Client;
use crate::identity::issuer::Issuer;
use crate::identity::links;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::on_demand::Prober;
use crate::store::{Decision, Gateway, Store, Written};

pub use body_preparer::BodyPreparer;
pub use deployments::run as run_deployments;
use error::ApiError;
pub use extract::body::LargeBodies;
pub use oauth::SecretCheck;
pub use paging::PageTokens;

/// How many templates are evaluated at once. One of a client, and two in all: a second client does not wait for the
/// first.
pub(crate) const PLANS: Bounds = Bounds { total: 2, each: 1, waiting: 64 };

/// What the handlers work with.
#[derive(Debug)]
pub struct App {
    /// What is stored.
    pub store: Arc<Store>,
    /// Who is connected.
    pub fleet: Arc<Fleet>,
    /// The certificates of this control plane and of its workers.
    pub certificates: Arc<Certificates>,
    /// What opens the certificates in bodies and fetches the pages that they name.
    pub body_preparer: BodyPreparer,
    /// Turns of clients whose templates are evaluated.
    pub plans: FairShare<String>,
    /// How much each gateway may have.
    pub limits: Limits,
    /// How large the documents of gateways may be, and how many large ones are read at once.
    pub large_bodies: LargeBodies,
    /// Told whenever a deployment is to be run.
    pub deployments: Notify,
    /// What makes probes on demand.
    pub prober: Prober,
    /// What gives API clients their tokens.
    pub issuer: Issuer,
    /// What checks their secrets.
    pub secrets: SecretCheck,
    /// The key that seals the page tokens of lists.
    pub page_tokens: PageTokens,
    /// What every request must show; `None` where nothing is asked for.
    pub token: Option<AdminToken>,
    /// What is counted of requests.
    pub metrics: Arc<Metrics>,
}

impl App {
    /// Makes a change durable and wakes the rollout. The author of a change may have put right, outside of Tidegate,
    /// what made workers refuse the last one, so the rollout asks them again at once; a change that is refused or cannot
    /// be stored asks nobody.
    async fn write(&self, author: Author, edit: Edit) -> Result<Written, EditError> {
        let path = edit.path.clone();
        let act = act(author, &edit);
        check_links(&act, &edit)?;
        let written = match edit.action {
            EditAction::Delete => {
                self.store
                    .delete(&path, &act, |stored| {
                        edit.decide(&self.limits, &ExternalRefs::default(), stored).map(drop)
                    })
                    .await?
            }
            _ => {
                let named = edit.public_addresses();
                let decide = |stored: Option<&Gateway>, external_refs: &ExternalRefs| {
                    let decision = edit.decide(&self.limits, external_refs, stored)?;
                    check_stored_links(&act, &decision, stored).map(|()| decision)
                };
                self.store.write(&path, &act, &named, decide).await?
            }
        };
        self.fleet.wake();
        Ok(written)
    }
}

/// A write as the audit log has it.
fn act(author: Author, edit: &Edit) -> Act {
    Act { author, action: edit.action_name(), resource: edit.resource_id() }
}

/// Refuses what refers to resources that the author may not use.
fn check_links(act: &Act, edit: &Edit) -> Result<(), EditError> {
    let (Some(client), Some(sent)) = (&act.author.client, edit.sent()) else { return Ok(()) };
    match links::forbidden(client, &act.resource, sent) {
        Some(linked) => Err(link_forbidden(act, client, linked.to_string())),
        None => Ok(()),
    }
}

/// Refuses what is about to be stored if it refers to resources that the author may not use and that the stored
/// document does not refer to already. The text of the request has been looked at before; this looks at what became of it.
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

/// A handler's state.
type Shared = axum::extract::State<Arc<App>>;

/// Everything that is served: what is in the list of routes, within the layers.
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
