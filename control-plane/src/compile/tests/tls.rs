//! TLS policies, profiles, and the certificates that clients are checked against.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::wrong::{check_body, check_gateway, check_member};
use super::*;
use crate::arm::samples::{CERTIFICATE, authority, defined};

const SUITE: &str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

#[test]
fn policies() {
    let unserved = (code::NOT_SUPPORTED, ".policyType");
    let suites = [SUITE];
    for (policy, expected) in [
        (json!({}), &[][..]),
        (json!({ "policyType": "predefined", "policyName": "appgwsslpolicy20220101s" }), &[]),
        (json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20220101" }), &[]),
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
            json!({ "policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S", "cipherSuites": suites }),
            &[(code::NOT_SUPPORTED, ".policyName"), (code::SSL_POLICY_PROPERTY, ".cipherSuites")],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2", "cipherSuites": suites }),
            &[unserved],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_1", "cipherSuites": suites }),
            &[(code::SSL_POLICY_DEPRECATED, ".minProtocolVersion"), unserved],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_3", "cipherSuites": suites }),
            &[(code::SSL_POLICY_VERSION, ".minProtocolVersion"), unserved],
        ),
        (
            json!({ "policyType": "Custom", "policyName": "AppGwSslPolicy20220101" }),
            &[
                (code::SSL_POLICY_PROPERTY, ".policyName"),
                (code::SSL_POLICY_VERSION, ".minProtocolVersion"),
                (code::SSL_POLICY_SUITES, ".cipherSuites"),
                unserved,
            ],
        ),
        (
            json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2",
                    "cipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] }),
            &[(code::SSL_POLICY_SUITES, ".cipherSuites"), unserved],
        ),
        (
            json!({ "policyType": "CustomV2", "minProtocolVersion": "TLSv1_2", "cipherSuites": ["x"] }),
            &[(code::INVALID_JSON, ".cipherSuites[0]"), unserved],
        ),
        (json!({ "policyType": "CustomV2", "minProtocolVersion": "TLSv1_3" }), &[unserved]),
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
    check(json!({ "sslPolicy": null, "trustedClientCertificates": [] }), &[]);
    check(
        json!({ "trustedClientCertificates": [reference("trustedClientCertificates/none")] }),
        &[(code::INVALID_REFERENCE, ".trustedClientCertificates[0].id")],
    );
    let many = vec![reference("trustedClientCertificates/clients"); 101];
    check(
        json!({ "trustedClientCertificates": many }),
        &[(code::limit::PROFILE_AUTHORITIES, ".trustedClientCertificates")],
    );
    check(
        json!({ "sslPolicy": { "policyType": "Predefined" } }),
        &[(code::SSL_POLICY_NAME, ".sslPolicy.policyName")],
    );
}

#[test]
fn policies_of_two_generations_do_not_mix() {
    let old = json!({ "policyType": "Custom", "minProtocolVersion": "TLSv1_2", "cipherSuites": [SUITE] });
    let mut body = defined();
    body["properties"]["sslPolicy"] = old.clone();
    let unserved = (code::NOT_SUPPORTED, ".sslPolicy.policyType");
    let profile = |i: usize| format!(".sslProfiles[{i}].properties.sslPolicy");
    check_body(body, "gateway", "properties", &[unserved, (code::SSL_POLICY_MISMATCH, &profile(0))]);

    let mut body = defined();
    let second = json!({ "name": "second", "properties": { "sslPolicy": old } });
    body["properties"]["sslProfiles"].as_array_mut().unwrap().push(second);
    let unserved = format!("{}.policyType", profile(1));
    let expected = [(code::NOT_SUPPORTED, unserved.as_str()), (code::SSL_POLICY_MISMATCH, &profile(1))];
    check_body(body, "profiles", "properties", &expected);
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
