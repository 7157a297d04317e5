//! The one loop that brings workers to what is stored, and the only one that ends what waits for them. (Writes begin
//! it, and note where there is nothing to wait for.)
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
use crate::fleet::{Fleet, Order, Verdict, Worker, applied_by_all, plan, verdict};
use crate::metrics::Metrics;
use crate::store::{
    Gateway, OperationalState, Problem, ProvisioningState, Settlement, Store, StoreError, Wanted,
};
use crate::violation::code_list::codes;

/// How often it looks at deadlines and at refusals that may be tried again, when nothing else wakes it.
const TICK: Duration = Duration::from_millis(500);

codes! { CODES;
    /// A worker refused the configuration, or did not apply it in time. Only ever the code of an operation.
    const ROLLOUT_FAILED: &str = "ApplicationGatewayRolloutFailed";
    /// Nobody was connected to apply the configuration. Only ever the code of an operation.
    const NO_WORKER: &str = "ApplicationGatewayNoWorkerConnected";
}

/// What the loop works on.
#[derive(Debug)]
pub struct Rollout {
    /// What is wanted.
    pub store: Arc<Store>,
    /// What is so.
    pub fleet: Arc<Fleet>,
    /// What is counted of its turns.
    pub metrics: Arc<Metrics>,
    /// How long an operation may take.
    pub timeout: Duration,
    /// When this process began. While it was away no worker could answer, so that time does not count. By the monotonic
    /// clock: the time of day may have been wrong then.
    pub began: Instant,
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
            let began = Instant::now();
            let turned = self.turn().await;
            self.metrics.turned(began.elapsed(), turned.is_ok());
            if let Err(error) = turned {
                tracing::error!(%error, "the rollout could not take a turn; it tries again");
            }
        }
    }

    async fn turn(&self) -> Result<(), StoreError> {
        let wanted = self.store.wanted().await?;
        let workers = self.fleet.snapshot();
        self.send(&wanted, &workers).await?;
        for wanted in &wanted {
            // While writes fail, nothing can be written down, and the store has logged it.
            if self.store.write_failure().borrow().is_some() {
                break;
            }
            // What cannot be written down for one gateway is no reason to leave the others in the dark.
            if let Err(error) = self.settle(wanted, &workers).await
                && error.unwritable().is_none()
            {
                tracing::error!(gateway.id = %wanted.gateway, %error, "its state could not be written down");
            }
        }
        Ok(())
    }

    async fn send(&self, wanted: &[Wanted], workers: &BTreeMap<WorkerId, Worker>) -> Result<(), StoreError> {
        let mut compiled = BTreeMap::new();
        let newest_operation = |id| wanted.iter().find(|wanted| wanted.gateway == id)?.newest_operation;
        for (worker_id, worker) in workers {
            for order in plan(wanted, worker, Instant::now()) {
                let (message, operation) = match order {
                    Order::Withdraw(gateway) => (ToWorker::Withdraw { gateway }, None),
                    Order::Assign(gateway, _) => {
                        let snapshot = match compiled.entry(gateway) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(unknown) => unknown.insert(self.snapshot(gateway).await?),
                        };
                        match snapshot {
                            Some(snapshot) => {
                                (ToWorker::Assign(Box::new(snapshot.clone())), newest_operation(gateway))
                            }
                            None => continue,
                        }
                    }
                };
                // Its queue is full or it has just gone: the next turn sees to it.
                if !self.fleet.send(*worker_id, message, operation) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What is stored of a gateway now, as workers execute it; `None` for one that has gone since, or that cannot be
    /// executed any more. That one has failed; it does not keep the others waiting.
    async fn snapshot(&self, id: GatewayId) -> Result<Option<Snapshot>, StoreError> {
        let (gateway, external_refs) = match self.store.gateway_by_id(id).await {
            Ok(Some((gateway, external_refs))) if is_to_run(&gateway) => (gateway, external_refs),
            Ok(_) => return Ok(None),
            Err(error @ StoreError::Damaged { .. }) => {
                self.give_up(id, format!("The stored configuration cannot be read: {error}")).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match compile(&gateway.document, &external_refs) {
            // A worker would be sent for ever what it can never be found to run.
            Ok(content) if content.digest() != gateway.config_digest => {
                let why = "This version of Tidegate makes something else of the stored configuration, and could not \
                           put that in its place. Write the gateway again to learn why.";
                self.give_up(id, why.to_owned()).await?;
                Ok(None)
            }
            Ok(content) => {
                let (generation, affinity_key) = (gateway.generation, self.store.affinity_key(id));
                Ok(Some(Snapshot { gateway: id, generation, content, affinity_key }))
            }
            // It compiled when it was written, so the rules have changed with an upgrade.
            Err(violations) => {
                let why = "The stored configuration is no longer valid in this version of Tidegate";
                self.give_up(id, format!("{why}: {violations}")).await?;
                Ok(None)
            }
        }
    }

    /// Notes, once, that a gateway cannot be executed as it is stored.
    async fn give_up(&self, id: GatewayId, reason: String) -> Result<(), StoreError> {
        let wanted = self.store.wanted().await?;
        let Some(wanted) = wanted.iter().find(|wanted| wanted.gateway == id) else { return Ok(()) };
        if wanted.state == ProvisioningState::Failed && wanted.waiting_since.is_none() {
            return Ok(());
        }
        if self.store.write_failure().borrow().is_some() {
            return Ok(());
        }
        tracing::error!(gateway.id = %id, reason, "a stored gateway cannot be executed");
        match self.store.settle(wanted, &Settlement::Failed(failed(reason))).await {
            Err(error) if error.unwritable().is_none() => Err(error),
            _ => Ok(()),
        }
    }

    async fn settle(&self, wanted: &Wanted, workers: &BTreeMap<WorkerId, Worker>) -> Result<(), StoreError> {
        let verdict = verdict(wanted, workers);
        if wanted.is_going() {
            return self.settle_deletion(wanted, &verdict).await;
        }
        if matches!(verdict, Verdict::Waiting(_)) {
            self.settle_older(wanted, workers).await?;
        }
        let Some(settlement) = self.judge(wanted, verdict) else { return Ok(()) };
        let is_wanted = self.store.settle(wanted, &settlement).await?;
        if !is_wanted && settlement == Settlement::Applied {
            // A write came in between. Those that it did not undo are in force all the same.
            return self.store.settle_up_to(wanted.gateway, wanted.generation).await;
        }
        if is_wanted {
            match settlement {
                Settlement::Applied => {
                    tracing::info!(gateway.id = %wanted.gateway, generation = %wanted.generation, "in force");
                }
                Settlement::Stopped => tracing::info!(gateway.id = %wanted.gateway, "stopped"),
                Settlement::Failed(problem)
                | Settlement::Late(_, problem)
                | Settlement::Abandoned(_, problem) => tracing::warn!(
                    gateway.id = %wanted.gateway,
                    generation = %wanted.generation,
                    reason = problem.message,
                    "not in force"
                ),
            }
        }
        Ok(())
    }

    /// Ends the operations that wait for a generation which all workers have by now, while a newer one is on its way:
    /// under steady writes there is always a newer one.
    async fn settle_older(
        &self,
        wanted: &Wanted,
        workers: &BTreeMap<WorkerId, Worker>,
    ) -> Result<(), StoreError> {
        let Some(oldest) = wanted.oldest_waited_for else { return Ok(()) };
        match applied_by_all(wanted, workers) {
            Some(applied) if applied >= oldest => self.store.settle_up_to(wanted.gateway, applied).await,
            _ => Ok(()),
        }
    }

    /// What is to be written down, if anything is new.
    fn judge(&self, wanted: &Wanted, verdict: Verdict) -> Option<Settlement> {
        let unfinished = wanted.waiting_since.is_some();
        match verdict {
            Verdict::Done => {
                let (operational, settlement) = match wanted.is_to_run() {
                    true => (OperationalState::Running, Settlement::Applied),
                    false => (OperationalState::Stopped, Settlement::Stopped),
                };
                let is_new =
                    wanted.state != ProvisioningState::Succeeded || wanted.operational != operational;
                (unfinished || is_new).then_some(settlement)
            }
            Verdict::Refused { worker, reason } => (unfinished || wanted.state != ProvisioningState::Failed)
                .then(|| Settlement::Failed(failed(format!("Worker {worker} refused it: {reason}")))),
            Verdict::Waiting(missing) => self.overdue(wanted).map(|began_by| self.late(began_by, &missing)),
        }
    }

    async fn settle_deletion(&self, wanted: &Wanted, verdict: &Verdict) -> Result<(), StoreError> {
        match verdict {
            Verdict::Done => {
                if self.store.remove(wanted.gateway).await? {
                    tracing::info!(gateway.id = %wanted.gateway, "removed");
                }
            }
            Verdict::Waiting(missing) => {
                if let Some(began_by) = self.overdue(wanted) {
                    let problem = failed(self.unanswered(missing));
                    self.store.abandon_deletion(wanted.gateway, began_by, &problem).await?;
                }
            }
            Verdict::Refused { .. } => {}
        }
        Ok(())
    }

    /// Where any operation of a gateway has taken too long: the time by which those began that have.
    fn overdue(&self, wanted: &Wanted) -> Option<Millis> {
        let limit = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        let began_by = Millis(Millis::now().0.saturating_sub(limit));
        let is_overdue = wanted.waiting_since? <= began_by && self.began.elapsed() >= self.timeout;
        is_overdue.then_some(began_by)
    }

    fn late(&self, began_by: Millis, missing: &[WorkerId]) -> Settlement {
        if !missing.is_empty() {
            return Settlement::Late(began_by, failed(self.unanswered(missing)));
        }
        let message = format!(
            "No worker was connected for {} s. The configuration is stored and will be applied when a worker \
             connects.",
            self.timeout.as_secs_f32()
        );
        Settlement::Abandoned(began_by, Problem { code: NO_WORKER.to_owned(), message })
    }

    fn unanswered(&self, missing: &[WorkerId]) -> String {
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        format!("Not applied within {} s by worker {}.", self.timeout.as_secs_f32(), names.join(", "))
    }
}

fn is_to_run(gateway: &Gateway) -> bool {
    gateway.state != ProvisioningState::Deleting && !gateway.operational.is_off()
}

fn failed(message: String) -> Problem {
    Problem { code: ROLLOUT_FAILED.to_owned(), message }
}
