//! Verification of the certificates of backends.

use super::check::check;
use super::*;
use crate::arm::samples::authority;

const SETTINGS: &str = "backendHttpSettingsCollection";

fn compiled(changes: &Value) -> UpstreamTls {
    let mut body = whole();
    let settings = properties(&mut body, SETTINGS, 1).as_object_mut().unwrap();
    settings.extend(changes.as_object().unwrap().clone());
    compile_body(body).unwrap().settings[1].tls.clone().unwrap()
}

#[test]
fn each_check_can_be_left_out() {
    let roots = || UpstreamTrust::Roots(vec![0]);
    let cases = [
        (json!({}), UpstreamTls { trust: roots(), checks_name: true, name: None }),
        (
            json!({ "validateCertChainAndExpiry": true, "validateSNI": true }),
            UpstreamTls { trust: roots(), checks_name: true, name: None },
        ),
        (
            json!({ "validateCertChainAndExpiry": false }),
            UpstreamTls { trust: UpstreamTrust::Anybody, checks_name: true, name: None },
        ),
        (json!({ "validateSNI": false }), UpstreamTls { trust: roots(), checks_name: false, name: None }),
        (
            json!({ "validateSNI": false, "sniName": "" }),
            UpstreamTls { trust: roots(), checks_name: false, name: None },
        ),
        (
            json!({ "sniName": "inner.test" }),
            UpstreamTls { trust: roots(), checks_name: true, name: Some("inner.test".into()) },
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(compiled(&changes), expected, "{changes}");
    }
}

#[test]
fn a_pinned_certificate_is_compared_and_nothing_else_is_checked() {
    let compiled = |changes: Value| {
        let mut body = defined();
        let settings = properties(&mut body, SETTINGS, 1).as_object_mut().unwrap();
        settings.remove("trustedRootCertificates");
        settings.insert(
            "authenticationCertificates".into(),
            json!([reference("authenticationCertificates/pinned")]),
        );
        settings.extend(changes.as_object().unwrap().clone());
        compile_body(body)
    };
    let tls = compiled(json!({})).unwrap().settings[1].tls.clone().unwrap();
    let pinned = crate::arm::certificate::read_authorities(authority()).unwrap();
    assert_eq!(tls, UpstreamTls { trust: UpstreamTrust::Pinned(pinned), checks_name: false, name: None });
    let both = json!({ "trustedRootCertificates": [reference("trustedRootCertificates/root")] });
    let found = compiled(both).unwrap_err();
    assert_eq!(found.0.iter().map(|one| one.code).collect::<Vec<_>>(), [code::EXCLUSIVE]);
    let plain = json!({ "protocol": "Http", "probe": null });
    assert_eq!(compiled(plain).unwrap().settings[1].tls, None);
}

#[test]
fn a_name_that_would_not_be_checked_is_refused() {
    let exclusive = [(code::EXCLUSIVE, ".sniName")];
    check(SETTINGS, 1, json!({ "sniName": "a.test", "validateSNI": false }), &exclusive);
    check(SETTINGS, 0, json!({ "sniName": "a.test" }), &exclusive);
    check(SETTINGS, 1, json!({ "sniName": "no name" }), &[(code::HOST_NAME, ".sniName")]);
    check(SETTINGS, 0, json!({ "validateSNI": false, "validateCertChainAndExpiry": false }), &[]);
}
