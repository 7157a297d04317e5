//! The errors of requests for a token, in the shape of RFC 6749, section 5.2, which differs from ARM's.

use thiserror::Error;

/// The reason why no token is issued.
#[derive(Debug, Error)]
pub(in crate::api) enum OAuthError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("The client does not exist, or the secret is wrong.")]
    InvalidClient {
        /// True if the secret was in the header; the response then needs `WWW-Authenticate`.
        by_header: bool,
    },
    #[error("Only the grant type client_credentials is supported.")]
    UnsupportedGrant,
    #[error("The tenant '{0}' does not exist.")]
    UnknownTenant(String),
    #[error("Too many requests. Retry in a second.")]
    Busy,
}

impl OAuthError {
    /// Returns the error code: those of RFC 6749, including one of the authorization endpoint, and Azure's for
    /// an unknown tenant.
    pub(in crate::api) fn code(&self) -> &'static str {
        match self {
            OAuthError::InvalidRequest(_) => "invalid_request",
            OAuthError::InvalidClient { .. } => "invalid_client",
            OAuthError::UnsupportedGrant => "unsupported_grant_type",
            OAuthError::UnknownTenant(_) => "invalid_tenant",
            OAuthError::Busy => "temporarily_unavailable",
        }
    }
}
