//! The connected workers: the generations they run, were sent and have rejected, and their view of the
//! backends.
//!
//! All of it comes from the workers' messages on the channel and is lost with the connection: nothing is
//! stored. The decisions ([`plan`] and [`verdict`]) are pure functions of it in [`worker`]. No function waits
//! for a worker.

mod credentials;
pub mod health;
mod pending_joins;
pub mod session;
pub mod worker;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_shared::id::{Digest, GatewayId, Generation, ProbeId, WorkerId};
use tidegate_shared::protocol::{
    BackendHealth, MemberProbe, OnDemandProbe, SILENCE, ToControlPlane, ToWorker,
};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::OperationNumber;

pub use worker::{Order, Verdict, Worker, applied_by_all, plan, verdict};

/// The number of orders that may be queued for one worker's connection. The rollout retries orders that do not
/// fit.
const ORDERS: usize = 16;

/// The connected workers.
#[derive(Debug, Default)]
pub struct Fleet {
    connected: Mutex<BTreeMap<WorkerId, Connection>>,
    /// The counter of sessions, which distinguishes an old session from a newer one of the same worker.
    sessions: AtomicU64,
    /// Notified when a worker's message may require action.
    changed: Notify,
}

/// A worker and its connection.
#[derive(Debug)]
struct Connection {
    worker: Worker,
    /// The results of its probes. Kept outside `worker`, which the rollout copies on each turn, because they
    /// are large.
    health: BTreeMap<GatewayId, HealthReport>,
    orders: mpsc::Sender<ToWorker>,
    /// The receivers of the results of on-demand probes sent to the worker.
    probes: BTreeMap<ProbeId, oneshot::Sender<Vec<MemberProbe>>>,
    /// Cancelled to end the session.
    ended: CancellationToken,
    session: u64,
}

/// The results of a worker's probes for one gateway.
#[derive(Debug)]
struct HealthReport {
    backends: Arc<[BackendHealth]>,
    /// The time of arrival.
    at: Instant,
}

/// A session's handle on its entry in the fleet.
#[derive(Debug)]
pub struct Membership {
    /// The orders to send to the worker.
    pub orders: mpsc::Receiver<ToWorker>,
    /// Cancelled when a newer session of the same worker has replaced this one, or the worker was revoked.
    pub ended: CancellationToken,
    /// Identifies the session in calls of [`Fleet`].
    pub place: Place,
}

/// The identity of a session.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    worker: WorkerId,
    session: u64,
}

impl Fleet {
    /// Registers a worker's session with the generations it runs. Ends an earlier session of the worker, whose
    /// connection may have died unnoticed.
    pub fn enter(
        &self,
        worker: WorkerId,
        running: impl IntoIterator<Item = (GatewayId, Generation, Digest)>,
    ) -> Membership {
        let (orders, waiting) = mpsc::channel(ORDERS);
        let ended = CancellationToken::new();
        let session = self.sessions.fetch_add(1, Ordering::Relaxed);
        let connection = Connection {
            worker: Worker::running(running),
            health: BTreeMap::new(),
            orders,
            probes: BTreeMap::new(),
            ended: ended.clone(),
            session,
        };
        if let Some(earlier) = self.lock().insert(worker, connection) {
            earlier.ended.cancel();
        }
        self.changed.notify_one();
        Membership { orders: waiting, ended, place: Place { worker, session } }
    }

    /// Records the address of the worker's metrics endpoint.
    pub fn shows_metrics(&self, place: Place, address: SocketAddr) {
        if let Some(connection) = self.lock().get_mut(&place.worker).filter(|c| c.session == place.session) {
            connection.worker.metrics = Some(address);
        }
    }

    /// Removes a session, unless a newer one has replaced it.
    pub fn leave(&self, place: Place) {
        let mut connected = self.lock();
        if connected.get(&place.worker).is_some_and(|c| c.session == place.session) {
            connected.remove(&place.worker);
        }
        drop(connected);
        self.changed.notify_one();
    }

    /// Ends the session of a worker that has been revoked.
    pub fn disconnect(&self, worker: WorkerId) {
        let expelled = self.lock().remove(&worker);
        if let Some(connection) = expelled {
            connection.ended.cancel();
            self.changed.notify_one();
        }
    }

    /// Processes a message of a worker. Wakes the rollout only if the message may require action.
    pub fn on_message(&self, place: Place, message: ToControlPlane) {
        let mut connected = self.lock();
        let Some(connection) = connected.get_mut(&place.worker) else { return };
        if connection.session == place.session && connection.on_message(message, Instant::now()) {
            drop(connected);
            self.changed.notify_one();
        }
    }

    /// Waits until action may be required.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Wakes the rollout, after a write.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Returns the current state of every connected worker.
    pub fn snapshot(&self) -> BTreeMap<WorkerId, Worker> {
        self.lock().iter().map(|(id, connection)| (*id, connection.worker.clone())).collect()
    }

    /// Queues an order for a worker's session and records it as sent, together with the newest operation that
    /// waits for it. Returns false if the queue is full or the worker has disconnected; the rollout then plans
    /// the order again.
    pub fn send(&self, worker: WorkerId, message: ToWorker, operation: Option<OperationNumber>) -> bool {
        let order = match &message {
            ToWorker::Assign(snapshot) => Order::Assign(snapshot.gateway, snapshot.generation),
            ToWorker::Withdraw { gateway } => Order::Withdraw(*gateway),
            ToWorker::Joined { .. }
            | ToWorker::Authorities { .. }
            | ToWorker::Renew
            | ToWorker::Renewed { .. }
            | ToWorker::Refused { .. }
            | ToWorker::Probe(_)
            | ToWorker::Heartbeat => return false,
        };
        let mut connected = self.lock();
        let Some(connection) = connected.get_mut(&worker) else { return false };
        if connection.orders.try_send(message).is_err() {
            return false;
        }
        connection.worker.told(order, operation);
        true
    }

    /// Sends an on-demand probe to a worker that runs the gateway. The receiver fails if the worker disconnects
    /// first. Returns `None` if no connected worker runs the gateway or accepts the probe.
    pub fn probe(
        &self,
        gateway: GatewayId,
        probe: OnDemandProbe,
    ) -> Option<oneshot::Receiver<Vec<MemberProbe>>> {
        let (id, mut order) = (probe.id, ToWorker::Probe(Box::new(probe)));
        let mut connected = self.lock();
        for connection in connected.values_mut().filter(|c| c.worker.running.contains_key(&gateway)) {
            order = match connection.orders.try_send(order) {
                Ok(()) => {
                    let (answer, answered) = oneshot::channel();
                    connection.probes.retain(|_, waiting| !waiting.is_closed());
                    connection.probes.insert(id, answer);
                    return Some(answered);
                }
                Err(TrySendError::Full(order) | TrySendError::Closed(order)) => order,
            };
        }
        None
    }

    /// Returns the workers' recent health reports about a gateway's backends.
    pub fn health(&self, gateway: GatewayId) -> Vec<(WorkerId, Arc<[BackendHealth]>)> {
        let now = Instant::now();
        let connected = self.lock();
        let reports = connected.iter().filter_map(|(id, connection)| {
            let report = connection.health.get(&gateway)?;
            let is_fresh = now.saturating_duration_since(report.at) < SILENCE;
            is_fresh.then(|| (*id, report.backends.clone()))
        });
        reports.collect()
    }

    /// Locks the map. It stays consistent even if a holder panics.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Connection>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Processes a message. Returns whether it may require action by the rollout.
    fn on_message(&mut self, message: ToControlPlane, at: Instant) -> bool {
        if let ToControlPlane::Health { gateway, backends } = message {
            // A report about a gateway that is not running would never be removed.
            if self.worker.running.contains_key(&gateway) {
                self.health.insert(gateway, HealthReport { backends: backends.into(), at });
            }
            return false;
        }
        if let ToControlPlane::Probed { probe, members } = message {
            // The receiver may have been dropped.
            let _ = self.probes.remove(&probe).map(|waiting| waiting.send(members));
            return false;
        }
        if let ToControlPlane::Withdrawn { gateway } = message {
            self.health.remove(&gateway);
        }
        self.worker.on_message(message, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use uuid::Uuid;

    async fn is_woken(fleet: &Fleet) -> bool {
        tokio::select! {
            biased;
            () = fleet.changed() => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn the_newest_session_of_a_worker_wins() {
        let fleet = Fleet::default();
        let (worker, gateway) = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
        let first = fleet.enter(worker, []);
        let second = fleet.enter(worker, [(gateway, Generation(2), Digest("x".into()))]);
        assert!(first.ended.is_cancelled());
        assert!(!second.ended.is_cancelled());
        fleet.on_message(first.place, ToControlPlane::Withdrawn { gateway });
        fleet.leave(first.place);
        assert!(fleet.snapshot()[&worker].running.contains_key(&gateway), "the old session has no say");
        fleet.leave(second.place);
        assert!(fleet.snapshot().is_empty());
    }

    #[tokio::test]
    async fn a_health_report_is_kept_for_what_runs_and_wakes_nobody() {
        let fleet = Fleet::default();
        let (worker, gateway) = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
        let place = fleet.enter(worker, [(gateway, Generation(1), Digest("x".into()))]).place;
        fleet.changed().await;
        for gateway in [gateway, GatewayId(Uuid::new_v4())] {
            fleet.on_message(place, ToControlPlane::Health { gateway, backends: vec![] });
            assert_eq!(
                fleet.health(gateway).len(),
                usize::from(fleet.snapshot()[&worker].running.contains_key(&gateway))
            );
        }
        assert!(!is_woken(&fleet).await);
        fleet.on_message(place, ToControlPlane::Withdrawn { gateway });
        assert!(fleet.health(gateway).is_empty());
        assert!(is_woken(&fleet).await);
    }

    #[tokio::test]
    async fn a_probe_goes_to_a_worker_that_runs_the_gateway_and_ends_with_it() {
        let (fleet, gateway) = (Fleet::default(), GatewayId(Uuid::new_v4()));
        let probe = |id| OnDemandProbe { id: ProbeId(Uuid::from_u128(id)), ..testing::on_demand_probe() };
        let mut idle = fleet.enter(WorkerId(Uuid::new_v4()), []);
        assert!(fleet.probe(gateway, probe(0)).is_none());
        let running = [(gateway, Generation(1), Digest("x".into()))];
        let mut busy = fleet.enter(WorkerId(Uuid::new_v4()), running);
        let answers: Vec<_> = (1..3).map(|id| fleet.probe(gateway, probe(id)).unwrap()).collect();
        for id in 1..3 {
            assert_eq!(busy.orders.try_recv().unwrap(), ToWorker::Probe(Box::new(probe(id))));
        }
        idle.orders.try_recv().unwrap_err();
        fleet.on_message(busy.place, ToControlPlane::Probed { probe: probe(2).id, members: vec![] });
        fleet.on_message(busy.place, ToControlPlane::Probed { probe: probe(9).id, members: vec![] });
        fleet.leave(busy.place);
        let mut answers = answers.into_iter();
        answers.next().unwrap().await.unwrap_err();
        assert_eq!(answers.next().unwrap().await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_does_not_fit_the_queue_is_not_under_way() {
        let fleet = Fleet::default();
        let worker = WorkerId(Uuid::new_v4());
        let _membership = fleet.enter(worker, []);
        let send = || fleet.send(worker, ToWorker::Withdraw { gateway: GatewayId(Uuid::new_v4()) }, None);
        let sent = (0..ORDERS + 3).filter(|_| send()).count();
        assert_eq!(sent, ORDERS);
        assert_eq!(fleet.snapshot()[&worker].under_way.len(), ORDERS);
    }
}
