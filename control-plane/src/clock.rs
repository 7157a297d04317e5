//! The time of day, for what is stored and shown. Loops and deadlines use tokio's clock instead.

use jiff::Timestamp;

/// Milliseconds since 1970 (UTC), as the store keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub i64);

impl Millis {
    /// The present moment.
    pub fn now() -> Millis {
        Millis(Timestamp::now().as_millisecond())
    }

    /// How many milliseconds later than `earlier`; negative when the clock was set back.
    pub fn since(self, earlier: Millis) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::fmt::Display for Millis {
    /// RFC 3339, as ARM shows times.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Timestamp::from_millisecond(self.0).unwrap_or_default().fmt(f)
    }
}
