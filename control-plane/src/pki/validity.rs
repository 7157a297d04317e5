//! The period of validity of a certificate, and the time of its renewal. Pure: the current time is a parameter.

use std::time::Duration;

use crate::clock::Millis;

/// The time by which `notBefore` precedes the issue, in milliseconds: one day, for peers whose clock is slow.
pub(crate) const BACKDATE: i64 = 24 * 60 * 60 * 1000;

/// The time of issue and the expiry of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    /// The time of issue. `notBefore` (RFC 5280, section 4.1.2.5) is [`BACKDATE`] earlier.
    pub(crate) issued_at: Millis,
    /// The `notAfter`.
    pub(crate) expires_at: Millis,
}

impl Validity {
    /// Returns the validity of a certificate issued at `now`. Expiry is in whole seconds, as in X.509.
    pub(crate) fn starting(now: Millis, lifetime: Duration) -> Validity {
        let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_at = Millis(now.0.saturating_add(lifetime) / 1000 * 1000);
        Validity { issued_at: now, expires_at }
    }

    /// The `notBefore`.
    pub(crate) fn not_before(&self) -> Millis {
        Millis(self.issued_at.0.saturating_sub(BACKDATE))
    }

    /// Returns whether the certificate is valid at that time.
    pub(crate) fn covers(&self, now: Millis) -> bool {
        self.not_before() <= now && now <= self.expires_at
    }

    /// Returns whether the certificate should be renewed: two thirds of its lifetime have passed, or the clock
    /// was set back to before its `notBefore`.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        let lifetime = self.expires_at.since(self.issued_at);
        now < self.not_before() || now.since(self.issued_at) >= lifetime / 3 * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_replaced_after_two_thirds_of_its_life_and_after_a_jump_of_the_clock() {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let validity = Validity::starting(Millis(1000 * DAY), Duration::from_secs(90 * 24 * 60 * 60));
        for (day, covers, is_due) in [
            (1000, true, false),
            (1059, true, false),
            (1060, true, true),
            (1090, true, true),
            (1091, false, true),
            (1000 + 3 * 365, false, true),
            (999, true, false),
            (998, false, true),
            (0, false, true),
        ] {
            let now = Millis(day * DAY);
            assert_eq!((validity.covers(now), validity.is_due(now)), (covers, is_due), "day {day}");
        }
    }

    #[test]
    fn no_lifetime_and_no_clock_overflows() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            for lifetime in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
                let validity = Validity::starting(Millis(now), lifetime);
                for other in [i64::MIN, 0, i64::MAX] {
                    let _ = (validity.covers(Millis(other)), validity.is_due(Millis(other)));
                }
            }
        }
    }
}
