//! Revisions: the generations of a gateway with their content.

use tidegate_shared::id::Generation;

use crate::arm::document::Document;
use crate::arm::page::Pages;
use crate::clock::Millis;
use crate::etag::Etag;

/// A generation of a gateway, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The generation, which is also the name of the revision.
    pub(crate) generation: Generation,
    /// The time of the write that made the generation.
    pub(crate) created_at: Millis,
    /// The author of that write.
    pub(crate) author: String,
    /// The reason that the author gave.
    pub(crate) reason: Option<String>,
    /// The time at which the content was last replaced. A write that workers do not notice, such as that of tags,
    /// makes no generation.
    pub(crate) changed_at: Millis,
    /// The etag of the gateway with this content.
    pub(crate) etag: Etag,
    /// The numbers of the most important parts.
    pub(crate) counts: RevisionCounts,
}

/// The numbers of the most important parts of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RevisionCounts {
    /// `httpListeners`.
    pub(crate) listeners: i64,
    /// `backendAddressPools`.
    pub(crate) pools: i64,
    /// The addresses of all pools.
    pub(crate) members: i64,
    /// `requestRoutingRules`.
    pub(crate) rules: i64,
    /// `sslCertificates`.
    pub(crate) certificates: i64,
}

/// Everything that makes a gateway what it was in a generation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RevisionContent {
    /// The document with its secrets and its extension documents.
    pub(crate) document: Document,
    /// The error pages that the document names.
    pub(crate) pages: Pages,
}
