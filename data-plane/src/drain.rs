//! Draining: what runs at a backend that gets nothing new goes on for a time, and is then ended.
//!
//! Two causes: its member is no longer part of the configuration, or its probe finds it down. These tasks run beside
//! the worker's others and tell every data thread; what is to end, each thread knows itself.

use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tidegate_shared::protocol::HealthState;
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until};

use crate::backend::Backend;
use crate::cut::Cut;
use crate::member::{Leaving, Member};
use crate::runtime::Runtime;
use crate::thread::{Command, Threads};

/// What is to end.
#[derive(Clone, Debug)]
pub(crate) enum Drained {
    /// Whatever runs at this member.
    Removed(Member),
    /// What runs at this one under the settings of that name: others may still find it well.
    Down(Member, String),
}

impl Drained {
    pub(crate) fn cut(&self) -> Cut {
        match self {
            Drained::Removed(_) => Cut::BackendRemoved,
            Drained::Down(..) => Cut::BackendDown,
        }
    }

    pub(crate) fn is(&self, backend: &Backend) -> bool {
        match self {
            Drained::Removed(member) => backend.standing.member == *member,
            Drained::Down(member, settings) => {
                backend.standing.member == *member && backend.key.settings == *settings
            }
        }
    }
}

/// Ends what runs at a removed member when its time has come. To be dropped when the member is back before.
pub(crate) async fn end_removed(leaving: Leaving, threads: Rc<Threads>, changed: Rc<Notify>) {
    sleep_until(leaving.until).await;
    leaving.standing.leave();
    let drained = Drained::Removed(leaving.standing.member.clone());
    threads.broadcast(|| Command::Cut(drained.clone())).await;
    changed.notify_one();
}

/// Watches the health of a backend for as long as it is probed: each time that it stays down for its whole drain
/// timeout, what runs at it is ended.
pub(crate) async fn end_while_down(
    backend: Arc<Backend>,
    current: Arc<ArcSwap<Runtime>>,
    threads: Rc<Threads>,
) {
    let down = || backend.health.state() == HealthState::Down;
    loop {
        backend.health.until(&down).await;
        tokio::select! {
            biased;
            () = backend.health.until(|| !down()) => continue,
            () = out_of_use(&backend, &current) => {}
        }
        backend.health.set_drained(true);
        let drained = Drained::Down(backend.standing.member.clone(), backend.key.settings.clone());
        threads.broadcast(|| Command::Cut(drained.clone())).await;
        backend.health.until(|| !down()).await;
        backend.health.set_drained(false);
    }
}

/// Waits for the drain timeout; and on, as long as the backend is used although it is down, for want of others.
async fn out_of_use(backend: &Backend, current: &ArcSwap<Runtime>) {
    loop {
        let time = current.load().roster.drain(&backend.standing.member);
        sleep(time).await;
        if !current.load().keeps(backend) {
            return;
        }
    }
}
