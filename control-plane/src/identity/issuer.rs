//! Issues and verifies access tokens: their content, lifetime and bearer.

use tidegate_shared::secret::Secret;
use uuid::Uuid;

use super::token::{BadKey, Claims, Signer, TokenError};

/// The lifetime of a token in seconds: half an hour. It bounds the use of a stolen token; revoking a client
/// takes effect at once. Clients renew a token a few minutes before it expires, so a shorter lifetime would
/// cause much more frequent requests.
pub(crate) const LIFETIME: i64 = 30 * 60;

/// The issuer of access tokens of this installation.
#[derive(Debug)]
pub(crate) struct Issuer {
    tenant: Uuid,
    audience: String,
    signer: Signer,
}

/// The client that a token identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The client's ID.
    pub(crate) client: Uuid,
    /// The number of the client's secret for which the token was issued.
    pub(crate) secret_number: i64,
}

impl Issuer {
    /// Creates an issuer for the tenant, with this signing key.
    ///
    /// # Errors
    /// If the bytes are not a valid key.
    pub(crate) fn new(tenant: Uuid, key: &Secret) -> Result<Issuer, BadKey> {
        Ok(Issuer { tenant, audience: format!("urn:tidegate:{tenant}"), signer: Signer::new(key)? })
    }

    /// The tenant's ID.
    pub(crate) fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The public half of the key, as a JSON Web Key.
    pub(crate) fn public_key(&self) -> serde_json::Value {
        self.signer.public_key()
    }

    /// The issuer's URL on the host that the client used.
    pub(crate) fn url(&self, base: &str) -> String {
        format!("{base}/{}/v2.0", self.tenant)
    }

    /// Issues a token to a client that has presented its secret. `base` is the scheme and host that the client
    /// used, `now` the time in seconds since 1970.
    pub(crate) fn issue(&self, bearer: Bearer, base: &str, now: i64) -> String {
        let Bearer { client, secret_number } = bearer;
        self.signer.sign(&Claims {
            iss: self.url(base),
            aud: self.audience.clone(),
            sub: client,
            appid: client,
            oid: client,
            tid: self.tenant,
            iat: now,
            nbf: now,
            exp: now + LIFETIME,
            jti: Uuid::new_v4(),
            secret_number,
        })
    }

    /// Returns the bearer of a token. The caller checks that the client still exists.
    ///
    /// # Errors
    /// The reason why the token is rejected.
    pub(crate) fn bearer(&self, token: &str, now: i64) -> Result<Bearer, TokenError> {
        let claims = self.signer.read(token, &self.audience, now)?;
        Ok(Bearer { client: claims.sub, secret_number: claims.secret_number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::token::new_key;

    #[test]
    fn a_token_is_good_for_its_time_and_its_tenant() {
        let key = new_key();
        let issuer = Issuer::new(Uuid::from_u128(1), &key).unwrap();
        let bearer = Bearer { client: Uuid::from_u128(7), secret_number: 2 };
        let token = issuer.issue(bearer, "https://localhost:1", 1000);
        assert_eq!(issuer.bearer(&token, 1000 + LIFETIME - 1), Ok(bearer));
        assert_eq!(issuer.bearer(&token, 1000 + LIFETIME), Err(TokenError::Expired));
        let other = Issuer::new(Uuid::from_u128(2), &key).unwrap();
        assert_eq!(other.bearer(&token, 1000), Err(TokenError::Invalid));
    }
}
