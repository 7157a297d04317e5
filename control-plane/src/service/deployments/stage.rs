//! The state between the resources of a template, and the failures of single resources.

use std::collections::HashMap;

use super::super::ServiceError;
use crate::store::{Gateway, NetworkResource, Problem, StoreError};

/// What earlier resources of a template would have left, had they been written: by resource ID in lower case.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) gateways: HashMap<String, Gateway>,
    pub(super) networks: HashMap<String, NetworkResource>,
}

/// Why a resource was not written.
pub(super) enum Unwritten {
    /// This is wrong with it.
    Refused(ServiceError),
    /// It was written, but workers did not take it over.
    Failed(Problem),
    /// Nobody wants the deployment any more.
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
