//! The treatment of a request's headers before it is forwarded.

use serde::{Deserialize, Serialize};

/// The treatment of a request's headers before it is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHeaders {
    /// The header names that are forwarded.
    pub names: HeaderNames,
    /// True if `X-Forwarded-For` gets the client's address without its port.
    pub without_client_port: bool,
}

/// The characters in the names of forwarded request headers. Headers with other names are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderNames {
    /// Letters, digits, hyphens and underscores.
    #[default]
    Standard,
    /// Letters, digits and hyphens.
    LettersDigitsHyphens,
    /// Every character that RFC 9110 allows in a name.
    All,
}
