//! The only writer of what this process runs: takes snapshots, builds runtimes, binds sockets, swaps, drains.
//!
//! A change is prepared completely before anything is touched: the runtime is built and every new socket is bound
//! first. Then the runtime is swapped, which cannot fail. After an earlier failure the last good generation
//! continues to serve.

mod duty;
mod gateway;
mod refusals;
mod review;
mod saved;
mod what_if;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use thiserror::Error;
use tidegate_shared::id::{Digest, GatewayId, Generation};
use tidegate_shared::protocol::{BackendHealth, ToControlPlane};
use tidegate_shared::snapshot::{Content, Snapshot};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::drain::{self, Removal};
use crate::handover::{Inherited, Ownership};
use crate::last_good::LastGood;
use crate::member::Member;
use crate::metrics::Metrics;
use crate::resolver::{QueryPermits, Resolver};
use crate::runtime::{BuildError, Runtime};
use crate::threads::{Command, Threads};
use crate::tls::tickets::TicketKeys;
use duty::DutyRecord;
use gateway::{Gateway, Task};

/// Everything that this process runs.
#[derive(Debug)]
pub(crate) struct Worker {
    config: Config,
    /// With which TLS sessions of clients are resumed, whatever changes.
    ticket_keys: TicketKeys,
    pub(crate) threads: Rc<Threads>,
    last_good: Arc<LastGood>,
    metrics: Metrics,
    gateways: HashMap<GatewayId, Gateway>,
    /// The reason of each gateway's last rejection, so that a repeated rejection is logged once.
    rejected: HashMap<GatewayId, String>,
    /// The gateways whose applied snapshot is not on disk.
    unsaved: BTreeSet<GatewayId>,
    /// True if it was logged that snapshots cannot be saved.
    logged_unsaved: bool,
    /// The empty runtimes of withdrawn gateways whose tunnels may still be open: one that returns counts them.
    withdrawn: HashMap<GatewayId, Arc<Runtime>>,
    /// The tasks that end running requests and tunnels of removed members, also of withdrawn gateways.
    draining: HashMap<Member, Task>,
    /// The unused rest of what a predecessor has passed on.
    inherited: Inherited,
    /// The saved state that the predecessor serves; empty unless a takeover is in progress.
    predecessor: HashMap<GatewayId, (Generation, Digest)>,
    pub(crate) ownership: Ownership,
    /// The time of the last report of refused handshakes.
    refusals_since: Instant,
    /// Whether it serves.
    duty: DutyRecord,
    pub(crate) resolver: Rc<Resolver>,
    /// Notified by probes when a verdict or its reason changes, and by the resolver when the addresses of a name
    /// change.
    pub(crate) health_changed: Rc<Notify>,
}

/// The reason why a snapshot cannot run here; the generation before it continues.
#[derive(Debug, Error)]
enum ApplyError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{listeners}: cannot bind {address}: {source}")]
    Bind { listeners: String, address: SocketAddr, source: io::Error },
    #[error("{listeners}: {address} already serves gateway {owner}")]
    Taken { listeners: String, address: SocketAddr, owner: Arc<str> },
}

impl Worker {
    /// `is_writable`: true if snapshots can be saved. If not, that has been logged.
    pub(crate) fn new(
        config: Config,
        threads: Rc<Threads>,
        last_good: LastGood,
        metrics: Metrics,
        is_writable: bool,
    ) -> Worker {
        let health_changed = Rc::new(Notify::new());
        let resolver = Rc::new(Resolver::new(config.dns_servers.clone()));
        let duty = DutyRecord::of(&config.data_dir);
        Worker {
            config,
            ticket_keys: TicketKeys::default(),
            threads,
            last_good: Arc::new(last_good),
            metrics,
            gateways: HashMap::new(),
            withdrawn: HashMap::new(),
            rejected: HashMap::new(),
            unsaved: BTreeSet::new(),
            logged_unsaved: !is_writable,
            draining: HashMap::new(),
            inherited: Inherited::default(),
            predecessor: HashMap::new(),
            ownership: Ownership::default(),
            refusals_since: Instant::now(),
            duty,
            resolver,
            health_changed,
        }
    }

    /// Starts to take over from a predecessor, if there is one.
    pub(crate) fn take_over(&mut self, inherited: Inherited) {
        if inherited.is_complete() {
            return self.ownership.acquired.cancel();
        }
        self.inherited = inherited;
        self.ownership.expires();
    }

    /// Completes the takeover as soon as every gateway of the predecessor is served.
    fn complete_take_over(&mut self) {
        if !self.inherited.is_ready(|gateway| self.gateways.contains_key(gateway)) {
            return;
        }
        match self.inherited.complete() {
            Ok(()) => {
                self.predecessor.clear();
                self.ownership.acquired.cancel();
            }
            Err(error) => {
                tracing::error!(%error, "the takeover has failed: the predecessor continues to serve");
                self.ownership.denied.cancel();
            }
        }
    }

    /// Returns false while a takeover is in progress.
    pub(crate) fn owns_directory(&self) -> bool {
        self.ownership.acquired.is_cancelled()
    }

    /// Returns the reason why a successor cannot take over now.
    pub(crate) fn obstacle_to_handover(&self) -> Option<String> {
        let unsaved = self.unsaved.len();
        (unsaved > 0).then(|| format!("the last good snapshots of {unsaved} gateways could not be saved"))
    }

    /// Applies the saved snapshots, which this worker served when it last ran.
    pub(crate) async fn resume(&mut self) {
        for snapshot in self.last_good.load() {
            let (gateway, generation) = (snapshot.gateway, snapshot.generation);
            if !self.inherited.is_complete() {
                self.predecessor.insert(gateway, (generation, snapshot.content.digest()));
            }
            match self.run(snapshot).await {
                Ok(_) => tracing::info!(%gateway, %generation, "serving the last good snapshot"),
                Err(error) => {
                    tracing::error!(%gateway, %generation, %error, "the last good snapshot cannot be applied")
                }
            }
        }
        self.complete_take_over();
    }

    /// Returns every running gateway with its generation and the digest of its content: as the predecessor serves it
    /// while a takeover is in progress, since the predecessor still accepts connections.
    pub(crate) fn running(&self) -> Vec<(GatewayId, Generation, Digest)> {
        let state = |(id, gateway): (&GatewayId, &Gateway)| {
            let (generation, digest) = self.predecessor.get(id).cloned().unwrap_or_else(|| gateway.state());
            (*id, generation, digest)
        };
        self.gateways.iter().map(state).collect()
    }

    /// Returns an `Applied` for every running gateway, for a control plane that may not have received the first
    /// one. Those that a predecessor serves in another state are left out.
    pub(crate) fn applied(&self) -> Vec<ToControlPlane> {
        let is_applied = |gateway: &&Gateway| {
            self.predecessor.get(&gateway.snapshot.gateway).is_none_or(|state| *state == gateway.state())
        };
        let applied = |gateway: &Gateway| ToControlPlane::Applied {
            gateway: gateway.snapshot.gateway,
            generation: gateway.snapshot.generation,
            digest: gateway.digest.clone(),
            addresses: gateway.sockets.keys().copied().collect(),
        };
        self.gateways.values().filter(is_applied).map(applied).collect()
    }

    /// Applies a snapshot, and returns the result as a message.
    pub(crate) async fn assign(&mut self, snapshot: Snapshot) -> ToControlPlane {
        let (gateway, generation) = (snapshot.gateway, snapshot.generation);
        let kept = snapshot.clone();
        match self.run(snapshot).await {
            Ok((digest, addresses)) => {
                tracing::info!(%gateway, %generation, ?addresses, "applied");
                self.rejected.remove(&gateway);
                self.update_saved(gateway, move |last_good| last_good.save(&kept)).await;
                self.complete_take_over();
                ToControlPlane::Applied { gateway, generation, digest, addresses }
            }
            Err(error) => {
                let reason = error.to_string();
                let before = self.rejected.insert(gateway, reason.clone());
                if before.is_none_or(|before| before != reason) {
                    tracing::warn!(%gateway, %generation, %error, "rejected");
                }
                ToControlPlane::Rejected { gateway, generation, reason }
            }
        }
    }

    /// Stops serving a gateway, and returns the confirmation.
    pub(crate) async fn withdraw(&mut self, gateway: GatewayId) -> ToControlPlane {
        self.rejected.remove(&gateway);
        if let Some(served) = self.gateways.remove(&gateway) {
            self.metrics.hide(gateway);
            let nothing = Snapshot { content: Content::default(), ..served.snapshot.clone() };
            let old = served.current.load_full();
            let empty = Runtime::build(&nothing, Some(&old), &self.config, &self.ticket_keys);
            let empty = empty.expect("nothing can always be built");
            let empty = Arc::new(Runtime { is_withdrawn: true, ..empty });
            served.current.store(empty.clone());
            old.end_connections(None);
            for close in served.sockets.into_values() {
                close.cancel();
            }
            self.drain(&empty, Removal::Gateway);
            self.withdrawn.retain(|_, runtime| runtime.member_table.may_carry_tunnels());
            self.withdrawn.insert(gateway, empty);
            tracing::info!(%gateway, "withdrawn");
        }
        self.update_saved(gateway, move |last_good| last_good.remove(gateway)).await;
        self.inherited.forget(gateway);
        self.complete_take_over();
        ToControlPlane::Withdrawn { gateway }
    }

    /// Returns the health reports of every gateway.
    pub(crate) fn health(&self) -> Vec<ToControlPlane> {
        let report = |gateway: &Gateway| {
            let runtime = gateway.current.load();
            let backends = runtime.backends.iter().map(|backend| BackendHealth {
                pool: backend.key.pool.clone(),
                settings: backend.key.settings.clone(),
                host: backend.key.host.clone(),
                state: backend.health.state(),
                reason: backend.describe(),
            });
            let backends = backends.chain(gateway.draining(&runtime)).collect();
            ToControlPlane::Health { gateway: gateway.snapshot.gateway, backends }
        };
        self.gateways.values().map(report).collect()
    }

    /// Stops to accept and to probe. The threads finish what is running.
    pub(crate) fn stop(&mut self) {
        for gateway in self.gateways.drain().map(|(_, gateway)| gateway) {
            gateway.current.load().end_connections(None);
            for close in gateway.sockets.into_values() {
                close.cancel();
            }
        }
    }

    /// Applies a snapshot: builds the runtime, binds, swaps, then closes and drains what is gone. Returns the
    /// digest of the applied content and the addresses of its listeners.
    async fn run(&mut self, snapshot: Snapshot) -> Result<(Digest, Vec<SocketAddr>), ApplyError> {
        let digest = snapshot.content.digest();
        let old = self.gateways.get(&snapshot.gateway).map(|gateway| gateway.current.load_full());
        let before = old.as_ref().or_else(|| self.withdrawn.get(&snapshot.gateway)).map(|old| &**old);
        let runtime = Arc::new(Runtime::build(&snapshot, before, &self.config, &self.ticket_keys)?);
        let bound = self.bind_new(&runtime)?;

        self.withdrawn.remove(&snapshot.gateway);
        let gateway = self.gateways.remove(&snapshot.gateway);
        let before = gateway.as_ref().map(|gateway| &gateway.snapshot.content);
        let needs_review = before.is_some_and(|before| review::is_needed(before, &snapshot.content));
        let mut gateway = match gateway {
            Some(gateway) => {
                gateway.current.store(runtime.clone());
                if let Some(old) = &old {
                    old.end_connections(Some(&runtime));
                }
                Gateway { snapshot, digest, ..gateway }
            }
            None => {
                let current = Arc::new(ArcSwap::new(runtime.clone()));
                self.metrics.show(snapshot.gateway, current.clone());
                Gateway {
                    snapshot,
                    digest,
                    current,
                    sockets: BTreeMap::new(),
                    probes: HashMap::new(),
                    names: HashMap::new(),
                    query_permits: QueryPermits::default(),
                }
            }
        };
        let mut opened = Vec::new();
        for (address, sockets) in bound {
            let close = CancellationToken::new();
            gateway.sockets.insert(address, close.clone());
            opened.push((address, sockets, close));
        }
        gateway.close_unbound(&runtime);
        gateway.resolve(&runtime, &self.resolver, &self.health_changed);
        gateway.probe(&runtime, &self.threads, &self.health_changed);
        let current = gateway.current.clone();
        let in_force = (gateway.digest.clone(), gateway.sockets.keys().copied().collect());
        // Inserted before anything is awaited: a stop meanwhile must find every socket to close.
        self.gateways.insert(gateway.snapshot.gateway, gateway);
        runtime.member_table.enforce_policies();
        self.drain(&runtime, Removal::Members);
        for (address, sockets, close) in opened {
            self.threads.listen(address, sockets, &current, &close).await;
        }
        if needs_review {
            self.threads.broadcast(|| Command::Review(runtime.gateway)).await;
        }
        Ok(in_force)
    }

    /// Binds the addresses that the runtime needs and this gateway does not have yet. Binds none while the worker
    /// drains.
    fn bind_new(&mut self, runtime: &Runtime) -> Result<Vec<(SocketAddr, Vec<TcpListener>)>, ApplyError> {
        let mut bound = Vec::new();
        if !self.serves() {
            return Ok(bound);
        }
        for (address, binding) in &runtime.bindings {
            let address = *address;
            let owner = self.gateways.values().find(|gateway| gateway.sockets.contains_key(&address));
            let listeners = || format!("listener {}", binding.listeners.join(", "));
            match owner {
                Some(owner) if owner.snapshot.gateway == runtime.gateway => {}
                Some(owner) => {
                    let owner = owner.current.load().name.clone();
                    return Err(ApplyError::Taken { listeners: listeners(), address, owner });
                }
                None => {
                    let mut sockets = self.inherited.sockets(address);
                    let missing = self.config.threads.get().saturating_sub(sockets.len());
                    let failed = |source| ApplyError::Bind { listeners: listeners(), address, source };
                    sockets.extend(crate::sockets::bind(address, missing).map_err(failed)?);
                    bound.push((address, sockets));
                }
            }
        }
        Ok(bound)
    }

    /// Ends running requests of every removed member after the drain timeout of its settings, and tunnels as the policy
    /// of its pool says. A member that returns before that is left alone, and gets the whole time when it is removed
    /// again.
    fn drain(&mut self, runtime: &Runtime, removal: Removal) {
        // A gateway may have been withdrawn and assigned again.
        self.draining.retain(|member, task| !task.0.is_finished() && !runtime.member_table.contains(member));
        for draining in runtime.member_table.draining() {
            let (threads, changed) = (self.threads.clone(), self.health_changed.clone());
            let ended = drain::end_removed(draining.clone(), removal, threads, changed);
            let wait = || Task(tokio::task::spawn_local(ended));
            self.draining.entry(draining.member_state.member.clone()).or_insert_with(wait);
        }
    }
}
