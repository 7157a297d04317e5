//! What the operator decides about documents that contain more than Tidegate serves.

/// What becomes of resources of types that Tidegate does not serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnservedTypes {
    /// They are stored without effect.
    #[default]
    Store,
    /// They are refused.
    Refuse,
}

/// The decisions about documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DocumentPolicy {
    /// What becomes of resources of unserved types.
    pub unserved_types: UnservedTypes,
}
