//! What a snapshot would do to running requests and tunnels, without applying it.
//!
//! The runtime is built as for a real change, and only dropped afterwards, so that both come to the same members, events
//! and times.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tidegate_shared::id::GatewayId;
use tidegate_shared::protocol::{RemovedMember, Reply, WhatIf};
use tidegate_shared::snapshot::{Content, Snapshot, TunnelAction};

use super::{Worker, review};
use crate::drain_schedule as schedule;
use crate::member::{DrainingMember, Member};
use crate::proxy::tunnel::what_if::{Change, Outlook};
use crate::runtime::{BuildError, Runtime};
use crate::threads::Threads;

/// A snapshot whose effects are still to be counted.
#[derive(Debug)]
pub(crate) struct Preview {
    gateway: GatewayId,
    /// The change, and the members that it removes with what becomes of their tunnels.
    built: Result<(Change, Vec<(DrainingMember, TunnelAction)>), BuildError>,
    threads: Rc<Threads>,
}

impl Worker {
    /// Prepares the answer to what this snapshot would do.
    pub(crate) fn what_if(&self, snapshot: &Snapshot) -> Preview {
        let is_removal = snapshot.content == Content::default();
        let served = self.gateways.get(&snapshot.gateway);
        let old = served.map(|gateway| gateway.current.load_full());
        let built = Runtime::build(snapshot, old.as_deref(), &self.config, &self.ticket_keys);
        let built = built.map(|runtime| {
            let removed = old.map(|old| removed(&runtime, &old, is_removal)).unwrap_or_default();
            let times = removed.iter().map(|(draining, action)| {
                (draining.member_state.member.clone(), schedule::time_of(*action, draining.drain))
            });
            let removed_within = times.collect();
            let needs_review = !is_removal
                && served
                    .is_some_and(|gateway| review::is_needed(&gateway.snapshot.content, &snapshot.content));
            (Change { gateway: snapshot.gateway, runtime, removed: removed_within, needs_review }, removed)
        });
        Preview { gateway: snapshot.gateway, built, threads: self.threads.clone() }
    }
}

/// Returns the members that a runtime newly removes, with what becomes of their tunnels.
fn removed(new: &Runtime, old: &Runtime, is_removal: bool) -> Vec<(DrainingMember, TunnelAction)> {
    let drains_already =
        |member: &Member| old.member_table.draining().any(|known| known.member_state.member == *member);
    let removed =
        new.member_table.draining().filter(|draining| !drains_already(&draining.member_state.member));
    let with_action = removed.map(|draining| {
        let in_force = draining.member_state.pool.policy();
        let policy = new.member_table.policy(&draining.member_state.member.pool).unwrap_or(&**in_force);
        let action = if is_removal { policy.on_gateway_removed } else { policy.on_member_removed };
        (draining.clone(), action)
    });
    with_action.collect()
}

impl Preview {
    /// Counts what runs now, and completes the answer.
    pub(crate) async fn count(self) -> Reply {
        let (mut requests, mut tunnels) = (HashMap::<Member, u64>::new(), 0);
        for load in self.threads.loads().await {
            for (backend, open, running) in load.backends {
                let member = &backend.member_state.member;
                if member.gateway == self.gateway {
                    tunnels += open as u64;
                    *requests.entry(member.clone()).or_default() += running as u64;
                }
            }
        }
        let all_requests = requests.values().sum();
        let (change, removed) = match self.built {
            Ok(built) => built,
            Err(error) => {
                return Reply::WhatIf(WhatIf {
                    rejection: Some(error.to_string()),
                    tunnels,
                    requests: all_requests,
                    ..WhatIf::default()
                });
            }
        };
        let mut all = Outlook::default();
        for outlook in self.threads.outlooks(Arc::new(change)).await {
            all.tunnels += outlook.tunnels;
            for (member, tunnels) in outlook.removed {
                *all.removed.entry(member).or_default() += tunnels;
            }
            outlook.concerned.into_iter().for_each(|tunnels| all.add(tunnels));
        }
        let removed = removed.iter().map(|(draining, action)| {
            let member = &draining.member_state.member;
            RemovedMember {
                pool: member.pool.to_string(),
                host: member.host.clone(),
                tunnels: all.removed.get(member).copied().unwrap_or_default(),
                action: *action,
                tunnels_end_within: schedule::time_of(*action, draining.drain),
                requests: requests.get(member).copied().unwrap_or_default(),
                requests_end_within: draining.drain,
            }
        });
        let mut removed: Vec<RemovedMember> = removed.collect();
        removed.sort_by(|a, b| (&a.pool, &a.host).cmp(&(&b.pool, &b.host)));
        all.concerned.sort_by(|a, b| (&a.pool, a.end_within).cmp(&(&b.pool, b.end_within)));
        Reply::WhatIf(WhatIf {
            rejection: None,
            tunnels: all.tunnels,
            requests: all_requests,
            removed,
            concerned: all.concerned,
        })
    }
}
