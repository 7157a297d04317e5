//! Health probes: one task for each backend that probes it at an interval.
//!
//! Only this task writes the verdict about its backend. Each probe opens a new connection: a probe on a kept
//! connection would not notice that no new one can be opened. [`ask`] makes the request, and [`answer`] evaluates
//! the response.

mod answer;
mod ask;
mod bounded;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::protocol::HealthState;
use tidegate_shared::snapshot::Probe;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::backend::Backend;
use crate::dial::Location;
use crate::health::{HealthStatus, HealthThreshold};

pub(crate) use ask::ask_in_time;

/// Probes `backend` until the future is dropped. `changed` is notified whenever the verdict or its reason changes.
pub(crate) async fn run(backend: Arc<Backend>, changed: Rc<Notify>) {
    let probe = backend.probe().clone();
    let ask = async || ask_in_time(&backend, &probe).await;
    repeat(&probe, &backend.health, &backend.location, ask, |before, state, reason| {
        changed.notify_one();
        if state != before && (state == HealthState::Down || before == HealthState::Down) {
            let (pool, address) = (&backend.key.pool, backend.address());
            tracing::info!(pool, backend = address, health = ?state, reason, "health changed");
        }
    })
    .await;
}

/// Asks at the interval of `probe`, and at once when the addresses at `location` change, and sets `health` to each
/// verdict. Calls `changed` with the verdict before, the new one and its reason whenever one of them changes.
async fn repeat(
    probe: &Probe,
    health: &HealthStatus,
    location: &Location,
    ask: impl AsyncFn() -> Result<String, String>,
    changed: impl Fn(HealthState, HealthState, &str),
) {
    let mut counter = HealthThreshold::after(health.state());
    loop {
        // Registered before the probe: a probe may hang because the name has moved to another address.
        let moved = location.moved();
        let outcome = ask().await;
        let before = health.state();
        let state = counter.observe(outcome.is_ok(), probe.unhealthy_threshold);
        let reason = outcome.unwrap_or_else(|reason| reason);
        if health.set(state, &reason) {
            changed(before, state, &reason);
        }
        tokio::select! {
            () = sleep(jittered(probe.interval)) => {}
            // The name resolves to other addresses now, so the present verdict may be outdated.
            () = moved => {}
        }
    }
}

/// Returns the interval, shortened at random by up to a tenth, so that the probes of many backends are not
/// synchronized.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - fastrand::f64() / 10.0)
}

#[cfg(test)]
mod tests;
