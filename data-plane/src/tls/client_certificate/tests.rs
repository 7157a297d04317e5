//! Tests of the verification of client certificates.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};

use super::*;

/// A time in the year 2030, in seconds since 1970.
const NOW: u64 = 1_900_000_000;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2050, 1, 1));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn root(name: &str) -> Issuer {
    CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap()
}

fn under(name: &str, issuer: &Issuer) -> Issuer {
    CertifiedIssuer::signed_by(authority(name), KeyPair::generate().unwrap(), issuer).unwrap()
}

fn client(issuer: &Issuer, change: impl Fn(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = params("client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
}

/// Builds a client authority as the compiler does, from a chain whose last certificate signs client certificates.
fn uploaded(root: &Issuer, intermediates: &[&Issuer]) -> ClientAuthority {
    let last = intermediates.last().unwrap_or(&root);
    let (_, parsed) = parse_x509_certificate(last.der()).unwrap();
    ClientAuthority {
        roots: vec![root.der().to_vec()],
        intermediates: intermediates.iter().map(|der| der.der().to_vec()).collect(),
        issuer: parsed.subject().as_raw().to_vec(),
    }
}

fn client_policy(authorities: &[&ClientAuthority], by_named_issuer: bool) -> ClientCertificatePolicy {
    let asked = ClientAuthentication::Required { authorities: vec![0], by_named_issuer };
    ClientCertificatePolicy::new(&asked, authorities).unwrap()
}

fn judged(client_policy: &ClientCertificatePolicy, shown: &[CertificateDer<'_>]) -> &'static str {
    client_policy.judge(Some(shown), UnixTime::since_unix_epoch(Duration::from_secs(NOW))).verification()
}

#[test]
fn certificates_are_good_or_it_is_said_why_not() {
    let (own, stranger) = (root("own"), root("stranger"));
    let client_policy = client_policy(&[&uploaded(&own, &[])], false);
    for (certificate, expected) in [
        (client(&own, |_| {}), "SUCCESS"),
        (client(&stranger, |_| {}), "FAILED:unable to get local issuer certificate"),
        (client(&own, |p| p.not_after = date_time_ymd(2021, 1, 1)), "FAILED:certificate has expired"),
        (client(&own, |p| p.not_before = date_time_ymd(2040, 1, 1)), "FAILED:certificate is not yet valid"),
        (client(&own, |p| p.extended_key_usages.clear()), "FAILED:unsuitable certificate purpose"),
        (
            client(&own, |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            "FAILED:unsuitable certificate purpose",
        ),
        (CertificateDer::from(vec![0x30, 0x00]), "FAILED:the certificate cannot be read"),
    ] {
        assert_eq!(judged(&client_policy, &[certificate]), expected);
    }
}

#[test]
fn intermediates_come_from_the_client_or_were_uploaded() {
    let root = root("root");
    let middle = under("middle", &root);
    let client = client(&middle, |_| {});
    let sent = [client.clone(), middle.der().clone()];
    assert_eq!(judged(&client_policy(&[&uploaded(&root, &[])], false), &sent), "SUCCESS");
    assert_eq!(judged(&client_policy(&[&uploaded(&root, &[&middle])], false), &sent[..1]), "SUCCESS");
    let alone = judged(&client_policy(&[&uploaded(&root, &[])], false), &sent[..1]);
    assert_eq!(alone, "FAILED:unable to get local issuer certificate");
}

#[test]
fn the_named_issuer_is_the_only_one() {
    let root = root("root");
    let (middle, other) = (under("middle", &root), under("other", &root));
    let client_policy = client_policy(&[&uploaded(&root, &[&middle])], true);
    assert_eq!(judged(&client_policy, &[client(&middle, |_| {})]), "SUCCESS");
    for sent in [vec![client(&root, |_| {})], vec![client(&other, |_| {}), other.der().clone()]] {
        assert_eq!(
            judged(&client_policy, &sent),
            "FAILED:the issuer is not the one that is trusted to issue"
        );
    }
}

#[test]
fn who_shows_nothing_is_refused_only_where_something_is_demanded() {
    let (now, root) = (UnixTime::since_unix_epoch(Duration::from_secs(NOW)), root("root"));
    let passthrough = ClientCertificatePolicy::new(&ClientAuthentication::Passthrough, &[]).unwrap();
    let strict = client_policy(&[&uploaded(&root, &[])], false);
    for (client_policy, shown, verification, fault) in [
        (&passthrough, None, "NONE", None),
        (&strict, None, "NONE", Some("no client certificate was sent")),
        (&strict, Some(&[][..]), "NONE", Some("no client certificate was sent")),
        (&passthrough, Some(&[client(&root, |_| {})][..]), "FAILED:not checked", None),
    ] {
        let identity = client_policy.judge(shown, now);
        assert_eq!((identity.verification(), identity.fault()), (verification, fault));
    }
    // A certificate without a readable key is not passed on as the client's.
    let nonsense = passthrough.judge(Some(&[CertificateDer::from(vec![1, 2, 3])]), now);
    assert!(nonsense.certificate().is_none() && nonsense.fault().is_some());
}

#[test]
fn demands_are_the_same_when_they_ask_the_same() {
    let (one, other) = (root("one"), root("other"));
    let (one, other) = (uploaded(&one, &[]), uploaded(&other, &[]));
    let strict = client_policy(&[&one], false);
    assert!(strict.is_same_policy(&client_policy(&[&one], false)));
    for different in
        [client_policy(&[&one], true), client_policy(&[&other], false), client_policy(&[&one, &other], false)]
    {
        assert!(!strict.is_same_policy(&different));
    }
}

#[test]
fn authorities_are_named_to_clients_as_long_as_their_names_are_few() {
    let root = root("root");
    let middle = under("middle", &root);
    let uploaded = uploaded(&root, &[&middle]);
    let hints = |count: usize| client_policy(&vec![&uploaded; count], false).hints.len();
    assert_eq!(hints(1), 2);
    assert_eq!(hints(1000), 0);
}
