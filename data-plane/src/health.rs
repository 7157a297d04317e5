//! The health of one backend: a small state machine that the probe updates and every request reads.
//!
//! Only the backend's probe task writes the verdict, and only the task that ends running requests
//! ([`crate::drain`]) writes `drained`. A read is one atomic load. This module must not know time or sockets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tidegate_shared::protocol::HealthState;
use tokio::sync::Notify;

/// Counts consecutive failures. Pure.
#[derive(Debug)]
pub(crate) struct HealthThreshold {
    state: HealthState,
    failures: u32,
}

impl HealthThreshold {
    /// Starts with an earlier verdict.
    pub(crate) fn after(state: HealthState) -> HealthThreshold {
        HealthThreshold { state, failures: 0 }
    }

    /// Records the result of one probe and returns the verdict: one success makes a backend healthy, `threshold`
    /// consecutive failures make it unhealthy.
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

/// The verdict for requests, and the reason for people.
#[derive(Debug)]
pub(crate) struct HealthStatus {
    state: AtomicU8,
    reason: Mutex<String>,
    /// Notified when the verdict changes. At most one task waits.
    flipped: Notify,
    /// True if the backend is unhealthy and its running requests and tunnels have been ended.
    drained: AtomicBool,
}

impl HealthStatus {
    pub(crate) fn new() -> HealthStatus {
        HealthStatus {
            state: AtomicU8::new(0),
            reason: Mutex::new("Not probed yet.".to_owned()),
            flipped: Notify::new(),
            drained: AtomicBool::new(false),
        }
    }

    /// Creates a separate health that starts with the same verdict.
    pub(crate) fn inherited(&self) -> HealthStatus {
        HealthStatus {
            state: AtomicU8::new(self.state.load(Ordering::Relaxed)),
            reason: Mutex::new(self.reason()),
            ..HealthStatus::new()
        }
    }

    pub(crate) fn state(&self) -> HealthState {
        match self.state.load(Ordering::Relaxed) {
            0 => HealthState::Unknown,
            1 => HealthState::Up,
            _ => HealthState::Down,
        }
    }

    /// Returns true if the backend may receive requests, which it may unless it is known to be unhealthy.
    pub(crate) fn usable(&self) -> bool {
        self.state() != HealthState::Down
    }

    /// Waits until the condition holds; it is checked after each change of the verdict. For the one task that
    /// watches.
    pub(crate) async fn wait_until(&self, wished: impl Fn() -> bool) {
        while !wished() {
            self.flipped.notified().await;
        }
    }

    /// Returns true if the backend is unhealthy and its running requests and tunnels have been ended.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed)
    }

    pub(crate) fn set_drained(&self, drained: bool) {
        self.drained.store(drained, Ordering::Relaxed);
    }

    pub(crate) fn reason(&self) -> String {
        self.reason.lock().expect("no holder of this lock panics").clone()
    }

    /// Sets verdict and reason. Returns true if either has changed.
    pub(crate) fn set(&self, state: HealthState, reason: &str) -> bool {
        let coded = match state {
            HealthState::Unknown => 0,
            HealthState::Up => 1,
            // Probes never report `Draining`.
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
        let health = HealthStatus::new();
        assert!(health.usable());
        assert!(health.set(Up, "200"));
        assert!(!health.set(Up, "200"));
        assert!(health.set(Up, "204"));
        assert!(health.set(Down, "204"));
        assert!(!health.usable());
    }
}
