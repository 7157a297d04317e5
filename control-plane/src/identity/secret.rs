//! Client secrets: 256 random bits, generated here and shown once. The store keeps their SHA-256.
//!
//! Slow hashes protect secrets that people choose. 256 random bits cannot be guessed, so a fast hash suffices,
//! and unauthenticated clients cannot keep the process busy. Rows of older versions have argon2id hashes; they
//! are rehashed at their next successful use.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidegate_shared::secret::Secret;

use crate::digest::{random_secret, sha256_hex};

/// The prefix of a SHA-256 hash.
const SHA256: &str = "sha256:";

/// Generates a secret as text: 32 random bytes in URL-safe base64.
pub(crate) fn new_secret() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(random_secret()).into_bytes())
}

/// Returns the hash of a secret for the store: `sha256:` and 64 hexadecimal digits.
pub(crate) fn hash(secret: &Secret) -> String {
    format!("{SHA256}{}", sha256_hex(secret.expose()))
}

/// Returns whether verifying this hash takes tens of milliseconds of CPU, and must not run on an async thread.
pub(crate) fn is_slow(stored: &str) -> bool {
    !stored.starts_with(SHA256)
}

/// Verifies a secret against a stored hash. The time of comparing hashes reveals nothing about the secret.
pub(crate) fn is_secret(secret: &Secret, stored: &str) -> bool {
    if !is_slow(stored) {
        return hash(secret) == stored;
    }
    let old = PasswordHash::new(stored).ok();
    old.is_some_and(|old| Argon2::default().verify_password(secret.expose(), &old).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::PasswordHasher;

    #[test]
    fn only_the_secret_itself_fits() {
        let (secret, other) = (new_secret(), new_secret());
        assert_eq!(secret.expose().len(), 43);
        assert_ne!(secret, other);
        let old = Argon2::default().hash_password(secret.expose()).unwrap().to_string();
        for (stored, slow) in [(hash(&secret), false), (old, true)] {
            assert_eq!(is_slow(&stored), slow, "{stored}");
            assert!(is_secret(&secret, &stored), "{stored}");
            assert!(!is_secret(&other, &stored), "{stored}");
            assert!(!is_secret(&Secret::new(Vec::new()), &stored), "{stored}");
        }
        for damaged in ["", "sha256:", "damaged", "$argon2id$"] {
            assert!(!is_secret(&secret, damaged), "{damaged}");
        }
    }
}
