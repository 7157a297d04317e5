//! The reconciler: drives every worker to the stored generation, and ends the operations that wait for it. No
//! other code ends them, except for writes that have nothing to wait for.
//!
//! The loop has no state of its own: each turn reads the desired state from the store and the actual state from
//! the [`Fleet`], sends the difference, and records the progress. A start, a reconnect, a change and a retry
//! are therefore the same turn. It never waits for a worker.

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
use crate::compile::{PatternCache, compile};
use crate::fleet::{Fleet, Order, Verdict, Worker, applied_by_all, plan, verdict};
use crate::metrics::Metrics;
use crate::networking::external_refs;
use crate::store::{
    DesiredState, Gateway, OperationalState, Problem, ProvisioningState, Settlement, Store, StoreError,
};
use crate::violation::code_list::codes;

/// The interval of checking deadlines and rejections to retry, if no event triggers a turn.
const TICK: Duration = Duration::from_millis(500);

codes! { CODES;
    /// A worker rejected the configuration, or did not apply it in time. Only used as the code of an operation, and of the
    /// `error` of a gateway.
    pub(crate) const ROLLOUT_FAILED: &str = "ApplicationGatewayRolloutFailed";
    /// No worker was connected to apply the configuration. Only used as the code of an operation.
    const NO_WORKER: &str = "ApplicationGatewayNoWorkerConnected";
}

/// The reconciler's inputs.
#[derive(Debug)]
pub(crate) struct Rollout {
    /// The desired state.
    pub(crate) store: Arc<Store>,
    /// The actual state.
    pub(crate) fleet: Arc<Fleet>,
    /// The cache of the compiler's results for patterns.
    pub(crate) patterns: Arc<PatternCache>,
    /// The metrics of turns.
    pub(crate) metrics: Arc<Metrics>,
    /// The time limit of an operation.
    pub(crate) timeout: Duration,
    /// The start of this process, by the monotonic clock because the wall clock may have been wrong. Workers
    /// could not answer before, so earlier time does not count towards the limit.
    pub(crate) began: Instant,
}

impl Rollout {
    /// Runs turns until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
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
                tracing::error!(%error, "a turn of the rollout failed; retrying");
            }
        }
    }

    async fn turn(&self) -> Result<(), StoreError> {
        let wanted = self.store.desired_states().await?;
        let workers = self.fleet.snapshot();
        self.tell_duties(&workers).await?;
        self.send(&wanted, &workers).await?;
        for wanted in &wanted {
            // While writes fail nothing can be recorded, and the store has logged the failure.
            if self.store.write_failure().borrow().is_some() {
                break;
            }
            // An error of one gateway must not prevent progress of the others.
            if let Err(error) = self.settle(wanted, &workers).await
                && error.unwritable().is_none()
            {
                tracing::error!(gateway.id = %wanted.gateway, %error, "the gateway's state was not stored");
            }
        }
        Ok(())
    }

    /// Tells workers to drain or to serve again.
    async fn tell_duties(&self, workers: &BTreeMap<WorkerId, Worker>) -> Result<(), StoreError> {
        let drained = self.store.drained_workers().await?;
        for (id, worker) in workers {
            if let Some(duty) = worker.new_duty(drained.contains(id)) {
                self.fleet.tell_duty(*id, duty);
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        wanted: &[DesiredState],
        workers: &BTreeMap<WorkerId, Worker>,
    ) -> Result<(), StoreError> {
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
                // The queue is full or the worker has just disconnected; the next turn retries.
                if !self.fleet.send(*worker_id, message, operation) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Compiles the stored gateway into a snapshot; `None` if it has been removed or cannot be applied any
    /// more. The latter fails its operations without delaying other gateways.
    async fn snapshot(&self, id: GatewayId) -> Result<Option<Snapshot>, StoreError> {
        let (gateway, stored_refs) = match self.store.gateway_by_id(id).await {
            Ok(Some((gateway, stored_refs))) if is_to_run(&gateway) => (gateway, stored_refs),
            Ok(_) => return Ok(None),
            Err(error @ StoreError::Damaged { .. }) => {
                self.give_up(id, format!("The stored configuration cannot be read: {error}")).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match compile(&gateway.document, &external_refs(&stored_refs), &self.patterns) {
            // Otherwise workers would be sent a configuration that they could never be found to run.
            Ok(content) if content.digest() != gateway.config_digest => {
                let why = "This version of Tidegate compiles the stored configuration differently, and \
                           storing the result failed. Write the gateway again to see the reason.";
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

    /// Records, once, that a stored gateway cannot be applied.
    async fn give_up(&self, id: GatewayId, reason: String) -> Result<(), StoreError> {
        let wanted = self.store.desired_states().await?;
        let Some(wanted) = wanted.iter().find(|wanted| wanted.gateway == id) else { return Ok(()) };
        if wanted.state == ProvisioningState::Failed && wanted.waiting_since.is_none() {
            return Ok(());
        }
        if self.store.write_failure().borrow().is_some() {
            return Ok(());
        }
        tracing::error!(gateway.id = %id, reason, "a stored gateway cannot be applied");
        match self.store.settle(wanted, &Settlement::Failed(failed(reason))).await {
            Err(error) if error.unwritable().is_none() => Err(error),
            _ => Ok(()),
        }
    }

    async fn settle(
        &self,
        wanted: &DesiredState,
        workers: &BTreeMap<WorkerId, Worker>,
    ) -> Result<(), StoreError> {
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
            // A concurrent write came in between. Older writes that it did not undo are applied nevertheless.
            return self.store.settle_up_to(wanted.gateway, wanted.generation).await;
        }
        if is_wanted {
            match settlement {
                Settlement::Applied => {
                    tracing::info!(gateway.id = %wanted.gateway, generation = %wanted.generation, "applied");
                }
                Settlement::Stopped => tracing::info!(gateway.id = %wanted.gateway, "stopped"),
                Settlement::Failed(problem)
                | Settlement::Late(_, problem)
                | Settlement::Abandoned(_, problem) => tracing::warn!(
                    gateway.id = %wanted.gateway,
                    generation = %wanted.generation,
                    reason = problem.message,
                    "not applied"
                ),
            }
        }
        Ok(())
    }

    /// Ends the operations of a generation that all workers have applied, while a newer one is still being
    /// applied: under steady writes there is always a newer one.
    async fn settle_older(
        &self,
        wanted: &DesiredState,
        workers: &BTreeMap<WorkerId, Worker>,
    ) -> Result<(), StoreError> {
        let Some(oldest) = wanted.oldest_waited_for else { return Ok(()) };
        match applied_by_all(wanted, workers) {
            Some(applied) if applied >= oldest => self.store.settle_up_to(wanted.gateway, applied).await,
            _ => Ok(()),
        }
    }

    /// Returns the settlement to record, if anything is new.
    fn judge(&self, wanted: &DesiredState, verdict: Verdict) -> Option<Settlement> {
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
                .then(|| Settlement::Failed(failed(format!("Worker {worker} could not apply it: {reason}")))),
            Verdict::Waiting(missing) => self.overdue(wanted).map(|began_by| self.late(began_by, &missing)),
        }
    }

    async fn settle_deletion(&self, wanted: &DesiredState, verdict: &Verdict) -> Result<(), StoreError> {
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

    /// Returns the latest start time of operations that are overdue, if there are any.
    fn overdue(&self, wanted: &DesiredState) -> Option<Millis> {
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
