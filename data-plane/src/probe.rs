//! One task for each backend that asks it, again and again, whether it is well.
//!
//! The task alone writes its backend's health. It uses a connection of its own every time: a probe that travelled on
//! a kept connection would not notice that no new one can be opened. How one is asked is in [`ask`], what is a good
//! answer in [`answer`].

mod answer;
mod ask;
mod bounded;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::protocol::HealthState;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::backend::Backend;
use crate::health::HealthThreshold;

pub(crate) use ask::ask_in_time;

/// Probes `backend` until it is dropped. `changed` is told whenever verdict or reason change.
pub(crate) async fn run(backend: Arc<Backend>, changed: Rc<Notify>) {
    let probe = backend.probe().clone();
    let mut counter = HealthThreshold::after(backend.health.state());
    loop {
        // Listened for from here on: a probe that hangs at an old address may be how a move is met.
        let moved = backend.location.moved();
        let outcome = ask_in_time(&backend, &probe).await;
        let before = backend.health.state();
        let state = counter.observe(outcome.is_ok(), probe.unhealthy_threshold);
        let reason = outcome.unwrap_or_else(|reason| reason);
        if backend.health.set(state, &reason) {
            changed.notify_one();
        }
        if state != before && (state == HealthState::Down || before == HealthState::Down) {
            let (pool, address) = (&backend.key.pool, backend.address());
            tracing::info!(pool, backend = address, health = ?state, reason, "health changed");
        }
        tokio::select! {
            () = sleep(jittered(probe.interval)) => {}
            // It leads elsewhere now: what was found out about it counts no more.
            () = moved => {}
        }
    }
}

/// The interval, up to a tenth shorter, so that probes of many backends do not march in step.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - fastrand::f64() / 10.0)
}
