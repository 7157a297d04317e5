//! How long to wait before a worker is started again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// A worker that lived this long had started well; what ended it is not what ended the one before.
const LIVED_WELL: Duration = Duration::from_secs(30);

/// Pauses that double from 100 ms to 10 s, and start again after a worker that lived for 30 s.
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
    /// The pause after a worker that lived for so long.
    pub(super) fn pause_after(&mut self, lived: Duration) -> Duration {
        if lived >= LIVED_WELL {
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
    fn pauses_double_to_a_limit_and_start_again_after_a_long_life() {
        let mut backoff = Backoff::default();
        let mut pause = |lived| backoff.pause_after(Duration::from_secs(lived)).as_millis();
        let expected = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
        assert_eq!(expected.map(|_| pause(29)), expected);
        assert_eq!([pause(30), pause(0), pause(0)], [100, 200, 400]);
    }
}
