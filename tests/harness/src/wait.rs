//! Waiting for a state, in the place of sleeping for a time.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How long anything may take before a test gives up. Generous, since a loaded machine is no failure: only a test
/// that fails ever waits so long.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How often a state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and returns it.
///
/// # Panics
/// When there is nothing by the [`DEADLINE`], with `what` was waited for.
pub async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} in vain for: {what}");
    }
}

/// What the future comes to, if it does so by the [`DEADLINE`].
///
/// # Panics
/// When it does not, with `what` was waited for.
pub async fn timely<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for: {what}"),
    }
}
