//! The events that follow from the messages of workers. Pure.

use std::collections::BTreeMap;

use tidegate_shared::id::{GatewayId, WorkerId};
use tidegate_shared::protocol::{
    BackendHealth, DutyState, HandshakeLimit, HealthState, Refusals, ToControlPlane,
};
use tidegate_shared::snapshot::Host;

use crate::events::EventContent;

use super::worker::Worker;

/// Returns the event of a message of a worker about a generation, if it tells something new. `worker` is the state
/// before the message.
pub(super) fn of_message(id: WorkerId, worker: &Worker, message: &ToControlPlane) -> Option<EventContent> {
    match message {
        ToControlPlane::Applied { gateway, generation, digest, addresses } => {
            // A worker repeats what it runs when it connects.
            let known = worker.running.get(gateway);
            let is_new = known.is_none_or(|run| run.generation != *generation || run.digest != *digest);
            let event = EventContent::new("generationApplied").of(*gateway).on(id);
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            is_new.then(|| event.with("generation", generation.0).with("addresses", addresses))
        }
        ToControlPlane::Rejected { gateway, generation, reason } => {
            // A worker tries again until it succeeds.
            let known = worker.refused.get(gateway);
            let is_new = known.is_none_or(|last| last.generation != *generation || last.reason != *reason);
            let event = EventContent::new("generationRejected").of(*gateway).on(id);
            is_new.then(|| event.with("generation", generation.0).with("reason", reason.as_str()))
        }
        ToControlPlane::Withdrawn { gateway } => {
            let event = EventContent::new("gatewayWithdrawn").of(*gateway).on(id);
            worker.running.contains_key(gateway).then_some(event)
        }
        ToControlPlane::Status(status) => {
            let kind = match (worker.status.as_ref().map(|status| status.state), status.state) {
                (before, after) if before == Some(after) => return None,
                (_, DutyState::Draining) => "workerDraining",
                (_, DutyState::Drained) => "workerDrained",
                (Some(_), DutyState::Serving) => "workerServing",
                (None, DutyState::Serving) => return None,
            };
            Some(EventContent::new(kind).on(id).with("tunnels", status.tunnels))
        }
        _ => None,
    }
}

/// Returns the events of a report of refused handshakes: one for each limit of a pool, and one for the sum of the rest.
pub(super) fn of_refusals(worker: WorkerId, refusals: &Refusals) -> Vec<EventContent> {
    let event = |count: u64| {
        let within = refusals.within.as_secs().max(1);
        let event = EventContent::new("handshakesRefused").of(refusals.gateway).on(worker);
        event.with("count", count).with("withinInSec", within)
    };
    let highest = refusals.highest.iter().map(|refused| {
        let limit = match refused.limit {
            HandshakeLimit::Pool => "maxTunnels",
            HandshakeLimit::Member => "maxTunnelsPerMember",
            HandshakeLimit::ClientAddress => "maxTunnelsPerClientAddress",
            HandshakeLimit::Rate => "maxOpeningsPerSecond",
        };
        event(refused.count).with("pool", refused.pool.as_str()).with("limit", limit)
    });
    let others = (refusals.others > 0).then(|| event(refusals.others));
    highest.chain(others).collect()
}

/// Returns the events of a new health report, compared with the one before. The first report of a session tells what is
/// wrong, and nothing about what is well.
pub(super) fn of_health(
    (worker, gateway): (WorkerId, GatewayId),
    before: Option<&[BackendHealth]>,
    after: &[BackendHealth],
) -> Vec<EventContent> {
    let key =
        |backend: &'_ BackendHealth| (backend.pool.clone(), backend.settings.clone(), text(&backend.host));
    let old: BTreeMap<_, _> =
        before.unwrap_or_default().iter().map(|backend| (key(backend), backend)).collect();
    let mut events = Vec::new();
    let mut tell = |kind, backend: &BackendHealth| {
        let event = EventContent::new(kind).of(gateway).on(worker).with("pool", backend.pool.as_str());
        let event = event.with("settings", backend.settings.as_str()).with("member", text(&backend.host));
        events.push(event.with("reason", backend.reason.as_str()));
    };
    for backend in after {
        let was = old.get(&key(backend)).map(|backend| backend.state);
        match (was, backend.state) {
            (was, HealthState::Down) if was != Some(HealthState::Down) => tell("memberDown", backend),
            (Some(HealthState::Down | HealthState::Unknown), HealthState::Up) => tell("memberUp", backend),
            (was, HealthState::Draining) if was != Some(HealthState::Draining) => tell("drainBegun", backend),
            (Some(HealthState::Draining), state) if state != HealthState::Draining => {
                tell("drainDone", backend)
            }
            _ => {}
        }
    }
    let new: BTreeMap<_, _> = after.iter().map(|backend| (key(backend), ())).collect();
    for (key, backend) in old {
        if backend.state == HealthState::Draining && !new.contains_key(&key) {
            tell("drainDone", backend);
        }
    }
    events
}

fn text(host: &Host) -> String {
    match host {
        Host::Ip(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_shared::id::{Digest, Generation};
    use uuid::Uuid;

    fn backend(name: &str, state: HealthState) -> BackendHealth {
        let (pool, settings, reason) = ("p".to_owned(), "s".to_owned(), "why".to_owned());
        BackendHealth { pool, settings, host: Host::Name(name.to_owned()), state, reason }
    }

    #[test]
    fn changes_of_health_are_told_once() {
        use HealthState::{Down, Draining, Unknown, Up};
        let ids = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
        for (before, after, expected) in [
            (None, Some(Up), None),
            (None, Some(Down), Some("memberDown")),
            (Some(Up), Some(Down), Some("memberDown")),
            (Some(Down), Some(Down), None),
            (Some(Down), Some(Up), Some("memberUp")),
            (Some(Unknown), Some(Up), Some("memberUp")),
            (Some(Up), Some(Draining), Some("drainBegun")),
            (Some(Draining), Some(Draining), None),
            (Some(Draining), None, Some("drainDone")),
            (Some(Draining), Some(Up), Some("drainDone")),
            (Some(Up), None, None),
        ] {
            let list = |state: Option<HealthState>| Vec::from_iter(state.map(|state| backend("a", state)));
            let events = of_health(ids, Some(&list(before)), &list(after));
            let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds, Vec::from_iter(expected), "{before:?} {after:?}");
            assert!(
                events.iter().all(|event| event.details["member"] == "a" && event.gateway == Some(ids.1))
            );
        }
    }

    #[test]
    fn refused_handshakes_are_told_as_numbers() {
        use tidegate_shared::protocol::RefusedHandshakes;
        let (worker, gateway) = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
        let refused = RefusedHandshakes { pool: "p".into(), limit: HandshakeLimit::Rate, count: 700 };
        let within = std::time::Duration::from_millis(4900);
        let refusals = Refusals { gateway, within, highest: vec![refused], others: 3 };
        let events = of_refusals(worker, &refusals);
        let details: Vec<_> = events.iter().map(|event| serde_json::json!(event.details)).collect();
        let expected = [
            serde_json::json!({"count": 700, "withinInSec": 4, "pool": "p", "limit": "maxOpeningsPerSecond"}),
            serde_json::json!({"count": 3, "withinInSec": 4}),
        ];
        assert_eq!(details, expected);
        assert!(events.iter().all(|event| event.gateway == Some(gateway) && event.worker == Some(worker)));
    }

    #[test]
    fn a_generation_is_told_once() {
        let (id, gateway) = (WorkerId(Uuid::new_v4()), GatewayId(Uuid::new_v4()));
        let mut worker = Worker::running([(gateway, Generation(1), Digest("a".into()))]);
        let applied = |generation: u64, digest: &str| ToControlPlane::Applied {
            gateway,
            generation: Generation(generation),
            digest: Digest(digest.to_owned()),
            addresses: vec![],
        };
        let rejected =
            || ToControlPlane::Rejected { gateway, generation: Generation(3), reason: "port".to_owned() };
        for (message, expected) in [
            (applied(1, "a"), None),
            (applied(2, "b"), Some("generationApplied")),
            (applied(2, "b"), None),
            (rejected(), Some("generationRejected")),
            (rejected(), None),
            (ToControlPlane::Withdrawn { gateway }, Some("gatewayWithdrawn")),
            (ToControlPlane::Withdrawn { gateway }, None),
            (ToControlPlane::Heartbeat, None),
        ] {
            let event = of_message(id, &worker, &message);
            assert_eq!(event.map(|event| event.kind), expected, "{message:?}");
            worker.on_message(message, tokio::time::Instant::now());
        }
    }
}
