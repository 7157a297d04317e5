//! Notes which workers are connected, so that a worker that is long gone can be told from one that has lost its session.
//!
//! A note is a few minutes old at most, and older only after a failure.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::Millis;
use crate::fleet::Fleet;
use crate::store::Store;

/// The interval of the notes.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Notes the connected workers until `stop`.
pub(crate) async fn run(store: Arc<Store>, fleet: Arc<Fleet>, stop: CancellationToken) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let connected: Vec<_> = fleet.snapshot().into_keys().collect();
        if let Err(error) = store.workers_seen(&connected, Millis::now()).await {
            tracing::debug!(%error, "the connected workers could not be noted");
        }
    }
}
