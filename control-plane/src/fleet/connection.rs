//! One connected worker: what is known of it, and what its messages change.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_shared::id::{CallId, GatewayId, WorkerId};
use tidegate_shared::protocol::{BackendHealth, Call, Reply, ToControlPlane, ToWorker};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calls::PendingCalls;
use super::notable;
use super::worker::Worker;
use crate::events::EventContent;

/// A worker and its connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) worker: Worker,
    /// The results of its probes. Kept outside `worker`, which the rollout copies on each turn, because they
    /// are large.
    pub(super) health: BTreeMap<GatewayId, HealthReport>,
    pub(super) orders: mpsc::Sender<ToWorker>,
    pub(super) calls: PendingCalls,
    /// Cancelled to end the session.
    pub(super) ended: CancellationToken,
    pub(super) session: u64,
}

/// The results of a worker's probes for one gateway.
#[derive(Debug)]
pub(super) struct HealthReport {
    pub(super) backends: Arc<[BackendHealth]>,
    /// The time of arrival.
    pub(super) at: Instant,
}

impl Connection {
    /// Queues a call, unless too many calls are waiting for their replies.
    pub(super) fn call(&mut self, id: CallId, call: &Call) -> Option<oneshot::Receiver<Reply>> {
        let has_room = self.calls.has_room();
        let sent = has_room && self.orders.try_send(ToWorker::Call { id, call: call.clone() }).is_ok();
        sent.then(|| self.calls.insert(id))
    }

    /// Processes a message of its worker. Returns whether it may require action by the rollout, and the events that it
    /// tells.
    pub(super) fn on_message(
        &mut self,
        worker: WorkerId,
        message: ToControlPlane,
        at: Instant,
    ) -> (bool, Vec<EventContent>) {
        if let ToControlPlane::Health { gateway, backends } = message {
            // A report about a gateway that is not running would never be removed.
            if !self.worker.running.contains_key(&gateway) {
                return (false, Vec::new());
            }
            let before = self.health.get(&gateway).map(|report| report.backends.clone());
            let events = notable::of_health((worker, gateway), before.as_deref(), &backends);
            self.health.insert(gateway, HealthReport { backends: backends.into(), at });
            return (false, events);
        }
        if let ToControlPlane::Reply { id, reply } = message {
            self.calls.resolve(id, reply);
            return (false, Vec::new());
        }
        if let ToControlPlane::HandshakesRefused(refusals) = &message {
            return (false, notable::of_refusals(worker, refusals));
        }
        let events = Vec::from_iter(notable::of_message(worker, &self.worker, &message));
        if let ToControlPlane::Withdrawn { gateway } = message {
            self.health.remove(&gateway);
        }
        (self.worker.on_message(message, at), events)
    }
}
