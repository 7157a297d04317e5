//! The schedule that spreads the ends of many drained tunnels over the last quarter of the drain timeout, so that
//! their clients do not reconnect all at once. Pure: the time and the randomness come from outside. Which tunnels end
//! is not decided here.
//!
//! The drain timeout stays the outer bound, and every tunnel gets at least three quarters of it. Fewer tunnels than
//! [`MIN_TO_SPREAD`] are no load when they reconnect: all of them get the whole time.

use std::time::Duration;

use tokio::time::Instant;

/// The number of tunnels from which a worker spreads their ends; fewer get the whole drain timeout.
pub(crate) const MIN_TO_SPREAD: usize = 100;

/// The minimum time between two steps, in milliseconds.
const SHORTEST_STEP: u128 = 50;
/// The maximum number of steps.
const MOST_STEPS: u128 = 200;

/// Returns the time before the first of many tunnels is ended.
pub(crate) fn undisturbed(timeout: Duration) -> Duration {
    timeout - timeout / 4
}

/// Yields the times between `from` and `until` at which tunnels are ended, with the share of the remaining tunnels to
/// end; the last share is 1. Each time is random within its step, so that workers and threads do not act at the same
/// moment.
pub(crate) fn moments(
    from: Instant,
    until: Instant,
    mut random: fastrand::Rng,
) -> impl Iterator<Item = (Instant, f64)> {
    let time = until.saturating_duration_since(from);
    let steps = u32::try_from((time.as_millis() / SHORTEST_STEP).clamp(1, MOST_STEPS)).unwrap_or(1);
    let step = time / steps;
    (0..steps).map(move |number| {
        let at = from + step * number + step.mul_f64(random.f64());
        (at, 1.0 / f64::from(steps - number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_herd_ends_evenly_within_the_time_and_the_last_step_takes_all() {
        for seconds in [0, 1, 2, 10, 30, 3600] {
            let timeout = Duration::from_secs(seconds);
            let start = Instant::now();
            let (from, until) = (start + undisturbed(timeout), start + timeout);
            let mut left = 4000.0;
            let mut ends = Vec::new();
            for (at, share) in moments(from, until, fastrand::Rng::with_seed(seconds)) {
                assert!(from <= at && at <= until, "{seconds} s");
                ends.push((at, left * share));
                left -= left * share;
            }
            assert!(left < 1e-6, "{left} are left of {seconds} s");
            assert!(ends.is_sorted_by_key(|(at, _)| *at));
            if seconds < 10 {
                continue;
            }
            // No half second has more than a third of the ends.
            for (from, _) in &ends {
                let until = *from + Duration::from_millis(500);
                let together: f64 =
                    ends.iter().filter(|(at, _)| (*from..until).contains(at)).map(|(_, ended)| ended).sum();
                assert!(together <= 4000.0 / 3.0, "{together} within half a second of {seconds} s");
            }
        }
    }
}
