//! What the authority issues, as its readers see it.

use std::os::unix::fs::PermissionsExt;

use super::*;
use uuid::Uuid;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_authority_is_made_once_and_its_key_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let first = Authority::load_or_create(dir.path()).unwrap();
    let again = Authority::load_or_create(dir.path()).unwrap();
    assert_eq!(first.pem(), again.pem());
    assert_eq!(mode(&dir.path().join("ca.key")), 0o600);
    assert_eq!(mode(&dir.path().join("ca.pem")), 0o644);
    let (_, parsed) = parse_x509_certificate(first.der()).unwrap();
    assert!(parsed.is_ca());
}

#[test]
fn a_lost_certificate_is_made_again_for_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = Authority::load_or_create(dir.path()).unwrap();
    let issued = first.issue_channel().unwrap();
    fs::remove_file(dir.path().join("ca.pem")).unwrap();
    let again = Authority::load_or_create(dir.path()).unwrap();
    let (_, authority) = parse_x509_certificate(again.der()).unwrap();
    let (_, endpoint) = parse_x509_certificate(&issued.chain[0]).unwrap();
    endpoint.verify_signature(Some(authority.public_key())).unwrap();
}

#[test]
fn a_key_and_a_certificate_that_do_not_belong_together_are_refused_and_stay() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Authority::load_or_create(ours.path()).unwrap();
    Authority::load_or_create(other.path()).unwrap();
    let key = ours.path().join("ca.key");
    fs::copy(other.path().join("ca.key"), &key).unwrap();
    let error = Authority::load_or_create(ours.path()).unwrap_err().to_string();
    assert!(error.contains("ca.pem") && error.contains("ca.key"), "{error}");

    fs::remove_file(&key).unwrap();
    let error = Authority::load_or_create(ours.path()).unwrap_err().to_string();
    assert!(error.contains("ca.key"), "{error}");
    assert!(!key.exists(), "no other key takes its place");
    assert_eq!(fs::read_to_string(ours.path().join("ca.pem")).unwrap(), first.pem());
}

#[test]
fn a_worker_gets_no_more_than_a_client_certificate_under_its_own_identity() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(dir.path()).unwrap();
    let mut wish = CertificateParams::new(vec![CONTROL_PLANE_NAME.to_owned()]).unwrap();
    wish.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wish.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let request = wish.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();

    let worker = WorkerId(Uuid::new_v4());
    let issued = authority.issue_worker(worker, &request).unwrap();

    let der = first_certificate(Path::new("issued"), issued.pem.as_bytes()).unwrap();
    let (_, certificate) = parse_x509_certificate(&der).unwrap();
    assert_eq!(certificate.subject().to_string(), format!("CN={worker}"));
    assert!(!certificate.is_ca());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert_eq!(issued.fingerprint, fingerprint(&der));
}

#[test]
fn what_is_no_request_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::load_or_create(dir.path()).unwrap();
    for bad in ["", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
        assert!(authority.issue_worker(WorkerId(Uuid::nil()), bad).is_err(), "{bad:?}");
    }
}
