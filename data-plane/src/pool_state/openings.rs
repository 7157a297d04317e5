//! The number of handshakes in the last second, exact over all threads. Pure: the time comes from outside.
//!
//! The second slides: no second, whenever it begins, has more handshakes than allowed. Handshakes are counted in steps of a
//! second's fraction, so one counts for up to a step longer than a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The steps of a second, and the length of one in milliseconds.
const STEPS: u64 = 20;
const STEP: u64 = 1000 / STEPS;

/// The handshakes of a second and of the step in progress.
#[derive(Debug)]
pub(super) struct Openings {
    begun: Instant,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    /// The newest step, counted from `begun`.
    step: u64,
    /// The handshakes of each of the last steps; that of step `n` is at `n` modulo the length.
    counts: [u32; STEPS as usize + 1],
    /// Their sum.
    sum: u32,
}

impl Openings {
    pub(super) fn new(now: Instant) -> Openings {
        Openings { begun: now, window: Mutex::default() }
    }

    /// Counts a handshake, unless the last second has had `most`.
    pub(super) fn take(&self, most: u32, now: Instant) -> bool {
        let since: Duration = now.saturating_duration_since(self.begun);
        let step = u64::try_from(since.as_millis()).unwrap_or(u64::MAX) / STEP;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(step);
        window.take(most)
    }
}

impl Window {
    /// Forgets the steps that are older than a second at this step. The clocks of threads differ a little: an earlier
    /// step changes nothing.
    fn advance(&mut self, step: u64) {
        let passed = step.saturating_sub(self.step);
        for next in 1..=passed.min(self.counts.len() as u64) {
            let at = self.place(self.step + next);
            self.sum -= self.counts[at];
            self.counts[at] = 0;
        }
        self.step = self.step.max(step);
    }

    fn take(&mut self, most: u32) -> bool {
        let has_room = self.sum < most;
        if has_room {
            let at = self.place(self.step);
            self.counts[at] += 1;
            self.sum += 1;
        }
        has_room
    }

    fn place(&self, step: u64) -> usize {
        (step % self.counts.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_allowed_whenever_it_begins() {
        let start = Instant::now();
        let openings = Openings::new(start);
        let at = |milliseconds, most| openings.take(most, start + Duration::from_millis(milliseconds));
        for (milliseconds, most, expected) in [
            (0, 2, true),
            (900, 2, true),
            (910, 2, false),
            // A second that began with the first handshake would end here.
            (1000, 2, false),
            (1050, 2, true),
            (1060, 2, false),
            (1060, 3, true),
            // The clocks of threads differ a little.
            (990, 3, false),
            (1899, 3, false),
            (1950, 3, true),
            (9000, 1, true),
            (9049, 1, false),
            (10_050, 1, true),
        ] {
            assert_eq!(at(milliseconds, most), expected, "at {milliseconds} ms with {most}");
        }
    }

    #[test]
    fn a_steady_demand_gets_what_is_allowed() {
        let start = Instant::now();
        let openings = Openings::new(start);
        let admitted: Vec<u64> = (0..10_000)
            .filter(|milliseconds| openings.take(100, start + Duration::from_millis(*milliseconds)))
            .collect();
        assert!(admitted.len() >= 900, "{}", admitted.len());
        for (first, after) in admitted.iter().zip(&admitted[100..]) {
            assert!(after - first >= 1000, "from {first} to {after}");
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
