//! Reads certificates and keys from PKCS#12 files (RFC 7292), which ARM calls PFX.
//!
//! The author of a file chooses the cost of each key derivation, and encrypted parts can hide further ones. So
//! every derivation is charged before it runs: [`ROUNDS`] bounds the time of a whole file to about one second,
//! and its memory is a multiple of its size. Memory-hard functions (scrypt) are rejected by name. Within these
//! bounds a file can be opened in this process without a way to interrupt it.

use aws_lc_rs::hmac;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use der::asn1::{AnyRef, ContextSpecific, ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use des::TdesEde3;
use pkcs5::pbes2::{Kdf, PBES2_OID, Parameters};
use pkcs12::cms::cert::x509::spki::AlgorithmIdentifierOwned;
use pkcs12::cms::content_info::ContentInfo;
use pkcs12::cms::encrypted_data::EncryptedData;
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use pkcs12::pbe_params::{EncryptedPrivateKeyInfo, Pkcs12PbeParams};
use pkcs12::pfx::Pfx;
use pkcs12::safe_bag::SafeContents;
use pkcs12::{
    AuthenticatedSafe, CertBag, MacData, PKCS_12_CERT_BAG_OID, PKCS_12_KEY_BAG_OID,
    PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC, PKCS_12_PBEWITH_SHAAND40_BIT_RC2_CBC,
    PKCS_12_PKCS8_KEY_BAG_OID, PKCS_12_X509_CERT_OID,
};
use rc2::Rc2;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use tidegate_shared::secret::Secret;

use super::{CertificateError, Parts};

/// The maximum number of key derivation rounds of one file in total. Windows writes 2,000 for each of three
/// keys, OpenSSL 2,048, Java 10,000; the highest recommendation for one key is 1,300,000 (OWASP, PBKDF2 with
/// HMAC-SHA1).
pub(super) const ROUNDS: u32 = 2_000_000;

/// The maximum number of encrypted parts of one file. Usual files have two: the certificates and the key.
pub(super) const ENCRYPTED_PARTS: usize = 8;

/// `id-data` and `id-encryptedData` (RFC 5652, sections 4 and 8).
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");

/// Hash algorithms of the integrity check.
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Returns the certificates and keys of a file.
///
/// # Errors
/// If the file is damaged, the password is wrong, or opening it exceeds the limits above.
pub(super) fn open(bytes: &[u8], password: &str) -> Result<Parts, CertificateError> {
    let pfx = Pfx::from_der(bytes).map_err(damaged)?;
    let mut opening = Opening { password, rounds: ROUNDS, encrypted_parts: 0, parts: Parts::default() };
    if pfx.auth_safe.content_type != DATA {
        return Err(unsupported("content type", pfx.auth_safe.content_type));
    }
    if let Some(mac) = &pfx.mac_data {
        opening.verify(mac, pfx.auth_safe.content.value())?;
    }
    let safes = octets(&pfx.auth_safe)?;
    for safe in AuthenticatedSafe::from_der(&safes).map_err(damaged)? {
        opening.open_safe(&safe)?;
    }
    Ok(opening.parts)
}

/// A file that is being opened.
struct Opening<'a> {
    password: &'a str,
    /// The remaining part of [`ROUNDS`].
    rounds: u32,
    encrypted_parts: usize,
    parts: Parts,
}

impl Opening<'_> {
    /// Charges a key derivation to the budget.
    fn pay(&mut self, rounds: u32) -> Result<(), CertificateError> {
        let left = self.rounds.checked_sub(rounds.max(1));
        self.rounds = left.ok_or(CertificateError::TooManyRounds)?;
        Ok(())
    }

    /// Verifies the integrity check (RFC 7292, section 4), which fails for a wrong password.
    fn verify(&mut self, mac: &MacData, content: &[u8]) -> Result<(), CertificateError> {
        let rounds = u32::try_from(mac.iterations).map_err(|_| CertificateError::TooManyRounds)?;
        self.pay(rounds)?;
        let (password, salt, id) = (self.password, mac.mac_salt.as_bytes(), Pkcs12KeyType::Mac);
        let (algorithm, key) = match mac.mac.algorithm.oid {
            SHA1 => (
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                derive_key_utf8::<Sha1>(password, salt, id, mac.iterations, 20),
            ),
            SHA256 => (hmac::HMAC_SHA256, derive_key_utf8::<Sha256>(password, salt, id, mac.iterations, 32)),
            SHA384 => (hmac::HMAC_SHA384, derive_key_utf8::<Sha384>(password, salt, id, mac.iterations, 48)),
            SHA512 => (hmac::HMAC_SHA512, derive_key_utf8::<Sha512>(password, salt, id, mac.iterations, 64)),
            other => return Err(unsupported("hash of the integrity check", other)),
        };
        let key = hmac::Key::new(algorithm, &key.map_err(damaged)?);
        hmac::verify(&key, content, mac.mac.digest.as_bytes()).map_err(|_| CertificateError::Password)
    }

    fn open_safe(&mut self, safe: &ContentInfo) -> Result<(), CertificateError> {
        let contents = match safe.content_type {
            DATA => Secret::new(octets(safe)?),
            ENCRYPTED_DATA => {
                let der = safe.content.to_der().map_err(damaged)?;
                let part = EncryptedData::from_der(&der).map_err(damaged)?.enc_content_info;
                let Some(sealed) = part.encrypted_content else { return Ok(()) };
                self.decrypt(&part.content_enc_alg, sealed.as_bytes())?
            }
            other => return Err(unsupported("content type", other)),
        };
        for bag in SafeContents::from_der(contents.expose()).map_err(damaged)? {
            self.open_bag(bag.bag_id, &bag.bag_value)?;
        }
        Ok(())
    }

    /// Extracts a certificate or key from a bag; ignores bags of other kinds.
    fn open_bag(&mut self, kind: ObjectIdentifier, value: &[u8]) -> Result<(), CertificateError> {
        match kind {
            PKCS_12_CERT_BAG_OID => {
                let bag = ContextSpecific::<CertBag>::from_der(value).map_err(damaged)?.value;
                if bag.cert_id != PKCS_12_X509_CERT_OID {
                    return Err(unsupported("type of certificate", bag.cert_id));
                }
                self.parts.0.push(bag.cert_value.into_bytes().into_vec());
            }
            PKCS_12_KEY_BAG_OID => {
                let key = AnyRef::from_der(value).map_err(damaged)?;
                self.parts.1.push(Secret::new(key.value().to_vec()));
            }
            PKCS_12_PKCS8_KEY_BAG_OID => {
                let bag = ContextSpecific::<EncryptedPrivateKeyInfo>::from_der(value).map_err(damaged)?.value;
                let key = self.decrypt(&bag.encryption_algorithm, bag.encrypted_data.as_bytes())?;
                self.parts.1.push(key);
            }
            _ => {}
        }
        Ok(())
    }

    /// Decrypts a part, if its key derivation fits the budget.
    fn decrypt(
        &mut self,
        algorithm: &AlgorithmIdentifierOwned,
        sealed: &[u8],
    ) -> Result<Secret, CertificateError> {
        self.encrypted_parts += 1;
        if self.encrypted_parts > ENCRYPTED_PARTS {
            return Err(CertificateError::TooManyParts);
        }
        let parameters = algorithm.parameters.as_ref().map(Encode::to_der).transpose().map_err(damaged)?;
        let parameters = parameters.unwrap_or_default();
        let opened = match algorithm.oid {
            PBES2_OID => self.decrypt_pbes2(&Parameters::from_der(&parameters).map_err(damaged)?, sealed)?,
            PKCS_12_PBE_WITH_SHAAND3_KEY_TRIPLE_DES_CBC => {
                self.decrypt_pbes1::<TdesEde3>(&parameters, 24, sealed)?
            }
            PKCS_12_PBEWITH_SHAAND40_BIT_RC2_CBC => self.decrypt_pbes1::<Rc2>(&parameters, 5, sealed)?,
            other => return Err(unsupported("encryption", other)),
        };
        Ok(Secret::new(opened))
    }

    /// Decrypts PBES2 (RFC 8018, section 6.2).
    fn decrypt_pbes2(&mut self, parameters: &Parameters, sealed: &[u8]) -> Result<Vec<u8>, CertificateError> {
        match &parameters.kdf {
            Kdf::Pbkdf2(pbkdf2) => self.pay(pbkdf2.iteration_count)?,
            Kdf::Scrypt(_) => return Err(CertificateError::KeyDerivation("scrypt".to_owned())),
            other => return Err(CertificateError::KeyDerivation(other.oid().to_string())),
        }
        // In a file without an integrity check a wrong password shows only here.
        parameters.decrypt(self.password, sealed).map_err(|_| CertificateError::Password)
    }

    /// Decrypts PBES1 (RFC 7292, appendix C), where key and initialization vector are derived separately.
    fn decrypt_pbes1<C: BlockCipherDecrypt + KeyInit>(
        &mut self,
        parameters: &[u8],
        key_size: usize,
        sealed: &[u8],
    ) -> Result<Vec<u8>, CertificateError> {
        let parameters = Pkcs12PbeParams::from_der(parameters).map_err(damaged)?;
        let rounds = u32::try_from(parameters.iterations).map_err(|_| CertificateError::TooManyRounds)?;
        self.pay(rounds.saturating_mul(2))?;
        let derive = |kind, size| {
            derive_key_utf8::<Sha1>(
                self.password,
                parameters.salt.as_bytes(),
                kind,
                parameters.iterations,
                size,
            )
        };
        let key = derive(Pkcs12KeyType::EncryptionKey, key_size).map_err(damaged)?;
        let iv = derive(Pkcs12KeyType::Iv, 8).map_err(damaged)?;
        let cipher = Decryptor::<C>::new_from_slices(&key, &iv).map_err(|e| damaged_text(&e))?;
        // As above: a wrong password yields invalid padding.
        cipher.decrypt_padded_vec::<Pkcs7>(sealed).map_err(|_| CertificateError::Password)
    }
}

/// Returns the octets of a `data` content.
fn octets(content: &ContentInfo) -> Result<Vec<u8>, CertificateError> {
    let der = content.content.to_der().map_err(damaged)?;
    Ok(OctetString::from_der(&der).map_err(damaged)?.as_bytes().to_vec())
}

fn damaged(error: der::Error) -> CertificateError {
    damaged_text(&error)
}

fn damaged_text(error: &dyn std::fmt::Display) -> CertificateError {
    CertificateError::Pfx(error.to_string())
}

fn unsupported(what: &str, oid: ObjectIdentifier) -> CertificateError {
    CertificateError::Pfx(format!("its {what} is {oid}, which is not supported"))
}

#[cfg(test)]
mod tests {
    use der::Any;
    use pkcs5::scrypt;
    use pkcs12::cms::content_info::CmsVersion;
    use pkcs12::cms::enveloped_data::EncryptedContentInfo;
    use pkcs12::pfx::Version;
    use pkcs12::safe_bag::SafeBag;

    use super::*;

    fn content(content_type: ObjectIdentifier, content: &impl Encode) -> ContentInfo {
        ContentInfo { content_type, content: Any::from_der(&content.to_der().unwrap()).unwrap() }
    }

    fn octets_of(bytes: Vec<u8>) -> OctetString {
        OctetString::new(bytes).unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "each caller makes its list for this call")]
    fn pfx(safes: Vec<ContentInfo>) -> Vec<u8> {
        let auth_safe = content(DATA, &octets_of(safes.to_der().unwrap()));
        Pfx { version: Version::V3, auth_safe, mac_data: None }.to_der().unwrap()
    }

    fn pbkdf2(rounds: u32) -> Parameters {
        Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, &[1; 8], [2; 16]).unwrap()
    }

    /// The largest accepted parameters: 1 GiB, sixteen times.
    fn scrypt() -> Parameters {
        let params = scrypt::Params::new(20, 8, 16).unwrap();
        Parameters::generate_scrypt_aes256cbc(params, &[1; 8], [2; 16]).unwrap()
    }

    fn algorithm(parameters: &Parameters) -> AlgorithmIdentifierOwned {
        let parameters = Some(Any::from_der(&parameters.to_der().unwrap()).unwrap());
        AlgorithmIdentifierOwned { oid: PBES2_OID, parameters }
    }

    fn encrypted(parameters: &Parameters, sealed: Vec<u8>) -> ContentInfo {
        let enc_content_info = EncryptedContentInfo {
            content_type: DATA,
            content_enc_alg: algorithm(parameters),
            encrypted_content: Some(octets_of(sealed)),
        };
        let data = EncryptedData { version: CmsVersion::V0, enc_content_info, unprotected_attrs: None };
        content(ENCRYPTED_DATA, &data)
    }

    fn shrouded_key(parameters: &Parameters) -> Vec<u8> {
        let key = EncryptedPrivateKeyInfo {
            encryption_algorithm: algorithm(parameters),
            encrypted_data: octets_of(vec![0; 32]),
        };
        let bag = SafeBag {
            bag_id: PKCS_12_PKCS8_KEY_BAG_OID,
            bag_value: key.to_der().unwrap(),
            bag_attributes: None,
        };
        vec![bag].to_der().unwrap()
    }

    fn empty() -> Vec<u8> {
        Vec::<SafeBag>::new().to_der().unwrap()
    }

    #[test]
    fn costly_key_derivations_are_refused_before_they_are_made() {
        let scrypt_error = || CertificateError::KeyDerivation("scrypt".to_owned());
        let outer = encrypted(&pbkdf2(1), pbkdf2(1).encrypt("p", &shrouded_key(&scrypt())).unwrap());
        let cheap = encrypted(&pbkdf2(1), pbkdf2(1).encrypt("p", &empty()).unwrap());
        let cases = [
            ("scrypt", pfx(vec![encrypted(&scrypt(), vec![0; 32])]), scrypt_error()),
            (
                "scrypt of a key",
                pfx(vec![content(DATA, &octets_of(shrouded_key(&scrypt())))]),
                scrypt_error(),
            ),
            ("scrypt within what is encrypted", pfx(vec![outer]), scrypt_error()),
            (
                "rounds",
                pfx(vec![encrypted(&pbkdf2(ROUNDS + 1), vec![0; 32])]),
                CertificateError::TooManyRounds,
            ),
            (
                "rounds in total",
                pfx(vec![cheap.clone(), encrypted(&pbkdf2(ROUNDS), vec![0; 32])]),
                CertificateError::TooManyRounds,
            ),
            ("parts", pfx(vec![cheap; ENCRYPTED_PARTS + 1]), CertificateError::TooManyParts),
        ];
        for (what, file, expected) in cases {
            assert_eq!(open(&file, "p").unwrap_err(), expected, "{what}");
        }
    }

    #[test]
    fn as_many_parts_as_are_allowed_are_opened() {
        let cheap = encrypted(&pbkdf2(1), pbkdf2(1).encrypt("p", &empty()).unwrap());
        assert_eq!(open(&pfx(vec![cheap; ENCRYPTED_PARTS]), "p").unwrap(), Parts::default());
    }
}
