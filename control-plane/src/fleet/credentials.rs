//! The certificate of one session's worker: when the worker is asked to renew it, and what it then gets.
//!
//! A worker is asked when two thirds of the certificate's lifetime have passed, when the clock was set, and when another
//! authority is to vouch for it. The decision is made here, by our clock; the worker only does as it is told. A
//! certificate that nobody asked the worker to renew is not renewed.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tidegate_shared::protocol::ToWorker;
use tokio::time::Instant;

use crate::certificates::{Certificates, State};
use crate::clock::Millis;
use crate::pki::{IssuedCertificate, PkiError};
use crate::store::{KnownCertificate, Store};

/// How long a worker that was asked for a request may take before it is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a session knows of its worker's certificate.
#[derive(Debug)]
pub(super) struct Credentials {
    store: Arc<Store>,
    certificates: Arc<Certificates>,
    /// The certificate that the worker has shown, or said that it will show from now on.
    pub(super) present: KnownCertificate,
    /// Until when the worker may answer that it was asked to renew.
    asked: Option<Instant>,
    /// What it was given and has not confirmed.
    given: Option<KnownCertificate>,
}

/// Why a worker got no certificate.
#[derive(Debug, Error)]
pub(super) enum RenewalError {
    #[error("it said something out of turn")]
    OutOfTurn,
    #[error("its certificate is not that of a worker")]
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

    /// Whether the worker may do nothing but renew: its certificate is not good at this moment.
    pub(super) fn has_expired(&self, now: Millis) -> bool {
        !self.present.validity.covers(now)
    }

    /// What the worker is to be told now, if its certificate is to be replaced and it was not told so lately.
    pub(super) fn reminder(&mut self, now: Millis, at: Instant) -> Option<ToWorker> {
        let is_waited_for = self.asked.is_some_and(|until| at < until);
        if is_waited_for || !is_due(&self.present, &self.certificates.state(), now) {
            return None;
        }
        // A worker that could not keep what it was given gets another.
        (self.asked, self.given) = (Some(at + PATIENCE), None);
        Some(ToWorker::Renew)
    }

    /// Issues what the worker asks for. None when it cannot be stored at present: the worker keeps what it has, and is
    /// reminded again.
    ///
    /// # Errors
    /// It was not asked, it is known no more, or its request is none.
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
                tracing::warn!(worker.id = %worker, %error, "a worker's certificate cannot be renewed at present");
                return Ok(None);
            }
        }
        let IssuedCertificate { pem, fingerprint, issuer, validity } = issued;
        self.given = Some(KnownCertificate { worker, fingerprint, issuer, validity });
        Ok(Some(ToWorker::Renewed { certificate: pem }))
    }

    /// The worker has kept what it was given: that takes the place of what it had. If this cannot be stored, both are
    /// good until the worker dials again.
    ///
    /// # Errors
    /// It was given nothing.
    pub(super) async fn renewed(&mut self) -> Result<(), RenewalError> {
        let given = self.given.take().ok_or(RenewalError::OutOfTurn)?;
        if let Err(error) = self.store.confirm_certificate(&given).await {
            tracing::warn!(worker.id = %given.worker, %error, "cannot note that a worker's certificate was renewed");
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
