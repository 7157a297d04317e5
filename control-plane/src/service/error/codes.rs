//! The codes of failures of use cases, except for those of violations.

use crate::violation::code_list::codes;

codes! { CODES;
    /// The caller may write the resource, but not use one that it refers to.
    pub(super) const LINK_FORBIDDEN: &str = "LinkedAuthorizationFailed";
    /// The path does not exist.
    pub(super) const NOT_FOUND: &str = "NotFound";
    /// The subscription of a new resource is not a GUID.
    pub(super) const BAD_SUBSCRIPTION: &str = "InvalidSubscriptionId";
    /// The `api-version` is not a date, is before 2015, or is after the next year.
    pub(super) const BAD_API_VERSION: &str = "InvalidApiVersionParameter";
    /// The `api-version` is not one of the type, which the message lists.
    pub(super) const UNSUPPORTED_API_VERSION: &str = "NoRegisteredProviderFound";
    /// The resource, or its parent, does not exist.
    pub(crate) const RESOURCE_NOT_FOUND: &str = "ResourceNotFound";
    /// The operation does not exist or is no longer kept.
    pub(super) const OPERATION_NOT_FOUND: &str = "OperationNotFound";
    /// The worker does not exist.
    pub(super) const WORKER_NOT_FOUND: &str = "WorkerNotFound";
    /// The tunnel does not exist, or ended too long ago.
    pub(super) const TUNNEL_NOT_FOUND: &str = "TunnelNotFound";
    /// The worker of the tunnel does not answer. `Retry-After` is the time to wait.
    pub(super) const TUNNEL_UNKNOWN: &str = "WorkerNotAnswering";
    /// The operation closes no tunnels, or has ended, so it cannot be canceled.
    pub(super) const NO_CLOSING: &str = "OperationNotCancelable";
    /// A condition of If-Match or If-None-Match is false.
    pub(super) const PRECONDITION_FAILED: &str = "PreconditionFailed";
    /// Other resources refer to the resource, so it cannot be deleted.
    pub(super) const IN_USE: &str = "ResourceInUse";
    /// The resource is being deleted.
    pub(super) const DELETING: &str = "ResourceIsBeingDeleted";
    /// Another gateway uses this address and port.
    pub(super) const PORT_TAKEN: &str = "ApplicationGatewayFrontendPortInUse";
    /// The service is not ready.
    pub(super) const NOT_READY: &str = "ServiceUnavailable";
    /// The database is unavailable, for example because the disk is full, or another request has changed the
    /// same resource at the same time. `Retry-After` is the time to wait.
    pub(super) const UNWRITABLE: &str = "StorageUnavailable";
    /// An exported template lacks something. Only used within the result of an export.
    pub(crate) const EXPORT_INCOMPLETE: &str = "ExportTemplateCompletedWithErrors";
    /// A secret is left out of an exported template. Only used within the result of an export.
    pub(crate) const SECRET_LEFT_OUT: &str = "ExportTemplateSecretLeftOut";
    /// An internal error occurred.
    pub(crate) const INTERNAL: &str = "InternalServerError";
    /// Too many expensive requests of this client are waiting already. `Retry-After` is the time to wait.
    pub(super) const TOO_MANY: &str = "TooManyRequests";
}
