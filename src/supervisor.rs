//! Keeps local workers running: one process a slot, started again when it ends, stopped in order.
//!
//! A slot is a directory, `<data-dir>/workers/N`, and the lock file in it. A worker holds that lock for as long as
//! it lives, so a supervisor that was itself killed and started again knows which slots are still served, and waits
//! for those workers as it would for its own. It never decides by a process id alone.

mod backoff;
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
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use self::backoff::Backoff;
use self::process::Process;
use self::slot::{Slot, Survivor};
use crate::cli::WorkerOptions;
use crate::stop::Stop;

/// How long beyond its drain timeout a worker may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long a token is waited for where the worker can do without.
const TOKEN_WAIT: Duration = Duration::from_secs(1);

/// Where the supervisor gets a join token.
pub(crate) trait NewToken: AsyncFn() -> Result<JoinToken, Box<dyn Error>> {}

impl<F: AsyncFn() -> Result<JoinToken, Box<dyn Error>>> NewToken for F {}

/// What every worker is started with.
#[derive(Debug)]
pub(crate) struct WorkerPlan {
    /// The program: this one.
    pub(crate) executable: PathBuf,
    /// Where workers dial.
    pub(crate) control_plane: SocketAddr,
    /// How many to run.
    pub(crate) workers: u16,
    /// Holds a directory for each.
    pub(crate) workers_dir: PathBuf,
    /// Passed on.
    pub(crate) options: WorkerOptions,
    /// The log filter, passed on.
    pub(crate) log: String,
    /// A file for standard output and error; this process's own when none.
    pub(crate) output: Option<PathBuf>,
}

/// Workers that are still there though they were killed.
#[derive(Debug, Error)]
#[error("not every worker has ended: those in slots {0:?} are still there")]
pub(crate) struct LeftAlive(Vec<u16>);

/// A worker that is still there though it was killed.
#[derive(Debug)]
struct Undead;

/// Dropped for each worker that has ended or only drains.
type Draining = Arc<DropGuard>;

/// Keeps the planned number of workers running until asked to stop, and returns when all have ended. Workers of an
/// earlier, larger plan are ended at once. Each worker that is started or taken back gets a token of its own from
/// `new_token`. `draining` is cancelled when no worker needs its slot any more: what is left of them only drains.
///
/// # Errors
/// Workers that do not end even when killed.
pub(crate) async fn run(
    new_token: &impl NewToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: CancellationToken,
) -> Result<(), LeftAlive> {
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
    drop(draining);
    let (ended, served) = tokio::join!(ending, serving);
    let left = ended.into_iter().chain(served).filter_map(|(slot, ended)| ended.is_err().then_some(slot));
    let left: Vec<u16> = left.collect();
    if left.is_empty() { Ok(()) } else { Err(LeftAlive(left)) }
}

/// Ends the worker of a slot that is not wanted any more, if there is one.
async fn end_survivor(slot: &Slot, plan: &WorkerPlan, stop: &Stop, draining: Draining) -> Result<(), Undead> {
    match slot.survivor() {
        Ok(Some(survivor)) => {
            info!(worker.slot = slot.number(), "stopping a worker of an earlier supervisor");
            let (drain_timeout, leaves) = (drain_timeout(slot, plan), || drop(draining));
            return end(&mut Process::Survivor(survivor), slot, drain_timeout, stop, slot.left(), leaves)
                .await;
        }
        Ok(None) => {}
        Err(e) => warn!(worker.slot = slot.number(), "cannot tell whether a worker is left: {e}"),
    }
    Ok(())
}

/// Keeps one slot served until asked to stop. A survivor that would never come back, or come back as something else than
/// what is wanted now, is replaced: its successor takes over from it, and it drains.
async fn serve(
    slot: &Slot,
    new_token: &impl NewToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
) -> Result<(), Undead> {
    let Some(survivor) = outdated_survivor(slot, plan) else {
        return keep_serving(slot, new_token, plan, stop, draining, None).await;
    };
    info!(
        worker.slot = slot.number(),
        "replacing a worker that was started with another executable, another channel or other options"
    );
    if !slot.can_hand_over() {
        return replace_after_end(slot, survivor, new_token, plan, stop, draining).await;
    }
    let drain_timeout = drain_timeout(slot, plan);
    match start_successor(slot, &survivor, new_token, plan, stop).await {
        Ok((mut predecessor, successor)) => {
            // The lock is the successor's now: it does not tell when the predecessor has gone.
            let left = std::future::pending();
            let ended = end(&mut predecessor, slot, drain_timeout, stop, left, || {});
            let served = keep_serving(slot, new_token, plan, stop, draining, Some(successor));
            let (ended, served) = tokio::join!(ended, served);
            ended.and(served)
        }
        Err(e) => {
            error!(
                worker.slot = slot.number(),
                "the running worker is kept, since no other can take over: {e}"
            );
            keep_serving(slot, new_token, plan, stop, draining, None).await
        }
    }
}

/// Ends a worker that cannot hand over, and starts another as soon as it has given up the slot.
async fn replace_after_end(
    slot: &Slot,
    survivor: Survivor,
    new_token: &impl NewToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
) -> Result<(), Undead> {
    let (left, leaves) = oneshot::channel();
    let drain_timeout = drain_timeout(slot, plan);
    let ended = async {
        let leaves = || _ = left.send(());
        end(&mut Process::Survivor(survivor), slot, drain_timeout, stop, slot.left(), leaves).await
    };
    let served = async {
        // The channel also closes when the worker ends without giving up the slot first.
        let _ = leaves.await;
        keep_serving(slot, new_token, plan, stop, draining, None).await
    };
    let (ended, served) = tokio::join!(ended, served);
    ended.and(served)
}

/// How long the slot's worker drains: as it was told, and as this plan says where that is not known.
fn drain_timeout(slot: &Slot, plan: &WorkerPlan) -> Duration {
    slot.drain_timeout().unwrap_or(plan.options.drain_timeout)
}

/// The worker that serves the slot, if it differs from what this plan would start.
fn outdated_survivor(slot: &Slot, plan: &WorkerPlan) -> Option<Survivor> {
    // An error is met again, and logged, when the slot is to be served.
    let survivor = slot.survivor().ok().flatten()?;
    (!slot.was_told(&process::description(plan))).then_some(survivor)
}

/// A worker that serves a slot, or is about to.
#[derive(Debug)]
struct Started {
    process: Process,
    /// It was given a fresh token.
    has_token: bool,
}

/// Starts a worker that takes over from the one that serves the slot. Returns the old one and the new one as soon as the
/// new one serves, or a stop is asked for.
///
/// # Errors
/// The new one has ended without taking over; the old one serves on.
async fn start_successor(
    slot: &Slot,
    survivor: &Survivor,
    new_token: &impl NewToken,
    plan: &WorkerPlan,
    stop: &Stop,
) -> Result<(Process, Started), Box<dyn Error>> {
    let predecessor = survivor.process().ok_or("it has not written its process ID yet")?;
    let token = token_for(slot, new_token).await?;
    slot.lay_token(token.as_ref())?;
    // Whatever ends this supervisor before it can say which of the two has the slot: the next one replaces that worker.
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

/// Keeps one slot served until asked to stop: by `first`, by the worker that still serves it, or by new ones.
async fn keep_serving(
    slot: &Slot,
    new_token: &impl NewToken,
    plan: &WorkerPlan,
    stop: &Stop,
    draining: Draining,
    mut first: Option<Started>,
) -> Result<(), Undead> {
    let mut backoff = Backoff::default();
    loop {
        let began = Instant::now();
        let started = match first.take() {
            Some(started) => Ok(started),
            // The stop may have been asked for before the worker of an earlier supervisor was taken back.
            None if stop.asked.is_cancelled() => return end_survivor(slot, plan, stop, draining).await,
            None => take_or_start(slot, new_token, plan).await,
        };
        match started {
            Ok(Started { mut process, has_token }) => tokio::select! {
                how = process.ended() => warn!(worker.slot = slot.number(), "worker ended: {how}"),
                never = lay_token_later(slot, new_token, has_token) => match never {},
                () = stop.asked.cancelled() => {
                    let drain_timeout = plan.options.drain_timeout;
                    return end(&mut process, slot, drain_timeout, stop, slot.left(), || drop(draining)).await;
                }
            },
            Err(e) => error!(worker.slot = slot.number(), "cannot start a worker: {e}"),
        }
        let pause = backoff.pause_after(began.elapsed());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.asked.cancelled() => {}
        }
    }
}

/// The worker that still serves the slot, or else a new one.
async fn take_or_start(
    slot: &Slot,
    new_token: &impl NewToken,
    plan: &WorkerPlan,
) -> Result<Started, Box<dyn Error>> {
    let token = token_for(slot, new_token).await?;
    if let Some(survivor) = slot.survivor()? {
        let has_token = token.is_some_and(|token| hand_over(slot, &token));
        info!(worker.slot = slot.number(), "taking back a worker that outlived its control plane");
        return Ok(Started { process: Process::Survivor(survivor), has_token });
    }
    slot.prepare(&process::description(plan), token.as_ref())?;
    let child = process::start(plan, slot)?;
    info!(worker.slot = slot.number(), process.id = child.id(), "worker started");
    Ok(Started { process: Process::Child(child), has_token: token.is_some() })
}

/// A token for the slot's worker. None where none can be had, or not in time, and the worker can do without: it must
/// not be away for as long as the database is.
async fn token_for(slot: &Slot, new_token: &impl NewToken) -> Result<Option<JoinToken>, Box<dyn Error>> {
    if !slot.can_do_without_token() {
        return new_token().await.map(Some);
    }
    match tokio::time::timeout(TOKEN_WAIT, new_token()).await {
        Ok(Ok(token)) => return Ok(Some(token)),
        Ok(Err(e)) => warn!(worker.slot = slot.number(), "the worker goes without a token for now: {e}"),
        Err(_) => {
            warn!(worker.slot = slot.number(), "the worker goes without a token for now: it takes too long")
        }
    }
    Ok(None)
}

/// Lays down a token for a worker that has none, as soon as one can be had: without, it could not join anew.
async fn lay_token_later(slot: &Slot, new_token: &impl NewToken, mut has_token: bool) -> Infallible {
    while !has_token {
        tokio::time::sleep(GRACE).await;
        if let Ok(token) = new_token().await {
            has_token = hand_over(slot, &token);
        }
    }
    std::future::pending().await
}

/// Lays down a token for a worker that can do without. Whether that could be done.
fn hand_over(slot: &Slot, token: &JoinToken) -> bool {
    let given = slot.hand_over(token);
    if let Err(e) = &given {
        warn!(worker.slot = slot.number(), "cannot give a worker a token: {e}");
    }
    given.is_ok()
}

/// Asks a worker to end, waits while it drains, and kills it if it takes too long or the stop is hurried. `leaves` is
/// called when it has given up its slot, which is when `left` is ready.
async fn end(
    process: &mut Process,
    slot: &Slot,
    drain_timeout: Duration,
    stop: &Stop,
    left: impl Future<Output = ()>,
    leaves: impl FnOnce(),
) -> Result<(), Undead> {
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
        return Err(Undead);
    }
    Ok(())
}
