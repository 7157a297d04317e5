//! The errors of requests about resources of types that Tidegate does not serve.

use thiserror::Error;

use crate::arm::unserved::unknown_type;
use crate::violation::code_list::codes;

codes! { CODES;
    /// The resource type is not served, and resources of it are not stored; or it is probably misspelt.
    const UNKNOWN_TYPE: &str = "InvalidResourceType";
    /// The parent of a child resource, or the scope of an extension, does not exist.
    const NO_PARENT: &str = "ParentResourceNotFound";
    /// The resource group has as many resources of the type as it may have.
    const QUOTA: &str = "ResourceQuotaExceeded";
    /// The action needs the service that Tidegate does not run.
    const NO_ACTION: &str = "ActionNotServed";
}

/// Why a request about a resource of an unserved type fails.
#[derive(Debug, Error)]
pub(crate) enum UnservedError {
    #[error("{}", unknown_type(.kind, .nearest.as_deref()))]
    UnknownType { kind: String, nearest: Option<String> },
    #[error("Cannot write '{resource}': its parent '{parent}' does not exist. Create the parent first.")]
    NoParent { resource: String, parent: String },
    #[error(
        "Creating the resource of type '{kind}' would exceed the quota of '{limit}' resources of type '{kind}' per \
         resource group. The current resource count is '{limit}', please delete some resources of this type before \
         creating a new one."
    )]
    TooMany { kind: String, limit: u32 },
    #[error("{0}")]
    NoAction(String),
}

impl UnservedError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            UnservedError::UnknownType { .. } => UNKNOWN_TYPE,
            UnservedError::NoParent { .. } => NO_PARENT,
            UnservedError::TooMany { .. } => QUOTA,
            UnservedError::NoAction(_) => NO_ACTION,
        }
    }
}
