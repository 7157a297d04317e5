//! Registered workers and their certificates.

use thiserror::Error;
use tidegate_shared::id::WorkerId;

use crate::clock::Millis;
use crate::pki::Validity;

/// The token was never issued, has been used, or has expired. The message does not distinguish the cases.
#[derive(Debug, Error)]
#[error("the join token is not valid: it may have been used, or be older than a day")]
pub(crate) struct TokenRefused;

/// A registered worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinedWorker {
    pub(crate) id: WorkerId,
    /// The time of joining.
    pub(crate) joined_at: Millis,
    /// The time at which it was last known to be connected; 0 if it never was.
    pub(crate) seen_at: Millis,
    /// The newest certificate.
    pub(crate) certificate: Option<KnownCertificate>,
}

/// A worker's certificate, identified by its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownCertificate {
    pub(crate) worker: WorkerId,
    /// The SHA-256 of the certificate in hexadecimal.
    pub(crate) fingerprint: String,
    /// The SHA-256 of the issuing authority's certificate; empty if unknown.
    pub(crate) issuer: String,
    /// The period of validity.
    pub(crate) validity: Validity,
}
