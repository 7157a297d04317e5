//! The codes of failures of use cases, except for those of violations.

use crate::violation::code_list::codes;

codes! { CODES;
    /// The caller may write the resource, but not use one that it refers to.
    pub(super) const LINK_FORBIDDEN: &str = "LinkedAuthorizationFailed";
    /// There is nothing at that path.
    pub(super) const NOT_FOUND: &str = "NotFound";
    /// The `api-version` is no date, or one before 2015.
    pub(super) const BAD_API_VERSION: &str = "InvalidApiVersionParameter";
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
    /// The service is not ready.
    pub(super) const NOT_READY: &str = "ServiceUnavailable";
    /// The database cannot be used at present, because of a full disk for example. `Retry-After` says when to try again.
    pub(super) const UNWRITABLE: &str = "StorageUnavailable";
    /// The service failed.
    pub(super) const INTERNAL: &str = "InternalServerError";
    /// Too many requests of one client that take much work wait already. `Retry-After` says when to try again.
    pub(super) const TOO_MANY: &str = "TooManyRequests";
}
