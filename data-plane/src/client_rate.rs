//! The minimum rate of a client while the worker waits for it. Pure.
//!
//! A client that sends a byte now and then never pauses for long, and could occupy resources for days. The time in
//! which the worker waits for something else, such as a slow backend, does not count.

use std::time::Duration;

use crate::config::MinRate;

/// The remaining time for which the worker waits for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientRate {
    /// The time to wait before more bytes arrive.
    allowance: Duration,
    /// The limit of the allowance.
    most: Duration,
    /// The time that each byte adds to the allowance.
    nanoseconds_per_byte: u64,
}

impl ClientRate {
    /// No minimum rate.
    pub(crate) const UNLIMITED: ClientRate =
        ClientRate { allowance: Duration::MAX, most: Duration::MAX, nanoseconds_per_byte: 0 };

    /// Creates the rate of a client that may pause for `pause` once it has moved enough bytes.
    pub(crate) fn new(rate: MinRate, pause: Duration) -> ClientRate {
        match 1_000_000_000_u64.checked_div(rate.bytes_per_second.into()) {
            None => ClientRate::UNLIMITED,
            Some(nanoseconds_per_byte) => {
                ClientRate { allowance: rate.grace, most: rate.grace.max(pause), nanoseconds_per_byte }
            }
        }
    }

    /// Returns true if there is a minimum rate.
    pub(crate) fn is_limited(&self) -> bool {
        self.most != Duration::MAX
    }

    /// The time to wait for the client now.
    pub(crate) fn allowance(&self) -> Duration {
        self.allowance
    }

    /// Subtracts the time for which the worker has waited.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.allowance = self.allowance.saturating_sub(time);
    }

    /// Adds the time for bytes that the client has moved.
    pub(crate) fn moved(&mut self, bytes: u64) {
        let earned = Duration::from_nanos(self.nanoseconds_per_byte.saturating_mul(bytes));
        self.allowance = self.allowance.saturating_add(earned).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rate(bytes_per_second: u32) -> ClientRate {
        ClientRate::new(MinRate { bytes_per_second, grace: 5 * SECOND }, 60 * SECOND)
    }

    #[test]
    fn a_trickle_uses_up_the_grace_and_the_minimum_rate_does_not() {
        for (bytes, seconds) in [(1, 6), (120, 10), (239, 1000), (240, u32::MAX), (1000, u32::MAX)] {
            let mut rate = rate(240);
            let mut passed = 0;
            while rate.allowance() >= SECOND && passed < 2000 {
                rate.waited(SECOND);
                rate.moved(bytes);
                passed += 1;
            }
            assert!(
                seconds == u32::MAX && passed == 2000 || passed <= seconds,
                "{bytes} B/s lasted {passed} s"
            );
        }
    }

    #[test]
    fn no_more_than_a_pause_is_saved_up() {
        let mut rate = rate(240);
        assert_eq!(rate.allowance(), 5 * SECOND);
        rate.moved(240 * 10);
        assert!(rate.allowance() > 14 * SECOND && rate.allowance() <= 15 * SECOND);
        rate.moved(u64::MAX);
        assert_eq!(rate.allowance(), 60 * SECOND);
        rate.waited(61 * SECOND);
        assert_eq!(rate.allowance(), Duration::ZERO);
    }

    #[test]
    fn zero_is_no_minimum() {
        let mut rate = rate(0);
        rate.waited(1_000_000 * SECOND);
        assert!(!rate.is_limited() && rate.allowance() > 1_000_000 * SECOND);
        rate.moved(u64::MAX);
        assert!(!rate.is_limited());
    }
}
