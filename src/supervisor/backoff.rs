//! The pause before a worker is started again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// The lifetime after which a worker counts as started: its end is then not a failed start.
const STARTED: Duration = Duration::from_secs(1);

/// Pauses that double from 100 ms to 2 s while workers end within a second of their start. After any other worker the
/// pause is 100 ms.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { next: FIRST }
    }
}

impl Backoff {
    /// Returns the pause after a worker that lived for this time.
    pub(super) fn pause_after(&mut self, lived: Duration) -> Duration {
        if lived >= STARTED {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_limit_while_workers_end_at_once() {
        let mut backoff = Backoff::default();
        let mut pause = |lived| backoff.pause_after(Duration::from_millis(lived)).as_millis();
        let expected = [100, 200, 400, 800, 1_600, 2_000, 2_000];
        assert_eq!(expected.map(|_| pause(999)), expected);
        assert_eq!([pause(1_000), pause(0), pause(0)], [100, 200, 400]);
    }

    #[test]
    fn a_worker_that_dies_every_two_seconds_is_back_at_once_each_time() {
        let mut backoff = Backoff::default();
        for _ in 0..25 {
            assert_eq!(backoff.pause_after(Duration::from_secs(2)), FIRST);
        }
    }
}
