//! The certificate of a session's worker, and its renewal.
//!
//! A worker is asked to renew its certificate after two thirds of the lifetime, after a change of the clock,
//! and when the authority is rotated. The control plane decides this by its own clock; a worker cannot renew
//! without being asked.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tidegate_shared::protocol::ToWorker;
use tokio::time::Instant;

use crate::certificates::{Certificates, State};
use crate::clock::Millis;
use crate::pki::{IssuedCertificate, PkiError};
use crate::store::{KnownCertificate, Store};

/// The time after which a worker that has not answered is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state of a worker's certificate within a session.
#[derive(Debug)]
pub(super) struct Credentials {
    store: Arc<Store>,
    certificates: Arc<Certificates>,
    /// The certificate that the worker presented, or confirmed to use from now on.
    pub(super) present: KnownCertificate,
    /// The deadline for the answer to the last request to renew.
    asked: Option<Instant>,
    /// The issued certificate that the worker has not confirmed.
    given: Option<KnownCertificate>,
}

/// The reason why a worker did not get a certificate.
#[derive(Debug, Error)]
pub(super) enum RenewalError {
    #[error("it sent an unexpected message")]
    OutOfTurn,
    #[error("its certificate does not belong to a worker")]
    UnknownWorker,
    #[error("its certificate request: {0}")]
    Request(PkiError),
}

impl Credentials {
    pub(super) fn new(
        store: Arc<Store>,
        certificates: Arc<Certificates>,
        present: KnownCertificate,
    ) -> Credentials {
        Credentials { store, certificates, present, asked: None, given: None }
    }

    /// Returns whether the certificate is outside its period of validity, so that the worker may only renew it.
    pub(super) fn has_expired(&self, now: Millis) -> bool {
        !self.present.validity.covers(now)
    }

    /// Returns a request to renew if the certificate is due and none is pending.
    pub(super) fn reminder(&mut self, now: Millis, at: Instant) -> Option<ToWorker> {
        let is_waited_for = self.asked.is_some_and(|until| at < until);
        if is_waited_for || !is_due(&self.present, &self.certificates.state(), now) {
            return None;
        }
        // A worker that could not store the issued certificate gets another one.
        (self.asked, self.given) = (Some(at + PATIENCE), None);
        Some(ToWorker::Renew)
    }

    /// Issues a certificate for the worker's request. Returns `None` if it cannot be stored now: the worker
    /// keeps its certificate and is asked again later.
    ///
    /// # Errors
    /// If the worker was not asked or is not registered any more, or if the request is invalid.
    pub(super) async fn renew(&mut self, request: &str) -> Result<Option<ToWorker>, RenewalError> {
        if self.asked.is_none() || self.given.is_some() {
            return Err(RenewalError::OutOfTurn);
        }
        let (worker, present) = (self.present.worker, &self.present.fingerprint);
        let issued = self.certificates.issue_worker(worker, request).map_err(RenewalError::Request)?;
        match self.store.add_certificate(worker, &issued, Some(present)).await {
            Ok(true) => {}
            Ok(false) => return Err(RenewalError::UnknownWorker),
            Err(error) => {
                tracing::warn!(worker.id = %worker, %error, "a worker's certificate cannot be renewed now");
                return Ok(None);
            }
        }
        let IssuedCertificate { pem, fingerprint, issuer, validity } = issued;
        self.given = Some(KnownCertificate { worker, fingerprint, issuer, validity });
        Ok(Some(ToWorker::Renewed { certificate: pem }))
    }

    /// Processes the worker's confirmation: the issued certificate replaces the previous one. If this cannot be
    /// stored, both stay valid until the worker connects again.
    ///
    /// # Errors
    /// If no certificate was issued.
    pub(super) async fn renewed(&mut self) -> Result<(), RenewalError> {
        let given = self.given.take().ok_or(RenewalError::OutOfTurn)?;
        if let Err(error) = self.store.confirm_certificate(&given).await {
            tracing::warn!(worker.id = %given.worker, %error, "could not store the renewal of a certificate");
        }
        tracing::info!(
            worker.id = %given.worker,
            expires_at = %given.validity.expires_at,
            "a worker's certificate has been renewed"
        );
        (self.present, self.asked) = (given, None);
        Ok(())
    }
}

fn is_due(certificate: &KnownCertificate, state: &State, now: Millis) -> bool {
    certificate.validity.is_due(now) || certificate.issuer != state.authorities.newest().fingerprint
}
