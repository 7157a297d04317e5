//! The schedule that spreads the ends of drained tunnels over time, so that their clients do not reconnect all at
//! once. Pure: the time and the randomness come from outside. Which tunnels end is not decided here.
//!
//! The drain timeout stays the outer bound. By default, every tunnel gets at least three quarters of it, and fewer
//! tunnels than [`MIN_TO_SPREAD`] get the whole time, because they are no load when they reconnect.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_shared::snapshot::{DrainSpread, TunnelAction};
use tokio::time::Instant;

/// The number of tunnels from which a worker spreads their ends over the last quarter of the time; fewer get the whole
/// drain timeout.
pub(crate) const MIN_TO_SPREAD: usize = 100;

/// The minimum time between two steps, in milliseconds.
const SHORTEST_STEP: u128 = 50;
/// The maximum number of steps.
const MOST_STEPS: u128 = 200;

/// Returns the time that an action leaves to a tunnel, if `timeout` is the drain timeout of its settings; `None` if
/// the tunnel is kept.
pub(crate) fn time_of(action: TunnelAction, timeout: Duration) -> Option<Duration> {
    match action {
        TunnelAction::Keep => None,
        TunnelAction::Drain(own) => Some(own.unwrap_or(timeout)),
        TunnelAction::Close => Some(Duration::ZERO),
    }
}

/// Returns the time before the first of many tunnels is ended.
pub(crate) fn undisturbed(spread: DrainSpread, timeout: Duration) -> Duration {
    match spread {
        DrainSpread::LastQuarter => timeout - timeout / 4,
        DrainSpread::Even => Duration::ZERO,
        DrainSpread::End => timeout,
    }
}

/// Returns true if the ends of this many tunnels of a worker are spread.
pub(crate) fn is_spread(spread: DrainSpread, tunnels: usize) -> bool {
    match spread {
        DrainSpread::LastQuarter => tunnels >= MIN_TO_SPREAD,
        DrainSpread::Even => tunnels > 0,
        DrainSpread::End => false,
    }
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

/// The fraction of a tunnel that the steps of one drain have not ended so far, which the next step ends with its own.
/// So a few tunnels end as evenly as many. The threads share it.
#[derive(Clone, Debug)]
pub(crate) struct Remainder(Arc<Mutex<f64>>);

impl Remainder {
    /// Creates the remainder of a new drain. It begins at random: otherwise, single tunnels would all end late.
    pub(crate) fn new(random: &mut fastrand::Rng) -> Remainder {
        Remainder(Arc::new(Mutex::new(random.f64())))
    }

    /// Returns how many of this number of tunnels a step with this share ends.
    pub(crate) fn take(&self, tunnels: usize, share: f64) -> usize {
        let mut remainder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = tunnels as f64 * share + *remainder;
        *remainder = wanted.fract();
        // The conversion truncates and saturates.
        (wanted as usize).min(tunnels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the times at which this many tunnels end.
    fn ends(spread: DrainSpread, timeout: Duration, tunnels: usize, seed: u64) -> Vec<Duration> {
        let mut random = fastrand::Rng::with_seed(seed);
        let start = Instant::now();
        let (from, until) = (start + undisturbed(spread, timeout), start + timeout);
        let mut ends = Vec::new();
        let remainder = Remainder::new(&mut random);
        if is_spread(spread, tunnels) {
            for (at, share) in moments(from, until, random.fork()) {
                assert!(from <= at && at <= until, "{spread:?} {timeout:?}");
                let count = remainder.take(tunnels - ends.len(), share);
                ends.extend(std::iter::repeat_n(at - start, count));
            }
            assert_eq!(ends.len(), tunnels, "{spread:?} {timeout:?}: the last step takes all");
        }
        ends.resize(tunnels, timeout);
        assert!(ends.is_sorted());
        ends
    }

    /// Returns the most ends within any such time. The ends are in order.
    fn most_within(ends: &[Duration], window: Duration) -> usize {
        let within = |(at, from): (usize, &Duration)| ends.partition_point(|end| *end < *from + window) - at;
        ends.iter().enumerate().map(within).max().unwrap_or_default()
    }

    #[test]
    fn by_default_a_herd_ends_in_the_last_quarter_and_no_half_second_has_a_third_of_it() {
        for seconds in [10, 30, 3600] {
            let timeout = Duration::from_secs(seconds);
            let ends = ends(DrainSpread::LastQuarter, timeout, 4000, seconds);
            assert!(ends[0] >= timeout / 4 * 3, "{:?}", ends[0]);
            let together = most_within(&ends, Duration::from_millis(500));
            assert!(together <= 4000 / 3, "{together} within half a second of {seconds} s");
        }
    }

    #[test]
    fn evenly_no_tenth_of_the_time_has_a_fifth_of_the_ends() {
        for seconds in [2, 10, 30, 3600] {
            let timeout = Duration::from_secs(seconds);
            let ends = ends(DrainSpread::Even, timeout, 4000, seconds);
            let together = most_within(&ends, timeout / 10);
            assert!(together <= 4000 / 5, "{together} within a tenth of {seconds} s");
            assert!(ends[0] < timeout / 10 && *ends.last().unwrap() > timeout * 9 / 10, "{seconds} s");
        }
    }

    #[test]
    fn a_few_tunnels_are_spread_evenly_too_and_have_the_whole_time_otherwise() {
        let timeout = Duration::from_secs(10);
        for seed in 0..50 {
            for tunnels in [1, 2, 3, 10, MIN_TO_SPREAD - 1] {
                for spread in [DrainSpread::LastQuarter, DrainSpread::End] {
                    assert_eq!(ends(spread, timeout, tunnels, seed), vec![timeout; tunnels]);
                }
                let even = ends(DrainSpread::Even, timeout, tunnels, seed);
                let together = most_within(&even, timeout / 10);
                assert!(together <= tunnels / 10 + 2, "{together} of {tunnels} within a tenth");
            }
        }
        assert_eq!(ends(DrainSpread::End, timeout, 4000, 1), vec![timeout; 4000]);
        for seconds in [0, 1] {
            ends(DrainSpread::LastQuarter, Duration::from_secs(seconds), 4000, seconds);
            ends(DrainSpread::Even, Duration::from_secs(seconds), 4000, seconds);
        }
    }
}
