//! One served gateway: its sockets, and the tasks that resolve its names and probe its backends. The worker decides
//! what is applied; this module must not bind or swap.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tidegate_shared::id::{Digest, Generation};
use tidegate_shared::protocol::{BackendHealth, HealthState};
use tidegate_shared::snapshot::Snapshot;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::resolver::{QueryPermits, Resolver};
use crate::runtime::Runtime;
use crate::threads::Threads;
use crate::{drain, probe};

/// One served gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) snapshot: Snapshot,
    /// The digest of the snapshot's content.
    pub(super) digest: Digest,
    pub(super) current: Arc<ArcSwap<Runtime>>,
    /// The open sockets; cancelling a token closes its socket. The binding ends the connections.
    pub(super) sockets: BTreeMap<SocketAddr, CancellationToken>,
    /// The task that resolves each name.
    pub(super) names: HashMap<String, Task>,
    /// The gateway's query limit at the resolver.
    pub(super) query_permits: QueryPermits,
    /// By the backend's number: the task that probes it, and the task that ends its requests and tunnels while it
    /// is unhealthy.
    pub(super) probes: HashMap<u64, [Task; 2]>,
}

/// A task that is aborted when this is dropped.
#[derive(Debug)]
pub(super) struct Task(pub(super) JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Gateway {
    /// Returns the generation that is served and the digest of its content.
    pub(super) fn state(&self) -> (Generation, Digest) {
        (self.snapshot.generation, self.digest.clone())
    }

    /// Closes the sockets that the runtime has no binding for.
    pub(super) fn close_unbound(&mut self, runtime: &Runtime) {
        for (_, close) in self.sockets.extract_if(.., |address, _| !runtime.bindings.contains_key(address)) {
            close.cancel();
        }
    }

    /// Resolves every name again, because a change of the configuration is also a way to correct an outdated
    /// answer. A running query continues, so that frequent changes cannot keep a name unresolved.
    pub(super) fn resolve(&mut self, runtime: &Runtime, resolver: &Rc<Resolver>, changed: &Rc<Notify>) {
        let mut names = HashMap::new();
        for name in runtime.backends.names() {
            let keep = || {
                Task(tokio::task::spawn_local(resolver.clone().keep(
                    name.clone(),
                    self.query_permits.clone(),
                    changed.clone(),
                )))
            };
            let task = match self.names.remove(&name.text) {
                Some(task) => {
                    name.refresh();
                    task
                }
                None => keep(),
            };
            names.insert(name.text.clone(), task);
        }
        self.names = names;
    }

    /// Returns the health reports of removed members that still drain.
    pub(super) fn draining(&self, runtime: &Runtime) -> impl Iterator<Item = BackendHealth> {
        let content = &self.snapshot.content;
        let names = |(pool, settings): (usize, usize)| {
            Some((&content.pools.get(pool)?.name, &content.settings.get(settings)?.name))
        };
        let pairs: BTreeSet<_> = content.forwards().filter_map(names).collect();
        let draining: Vec<_> =
            runtime.member_table.draining().filter(|draining| !draining.member_state.is_gone()).collect();
        let pairs =
            pairs.into_iter().flat_map(move |pair| draining.clone().into_iter().map(move |l| (pair, l)));
        pairs.filter(|((pool, _), draining)| *draining.member_state.member.pool == ***pool).map(
            |((pool, settings), draining)| BackendHealth {
                pool: pool.clone(),
                settings: settings.clone(),
                host: draining.member_state.member.host.clone(),
                state: HealthState::Draining,
                reason: "It was removed from the pool. Running requests and tunnels may continue until the drain timeout."
                    .to_owned(),
            },
        )
    }

    /// Starts the probes of new backends and ends those of removed ones.
    pub(super) fn probe(&mut self, runtime: &Runtime, threads: &Rc<Threads>, changed: &Rc<Notify>) {
        let mut probes = HashMap::new();
        for backend in runtime.backends.iter() {
            let start = || {
                let watch = drain::end_while_down(backend.clone(), self.current.clone(), threads.clone());
                let probe = probe::run(backend.clone(), changed.clone());
                [Task(tokio::task::spawn_local(probe)), Task(tokio::task::spawn_local(watch))]
            };
            let task = self.probes.remove(&backend.number).unwrap_or_else(start);
            probes.insert(backend.number, task);
        }
        self.probes = probes;
        changed.notify_one();
    }
}
