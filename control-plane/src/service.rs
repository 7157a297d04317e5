//! The use cases of the control plane, without HTTP: the REST API, a console, a command line and tests call them alike.
//!
//! A use case takes the author and the request as values, and returns a value or a [`ServiceError`]. It knows no request,
//! header, status or URL of the API. Writes are decided by [`crate::edit`], [`crate::networking`] and
//! [`crate::resource_groups`] within a transaction of the store; no use case waits for a worker, except for the deployment
//! of a template. [`view`] renders resources, because templates refer to them as a GET shows them.

mod api_version;
mod audit;
mod body_preparer;
mod certificate_files;
mod deployments;
mod error;
mod export;
mod extensions;
mod fetched_certificates;
mod fetcher;
mod gateways;
mod groups;
mod health;
mod metrics;
mod networks;
mod operations;
mod protection;
mod resource_target;
mod revisions;
mod secret_check;
mod tokens;
mod traffic;
mod tunnel_sample;
mod tunnels;
mod unserved;
mod vaults;
pub(crate) mod view;
mod what_if;
mod workers;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::compile::PatternCache;
use crate::document_rules::DocumentRules;
use crate::events::Events;
use crate::fair_share::{Bounds, FairShare};
use crate::fetch_policy::FetchDeny;
use crate::fleet::Fleet;
use crate::identity::issuer::Issuer;
use crate::on_demand::Prober;
use crate::store::{Store, StoreError};
use crate::tunnels::TunnelCloser;

pub(crate) use api_version::api_version;
use body_preparer::BodyPreparer;
pub(crate) use deployments::{Change, Fate, Preview, correlation_id, run as run_deployments, summary};
pub(crate) use error::{
    DeploymentError, NetworkUseError, ResourceGroupError, ServiceError, UnservedError, code_lists, not_found,
};
pub(crate) use extensions::check_extension_version;
use fetched_certificates::FetchedCertificates;
pub(crate) use fetched_certificates::refresh_certificates;
use operations::PATIENCE;
pub(crate) use revisions::{RevisionDiff, ShownRevision};
use secret_check::SecretCheck;
pub(crate) use tokens::{GrantRefused, Granted};
pub(crate) use traffic::{Traffic, WorkerTraffic};
pub(crate) use tunnel_sample::{SAMPLE_INTERVAL, TunnelSample};
pub(crate) use unserved::{ShownUnserved, UnservedAction};
pub(crate) use what_if::{ResourceChange, WhatIf};
pub(crate) use workers::KnownWorkers;

/// The number of templates evaluated at once: one for each client and two in total, so that a second client
/// does not wait for the first.
const PLANS: Bounds = Bounds { total: 2, each: 1, waiting: 64 };

/// The state shared by the use cases.
#[derive(Debug)]
pub(crate) struct Service {
    /// The database.
    store: Arc<Store>,
    /// The connected workers.
    fleet: Arc<Fleet>,
    /// Opens and fetches the certificates of bodies, and fetches the error pages that they name.
    body_preparer: BodyPreparer,
    /// What is known of the certificates that come from vaults.
    fetched: FetchedCertificates,
    /// The cache of the compiler's results for patterns.
    patterns: Arc<PatternCache>,
    /// The shares of clients in the evaluation of templates.
    plans: FairShare<String>,
    /// The decisions of the operator about documents.
    rules: DocumentRules,
    /// Notified when a deployment is ready to run.
    deployments: Notify,
    /// Runs on-demand probes.
    prober: Prober,
    /// Closes tunnels.
    tunnel_closer: TunnelCloser,
    /// Issues and verifies access tokens of API clients.
    pub(crate) issuer: Issuer,
    /// Verifies the secrets of API clients.
    secrets: SecretCheck,
}

/// Where the use cases fetch what documents refer to, and where they tell of it.
#[derive(Debug)]
pub(crate) struct Fetching {
    /// The addresses from which clients cannot have anything fetched.
    pub(crate) deny: FetchDeny,
    /// The directory with the credentials for vaults.
    pub(crate) vault_credentials: Option<PathBuf>,
    /// The directory below which certificates are read from files.
    pub(crate) certificate_files: Option<PathBuf>,
    /// Gets an event for each certificate that was fetched, or could not be.
    pub(crate) events: Arc<Events>,
}

impl Service {
    /// The use cases on a store and the connected workers.
    pub(crate) fn new(
        store: Arc<Store>,
        fleet: Arc<Fleet>,
        (prober, tunnel_closer): (Prober, TunnelCloser),
        issuer: Issuer,
        patterns: Arc<PatternCache>,
        rules: DocumentRules,
        fetching: Fetching,
    ) -> Service {
        let Fetching { deny, vault_credentials, certificate_files, events } = fetching;
        Service {
            store,
            fleet,
            body_preparer: BodyPreparer::new(deny, (vault_credentials, certificate_files), patterns.clone()),
            fetched: FetchedCertificates::new(events),
            patterns,
            plans: FairShare::new(PLANS),
            rules,
            deployments: Notify::new(),
            prober,
            tunnel_closer,
            issuer,
            secrets: SecretCheck::default(),
        }
    }

    /// Checks that reads and writes of the store succeed.
    ///
    /// # Errors
    /// [`ServiceError::Unwritable`] while writes fail, [`ServiceError::NotReady`] if reads fail.
    pub(crate) async fn check_ready(&self) -> Result<(), ServiceError> {
        self.store.check().await.map_err(|error: StoreError| match error.unwritable() {
            Some(_) => ServiceError::Unwritable(error),
            None => ServiceError::NotReady(error),
        })
    }
}
