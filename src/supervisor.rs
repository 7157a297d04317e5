//! Keeps local workers running: one process per slot, started again when it ends, stopped in order.
//!
//! A slot is a directory, `<data-dir>/workers/N`, with a lock file. A worker holds that lock for its whole life. So
//! a supervisor that was killed and started again knows which slots are still served, and supervises those workers
//! like its own. It never relies on a process ID alone.

mod backoff;
mod end;
mod process;
mod slot;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use thiserror::Error;
use tidegate_shared::token::JoinToken;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::backoff::Backoff;
use self::end::{Draining, Unkillable, drain_timeout, end, end_draining, end_survivor};
use self::process::Process;
use self::slot::{Slot, Survivor};
use crate::cli::WorkerOptions;
use crate::stop::Stop;

/// The time limit for a token if the worker can start without one.
const TOKEN_WAIT: Duration = Duration::from_secs(1);

/// The pause before another token is asked for.
const TOKEN_RETRY: Duration = Duration::from_secs(5);

/// A function that issues a join token.
pub(crate) trait IssueToken: AsyncFn() -> Result<JoinToken, Box<dyn Error>> {}

impl<F: AsyncFn() -> Result<JoinToken, Box<dyn Error>>> IssueToken for F {}

/// The parameters with which every worker is started.
#[derive(Debug)]
pub(crate) struct WorkerPlan {
    /// The executable to start: this one, at its path when this process started.
    pub(crate) executable: PathBuf,
    /// The address of the channel, where workers connect.
    pub(crate) control_plane: SocketAddr,
    /// The number of workers.
    pub(crate) workers: u16,
    /// The directory of the slots.
    pub(crate) workers_dir: PathBuf,
    /// The options that are passed to workers.
    pub(crate) options: WorkerOptions,
    /// The log filter that is passed to workers.
    pub(crate) log: String,
    /// The file for the workers' standard output and error; `None` to inherit this process's own.
    pub(crate) output: Option<PathBuf>,
}

/// Workers that have not ended although they were killed.
#[derive(Debug, Error)]
#[error("not every worker has ended: those in slots {0:?} still run")]
pub(crate) struct WorkersStillRunning(Vec<u16>);

/// Keeps the planned number of workers running until asked to stop, and returns when all have ended. Surplus
/// workers of an earlier, larger plan are stopped at once, and those that already drain are awaited. Each
/// worker that is started or adopted gets its own token from `new_token`. `draining` is cancelled when no
/// worker needs its slot any more: those that remain only drain.
///
/// # Errors
/// Some workers do not end even when killed.
pub(crate) async fn run(
    new_token: &impl IssueToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: CancellationToken,
) -> Result<(), WorkersStillRunning> {
    let draining = Arc::new(draining.drop_guard());
    let surplus = slot::beyond(&plan.workers_dir, plan.workers);
    let ending = surplus.into_iter().map(|slot| {
        let draining = draining.clone();
        async move { (slot.number(), end_survivor(&slot, plan, stop, draining).await) }
    });
    let ending = join_all(ending);
    let serving = (1..=plan.workers).map(|number| {
        let draining = draining.clone();
        async move {
            let slot = Slot::new(&plan.workers_dir, number);
            (number, serve(&slot, new_token, plan, stop, draining).await)
        }
    });
    let serving = join_all(serving);
    let drained = slot::beyond(&plan.workers_dir, 0)
        .into_iter()
        .map(|slot| async move { (slot.number(), end_draining(&slot, plan, stop).await) });
    let drained = join_all(drained);
    drop(draining);
    let (ended, served, drained) = tokio::join!(ending, serving, drained);
    let ended = ended.into_iter().chain(served).chain(drained);
    let left: Vec<u16> = ended.filter_map(|(slot, ended)| ended.is_err().then_some(slot)).collect();
    if left.is_empty() { Ok(()) } else { Err(WorkersStillRunning(left)) }
}

/// Keeps one slot served until asked to stop. A survivor that was started with another executable, channel or other
/// options is replaced: its successor takes over from it, and it drains. A takeover that fails is tried again.
async fn serve(
    slot: &Slot,
    new_token: &impl IssueToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
) -> Result<(), Unkillable> {
    let mut backoff = Backoff::of_takeovers();
    while let Some(survivor) = outdated_survivor(slot, plan) {
        info!(
            worker.slot = slot.number(),
            "replacing a worker that was started with another executable, another channel or other options"
        );
        if !slot.can_hand_over() {
            return replace_after_end(slot, survivor, new_token, plan, stop, draining).await;
        }
        let (began, old_plan, drain_timeout) = (Instant::now(), slot.plan(), drain_timeout(slot, plan));
        match start_successor(slot, &survivor, new_token, plan, stop).await {
            Ok((mut predecessor, successor)) => {
                // The successor holds the lock now, so the lock does not show when the predecessor has ended.
                let left = std::future::pending();
                let ended = end(&mut predecessor, slot, drain_timeout, stop, left, || {});
                let served = keep_serving(slot, new_token, plan, stop, draining, Some(successor));
                let (ended, served) = tokio::join!(ended, served);
                return ended.and(served);
            }
            Err(e) => {
                old_plan.iter().for_each(|plan| slot.note(plan));
                let pause = backoff.pause_after_takeover(began.elapsed());
                error!(
                    worker.slot = slot.number(),
                    retry_s = pause.as_secs_f64(),
                    "the running worker is kept with its old options, because no other can take over: {e}"
                );
                let mut kept = Process::Survivor(survivor);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = kept.ended() => {}
                    () = stop.asked.cancelled() => break,
                }
            }
        }
    }
    keep_serving(slot, new_token, plan, stop, draining, None).await
}

/// Stops a worker that cannot hand over, and starts another one as soon as the slot is released.
async fn replace_after_end(
    slot: &Slot,
    survivor: Survivor,
    new_token: &impl IssueToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
) -> Result<(), Unkillable> {
    let (left, leaves) = oneshot::channel();
    let drain_timeout = drain_timeout(slot, plan);
    let ended = async {
        let leaves = || _ = left.send(());
        end(&mut Process::Survivor(survivor), slot, drain_timeout, stop, slot.left(), leaves).await
    };
    let served = async {
        // The channel also closes when the worker ends before it releases the slot.
        let _ = leaves.await;
        keep_serving(slot, new_token, plan, stop, draining, None).await
    };
    let (ended, served) = tokio::join!(ended, served);
    ended.and(served)
}

/// Returns the worker that serves the slot if it was started with another plan.
fn outdated_survivor(slot: &Slot, plan: &WorkerPlan) -> Option<Survivor> {
    // An error recurs, and is logged, when the slot is to be served.
    let survivor = slot.survivor().ok().flatten()?;
    (!slot.was_started_with(&process::description(plan))).then_some(survivor)
}

/// A worker that serves a slot, or is about to.
#[derive(Debug)]
struct Started {
    process: Process,
    /// True if it was given a new token.
    has_token: bool,
}

/// Starts a worker that takes over from the one that serves the slot. Returns the old and the new worker as soon as
/// the new one serves, or when a stop is asked for.
///
/// # Errors
/// The new worker has ended without taking over; the old one continues to serve.
async fn start_successor(
    slot: &Slot,
    survivor: &Survivor,
    new_token: &impl IssueToken,
    plan: &WorkerPlan,
    stop: &Stop,
) -> Result<(Process, Started), Box<dyn Error>> {
    let predecessor = survivor.process().ok_or("it has not written its process ID yet")?;
    let token = token_for(slot, new_token).await?;
    slot.provide_token(token.as_ref())?;
    // If this supervisor is killed before it knows which of the two holds the slot, the next supervisor replaces
    // that worker.
    slot.forget_plan();
    let mut child = process::start(plan, slot)?;
    let id = child.id();
    info!(worker.slot = slot.number(), process.id = id, "worker started, to take over from another");
    tokio::select! {
        status = child.wait() => return Err(format!("the new worker has ended: {}", status?).into()),
        () = slot.is_held_by(id) => slot.note(&process::description(plan)),
        () = stop.asked.cancelled() => {}
    }
    let successor = Started { process: Process::Child(child), has_token: token.is_some() };
    Ok((Process::Leaving(predecessor), successor))
}

/// Keeps one slot served until asked to stop: by `first`, by the worker that already serves it, or by new workers.
async fn keep_serving(
    slot: &Slot,
    new_token: &impl IssueToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
    mut first: Option<Started>,
) -> Result<(), Unkillable> {
    let mut backoff = Backoff::of_starts();
    loop {
        let began = Instant::now();
        let started = match first.take() {
            Some(started) => Ok(started),
            // The stop may have been asked for before the worker of an earlier supervisor was adopted.
            None if stop.asked.is_cancelled() => return end_survivor(slot, plan, stop, draining).await,
            None => take_or_start(slot, new_token, plan).await,
        };
        let ended = match started {
            Ok(Started { mut process, has_token }) => tokio::select! {
                how = process.ended() => Ok(how),
                never = provide_token_later(slot, new_token, has_token) => match never {},
                () = stop.asked.cancelled() => {
                    let drain_timeout = plan.options.drain_timeout;
                    return end(&mut process, slot, drain_timeout, stop, slot.left(), || drop(draining)).await;
                }
            },
            Err(e) => Err(e),
        };
        let pause = backoff.pause_after(began.elapsed());
        let (slot_number, retry_s) = (slot.number(), pause.as_secs_f64());
        match ended {
            Ok(how) => warn!(worker.slot = slot_number, retry_s, "worker ended: {how}"),
            Err(e) => error!(worker.slot = slot_number, retry_s, "cannot start a worker: {e}"),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.asked.cancelled() => {}
        }
    }
}

/// Adopts the worker that still serves the slot, or else starts a new one.
async fn take_or_start(
    slot: &Slot,
    new_token: &impl IssueToken,
    plan: &WorkerPlan,
) -> Result<Started, Box<dyn Error>> {
    let token = token_for(slot, new_token).await?;
    if let Some(survivor) = slot.survivor()? {
        let has_token = token.is_some_and(|token| try_write_token(slot, &token));
        info!(worker.slot = slot.number(), "adopting a worker that outlived its control plane");
        return Ok(Started { process: Process::Survivor(survivor), has_token });
    }
    slot.prepare(&process::description(plan), token.as_ref())?;
    let child = process::start(plan, slot)?;
    info!(worker.slot = slot.number(), process.id = child.id(), "worker started");
    Ok(Started { process: Process::Child(child), has_token: token.is_some() })
}

/// Returns a token for the slot's worker, or `None` if there is none in time and the worker can start without one:
/// the worker must start even while the database is unavailable.
async fn token_for(slot: &Slot, new_token: &impl IssueToken) -> Result<Option<JoinToken>, Box<dyn Error>> {
    if !slot.can_do_without_token() {
        return new_token().await.map(Some);
    }
    match tokio::time::timeout(TOKEN_WAIT, new_token()).await {
        Ok(Ok(token)) => return Ok(Some(token)),
        Ok(Err(e)) => warn!(worker.slot = slot.number(), "the worker has no token for now: {e}"),
        Err(_) => {
            warn!(worker.slot = slot.number(), "the worker has no token for now: it takes too long")
        }
    }
    Ok(None)
}

/// Writes a token for a worker that has none, as soon as one can be issued: without it the worker could not join
/// again.
async fn provide_token_later(slot: &Slot, new_token: &impl IssueToken, mut has_token: bool) -> Infallible {
    while !has_token {
        tokio::time::sleep(TOKEN_RETRY).await;
        if let Ok(token) = new_token().await {
            has_token = try_write_token(slot, &token);
        }
    }
    std::future::pending().await
}

/// Writes a token for a worker that can start without one. Returns true if it was written.
fn try_write_token(slot: &Slot, token: &JoinToken) -> bool {
    let given = slot.write_token(token);
    if let Err(e) = &given {
        warn!(worker.slot = slot.number(), "cannot give a worker a token: {e}");
    }
    given.is_ok()
}
