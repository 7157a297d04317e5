//! Access tokens: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, signed with ES256.
//!
//! There is one algorithm and one key: the header of a token must equal the one written here byte for byte, so
//! an attacker cannot choose anything in it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

/// The tolerance for a clock that was set back after a token was issued, in seconds.
const LEEWAY: i64 = 60;

/// The maximum length of a token in bytes. Own tokens have a third of it.
const MAX_TOKEN: usize = 4096;

/// The claims of a token. Times are seconds since 1970 (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The issuer's URL, with the host as the client spelled it in the token request.
    pub(crate) iss: String,
    /// The audience: this installation.
    pub(crate) aud: String,
    /// The client's ID.
    pub(crate) sub: Uuid,
    /// The client's ID again, where Azure's clients expect it.
    pub(crate) appid: Uuid,
    /// The client's ID again, where Azure's clients expect it.
    pub(crate) oid: Uuid,
    /// The tenant's ID.
    pub(crate) tid: Uuid,
    /// The time of issue.
    pub(crate) iat: i64,
    /// The start of validity.
    pub(crate) nbf: i64,
    /// The end of validity.
    pub(crate) exp: i64,
    /// The token's ID.
    pub(crate) jti: Uuid,
    /// The number of the client's secret for which the token was issued. A new secret invalidates the token.
    pub(crate) secret_number: i64,
}

/// The reason why a token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum TokenError {
    /// The token was not issued here, was modified, or is for another audience.
    #[error("the token is not valid")]
    Invalid,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
}

/// The stored bytes are not a valid signing key.
#[derive(Debug, Error)]
#[error("the stored signing key cannot be used")]
pub(crate) struct BadKey;

/// Signs and verifies tokens.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    key_id: String,
    /// The encoded header of every token.
    header: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Generates a key, PKCS #8.
pub(crate) fn new_key() -> Secret {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    Secret::new(key.expect("the system gives randomness").as_ref().to_vec())
}

impl Signer {
    /// Creates a signer with this key.
    ///
    /// # Errors
    /// If the bytes are not a valid key.
    pub(crate) fn new(key: &Secret) -> Result<Signer, BadKey> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.expose()).map_err(|_| BadKey)?;
        let key_id = thumbprint(&pair);
        let header = encode(&json!({"typ": "JWT", "alg": "ES256", "kid": key_id}));
        Ok(Signer { pair, key_id, header })
    }

    /// The public key, as a JSON Web Key (RFC 7517).
    pub(crate) fn public_key(&self) -> Value {
        let (x, y) = coordinates(&self.pair);
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256", "kid": self.key_id})
    }

    /// Returns a token with these claims.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let said = format!("{}.{}", self.header, encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), said.as_bytes());
        let signature = signature.expect("the system gives randomness");
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Verifies that a token was signed here, is for `audience` and is valid at `now`. Returns its claims.
    ///
    /// # Errors
    /// The reason why the token is rejected.
    pub(crate) fn read(&self, token: &str, audience: &str, now: i64) -> Result<Claims, TokenError> {
        let (said, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let (header, claims) = said.split_once('.').ok_or(TokenError::Invalid)?;
        if token.len() > MAX_TOKEN || header != self.header {
            return Err(TokenError::Invalid);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Invalid)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key())
            .verify(said.as_bytes(), &signature)
            .map_err(|_| TokenError::Invalid)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Invalid)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Invalid)?;
        if claims.aud != audience || claims.nbf > now.saturating_add(LEEWAY) {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now { Err(TokenError::Expired) } else { Ok(claims) }
    }
}

fn encode(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("it is plain data"))
}

/// Returns the coordinates of the public key, an uncompressed point with the prefix 4.
fn coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref();
    let (x, y) = point.split_at_checked(33).unwrap_or((point, &[]));
    (URL_SAFE_NO_PAD.encode(x.get(1..).unwrap_or_default()), URL_SAFE_NO_PAD.encode(y))
}

/// Returns the key's ID: its thumbprint by RFC 7638, the hash of its members in lexicographic order.
fn thumbprint(pair: &EcdsaKeyPair) -> String {
    let (x, y) = coordinates(pair);
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn claims() -> Claims {
        Claims {
            iss: "https://localhost/tenant/v2.0".to_owned(),
            aud: "here".to_owned(),
            sub: Uuid::from_u128(1),
            appid: Uuid::from_u128(1),
            oid: Uuid::from_u128(1),
            tid: Uuid::from_u128(2),
            iat: NOW,
            nbf: NOW,
            exp: NOW + 100,
            jti: Uuid::from_u128(3),
            secret_number: 1,
        }
    }

    fn part(value: &Value) -> String {
        encode(value)
    }

    #[test]
    fn a_token_is_good_here_and_in_its_time() {
        let key = new_key();
        let (signer, again) = (Signer::new(&key).unwrap(), Signer::new(&key).unwrap());
        let token = signer.sign(&claims());
        assert!(token.len() < MAX_TOKEN / 3);
        assert_eq!(again.read(&token, "here", NOW), Ok(claims()));
        assert_eq!(again.read(&token, "here", NOW - LEEWAY), Ok(claims()), "the clock was set back a little");
        assert_eq!(again.read(&token, "here", NOW - LEEWAY - 1), Err(TokenError::Invalid));
        assert_eq!(again.read(&token, "here", NOW + 99), Ok(claims()));
        assert_eq!(again.read(&token, "here", NOW + 100), Err(TokenError::Expired));
        assert_eq!(again.read(&token, "elsewhere", NOW), Err(TokenError::Invalid));
        let other = Signer::new(&new_key()).unwrap();
        assert_eq!(other.read(&token, "here", NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn what_was_tampered_with_is_no_token() {
        let signer = Signer::new(&new_key()).unwrap();
        let token = signer.sign(&claims());
        let [header, said, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let richer = encode(&Claims { exp: NOW + 1_000_000, ..claims() });
        let none = part(&json!({"typ": "JWT", "alg": "none"}));
        let hmac = part(&json!({"typ": "JWT", "alg": "HS256", "kid": signer.key_id}));
        let more = format!("{token}A");
        for bad in [
            "",
            ".",
            "..",
            "a.b.c",
            &token[1..],
            &token[..token.len() - 1],
            &more,
            &format!("{header}.{richer}.{signature}"),
            &format!("{none}.{said}."),
            &format!("{none}.{said}.{signature}"),
            &format!("{hmac}.{said}.{signature}"),
            &format!("{header}.{said}"),
            &format!("{header}.{said}.{signature}.{signature}"),
            &"a".repeat(10_000),
        ] {
            assert_eq!(signer.read(bad, "here", NOW), Err(TokenError::Invalid), "{bad}");
        }
    }

    #[test]
    fn the_public_key_is_enough_to_check_a_token_and_nothing_else_shows() {
        let key = new_key();
        let signer = Signer::new(&key).unwrap();
        let public = signer.public_key();
        let half = |name: &str| URL_SAFE_NO_PAD.decode(public[name].as_str().unwrap()).unwrap();
        let point = [vec![4], half("x"), half("y")].concat();
        let token = signer.sign(&claims());
        let (said, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(said.as_bytes(), &signature).unwrap();
        assert!(public.get("d").is_none());
        assert!(!format!("{signer:?}").contains("pair"));
        assert!(Signer::new(&Secret::new(vec![1; 10])).is_err());
    }

    /// The key was generated with the library `ring`.
    #[test]
    fn keys_of_other_libraries_are_read() {
        let key = concat!(
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMjo6mbI4bJ8JJzlNSvw3zBU-zq01qJNG9K3BUYczCOOh",
            "RANCAAQKgoTLfdFimYDmpVyELWkNjFqnLrbGxwC_QEZqVBMeTSa8RpesQuqSPIAQXlyEt9U3PpjtIbycw5FU4U8zEn3Y"
        );
        let signer = Signer::new(&Secret::new(URL_SAFE_NO_PAD.decode(key).unwrap())).unwrap();
        let public = signer.public_key();
        assert_eq!(public["x"], "CoKEy33RYpmA5qVchC1pDYxapy62xscAv0BGalQTHk0");
        assert_eq!(public["y"], "JrxGl6xC6pI8gBBeXIS31Tc-mO0hvJzDkVThTzMSfdg");
        assert_eq!(signer.read(&signer.sign(&claims()), "here", NOW), Ok(claims()));
    }
}
