//! The state of one worker, derived from its messages, and the orders and verdicts that follow from it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tidegate_shared::id::{Digest, GatewayId, Generation, WorkerId};
use tidegate_shared::protocol::{Duty, DutyState, ToControlPlane, WorkerStatus};
use tokio::time::Instant;

use crate::store::{DesiredState, OperationNumber};

/// The time between two attempts to apply a rejected generation. Together with the rollout's interval, a
/// configuration is applied within 2 s after the cause of the rejection is gone, such as a port held by another
/// process.
const RETRY: Duration = Duration::from_secs(1);

/// The maximum length of a stored reason, in bytes.
const MAX_REASON: usize = 4096;

/// The state of a connected worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worker {
    /// The address of its metrics endpoint.
    pub(crate) metrics: Option<SocketAddr>,
    /// The address from which it is connected.
    pub(crate) peer: Option<IpAddr>,
    /// The last state that it has reported of itself.
    pub(crate) status: Option<WorkerStatus>,
    /// The duty that it was told in this session.
    pub(crate) duty: Option<Duty>,
    /// The gateways that it runs.
    pub(crate) running: BTreeMap<GatewayId, Running>,
    /// The orders that it has not answered.
    pub(crate) under_way: BTreeMap<GatewayId, Order>,
    /// The generations that were assigned in this session and that it has not answered, nor a newer one.
    pub(crate) ordered: BTreeMap<GatewayId, BTreeSet<Generation>>,
    /// The generation assigned last for each gateway, and the newest operation that waited for it then.
    asked: BTreeMap<GatewayId, (Generation, Option<OperationNumber>)>,
    /// The generations that it could not apply.
    pub(crate) refused: BTreeMap<GatewayId, Refusal>,
}

/// A gateway that a worker runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) generation: Generation,
    /// The digest of the content. After the restore of a backup the generation alone could denote a different
    /// content.
    pub(crate) digest: Digest,
    /// The addresses to which its listeners are bound; empty until the worker has reported them in this
    /// session.
    pub(crate) addresses: Vec<SocketAddr>,
    /// True if the worker applied it in this session, on an order of this control plane.
    pub(crate) ordered: bool,
}

/// A generation that a worker could not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) generation: Generation,
    /// The reason given by the worker.
    pub(crate) reason: String,
    /// The time of the last rejection.
    pub(crate) at: Instant,
    /// The newest operation that waited when the generation was assigned.
    pub(crate) operation: Option<OperationNumber>,
}

/// An order to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Apply this generation.
    Assign(GatewayId, Generation),
    /// Remove the gateway.
    Withdraw(GatewayId),
}

/// The progress of the connected workers with one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All workers run the wanted generation, and there is at least one; or, for a gateway that must not run,
    /// no worker holds it.
    Done,
    /// A worker rejected the generation.
    Refused { worker: WorkerId, reason: String },
    /// These workers have not answered yet; empty if no worker is connected.
    Waiting(Vec<WorkerId>),
}

impl Worker {
    /// A worker that has just reported what it runs.
    pub(crate) fn running(running: impl IntoIterator<Item = (GatewayId, Generation, Digest)>) -> Worker {
        let running = running
            .into_iter()
            .map(|(gateway, generation, digest)| {
                (gateway, Running { generation, digest, addresses: Vec::new(), ordered: false })
            })
            .collect();
        Worker { running, ..Worker::default() }
    }

    /// Processes a message. Returns whether it may require action by the rollout.
    pub(crate) fn on_message(&mut self, message: ToControlPlane, now: Instant) -> bool {
        match message {
            ToControlPlane::Applied { gateway, generation, digest, addresses } => {
                self.answered(gateway, generation);
                // A worker in a takeover reports an applied generation late: a later one may have been rejected since.
                if self.refused.get(&gateway).is_some_and(|refusal| refusal.generation <= generation) {
                    self.refused.remove(&gateway);
                }
                let ordered = self.was_ordered(gateway, generation);
                self.running.insert(gateway, Running { generation, digest, addresses, ordered });
                true
            }
            ToControlPlane::Rejected { gateway, generation, reason } => {
                let reason = shortened(reason);
                self.answered(gateway, generation);
                let asked = self.asked.get(&gateway).filter(|(asked, _)| *asked == generation);
                let operation = asked.and_then(|(_, operation)| *operation);
                self.refused.insert(gateway, Refusal { generation, reason, at: now, operation });
                true
            }
            ToControlPlane::Withdrawn { gateway } => {
                if self.under_way.get(&gateway) == Some(&Order::Withdraw(gateway)) {
                    self.under_way.remove(&gateway);
                }
                self.running.remove(&gateway);
                self.refused.remove(&gateway);
                true
            }
            ToControlPlane::Status(status) => {
                self.status = Some(status);
                false
            }
            // The session and the fleet handle these.
            ToControlPlane::Health { .. }
            | ToControlPlane::Reply { .. }
            | ToControlPlane::HandshakesRefused(_)
            | ToControlPlane::Heartbeat
            | ToControlPlane::Hello { .. }
            | ToControlPlane::Renew { .. }
            | ToControlPlane::Renewed
            | ToControlPlane::Join { .. } => false,
        }
    }

    /// Returns the duty that the worker is to be told: nothing if it was told so in this session, or if it serves
    /// anyway.
    pub(crate) fn new_duty(&self, drained: bool) -> Option<Duty> {
        let serves = self.status.as_ref().is_none_or(|status| status.state == DutyState::Serving);
        match (drained, self.duty) {
            (true, Some(Duty::Drain)) | (false, Some(Duty::Serve)) => None,
            (true, _) => Some(Duty::Drain),
            (false, None) if serves => None,
            (false, _) => Some(Duty::Serve),
        }
    }

    /// Records an order that was queued for the worker, and the newest operation that waited for it then.
    pub(crate) fn told(&mut self, order: Order, operation: Option<OperationNumber>) {
        let (Order::Assign(gateway, _) | Order::Withdraw(gateway)) = order;
        self.under_way.insert(gateway, order);
        match order {
            Order::Assign(_, generation) => {
                self.ordered.entry(gateway).or_default().insert(generation);
                self.asked.insert(gateway, (generation, operation));
            }
            // The generation that still runs is about to be removed.
            Order::Withdraw(_) => {
                self.asked.remove(&gateway);
                if let Some(running) = self.running.get_mut(&gateway) {
                    running.ordered = false;
                }
            }
        }
    }

    /// Returns whether a generation was assigned in this session, and forgets it and older ones.
    fn was_ordered(&mut self, gateway: GatewayId, generation: Generation) -> bool {
        let Some(ordered) = self.ordered.get_mut(&gateway) else { return false };
        let found = ordered.remove(&generation);
        ordered.retain(|other| *other > generation);
        if ordered.is_empty() {
            self.ordered.remove(&gateway);
        }
        found
    }

    /// Removes the order that is answered; a later order stays pending.
    fn answered(&mut self, gateway: GatewayId, generation: Generation) {
        if self.under_way.get(&gateway) == Some(&Order::Assign(gateway, generation)) {
            self.under_way.remove(&gateway);
        }
    }

    /// Returns whether the worker runs the wanted generation with the wanted content, and no pending order will
    /// replace it.
    fn has(&self, wanted: &DesiredState) -> bool {
        let same =
            |running: &Running| running.generation == wanted.generation && running.digest == wanted.digest;
        !self.under_way.contains_key(&wanted.gateway) && self.running.get(&wanted.gateway).is_some_and(same)
    }

    /// Returns whether the worker runs a gateway or may be about to.
    fn holds(&self, gateway: GatewayId) -> bool {
        self.running.contains_key(&gateway) || self.under_way.contains_key(&gateway)
    }
}

/// Shortens a worker's reason to [`MAX_REASON`].
fn shortened(mut words: String) -> String {
    if words.len() > MAX_REASON {
        words.truncate(words.floor_char_boundary(MAX_REASON));
        words.push('…');
    }
    words
}

impl Refusal {
    /// Returns whether this rejection answers the latest write. A rejection does not answer a write that came
    /// after the order, even if the write repeats the configuration: its author may have fixed the cause
    /// outside of Tidegate.
    fn answers(&self, wanted: &DesiredState) -> bool {
        let is_newest = wanted.newest_operation.is_none_or(|newest| self.operation == Some(newest));
        self.generation == wanted.generation && is_newest
    }

    /// Returns whether it is too early to retry.
    fn holds(&self, wanted: &DesiredState, now: Instant) -> bool {
        self.answers(wanted) && now < self.at + RETRY
    }
}

/// Returns the orders that bring a worker to the wanted state. A pending order is not repeated.
pub(crate) fn plan(wanted: &[DesiredState], worker: &Worker, now: Instant) -> Vec<Order> {
    let mut orders = Vec::new();
    let staying: BTreeSet<GatewayId> = wanted.iter().filter(|w| w.is_to_run()).map(|w| w.gateway).collect();
    let held: BTreeSet<GatewayId> = worker.running.keys().chain(worker.under_way.keys()).copied().collect();
    // Withdrawals first: they may free the ports that an assignment needs.
    for gateway in held.difference(&staying) {
        let order = Order::Withdraw(*gateway);
        if worker.under_way.get(gateway) != Some(&order) {
            orders.push(order);
        }
    }
    for wanted in wanted.iter().filter(|w| w.is_to_run()) {
        let DesiredState { gateway, generation, .. } = wanted;
        let order = Order::Assign(*gateway, *generation);
        let pending = worker.under_way.get(gateway);
        let has_it = worker.has(wanted);
        let too_early = worker.refused.get(gateway).is_some_and(|refusal| refusal.holds(wanted, now));
        if !has_it && pending != Some(&order) && !too_early {
            orders.push(order);
        }
    }
    orders
}

/// Returns the progress of the workers with one gateway.
pub(crate) fn verdict(wanted: &DesiredState, workers: &BTreeMap<WorkerId, Worker>) -> Verdict {
    let gateway = wanted.gateway;
    if !wanted.is_to_run() {
        let holding: Vec<_> = workers.iter().filter(|(_, w)| w.holds(gateway)).map(|(id, _)| *id).collect();
        return if holding.is_empty() { Verdict::Done } else { Verdict::Waiting(holding) };
    }
    let mut waiting = Vec::new();
    for (id, worker) in workers.iter().filter(|(_, worker)| !worker.has(wanted)) {
        match worker.refused.get(&gateway).filter(|refusal| refusal.answers(wanted)) {
            Some(refusal) => return Verdict::Refused { worker: *id, reason: refusal.reason.clone() },
            None => waiting.push(*id),
        }
    }
    if waiting.is_empty() && !workers.is_empty() { Verdict::Done } else { Verdict::Waiting(waiting) }
}

/// Returns the newest generation of a gateway that every connected worker has applied or superseded; `None` if
/// there is none. Only orders of this session count: a number from before the restore of a backup may denote a
/// different content.
pub(crate) fn applied_by_all(
    wanted: &DesiredState,
    workers: &BTreeMap<WorkerId, Worker>,
) -> Option<Generation> {
    let applied = workers.values().map(|worker| {
        let running = worker.running.get(&wanted.gateway)?;
        let counts = running.ordered && running.generation <= wanted.generation;
        counts.then_some(running.generation)
    });
    applied.min().flatten()
}

#[cfg(test)]
mod tests;
