//! The slices in which a thread reads long lists between its other work.

use std::time::Duration;

use tokio::time::Instant;

/// The time after which a slice ends, and the number of steps between two looks at the clock.
const SLICE: Duration = Duration::from_micros(300);
const STEPS: u32 = 16;

/// One slice of work.
#[derive(Debug)]
pub(crate) struct Slice {
    began: Instant,
    steps: u32,
}

impl Slice {
    pub(crate) fn begin() -> Slice {
        Slice { began: Instant::now(), steps: 0 }
    }

    /// Counts a step. Returns true if another one fits.
    pub(crate) fn goes_on(&mut self) -> bool {
        self.steps += 1;
        !self.steps.is_multiple_of(STEPS) || self.began.elapsed() < SLICE
    }
}
