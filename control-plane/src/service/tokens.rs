//! Access tokens of API clients.

use std::net::IpAddr;

use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::clock::Millis;
use crate::identity::access::Client;
use crate::identity::issuer::Bearer;
use crate::identity::secret;
use crate::identity::token::TokenError;
use crate::store::ApiClient;

use super::secret_check::Refused;
use super::{Service, ServiceError};

/// A client to which a token may be issued.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The API client.
    pub(crate) bearer: Bearer,
    /// The present time, in seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// The reason why no token is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantRefused {
    /// The client does not exist, or the secret is wrong.
    Wrong,
    /// The address has failed too often, or has too many checks in progress.
    TooMany,
}

impl Service {
    /// Returns the API client to which an access token was issued.
    ///
    /// # Errors
    /// An error of the store. The inner error is that of the token.
    pub(crate) async fn client_of_token(
        &self,
        token: &str,
    ) -> Result<Result<ApiClient, TokenError>, ServiceError> {
        let bearer = match self.issuer.bearer(token, Millis::now().0 / 1000) {
            Ok(bearer) => bearer,
            Err(error) => return Ok(Err(error)),
        };
        let client = self.store.client(bearer.client).await?.map(|(client, _)| client);
        let client = client.filter(|client| client.secret_number == bearer.secret_number);
        Ok(client.ok_or(TokenError::Invalid))
    }

    /// Returns the present rights of an API client; `None` if it was revoked.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn rights_of(&self, app_id: Uuid) -> Result<Option<Client>, ServiceError> {
        let found = self.store.client(app_id).await?;
        let rights = |known: ApiClient| Client { app_id, role: known.role, scopes: known.scopes };
        Ok(found.map(|(known, _)| rights(known)))
    }

    /// Verifies the credentials of an API client. `from` is its address, if known.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn grant(
        &self,
        client: &str,
        secret: &Secret,
        from: Option<IpAddr>,
    ) -> Result<Result<Granted, GrantRefused>, ServiceError> {
        let known = match client.parse::<Uuid>() {
            Ok(id) => self.store.client(id).await?,
            Err(_) => None,
        };
        let (known, hash) = known.unzip();
        let accepted = self.secrets.accept(secret, hash.clone(), from).await;
        let (known, is_old) = match (known, accepted) {
            (Some(known), Ok(is_old)) => (known, is_old),
            (_, Err(Refused::TooMany)) => return Ok(Err(GrantRefused::TooMany)),
            _ => {
                tracing::info!("a token was refused: the client does not exist or the secret is wrong");
                return Ok(Err(GrantRefused::Wrong));
            }
        };
        if let (true, Some(old)) = (is_old, hash) {
            // A failure of the database does not prevent the token; the next successful use retries.
            if let Err(error) = self.store.rehash_client(known.app_id, &old, &secret::hash(secret)).await {
                tracing::warn!(client.id = %known.app_id, %error, "could not replace an old secret hash");
            }
        }
        tracing::info!(client = known.name, client.id = %known.app_id, "a token was issued");
        let bearer = Bearer { client: known.app_id, secret_number: known.secret_number };
        Ok(Ok(Granted { bearer, now: Millis::now().0 / 1000 }))
    }
}
