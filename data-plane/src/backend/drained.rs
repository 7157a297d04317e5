//! The backends whose running requests and tunnels a command ends. Pure.

use tidegate_shared::snapshot::DrainSpread;

use super::Backend;
use crate::member::Member;
use crate::registry::CloseReason;

/// A selection of backends to drain.
#[derive(Clone, Debug)]
pub(crate) enum Drained {
    /// This member, under all settings.
    Removed(Member),
    /// This member of a gateway that was removed or stopped.
    GatewayRemoved(Member),
    /// This member under these settings alone; under others it may be healthy.
    Down(Member, String),
    /// Every backend whose pool spreads the ends of tunnels like this, or every backend: the worker is drained.
    Worker(Option<DrainSpread>),
}

impl Drained {
    pub(crate) fn close_reason(&self) -> CloseReason {
        match self {
            Drained::Removed(_) => CloseReason::BackendRemoved,
            Drained::GatewayRemoved(_) => CloseReason::GatewayRemoved,
            Drained::Down(..) => CloseReason::BackendDown,
            Drained::Worker(_) => CloseReason::Draining,
        }
    }

    pub(crate) fn is(&self, backend: &Backend) -> bool {
        match self {
            Drained::Removed(member) | Drained::GatewayRemoved(member) => {
                backend.member_state.member == *member
            }
            Drained::Down(member, settings) => {
                backend.member_state.member == *member && backend.key.settings == *settings
            }
            Drained::Worker(spread) => {
                spread.is_none_or(|spread| backend.member_state.pool.policy().drain_spread == spread)
            }
        }
    }
}
