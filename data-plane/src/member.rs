//! The members of a gateway's pools across changes of the configuration: their state, their load, and the drain of
//! removed members. Pure: the time comes from outside.
//!
//! A removed member keeps its state until its drain timeout has passed, and gets it back if it returns before. Its tunnels
//! may live longer: a member or a pool that returns later counts them as well, because limits are about what a backend
//! carries. This module does not know the health of members.

mod state;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tidegate_shared::snapshot::{Content, TunnelPolicy};
use tokio::time::Instant;

use crate::pool_state::PoolState;

use state::MemberLoad;
pub(crate) use state::{InFlightGuard, Member, MemberState};

/// The drain timeout of members whose settings give none.
const DRAIN: Duration = Duration::from_secs(30);

/// The members of a gateway, and the removed members that still drain.
#[derive(Debug, Default)]
pub(crate) struct MemberTable {
    /// The pools with their policies, which [`MemberTable::enforce_policies`] puts in force.
    pools: HashMap<Arc<str>, (Arc<PoolState>, Arc<TunnelPolicy>)>,
    present: HashMap<Member, ActiveMember>,
    draining: HashMap<Member, DrainingMember>,
    /// The loads that members which are gone may still carry, and the states of pools that are gone.
    former: HashMap<Member, Weak<MemberLoad>>,
    former_pools: HashMap<Arc<str>, Weak<PoolState>>,
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
                let member_state = known.unwrap_or_else(|| {
                    let load = old.load(&member).unwrap_or_default();
                    Arc::new(MemberState::new(member.clone(), state.clone(), load))
                });
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
        let mut table =
            MemberTable { draining: draining.collect(), pools, present, ..MemberTable::default() };
        table.remember(old);
        table
    }

    /// Remembers what members and pools of `old` may still carry that are no longer in this table.
    fn remember(&mut self, old: &MemberTable) {
        let known = old.present.values().map(|present| &present.member_state);
        let known = known.chain(old.draining.values().map(|draining| &draining.member_state));
        let known =
            known.map(|member_state| (member_state.member.clone(), Arc::downgrade(&member_state.load)));
        let before = old.former.iter().map(|(member, load)| (member.clone(), load.clone()));
        let gone = before
            .chain(known)
            .filter(|(member, load)| self.member_state(member).is_none() && load.strong_count() > 0);
        self.former = gone.collect();
        let known = old.pools.iter().map(|(name, (state, _))| (name.clone(), Arc::downgrade(state)));
        let before = old.former_pools.iter().map(|(name, state)| (name.clone(), state.clone()));
        let gone = before
            .chain(known)
            .filter(|(name, state)| !self.pools.contains_key(name) && state.strong_count() > 0);
        self.former_pools = gone.collect();
    }

    /// Returns what a member carries, also one that is gone.
    fn load(&self, member: &Member) -> Option<Arc<MemberLoad>> {
        let known = self.member_state(member).map(|member_state| member_state.load.clone());
        known.or_else(|| self.former.get(member)?.upgrade())
    }

    /// Returns true if tunnels to members of this table may be open, those of members that are gone included.
    pub(crate) fn may_carry_tunnels(&self) -> bool {
        let known = self.present.values().map(|present| &present.member_state);
        let mut known = known.chain(self.draining.values().map(|draining| &draining.member_state));
        let has_load = |load: &Weak<MemberLoad>| load.upgrade().is_some_and(|load| load.tunnels.get() > 0);
        known.any(|member_state| member_state.tunnels() > 0) || self.former.values().any(has_load)
    }

    /// Puts the policies of all pools in force. To be called when the table comes into use.
    pub(crate) fn enforce_policies(&self) {
        for (state, policy) in self.pools.values() {
            state.enforce(policy);
        }
    }

    /// Returns the state of a pool, also of a removed one while a member of it drains or has tunnels.
    fn pool(&self, name: &str) -> Option<Arc<PoolState>> {
        let present = self.pools.get(name).map(|(state, _)| state);
        let draining = || self.draining.values().find(|draining| *draining.member_state.member.pool == *name);
        let known = present.or_else(|| draining().map(|draining| &draining.member_state.pool)).cloned();
        known.or_else(|| self.former_pools.get(name)?.upgrade())
    }

    /// Returns the policy that a pool of the configuration has, also before it is in force.
    pub(crate) fn policy(&self, pool: &str) -> Option<&TunnelPolicy> {
        self.pools.get(pool).map(|(_, policy)| &**policy)
    }

    /// Returns the pools of the configuration.
    pub(crate) fn pools(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<PoolState>)> {
        self.pools.iter().map(|(name, (state, _))| (name, state))
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
    use tidegate_shared::snapshot::{Host, Pool};
    use uuid::Uuid;

    use super::*;
    use crate::metrics::series::TunnelLimit;

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

        let kept = member_state(&rosters[2]);
        kept.take_tunnel(&TunnelPolicy::default()).unwrap();
        kept.leave();
        let back = MemberTable::new(GatewayId(Uuid::nil()), &content(&[1]), &rosters[2], Instant::now());
        assert!(!member_state(&back).is_gone(), "what was ended does not come back");
        assert_eq!(member_state(&back).tunnels(), 1, "but a tunnel that is kept counts");
    }

    #[test]
    fn a_member_and_a_pool_that_return_late_count_the_tunnels_that_they_kept() {
        let without_pool = Content::default();
        let (start, id) = (Instant::now(), GatewayId(Uuid::nil()));
        let table = |content: &Content, old: &MemberTable, seconds| {
            MemberTable::new(id, content, old, start + Duration::from_secs(seconds))
        };
        let most = TunnelPolicy { max_tunnels: Some(2), ..TunnelPolicy::default() };
        let before = table(&content(&[1]), &MemberTable::default(), 0);
        let first = before.member_state(&member(1)).unwrap().clone();
        first.take_tunnel(&most).unwrap();
        // Long after the drain, and after other changes.
        let gone = table(&without_pool, &table(&without_pool, &before, 1), 100);
        let gone = table(&without_pool, &gone, 200);
        assert!(gone.member_state(&member(1)).is_none() && gone.may_carry_tunnels());
        drop(before);
        let back = table(&content(&[1]), &gone, 300);
        let second = back.member_state(&member(1)).unwrap();
        assert!(!Arc::ptr_eq(&first, second));
        assert_eq!(second.tunnels(), 1);
        second.take_tunnel(&most).unwrap();
        assert_eq!(second.take_tunnel(&most), Err(TunnelLimit::Pool));
        first.give_tunnel_back();
        second.give_tunnel_back();
        assert!(!back.may_carry_tunnels());
        drop(first);
        let gone = table(&without_pool, &table(&without_pool, &back, 400), 500);
        drop(back);
        let gone = table(&without_pool, &gone, 600);
        assert!(gone.former.is_empty() && gone.former_pools.is_empty(), "{gone:?}");
    }
}
