//! The pause before a worker is started again, or a takeover is tried again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);

/// The longest pause before a worker is started again.
const LONGEST_START: Duration = Duration::from_secs(2);

/// The longest pause after a takeover that failed within six seconds.
const LONGEST_TAKEOVER: Duration = Duration::from_secs(60);

/// The lifetime after which a worker counts as started: its end is then not a failed start.
const STARTED: Duration = Duration::from_secs(1);

/// Pauses that double from 100 ms to a limit.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// The limit is 2 s.
    pub(super) fn of_starts() -> Backoff {
        Backoff { next: FIRST, longest: LONGEST_START }
    }

    /// The limit is 60 s.
    pub(super) fn of_takeovers() -> Backoff {
        Backoff { next: FIRST, longest: LONGEST_TAKEOVER }
    }

    /// Returns the pause after a takeover that failed after this time. The pause is at least ten times as long, because
    /// the running worker has no session with its control plane during a takeover.
    pub(super) fn pause_after_takeover(&mut self, taken: Duration) -> Duration {
        self.next().max(taken * 10)
    }

    /// Returns the pause after a worker that lived for this time: the first one again if it lived for a second.
    pub(super) fn pause_after(&mut self, lived: Duration) -> Duration {
        if lived >= STARTED {
            self.next = FIRST;
        }
        self.next()
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_limit_while_workers_end_at_once() {
        let mut backoff = Backoff::of_starts();
        let mut pause = |lived| backoff.pause_after(Duration::from_millis(lived)).as_millis();
        let expected = [100, 200, 400, 800, 1_600, 2_000, 2_000];
        assert_eq!(expected.map(|_| pause(999)), expected);
        assert_eq!([pause(1_000), pause(0), pause(0)], [100, 200, 400]);
    }

    #[test]
    fn takeovers_are_tried_again_once_a_minute_at_the_most() {
        let mut backoff = Backoff::of_takeovers();
        let pauses: Vec<_> =
            (0..12).map(|_| backoff.pause_after_takeover(Duration::from_millis(30)).as_millis()).collect();
        assert_eq!(pauses[..5], [300, 300, 400, 800, 1_600]);
        assert_eq!(pauses[9..], [51_200, 60_000, 60_000]);
        assert_eq!(backoff.pause_after_takeover(Duration::from_secs(90)), Duration::from_secs(900));
    }

    #[test]
    fn a_worker_that_dies_every_two_seconds_is_back_at_once_each_time() {
        let mut backoff = Backoff::of_starts();
        for _ in 0..25 {
            assert_eq!(backoff.pause_after(Duration::from_secs(2)), FIRST);
        }
    }
}
