//! On-demand probes: a request starts one, a worker that runs the gateway executes it, and this module always
//! ends it.
//!
//! Only the operation is stored. An operation that this process does not end is ended by the next one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::{Call, MemberProbe, OnDemandProbe, PROBE_TIME, Reply};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::compile::OnDemand;
use crate::fair_share::{Bounds, FairShare};
use crate::fleet::Fleet;
use crate::store::{Gateway, Operation, Problem, Store, StoreError};
use crate::violation::code_list::codes;

/// Bounds of the running and waiting probes. Further ones fail at once, which keeps the queue short.
const IN_ALL: Bounds = Bounds { total: 64, each: 32, waiting: 0 };

/// Bounds of the running probes. Others wait in the queue of their client, within their time limit.
const AT_ONCE: Bounds = Bounds { total: 8, each: 4, waiting: IN_ALL.each };

/// The time limit of a probe: that of the worker, plus a margin for communication.
const TIME: Duration = PROBE_TIME.saturating_add(Duration::from_secs(15));

codes! { CODES;
    /// No connected worker runs the gateway of the probe. Only used as the code of an operation.
    const NOT_RUNNING: &str = "ApplicationGatewayNotRunningOnAnyWorker";
    /// An on-demand probe was not answered: its worker disconnected or took too long, too many probes were
    /// running, or the control plane was restarted. Only used as the code of an operation.
    const UNANSWERED: &str = "ApplicationGatewayOnDemandProbeFailed";
}

/// Runs on-demand probes.
#[derive(Clone, Debug)]
pub(crate) struct Prober {
    store: Arc<Store>,
    fleet: Arc<Fleet>,
    turns: FairShare<String>,
    places: FairShare<String>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Prober {
    /// Creates a prober whose tasks run on `tasks` until `stop`. Ends the unfinished operations of an earlier
    /// process.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn new(
        store: Arc<Store>,
        fleet: Arc<Fleet>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Prober, StoreError> {
        let message = "The control plane was restarted before the probe was answered. Retry the request.";
        store.end_all_on_demand(&unanswered(message)).await?;
        let [turns, places] = [AT_ONCE, IN_ALL].map(FairShare::new);
        Ok(Prober { store, fleet, turns, places, tasks, stop })
    }

    /// Starts a probe for the client of this name. `show` converts the worker's answer to the result of the
    /// operation.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin(
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
        let call = Call::Probe(Box::new(OnDemandProbe { pool, settings, roots }));
        self.tasks.spawn(async move {
            let _place = place;
            let outcome = tokio::select! {
                outcome = timeout(TIME, prober.probe(&client, gateway, call)) => outcome,
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

    /// Stores the outcome, waiting until the database is writable.
    async fn note(&self, id: Uuid, outcome: Result<&Value, &Problem>) {
        let mut write_failure = self.store.write_failure();
        while let Err(error) = self.store.end_on_demand(id, outcome).await {
            if error.unwritable().is_none() {
                tracing::error!(operation = %id, %error, "the outcome of a probe could not be stored");
                return;
            }
            // The sender lives in the store, so the wait cannot fail.
            let _ = write_failure.wait_for(Option::is_none).await;
        }
    }

    async fn probe(
        &self,
        client: &String,
        gateway: GatewayId,
        call: Call,
    ) -> Result<Vec<MemberProbe>, Problem> {
        let _turn = self.turns.take(client).await.map_err(|_| unanswered(BUSY))?;
        let Some((_, reply)) = self.fleet.call(gateway, &call, 1).pop() else {
            let message = "No connected worker runs the gateway, or all of them are busy.";
            return Err(Problem { code: NOT_RUNNING.to_owned(), message: message.to_owned() });
        };
        match reply.await {
            Ok(Reply::Probe(members)) => Ok(members),
            Ok(Reply::Failed(reason)) => Err(unanswered(&reason)),
            Ok(_) => Err(unanswered("The worker gave another answer.")),
            Err(_) => Err(unanswered("The worker that executed the probe has disconnected.")),
        }
    }
}

/// The message when no permit for a probe is free.
const BUSY: &str = "Too many on-demand probes are in progress. Retry later.";

fn unanswered(message: &str) -> Problem {
    Problem { code: UNANSWERED.to_owned(), message: message.to_owned() }
}
