//! The codes of errors of HTTP requests only.

use crate::violation::code_list::codes;

codes! { CODES;
    /// The bearer token is missing.
    pub(super) const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
    /// The token is invalid: it was not issued here, or its client was revoked or has a new secret.
    pub(super) const BAD_TOKEN: &str = "InvalidAuthenticationToken";
    /// The access token has expired.
    pub(super) const OLD_TOKEN: &str = "ExpiredAuthenticationToken";
    /// The caller may not perform this operation, or used a host name that is not served.
    pub(super) const AUTHORIZATION_FAILED: &str = "AuthorizationFailed";
    /// The path does not support this method.
    pub(super) const METHOD_NOT_ALLOWED: &str = "MethodNotAllowed";
    /// The query parameter `api-version` is missing.
    pub(super) const NO_API_VERSION: &str = "MissingApiVersionParameter";
    /// The request is malformed.
    pub(super) const BAD_REQUEST: &str = "BadRequest";
    /// The body is not JSON, or not an object.
    pub(super) const BAD_BODY: &str = "InvalidRequestContent";
    /// The body is too large.
    pub(super) const BODY_TOO_LARGE: &str = "RequestContentTooLarge";
    /// Too many expensive requests of this client are waiting already. `Retry-After` is the time to wait.
    pub(super) const TOO_MANY: &str = "TooManyRequests";
    /// The request was not received in time.
    pub(super) const TOO_SLOW: &str = "RequestTimeout";
    /// The operation failed.
    pub(super) const OPERATION_FAILED: &str = "OperationFailed";
}
