//! The live state of one pool member, which all threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tidegate_shared::id::GatewayId;
use tidegate_shared::snapshot::{Host, TunnelPolicy};
use uuid::Uuid;

use crate::drain_deadline::DrainDeadline;
use crate::metrics::series::TunnelLimit;
use crate::pool_state::{PoolState, TunnelCount};

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
    pub(super) load: Arc<MemberLoad>,
    /// True once the drain timeout after its removal has passed.
    gone: AtomicBool,
    /// The end of its tunnels after its removal.
    pub(crate) drain: DrainDeadline,
}

/// The load of a pool member. A member that is removed and comes back keeps it.
#[derive(Debug, Default)]
pub(super) struct MemberLoad {
    /// The number of its tunnels, and of its requests if a load balancer needs their number.
    live: AtomicUsize,
    /// The number of its tunnels, and of their handshakes.
    pub(super) tunnels: TunnelCount,
}

impl MemberState {
    pub(super) fn new(member: Member, pool: Arc<PoolState>, load: Arc<MemberLoad>) -> MemberState {
        MemberState { member, pool, load, gone: AtomicBool::new(false), drain: DrainDeadline::default() }
    }

    /// Creates the state of a member outside all configurations, for a single exchange with it.
    pub(crate) fn apart(pool: &str, host: &Host) -> Arc<MemberState> {
        let gateway = GatewayId(Uuid::nil());
        let state = Arc::new(PoolState::new(Arc::default()));
        let member = Member { gateway, pool: Arc::from(pool), host: host.clone() };
        Arc::new(MemberState::new(member, state, Arc::default()))
    }

    /// Returns the number of its tunnels and counted requests.
    pub(crate) fn live(&self) -> usize {
        self.load.live.load(Ordering::Relaxed)
    }

    /// Counts one more tunnel, here and in the pool, before its handshake.
    ///
    /// # Errors
    /// The limit of the policy that the tunnel would exceed.
    pub(crate) fn take_tunnel(&self, policy: &TunnelPolicy) -> Result<(), TunnelLimit> {
        if !self.pool.tunnels.take(policy.max_tunnels) {
            return Err(TunnelLimit::Pool);
        }
        if !self.load.tunnels.take(policy.max_tunnels_per_member) {
            self.pool.tunnels.give_back();
            return Err(TunnelLimit::Member);
        }
        self.load.live.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts one tunnel less.
    pub(crate) fn give_tunnel_back(&self) {
        self.load.live.fetch_sub(1, Ordering::Relaxed);
        self.load.tunnels.give_back();
        self.pool.tunnels.give_back();
    }

    /// Returns the number of its tunnels, and of their handshakes.
    pub(crate) fn tunnels(&self) -> usize {
        self.load.tunnels.get() as usize
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
        member_state.load.live.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(member_state.clone())
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.load.live.fetch_sub(1, Ordering::Relaxed);
    }
}
