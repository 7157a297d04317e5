//! The effects of a change of the configuration on the open tunnels of a thread, by the functions that decide about a real
//! change. Nothing is changed.

use std::collections::HashMap;
use std::time::Duration;

use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::{ConcernedTunnels, TunnelEvent};
use tidegate_shared::snapshot::{TunnelAction, TunnelPolicy};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::review;
use crate::drain_schedule as schedule;
use crate::live_tunnel::LiveTunnel;
use crate::member::Member;
use crate::registry::{CloseReason, Entry, Slice};
use crate::runtime::{Runtime, reviews_tunnels};
use crate::thread::Thread;

/// A change that is not made.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) gateway: GatewayId,
    /// The runtime that would be in force.
    pub(crate) runtime: Runtime,
    /// The members that would be removed, with the time within which their tunnels would end; `None` if they are kept.
    pub(crate) removed: HashMap<Member, Option<Duration>>,
    /// True if the change would make tunnels look at the configuration again.
    pub(crate) needs_review: bool,
}

/// The effects of a change on the tunnels of a thread.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// The open tunnels.
    pub(crate) tunnels: u64,
    /// Those of each removed member, unless they are among the following.
    pub(crate) removed: HashMap<Member, u64>,
    /// Those to which something else happens.
    pub(crate) concerned: Vec<ConcernedTunnels>,
}

/// Something that would happen to a tunnel, with the action of the policy and the time within which the tunnel ends.
type Event = (TunnelEvent, TunnelAction, Option<Duration>);

impl Outlook {
    /// Adds tunnels to which something happens.
    pub(crate) fn add(&mut self, tunnels: ConcernedTunnels) {
        let ConcernedTunnels { event, pool, action, end_within, tunnels: number } = &tunnels;
        let is_alike = |known: &&mut ConcernedTunnels| {
            (known.event, &known.pool, known.action, known.end_within) == (*event, pool, *action, *end_within)
        };
        match self.concerned.iter_mut().find(is_alike) {
            Some(known) => known.tunnels += number,
            None => self.concerned.push(tunnels),
        }
    }
}

/// Returns what a change would do to the tunnels of a thread. They are read in slices between its other work.
pub(crate) async fn outlook(thread: &Thread, change: &Change) -> Outlook {
    let (mut outlook, mut next) = (Outlook::default(), Some(0));
    while let Some(first) = next {
        let mut slice = Slice::begin();
        next = thread.tunnels.visit(first, |entry| {
            if entry.public.backend.member_state.member.gateway == change.gateway {
                look_at(thread, change, entry, &mut outlook);
            }
            slice.goes_on()
        });
        yield_now().await;
    }
    outlook
}

/// Adds one tunnel to the outlook. A tunnel that is being closed is left out.
fn look_at(thread: &Thread, change: &Change, entry: &Entry<LiveTunnel>, outlook: &mut Outlook) {
    if entry.close_reason().is_some() {
        return;
    }
    let member = &entry.public.backend.member_state.member;
    outlook.tunnels += 1;
    let removal = change.removed.get(member);
    let event = change.needs_review.then(|| event(thread, change, entry)).flatten();
    let (event, action, end_within) = match (removal, event) {
        (None, None) => return,
        (Some(time), event) if !event.is_some_and(|(_, _, own)| ends_earlier(own, *time)) => {
            *outlook.removed.entry(member.clone()).or_default() += 1;
            return;
        }
        (_, Some(event)) => event,
        (Some(_), None) => return,
    };
    outlook.add(ConcernedTunnels { event, pool: member.pool.to_string(), action, end_within, tunnels: 1 });
}

fn ends_earlier(one: Option<Duration>, other: Option<Duration>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one < other,
        (one, None) => one.is_some(),
        (None, Some(_)) => false,
    }
}

/// Returns what would happen to a tunnel beside the removal of its member. What ends the tunnel already is nothing new.
fn event(thread: &Thread, change: &Change, entry: &Entry<LiveTunnel>) -> Option<Event> {
    let live = &entry.public;
    let in_force = live.policy();
    let policy: &TunnelPolicy =
        change.runtime.member_table.policy(&live.backend.key.pool).unwrap_or(&**in_force);
    if policy.max_lifetime.is_some_and(|most| live.started.after(most.into()) <= Instant::now().into()) {
        return Some((TunnelEvent::LifetimeReached, TunnelAction::Close, Some(Duration::ZERO)));
    }
    let details = live.details.as_deref().filter(|_| reviews_tunnels(policy))?;
    let (why, action) = review::event_of(&change.runtime, details, live, policy)?;
    let drains_for = entry.group().and_then(|group| thread.group_drains.reason(group));
    let event = match why {
        CloseReason::RouteChanged => TunnelEvent::RouteChanged,
        CloseReason::ListenerRemoved => TunnelEvent::ListenerRemoved,
        CloseReason::PolicyTightened => TunnelEvent::PolicyTightened,
        _ => return None,
    };
    (drains_for != Some(why)).then(|| (event, action, schedule::time_of(action, details.drain_timeout())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_with_the_same_fate_are_counted_together() {
        let (mut outlook, seconds) = (Outlook::default(), Duration::from_secs);
        let concerned = |event, pool: &str, end_within, tunnels| ConcernedTunnels {
            event,
            pool: pool.to_owned(),
            action: TunnelAction::Drain(None),
            end_within,
            tunnels,
        };
        let (route, listener) = (TunnelEvent::RouteChanged, TunnelEvent::ListenerRemoved);
        for (event, pool, time) in [
            (route, "a", Some(seconds(30))),
            (route, "a", Some(seconds(30))),
            (route, "b", Some(seconds(30))),
            (listener, "a", Some(seconds(30))),
            (route, "a", Some(seconds(5))),
        ] {
            outlook.add(concerned(event, pool, time, 1));
        }
        let counts: Vec<u64> = outlook.concerned.iter().map(|tunnels| tunnels.tunnels).collect();
        assert_eq!(counts, [2, 1, 1, 1]);
    }

    #[test]
    fn a_tunnel_that_is_kept_ends_after_all_others() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (one, other, expected) in [
            (seconds(1), seconds(2), true),
            (seconds(2), seconds(2), false),
            (seconds(3), None, true),
            (None, seconds(3), false),
            (None, None, false),
        ] {
            assert_eq!(ends_earlier(one, other), expected, "{one:?} {other:?}");
        }
    }
}
