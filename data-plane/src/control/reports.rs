//! The health reports of backends: which ones are sent, and how often.
//!
//! The control plane forgets a report that is not repeated, so each heartbeat carries all of them. Between
//! heartbeats only the gateways whose health changed are reported, at most ten times a second: without the limit,
//! thousands of members whose drain ends together would cause thousands of complete reports.

use std::collections::HashMap;
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::{BackendHealth, ToControlPlane};
use tokio::time::{Instant, sleep_until};

/// The shortest time between two reports on changes.
const PAUSE: Duration = Duration::from_millis(100);

/// The reports of one session.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// The last report of each gateway in this session.
    sent: HashMap<GatewayId, Vec<BackendHealth>>,
    /// The time of the last report on changes.
    last: Option<Instant>,
    /// True if some health has changed since then.
    asked: bool,
}

impl Reports {
    /// Notes that the health of some backend has changed.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Returns true if a report on changes is to be made.
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }

    /// Waits until a report on changes may be made.
    pub(super) async fn due(&self) {
        if let Some(next) = self.next() {
            sleep_until(next).await;
        }
    }

    /// The earliest time of the next report on changes; `None` for at once.
    fn next(&self) -> Option<Instant> {
        self.last.map(|last| last + PAUSE)
    }

    /// Returns the reports that differ from those sent before.
    pub(super) fn changed(&mut self, all: Vec<ToControlPlane>) -> Vec<ToControlPlane> {
        self.asked = false;
        self.last = Some(Instant::now());
        let is_new = |report: &ToControlPlane| match report {
            ToControlPlane::Health { gateway, backends } => self.sent.get(gateway) != Some(backends),
            _ => true,
        };
        let new: Vec<ToControlPlane> = all.into_iter().filter(is_new).collect();
        self.note(&new);
        new
    }

    /// Returns all reports, for a heartbeat.
    pub(super) fn all(&mut self, all: Vec<ToControlPlane>) -> Vec<ToControlPlane> {
        self.sent.clear();
        self.note(&all);
        all
    }

    /// Forgets a withdrawn gateway, as the control plane does.
    pub(super) fn forget(&mut self, gateway: GatewayId) {
        self.sent.remove(&gateway);
    }

    fn note(&mut self, reports: &[ToControlPlane]) {
        for report in reports {
            if let ToControlPlane::Health { gateway, backends } = report {
                self.sent.insert(*gateway, backends.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_shared::protocol::HealthState;
    use tidegate_shared::snapshot::Host;
    use uuid::Uuid;

    use super::*;

    fn health(gateway: u128, draining: usize) -> ToControlPlane {
        let member = |i: usize| BackendHealth {
            pool: "p".into(),
            settings: "s".into(),
            host: Host::Name(format!("member{i}.test")),
            state: HealthState::Draining,
            reason: String::new(),
        };
        let gateway = GatewayId(Uuid::from_u128(gateway));
        ToControlPlane::Health { gateway, backends: (0..draining).map(member).collect() }
    }

    #[test]
    fn only_gateways_whose_health_changed_are_reported_between_heartbeats() {
        let mut reports = Reports::default();
        assert_eq!(reports.changed(vec![health(1, 2), health(2, 0)]), [health(1, 2), health(2, 0)]);
        assert_eq!(reports.changed(vec![health(1, 1), health(2, 0)]), [health(1, 1)]);
        assert_eq!(reports.changed(vec![health(1, 1), health(2, 0)]), []);
        assert_eq!(reports.all(vec![health(1, 1)]), [health(1, 1)], "a heartbeat repeats what is so");
        assert_eq!(reports.changed(vec![health(1, 1), health(2, 0)]), [health(2, 0)], "one that came back");
    }

    #[test]
    fn reports_on_changes_are_at_least_a_pause_apart() {
        let mut reports = Reports::default();
        assert_eq!(reports.next(), None, "the first one comes at once");
        reports.ask();
        assert!(reports.is_asked());
        let before = Instant::now();
        reports.changed(Vec::new());
        assert!(!reports.is_asked(), "all changes until then are in it");
        assert!(reports.next().unwrap() >= before + PAUSE);
        // A heartbeat does not count as a report on changes.
        let next = reports.next();
        reports.all(Vec::new());
        assert_eq!(reports.next(), next);
    }
}
