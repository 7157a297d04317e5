//! How a client proves who it is: a token that somebody else has issued, or an ID and a secret for new tokens.
//!
//! Tokens of client credentials are kept in a file between commands, because a control plane spends time on each
//! secret on purpose and refuses too many of them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use form_urlencoded::Serializer;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;

use super::{ApiClient, ApiError};

/// A token is replaced this long before its end, so that it does not end on the way.
const MARGIN: Duration = Duration::from_secs(60);

/// What a request is authorized by.
#[derive(Debug)]
pub(crate) enum Credential {
    /// Nothing, for a control plane that was started with `--no-auth`.
    None,
    /// A token without an end, such as the administrator's.
    Token(Secret),
    /// OAuth 2.0 client credentials.
    Client(ClientCredential),
}

/// An API client with its secret, and its present token.
#[derive(Debug)]
pub(crate) struct ClientCredential {
    id: String,
    secret: Secret,
    tenant: String,
    /// The file that keeps the token between commands.
    cache: Option<PathBuf>,
    token: Mutex<Option<IssuedToken>>,
}

/// A token with its end, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IssuedToken {
    token: Secret,
    /// Seconds since 1970.
    expires_at: u64,
    /// The client that the token belongs to: a cache of a client that was replaced is of no use.
    client: String,
}

impl ClientCredential {
    /// A client that keeps its token in the file `cache`.
    pub(crate) fn new(
        id: String,
        secret: Secret,
        tenant: String,
        cache: Option<PathBuf>,
    ) -> ClientCredential {
        ClientCredential { id, secret, tenant, cache, token: Mutex::default() }
    }

    fn kept(&self) -> Option<IssuedToken> {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = self.cache.as_ref().and_then(|file| read(file));
        }
        kept.clone().filter(|kept| kept.client == self.id && kept.expires_at > now() + MARGIN.as_secs())
    }

    fn keep(&self, token: Option<IssuedToken>) {
        if let Some(file) = &self.cache {
            // Without the file, the next command asks for a token of its own.
            let _ = match &token {
                Some(token) => file
                    .parent()
                    .map_or(Ok(()), private_file::create_dir)
                    .and_then(|()| private_file::write(file, &serde_json::to_vec(token)?)),
                None => std::fs::remove_file(file),
            };
        }
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    async fn issue(&self, api: &ApiClient) -> Result<IssuedToken, ApiError> {
        let scope = format!("{}/.default", api.endpoint());
        let secret = std::str::from_utf8(self.secret.expose());
        let secret = secret.map_err(|_| ApiError::NoToken("the secret is not UTF-8".to_owned()))?;
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.id)
            .append_pair("client_secret", secret)
            .append_pair("scope", &scope)
            .finish();
        let path = format!("/{}/oauth2/v2.0/token", self.tenant);
        let (status, body) = api.post_form(&path, form.into_bytes()).await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let token = body["access_token"].as_str().filter(|_| status == StatusCode::OK);
        match (token, body["expires_in"].as_u64()) {
            (Some(token), Some(lifetime)) => Ok(IssuedToken {
                token: Secret::new(token.as_bytes().to_vec()),
                expires_at: now() + lifetime,
                client: self.id.clone(),
            }),
            _ => {
                let reason = body["error_description"].as_str().or(body["error"].as_str());
                Err(ApiError::NoToken(reason.map_or_else(|| status.to_string(), str::to_owned)))
            }
        }
    }
}

impl Credential {
    /// Returns the token of a request, and asks for one if there is none.
    ///
    /// # Errors
    /// The control plane cannot be reached, or it does not accept the secret.
    pub(super) async fn token(&self, api: &ApiClient) -> Result<Option<Secret>, ApiError> {
        match self {
            Credential::None => Ok(None),
            Credential::Token(token) => Ok(Some(token.clone())),
            Credential::Client(client) => {
                if let Some(kept) = client.kept() {
                    return Ok(Some(kept.token));
                }
                let issued = client.issue(api).await?;
                client.keep(Some(issued.clone()));
                Ok(Some(issued.token))
            }
        }
    }

    /// Forgets a token that was not accepted. Returns false if there can be no other.
    pub(super) fn forget(&self) -> bool {
        match self {
            Credential::None | Credential::Token(_) => false,
            Credential::Client(client) => {
                client.keep(None);
                true
            }
        }
    }
}

/// Reads a kept token. A file that others can read is not used.
fn read(file: &std::path::Path) -> Option<IssuedToken> {
    match private_file::mode_if_shared(file) {
        Ok(None) => serde_json::from_slice(private_file::read(file).ok()?.expose()).ok(),
        _ => None,
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(client: &str, lifetime: u64) -> IssuedToken {
        let token = Secret::new(b"hunter2".to_vec());
        IssuedToken { token, expires_at: now() + lifetime, client: client.to_owned() }
    }

    #[test]
    fn a_token_is_kept_for_its_client_until_shortly_before_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tidegate/token.json");
        let client = |id: &str| {
            ClientCredential::new(id.into(), Secret::new(vec![]), "common".into(), Some(file.clone()))
        };
        assert!(client("a").kept().is_none());
        client("a").keep(Some(issued("a", 1800)));
        assert_eq!(client("a").kept().unwrap().token.expose(), b"hunter2");
        assert!(client("b").kept().is_none());
        assert_eq!(private_file::mode_if_shared(&file).unwrap(), None);
        client("a").keep(Some(issued("a", 59)));
        assert!(client("a").kept().is_none());
        client("a").keep(None);
        assert!(!file.exists());
    }
}
