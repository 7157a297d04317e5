//! Members: children of a child, which live within its properties.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arm::resource_id::NAME_PATTERN;

/// A child of a child, such as a path rule of a path map.
///
/// A list of these is marked with the extension `x-members`: reading names them as it names children, and answers
/// show them with `id`, `type`, `etag` and `provisioningState`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(bound = "T: Default + JsonSchema + Serialize")]
pub struct Member<T> {
    /// Its name, unique within the list without regard to case.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: String,
    /// Everything else.
    pub properties: T,
}
