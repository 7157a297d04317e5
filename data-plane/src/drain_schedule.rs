//! The ends of many drained tunnels, spread over the last quarter of the drain timeout, so that their clients do not
//! come back all at once. Pure: the time and the randomness come from outside. Which tunnels end is not decided here.
//!
//! The drain timeout stays the outer bound, and three quarters of it are granted to every tunnel. A small number of
//! tunnels is no load for anybody when it comes back: those all get the whole time.

use std::time::Duration;

use tokio::time::Instant;

/// Fewer tunnels of one worker than this get the whole drain timeout.
pub(crate) const HERD: usize = 100;

/// The time between two steps is not shorter than this, in milliseconds.
const SHORTEST_STEP: u128 = 50;
/// The most steps that the ends are spread over.
const MOST_STEPS: u128 = 200;

/// How much of a drain timeout passes before the first tunnel of a herd is ended.
pub(crate) fn undisturbed(timeout: Duration) -> Duration {
    timeout - timeout / 4
}

/// When tunnels are ended, and which share of those that are left each time, from `from` until `until`. The last share is
/// all of them. Each moment is somewhere within its step, so that several workers and threads do not act in time with
/// one another.
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
            // No half second has more than a third of them.
            for (from, _) in &ends {
                let until = *from + Duration::from_millis(500);
                let together: f64 =
                    ends.iter().filter(|(at, _)| (*from..until).contains(at)).map(|(_, ended)| ended).sum();
                assert!(together <= 4000.0 / 3.0, "{together} within half a second of {seconds} s");
            }
        }
    }
}
