//! The live state of one backend pool across changes of the configuration: the tunnel policy in force, and the counts
//! that its limits need. All threads share it.
//!
//! Tunnels reach it through their member, also after the member or the pool was removed: the policy is then the last
//! one that the pool had.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tidegate_shared::snapshot::TunnelPolicy;

/// The live state of one pool.
#[derive(Debug)]
pub(crate) struct PoolState {
    policy: ArcSwap<TunnelPolicy>,
}

impl PoolState {
    /// Creates the state of a new pool, whose policy is in force at once.
    pub(crate) fn new(policy: Arc<TunnelPolicy>) -> PoolState {
        PoolState { policy: ArcSwap::new(policy) }
    }

    /// Returns the policy in force.
    pub(crate) fn policy(&self) -> Guard<Arc<TunnelPolicy>> {
        self.policy.load()
    }

    /// Puts a policy in force. Returns true if it differs from the one before.
    pub(crate) fn enforce(&self, policy: &Arc<TunnelPolicy>) -> bool {
        let differs = **self.policy() != **policy;
        if differs {
            self.policy.store(policy.clone());
        }
        differs
    }
}
