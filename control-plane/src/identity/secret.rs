//! Client secrets: made here, shown once, kept as argon2id hashes.
//!
//! Hashing takes tens of milliseconds and megabytes on purpose. Callers run it off the threads that serve.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidegate_shared::secret::Secret;

use crate::digest::random_secret;

/// What is verified for a client that does not exist, so that it takes as long as for one that does. It is the hash
/// of a value that nobody kept.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$\
                      qM0bJ1vS0Tn3m0o7X9c2m1l5rK8yQe4uWbZsVdHhGfE";

/// A new secret as text: 32 random bytes, URL-safe base64.
pub fn new_secret() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(random_secret()).into_bytes())
}

/// What is kept of a secret: its argon2id hash with a fresh salt, in PHC form.
pub fn hash(secret: &Secret) -> String {
    Argon2::default().hash_password(secret.expose()).expect("any bytes can be hashed").to_string()
}

/// Whether the secret is the one of that hash; of no hash at all, never, after the same work.
pub fn is_secret(secret: &Secret, hash: Option<&str>) -> bool {
    let known = hash.and_then(|hash| PasswordHash::new(hash).ok());
    let is_known = known.is_some();
    let hash = known.unwrap_or_else(|| PasswordHash::new(NOBODY).expect("it is well formed"));
    // The parameters are those of the hash, so that they can be raised without locking anybody out.
    let fits = Argon2::default().verify_password(secret.expose(), &hash).is_ok();
    fits && is_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_fits() {
        let (secret, other) = (new_secret(), new_secret());
        assert_eq!(secret.expose().len(), 43);
        assert_ne!(secret, other);
        let first = hash(&secret);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, hash(&secret), "each has a salt of its own");
        assert!(is_secret(&secret, Some(&first)));
        assert!(!is_secret(&other, Some(&first)));
        assert!(!is_secret(&secret, None));
        assert!(!is_secret(&secret, Some("damaged")));
    }
}
