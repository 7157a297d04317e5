//! The accepted forms of certificates. The fixtures were made with `openssl` and contain throw-away keys.

use p12_keystore::{EncryptionAlgorithm, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::*;

const RSA_PKCS1: &str = include_str!("fixtures/rsa-pkcs1.pem");
const EC_SEC1: &str = include_str!("fixtures/ec-sec1.pem");

/// A chain of three, the root last, and the key of the first certificate as PKCS#8.
fn chain() -> (Vec<rcgen::Certificate>, KeyPair) {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params, KeyPair::generate().unwrap())
    };
    let (root, root_key) = authority("root");
    let root_certificate = root.self_signed(&root_key).unwrap();
    let root = Issuer::new(root, root_key);
    let (middle, middle_key) = authority("middle");
    let middle_certificate = middle.signed_by(&middle_key, &root).unwrap();
    let middle = Issuer::new(middle, middle_key);
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a.test");
    let key = KeyPair::generate().unwrap();
    let own = params.signed_by(&key, &middle).unwrap();
    (vec![own, middle_certificate, root_certificate], key)
}

fn der(certificates: &[rcgen::Certificate]) -> Vec<Vec<u8>> {
    certificates.iter().map(|certificate| certificate.der().to_vec()).collect()
}

#[test]
fn pem_is_read_in_any_order_raw_or_as_base64() {
    let (certificates, key) = chain();
    let [own, middle, root] = [0, 1, 2].map(|i| certificates[i].pem());
    let other = chain().0[0].pem();
    for text in [
        format!("{own}{middle}{root}{}", key.serialize_pem()),
        format!("{}{root}{other}{middle}{own}", key.serialize_pem()),
    ] {
        for data in [text.clone(), to_base64(text.as_bytes())] {
            let read = ServerCertificate::read(&data, "").unwrap();
            assert_eq!(read.chain, der(&certificates));
            assert_eq!(read.key.expose(), key.serialized_der());
            assert_eq!(ServerCertificate::from_secret(&read.to_secret()), Some(read));
        }
    }
}

#[test]
fn the_older_key_forms_are_read() {
    for text in [RSA_PKCS1, EC_SEC1] {
        assert_eq!(ServerCertificate::read(text, "").unwrap().chain.len(), 1);
    }
}

#[test]
fn keys_are_read_of_each_kind() {
    for kind in [
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
    ] {
        let key = KeyPair::generate_for(kind).unwrap();
        let certificate =
            CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        assert_eq!(
            ServerCertificate::read(&text, "").unwrap().chain,
            [certificate.der().to_vec()],
            "{kind:?}"
        );
    }
}

#[test]
fn what_is_too_large_is_not_even_tried() {
    let pem = format!("{EC_SEC1}{}", "\n".repeat(64 * 1024));
    for data in [pem, to_base64(&vec![0x30; 64 * 1024 + 1])] {
        assert_eq!(ServerCertificate::read(&data, ""), Err(CertificateError::TooLarge));
    }
}

#[test]
fn pfx_files_are_read() {
    for (data, password) in [
        (include_str!("fixtures/legacy.pfx.base64"), "secret"),
        (include_str!("fixtures/tdes.pfx.base64"), "secret"),
        (include_str!("fixtures/modern.pfx.base64"), "secret"),
        (include_str!("fixtures/nopass.pfx.base64"), ""),
    ] {
        let read = ServerCertificate::read(data, password).unwrap();
        assert_eq!(read.chain, ServerCertificate::read(EC_SEC1, "").unwrap().chain);
        assert_eq!(ServerCertificate::read(data, "wrong"), Err(CertificateError::Password));
    }
}

#[test]
fn a_pfx_with_its_whole_chain_is_put_in_order() {
    let (certificates, key) = chain();
    let shuffled = [0, 2, 1].map(|i| p12_keystore::Certificate::from_der(certificates[i].der()).unwrap());
    let entry = PrivateKeyChain::new("id", PrivateKey::from_der(key.serialized_der()).unwrap(), shuffled);
    let mut store = KeyStore::new();
    store.add_entry("a", KeyStoreEntry::PrivateKeyChain(entry));
    for algorithm in
        [EncryptionAlgorithm::PbeWithHmacSha256AndAes256, EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc]
    {
        // Few iterations, because this test does not measure time.
        let pfx = store
            .writer("pass")
            .encryption_algorithm(algorithm)
            .encryption_iterations(10)
            .mac_iterations(10)
            .write()
            .unwrap();
        let read = ServerCertificate::read(&to_base64(&pfx), "pass").unwrap();
        assert_eq!(read.chain, der(&certificates));
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_a_reason() {
    let (certificates, key) = chain();
    let own = certificates[0].pem();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let key = key.serialize_pem();
    let bad_key = "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n";
    let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    for (data, expected) in [
        ("****", CertificateError::Encoding),
        (&format!("{own}{other}"), CertificateError::Mismatch),
        (&own, CertificateError::NoKey),
        (&format!("{own}{encrypted}"), CertificateError::NoKey),
        (&key, CertificateError::NoCertificate),
        (&format!("{own}{key}{key}"), CertificateError::ManyKeys),
        (&format!("{own}{bad_key}"), CertificateError::Key),
    ] {
        assert_eq!(ServerCertificate::read(data, ""), Err(expected), "{data}");
    }
    for data in ["", "AAAA", "MAA=", "MIIBAA=="] {
        assert!(matches!(ServerCertificate::read(data, ""), Err(CertificateError::Pfx(_))), "{data}");
    }
    let cut = "-----BEGIN CERTIFICATE-----\n%%%%";
    assert!(matches!(
        ServerCertificate::read(cut, ""),
        Err(CertificateError::Pem(_) | CertificateError::NoKey)
    ));
}

#[test]
fn damage_anywhere_in_a_pfx_never_panics() {
    let base64: String = include_str!("fixtures/tdes.pfx.base64").split_whitespace().collect();
    let pfx = STANDARD.decode(base64).unwrap();
    for at in (0..pfx.len()).step_by(3) {
        let mut bad = pfx.clone();
        bad[at] ^= 0x41;
        drop(ServerCertificate::read(&to_base64(&bad), "secret"));
        drop(ServerCertificate::read(&to_base64(&pfx[..at]), "secret"));
    }
}

#[test]
fn authorities_come_as_der_or_pem() {
    let (certificates, _) = chain();
    let [middle, root] = [1, 2].map(|i| &certificates[i]);
    let both = format!("{}{}", middle.pem(), root.pem());
    for (data, expected) in [
        (to_base64(root.der()), vec![root.der().to_vec()]),
        (root.pem(), vec![root.der().to_vec()]),
        (to_base64(both.as_bytes()), der(&certificates[1..])),
    ] {
        assert_eq!(read_authorities(&data).unwrap(), expected);
    }
    for bad in ["", "****", "AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(read_authorities(bad).is_err(), "{bad}");
    }
    assert_eq!(read_authorities(EC_SEC1), Err(CertificateError::UnwantedKey));
}
