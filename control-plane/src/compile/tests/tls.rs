//! TLS policies, SSL profiles, and certificate authorities of clients.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tidegate_shared::snapshot::{ClientAuthentication, Staple};

use super::check::{check_body, check_gateway, check_member};
use super::*;
use crate::arm::certificate::to_base64;
use crate::arm::samples::{CERTIFICATE, authority, defined, ocsp_response};
use crate::arm::tls_policy::CipherSuite;

const SUITE: &str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

#[test]
fn policies() {
    let suites = [SUITE];
    for (policy, expected) in [
        (json!({}), &[][..]),
        (json!({ "policyType": "predefined", "policyName": "appgwsslpolicy20220101s" }), &[]),
        (json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" }), &[]),
        (json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S" }), &[]),
        (json!({ "disabledSslProtocols": ["TLSv1_0", "tlsv1_1"] }), &[]),
        (json!({ "disabledSslProtocols": ["TLSv1_2"] }), &[(code::NOT_SUPPORTED, ".disabledSslProtocols")]),
        (json!({ "disabledSslProtocols": ["SSLv3"] }), &[(code::INVALID_JSON, ".disabledSslProtocols[0]")]),
        (json!({ "policyName": "AppGwSslPolicy20220101" }), &[(code::SSL_POLICY_TYPE, "")]),
        (json!({ "policyType": "Predefined" }), &[(code::SSL_POLICY_NAME, ".policyName")]),
        (
            json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20150501" }),
            &[(code::SSL_POLICY_DEPRECATED, ".policyName")],
        ),
        (
            json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20170401" }),
            &[(code::SSL_POLICY_DEPRECATED, ".policyName")],
        ),
        (
            json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S", "cipherSuites": suites }),
            &[(code::SSL_POLICY_PROPERTY, ".cipherSuites")],
        ),
        (json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2", "cipherSuites": suites }), &[]),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_1", "cipherSuites": suites }),
            &[(code::SSL_POLICY_DEPRECATED, ".minProtocolVersion")],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_3", "cipherSuites": suites }),
            &[(code::SSL_POLICY_VERSION, ".minProtocolVersion")],
        ),
        (
            json!({ "policyType": "Custom", "policyName": "AppGwSslPolicy20220101" }),
            &[
                (code::SSL_POLICY_PROPERTY, ".policyName"),
                (code::SSL_POLICY_VERSION, ".minProtocolVersion"),
                (code::SSL_POLICY_SUITES, ".cipherSuites"),
            ],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2",
                    "cipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] }),
            &[(code::SSL_POLICY_SUITES, ".cipherSuites")],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2",
                    "cipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA256"] }),
            &[(code::NOT_SUPPORTED, ".cipherSuites")],
        ),
        (
            json!({ "policyType": "CustomV2", "minProtocolVersion": "TLSv1_2", "cipherSuites": ["x"] }),
            &[(code::INVALID_JSON, ".cipherSuites[0]")],
        ),
        (json!({ "policyType": "CustomV2", "minProtocolVersion": "TLSv1_3" }), &[]),
    ] {
        let expected: Vec<_> =
            expected.iter().map(|(code, target)| (*code, format!(".sslPolicy{target}"))).collect();
        let expected: Vec<_> = expected.iter().map(|(code, target)| (*code, target.as_str())).collect();
        check_gateway(json!({ "sslPolicy": policy }), &expected);
    }
}

#[test]
fn profiles() {
    let check = |changes, expected: &[_]| check_member(defined(), "sslProfiles", 0, changes, expected);
    check(json!({}), &[]);
    check(
        json!({ "sslPolicy": null, "trustedClientCertificates": [], "clientAuthConfiguration": null }),
        &[],
    );
    check(
        json!({ "trustedClientCertificates": [reference("trustedClientCertificates/none")] }),
        &[(code::INVALID_REFERENCE, ".trustedClientCertificates[0].id")],
    );
    let many = vec![reference("trustedClientCertificates/clients"); 101];
    check(
        json!({ "trustedClientCertificates": many }),
        &[(code::limit::PROFILE_AUTHORITIES, ".trustedClientCertificates")],
    );
    let asked = |value| json!({ "clientAuthConfiguration": value });
    let nobody = |value| json!({ "clientAuthConfiguration": value, "trustedClientCertificates": [] });
    let at = |property: &str| format!(".clientAuthConfiguration.{property}");
    let (issuer, mode) = (at("verifyClientCertIssuerDN"), at("verifyClientAuthMode"));
    let revocation = at("verifyClientRevocation");
    let required = code::CLIENT_AUTHORITY_REQUIRED;
    check(asked(json!({ "verifyClientAuthMode": "Strict" })), &[]);
    check(asked(json!({ "verifyClientAuthMode": "Passthrough" })), &[]);
    check(nobody(json!({ "verifyClientAuthMode": "Passthrough" })), &[]);
    check(nobody(json!({ "verifyClientCertIssuerDN": false })), &[]);
    check(nobody(json!({ "verifyClientAuthMode": "Strict" })), &[(required, &mode)]);
    check(nobody(json!({ "verifyClientCertIssuerDN": true })), &[]);
    check(
        asked(json!({ "verifyClientAuthMode": "Passthrough", "verifyClientCertIssuerDN": true })),
        &[(code::EXCLUSIVE, &issuer)],
    );
    check(asked(json!({ "verifyClientRevocation": "OCSP" })), &[(code::NOT_SUPPORTED, &revocation)]);
    check(
        json!({ "sslPolicy": { "policyType": "Predefined" } }),
        &[(code::SSL_POLICY_NAME, ".sslPolicy.policyName")],
    );
}

#[test]
fn of_each_policy_what_workers_know_is_served_in_its_order() {
    const RSA_256: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
    const RSA_128: CipherSuite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    const ECDSA_256: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384;
    const ECDSA_128: CipherSuite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    const NEW: [CipherSuite; 2] = [CipherSuite::TLS_AES_128_GCM_SHA256, CipherSuite::TLS_AES_256_GCM_SHA384];
    let of_2022 = [NEW[0], NEW[1], RSA_256, RSA_128, ECDSA_256, ECDSA_128];
    let custom = |kind: &str, version: &str, suites: &[CipherSuite]| json!({ "policyType": kind, "minProtocolVersion": version, "cipherSuites": suites });
    let cbc = CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA256;
    for (policy, expected) in [
        (json!({}), &of_2022[..]),
        (json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" }), &of_2022),
        (json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101S" }), &of_2022),
        (
            json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S" }),
            &[ECDSA_128, ECDSA_256, RSA_256, RSA_128],
        ),
        (custom("Custom", "TLSv1_2", &[cbc, RSA_128, NEW[0], ECDSA_256, RSA_128]), &[RSA_128, ECDSA_256]),
        (custom("Custom", "TLSv1_2", &[cbc]), &[]),
        (custom("CustomV2", "TLSv1_2", &[RSA_128, cbc]), &[NEW[0], NEW[1], RSA_128]),
        (custom("CustomV2", "TLSv1_2", &[cbc]), &NEW),
        (custom("CustomV2", "TLSv1_3", &[RSA_128]), &NEW),
    ] {
        let typed = serde_json::from_value(policy.clone()).unwrap();
        assert_eq!(served_cipher_suites(&typed), expected, "{policy}");
    }
}

#[test]
fn policies_of_two_generations_do_not_mix() {
    let old = json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2", "cipherSuites": [SUITE] });
    let mut body = defined();
    body["properties"]["sslPolicy"] = old.clone();
    let profile = |i: usize| format!(".sslProfiles[{i}].properties.sslPolicy");
    check_body(body, "gateway", "properties", &[(code::SSL_POLICY_MISMATCH, &profile(0))]);

    // A gateway without a policy has the default one.
    for of_gateway in [json!(null), json!({}), json!({ "disabledSslProtocols": ["TLSv1_0"] })] {
        let mut body = defined();
        body["properties"]["sslPolicy"] = of_gateway;
        properties(&mut body, "sslProfiles", 0)["sslPolicy"] = json!({});
        let second = json!({ "name": "second", "properties": { "sslPolicy": old } });
        body["properties"]["sslProfiles"].as_array_mut().unwrap().push(second);
        check_body(body, "profiles", "properties", &[(code::SSL_POLICY_MISMATCH, &profile(1))]);
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[test]
fn client_authorities() {
    let root =
        |name| CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap();
    let (one, other) = (root("one"), root("other"));
    let intermediate =
        authority_params("intermediate").signed_by(&KeyPair::generate().unwrap(), &one).unwrap();
    let leaf_params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    let leaf = leaf_params.signed_by(&KeyPair::generate().unwrap(), &one).unwrap();
    let (one, other) = (one.pem(), other.pem());
    for (data, expected) in [
        (json!(one), &[][..]),
        (json!(format!("{}{one}", intermediate.pem())), &[]),
        (json!(format!("{}{one}", leaf.pem())), &[]),
        (json!(null), &[code::CLIENT_AUTHORITY_DATA]),
        (json!(""), &[code::CLIENT_AUTHORITY_DATA]),
        (json!("AAAA"), &[code::CLIENT_AUTHORITY_INVALID]),
        (json!("no base64!"), &[code::CLIENT_AUTHORITY_INVALID]),
        (json!(one.repeat(100)), &[code::CLIENT_AUTHORITY_INVALID]),
        (json!(CERTIFICATE), &[code::CLIENT_AUTHORITY_KEY]),
        (json!(leaf.pem()), &[code::CLIENT_AUTHORITY_LEAF]),
        (json!(intermediate.pem()), &[code::CLIENT_AUTHORITY_ROOTS]),
        (json!(format!("{one}{other}")), &[code::CLIENT_AUTHORITY_ROOTS]),
    ] {
        let expected: Vec<_> = expected.iter().map(|code| (*code, ".data")).collect();
        check_member(defined(), "trustedClientCertificates", 0, json!({ "data": data }), &expected);
    }
}

#[test]
fn an_empty_policy_of_a_profile_is_none() {
    let strict = json!({ "policyType": "CustomV2", "minProtocolVersion": "TLSv1_3" });
    for (empty, of_gateway, expected) in [
        (json!({}), &strict, 2),
        (json!({ "cipherSuites": [], "disabledSslProtocols": [] }), &strict, 2),
        (json!(null), &strict, 2),
        (json!({}), &json!({}), 6),
        (
            json!({ "policyType": "CustomV2", "minProtocolVersion": "TLSv1_2", "cipherSuites": [SUITE] }),
            &strict,
            3,
        ),
    ] {
        let mut body = defined();
        body["properties"]["sslPolicy"] = of_gateway.clone();
        properties(&mut body, "sslProfiles", 0)["sslPolicy"] = empty.clone();
        properties(&mut body, "httpListeners", 1)["sslProfile"] = reference("sslProfiles/profile");
        let content = compile_body(body).unwrap();
        let listener = content.listeners.iter().find(|listener| listener.name == "wss").unwrap();
        assert_eq!(listener.tls.as_ref().unwrap().suites.len(), expected, "{empty} and {of_gateway}");
    }
}

#[test]
fn listeners_do_as_their_profile_says() {
    let mut body = defined();
    let profile = reference("sslProfiles/profile");
    body["properties"]["httpListeners"][1]["properties"]["sslProfile"] = profile.clone();
    let content = compile_body(body.clone()).unwrap();
    let tls = content.listeners.iter().find(|listener| listener.name == "wss").unwrap().tls.as_ref().unwrap();
    assert_eq!(tls.suites.len(), 6);
    let required = ClientAuthentication::Required { authorities: vec![0], by_named_issuer: true };
    assert_eq!(tls.clients, Some(required));
    let authority = &content.client_authorities[0];
    assert_eq!((authority.roots.len(), authority.intermediates.len()), (1, 0));
    assert!(!authority.issuer.is_empty());

    check_member(
        defined(),
        "httpListeners",
        0,
        json!({ "sslProfile": profile }),
        &[(code::NOT_SUPPORTED, ".sslProfile")],
    );
    check_member(
        defined(),
        "httpListeners",
        1,
        json!({ "sslProfile": reference("sslProfiles/none") }),
        &[(code::INVALID_REFERENCE, ".sslProfile.id")],
    );
}

#[test]
fn ocsp_responses() {
    for response in ["no base64!", "AAAA", ""] {
        let expected = [(code::OCSP_RESPONSE, ".ocspResponse")];
        let expected = if response.is_empty() { &[][..] } else { &expected };
        check_member(defined(), "sslCertificates", 0, json!({ "ocspResponse": response }), expected);
    }
    let content = compile_body(defined()).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&content.certificates[0].chain[0]).unwrap();
    let response = ocsp_response(certificate.raw_serial(), &[0x80, 0x00], Some("20261123120000Z"));
    let mut body = defined();
    body["properties"]["sslCertificates"][0]["properties"]["ocspResponse"] = json!(to_base64(&response));
    let staple = compile_body(body.clone()).unwrap().certificates[0].staple.clone();
    assert_eq!(staple, Some(Staple { response, until: Some(1_795_435_200) }));
}

#[test]
fn authentication_certificates() {
    for (data, expected) in [
        (json!(authority()), &[][..]),
        (json!(null), &[(code::CERTIFICATE_DATA, "")]),
        (json!("AAAA"), &[(code::AUTHENTICATION_INVALID, ".data")]),
        (json!(CERTIFICATE), &[(code::AUTHENTICATION_INVALID, ".data")]),
    ] {
        check_member(defined(), "authenticationCertificates", 0, json!({ "data": data }), expected);
    }
}
