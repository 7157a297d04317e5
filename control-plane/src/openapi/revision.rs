//! Revisions of gateways, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

use super::resource::ApplicationGateway;

/// A generation of a gateway.
#[derive(JsonSchema)]
pub(crate) struct Revision {
    /// The resource ID.
    id: String,
    /// The generation, as text.
    name: String,
    /// The ARM type.
    #[serde(rename = "type")]
    kind: String,
    /// The etag of the whole content with its extension documents, for `If-Match` of `restore`. Only the current
    /// generation has one.
    etag: Option<String>,
    /// The properties.
    properties: RevisionProperties,
}

/// The properties of a revision.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct RevisionProperties {
    /// The number of the generation.
    generation: u64,
    /// Whether it is the gateway's present generation.
    current: bool,
    /// The time of the write that made the generation, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// The time of the last write of the content, RFC 3339. A write that workers do not notice, such as that of tags,
    /// makes no generation.
    #[schemars(extend("format" = "date-time"))]
    changed_at: String,
    /// The author of the write that made the generation: a client, `admin`, or `tidegate`.
    author: String,
    /// The reason that the author sent as the header `x-tidegate-reason`.
    reason: Option<String>,
    /// The etag that the gateway had with this content.
    gateway_etag: String,
    /// The numbers of some of its parts.
    counts: RevisionCounts,
    /// The gateway as GET showed it, without etags and states. Only in the response for one revision.
    document: Option<ApplicationGateway>,
    /// Its extension documents. Only in the response for one revision.
    extensions: Option<Vec<RevisionExtension>>,
}

/// An extension document of a revision.
#[derive(JsonSchema)]
struct RevisionExtension {
    /// The resource ID.
    id: String,
    /// The name.
    name: String,
    /// The ARM type.
    #[serde(rename = "type")]
    kind: String,
    /// The properties, which depend on the type.
    properties: serde_json::Map<String, serde_json::Value>,
}

/// The numbers of the most important parts of a gateway.
#[derive(JsonSchema)]
struct RevisionCounts {
    /// The listeners.
    listeners: u64,
    /// The backend pools.
    pools: u64,
    /// The addresses of all pools.
    members: u64,
    /// The request routing rules.
    rules: u64,
    /// The server certificates.
    certificates: u64,
}

/// The differences between two revisions.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct RevisionDiff {
    /// The number of the revision in the path.
    from: u64,
    /// The number of the other revision.
    to: u64,
    /// A JSON Patch (RFC 6902) that turns the properties `document` and `extensions` of the one into those of the other.
    patch: Vec<PatchOperation>,
    /// The resource IDs of the children that have another secret in the other revision.
    changed_secrets: Vec<String>,
}

/// An operation of a JSON Patch.
#[derive(JsonSchema)]
struct PatchOperation {
    /// `add`, `remove`, `replace` or `move`.
    op: String,
    /// The place, a JSON Pointer.
    path: String,
    /// The former place of what is moved.
    from: Option<String>,
    /// The new value: any JSON.
    value: Option<serde_json::Value>,
}
