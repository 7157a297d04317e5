//! The members of a gateway's pools, as they last while configurations come and go: who is there, how busy each is, and
//! who is on the way out. Pure: the time comes from outside.
//!
//! A member that is removed has time for what runs; until then it is remembered here, and a member that is back by then
//! is the one that it was. Whether a backend is well is not known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tidegate_shared::snapshot::{Content, Host};
use tokio::time::Instant;
use uuid::Uuid;

/// How long what runs at a removed member may go on where no settings say.
const DRAIN: Duration = Duration::from_secs(30);

/// A pool member, whatever settings it is spoken with. A tunnel ends with its member, not with a rule or a setting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) gateway: GatewayId,
    pub(crate) pool: Arc<str>,
    pub(crate) host: Host,
}

/// What is known of a member beyond its configuration. Shared by all threads.
#[derive(Debug)]
pub(crate) struct MemberState {
    pub(crate) member: Member,
    /// What runs at it: tunnels, and requests where somebody goes by their number.
    live: AtomicUsize,
    /// It was removed, and its time has passed.
    gone: AtomicBool,
}

impl MemberState {
    fn new(member: Member) -> MemberState {
        MemberState { member, live: AtomicUsize::new(0), gone: AtomicBool::new(false) }
    }

    /// A member of no gateway's configuration: somebody only wants to speak with it.
    pub(crate) fn apart(pool: &str, host: &Host) -> Arc<MemberState> {
        let gateway = GatewayId(Uuid::nil());
        Arc::new(MemberState::new(Member { gateway, pool: Arc::from(pool), host: host.clone() }))
    }

    /// How much runs at it.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether it was removed and its time has passed.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Its time has passed.
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// Counts as one thing that runs at a member for as long as it lives.
#[derive(Debug)]
pub(crate) struct InFlightGuard(Arc<MemberState>);

impl InFlightGuard {
    pub(crate) fn at(member_state: &Arc<MemberState>) -> InFlightGuard {
        member_state.live.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(member_state.clone())
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Every member of a gateway, and those that are on the way out.
#[derive(Debug, Default)]
pub(crate) struct MemberTable {
    present: HashMap<Member, ActiveMember>,
    draining: HashMap<Member, DrainingMember>,
}

#[derive(Debug)]
struct ActiveMember {
    member_state: Arc<MemberState>,
    /// How long it has from its removal.
    drain: Duration,
}

/// A member that was removed.
#[derive(Clone, Debug)]
pub(crate) struct DrainingMember {
    pub(crate) member_state: Arc<MemberState>,
    /// How long it had from its removal.
    pub(crate) drain: Duration,
    /// When what still runs at it is ended.
    pub(crate) until: Instant,
}

impl MemberTable {
    /// The members of `content`, each the one that it was in `old`. Those that are gone from now on have the time that
    /// their settings granted them then; those that were on the way out keep theirs. A member whose pool no rule leads
    /// to any more keeps the time that it had while a rule did: its tunnels began under those settings.
    pub(crate) fn new(gateway: GatewayId, content: &Content, old: &MemberTable, now: Instant) -> MemberTable {
        let mut present = HashMap::new();
        let granted = drain_timeouts(content);
        for (index, pool) in content.pools.iter().enumerate() {
            let name: Arc<str> = Arc::from(pool.name.as_str());
            let granted = granted.get(&index).copied();
            for host in &pool.members {
                let member = Member { gateway, pool: name.clone(), host: host.clone() };
                let drain = granted.unwrap_or_else(|| old.drain(&member));
                let known = old.member_state(&member).filter(|member_state| !member_state.is_gone()).cloned();
                let member_state = known.unwrap_or_else(|| Arc::new(MemberState::new(member.clone())));
                present.insert(member, ActiveMember { member_state, drain });
            }
        }
        let removed = old.present.iter().map(|(member, ActiveMember { member_state, drain })| {
            (
                member.clone(),
                DrainingMember { member_state: member_state.clone(), drain: *drain, until: now + *drain },
            )
        });
        let still = old.draining.iter().map(|(member, draining)| (member.clone(), draining.clone()));
        let draining = removed.chain(still).filter(|(member, draining)| {
            !present.contains_key(member) && draining.until > now && !draining.member_state.is_gone()
        });
        MemberTable { draining: draining.collect(), present }
    }

    /// Whether it is part of the configuration.
    pub(crate) fn contains(&self, member: &Member) -> bool {
        self.present.contains_key(member)
    }

    /// What is known of a member, be it there or on the way out.
    pub(crate) fn member_state(&self, member: &Member) -> Option<&Arc<MemberState>> {
        let present = self.present.get(member).map(|present| &present.member_state);
        present.or_else(|| self.draining.get(member).map(|draining| &draining.member_state))
    }

    /// How long what runs at a member may go on once it gets nothing new.
    pub(crate) fn drain(&self, member: &Member) -> Duration {
        let present = self.present.get(member).map(|present| present.drain);
        present.or_else(|| self.draining.get(member).map(|draining| draining.drain)).unwrap_or(DRAIN)
    }

    /// Those on the way out.
    pub(crate) fn draining(&self) -> impl Iterator<Item = &DrainingMember> {
        self.draining.values()
    }
}

/// The longest time that the settings used with a pool grant, for each pool in use.
fn drain_timeouts(content: &Content) -> HashMap<usize, Duration> {
    let mut granted: HashMap<usize, Duration> = HashMap::new();
    for (pool, settings) in content.forwards() {
        let longest = granted.entry(pool).or_default();
        *longest = (*longest).max(content.settings.get(settings).map_or(DRAIN, |s| s.drain_timeout));
    }
    granted
}

#[cfg(test)]
mod tests {
    use tidegate_shared::snapshot::Pool;

    use super::*;

    fn content(members: &[u8]) -> Content {
        let members = members.iter().map(|number| host(*number)).collect();
        Content { pools: vec![Pool { name: "pool".to_owned(), members }], ..Content::default() }
    }

    fn host(number: u8) -> Host {
        Host::Ip([192, 0, 2, number].into())
    }

    fn member(number: u8) -> Member {
        Member { gateway: GatewayId(Uuid::nil()), pool: "pool".into(), host: host(number) }
    }

    /// One configuration after another, each so many seconds after the first: what the last makes of it.
    fn after(steps: &[(u64, &[u8])]) -> (Vec<MemberTable>, Instant) {
        let start = Instant::now();
        let mut rosters = vec![MemberTable::default()];
        for (seconds, members) in steps {
            let now = start + Duration::from_secs(*seconds);
            let old = rosters.last().unwrap();
            rosters.push(MemberTable::new(GatewayId(Uuid::nil()), &content(members), old, now));
        }
        (rosters, start)
    }

    #[test]
    fn a_removed_member_is_remembered_until_its_time_has_passed() {
        let cases: &[(&[(u64, &[u8])], &[(u8, u64)])] = &[
            (&[(0, &[1, 2])], &[]),
            (&[(0, &[1, 2]), (5, &[1])], &[(2, 35)]),
            (&[(0, &[1, 2]), (5, &[1]), (20, &[1])], &[(2, 35)]),
            (&[(0, &[1, 2]), (5, &[1]), (20, &[])], &[(1, 50), (2, 35)]),
            (&[(0, &[1, 2]), (5, &[1]), (35, &[1])], &[]),
            (&[(0, &[1, 2]), (5, &[1]), (6, &[1, 2])], &[]),
            (&[(0, &[1, 2]), (5, &[1]), (6, &[1, 2]), (7, &[1])], &[(2, 37)]),
        ];
        for (steps, expected) in cases {
            let (rosters, start) = after(steps);
            let last = rosters.last().unwrap();
            let mut draining: Vec<_> = last
                .draining()
                .map(|one| (one.member_state.member.host.clone(), one.until - start))
                .collect();
            draining.sort();
            let expected: Vec<_> =
                expected.iter().map(|(n, at)| (host(*n), Duration::from_secs(*at))).collect();
            assert_eq!(draining, expected, "{steps:?}");
        }
    }

    #[test]
    fn a_member_that_is_back_in_time_is_the_one_that_it_was() {
        let (rosters, _) = after(&[(0, &[1]), (5, &[]), (6, &[1])]);
        let member_state =
            |member_table: &MemberTable| member_table.member_state(&member(1)).unwrap().clone();
        let busy = InFlightGuard::at(&member_state(&rosters[1]));
        assert!(!rosters[2].contains(&member(1)));
        assert_eq!(member_state(&rosters[2]).live(), 1, "on its way out");
        assert_eq!(member_state(&rosters[3]).live(), 1, "back");
        drop(busy);
        assert_eq!(member_state(&rosters[3]).live(), 0);

        member_state(&rosters[2]).leave();
        let back = MemberTable::new(GatewayId(Uuid::nil()), &content(&[1]), &rosters[2], Instant::now());
        assert!(!member_state(&back).is_gone(), "what was ended does not come back");
    }
}
