//! One worker as its messages show it, and what follows from that. Pure: times come in, orders go out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use tidegate_shared::id::{Digest, GatewayId, Generation, WorkerId};
use tidegate_shared::protocol::ToControlPlane;
use tokio::time::Instant;

use crate::store::{OperationNumber, Wanted};

/// The time between two tries of a refused generation. With the rollout's own tick a configuration is in force within 2 s
/// after the cause of the refusal is gone, such as a port that another process held.
const RETRY: Duration = Duration::from_secs(1);

/// How much of a worker's reason is kept, in bytes.
const MAX_REASON: usize = 4096;

/// What is known of a connected worker.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// Where it shows its metrics.
    pub metrics: Option<SocketAddr>,
    /// What it runs.
    pub running: BTreeMap<GatewayId, Running>,
    /// What it was told and has not answered.
    pub under_way: BTreeMap<GatewayId, Order>,
    /// The generations that it was told to run in this session, as far as it has not answered for them or a newer one.
    pub ordered: BTreeMap<GatewayId, BTreeSet<Generation>>,
    /// The generation of each gateway that it was told last to run, and the newest operation that waited for it then.
    asked: BTreeMap<GatewayId, (Generation, Option<OperationNumber>)>,
    /// What it could not run.
    pub refused: BTreeMap<GatewayId, Refusal>,
}

/// A gateway in force on a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which generation of it.
    pub generation: Generation,
    /// What that says. The number alone would be believed of something else after a backup was restored.
    pub digest: Digest,
    /// Where its listeners are bound; empty until the worker has said so in this session.
    pub addresses: Vec<SocketAddr>,
    /// Whether the worker applied it in this session, on an order of this control plane.
    pub ordered: bool,
}

/// A generation that a worker could not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub generation: Generation,
    /// Why, in the worker's words.
    pub reason: String,
    /// When it said so last.
    pub at: Instant,
    /// The newest operation that waited when the worker was told to run it.
    pub operation: Option<OperationNumber>,
}

/// What a worker is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Run this generation.
    Assign(GatewayId, Generation),
    /// Let go of the gateway.
    Withdraw(GatewayId),
}

/// How far the connected workers are with one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All run the wanted generation, and there is at least one; or, for a gateway that is not to run, all have let
    /// go.
    Done,
    /// One refused it.
    Refused {
        /// Which worker.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
    /// These have not answered yet; none when none is connected.
    Waiting(Vec<WorkerId>),
}

impl Worker {
    /// A worker that has just said what it runs.
    pub fn running(running: impl IntoIterator<Item = (GatewayId, Generation, Digest)>) -> Worker {
        let running = running
            .into_iter()
            .map(|(gateway, generation, digest)| {
                (gateway, Running { generation, digest, addresses: Vec::new(), ordered: false })
            })
            .collect();
        Worker { running, ..Worker::default() }
    }

    /// Takes note of a message. Whether it may change what is to be done.
    pub fn on_message(&mut self, message: ToControlPlane, now: Instant) -> bool {
        match message {
            ToControlPlane::Applied { gateway, generation, digest, addresses } => {
                self.answered(gateway, generation);
                self.refused.remove(&gateway);
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
            // The session and the fleet have dealt with these.
            ToControlPlane::Health { .. }
            | ToControlPlane::Probed { .. }
            | ToControlPlane::Heartbeat
            | ToControlPlane::Hello { .. }
            | ToControlPlane::Renew { .. }
            | ToControlPlane::Renewed
            | ToControlPlane::Join { .. } => false,
        }
    }

    /// Takes note of an order that was handed to its session, and of the newest operation that waited for it then.
    pub fn told(&mut self, order: Order, operation: Option<OperationNumber>) {
        let (Order::Assign(gateway, _) | Order::Withdraw(gateway)) = order;
        self.under_way.insert(gateway, order);
        match order {
            Order::Assign(_, generation) => {
                self.ordered.entry(gateway).or_default().insert(generation);
                self.asked.insert(gateway, (generation, operation));
            }
            // What it still runs it is about to let go of.
            Order::Withdraw(_) => {
                self.asked.remove(&gateway);
                if let Some(running) = self.running.get_mut(&gateway) {
                    running.ordered = false;
                }
            }
        }
    }

    /// Whether a generation was ordered in this session; it and older ones are no longer waited for.
    fn was_ordered(&mut self, gateway: GatewayId, generation: Generation) -> bool {
        let Some(ordered) = self.ordered.get_mut(&gateway) else { return false };
        let found = ordered.remove(&generation);
        ordered.retain(|other| *other > generation);
        if ordered.is_empty() {
            self.ordered.remove(&gateway);
        }
        found
    }

    /// An answer to an earlier order leaves a later one under way.
    fn answered(&mut self, gateway: GatewayId, generation: Generation) {
        if self.under_way.get(&gateway) == Some(&Order::Assign(gateway, generation)) {
            self.under_way.remove(&gateway);
        }
    }

    /// Whether it runs just what is wanted of a gateway: that number and that content. What runs does not count while
    /// another order is on its way to replace it.
    fn has(&self, wanted: &Wanted) -> bool {
        let same =
            |running: &Running| running.generation == wanted.generation && running.digest == wanted.digest;
        !self.under_way.contains_key(&wanted.gateway) && self.running.get(&wanted.gateway).is_some_and(same)
    }

    /// Whether it has, or may be about to have, anything of a gateway.
    fn holds(&self, gateway: GatewayId) -> bool {
        self.running.contains_key(&gateway) || self.under_way.contains_key(&gateway)
    }
}

/// A worker's own words, as far as they are kept.
fn shortened(mut words: String) -> String {
    if words.len() > MAX_REASON {
        words.truncate(words.floor_char_boundary(MAX_REASON));
        words.push('…');
    }
    words
}

impl Refusal {
    /// Returns true if this is the answer to what is wanted. To a write that came after the order it is none, even if the
    /// write repeats the configuration: its author may have put right, outside of Tidegate, what the worker refused.
    fn answers(&self, wanted: &Wanted) -> bool {
        let is_newest = wanted.newest_operation.is_none_or(|newest| self.operation == Some(newest));
        self.generation == wanted.generation && is_newest
    }

    /// Returns true if it is too early to try what is wanted again.
    fn holds(&self, wanted: &Wanted, now: Instant) -> bool {
        self.answers(wanted) && now < self.at + RETRY
    }
}

/// What to tell a worker so that it comes to run what is wanted and nothing else. Nothing is said twice while the
/// answer is under way.
pub fn plan(wanted: &[Wanted], worker: &Worker, now: Instant) -> Vec<Order> {
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
        let Wanted { gateway, generation, .. } = wanted;
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

/// How far the workers are with one gateway.
pub fn verdict(wanted: &Wanted, workers: &BTreeMap<WorkerId, Worker>) -> Verdict {
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

/// The newest generation of a gateway that every connected worker has applied, or a newer one in its place; `None` where
/// there is none. Only what workers applied in this session counts: a number from before a backup was restored may be
/// that of something else.
pub fn applied_by_all(wanted: &Wanted, workers: &BTreeMap<WorkerId, Worker>) -> Option<Generation> {
    let applied = workers.values().map(|worker| {
        let running = worker.running.get(&wanted.gateway)?;
        let counts = running.ordered && running.generation <= wanted.generation;
        counts.then_some(running.generation)
    });
    applied.min().flatten()
}

#[cfg(test)]
mod tests;
