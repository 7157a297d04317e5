//! What the gateway itself says to clients, where no backend does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::base64_bytes;

/// How a gateway words its own answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The error pages of the gateway and of its listeners, each once.
    pub pages: Vec<Page>,
    /// Which page goes with a status, where the listener has none for it, or none answers for the request's host: by
    /// status, an index into `pages`.
    pub of_gateway: ErrorPages,
    /// Whether they come without a `Server` header.
    pub without_server: bool,
}

/// Which bodies the gateway holds instead of passing them on at the pace of the slower side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffering {
    /// Those of requests: collected before a backend is asked.
    pub requests: bool,
    /// Those of responses: taken from the backend as fast as it sends them.
    pub responses: bool,
}

/// Error pages by status: indices into [`Answers::pages`].
pub type ErrorPages = BTreeMap<u16, usize>;

/// An error page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its media type.
    pub content_type: String,
    /// What clients get.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}
