//! Instants and durations that are shorter than those of the standard library, which take 16 bytes: tens of thousands of
//! idle tunnels hold some of each.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// The instant from which [`ShortInstant`] counts.
static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// An instant to the nanosecond. The earliest is the first that the process has shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortInstant(NonZeroU64);

/// An instant to the next lower multiple of 67 ms, within nine years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CoarseInstant(NonZeroU32);

/// A duration in milliseconds, of at most 49 days. Longer ones become that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortDuration(u32);

/// The unit of [`CoarseInstant`] is this power of two in nanoseconds.
const COARSE_BITS: u32 = 26;

impl From<Instant> for ShortInstant {
    fn from(instant: Instant) -> ShortInstant {
        let since = instant.saturating_duration_since(*BASE).as_nanos();
        ShortInstant(NonZeroU64::MIN.saturating_add(u64::try_from(since).unwrap_or(u64::MAX)))
    }
}

impl ShortInstant {
    /// Returns the instant so much later.
    pub(crate) fn after(self, time: ShortDuration) -> ShortInstant {
        ShortInstant(self.0.saturating_add(u64::from(time.0) * 1_000_000))
    }

    /// Returns the time since an earlier instant, and none since a later one.
    pub(crate) fn since(self, earlier: ShortInstant) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl ShortDuration {
    /// Returns this number of milliseconds.
    pub(crate) const fn milliseconds(number: u32) -> ShortDuration {
        ShortDuration(number)
    }
}

impl From<Duration> for ShortDuration {
    fn from(time: Duration) -> ShortDuration {
        ShortDuration(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }
}

impl From<ShortDuration> for Duration {
    fn from(time: ShortDuration) -> Duration {
        Duration::from_millis(time.0.into())
    }
}

impl From<ShortInstant> for CoarseInstant {
    fn from(instant: ShortInstant) -> CoarseInstant {
        let units = u32::try_from((instant.0.get() - 1) >> COARSE_BITS).unwrap_or(u32::MAX);
        CoarseInstant(NonZeroU32::MIN.saturating_add(units))
    }
}

impl From<CoarseInstant> for ShortInstant {
    fn from(instant: CoarseInstant) -> ShortInstant {
        ShortInstant(NonZeroU64::MIN.saturating_add(u64::from(instant.0.get() - 1) << COARSE_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_is_the_same_time() {
        let first = ShortInstant::from(Instant::now());
        let (now, later) = (Instant::now(), Duration::from_millis(86_400_007));
        let short = ShortInstant::from(now);
        assert!(first <= short && first.since(short).is_zero());
        assert_eq!(short.after(later.into()), ShortInstant::from(now + later));
        assert_eq!(ShortInstant::from(now + later).since(short), later);
        assert_eq!(Duration::from(ShortDuration::from(later)), later);
        assert_eq!(Duration::from(ShortDuration::from(Duration::MAX)).as_secs() / 86_400, 49);
        let coarse = ShortInstant::from(CoarseInstant::from(short.after(later.into())));
        assert!(coarse <= short.after(later.into()));
        assert!(coarse.after(Duration::from_millis(68).into()) > short.after(later.into()));
        assert_eq!((size_of::<Option<ShortInstant>>(), size_of::<Option<CoarseInstant>>()), (8, 4));
    }
}
