//! What a snapshot would do to running requests and tunnels, without applying it.
//!
//! The runtime is built as for a real change, and only dropped afterwards, so that both come to the same members and
//! times.

use std::collections::HashMap;
use std::rc::Rc;

use tidegate_shared::protocol::{RemovedMember, Reply, WhatIf};
use tidegate_shared::snapshot::{Content, Snapshot};

use super::Worker;
use crate::drain_schedule as schedule;
use crate::member::{DrainingMember, Member};
use crate::runtime::Runtime;
use crate::threads::Threads;

/// The removed members of a change, whose tunnels and requests are still to be counted.
#[derive(Debug)]
pub(crate) struct Outlook {
    gateway: tidegate_shared::id::GatewayId,
    rejection: Option<String>,
    removed: Vec<DrainingMember>,
    is_removal: bool,
    threads: Rc<Threads>,
}

impl Worker {
    /// Prepares the answer to what this snapshot would do.
    pub(crate) fn what_if(&self, snapshot: &Snapshot) -> Outlook {
        let is_removal = snapshot.content == Content::default();
        let old = self.gateways.get(&snapshot.gateway).map(|gateway| gateway.current.load_full());
        let built = Runtime::build(snapshot, old.as_deref(), &self.config, &self.ticket_keys);
        let (removed, rejection) = match (built, &old) {
            (Ok(runtime), Some(old)) => {
                let drains_already = |member: &Member| {
                    old.member_table.draining().any(|known| known.member_state.member == *member)
                };
                let new = runtime.member_table.draining();
                let new = new.filter(|draining| !drains_already(&draining.member_state.member));
                (new.cloned().collect(), None)
            }
            (Ok(_), None) => (Vec::new(), None),
            (Err(error), _) => (Vec::new(), Some(error.to_string())),
        };
        let threads = self.threads.clone();
        Outlook { gateway: snapshot.gateway, rejection, removed, is_removal, threads }
    }
}

impl Outlook {
    /// Counts what runs now, and completes the answer.
    pub(crate) async fn count(self) -> Reply {
        let mut at: HashMap<Member, (u64, u64)> = HashMap::new();
        for load in self.threads.loads().await {
            for (backend, tunnels, requests) in load.backends {
                let member = &backend.member_state.member;
                if member.gateway == self.gateway {
                    let (all_tunnels, all_requests) = at.entry(member.clone()).or_default();
                    *all_tunnels += tunnels as u64;
                    *all_requests += requests as u64;
                }
            }
        }
        let removed = self.removed.iter().map(|draining| {
            let member = &draining.member_state.member;
            let (tunnels, requests) = at.get(member).copied().unwrap_or_default();
            let policy = draining.member_state.pool.policy();
            let action = if self.is_removal { policy.on_gateway_removed } else { policy.on_member_removed };
            RemovedMember {
                pool: member.pool.to_string(),
                host: member.host.clone(),
                tunnels,
                action,
                tunnels_end_within: schedule::time_of(action, draining.drain),
                requests,
                requests_end_within: draining.drain,
            }
        });
        let mut removed: Vec<RemovedMember> = removed.collect();
        removed.sort_by(|a, b| (&a.pool, &a.host).cmp(&(&b.pool, &b.host)));
        Reply::WhatIf(WhatIf {
            rejection: self.rejection,
            tunnels: at.values().map(|(tunnels, _)| tunnels).sum(),
            requests: at.values().map(|(_, requests)| requests).sum(),
            removed,
        })
    }
}
