//! The children of gateways, as rows.

use crate::arm::document::Child;
use crate::etag::Etag;

/// A child as it is read: its secret is sealed.
#[derive(Clone, Debug)]
pub(in crate::store) struct StoredChild {
    /// The resource ID.
    pub(in crate::store) resource_id: String,
    /// The child without its secret.
    pub(in crate::store) child: Child,
    /// The sealed secret.
    pub(in crate::store) sealed: Option<Vec<u8>>,
    pub(in crate::store) etag: Etag,
}

/// A child to be stored.
#[derive(Clone, Debug)]
pub(in crate::store) struct NewChild<'a> {
    /// The resource ID.
    pub(in crate::store) resource_id: String,
    /// The child. Its secret is not stored; `sealed` is.
    pub(in crate::store) child: &'a Child,
    /// The sealed secret.
    pub(in crate::store) sealed: Option<Vec<u8>>,
    /// The position within its collection, from 0.
    pub(in crate::store) position: i64,
    pub(in crate::store) etag: &'a Etag,
}
