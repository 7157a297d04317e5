//! A summary of a resource of any type.

use serde_json::{Map, Value};

use crate::arm::resource_kind::ResourceKind;

/// A summary of a resource.
#[derive(Clone, Debug)]
pub(crate) struct ResourceRow {
    /// The resource ID.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The type.
    pub(crate) kind: ResourceKind,
    /// The canonical body; without children for a gateway.
    pub(crate) body: Map<String, Value>,
}
