//! Instants and durations of 8 bytes, half the size of those of the standard library: tens of thousands of idle tunnels
//! hold some of each.

use std::num::NonZeroU64;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// The instant from which [`ShortInstant`] counts.
static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// An instant to the nanosecond. The earliest is the first that the process has shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortInstant(NonZeroU64);

/// A duration to the nanosecond, of at most 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortDuration(u64);

impl From<Instant> for ShortInstant {
    fn from(instant: Instant) -> ShortInstant {
        let base = *BASE;
        ShortInstant(
            NonZeroU64::MIN.saturating_add(ShortDuration::from(instant.saturating_duration_since(base)).0),
        )
    }
}

impl ShortInstant {
    /// Returns the instant so much later.
    pub(crate) fn after(self, time: ShortDuration) -> ShortInstant {
        ShortInstant(self.0.saturating_add(time.0))
    }

    /// Returns the time since an earlier instant, and none since a later one.
    pub(crate) fn since(self, earlier: ShortInstant) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl From<Duration> for ShortDuration {
    fn from(time: Duration) -> ShortDuration {
        ShortDuration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<ShortDuration> for Duration {
    fn from(time: ShortDuration) -> Duration {
        Duration::from_nanos(time.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_is_the_same_time() {
        let first = ShortInstant::from(Instant::now());
        let (now, later) = (Instant::now(), Duration::new(86_400, 7));
        let short = ShortInstant::from(now);
        assert!(first <= short && first.since(short).is_zero());
        assert_eq!(short.after(later.into()), ShortInstant::from(now + later));
        assert_eq!(ShortInstant::from(now + later).since(short), later);
        assert_eq!(Duration::from(ShortDuration::from(later)), later);
        assert_eq!(size_of::<Option<ShortInstant>>(), 8);
    }
}
