//! Documents within all limits of single parts whose whole is too large.

use super::*;
use crate::arm::samples::authority;

fn check(body: Value, expected: &[(&str, &str)]) {
    let violations = compile_body(body).err().unwrap_or_default();
    let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
    assert_eq!(found, expected, "{violations}");
}

#[test]
fn a_root_is_carried_once_however_often_it_is_referred_to() {
    let mut body = whole();
    properties(&mut body, "trustedRootCertificates", 0)["data"] = json!(authority().repeat(30));
    let once = serde_json::to_vec(&compile_body(body.clone()).unwrap()).unwrap().len();
    let references = vec![reference("trustedRootCertificates/root"); 2000];
    properties(&mut body, "backendHttpSettingsCollection", 1)["trustedRootCertificates"] = json!(references);
    let content = compile_body(body).unwrap();
    assert_eq!(content.settings[1].tls.as_ref().unwrap().trust, UpstreamTrust::Roots(vec![0]));
    assert_eq!(serde_json::to_vec(&content).unwrap().len(), once);
}

#[test]
fn a_bundle_has_a_limit() {
    let mut body = whole();
    let data = |count: usize| json!(authority().repeat(count));
    properties(&mut body, "trustedRootCertificates", 0)["data"] = data(100);
    check(body.clone(), &[]);
    properties(&mut body, "trustedRootCertificates", 0)["data"] = data(101);
    check(body, &[(code::limit::BUNDLE, "properties.trustedRootCertificates[0].properties.data")]);
}

/// Pools `p0`… with the maximum number of members, and a rule with its own listener for each.
fn with_pools(count: usize) -> Value {
    let mut body = whole();
    let list = |member: &dyn Fn(usize) -> Value| Value::Array((0..count).map(member).collect());
    let members: Vec<_> =
        (0..1200).map(|i| json!({ "ipAddress": format!("10.1.{}.{}", i / 250, i % 250) })).collect();
    let all = &mut body["properties"];
    all["backendAddressPools"] =
        list(&|i| json!({ "name": format!("p{i}"), "properties": { "backendAddresses": members } }));
    all["frontendPorts"] = list(&|i| json!({ "name": format!("p{i}"), "properties": { "port": 1000 + i } }));
    all["httpListeners"] = list(&|i| {
        json!({ "name": format!("l{i}"), "properties": {
            "frontendIPConfiguration": reference("frontendIPConfigurations/public"),
            "frontendPort": reference(&format!("frontendPorts/p{i}"))
        } })
    });
    all["requestRoutingRules"] = list(&|i| {
        json!({ "name": format!("r{i}"), "properties": {
            "priority": 1 + i,
            "httpListener": reference(&format!("httpListeners/l{i}")),
            "backendAddressPool": reference(&format!("backendAddressPools/p{i}")),
            "backendHttpSettings": reference("backendHttpSettingsCollection/plain")
        } })
    });
    body
}

#[test]
fn the_backends_of_a_gateway_have_a_limit() {
    check(with_pools(16), &[]);
    check(with_pools(17), &[(code::limit::BACKENDS, "properties.requestRoutingRules")]);
}

#[test]
fn the_whole_has_a_limit() {
    let mut body = whole();
    let bundle = json!(authority().repeat(100));
    let roots = |count: usize, data: &Value| {
        let root = |i| json!({ "name": format!("r{i}"), "properties": { "data": data } });
        Value::Array((0..count).map(root).collect())
    };
    properties(&mut body, "backendHttpSettingsCollection", 1)["trustedRootCertificates"] = json!([]);
    body["properties"]["trustedRootCertificates"] = roots(100, &bundle);
    let mut content = compile_body(body.clone()).unwrap();
    let size = serde_json::to_vec(&content).unwrap().len();
    assert!(size < tidegate_shared::channel::MAX_SNAPSHOT, "{size}");
    let mut trusting = body;
    let all: Vec<_> = (0..100).map(|i| reference(&format!("trustedRootCertificates/r{i}"))).collect();
    let settings = |i| {
        json!({ "name": format!("s{i}"), "properties": {
            "port": 1, "protocol": "Https", "trustedRootCertificates": all } })
    };
    trusting["properties"]["backendHttpSettingsCollection"] = (0..3).map(settings).collect();
    trusting["properties"]["requestRoutingRules"] = json!([]);
    check(trusting, &[(code::limit::TRUST, "properties.backendHttpSettingsCollection")]);
    // No single part can be too large, so a name represents many parts.
    content.name = "x".repeat(tidegate_shared::channel::MAX_SNAPSHOT);
    let mut violations = Violations::default();
    size::check(&content, &mut violations);
    assert_eq!((violations.0[0].code, violations.0[0].target.as_str()), (code::limit::SIZE, "properties"));
}
