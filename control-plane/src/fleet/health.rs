//! Merges the health reports of several workers. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tidegate_shared::id::WorkerId;
use tidegate_shared::protocol::{BackendHealth, HealthState};
use tidegate_shared::snapshot::{Content, Host, Pool, Settings};

/// The health of a pool with one set of settings that a rule uses together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PairHealth {
    /// The name of the pool.
    pub(crate) pool: String,
    /// The name of the settings.
    pub(crate) settings: String,
    /// The members in the pool's order, followed by removed ones that are being drained.
    pub(crate) members: Vec<MemberHealth>,
}

/// The merged health of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberHealth {
    /// The member.
    pub(crate) host: Host,
    /// The state of health.
    pub(crate) health: Health,
    /// The reason, as text.
    pub(crate) log: String,
}

/// The merged state of health, with the names of ARM's enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// No worker has reported recently.
    Unknown,
    /// All workers report the member as healthy.
    Up,
    /// All workers report the member as unhealthy.
    Down,
    /// The reports differ.
    Partial,
    /// The member was removed, and its running requests are being drained.
    Draining,
}

impl Health {
    /// The name in ARM's spelling.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "Unknown",
            Health::Up => "Up",
            Health::Down => "Down",
            Health::Partial => "Partial",
            Health::Draining => "Draining",
        }
    }
}

impl From<HealthState> for Health {
    fn from(state: HealthState) -> Health {
        match state {
            HealthState::Unknown => Health::Unknown,
            HealthState::Up => Health::Up,
            HealthState::Down => Health::Down,
            HealthState::Draining => Health::Draining,
        }
    }
}

/// The identity of a backend: pool, settings and host.
type Key<'a> = (&'a str, &'a str, &'a Host);

/// A worker's report, indexed by backend.
type Indexed<'a> = (&'a WorkerId, HashMap<Key<'a>, &'a BackendHealth>);

/// Merges recent reports of several workers: one entry for each combination of pool and settings that a rule
/// uses.
pub(crate) fn merge(content: &Content, reports: &[(WorkerId, Arc<[BackendHealth]>)]) -> Vec<PairHealth> {
    let reports: Vec<Indexed<'_>> = reports.iter().map(|(worker, report)| (worker, index(report))).collect();
    let pairs: BTreeSet<(usize, usize)> = content.forwards().collect();
    let pairs = pairs.into_iter().filter_map(|(pool, settings)| {
        let (pool, settings) = (content.pools.get(pool)?, content.settings.get(settings)?);
        let hosts = pool.members.iter().chain(leaving(pool, settings, &reports));
        let members = hosts.map(|host| merge_member((&pool.name, &settings.name, host), &reports)).collect();
        Some(PairHealth { pool: pool.name.clone(), settings: settings.name.clone(), members })
    });
    pairs.collect()
}

/// Returns the hosts that are no longer members and that workers still drain.
fn leaving<'a>(pool: &Pool, settings: &Settings, reports: &'a [Indexed<'_>]) -> BTreeSet<&'a Host> {
    let backends = reports.iter().flat_map(|(_, report)| report.values());
    let leaving = backends.filter(|backend| {
        backend.state == HealthState::Draining
            && (&backend.pool, &backend.settings) == (&pool.name, &settings.name)
    });
    leaving.map(|backend| &backend.host).filter(|host| !pool.members.contains(host)).collect()
}

fn index(report: &[BackendHealth]) -> HashMap<Key<'_>, &BackendHealth> {
    report.iter().map(|b| ((b.pool.as_str(), b.settings.as_str(), &b.host), b)).collect()
}

fn merge_member(key: Key<'_>, reports: &[Indexed<'_>]) -> MemberHealth {
    let host = key.2;
    let seen: Vec<(&WorkerId, &BackendHealth)> = reports
        .iter()
        .filter_map(|(worker, report)| report.get(&key).map(|backend| (*worker, *backend)))
        .collect();
    let Some((_, first)) = seen.first() else {
        let log = "No worker has reported on it recently.".to_owned();
        return MemberHealth { host: host.clone(), health: Health::Unknown, log };
    };
    if seen.iter().all(|(_, backend)| backend.state == first.state) {
        let health = Health::from(first.state);
        return MemberHealth { host: host.clone(), health, log: first.reason.clone() };
    }
    let log = seen
        .iter()
        .map(|(worker, b)| format!("worker {worker}: {}: {}", Health::from(b.state).as_str(), b.reason))
        .collect::<Vec<_>>()
        .join("; ");
    MemberHealth { host: host.clone(), health: Health::Partial, log }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;
    use tidegate_shared::snapshot::{Action, Destination, Frontend, Listener, RouteEntry, Routing, Rule};
    use uuid::Uuid;

    fn content() -> Content {
        let entry =
            RouteEntry { action: Action::Forward { to: Destination::Pool(0), settings: 0 }, rewrites: None };
        let listener = Listener {
            name: "l".into(),
            frontend: Frontend::Public,
            port: 80,
            tls: None,
            hosts: vec![],
            proxies: Vec::new(),
            error_pages: Default::default(),
            rule: Some(Rule { name: "r".into(), routing: Routing::Basic(entry) }),
        };
        Content {
            client_authorities: Vec::new(),
            name: "gw".into(),
            listeners: vec![listener.clone(), listener],
            path_maps: vec![],
            pools: vec![
                Pool { name: "p".into(), members: vec![host()], ..Pool::default() },
                Pool { name: "unused".into(), members: vec![host()], ..Pool::default() },
            ],
            distributions: vec![],
            settings: vec![settings()],
            ..Content::default()
        }
    }

    fn host() -> Host {
        Host::Ip("192.0.2.1".parse().unwrap())
    }

    #[test]
    fn workers_agree_differ_or_say_nothing() {
        use HealthState::{Down, Unknown, Up};
        let cases: &[(&[HealthState], Health)] = &[
            (&[], Health::Unknown),
            (&[Up], Health::Up),
            (&[Down], Health::Down),
            (&[Unknown], Health::Unknown),
            (&[Up, Up, Up], Health::Up),
            (&[Down, Down], Health::Down),
            (&[Up, Down], Health::Partial),
            (&[Up, Unknown], Health::Partial),
        ];
        for (states, expected) in cases {
            let report = |state: &HealthState| BackendHealth {
                pool: "p".into(),
                settings: "s".into(),
                host: host(),
                state: *state,
                reason: format!("because {state:?}"),
            };
            let reports: Vec<_> =
                states.iter().map(|state| (WorkerId(Uuid::new_v4()), [report(state)].into())).collect();
            let merged = merge(&content(), &reports);
            assert_eq!(merged.len(), 1, "each pair once, and only those in use");
            let member = &merged[0].members[0];
            assert_eq!(member.health, *expected, "{states:?}");
            for state in *states {
                assert!(member.log.contains(&format!("because {state:?}")), "{}", member.log);
            }
        }
    }
}
