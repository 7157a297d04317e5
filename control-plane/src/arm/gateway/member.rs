//! Members: children of a child, which are part of its properties.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arm::naming::NAME_PATTERN;

/// A child of a child, such as a path rule of a path map.
///
/// A list of members is marked with the extension `x-members`: their names are read like those of children, and
/// responses show them with `id`, `type`, `etag` and `provisioningState`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(bound = "T: Default + JsonSchema + Serialize")]
pub(crate) struct Member<T> {
    /// The name, unique within the list ignoring case.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub(crate) name: String,
    /// The properties specific to the member's type.
    pub(crate) properties: T,
}
