//! The errors of a start, in a module of their own below those that open files and sockets.

use std::io;

use thiserror::Error;

use crate::config::ConfigError;
use crate::pki::PkiError;
use crate::store::StoreError;

/// The reason why a control plane could not start, or a data directory could not be used.
#[derive(Debug, Error)]
pub enum StartError {
    /// An unsafe configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file cannot be used, or an address cannot be bound.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The certificate authority or a configured certificate cannot be used.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// TLS cannot use a certificate and key.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A database error.
    #[error(transparent)]
    Store(#[from] StoreError),
}
