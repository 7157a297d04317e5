//! Long-running operations.

use serde_json::Value;
use tidegate_shared::id::Generation;
use uuid::Uuid;

use super::text_enum;
use crate::clock::Millis;

text_enum! {
    /// The kind of an operation.
    OperationKind {
        /// A write of the gateway or of a child, its start or its stop.
        Write,
        /// The deletion of the gateway or of a resource group.
        Delete,
        /// A report of backend health from the workers' probes.
        BackendHealth,
        /// An on-demand probe. No write supersedes it.
        OnDemandHealth,
        /// The closing of tunnels. No write supersedes it.
        CloseTunnels,
    }
}

text_enum! {
    /// The state of an operation.
    OperationState {
        InProgress,
        /// Ended successfully.
        Succeeded,
        /// Ended with an error.
        Failed,
        /// Canceled by a newer write, or by a client.
        Canceled,
    }
}

/// The reason why an operation failed: ARM's code and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A long-running operation.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The last segment of its URLs.
    pub(crate) id: Uuid,
    pub(crate) kind: OperationKind,
    pub(crate) state: OperationState,
    /// The reason of a failure or cancellation.
    pub(crate) problem: Option<Problem>,
    /// The result, if the kind has one.
    pub(crate) result: Option<Value>,
    /// The warnings about the document of a write, a list; `None` if there are none.
    pub(crate) warnings: Option<Value>,
    /// The start time.
    pub(crate) started_at: Millis,
    /// The end time.
    pub(crate) ended_at: Option<Millis>,
}

/// The number of an operation. A later operation has a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationNumber(pub(crate) i64);

/// The gateway or resource group that an operation concerns.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Subject<'a> {
    /// The ID of the gateway or group, constant from its creation to its deletion.
    pub(in crate::store) id: Uuid,
    /// The resource ID of the gateway or group.
    pub(in crate::store) resource_id: &'a str,
    /// The subscription ID, in any case.
    pub(in crate::store) subscription: &'a str,
    /// The generation of the gateway; 0 for a group.
    pub(in crate::store) generation: Generation,
    /// The resource ID of the written gateway, child or member of a child. `None` for an operation that
    /// belongs to no write.
    pub(in crate::store) target: Option<&'a str>,
}

/// The end of an operation.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Ending<'a> {
    /// The state from then on. Not [`OperationState::InProgress`].
    pub(in crate::store) state: OperationState,
    /// The reason of a failure or cancellation.
    pub(in crate::store) problem: Option<&'a Problem>,
    /// The result, if the kind of the operation has one.
    pub(in crate::store) result: Option<&'a Value>,
    /// The end time.
    pub(in crate::store) at: Millis,
}

impl<'a> Ending<'a> {
    /// An ending with success and without a result.
    pub(in crate::store) fn success(at: Millis) -> Ending<'a> {
        Ending { state: OperationState::Succeeded, problem: None, result: None, at }
    }

    /// An ending with a failure.
    pub(in crate::store) fn failure(problem: &'a Problem, at: Millis) -> Ending<'a> {
        Ending { state: OperationState::Failed, problem: Some(problem), result: None, at }
    }
}
