//! The authorities of one installation, in the files of its data directory: one, or two during a rotation.
//!
//! `ca.key` is the key of the authority that signs the certificates of the endpoints. During a rotation,
//! `ca-next.key` is the key of its successor, which already signs the certificates of workers, and `ca.pem`
//! contains the certificates of both. So clients and workers trust the successor before any endpoint presents a
//! certificate of it. Each change is a sequence of whole files, and the next load completes a sequence that was
//! interrupted. Callers hold the data directory's lock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use x509_parser::parse_x509_certificate;

use super::{Authority, PkiError, unusable};
use crate::clock::Millis;

/// The trusted authorities.
#[derive(Debug)]
pub(crate) struct Authorities {
    /// The authority that signs the certificates of the management and channel endpoints.
    pub(crate) current: Authority,
    /// The authority that replaces the current one when the rotation is finished; `None` outside a rotation.
    pub(crate) next: Option<Authority>,
}

/// The paths of the files.
struct Files {
    certificates: PathBuf,
    key: PathBuf,
    next_key: PathBuf,
}

impl Files {
    fn of(data_dir: &Path) -> Files {
        let file = |name| data_dir.join(name);
        Files { certificates: file("ca.pem"), key: file("ca.key"), next_key: file("ca-next.key") }
    }

    /// Reads the certificates in `ca.pem`; none if there is no such file.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        match fs::read(&self.certificates) {
            Ok(pem) => {
                let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
                match found {
                    Ok(found) if found.is_empty() => {
                        Err(unusable(&self.certificates, "contains no certificate"))
                    }
                    Ok(found) => Ok(found),
                    Err(e) => Err(unusable(&self.certificates, &e.to_string())),
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(unusable(&self.certificates, &e.to_string())),
        }
    }
}

impl Authorities {
    /// Reads the authorities of a data directory, or creates the first one. An existing certificate is never
    /// replaced, because workers and clients trust it.
    ///
    /// # Errors
    /// If a file cannot be read or written or has the wrong content, or if the key of an existing certificate
    /// is missing.
    pub(crate) fn load_or_create(data_dir: &Path, now: Millis) -> Result<Authorities, PkiError> {
        let files = Files::of(data_dir);
        let certificates = files.certificates()?;
        let key = private_file::read_or_create(&files.key, || match certificates.is_empty() {
            false => {
                Err(io::Error::new(io::ErrorKind::NotFound, "it is missing, and ca.pem was issued with it"))
            }
            true => new_key(),
        })?;
        let key = parse_key(&files.key, &key)?;
        // The key is written first: after an interruption between the two writes, the same key gets a
        // certificate later.
        let current = match find(&certificates, &key)? {
            Some(certificate) => Authority::new(key, certificate)?,
            None if certificates.is_empty() => Authority::create(key, now)?,
            None => {
                return Err(unusable(&files.certificates, "is not the certificate of the key in ca.key"));
            }
        };
        let next = match private_file::read(&files.next_key) {
            Ok(key) => {
                let key = parse_key(&files.next_key, &key)?;
                Some(match find(&certificates, &key)? {
                    Some(certificate) => Authority::new(key, certificate)?,
                    None => Authority::create(key, now)?,
                })
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e.into()),
        };
        let authorities = Authorities { current, next };
        if !authorities.trusted().eq(&certificates) {
            private_file::write_public(&files.certificates, authorities.pem().as_bytes())?;
        }
        Ok(authorities)
    }

    /// Begins a rotation: creates the next authority. Continues a rotation that has begun already.
    ///
    /// # Errors
    /// The errors of [`Authorities::load_or_create`].
    pub(crate) fn begin_rotation(data_dir: &Path, now: Millis) -> Result<Authorities, PkiError> {
        private_file::read_or_create(&Files::of(data_dir).next_key, new_key)?;
        Authorities::load_or_create(data_dir, now)
    }

    /// Finishes a rotation: the next authority becomes the current one, and the previous one is no longer
    /// trusted. Has no effect outside a rotation.
    ///
    /// # Errors
    /// The errors of [`Authorities::load_or_create`].
    pub(crate) fn finish_rotation(data_dir: &Path, now: Millis) -> Result<Authorities, PkiError> {
        let files = Files::of(data_dir);
        // The next authority must be in ca.pem before its key becomes the only one.
        let authorities = Authorities::load_or_create(data_dir, now)?;
        if authorities.next.is_none() {
            return Ok(authorities);
        }
        fs::rename(&files.next_key, &files.key).map_err(|e| unusable(&files.key, &e.to_string()))?;
        Authorities::load_or_create(data_dir, now)
    }

    /// The authority that signs the certificates of workers: the next one during a rotation.
    pub(crate) fn newest(&self) -> &Authority {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// The certificates of the trusted authorities, the current one first.
    pub(crate) fn trusted(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        std::iter::once(&self.current).chain(&self.next).map(Authority::der)
    }

    /// The same certificates in PEM.
    pub(crate) fn pem(&self) -> String {
        self.trusted().map(|certificate| pem(certificate)).collect()
    }
}

fn new_key() -> io::Result<Secret> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    Ok(Secret::new(key.serialize_pem().into_bytes()))
}

fn parse_key(path: &Path, pem: &Secret) -> Result<KeyPair, PkiError> {
    KeyPair::from_pem(&String::from_utf8_lossy(pem.expose())).map_err(|e| unusable(path, &e.to_string()))
}

/// Finds the certificate of a key.
fn find(
    certificates: &[CertificateDer<'static>],
    key: &KeyPair,
) -> Result<Option<CertificateDer<'static>>, PkiError> {
    let wanted = key.subject_public_key_info();
    for certificate in certificates {
        let (_, parsed) =
            parse_x509_certificate(certificate).map_err(|e| unusable(Path::new("ca.pem"), &e.to_string()))?;
        if parsed.public_key().raw == wanted {
            return Ok(Some(certificate.clone()));
        }
    }
    Ok(None)
}

/// Encodes a certificate in PEM (RFC 7468): base64 in lines of 64 characters.
fn pem(certificate: &[u8]) -> String {
    const WIDTH: usize = 64;
    let base64 = STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(WIDTH));
        text.push_str(line);
        text.push('\n');
        rest = others;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
