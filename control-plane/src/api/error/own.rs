//! Every code that the API itself refuses with, beside those of violations.

use crate::violation::code_list::codes;

codes! { CODES;
    /// The bearer token is missing, unknown or has expired.
    pub(super) const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
    /// The access token is not valid: it was not made here, or its client was revoked or has a new secret.
    pub(super) const BAD_TOKEN: &str = "InvalidAuthenticationToken";
    /// The access token's time is over.
    pub(super) const OLD_TOKEN: &str = "ExpiredAuthenticationToken";
    /// The caller may write the resource, but not use one that it refers to.
    pub(super) const LINK_FORBIDDEN: &str = "LinkedAuthorizationFailed";
    /// The caller may not do this, or came under a name that is not served.
    pub(super) const AUTHORIZATION_FAILED: &str = "AuthorizationFailed";
    /// There is nothing at that path.
    pub(super) const NOT_FOUND: &str = "NotFound";
    /// The path is there, but not for that method.
    pub(super) const METHOD_NOT_ALLOWED: &str = "MethodNotAllowed";
    /// The query parameter `api-version` is missing.
    pub(super) const NO_API_VERSION: &str = "MissingApiVersionParameter";
    /// The `api-version` is no date, or one before 2015.
    pub(super) const BAD_API_VERSION: &str = "InvalidApiVersionParameter";
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
    /// The resource, or one that it would be in, is not there.
    pub(super) const RESOURCE_NOT_FOUND: &str = "ResourceNotFound";
    /// The operation is not there, or was forgotten.
    pub(super) const OPERATION_NOT_FOUND: &str = "OperationNotFound";
    /// The worker is not known.
    pub(super) const WORKER_NOT_FOUND: &str = "WorkerNotFound";
    /// A condition of If-Match or If-None-Match does not hold.
    pub(super) const PRECONDITION_FAILED: &str = "PreconditionFailed";
    /// Something refers to the resource, so it cannot be deleted.
    pub(super) const IN_USE: &str = "ResourceInUse";
    /// The resource is being deleted.
    pub(super) const DELETING: &str = "ResourceIsBeingDeleted";
    /// Another gateway has that address and port.
    pub(super) const PORT_TAKEN: &str = "ApplicationGatewayFrontendPortInUse";
    /// The operation failed.
    pub(super) const OPERATION_FAILED: &str = "OperationFailed";
    /// The service is not ready.
    pub(super) const NOT_READY: &str = "ServiceUnavailable";
    /// The database cannot be used at present, because of a full disk for example. `Retry-After` says when to try again.
    pub(super) const UNWRITABLE: &str = "StorageUnavailable";
    /// The service failed.
    pub(super) const INTERNAL: &str = "InternalServerError";
}
