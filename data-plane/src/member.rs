//! The members of a gateway's pools across changes of the configuration: their state, their load, and the drain of
//! removed members. Pure: the time comes from outside.
//!
//! A removed member keeps its state until its drain timeout has passed, and gets it back if it returns before. This
//! module does not know the health of members.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tidegate_shared::snapshot::{Content, Host, TunnelPolicy};
use tokio::time::Instant;
use uuid::Uuid;

use crate::drain_deadline::DrainDeadline;
use crate::metrics::series::TunnelLimit;
use crate::pool_state::{PoolState, TunnelCount};

/// The drain timeout of members whose settings give none.
const DRAIN: Duration = Duration::from_secs(30);

/// The identity of a pool member, independent of settings. A tunnel ends with its member, not with a rule or a
/// setting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) gateway: GatewayId,
    pub(crate) pool: Arc<str>,
    pub(crate) host: Host,
}

/// Live state of one pool member, shared by all threads.
#[derive(Debug)]
pub(crate) struct MemberState {
    pub(crate) member: Member,
    /// The state of its pool.
    pub(crate) pool: Arc<PoolState>,
    /// The number of its tunnels, and of its requests if a load balancer needs their number.
    live: AtomicUsize,
    /// The number of its tunnels, and of their handshakes.
    tunnels: TunnelCount,
    /// True once the drain timeout after its removal has passed.
    gone: AtomicBool,
    /// The end of its tunnels after its removal.
    pub(crate) drain: DrainDeadline,
}

impl MemberState {
    fn new(member: Member, pool: Arc<PoolState>) -> MemberState {
        MemberState {
            member,
            pool,
            live: AtomicUsize::new(0),
            tunnels: TunnelCount::default(),
            gone: AtomicBool::new(false),
            drain: DrainDeadline::default(),
        }
    }

    /// Creates the state of a member outside all configurations, for a single exchange with it.
    pub(crate) fn apart(pool: &str, host: &Host) -> Arc<MemberState> {
        let gateway = GatewayId(Uuid::nil());
        let state = Arc::new(PoolState::new(Arc::default()));
        Arc::new(MemberState::new(Member { gateway, pool: Arc::from(pool), host: host.clone() }, state))
    }

    /// Returns the number of its tunnels and counted requests.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Counts one more tunnel, here and in the pool, before its handshake.
    ///
    /// # Errors
    /// The limit of the policy that the tunnel would exceed.
    pub(crate) fn take_tunnel(&self, policy: &TunnelPolicy) -> Result<(), TunnelLimit> {
        if !self.pool.tunnels.take(policy.max_tunnels) {
            return Err(TunnelLimit::Pool);
        }
        if !self.tunnels.take(policy.max_tunnels_per_member) {
            self.pool.tunnels.give_back();
            return Err(TunnelLimit::Member);
        }
        self.live.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts one tunnel less.
    pub(crate) fn give_tunnel_back(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        self.tunnels.give_back();
        self.pool.tunnels.give_back();
    }

    /// Returns the number of its tunnels, and of their handshakes.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.get() as usize
    }

    /// Returns true if the drain timeout after its removal has passed.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Records that the drain timeout after its removal has passed.
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

/// Counts one tunnel or request at a member until it is dropped.
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

/// The members of a gateway, and the removed members that still drain.
#[derive(Debug, Default)]
pub(crate) struct MemberTable {
    /// The pools with their policies, which [`MemberTable::enforce_policies`] puts in force.
    pools: HashMap<Arc<str>, (Arc<PoolState>, Arc<TunnelPolicy>)>,
    present: HashMap<Member, ActiveMember>,
    draining: HashMap<Member, DrainingMember>,
}

#[derive(Debug)]
struct ActiveMember {
    member_state: Arc<MemberState>,
    /// The drain timeout that a removal would start.
    drain: Duration,
}

/// A member that was removed.
#[derive(Clone, Debug)]
pub(crate) struct DrainingMember {
    pub(crate) member_state: Arc<MemberState>,
    /// The drain timeout from its removal.
    pub(crate) drain: Duration,
    /// The end of the drain timeout.
    pub(crate) until: Instant,
}

impl MemberTable {
    /// Creates the table of `content`. Members of `old` keep their state. Members that are removed now get the drain
    /// timeout that they had in `old`; members that already drain keep theirs. A member whose pool has lost its last
    /// rule keeps the timeout that it had with the rule, because its tunnels began under those settings.
    pub(crate) fn new(gateway: GatewayId, content: &Content, old: &MemberTable, now: Instant) -> MemberTable {
        let (mut pools, mut present) = (HashMap::new(), HashMap::new());
        let granted = drain_timeouts(content);
        for (index, pool) in content.pools.iter().enumerate() {
            let name: Arc<str> = Arc::from(pool.name.as_str());
            let granted = granted.get(&index).copied();
            let policy = Arc::new(pool.tunnels.clone());
            let state = old.pool(&name).unwrap_or_else(|| Arc::new(PoolState::new(policy.clone())));
            pools.insert(name.clone(), (state.clone(), policy));
            for host in &pool.members {
                let member = Member { gateway, pool: name.clone(), host: host.clone() };
                let drain = granted.unwrap_or_else(|| old.drain(&member));
                let known = old.member_state(&member).filter(|member_state| !member_state.is_gone()).cloned();
                let member_state =
                    known.unwrap_or_else(|| Arc::new(MemberState::new(member.clone(), state.clone())));
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
        MemberTable { draining: draining.collect(), pools, present }
    }

    /// Puts the policies of all pools in force. To be called when the table comes into use.
    pub(crate) fn enforce_policies(&self) {
        for (state, policy) in self.pools.values() {
            state.enforce(policy);
        }
    }

    /// Returns the state of a pool, also of a removed one while a member of it drains.
    fn pool(&self, name: &str) -> Option<Arc<PoolState>> {
        let present = self.pools.get(name).map(|(state, _)| state);
        let draining = || self.draining.values().find(|draining| *draining.member_state.member.pool == *name);
        present.or_else(|| draining().map(|draining| &draining.member_state.pool)).cloned()
    }

    /// Returns true if the member is part of the configuration.
    pub(crate) fn contains(&self, member: &Member) -> bool {
        self.present.contains_key(member)
    }

    /// Returns the state of a member, which may be draining.
    pub(crate) fn member_state(&self, member: &Member) -> Option<&Arc<MemberState>> {
        let present = self.present.get(member).map(|present| &present.member_state);
        present.or_else(|| self.draining.get(member).map(|draining| &draining.member_state))
    }

    /// Returns the drain timeout of a member.
    pub(crate) fn drain(&self, member: &Member) -> Duration {
        let present = self.present.get(member).map(|present| present.drain);
        present.or_else(|| self.draining.get(member).map(|draining| draining.drain)).unwrap_or(DRAIN)
    }

    /// Returns the draining members.
    pub(crate) fn draining(&self) -> impl Iterator<Item = &DrainingMember> {
        self.draining.values()
    }
}

/// Returns, for each pool in use, the longest drain timeout of the settings that rules use with it.
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
        Content {
            pools: vec![Pool { name: "pool".to_owned(), members, ..Pool::default() }],
            ..Content::default()
        }
    }

    fn host(number: u8) -> Host {
        Host::Ip([192, 0, 2, number].into())
    }

    fn member(number: u8) -> Member {
        Member { gateway: GatewayId(Uuid::nil()), pool: "pool".into(), host: host(number) }
    }

    /// Applies configurations one after another, each at a number of seconds after the start. Returns the empty table
    /// and the table after each step.
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
