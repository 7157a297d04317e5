//! Tests of the descriptions: the fault, its certificate, and what was expected.

use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;

use super::super::verify::{Accepted, Authorities, Verifier};
use super::*;

/// A certificate authority.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str, by: Option<&Authority>) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = match by {
        Some(by) => params.signed_by(&key, &by.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Authority { certificate, issuer: Issuer::new(params, key) }
}

fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "own.test");
    params
}

fn signed(params: &CertificateParams, by: &Authority) -> CertificateDer<'static> {
    params.signed_by(&KeyPair::generate().unwrap(), &by.issuer).unwrap().der().clone()
}

fn verifier(trusted: &[&Authority], checks_name: bool) -> Verifier {
    let mut roots = RootCertStore::empty();
    let themselves: Vec<_> = trusted.iter().map(|authority| authority.certificate.der().clone()).collect();
    for certificate in &themselves {
        roots.add(certificate.clone()).unwrap();
    }
    let accepted = Accepted::From(Authorities { roots: Arc::new(roots), themselves });
    Verifier { accepted, checks_name }
}

/// Returns the description for a backend that sends this chain while `own.test` is expected; empty if it is
/// accepted.
fn said(verifier: &Verifier, shown: &[CertificateDer<'static>]) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let name = ServerName::try_from("own.test").unwrap();
    let verified =
        verifier.verify_server_cert(&shown[0], &shown[1..], &name, &[], UnixTime::since_unix_epoch(now));
    match verified {
        Ok(_) => String::new(),
        Err(error) => of_handshake(&io::Error::other(error)),
    }
}

#[test]
fn each_cause_has_its_words() {
    let (root, stranger) = (authority("root", None), authority("stranger", None));
    let namesake = authority("root", None);
    let middle = authority("middle", Some(&root));
    let der = |authority: &Authority| authority.certificate.der().clone();
    let good = signed(&server(&["own.test"]), &root);
    let mut params = server(&["own.test"]);
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 2, 3);
    let expired = signed(&params, &root);
    params.not_before = rcgen::date_time_ymd(2101, 1, 1);
    params.not_after = rcgen::date_time_ymd(2102, 2, 3);
    let unborn = signed(&params, &root);
    let other = signed(&server(&["other.test", "*.more.test", "192.0.2.1"]), &root);
    let mut params = server(&["own.test"]);
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    let of_a_client = signed(&params, &root);
    let through = signed(&server(&["own.test"]), &middle);
    let alone = server(&["own.test"]).self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    let nonsense = CertificateDer::from(b"no certificate".to_vec());

    let cases: &[(&str, Vec<CertificateDer<'static>>, &[&str])] = &[
        ("well", vec![good.clone()], &[]),
        ("well, with its root", vec![good.clone(), der(&root)], &[]),
        ("well, over an intermediate", vec![through.clone(), der(&middle)], &[]),
        ("expired", vec![expired], &["\"CN=own.test\"", "expired on 2002-02-03"]),
        ("not yet valid", vec![unborn], &["not valid before 2101-01-01"]),
        (
            "of another name",
            vec![other],
            &["match", "\"own.test\"", "other.test", "*.more.test", "192.0.2.1"],
        ),
        ("intermediate missing", vec![through.clone()], &["intermediate", "missing", "\"CN=middle\""]),
        ("leaf missing", vec![der(&middle), der(&root)], &["leaf is missing", "\"CN=middle\""]),
        (
            "leaf not first",
            vec![der(&middle), through],
            &["must come first", "\"CN=own.test\"", "\"CN=middle\""],
        ),
        (
            "unknown root",
            vec![signed(&server(&["own.test"]), &stranger), der(&stranger)],
            &["root certificate \"CN=stranger\"", "not a trusted one"],
        ),
        (
            "another root of the same name",
            vec![signed(&server(&["own.test"]), &namesake)],
            &["root certificate \"CN=root\"", "not the trusted one of the same name"],
        ),
        ("self-signed", vec![alone], &["self-signed", "not one of the trusted"]),
        ("for clients", vec![of_a_client], &["not meant for servers"]),
        ("nonsense", vec![nonsense], &["cannot be read"]),
    ];
    for (case, shown, words) in cases {
        let said = said(&verifier(&[&root], true), shown);
        assert_eq!(said.is_empty(), words.is_empty(), "{case}: {said}");
        for word in *words {
            assert!(said.contains(word), "{case}: {said}");
        }
    }
}

#[test]
fn a_certificate_that_is_itself_trusted_needs_nobody_else() {
    let itself = authority("own.test", None);
    let shown = [itself.certificate.der().clone()];
    assert_eq!(said(&verifier(&[&itself], true), &shown), "", "it bears the name as its common name alone");
    assert!(said(&verifier(&[&authority("own.test", None)], true), &shown).contains("root certificate"));
}

#[test]
fn what_is_not_demanded_is_not_checked() {
    let root = authority("root", None);
    let other = signed(&server(&["other.test"]), &root);
    assert!(said(&verifier(&[&root], true), std::slice::from_ref(&other)).contains("does not match"));
    assert_eq!(said(&verifier(&[&root], false), std::slice::from_ref(&other)), "");
    let anybody = |checks_name| Verifier { accepted: Accepted::Any, checks_name };
    assert_eq!(said(&anybody(false), std::slice::from_ref(&other)), "");
    assert!(said(&anybody(true), &[other]).contains("does not match"));
}

#[test]
fn a_pinned_certificate_is_accepted_whatever_else_it_is() {
    let root = authority("root", None);
    let mut expired = server(&["other.test"]);
    expired.not_after = date_time_ymd(2002, 2, 3);
    let (pinned, other) = (signed(&expired, &root), signed(&server(&["own.test"]), &root));
    let verifier = Verifier { accepted: Accepted::Pinned(vec![pinned.clone()]), checks_name: false };
    assert_eq!(said(&verifier, std::slice::from_ref(&pinned)), "");
    assert_eq!(said(&verifier, &[pinned.clone(), other.clone()]), "");
    assert!(
        said(&verifier, &[other, pinned]).contains("is not the one that the authentication certificates pin")
    );
}

#[test]
fn what_a_stranger_writes_into_a_certificate_stays_short() {
    let root = authority("root", None);
    let many: Vec<String> = (0..500).map(|i| format!("{i}.{}.test", "x".repeat(60))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let said = said(&verifier(&[&root], true), &[signed(&server(&many), &root)]);
    assert!(said.len() < 1000 && said.contains("492 more"), "{said}");
    assert_eq!(short("a\n\"b\u{202e}"), "\"a\\n\\\"b\\u{202e}\"");
}

#[test]
fn a_handshake_that_fails_says_why() {
    let cases: &[(io::Error, &str)] = &[
        (io::Error::other(Error::InvalidMessage(InvalidMessage::InvalidContentType)), "does not speak TLS"),
        (
            io::Error::other(Error::AlertReceived(AlertDescription::ProtocolVersion)),
            "neither TLS 1.2 nor 1.3",
        ),
        (io::Error::other(Error::AlertReceived(AlertDescription::UnrecognisedName)), "SNI"),
        (io::Error::other(Error::AlertReceived(AlertDescription::InternalError)), "alert InternalError"),
        (io::Error::other(Error::NoCertificatesPresented), "no certificate"),
        (io::ErrorKind::UnexpectedEof.into(), "closed the connection"),
        (io::ErrorKind::ConnectionReset.into(), "reset the connection"),
    ];
    for (error, words) in cases {
        let said = of_handshake(error);
        assert!(said.contains(words), "{error}: {said}");
    }
}
