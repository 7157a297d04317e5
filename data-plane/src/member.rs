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
pub(crate) struct Standing {
    pub(crate) member: Member,
    /// What runs at it: tunnels, and requests where somebody goes by their number.
    live: AtomicUsize,
    /// It was removed, and its time has passed.
    gone: AtomicBool,
}

impl Standing {
    fn new(member: Member) -> Standing {
        Standing { member, live: AtomicUsize::new(0), gone: AtomicBool::new(false) }
    }

    /// A member of no gateway's configuration: somebody only wants to speak with it.
    pub(crate) fn apart(pool: &str, host: &Host) -> Arc<Standing> {
        let gateway = GatewayId(Uuid::nil());
        Arc::new(Standing::new(Member { gateway, pool: Arc::from(pool), host: host.clone() }))
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
pub(crate) struct Busy(Arc<Standing>);

impl Busy {
    pub(crate) fn at(standing: &Arc<Standing>) -> Busy {
        standing.live.fetch_add(1, Ordering::Relaxed);
        Busy(standing.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Every member of a gateway, and those that are on the way out.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    present: HashMap<Member, Present>,
    leaving: HashMap<Member, Leaving>,
}

#[derive(Debug)]
struct Present {
    standing: Arc<Standing>,
    /// How long it has from its removal.
    drain: Duration,
}

/// A member that was removed.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) standing: Arc<Standing>,
    /// How long it had from its removal.
    pub(crate) drain: Duration,
    /// When what still runs at it is ended.
    pub(crate) until: Instant,
}

impl Roster {
    /// The members of `content`, each the one that it was in `old`. Those that are gone from now on have the time that
    /// their settings granted them then; those that were on the way out keep theirs. A member whose pool no rule leads
    /// to any more keeps the time that it had while a rule did: its tunnels began under those settings.
    pub(crate) fn new(gateway: GatewayId, content: &Content, old: &Roster, now: Instant) -> Roster {
        let mut present = HashMap::new();
        let granted = drain_timeouts(content);
        for (index, pool) in content.pools.iter().enumerate() {
            let name: Arc<str> = Arc::from(pool.name.as_str());
            let granted = granted.get(&index).copied();
            for host in &pool.members {
                let member = Member { gateway, pool: name.clone(), host: host.clone() };
                let drain = granted.unwrap_or_else(|| old.drain(&member));
                let known = old.standing(&member).filter(|standing| !standing.is_gone()).cloned();
                let standing = known.unwrap_or_else(|| Arc::new(Standing::new(member.clone())));
                present.insert(member, Present { standing, drain });
            }
        }
        let removed = old.present.iter().map(|(member, Present { standing, drain })| {
            (member.clone(), Leaving { standing: standing.clone(), drain: *drain, until: now + *drain })
        });
        let still = old.leaving.iter().map(|(member, leaving)| (member.clone(), leaving.clone()));
        let leaving = removed.chain(still).filter(|(member, leaving)| {
            !present.contains_key(member) && leaving.until > now && !leaving.standing.is_gone()
        });
        Roster { leaving: leaving.collect(), present }
    }

    /// Whether it is part of the configuration.
    pub(crate) fn contains(&self, member: &Member) -> bool {
        self.present.contains_key(member)
    }

    /// What is known of a member, be it there or on the way out.
    pub(crate) fn standing(&self, member: &Member) -> Option<&Arc<Standing>> {
        let present = self.present.get(member).map(|present| &present.standing);
        present.or_else(|| self.leaving.get(member).map(|leaving| &leaving.standing))
    }

    /// How long what runs at a member may go on once it gets nothing new.
    pub(crate) fn drain(&self, member: &Member) -> Duration {
        let present = self.present.get(member).map(|present| present.drain);
        present.or_else(|| self.leaving.get(member).map(|leaving| leaving.drain)).unwrap_or(DRAIN)
    }

    /// Those on the way out.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = &Leaving> {
        self.leaving.values()
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
    fn after(steps: &[(u64, &[u8])]) -> (Vec<Roster>, Instant) {
        let start = Instant::now();
        let mut rosters = vec![Roster::default()];
        for (seconds, members) in steps {
            let now = start + Duration::from_secs(*seconds);
            let old = rosters.last().unwrap();
            rosters.push(Roster::new(GatewayId(Uuid::nil()), &content(members), old, now));
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
            let mut leaving: Vec<_> =
                last.leaving().map(|one| (one.standing.member.host.clone(), one.until - start)).collect();
            leaving.sort();
            let expected: Vec<_> =
                expected.iter().map(|(n, at)| (host(*n), Duration::from_secs(*at))).collect();
            assert_eq!(leaving, expected, "{steps:?}");
        }
    }

    #[test]
    fn a_member_that_is_back_in_time_is_the_one_that_it_was() {
        let (rosters, _) = after(&[(0, &[1]), (5, &[]), (6, &[1])]);
        let standing = |roster: &Roster| roster.standing(&member(1)).unwrap().clone();
        let busy = Busy::at(&standing(&rosters[1]));
        assert!(!rosters[2].contains(&member(1)));
        assert_eq!(standing(&rosters[2]).live(), 1, "on its way out");
        assert_eq!(standing(&rosters[3]).live(), 1, "back");
        drop(busy);
        assert_eq!(standing(&rosters[3]).live(), 0);

        standing(&rosters[2]).leave();
        let back = Roster::new(GatewayId(Uuid::nil()), &content(&[1]), &rosters[2], Instant::now());
        assert!(!standing(&back).is_gone(), "what was ended does not come back");
    }
}
