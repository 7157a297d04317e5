//! The health of one backend: a small state machine fed by its probe, read by every request.
//!
//! The verdict is written by the backend's own probe task alone, and whether what ran at it was ended by the task that
//! ends it ([`crate::drain`]). A read is one atomic load. Nothing here knows about time or sockets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tidegate_shared::protocol::HealthState;
use tokio::sync::Notify;

/// Counts failures in a row. Pure.
#[derive(Debug)]
pub(crate) struct HealthThreshold {
    state: HealthState,
    failures: u32,
}

impl HealthThreshold {
    /// One that begins with the verdict of an earlier one.
    pub(crate) fn after(state: HealthState) -> HealthThreshold {
        HealthThreshold { state, failures: 0 }
    }

    /// Takes one probe's outcome and gives the verdict: one success heals, `threshold` failures in a row condemn.
    pub(crate) fn observe(&mut self, good: bool, threshold: u32) -> HealthState {
        if good {
            self.failures = 0;
            self.state = HealthState::Up;
        } else {
            self.failures = self.failures.saturating_add(1);
            if self.failures >= threshold {
                self.state = HealthState::Down;
            }
        }
        self.state
    }
}

/// The verdict as requests see it, and the reason as people do.
#[derive(Debug)]
pub(crate) struct Health {
    state: AtomicU8,
    reason: Mutex<String>,
    /// Told when the verdict changes. One task at most waits.
    flipped: Notify,
    /// It is down, and what ran at it has been ended.
    drained: AtomicBool,
}

impl Health {
    pub(crate) fn new() -> Health {
        Health {
            state: AtomicU8::new(0),
            reason: Mutex::new("Not probed yet.".to_owned()),
            flipped: Notify::new(),
            drained: AtomicBool::new(false),
        }
    }

    /// One of its own with the same verdict, to go on from.
    pub(crate) fn inherited(&self) -> Health {
        Health {
            state: AtomicU8::new(self.state.load(Ordering::Relaxed)),
            reason: Mutex::new(self.reason()),
            ..Health::new()
        }
    }

    pub(crate) fn state(&self) -> HealthState {
        match self.state.load(Ordering::Relaxed) {
            0 => HealthState::Unknown,
            1 => HealthState::Up,
            _ => HealthState::Down,
        }
    }

    /// Whether the backend gets requests: it does until it is known to be down.
    pub(crate) fn usable(&self) -> bool {
        self.state() != HealthState::Down
    }

    /// Waits until the verdict is as wished. For the one task that watches.
    pub(crate) async fn wait_until(&self, wished: impl Fn() -> bool) {
        while !wished() {
            self.flipped.notified().await;
        }
    }

    /// Whether it is down and what ran at it has been ended.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed)
    }

    pub(crate) fn set_drained(&self, drained: bool) {
        self.drained.store(drained, Ordering::Relaxed);
    }

    pub(crate) fn reason(&self) -> String {
        self.reason.lock().expect("no holder of this lock panics").clone()
    }

    /// Sets verdict and reason; says whether either changed.
    pub(crate) fn set(&self, state: HealthState, reason: &str) -> bool {
        let coded = match state {
            HealthState::Unknown => 0,
            HealthState::Up => 1,
            // A verdict of probes is never the latter.
            HealthState::Down | HealthState::Draining => 2,
        };
        let flipped = self.state.swap(coded, Ordering::Relaxed) != coded;
        if flipped {
            self.flipped.notify_one();
        }
        let mut held = self.reason.lock().expect("no holder of this lock panics");
        let reworded = *held != reason;
        if reworded {
            reason.clone_into(&mut held);
        }
        flipped || reworded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HealthState::{Down, Unknown, Up};

    #[test]
    fn one_success_heals_and_only_failures_in_a_row_condemn() {
        let cases: &[(u32, &[bool], HealthState)] = &[
            (3, &[], Unknown),
            (3, &[true], Up),
            (3, &[false, false], Unknown),
            (3, &[false, false, false], Down),
            (3, &[true, false, false], Up),
            (3, &[true, false, false, true, false, false], Up),
            (3, &[false, false, false, false, true], Up),
            (1, &[true, false], Down),
            (1, &[false, true], Up),
        ];
        for (threshold, outcomes, expected) in cases {
            let mut counter = HealthThreshold::after(Unknown);
            for good in *outcomes {
                counter.observe(*good, *threshold);
            }
            assert_eq!(counter.state, *expected, "{threshold} {outcomes:?}");
        }
    }

    #[test]
    fn an_earlier_verdict_holds_until_there_is_another() {
        let cases: &[(HealthState, &[bool], HealthState)] = &[
            (Down, &[], Down),
            (Down, &[false], Down),
            (Down, &[true], Up),
            (Up, &[false, false], Up),
            (Up, &[false, false, false], Down),
        ];
        for (before, outcomes, expected) in cases {
            let mut counter = HealthThreshold::after(*before);
            for good in *outcomes {
                counter.observe(*good, 3);
            }
            assert_eq!(counter.state, *expected, "{before:?} {outcomes:?}");
        }
    }

    #[test]
    fn a_change_of_verdict_or_reason_is_told() {
        let health = Health::new();
        assert!(health.usable());
        assert!(health.set(Up, "200"));
        assert!(!health.set(Up, "200"));
        assert!(health.set(Up, "204"));
        assert!(health.set(Down, "204"));
        assert!(!health.usable());
    }
}
