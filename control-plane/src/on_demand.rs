//! Probes on demand: each begun by a request, made by a worker that runs the gateway, and ended here, whatever
//! happens.
//!
//! Nothing of it is kept but the operation. One that this process does not live to end is ended by the next.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidegate_shared::id::{GatewayId, ProbeId};
use tidegate_shared::protocol::{MemberProbe, OnDemandProbe, PROBE_TIME};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::compile::OnDemand;
use crate::fair_share::{Bounds, FairShare};
use crate::fleet::Fleet;
use crate::store::{Gateway, Operation, Problem, Store, StoreError};
use crate::violation::code_list::codes;

/// How many are made or wait at the same time; further ones fail at once, so that what waits stays small.
const IN_ALL: Bounds = Bounds { total: 64, each: 32, waiting: 0 };

/// How many are made at the same time; others wait, within their own time, each in the queue of its client.
const AT_ONCE: Bounds = Bounds { total: 8, each: 4, waiting: IN_ALL.each };

/// How long one may take in all: what the worker may take, and some for the way there and back.
const TIME: Duration = PROBE_TIME.saturating_add(Duration::from_secs(15));

codes! { CODES;
    /// No connected worker runs the gateway that a probe was asked for. Only ever the code of an operation.
    const NOT_RUNNING: &str = "ApplicationGatewayNotRunningOnAnyWorker";
    /// A probe on demand was not answered: its worker was lost, took too long, too many were going on, or the control plane was restarted. Only ever the code of an operation.
    const UNANSWERED: &str = "ApplicationGatewayOnDemandProbeFailed";
}

/// Makes probes on demand.
#[derive(Clone, Debug)]
pub struct Prober {
    store: Arc<Store>,
    fleet: Arc<Fleet>,
    turns: FairShare<String>,
    places: FairShare<String>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Prober {
    /// One whose tasks run on `tasks` until `stop`. What an earlier process left unfinished is ended.
    ///
    /// # Errors
    /// The database's.
    pub async fn new(
        store: Arc<Store>,
        fleet: Arc<Fleet>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Prober, StoreError> {
        let message = "The control plane was restarted before the probe was answered. Ask again.";
        store.end_all_on_demand(&unanswered(message)).await?;
        let [turns, places] = [AT_ONCE, IN_ALL].map(FairShare::new);
        Ok(Prober { store, fleet, turns, places, tasks, stop })
    }

    /// Begins one that `client` asks for, by its name. `show` makes the operation's result of the answer.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(
        &self,
        client: &str,
        gateway: &Gateway,
        wanted: OnDemand,
        show: impl FnOnce(Vec<MemberProbe>) -> Value + Send + 'static,
    ) -> Result<Operation, StoreError> {
        let operation = self.store.begin_on_demand(gateway).await?;
        let client = client.to_owned();
        let Ok(place) = self.places.try_take(&client) else {
            let problem = unanswered(BUSY);
            self.store.end_on_demand(operation.id, Err(&problem)).await?;
            return Ok(operation);
        };
        let (prober, gateway, id) = (self.clone(), gateway.id, operation.id);
        let OnDemand { pool, settings, roots } = wanted;
        let probe = OnDemandProbe { id: ProbeId(id), pool, settings, roots };
        self.tasks.spawn(async move {
            let _place = place;
            let outcome = tokio::select! {
                outcome = timeout(TIME, prober.answer(&client, gateway, probe)) => outcome,
                () = prober.stop.cancelled() => return,
            };
            let late = |_| Err(unanswered("The probe was not answered in time."));
            let outcome = outcome.unwrap_or_else(late).map(show);
            tokio::select! {
                () = prober.note(id, outcome.as_ref()) => {}
                () = prober.stop.cancelled() => {}
            }
        });
        Ok(operation)
    }

    /// Writes the outcome down, as soon as the database can be written.
    async fn note(&self, id: Uuid, outcome: Result<&Value, &Problem>) {
        let mut write_failure = self.store.write_failure();
        while let Err(error) = self.store.end_on_demand(id, outcome).await {
            if error.unwritable().is_none() {
                tracing::error!(operation = %id, %error, "the outcome of a probe could not be written down");
                return;
            }
            // The store outlives its receivers, so that the wait does not fail.
            let _ = write_failure.wait_for(Option::is_none).await;
        }
    }

    async fn answer(
        &self,
        client: &String,
        gateway: GatewayId,
        probe: OnDemandProbe,
    ) -> Result<Vec<MemberProbe>, Problem> {
        let _turn = self.turns.take(client).await.map_err(|_| unanswered(BUSY))?;
        let Some(answer) = self.fleet.probe(gateway, probe) else {
            let message = "No connected worker runs the gateway, or none has time for a probe.";
            return Err(Problem { code: NOT_RUNNING.to_owned(), message: message.to_owned() });
        };
        answer.await.map_err(|_| unanswered("The worker that made the probe is not connected any more."))
    }
}

/// The message of a refusal when no permit for a probe is free.
const BUSY: &str = "Too many probes on demand are going on. Ask again later.";

fn unanswered(message: &str) -> Problem {
    Problem { code: UNANSWERED.to_owned(), message: message.to_owned() }
}
