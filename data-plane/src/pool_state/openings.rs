//! The number of handshakes in a second, exact over all threads and without a lock. Pure: the time comes from outside.
//!
//! A second begins with the first handshake after the end of the one before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The bits that hold the number of handshakes; the limit of a policy is far below.
const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
/// A second, in milliseconds.
const SECOND: u64 = 1000;

/// The handshakes of the current second.
#[derive(Debug)]
pub(super) struct Openings {
    begun: Instant,
    /// The milliseconds from `begun` to the current second, and the number of its handshakes in the lower bits.
    current: AtomicU64,
}

impl Openings {
    pub(super) fn new(now: Instant) -> Openings {
        // The first second has passed before `now`.
        Openings {
            begun: now.checked_sub(Duration::from_millis(SECOND)).unwrap_or(now),
            current: AtomicU64::new(0),
        }
    }

    /// Counts a handshake, unless this second has had `most`.
    pub(super) fn take(&self, most: u32, now: Instant) -> bool {
        let now = u64::try_from(now.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX);
        let next = |current: u64| {
            let (since, count) = (current >> COUNT_BITS, current & COUNT);
            if now.saturating_sub(since) >= SECOND {
                Some((now << COUNT_BITS) | 1)
            } else {
                (count < u64::from(most).min(COUNT)).then_some(current + 1)
            }
        };
        self.current.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_as_many_as_allowed_and_the_next_one_begins_anew() {
        let start = Instant::now();
        let openings = Openings::new(start);
        let at = |milliseconds, most| openings.take(most, start + Duration::from_millis(milliseconds));
        for (milliseconds, most, expected) in [
            (0, 2, true),
            (10, 2, true),
            (20, 2, false),
            (999, 2, false),
            (999, 3, true),
            (1000, 3, true),
            (1001, 1, false),
            (1001, 2, true),
            // The clocks of threads differ a little.
            (990, 3, true),
            (5000, 1, true),
            (5999, 1, false),
            (6000, 1, true),
        ] {
            assert_eq!(at(milliseconds, most), expected, "at {milliseconds} ms with {most}");
        }
    }

    #[test]
    fn the_number_is_exact_over_threads() {
        let start = Instant::now();
        let openings = Openings::new(start);
        let taken: usize = std::thread::scope(|scope| {
            let threads =
                [(); 4].map(|()| scope.spawn(|| (0..1000).filter(|_| openings.take(777, start)).count()));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 777);
    }
}
