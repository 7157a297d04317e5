//! What can go wrong with a request for a token, in the shape of RFC 6749, section 5.2, which is not ARM's.

use thiserror::Error;

/// Why there is no token.
#[derive(Debug, Error)]
pub(in crate::api) enum OAuthError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("There is no such client, or this is not its secret.")]
    InvalidClient {
        /// Whether the secret came in the header: then the answer has to say so.
        by_header: bool,
    },
    #[error("Only client_credentials are served.")]
    UnsupportedGrant,
    #[error("There is no tenant '{0}' here.")]
    UnknownTenant(String),
    #[error("Too many ask at once. Come back in a second.")]
    Busy,
}

impl OAuthError {
    /// The error code: those of the RFC, of its section on the other endpoint, and Azure's for a tenant.
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
