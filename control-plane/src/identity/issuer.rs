//! Gives tokens out and takes them back: what they say, for how long they are good, and whom they are for.

use tidegate_shared::secret::Secret;
use uuid::Uuid;

use super::token::{BadKey, Claims, Signer, TokenError};

/// How long a token is good for, in seconds: half an hour. It bounds how long a stolen one is of use; a client that is
/// revoked is out at once anyway. Clients fetch a new one when a few minutes are left, so that shorter ones would
/// cost a hash every other minute.
pub const LIFETIME: i64 = 30 * 60;

/// This installation, to API clients.
#[derive(Debug)]
pub struct Issuer {
    tenant: Uuid,
    audience: String,
    signer: Signer,
}

/// Whom a token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The client.
    pub client: Uuid,
    /// Which of its secrets it showed for the token.
    pub secret_number: i64,
}

impl Issuer {
    /// Of that tenant, with that signing key.
    ///
    /// # Errors
    /// Bytes that are no key.
    pub fn new(tenant: Uuid, key: &Secret) -> Result<Issuer, BadKey> {
        Ok(Issuer { tenant, audience: format!("urn:tidegate:{tenant}"), signer: Signer::new(key)? })
    }

    /// The tenant.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The public half of the key, as a JSON Web Key.
    pub fn public_key(&self) -> serde_json::Value {
        self.signer.public_key()
    }

    /// The issuer's URL on the host that the client used.
    pub fn url(&self, base: &str) -> String {
        format!("{base}/{}/v2.0", self.tenant)
    }

    /// A token for a client that has shown its secret. `base` is the scheme and host that it used, `now` is in
    /// seconds since 1970.
    pub fn issue(&self, bearer: Bearer, base: &str, now: i64) -> String {
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

    /// Whom a token names. That this client may still come is for the caller to find out.
    ///
    /// # Errors
    /// Why the token is not taken.
    pub fn bearer(&self, token: &str, now: i64) -> Result<Bearer, TokenError> {
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
