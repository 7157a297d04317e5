//! The reasons for which a session ends, and those that are sent to the peer.

use std::io;

use thiserror::Error;
use tidegate_shared::meter::Stalled;
use tidegate_shared::protocol::{RefusalCause, VERSION};

use crate::fleet::credentials::RenewalError;
use crate::pki::PkiError;
use crate::store::{StoreError, TokenRefused};

/// The reason for which a session ended.
#[derive(Debug, Error)]
pub(super) enum SessionError {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("it did not authenticate in time")]
    NoIntroduction,
    #[error("its place was needed for another unauthenticated connection")]
    Evicted,
    #[error("it sends nothing: {0}")]
    Silence(Stalled),
    #[error("it receives nothing: {0}")]
    Stuck(Stalled),
    #[error("it speaks version {0} of the channel, not {VERSION}")]
    Version(u32),
    #[error("its certificate does not belong to a worker")]
    UnknownWorker,
    #[error("it sent an unexpected message")]
    OutOfTurn,
    #[error(transparent)]
    Token(#[from] TokenRefused),
    #[error("its certificate request: {0}")]
    Request(PkiError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its new certificate cannot be stored now")]
    NotStored,
}

impl From<RenewalError> for SessionError {
    fn from(error: RenewalError) -> SessionError {
        match error {
            RenewalError::OutOfTurn => SessionError::OutOfTurn,
            RenewalError::UnknownWorker => SessionError::UnknownWorker,
            RenewalError::Request(error) => SessionError::Request(error),
        }
    }
}

impl SessionError {
    /// Returns the label under which a connection that ended before authentication is counted.
    pub(super) fn cause(&self) -> &'static str {
        match self {
            SessionError::Evicted => "evicted",
            SessionError::NoIntroduction => "timeout",
            SessionError::Io(_) | SessionError::Silence(_) | SessionError::Stuck(_) => "connection",
            SessionError::Version(_)
            | SessionError::UnknownWorker
            | SessionError::OutOfTurn
            | SessionError::Token(_)
            | SessionError::Request(_)
            | SessionError::Store(_)
            | SessionError::NotStored => "refused",
        }
    }

    /// Returns the reason to send to the peer, if any. Errors of the control plane itself are not disclosed.
    pub(super) fn refusal(&self) -> Option<(RefusalCause, String)> {
        let cause = match self {
            SessionError::UnknownWorker => RefusalCause::UnknownWorker,
            SessionError::Token(_) => RefusalCause::Token,
            _ => RefusalCause::Other,
        };
        let reason = match self {
            SessionError::Version(_)
            | SessionError::UnknownWorker
            | SessionError::OutOfTurn
            | SessionError::Token(_)
            | SessionError::Request(_) => Some(self.to_string()),
            SessionError::NotStored => Some(self.to_string()),
            SessionError::Store(_) => Some("the control plane cannot read its database now".to_owned()),
            SessionError::Io(_)
            | SessionError::NoIntroduction
            | SessionError::Evicted
            | SessionError::Silence(_)
            | SessionError::Stuck(_) => None,
        };
        reason.map(|reason| (cause, reason))
    }
}
