//! The codes of failures that only a request can have, beside those of the use cases.

use crate::violation::code_list::codes;

codes! { CODES;
    /// The bearer token is missing, unknown or has expired.
    pub(super) const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
    /// The access token is not valid: it was not made here, or its client was revoked or has a new secret.
    pub(super) const BAD_TOKEN: &str = "InvalidAuthenticationToken";
    /// The access token's time is over.
    pub(super) const OLD_TOKEN: &str = "ExpiredAuthenticationToken";
    /// The caller may not do this, or came under a name that is not served.
    pub(super) const AUTHORIZATION_FAILED: &str = "AuthorizationFailed";
    /// The path is there, but not for that method.
    pub(super) const METHOD_NOT_ALLOWED: &str = "MethodNotAllowed";
    /// The query parameter `api-version` is missing.
    pub(super) const NO_API_VERSION: &str = "MissingApiVersionParameter";
    /// The request is malformed.
    pub(super) const BAD_REQUEST: &str = "BadRequest";
    /// The body is not JSON, or not an object.
    pub(super) const BAD_BODY: &str = "InvalidRequestContent";
    /// The body is too large.
    pub(super) const BODY_TOO_LARGE: &str = "RequestContentTooLarge";
    /// Too many requests of one client that take much work wait already. `Retry-After` says when to try again.
    pub(super) const TOO_MANY: &str = "TooManyRequests";
    /// The request took too long to arrive.
    pub(super) const TOO_SLOW: &str = "RequestTimeout";
    /// The operation failed.
    pub(super) const OPERATION_FAILED: &str = "OperationFailed";
}
