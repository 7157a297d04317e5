//! The control plane of Tidegate: turns resource documents into snapshots.
//!
//! `api` receives a request and calls a use case of `service`; `edit` decides about it (reading with `arm` and compiling
//! with `compile`), and `store` writes it in one transaction. `rollout` brings the workers in `fleet` to the stored state
//! and records their progress. This file assembles the parts and shuts them down. Only what the `tidegate` binary needs is
//! public.
//!
//! The control plane carries no gateway traffic, and workers continue without it.

mod addresses;
mod admin_token;
mod api;
mod arm;
mod audit;
pub mod backup;
mod certificate_watch;
mod certificates;
pub mod clients;
mod clock;
mod compile;
mod config;
mod data_dir;
mod digest;
mod document_rules;
mod edit;
mod etag;
mod events;
mod fair_share;
mod fetch_policy;
mod fleet;
mod identity;
mod json_delta;
mod json_patch;
mod limits;
mod listen;
mod metrics;
mod networking;
mod on_demand;
mod openapi;
mod pki;
mod protection;
mod proxies;
mod resource_groups;
mod resource_id;
mod rollout;
mod service;
mod start_error;
mod store;
mod template;
mod tunnels;
mod upgrade;
mod violation;
mod worker_watch;

#[cfg(test)]
mod testing;

use std::net::SocketAddr;
use std::path::{self, Path};
use std::sync::{Arc, LazyLock};

use tidegate_shared::id::WorkerId;
use tidegate_shared::secret::Secret;
use tidegate_shared::token::JoinToken;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::admin_token::AdminToken;
use crate::api::server::{CONNECTIONS, Server, Shares};
use crate::api::{App, LargeBodies, PageTokens, Streams};
use crate::audit::Author;
use crate::certificates::Certificates;
use crate::clock::Millis;
use crate::compile::PatternCache;
use crate::data_dir::DataDir;
use crate::document_rules::DocumentRules;
use crate::events::Events;
use crate::fleet::Fleet;
use crate::fleet::session::{Channel, WORKERS};
use crate::listen::accept;
use crate::metrics::Metrics;
use crate::on_demand::Prober;
use crate::pki::{Authorities, read_identity};
use crate::rollout::Rollout;
use crate::service::{Fetching, Service, refresh_certificates, run_deployments};
use crate::store::{Schema, Store};
use crate::tunnels::TunnelCloser;

pub use crate::addresses::{AddressPool, AddressPoolError, MappedAddress, MappedAddressError};
pub use crate::config::{Config, ConfigError, LocalWorkers};
pub use crate::document_rules::{
    UnknownProperties, UnknownPropertiesError, UnservedTypes, UnservedTypesError,
};
pub use crate::fetch_policy::{FetchDeny, FetchDenyError};
pub use crate::identity::name::ClientName;
pub use crate::identity::role::Role;
pub use crate::identity::scope::Scope;
pub use crate::limits::{Limit, LimitError, Limits};
pub use crate::listen::Listeners;
pub use crate::protection::{UnservedProtection, UnservedProtectionError};
pub use crate::proxies::{Proxies, Proxy, ProxyError};
pub use crate::start_error::StartError;

/// The addresses on which a running control plane listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The plain HTTP endpoint.
    pub management: SocketAddr,
    /// The HTTPS endpoint.
    pub management_tls: SocketAddr,
    /// The channel endpoint for workers.
    pub channel: SocketAddr,
}

/// A running control plane. Dropping it without [`ControlPlane::stop`] shuts it down without waiting for
/// anything.
#[derive(Debug)]
pub struct ControlPlane {
    addresses: Addresses,
    store: Arc<Store>,
    certificates: Arc<Certificates>,
    /// The tasks that serve clients; they end first.
    requests: TaskGroup,
    /// The tasks that serve workers; they end when no request can need them.
    workers: TaskGroup,
}

/// A group of tasks that end together.
#[derive(Debug)]
struct TaskGroup {
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl TaskGroup {
    fn new() -> TaskGroup {
        let stop = CancellationToken::new();
        TaskGroup { tasks: TaskTracker::new(), _stop_on_drop: stop.clone().drop_guard(), stop }
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Accepts connections to a management endpoint.
    fn serve(&self, listener: TcpListener, server: Server) {
        let serve = move |stream, peer| server.clone().serve(stream, peer);
        self.tasks.spawn(accept(listener, CONNECTIONS, self.stop.clone(), self.tasks.clone(), serve));
    }

    /// Accepts connections of workers.
    fn serve_workers(&self, listener: TcpListener, channel: Arc<Channel>) {
        let stop = self.stop.clone();
        let serve = move |stream, peer| channel.clone().serve(stream, peer, stop.clone());
        self.tasks.spawn(accept(listener, WORKERS, self.stop.clone(), self.tasks.clone(), serve));
    }
}

impl ControlPlane {
    /// Opens the store and starts serving on `listeners`, which must have been bound for the same
    /// configuration.
    ///
    /// # Errors
    /// If any endpoint cannot be served.
    pub async fn start(config: Config, listeners: Listeners) -> Result<ControlPlane, StartError> {
        config.check()?;
        let DataDir { authorities, token, store } = DataDir::open(&config.data_dir, Schema::Migrate).await?;
        let store = store.with_strict_groups(config.strict_resource_groups).with_revisions(config.revisions);
        let store = store.with_addresses(config.address_plan());
        let store = Arc::new(store);
        let patterns = Arc::<PatternCache>::default();
        // Before the first write, so that its author can go back to what was there.
        store.add_missing_revisions().await?;
        upgrade::allocate_addresses(&store).await?;
        upgrade::recompile(&store, &patterns).await?;
        let events = Arc::<Events>::default();
        let fleet = Arc::new(Fleet::new(events.clone()));
        let metrics = Arc::new(Metrics::default());
        let (requests, workers) = (TaskGroup::new(), TaskGroup::new());

        let management = TcpListener::from_std(listeners.management)?;
        let management_tls = TcpListener::from_std(listeners.management_tls)?;
        let channel_listener = TcpListener::from_std(listeners.channel)?;
        let addresses = Addresses {
            management: management.local_addr()?,
            management_tls: management_tls.local_addr()?,
            channel: channel_listener.local_addr()?,
        };

        let given = match &config.management_certificate {
            Some((chain, key)) => Some(read_identity(chain, key)?),
            None => None,
        };
        let token_file = path::absolute(AdminToken::file(&config.data_dir))?;
        let (data_dir, bound) = (config.data_dir, addresses.management_tls.ip());
        let certificates =
            Certificates::new(data_dir, authorities, config.certificate_lifetime, bound, given)?;
        let certificates = Arc::new(certificates);
        let (tasks, stop) = (workers.tasks.clone(), workers.stop.clone());
        let prober = Prober::new(store.clone(), fleet.clone(), tasks.clone(), stop.clone()).await?;
        let tunnel_closer = TunnelCloser::new(store.clone(), fleet.clone(), tasks, stop).await?;
        let rules = DocumentRules {
            limits: config.limits,
            unknown_properties: config.unknown_properties,
            unserved_protection: config.unserved_protection,
            unserved_types: config.unserved_types,
        };
        let service = Service::new(
            store.clone(),
            fleet.clone(),
            (prober, tunnel_closer),
            clients::issuer(&store).await?,
            patterns.clone(),
            rules,
            Fetching {
                deny: config.fetch_deny,
                vault_credentials: config.key_vault_credentials,
                certificate_files: config.certificate_files,
                events: events.clone(),
            },
        );
        let service = Arc::new(service);
        let app = App {
            service: service.clone(),
            certificates: certificates.clone(),
            large_bodies: LargeBodies::new(config.max_body),
            page_tokens: PageTokens::new(store.page_token_key()),
            token: (!config.no_auth).then_some(token),
            token_file,
            metrics: metrics.clone(),
            events: events.clone(),
            streams: Streams::new(requests.tasks.clone(), requests.stop.clone()),
            description: LazyLock::new(|| api::description().into()),
        };
        let app = Arc::new(app);
        let plain = Server {
            router: api::router(app.clone()),
            tls: None,
            proxies: Arc::new(config.trusted_proxies),
            shares: Shares::default(),
            stop: requests.stop.clone(),
            tracker: requests.tasks.clone(),
        };
        let secured = Server { tls: Some(certificates.clone()), shares: Shares::default(), ..plain.clone() };
        let channel =
            Arc::new(Channel::new(store.clone(), fleet.clone(), certificates.clone(), metrics.clone()));
        let rollout = Rollout {
            store: store.clone(),
            fleet: fleet.clone(),
            patterns,
            metrics: metrics.clone(),
            timeout: config.rollout_timeout,
            began: Instant::now(),
        };

        // Nothing fails from here on.
        requests.serve(management, plain);
        requests.serve(management_tls, secured);
        workers.serve_workers(channel_listener, channel.clone());
        workers.tasks.spawn(channel.report(workers.stop.clone()));
        let (interval, stop) = (config.key_vault_interval, workers.stop.clone());
        workers.tasks.spawn(refresh_certificates(service.clone(), interval, stop));
        workers.tasks.spawn(run_deployments(service, workers.stop.clone()));
        workers.tasks.spawn(certificates.clone().run(store.clone(), workers.stop.clone()));
        workers.tasks.spawn(rollout.run(workers.stop.clone()));
        let watched = (store.clone(), events, metrics);
        workers.tasks.spawn(certificate_watch::run(watched, workers.stop.clone()));
        workers.tasks.spawn(worker_watch::run(store.clone(), fleet, workers.stop.clone()));
        let (watched, stop) = (store.clone(), workers.stop.clone());
        workers.tasks.spawn(async move { watched.watch_writes(stop).await });
        Ok(ControlPlane { addresses, store, certificates, requests, workers })
    }

    /// The addresses it listens on.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Returns an issuer of join tokens. It may outlive the control plane, and fails afterwards.
    pub fn tokens(&self) -> Tokens {
        Tokens { store: self.store.clone(), certificates: self.certificates.clone() }
    }

    /// Shuts down in order: stops accepting, finishes requests in flight, disconnects the workers (which
    /// continue with their configuration) and closes the store.
    pub async fn stop(self) {
        self.requests.end().await;
        self.workers.end().await;
        self.store.close().await;
    }
}

/// Issues join tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    store: Arc<Store>,
    certificates: Arc<Certificates>,
}

impl Tokens {
    /// Issues a one-time token for a new worker.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn issue(&self) -> Result<JoinToken, StartError> {
        issue_token(&self.store, &self.certificates.state().authorities, Author::itself()).await
    }
}

/// Issues a one-time token for a new worker, from the data directory of a control plane that may be running or
/// not.
///
/// # Errors
/// If the data directory cannot be used or belongs to another version.
pub async fn issue_join_token(data_dir: &Path) -> Result<JoinToken, StartError> {
    let DataDir { authorities, store, .. } = DataDir::open(data_dir, Schema::Current).await?;
    let token = issue_token(&store, &authorities, Author::on_site()).await;
    store.close().await;
    token
}

/// The steps of `tidegate authority rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Creates the next authority and trusts both.
    Begin,
    /// Replaces the current authority by the next one, unless workers would lose their trust.
    Finish {
        /// Finish even if workers would lose their trust and have to join again.
        force: bool,
    },
}

/// The result of a step of the rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// Both authorities are trusted. These workers still have a certificate of the current one.
    Begun(Vec<WorkerId>),
    /// Only the new authority is trusted.
    Finished,
    /// Nothing was changed, because these workers would lose their trust.
    Waiting(Vec<WorkerId>),
    /// Nothing was changed, because no rotation has begun.
    NotBegun,
}

/// Takes a step of the rotation of the certificate authority in a data directory, whose control plane may be
/// running or not.
///
/// # Errors
/// If the data directory cannot be used or belongs to another version.
pub async fn rotate_authority(data_dir: &Path, rotation: Rotation) -> Result<Rotated, StartError> {
    let DataDir { authorities, store, .. } = DataDir::open(data_dir, Schema::Current).await?;
    let rotated = match rotation {
        Rotation::Begin => begin_rotation(data_dir, &store).await,
        Rotation::Finish { force } => finish_rotation(data_dir, &authorities, &store, force).await,
    };
    store.close().await;
    rotated
}

async fn begin_rotation(data_dir: &Path, store: &Store) -> Result<Rotated, StartError> {
    store.record_rotation(Author::on_site(), "rotate").await?;
    let _lock = data_dir::lock(data_dir).await?;
    let authorities = Authorities::begin_rotation(data_dir, Millis::now())?;
    Ok(Rotated::Begun(store.workers_without_certificate_of(&authorities.newest().fingerprint).await?))
}

async fn finish_rotation(
    data_dir: &Path,
    authorities: &Authorities,
    store: &Store,
    force: bool,
) -> Result<Rotated, StartError> {
    let Some(next) = &authorities.next else { return Ok(Rotated::NotBegun) };
    let waiting = store.workers_without_certificate_of(&next.fingerprint).await?;
    if !waiting.is_empty() && !force {
        return Ok(Rotated::Waiting(waiting));
    }
    store.record_rotation(Author::on_site(), "finish").await?;
    let _lock = data_dir::lock(data_dir).await?;
    Authorities::finish_rotation(data_dir, Millis::now())?;
    Ok(Rotated::Finished)
}

async fn issue_token(
    store: &Store,
    authorities: &Authorities,
    author: Author,
) -> Result<JoinToken, StartError> {
    let secret = digest::random_secret();
    store.add_join_token(author, &digest::sha256_hex(&secret)).await?;
    Ok(JoinToken { authority: authorities.pem(), secret: Secret::new(secret.to_vec()) })
}
