//! Wall-clock time, for stored and displayed times. Loops and deadlines use tokio's monotonic clock instead.

use jiff::Timestamp;

/// Milliseconds since 1970 (UTC), as the store keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub i64);

impl Millis {
    /// The current time.
    pub(crate) fn now() -> Millis {
        Millis(Timestamp::now().as_millisecond())
    }

    /// Returns the milliseconds since `earlier`; negative if the clock was set back.
    pub(crate) fn since(self, earlier: Millis) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::fmt::Display for Millis {
    /// Formats as RFC 3339, like ARM.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Timestamp::from_millisecond(self.0).unwrap_or_default().fmt(f)
    }
}
