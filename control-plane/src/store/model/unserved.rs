//! Resources of types that Tidegate does not serve.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arm::unserved::UnservedPath;
use crate::etag::Etag;

/// A stored resource of an unserved type.
#[derive(Clone, Debug)]
pub(crate) struct UnservedResource {
    /// The ID, constant from creation to deletion.
    pub(crate) id: Uuid,
    /// The resource ID, in its creator's spelling.
    pub(crate) path: UnservedPath,
    /// The stored part of the body.
    pub(crate) body: Map<String, Value>,
    /// The values that came from secure parameters, sealed.
    pub(crate) sealed_secrets: Option<Vec<u8>>,
    pub(crate) etag: Etag,
}
