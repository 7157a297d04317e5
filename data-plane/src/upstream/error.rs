//! The errors of connections to backends, once they are open.

use std::io;

use thiserror::Error;
use tidegate_http1::Fault;

use crate::body::BoxError;
use crate::registry::CloseReason;

/// The reason why a request has no response, or why a response broke off. The text is for the log.
#[derive(Debug, Error)]
pub(crate) enum UpstreamError {
    /// The backend closed the connection within a message, or before it.
    #[error("connection closed before message completed")]
    Closed,
    #[error("connection error: {0}")]
    Io(#[from] io::Error),
    /// The response is not HTTP/1.1 that every parser would read alike.
    #[error("connection error: {0}")]
    Invalid(#[from] Fault),
    /// The connection was closed by a drain.
    #[error("{}", .0.reason())]
    Drained(CloseReason),
    /// The request's own body failed.
    #[error("error from user's Body stream: {0}")]
    RequestBody(BoxError),
    #[error("{}", with_cause(.0))]
    Http2(#[from] hyper::Error),
}

impl UpstreamError {
    /// Returns true if the connection ended before the response. An invalid response or a refusal would be the same
    /// on a second try, and a failure to read the client's body is not one of the connection.
    pub(crate) fn is_cut_off(&self) -> bool {
        match self {
            UpstreamError::Closed | UpstreamError::Drained(_) => true,
            UpstreamError::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            UpstreamError::Invalid(_) | UpstreamError::RequestBody(_) => false,
            UpstreamError::Http2(error) => is_http2_cut_off(error),
        }
    }
}

fn is_http2_cut_off(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    let broke_off = error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || source.is_some_and(|source| source.kind() != io::ErrorKind::InvalidData);
    broke_off && !error.is_user()
}

/// Returns hyper's message with its cause.
fn with_cause(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
