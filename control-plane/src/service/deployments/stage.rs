//! The state shared by the resources of a tree of templates during a dry run, and the failures of single
//! resources.

use std::collections::{BTreeSet, HashMap};

use super::super::ServiceError;
use crate::arm::deployment::Failure;
use crate::store::{Gateway, Group, NetworkResource, Problem, StoreError, UnservedResource};
use crate::violation::Warnings;

/// The results that earlier resources of the templates would have, by lower-case resource ID.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) gateways: HashMap<String, Gateway>,
    pub(super) networks: HashMap<String, NetworkResource>,
    pub(super) groups: HashMap<String, Group>,
    pub(super) unserved: HashMap<String, UnservedResource>,
    /// The warnings about the resource that is previewed, with paths in its body.
    pub(super) warnings: Warnings,
    /// All earlier resources.
    pub(super) ids: BTreeSet<String>,
    /// True if a nested deployment was left out, whose resources are not known.
    pub(super) has_gaps: bool,
}

impl Stage {
    /// Returns whether an earlier resource is the one with this lower-case ID, or one above it.
    pub(super) fn deploys(&self, id: &str) -> bool {
        let above = std::iter::successors(Some(id), |id| id.rsplit_once('/').map(|(above, _)| above));
        above.take_while(|id| !id.is_empty()).any(|id| self.ids.contains(id))
    }
}

/// The reason why a resource was not deployed.
pub(super) enum Unwritten {
    /// The write was rejected.
    Refused(ServiceError),
    /// The write succeeded, but the workers did not apply it.
    Failed(Problem),
    /// A nested deployment failed.
    Nested(Failure),
    /// The deployment has been cancelled.
    Unwanted,
}

impl From<ServiceError> for Unwritten {
    fn from(error: ServiceError) -> Unwritten {
        Unwritten::Refused(error)
    }
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Unwritten {
        Unwritten::Refused(error.into())
    }
}
