//! Fetches the secrets of vaults that certificates refer to, of Azure Key Vault and of OpenBao or HashiCorp Vault.
//!
//! Authors of gateways choose the references, so only vaults are asked for which the operator has put credentials into the
//! directory of `--key-vault-credentials`; no other server gets a request. Redirects are not followed. No reason of a
//! failure repeats a credential or any part of a secret. Nothing is decided or stored here.

mod challenge;
mod credentials;
mod http;
mod key_vault;
mod kv;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_shared::secret::Secret;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use self::credentials::{Credentials, CredentialsError};
use self::http::Http;
use crate::arm::certificate::FetchFault;
use crate::arm::secret_reference::{SecretPlace, SecretReference};
use crate::fair_share::{Bounds, FairShare, QueueFull};
use crate::fetch_policy::FetchDeny;

/// The time limit for all secrets of one body, from the beginning of its turn.
const DEADLINE: Duration = Duration::from_secs(30);

/// The number of bodies whose secrets are fetched at once: eight, and two for each client.
const SHARES: Bounds = Bounds { total: 8, each: 2, waiting: 64 };

/// A secret as a vault returns it, in the form in which certificates are sent.
#[derive(Debug)]
pub(super) struct VaultSecret {
    /// The chain with its key, as in `data` of a certificate.
    pub(super) server: Secret,
    /// The password of `server`, if it is a PFX with one.
    pub(super) password: Secret,
    /// The certificates alone, as in `data` of a trusted root certificate.
    pub(super) authorities: Secret,
}

impl VaultSecret {
    /// A secret that consists of one text.
    fn of_text(text: &str) -> VaultSecret {
        let secret = || Secret::new(text.as_bytes().to_vec());
        VaultSecret { server: secret(), password: Secret::new(Vec::new()), authorities: secret() }
    }
}

/// Fetches secrets.
#[derive(Clone, Debug)]
pub(super) struct Vaults {
    turns: FairShare<String>,
    deadline: Duration,
    /// The directory with a file of credentials for each vault.
    credentials: Option<Arc<Path>>,
    deny: Arc<FetchDeny>,
}

/// The requests to one vault for one body.
struct Session {
    http: Http,
    credentials: Credentials,
    /// The token of the vault, once there is one.
    token: Option<Zeroizing<String>>,
    /// The reason why the vault is not asked again.
    down: Option<FetchFault>,
}

impl Vaults {
    /// Fetches with the credentials in that directory. The authority of a vault, which grants tokens, is not asked at an
    /// address that `deny` refuses, unless the operator names it.
    pub(super) fn new(credentials: Option<PathBuf>, deny: FetchDeny) -> Vaults {
        let credentials = credentials.map(Into::into);
        Vaults { turns: FairShare::new(SHARES), deadline: DEADLINE, credentials, deny: Arc::new(deny) }
    }

    /// Fetches secrets by their references, one after the other, when it is the client's turn.
    pub(super) async fn fetch(
        &self,
        references: Vec<String>,
        client: &String,
    ) -> Vec<(String, Result<VaultSecret, FetchFault>)> {
        if references.is_empty() {
            return Vec::new();
        }
        // Waiting for other clients does not count towards the time limit.
        let turn = self.turns.take(client).await;
        let deadline = Instant::now() + self.deadline;
        let mut sessions = HashMap::new();
        let mut fetched = Vec::with_capacity(references.len());
        for reference in references {
            let outcome = match (&turn, SecretReference::parse(&reference)) {
                (Err(QueueFull), _) => {
                    let reason = "too many certificates of this client are waiting to be fetched";
                    Err(FetchFault::Unreachable(reason.to_owned()))
                }
                (_, Err(error)) => Err(FetchFault::Refused(error.to_string())),
                (Ok(_), Ok(parsed)) => self.fetch_one(&parsed, &mut sessions, deadline).await,
            };
            fetched.push((reference, outcome));
        }
        fetched
    }

    async fn fetch_one(
        &self,
        reference: &SecretReference,
        sessions: &mut HashMap<String, Session>,
        deadline: Instant,
    ) -> Result<VaultSecret, FetchFault> {
        let host = &reference.host;
        if !sessions.contains_key(host) {
            let session = self.open(host).inspect_err(|fault| {
                tracing::warn!(vault = host, reason = fault.reason(), "a vault cannot be asked");
            })?;
            sessions.insert(host.clone(), session);
        }
        let session = sessions.get_mut(host).expect("it was inserted before");
        if let Some(fault) = &session.down {
            return Err(fault.clone());
        }
        let asked = async {
            match &reference.place {
                SecretPlace::KeyVault { .. } => key_vault::fetch(session, reference, &self.deny).await,
                SecretPlace::Kv { path, version } => kv::fetch(session, reference, (path, *version)).await,
            }
        };
        let late = || {
            let limit = self.deadline.as_secs();
            Err(FetchFault::Unreachable(format!("the vault {host} did not answer within {limit} s")))
        };
        let outcome = timeout_at(deadline, asked).await.unwrap_or_else(|_| late());
        if let Err(fault @ FetchFault::Unreachable(_)) = &outcome {
            session.down = Some(fault.clone());
        }
        outcome
    }

    /// Reads the credentials for a vault.
    fn open(&self, host: &str) -> Result<Session, FetchFault> {
        let file = credentials::file_name(host);
        let unusable = || {
            let reason = format!(
                "the file '{file}' of --key-vault-credentials cannot be used; the log has the reason"
            );
            FetchFault::Refused(reason)
        };
        let Some(directory) = &self.credentials else {
            let reason = format!(
                "there are no credentials for the vault {host}: start the control plane with --key-vault-credentials DIR \
                 and put the file '{file}' into that directory"
            );
            return Err(FetchFault::Refused(reason));
        };
        let credentials = match Credentials::read(&directory.join(&file)) {
            Ok(credentials) => credentials,
            Err(CredentialsError::Absent) => {
                let reason = format!("the directory of --key-vault-credentials has no file '{file}'");
                return Err(FetchFault::Refused(reason));
            }
            Err(error) => {
                tracing::error!(vault = host, file, %error, "the credentials for a vault cannot be used");
                return Err(unusable());
            }
        };
        let http = Http::new(&credentials).map_err(|error| {
            tracing::error!(vault = host, %error, "the certificate authorities for a vault cannot be used");
            unusable()
        })?;
        Ok(Session { http, credentials, token: None, down: None })
    }
}
