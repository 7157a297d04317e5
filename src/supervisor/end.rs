//! The end of workers: asked for, awaited while they drain, and forced when it takes too long.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::DropGuard;
use tracing::{error, info, warn};

use super::WorkerPlan;
use super::process::Process;
use super::slot::Slot;
use crate::stop::Stop;

/// The time a worker may take to end beyond its drain timeout before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A worker that has not ended although it was killed.
#[derive(Debug)]
pub(super) struct Unkillable;

/// A clone for each slot, dropped when its worker has ended or only drains.
pub(super) type Draining = Arc<DropGuard>;

/// Stops the worker of a slot that is no longer planned, if there is one.
pub(super) async fn end_survivor(
    slot: &Slot,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
) -> Result<(), Unkillable> {
    match slot.survivor() {
        Ok(Some(survivor)) => {
            info!(worker.slot = slot.number(), "stopping a worker of an earlier supervisor");
            let (drain_timeout, leaves) = (drain_timeout(slot, plan), || drop(draining));
            return end(&mut Process::Survivor(survivor), slot, drain_timeout, stop, slot.left(), leaves)
                .await;
        }
        Ok(None) => {}
        Err(e) => warn!(worker.slot = slot.number(), "cannot tell whether a worker still runs: {e}"),
    }
    Ok(())
}

/// Waits for the workers of a slot that drain since an earlier supervisor asked them to stop, or since another worker
/// took over from them.
pub(super) async fn end_draining(slot: &Slot, plan: &WorkerPlan, stop: &Stop) -> Result<(), Unkillable> {
    let ending = slot.draining().into_iter().map(|(worker, drain_timeout)| async move {
        info!(worker.slot = slot.number(), "waiting for a worker of an earlier supervisor that drains");
        let drain_timeout = drain_timeout.unwrap_or(plan.options.drain_timeout);
        let left = std::future::pending();
        end(&mut Process::Survivor(worker), slot, drain_timeout, stop, left, || {}).await
    });
    join_all(ending).await.into_iter().collect()
}

/// The drain timeout that the slot's worker was started with or, if that is unknown, the planned one.
pub(super) fn drain_timeout(slot: &Slot, plan: &WorkerPlan) -> Duration {
    slot.drain_timeout().unwrap_or(plan.options.drain_timeout)
}

/// Asks a worker to stop, waits while it drains, and kills it if it takes too long or the stop is hurried. `left`
/// completes when it has released its slot; `leaves` is then called.
pub(super) async fn end(
    process: &mut Process,
    slot: &Slot,
    drain_timeout: Duration,
    stop: &Stop,
    left: impl Future<Output = ()>,
    leaves: impl FnOnce(),
) -> Result<(), Unkillable> {
    let in_order = async {
        process.ask_to_end().await;
        tokio::select! {
            biased;
            () = left => leaves(),
            how = process.ended() => return how,
        }
        process.ended().await
    };
    tokio::select! {
        how = in_order => {
            info!(worker.slot = slot.number(), "worker stopped: {how}");
            return Ok(());
        }
        () = tokio::time::sleep(drain_timeout + GRACE) => {
            warn!(worker.slot = slot.number(), "worker does not end, killing it");
        }
        () = stop.hurried.cancelled() => {}
    }
    let killed = async {
        process.kill().await;
        process.ended().await
    };
    if tokio::time::timeout(GRACE, killed).await.is_err() {
        error!(worker.slot = slot.number(), "worker does not end even when killed");
        return Err(Unkillable);
    }
    Ok(())
}
