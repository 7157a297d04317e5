//! What the rollout reads and settles.

use tidegate_shared::id::{Digest, GatewayId, Generation};

use super::{OperationNumber, OperationalState, Problem, ProvisioningState};
use crate::clock::Millis;

/// The desired state of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DesiredState {
    pub(crate) gateway: GatewayId,
    pub(crate) generation: Generation,
    /// The digest of the generation's content.
    pub(crate) digest: Digest,
    /// The stored progress.
    pub(crate) state: ProvisioningState,
    /// The desired and actual operational state.
    pub(crate) operational: OperationalState,
    /// The start time of the oldest operation in progress.
    pub(crate) waiting_since: Option<Millis>,
    /// The oldest generation for which an operation waits.
    pub(crate) oldest_waited_for: Option<Generation>,
    /// The newest operation in progress.
    pub(crate) newest_operation: Option<OperationNumber>,
}

impl DesiredState {
    /// Returns whether the gateway is being deleted.
    pub(crate) fn is_going(&self) -> bool {
        self.state == ProvisioningState::Deleting
    }

    /// Returns whether workers should run it; otherwise they should drop it.
    pub(crate) fn is_to_run(&self) -> bool {
        !self.is_going() && !self.operational.is_off()
    }
}

/// The outcome of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// All connected workers run it.
    Applied,
    /// It was stopped, and no connected worker runs it any more.
    Stopped,
    /// A worker rejected it, or it cannot be read.
    Failed(Problem),
    /// A worker did not answer in time: operations that began no later than this time fail. The gateway fails
    /// too unless a later operation is in progress.
    Late(Millis, Problem),
    /// No worker was connected in time: operations that began no later than this time fail, and the gateway
    /// keeps waiting.
    Abandoned(Millis, Problem),
}

/// How far a gateway has come. It can be read even if the gateway's document is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Progress {
    pub(in crate::store) generation: Generation,
    pub(in crate::store) state: ProvisioningState,
    pub(in crate::store) operational: OperationalState,
}

impl Progress {
    /// Returns whether workers should run the gateway.
    pub(in crate::store) fn is_to_run(self) -> bool {
        self.state != ProvisioningState::Deleting && !self.operational.is_off()
    }
}
