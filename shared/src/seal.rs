//! Encryption at rest: AES-256-GCM with a key in a file of mode 0600 beside the data.
//!
//! The encryption protects a copied database or backup. It does not protect from somebody who can also read the key
//! file.

use std::fmt;
use std::io;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::private_file;
use crate::secret::Secret;

/// An encryption key, from which keys for other purposes can be derived.
pub struct SealKey {
    sealing: LessSafeKey,
    deriving: hmac::Key,
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// The sealed bytes were changed, truncated, sealed under another key, or sealed for another purpose.
#[derive(Debug, Error)]
#[error("the sealed data was damaged, or was sealed with another key")]
pub struct OpenError;

const KEY_LEN: usize = 32;

impl SealKey {
    /// Reads the key from `path`.
    ///
    /// # Errors
    /// The file is absent, readable by every user, or does not hold a key; the message has its path.
    pub fn load(path: &Path) -> io::Result<SealKey> {
        SealKey::from_bytes(path, &private_file::read_key(path)?)
    }

    /// Reads the key from `path`, or creates it there on the first start.
    ///
    /// # Errors
    /// The file cannot be created, or does not hold a key; the message has its path.
    pub fn load_or_create(path: &Path) -> io::Result<SealKey> {
        let bytes = private_file::read_or_create(path, || {
            let mut bytes = vec![0; KEY_LEN];
            SystemRandom::new()
                .fill(&mut bytes)
                .map_err(|_| io::Error::other("the system has no random bytes"))?;
            Ok(Secret::new(bytes))
        })?;
        SealKey::from_bytes(path, &bytes)
    }

    fn from_bytes(path: &Path, bytes: &Secret) -> io::Result<SealKey> {
        let wrong = |_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is not a {KEY_LEN}-byte key", path.display()),
            )
        };
        let sealing = UnboundKey::new(&AES_256_GCM, bytes.expose()).map_err(wrong)?;
        let deriving = hmac::Key::new(hmac::HMAC_SHA256, bytes.expose());
        Ok(SealKey { sealing: LessSafeKey::new(sealing), deriving })
    }

    /// Derives a 256-bit key for a purpose, always the same for the same purpose (HMAC-SHA-256). Neither this key
    /// nor that of another purpose can be computed from it.
    pub fn derive(&self, purpose: &[u8]) -> Secret {
        Secret::new(hmac::sign(&self.deriving, purpose).as_ref().to_vec())
    }

    /// Returns a sealing key for a purpose, derived with [`SealKey::derive`].
    pub fn for_purpose(&self, purpose: &[u8]) -> SealKey {
        let key = self.derive(purpose);
        let sealing = UnboundKey::new(&AES_256_GCM, key.expose()).expect("a derived key has 256 bits");
        let deriving = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        SealKey { sealing: LessSafeKey::new(sealing), deriving }
    }

    /// Encrypts `plain`. The result is bound to `purpose`, such as a resource ID, and opens only with the same
    /// purpose.
    pub fn seal(&self, purpose: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; NONCE_LEN];
        SystemRandom::new().fill(&mut sealed).expect("the system gives randomness");
        let nonce = Nonce::try_assume_unique_for_key(&sealed).expect("the nonce has its length");
        let mut body = plain.to_vec();
        self.sealing.seal_in_place_append_tag(nonce, Aad::from(purpose), &mut body).expect("plain data fits");
        sealed.append(&mut body);
        sealed
    }

    /// Decrypts the result of [`SealKey::seal`] for the same purpose. Damaged data is always an error.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Secret, OpenError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(OpenError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain =
            self.sealing.open_in_place(nonce, Aad::from(purpose), &mut body).map_err(|_| OpenError)?;
        Ok(Secret::new(plain.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_whole_for_its_purpose_and_under_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let key = SealKey::load_or_create(&dir.path().join("a.key")).unwrap();
        let again = SealKey::load_or_create(&dir.path().join("a.key")).unwrap();
        let other = SealKey::load_or_create(&dir.path().join("b.key")).unwrap();
        let sealed = key.seal(b"one", b"the plain text");
        assert_eq!(again.open(b"one", &sealed).unwrap().expose(), b"the plain text");
        assert!(key.open(b"two", &sealed).is_err(), "another purpose");
        assert!(other.open(b"one", &sealed).is_err(), "another key");
        assert!(key.open(b"one", &sealed[..sealed.len() - 1]).is_err(), "cut at the end");
        assert!(key.open(b"one", &sealed[..5]).is_err(), "cut in the nonce");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(key.open(b"one", &bad).is_err(), "byte {at} flipped");
        }
    }

    #[test]
    fn a_derived_key_is_the_same_for_its_purpose_alone() {
        let dir = tempfile::tempdir().unwrap();
        let [key, again, other] =
            ["a.key", "a.key", "b.key"].map(|name| SealKey::load_or_create(&dir.path().join(name)).unwrap());
        let derived = key.derive(b"one");
        assert_eq!(derived.expose().len(), 32);
        assert!(derived == again.derive(b"one"), "after a restart");
        assert!(derived != key.derive(b"two"), "another purpose");
        assert!(derived != other.derive(b"one"), "another key");
    }

    /// The values were computed with the library `ring`.
    #[test]
    fn what_other_libraries_sealed_and_derived_is_the_same_here() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        private_file::write(&path, &std::array::from_fn::<u8, KEY_LEN, _>(|at| at as u8)).unwrap();
        let key = SealKey::load(&path).unwrap();
        let sealed =
            bytes("a0a1a2a3a4a5a6a7a8a9aaab9270190d35a763d60c45f3b67f0ef3ca6a52fddf049de66d08fe8a752a21");
        assert_eq!(key.open(b"one", &sealed).unwrap().expose(), b"the plain text");
        let derived = "38d821b24f4c02a9fc8eb32631619d5c09f27b9a6361aa7cc07b8439b67f2e51";
        assert_eq!(key.derive(b"one").expose(), bytes(derived));
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_key_file_of_the_wrong_length_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("short.key");
        private_file::write(&path, b"short").unwrap();
        assert!(SealKey::load_or_create(&path).unwrap_err().to_string().contains("short.key"));
    }
}
