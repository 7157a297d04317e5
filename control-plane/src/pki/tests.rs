//! Issued certificates as their verifiers see them, and the files of the authorities.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use tidegate_shared::id::WorkerId;
use tidegate_shared::protocol::CONTROL_PLANE_NAME;
use uuid::Uuid;
use x509_parser::parse_x509_certificate;

use super::validity::BACKDATE;
use super::*;
use crate::clock::Millis;

const NOW: Millis = Millis(1_800_000_000_000);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn load(dir: &Path) -> Result<Authorities, PkiError> {
    Authorities::load_or_create(dir, NOW)
}

fn validity() -> Validity {
    Validity::starting(NOW, Duration::from_secs(60))
}

/// Returns the number of certificates in `ca.pem`.
fn certificates(dir: &Path) -> usize {
    CertificateDer::pem_file_iter(dir.join("ca.pem")).unwrap().count()
}

#[test]
fn the_authority_is_made_once_and_its_key_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let first = load(dir.path()).unwrap();
    let again = load(dir.path()).unwrap();
    assert_eq!(first.pem(), again.pem());
    assert_eq!(mode(&dir.path().join("ca.key")), 0o600);
    assert_eq!(mode(&dir.path().join("ca.pem")), 0o644);
    let (_, parsed) = parse_x509_certificate(first.current.der()).unwrap();
    assert!(parsed.is_ca());
}

#[test]
fn a_lost_certificate_is_made_again_for_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = load(dir.path()).unwrap();
    let issued = first.current.issue_channel(validity()).unwrap();
    fs::remove_file(dir.path().join("ca.pem")).unwrap();
    let again = load(dir.path()).unwrap();
    let (_, authority) = parse_x509_certificate(again.current.der()).unwrap();
    let (_, endpoint) = parse_x509_certificate(&issued.chain[0]).unwrap();
    endpoint.verify_signature(Some(authority.public_key())).unwrap();
}

#[test]
fn a_key_and_a_certificate_that_do_not_belong_together_are_refused_and_stay() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = load(ours.path()).unwrap();
    load(other.path()).unwrap();
    let key = ours.path().join("ca.key");
    fs::copy(other.path().join("ca.key"), &key).unwrap();
    let error = load(ours.path()).unwrap_err().to_string();
    assert!(error.contains("ca.pem") && error.contains("ca.key"), "{error}");

    fs::remove_file(&key).unwrap();
    let error = load(ours.path()).unwrap_err().to_string();
    assert!(error.contains("ca.key"), "{error}");
    assert!(!key.exists(), "no other key takes its place");
    assert_eq!(fs::read_to_string(ours.path().join("ca.pem")).unwrap(), first.pem());
}

#[test]
fn a_worker_gets_no_more_than_a_client_certificate_under_its_own_identity() {
    let dir = tempfile::tempdir().unwrap();
    let authority = load(dir.path()).unwrap().current;
    let mut wish = CertificateParams::new(vec![CONTROL_PLANE_NAME.to_owned()]).unwrap();
    wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wish.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let request = wish.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();

    let worker = WorkerId(Uuid::new_v4());
    let issued = authority.issue_worker(worker, &request, validity()).unwrap();

    let der = CertificateDer::from_pem_slice(issued.pem.as_bytes()).unwrap();
    let (_, certificate) = parse_x509_certificate(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), format!("CN={worker}"));
    assert!(!certificate.is_ca());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert_eq!(issued.fingerprint, fingerprint(&der));
    assert_eq!(issued.issuer, authority.fingerprint);
    let times = [certificate.validity().not_before, certificate.validity().not_after];
    let times = times.map(|time| Millis(time.timestamp() * 1000));
    assert_eq!(times, [Millis(NOW.0 - BACKDATE), Millis(NOW.0 + 60_000)]);
}

#[test]
fn what_is_no_request_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = load(dir.path()).unwrap().current;
    for bad in ["", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
        assert!(authority.issue_worker(WorkerId(Uuid::nil()), bad, validity()).is_err(), "{bad:?}");
    }
}

#[test]
fn a_rotation_trusts_both_then_the_next_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = load(dir.path()).unwrap();
    let begun = Authorities::begin_rotation(dir.path(), NOW).unwrap();
    let next = begun.next.as_ref().unwrap().fingerprint.clone();
    assert_eq!(begun.current.fingerprint, first.current.fingerprint);
    assert_eq!(begun.newest().fingerprint, next);
    assert_eq!((begun.trusted().count(), certificates(dir.path())), (2, 2));
    assert_eq!(mode(&dir.path().join("ca-next.key")), 0o600);
    let again = Authorities::begin_rotation(dir.path(), NOW).unwrap();
    assert_eq!(again.newest().fingerprint, next, "a rotation that has begun goes on");

    let finished = Authorities::finish_rotation(dir.path(), NOW).unwrap();
    assert_eq!(finished.current.fingerprint, next);
    assert!(finished.next.is_none() && !dir.path().join("ca-next.key").exists());
    assert_eq!((finished.trusted().count(), certificates(dir.path())), (1, 1));
    let again = Authorities::finish_rotation(dir.path(), NOW).unwrap();
    assert_eq!(again.current.fingerprint, next, "outside a rotation nothing happens");
}

#[test]
fn a_rotation_that_was_cut_short_anywhere_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (pem, key, next_key) =
        (dir.path().join("ca.pem"), dir.path().join("ca.key"), dir.path().join("ca-next.key"));
    let first = load(dir.path()).unwrap();
    let before = fs::read(&pem).unwrap();
    let begun = Authorities::begin_rotation(dir.path(), NOW).unwrap();

    // The state after writing the next key, before its certificate.
    fs::write(&pem, &before).unwrap();
    let again = load(dir.path()).unwrap();
    assert_eq!(again.current.fingerprint, first.current.fingerprint);
    assert_eq!(again.trusted().count(), 2);
    assert_eq!(certificates(dir.path()), 2);
    drop(begun);

    // The state after the next key replaced the current one, before the old certificate was removed.
    fs::rename(&next_key, &key).unwrap();
    let after = load(dir.path()).unwrap();
    assert_eq!(after.current.fingerprint, again.newest().fingerprint);
    assert_eq!((after.trusted().count(), certificates(dir.path())), (1, 1));
}
