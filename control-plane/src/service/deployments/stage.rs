//! The state shared by the resources of a template during a dry run, and the failures of single resources.

use std::collections::HashMap;

use super::super::ServiceError;
use crate::store::{Gateway, NetworkResource, Problem, StoreError};

/// The results that earlier resources of the template would have, by lower-case resource ID.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) gateways: HashMap<String, Gateway>,
    pub(super) networks: HashMap<String, NetworkResource>,
}

/// The reason why a resource was not deployed.
pub(super) enum Unwritten {
    /// The write was rejected.
    Refused(ServiceError),
    /// The write succeeded, but the workers did not apply it.
    Failed(Problem),
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
