//! The types of resources that templates can deploy.

use crate::arm::deployment::DEPLOYMENT_TYPE;
use crate::arm::resource_group::GROUP_TYPE;
use crate::arm::unserved::{TypeClass, class_of, unknown_type};

/// Returns whether a type is served.
pub(super) fn is_served(kind: &str) -> bool {
    matches!(class_of(kind), TypeClass::Served(_))
}

/// Returns whether a type is that of nested deployments.
pub(super) fn is_deployment(kind: &str) -> bool {
    kind.eq_ignore_ascii_case(DEPLOYMENT_TYPE)
}

/// Returns whether a type is that of resource groups.
pub(super) fn is_group(kind: &str) -> bool {
    kind.eq_ignore_ascii_case(GROUP_TYPE)
}

/// Returns the type in the spelling of responses if it is served, or as written if resources of it are stored
/// without effect.
///
/// # Errors
/// A sentence that says that the type is not served, and which are.
pub(super) fn deployable(kind: &str) -> Result<String, String> {
    match class_of(kind) {
        TypeClass::Served(kind) => Ok(kind),
        TypeClass::Unserved => Ok(kind.to_owned()),
        TypeClass::Misspelt(nearest) => Err(unknown_type(kind, nearest.as_deref())),
    }
}
