//! Closes tunnels, at once or spread over a time, and keeps the operation of it up to date.
//!
//! The tunnels are chosen once, at the begin. Only the operation is stored: a closing that this process does not end has
//! stopped with it, and is ended by the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_shared::id::{GatewayId, WorkerId};
use tidegate_shared::protocol::ClosingFrame;
use tidegate_shared::tunnel::{Filter, TunnelKey};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::audit::Activity;
use crate::fleet::Fleet;
use crate::store::{Gateway, Operation, Problem, Store, StoreError};
use crate::violation::code_list::codes;

/// The time between two steps of a closing.
const STEP: Duration = Duration::from_millis(100);

codes! { CLOSE_CODES;
    /// The closing of tunnels was canceled by a client. Only used as the code of an operation.
    const CANCELED: &str = "OperationCanceled";
    /// The closing of tunnels was not completed, because the control plane was restarted. Only used as the code of an
    /// operation.
    const INTERRUPTED: &str = "TunnelClosingInterrupted";
}

/// The tunnels to close, and what their clients are told before.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    pub(crate) tunnels: ChosenTunnels,
    pub(crate) frame: ClosingFrame,
}

/// The tunnels to close.
#[derive(Clone, Debug)]
pub(crate) enum ChosenTunnels {
    /// This tunnel.
    One(WorkerId, TunnelKey),
    /// The open tunnels that meet the condition, spread evenly over a time.
    All { filter: Filter, over: Duration },
}

/// Closes tunnels in the background.
#[derive(Clone, Debug)]
pub(crate) struct TunnelCloser {
    store: Arc<Store>,
    fleet: Arc<Fleet>,
    /// The closings in progress, with the tokens that cancel them.
    running: Arc<Mutex<HashMap<Uuid, CancellationToken>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The numbers of tunnels that a closing has chosen, closed and found ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// The number of tunnels that were chosen.
    chosen: u64,
    /// The number of those that were closed.
    closed: u64,
    /// The number of those that had ended by themselves.
    ended: u64,
    /// The workers that did not answer: their tunnels were not chosen, or are left.
    missing: Vec<WorkerId>,
}

impl Outcome {
    fn left(&self) -> u64 {
        self.chosen.saturating_sub(self.closed + self.ended)
    }

    fn show(&self) -> Value {
        let missing: Vec<String> = self.missing.iter().map(ToString::to_string).collect();
        let Outcome { chosen, closed, ended, .. } = self;
        json!({"chosen": chosen, "closed": closed, "ended": ended, "left": self.left(), "missingWorkers": missing})
    }

    /// Adds the answer of a worker for some of its tunnels.
    fn add(&mut self, worker: WorkerId, count: usize, closed: Option<u64>) {
        match closed {
            Some(closed) => {
                self.closed += closed;
                self.ended += (count as u64).saturating_sub(closed);
            }
            None if !self.missing.contains(&worker) => self.missing.push(worker),
            None => {}
        }
    }
}

impl TunnelCloser {
    /// Creates a closer whose tasks run on `tasks` until `stop`. Ends the unfinished operations of an earlier process.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn new(
        store: Arc<Store>,
        fleet: Arc<Fleet>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<TunnelCloser, StoreError> {
        let message =
            "The control plane was restarted before all tunnels were closed. Those that are left stay open.";
        let problem = Problem { code: INTERRUPTED.to_owned(), message: message.to_owned() };
        store.end_all_closings(&problem).await?;
        Ok(TunnelCloser { store, fleet, running: Arc::default(), tasks, stop })
    }

    /// Begins to close tunnels of a gateway, and records it as this activity.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin(
        &self,
        gateway: &Gateway,
        activity: &Activity,
        closing: Closing,
    ) -> Result<Operation, StoreError> {
        let operation = self.store.begin_closing(gateway, activity).await?;
        let (closer, id, gateway) = (self.clone(), operation.id, gateway.id);
        let canceled = CancellationToken::new();
        self.running().insert(id, canceled.clone());
        self.tasks.spawn(async move {
            let mut outcome = Outcome::default();
            let is_done = tokio::select! {
                is_done = closer.close(gateway, closing, &canceled, &mut outcome) => is_done,
                () = closer.stop.cancelled() => return,
            };
            closer.running().remove(&id);
            tokio::select! {
                () = closer.note(id, &outcome, is_done) => {}
                () = closer.stop.cancelled() => {}
            }
        });
        Ok(operation)
    }

    /// Cancels a closing in progress. Returns false if there is none with this operation.
    pub(crate) fn cancel(&self, operation: Uuid) -> bool {
        let canceled = self.running().remove(&operation);
        canceled.is_some_and(|token| {
            token.cancel();
            true
        })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the tunnels until it is canceled, and returns false then. A step that has begun is completed, so that
    /// the outcome is exact.
    async fn close(
        &self,
        gateway: GatewayId,
        closing: Closing,
        canceled: &CancellationToken,
        outcome: &mut Outcome,
    ) -> bool {
        let (chosen, over) = match closing.tunnels {
            ChosenTunnels::One(worker, key) => (vec![(worker, vec![key])], Duration::ZERO),
            ChosenTunnels::All { filter, over } => {
                let (chosen, missing) = super::keys(&self.fleet, gateway, &filter).await;
                outcome.missing = missing;
                (chosen, over)
            }
        };
        let each =
            |(worker, keys): (WorkerId, Vec<TunnelKey>)| keys.into_iter().map(move |key| (worker, key));
        let mut rest: Vec<(WorkerId, TunnelKey)> = chosen.into_iter().flat_map(each).collect();
        // In any order, so that each step takes its share of each worker and of each member.
        fastrand::shuffle(&mut rest);
        outcome.chosen = rest.len() as u64;
        let (began, steps) = (Instant::now(), steps(over));
        for step in 0..steps {
            let due = sleep_until(began + over.mul_f64(f64::from(step) / f64::from(steps)));
            if canceled.run_until_cancelled(due).await.is_none() {
                return false;
            }
            let now = rest.split_off(left_after(outcome.chosen, step, steps).min(rest.len()));
            let mut by_worker: HashMap<WorkerId, Vec<TunnelKey>> = HashMap::new();
            for (worker, key) in now {
                by_worker.entry(worker).or_default().push(key);
            }
            if by_worker.is_empty() {
                continue;
            }
            let closed = super::close(&self.fleet, gateway, &by_worker, &closing.frame).await;
            for (worker, keys) in &by_worker {
                outcome.add(*worker, keys.len(), closed.get(worker).copied());
            }
        }
        true
    }

    /// Stores the end, waiting until the database is writable.
    async fn note(&self, id: Uuid, outcome: &Outcome, is_done: bool) {
        let canceled = (!is_done).then(|| Problem {
            code: CANCELED.to_owned(),
            message: format!(
                "The operation was canceled: of {} tunnels, {} were closed, {} ended by themselves, and {} are left.",
                outcome.chosen,
                outcome.closed,
                outcome.ended,
                outcome.left()
            ),
        });
        let (result, mut write_failure) = (outcome.show(), self.store.write_failure());
        while let Err(error) = self.store.end_closing(id, &result, canceled.as_ref()).await {
            if error.unwritable().is_none() {
                tracing::error!(operation = %id, %error, "the end of a closing could not be stored");
                return;
            }
            // The sender lives in the store, so the wait cannot fail.
            let _ = write_failure.wait_for(Option::is_none).await;
        }
    }
}

/// Returns the number of steps in which tunnels are closed over a time.
fn steps(over: Duration) -> u32 {
    u32::try_from(over.as_millis() / STEP.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// Returns the number of tunnels that are left after a step if the ends of `chosen` are spread evenly. The first step
/// ends at least one.
fn left_after(chosen: u64, step: u32, steps: u32) -> usize {
    let left = u128::from(chosen) * u128::from(steps - step - 1) / u128::from(steps);
    usize::try_from(left).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_spread_evenly_from_the_first_step_to_the_last() {
        for (chosen, steps) in [(1, 1), (1, 10), (30, 6000), (100, 10), (101, 10), (7, 3), (0, 5)] {
            let mut left = chosen as usize;
            for step in 0..steps {
                let now = left_after(chosen, step, steps);
                let (ended, share) = (left - now, chosen as f64 / f64::from(steps));
                assert!((ended as f64 - share).abs() < 1.0, "{ended} of {chosen} in step {step} of {steps}");
                assert!(step > 0 || ended > 0 || chosen == 0, "nothing ends at the begin");
                left = now;
            }
            assert_eq!(left, 0, "{chosen} in {steps}");
        }
    }

    #[test]
    fn every_tunnel_is_accounted_for() {
        let worker = WorkerId(Uuid::nil());
        let mut outcome = Outcome { chosen: 10, ..Outcome::default() };
        outcome.add(worker, 3, Some(2));
        outcome.add(worker, 3, None);
        outcome.add(worker, 1, None);
        let expected = json!({
            "chosen": 10, "closed": 2, "ended": 1, "left": 7, "missingWorkers": [worker.to_string()],
        });
        assert_eq!(outcome.show(), expected);
        for (millis, expected) in [(0, 1), (99, 1), (250, 2), (10_000, 100)] {
            assert_eq!(steps(Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }
}
