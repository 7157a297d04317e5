//! Local replies: responses of the gateway itself, without a backend.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::base64_bytes;

/// The texts of a gateway's local replies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalReplies {
    /// The error pages of the gateway and of its listeners, each once.
    pub pages: Vec<ErrorPage>,
    /// The gateway's page for each status, for listeners without a page of their own and for hosts without a
    /// listener: by status, an index into `pages`.
    pub of_gateway: ErrorPages,
    /// True if local replies have no `Server` header.
    pub without_server: bool,
}

/// The bodies that the gateway buffers instead of passing them on at the pace of the slower side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffering {
    /// Request bodies: collected before a backend is selected.
    pub requests: bool,
    /// Response bodies: read from the backend as fast as it sends them.
    pub responses: bool,
}

/// Error pages by status: indices into [`LocalReplies::pages`].
pub type ErrorPages = BTreeMap<u16, usize>;

/// An error page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorPage {
    /// The media type of the body.
    pub content_type: String,
    /// The body of the response.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}
