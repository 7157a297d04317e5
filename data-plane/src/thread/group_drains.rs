//! Drains of tunnels that have found by themselves that a change concerns them. Tunnels with the same reason and the
//! same time join one group, whose ends are spread. A tunnel that is concerned no longer leaves its group.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tidegate_shared::snapshot::DrainSpread;
use tokio::time::{Instant, sleep_until};

use super::Thread;
use crate::drain_schedule::{self as schedule, Remainder};
use crate::registry::{CloseReason, Group};

/// The time for which tunnels may join a group: the review of all tunnels of a thread takes far less.
const JOINABLE: Duration = Duration::from_secs(1);

/// The groups that drain on one thread.
#[derive(Debug, Default)]
pub(crate) struct GroupDrains {
    last: Cell<u16>,
    drains: RefCell<Vec<GroupDrain>>,
}

/// The drain of one group.
#[derive(Clone, Copy, Debug, PartialEq)]
struct GroupDrain {
    group: Group,
    reason: CloseReason,
    spread: DrainSpread,
    since: Instant,
    time: Duration,
}

impl GroupDrains {
    /// Returns the reason for which a group drains; `None` if its drain is over.
    pub(crate) fn reason(&self, group: Group) -> Option<CloseReason> {
        self.drains.borrow().iter().find(|drain| drain.group == group).map(|drain| drain.reason)
    }

    /// Returns the time by which a group has ended, and the reason; `None` if its drain is over.
    pub(crate) fn end(&self, group: Group) -> Option<(Instant, CloseReason)> {
        let drains = self.drains.borrow();
        let drain = drains.iter().find(|drain| drain.group == group)?;
        Some((drain.since + drain.time, drain.reason))
    }

    /// Returns a number for a new group that none of the present ones has. They are far fewer than the numbers: there is
    /// at most one a second for each reason, spread and time.
    fn next_group(&self) -> Group {
        let drains = self.drains.borrow();
        loop {
            self.last.set(self.last.get().wrapping_add(1));
            match Group::new(self.last.get()) {
                Some(group)
                    if drains.len() >= usize::from(u16::MAX)
                        || drains.iter().all(|drain| drain.group != group) =>
                {
                    return group;
                }
                Some(_) | None => {}
            }
        }
    }

    /// Returns the group for these values that tunnels may join now; `None` if there is none.
    fn joinable(
        &self,
        reason: CloseReason,
        spread: DrainSpread,
        time: Duration,
        now: Instant,
    ) -> Option<Group> {
        let drains = self.drains.borrow();
        let is_joinable = |drain: &&GroupDrain| {
            (drain.reason, drain.spread, drain.time) == (reason, spread, time)
                && drain.since + JOINABLE.min(time / 4) >= now
        };
        drains.iter().find(is_joinable).map(|drain| drain.group)
    }
}

impl Thread {
    /// Returns a group of tunnels that end for this reason within this time from now.
    pub(crate) fn drain_group(
        self: &Rc<Thread>,
        reason: CloseReason,
        spread: DrainSpread,
        time: Duration,
    ) -> Group {
        let (drains, now) = (&self.group_drains, Instant::now());
        if let Some(group) = drains.joinable(reason, spread, time, now) {
            return group;
        }
        let group = drains.next_group();
        let drain = GroupDrain { group, reason, spread, since: now, time };
        drains.drains.borrow_mut().push(drain);
        tokio::task::spawn_local(end_group(self.clone(), drain));
        group
    }
}

/// Ends the tunnels that are still in a group, as its spread says.
async fn end_group(thread: Rc<Thread>, drain: GroupDrain) {
    let GroupDrain { group, reason, spread, since, time } = drain;
    let (from, until) = (since + schedule::undisturbed(spread, time), since + time);
    sleep_until(from).await;
    if schedule::is_spread(spread, thread.tunnels.count_group(group) * thread.threads.get()) {
        let mut random = thread.random.borrow_mut().fork();
        let remainder = Remainder::new(&mut random);
        for (at, share) in schedule::moments(from, until, random) {
            sleep_until(at).await;
            let count = |left| remainder.take(left, share);
            thread.tunnels.close_some_of_group(reason, count, &mut thread.random.borrow_mut(), group);
        }
    }
    sleep_until(until).await;
    thread.tunnels.close_group(reason, group);
    thread.group_drains.drains.borrow_mut().retain(|other| other.group != group);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_of_one_change_join_one_group() {
        let drains = GroupDrains::default();
        let (now, time) = (Instant::now(), Duration::from_secs(10));
        let drain = |group, reason| GroupDrain {
            group: Group::new(group).unwrap(),
            reason,
            spread: DrainSpread::Even,
            since: now,
            time,
        };
        let (route, listener) = (CloseReason::RouteChanged, CloseReason::ListenerRemoved);
        drains.drains.borrow_mut().extend([drain(1, route), drain(2, listener)]);
        assert_eq!(drains.reason(Group::new(2).unwrap()), Some(listener));
        assert_eq!(drains.reason(Group::new(3).unwrap()), None);
        for (reason, spread, time, after, expected) in [
            (route, DrainSpread::Even, time, 0, Some(1)),
            (listener, DrainSpread::Even, time, 900, Some(2)),
            (listener, DrainSpread::Even, time, 1100, None),
            (route, DrainSpread::End, time, 0, None),
            (route, DrainSpread::Even, time / 2, 0, None),
            (CloseReason::PolicyTightened, DrainSpread::Even, time, 0, None),
        ] {
            let found = drains.joinable(reason, spread, time, now + Duration::from_millis(after));
            assert_eq!(found.map(Group::get), expected, "{reason:?} {spread:?} {time:?} after {after} ms");
        }
    }
}
