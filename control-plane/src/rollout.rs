//! The one loop that brings workers to what is stored, and the only writer of how far they are.
//!
//! It keeps no state of its own: each turn reads what is wanted from the store and what is so from the [`Fleet`],
//! sends what differs, and writes down what has been reached. A start, a reconnect, a change and a retry are
//! therefore the same turn. It never waits for a worker.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::id::{GatewayId, WorkerId};
use tidegate_shared::protocol::ToWorker;
use tidegate_shared::snapshot::Snapshot;
use tokio::time::{self, Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::clock::Millis;
use crate::compile::compile;
use crate::fleet::{Fleet, Order, Verdict, Worker, plan, verdict};
use crate::store::{Problem, ProvisioningState, Settlement, Store, StoreError, Wanted};

/// How often it looks at deadlines and at refusals that may be tried again, when nothing else wakes it.
const TICK: Duration = Duration::from_millis(500);

/// The code of an operation whose generation a worker refused, or did not apply in time.
const ROLLOUT_FAILED: &str = "ApplicationGatewayRolloutFailed";

/// The code of an operation that ended because there was nobody to apply its generation.
const NO_WORKER: &str = "ApplicationGatewayNoWorkerConnected";

/// What the loop works on.
#[derive(Debug)]
pub struct Rollout {
    /// What is wanted.
    pub store: Arc<Store>,
    /// What is so.
    pub fleet: Arc<Fleet>,
    /// How long an operation may take.
    pub timeout: Duration,
    /// When this process began. While it was away no worker could answer, so that time does not count.
    pub began: Millis,
}

impl Rollout {
    /// Turns until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.fleet.changed() => {}
                _ = tick.tick() => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.turn().await {
                tracing::error!(%error, "the rollout could not take a turn; it tries again");
            }
        }
    }

    async fn turn(&self) -> Result<(), StoreError> {
        let wanted = self.store.wanted().await?;
        let workers = self.fleet.look();
        self.send(&wanted, &workers).await?;
        for wanted in &wanted {
            self.settle(wanted, &workers).await?;
        }
        Ok(())
    }

    async fn send(&self, wanted: &[Wanted], workers: &BTreeMap<WorkerId, Worker>) -> Result<(), StoreError> {
        let mut compiled = BTreeMap::new();
        for (worker_id, worker) in workers {
            for order in plan(wanted, worker, Instant::now()) {
                let message = match order {
                    Order::Withdraw(gateway) => ToWorker::Withdraw { gateway },
                    Order::Assign(gateway, _) => {
                        let snapshot = match compiled.entry(gateway) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(unknown) => unknown.insert(self.snapshot(gateway).await?),
                        };
                        match snapshot {
                            Some(snapshot) => ToWorker::Assign(Box::new(snapshot.clone())),
                            None => continue,
                        }
                    }
                };
                // Its queue is full or it has just gone: the next turn sees to it.
                if !self.fleet.send(*worker_id, message) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What is stored of a gateway now, as workers execute it; `None` for one that has gone since, or that cannot be
    /// executed any more.
    async fn snapshot(&self, id: GatewayId) -> Result<Option<Snapshot>, StoreError> {
        let Some(gateway) = self.store.gateway_by_id(id).await? else { return Ok(None) };
        if gateway.state == ProvisioningState::Deleting {
            return Ok(None);
        }
        match compile(&gateway.document) {
            Ok(content) => Ok(Some(Snapshot { gateway: id, generation: gateway.generation, content })),
            // It compiled when it was written, so the rules have changed with an upgrade.
            Err(violations) => {
                if gateway.state != ProvisioningState::Failed {
                    let problem = failed(format!(
                        "The stored configuration is no longer valid in this version of Tidegate: {violations}"
                    ));
                    tracing::error!(gateway.id = %id, reason = problem.message, "a stored gateway is not valid");
                    self.store.settle(id, gateway.generation, &Settlement::Failed(problem)).await?;
                }
                Ok(None)
            }
        }
    }

    async fn settle(&self, wanted: &Wanted, workers: &BTreeMap<WorkerId, Worker>) -> Result<(), StoreError> {
        let verdict = verdict(wanted, workers);
        if wanted.is_going() {
            return self.settle_deletion(wanted, &verdict).await;
        }
        let Some(settlement) = self.judge(wanted, verdict) else { return Ok(()) };
        if self.store.settle(wanted.gateway, wanted.generation, &settlement).await? {
            match settlement {
                Settlement::Applied => {
                    tracing::info!(gateway.id = %wanted.gateway, generation = %wanted.generation, "in force");
                }
                Settlement::Failed(problem) | Settlement::Abandoned(problem) => tracing::warn!(
                    gateway.id = %wanted.gateway,
                    generation = %wanted.generation,
                    reason = problem.message,
                    "not in force"
                ),
            }
        }
        Ok(())
    }

    /// What is to be written down, if anything is new.
    fn judge(&self, wanted: &Wanted, verdict: Verdict) -> Option<Settlement> {
        let unfinished = wanted.waiting_since.is_some();
        match verdict {
            Verdict::Done => {
                (unfinished || wanted.state != ProvisioningState::Succeeded).then_some(Settlement::Applied)
            }
            Verdict::Refused { worker, reason } => (unfinished || wanted.state != ProvisioningState::Failed)
                .then(|| Settlement::Failed(failed(format!("Worker {worker} refused it: {reason}")))),
            Verdict::Waiting(missing) if self.is_overdue(wanted) => Some(self.overdue(&missing)),
            Verdict::Waiting(_) => None,
        }
    }

    async fn settle_deletion(&self, wanted: &Wanted, verdict: &Verdict) -> Result<(), StoreError> {
        match verdict {
            Verdict::Done => {
                if self.store.remove(wanted.gateway).await? {
                    tracing::info!(gateway.id = %wanted.gateway, "removed");
                }
            }
            Verdict::Waiting(missing) if self.is_overdue(wanted) => {
                let problem = failed(self.unanswered(missing));
                self.store.abandon_deletion(wanted.gateway, &problem).await?;
            }
            Verdict::Waiting(_) | Verdict::Refused { .. } => {}
        }
        Ok(())
    }

    fn is_overdue(&self, wanted: &Wanted) -> bool {
        let limit = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        wanted.waiting_since.is_some_and(|since| Millis::now().since(since.max(self.began)) >= limit)
    }

    fn overdue(&self, missing: &[WorkerId]) -> Settlement {
        if missing.is_empty() {
            return Settlement::Abandoned(Problem {
                code: NO_WORKER.to_owned(),
                message: format!(
                    "No worker was connected for {} s. The configuration is stored and will be applied when a \
                     worker connects.",
                    self.timeout.as_secs_f32()
                ),
            });
        }
        Settlement::Failed(failed(self.unanswered(missing)))
    }

    fn unanswered(&self, missing: &[WorkerId]) -> String {
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        format!("Not applied within {} s by worker {}.", self.timeout.as_secs_f32(), names.join(", "))
    }
}

fn failed(message: String) -> Problem {
    Problem { code: ROLLOUT_FAILED.to_owned(), message }
}
