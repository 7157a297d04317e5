//! Waits for a state instead of a time.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// The time limit of every wait. It is generous, because a busy machine is no failure; only a failing test waits
/// that long.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The interval at which a state is checked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Polls until `look` returns a value, and returns it.
///
/// # Panics
/// There is none by the [`DEADLINE`]; the message has `what`.
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

/// Waits for a future, and returns its output.
///
/// # Panics
/// The future has not completed by the [`DEADLINE`]; the message has `what`.
pub async fn within_deadline<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for: {what}"),
    }
}
