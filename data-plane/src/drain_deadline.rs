//! The time at which the tunnels at a member or at a backend are ended, while a drain is in progress. The task of the
//! drain sets it, and lists of tunnels show it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::registry::CloseReason;

/// The deadline of a drain; none at first.
#[derive(Debug, Default)]
pub(crate) struct DrainDeadline(Mutex<Option<(Instant, CloseReason)>>);

/// A drain in progress, until it is dropped.
#[derive(Debug)]
pub(crate) struct DrainInProgress<'a>(&'a DrainDeadline);

impl DrainDeadline {
    /// Begins a drain, which ends what it concerns by `until` for this reason.
    pub(crate) fn begin(&self, until: Instant, why: CloseReason) -> DrainInProgress<'_> {
        *self.lock() = Some((until, why));
        DrainInProgress(self)
    }

    /// Returns the latest end and the reason, if a drain is in progress.
    pub(crate) fn get(&self) -> Option<(Instant, CloseReason)> {
        *self.lock()
    }

    /// A copy that is written at once stays whole if a holder panics.
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, CloseReason)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DrainInProgress<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_lasts_as_long_as_its_drain() {
        let (deadline, until) = (DrainDeadline::default(), Instant::now());
        let drain = deadline.begin(until, CloseReason::BackendDown);
        assert_eq!(deadline.get(), Some((until, CloseReason::BackendDown)));
        drop(drain);
        assert_eq!(deadline.get(), None);
    }
}
