//! Access tokens: JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, signed with ES256.
//!
//! One algorithm and one key: the header of a token must be, byte for byte, the one that is written here, so there is
//! nothing in it that an attacker could choose.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

/// How far the clock may have been set back since a token was given out, in seconds.
const LEEWAY: i64 = 60;

/// The longest token that is looked at, in bytes; ours are a third of it.
const MAX_TOKEN: usize = 4096;

/// What a token says. Times are seconds since 1970 (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer's URL, as the client spelt the host when it asked for the token.
    pub iss: String,
    /// Whom it is for: this installation.
    pub aud: String,
    /// The client.
    pub sub: Uuid,
    /// The client again, as Azure's clients look for it.
    pub appid: Uuid,
    /// And again.
    pub oid: Uuid,
    /// The tenant.
    pub tid: Uuid,
    /// When it was given out.
    pub iat: i64,
    /// From when it is good.
    pub nbf: i64,
    /// Until when it is good.
    pub exp: i64,
    /// Its own ID.
    pub jti: Uuid,
    /// Which of the client's secrets it was given out for: with a new one, it is good for nothing.
    pub secret_number: i64,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It was not made here, or was changed, or is for another purpose.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// The stored key is none.
#[derive(Debug, Error)]
#[error("the stored signing key cannot be used")]
pub struct BadKey;

/// Signs tokens, and knows its own signature again.
pub struct Signer {
    pair: EcdsaKeyPair,
    key_id: String,
    /// The first part of every token.
    header: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A new key, PKCS #8.
pub fn new_key() -> Secret {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    Secret::new(key.expect("the system gives randomness").as_ref().to_vec())
}

impl Signer {
    /// With that key.
    ///
    /// # Errors
    /// Bytes that are no such key.
    pub fn new(key: &Secret) -> Result<Signer, BadKey> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.expose(), &random)
            .map_err(|_| BadKey)?;
        let key_id = thumbprint(&pair);
        let header = encode(&json!({"typ": "JWT", "alg": "ES256", "kid": key_id}));
        Ok(Signer { pair, key_id, header })
    }

    /// The public key, as a JSON Web Key (RFC 7517).
    pub fn public_key(&self) -> Value {
        let (x, y) = coordinates(&self.pair);
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256", "kid": self.key_id})
    }

    /// A token that says this.
    pub fn sign(&self, claims: &Claims) -> String {
        let said = format!("{}.{}", self.header, encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), said.as_bytes());
        let signature = signature.expect("the system gives randomness");
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a token says, if it was signed here, for `audience`, and is good at `now`.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn read(&self, token: &str, audience: &str, now: i64) -> Result<Claims, TokenError> {
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

/// The two halves of the public key: an uncompressed point is a 4 before them.
fn coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref();
    let (x, y) = point.split_at_checked(33).unwrap_or((point, &[]));
    (URL_SAFE_NO_PAD.encode(x.get(1..).unwrap_or_default()), URL_SAFE_NO_PAD.encode(y))
}

/// The key's ID: its thumbprint by RFC 7638, the hash of its members in the order of their names.
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
}
