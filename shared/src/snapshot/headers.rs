//! What becomes of a request's headers on their way to a backend.

use serde::{Deserialize, Serialize};

/// What becomes of a request's headers on their way to a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHeaders {
    /// By which names they pass.
    pub names: HeaderNames,
    /// Whether `X-Forwarded-For` gets the client's address alone, without the port.
    pub without_client_port: bool,
}

/// The names that headers of requests pass by. Those of any other name are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderNames {
    /// Letters, digits, hyphens and underscores.
    #[default]
    Standard,
    /// Letters, digits and hyphens.
    LettersDigitsHyphens,
    /// All that RFC 9110 allows in a name.
    All,
}
