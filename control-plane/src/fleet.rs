//! The connected workers: the generations they run, were sent and have rejected, and their view of the
//! backends.
//!
//! This state comes from the workers' messages on the channel and is lost with the connection; none of it is
//! stored. The decisions ([`plan`] and [`verdict`]) are pure functions of it in [`worker`]. No function waits
//! for a worker.

mod calls;
mod connection;
mod credentials;
pub(crate) mod health;
mod notable;
mod pending_joins;
pub(crate) mod session;
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_shared::id::{CallId, Digest, GatewayId, Generation, WorkerId};
use tidegate_shared::protocol::{BackendHealth, Call, Duty, Reply, SILENCE, ToControlPlane, ToWorker};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::calls::PendingCalls;
use self::connection::Connection;
use crate::events::{EventContent, Events};
use crate::store::OperationNumber;

pub(crate) use worker::{Order, Verdict, Worker, applied_by_all, plan, verdict};

/// The number of orders that may be queued for one worker's connection. The rollout retries orders that do not
/// fit.
const ORDERS: usize = 16;

/// The connected workers.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    connected: Mutex<BTreeMap<WorkerId, Connection>>,
    /// The counter of sessions, which distinguishes an old session from a newer one of the same worker.
    sessions: AtomicU64,
    /// The identity of the next call.
    next_call: AtomicU64,
    /// Notified when a worker's message may require action.
    changed: Notify,
    /// The events that follow from the workers' messages are published here.
    events: Arc<Events>,
}

/// A session's handle on its entry in the fleet.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The orders to send to the worker.
    pub(crate) orders: mpsc::Receiver<ToWorker>,
    /// Cancelled when a newer session of the same worker has replaced this one, or the worker was revoked.
    pub(crate) ended: CancellationToken,
    /// Identifies the session in calls of [`Fleet`].
    pub(crate) id: SessionId,
}

/// The identity of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionId {
    worker: WorkerId,
    session: u64,
}

impl Fleet {
    /// A fleet without workers, which publishes what it learns of them.
    pub(crate) fn new(events: Arc<Events>) -> Fleet {
        Fleet { events, ..Fleet::default() }
    }

    /// Registers a worker's session with the generations it runs. Ends an earlier session of the worker, whose
    /// connection may have died unnoticed.
    pub(crate) fn enter(
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
            calls: PendingCalls::default(),
            ended: ended.clone(),
            session,
        };
        if let Some(earlier) = self.lock().insert(worker, connection) {
            earlier.ended.cancel();
        }
        self.events.publish(EventContent::new("workerConnected").on(worker));
        self.changed.notify_one();
        Membership { orders: waiting, ended, id: SessionId { worker, session } }
    }

    /// Records the address from which a worker is connected, and that of its metrics endpoint.
    pub(crate) fn is_at(&self, id: SessionId, peer: IpAddr, metrics: Option<SocketAddr>) {
        if let Some(connection) = self.lock().get_mut(&id.worker).filter(|c| c.session == id.session) {
            connection.worker.peer = Some(peer);
            connection.worker.metrics = metrics;
        }
    }

    /// Tells a worker its duty, unless its queue is full; the rollout repeats that.
    pub(crate) fn tell_duty(&self, worker: WorkerId, duty: Duty) {
        if let Some(connection) = self.lock().get_mut(&worker)
            && connection.orders.try_send(ToWorker::Duty(duty)).is_ok()
        {
            connection.worker.duty = Some(duty);
        }
    }

    /// Removes a session, unless a newer one has replaced it.
    pub(crate) fn leave(&self, id: SessionId) {
        let mut connected = self.lock();
        if connected.get(&id.worker).is_some_and(|c| c.session == id.session) {
            connected.remove(&id.worker);
            self.events.publish(EventContent::new("workerDisconnected").on(id.worker));
        }
        drop(connected);
        self.changed.notify_one();
    }

    /// Ends the session of a worker that has been revoked.
    pub(crate) fn disconnect(&self, worker: WorkerId) {
        let expelled = self.lock().remove(&worker);
        if let Some(connection) = expelled {
            connection.ended.cancel();
            self.events.publish(EventContent::new("workerDisconnected").on(worker));
            self.changed.notify_one();
        }
    }

    /// Processes a message of a worker. Wakes the rollout only if the message may require action.
    pub(crate) fn on_message(&self, id: SessionId, message: ToControlPlane) {
        let mut connected = self.lock();
        let Some(connection) = connected.get_mut(&id.worker) else { return };
        if connection.session != id.session {
            return;
        }
        let (may_require_action, events) = connection.on_message(id.worker, message, Instant::now());
        events.into_iter().for_each(|event| self.events.publish(event));
        if may_require_action {
            drop(connected);
            self.changed.notify_one();
        }
    }

    /// Waits until action may be required.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Wakes the rollout, after a write.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Returns the current state of every connected worker.
    pub(crate) fn snapshot(&self) -> BTreeMap<WorkerId, Worker> {
        self.lock().iter().map(|(id, connection)| (*id, connection.worker.clone())).collect()
    }

    /// Queues an order for a worker's session and records it as sent, together with the newest operation that
    /// waits for it. Returns false if the queue is full or the worker has disconnected; the rollout then plans
    /// the order again.
    pub(crate) fn send(
        &self,
        worker: WorkerId,
        message: ToWorker,
        operation: Option<OperationNumber>,
    ) -> bool {
        let order = match &message {
            ToWorker::Assign(snapshot) => Order::Assign(snapshot.gateway, snapshot.generation),
            ToWorker::Withdraw { gateway } => Order::Withdraw(*gateway),
            ToWorker::Joined { .. }
            | ToWorker::Authorities { .. }
            | ToWorker::Renew
            | ToWorker::Renewed { .. }
            | ToWorker::Refused { .. }
            | ToWorker::Call { .. }
            | ToWorker::Duty(_)
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

    /// Sends a call to at most `workers` of the workers that run a gateway, and returns the receivers of their replies.
    /// A worker whose queue or table of calls is full is passed over. A receiver fails when its worker's session ends
    /// before the reply.
    pub(crate) fn call(
        &self,
        gateway: GatewayId,
        call: &Call,
        workers: usize,
    ) -> Vec<(WorkerId, oneshot::Receiver<Reply>)> {
        let mut connected = self.lock();
        let runs = connected.iter_mut().filter(|(_, c)| c.worker.running.contains_key(&gateway));
        let replies = runs.filter_map(|(worker, connection)| {
            let id = CallId(self.next_call.fetch_add(1, Ordering::Relaxed));
            connection.call(id, call).map(|reply| (*worker, reply))
        });
        replies.take(workers).collect()
    }

    /// Sends each worker that runs a gateway a call of its own, and returns the receiver of its reply; `None` if the
    /// worker's queue or table of calls is full. A receiver fails when its worker's session ends before the reply.
    pub(crate) fn call_each(
        &self,
        gateway: GatewayId,
        call: impl Fn(WorkerId) -> Option<Call>,
    ) -> Vec<(WorkerId, Option<oneshot::Receiver<Reply>>)> {
        let mut connected = self.lock();
        let runs = connected.iter_mut().filter(|(_, c)| c.worker.running.contains_key(&gateway));
        let replies = runs.filter_map(|(worker, connection)| {
            let id = CallId(self.next_call.fetch_add(1, Ordering::Relaxed));
            Some((*worker, connection.call(id, &call(*worker)?)))
        });
        replies.collect()
    }

    /// Returns the workers' recent health reports about a gateway's backends.
    pub(crate) fn health(&self, gateway: GatewayId) -> Vec<(WorkerId, Arc<[BackendHealth]>)> {
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

#[cfg(test)]
mod tests;
