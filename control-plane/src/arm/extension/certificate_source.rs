//! The source of a certificate that is not sent by clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The place from which the control plane reads the server certificate of the same name, in place of its `data`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CertificateSource {
    /// The kind of the source.
    pub(crate) kind: CertificateSourceKind,
    /// The file with the certificate chain, PEM: a path below the directory of `--certificate-files`. Required.
    pub(crate) certificate_path: Option<String>,
    /// The file with the private key, PEM: a path below the directory of `--certificate-files`. Required; it may be the
    /// same file.
    pub(crate) key_path: Option<String>,
}

/// The kind of a certificate's source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum CertificateSourceKind {
    /// Files of the control plane's machine, which are read again when they change.
    #[default]
    File,
}
