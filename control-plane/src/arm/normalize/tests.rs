//! Canonical forms of JSON as clients send it.

use serde_json::json;

use super::*;
use crate::arm::gateway::{
    BackendHttpSettings, Gateway, Listener, Probe, RedirectConfiguration, SslProfile, UrlPathMap,
};
use crate::arm::network::Subnet;

fn check(shape: &Shape, value: &Value, expected: &Value, wrong: &[&str]) {
    let mut violations = Violations::default();
    let resource = Level::resource(&[]);
    let level = resource.properties(shape.properties(), "");
    let object = value.as_object().cloned().unwrap_or_default();
    let canonical = Some(Value::Object(normalize_object(object, &level, &mut violations)));
    assert_eq!(canonical.as_ref(), Some(expected), "{value}");
    let targets: Vec<_> = violations.0.iter().map(|v| v.target.as_str()).collect();
    assert_eq!(targets, wrong, "{value}: {violations}");
}

#[test]
fn names_and_enumerations_take_their_one_spelling() {
    check(
        &Shape::of::<Listener>(),
        &json!({ "FrontendIPConfiguration": { "Id": "x" }, "PROTOCOL": "hTTPs", "hostnames": ["A.b"] }),
        &json!({ "frontendIPConfiguration": { "id": "x" }, "protocol": "Https", "hostNames": ["A.b"] }),
        &[],
    );
    check(
        &Shape::of::<Gateway>(),
        &json!({ "Location": "west", "Tags": { "Key": "V", "n": 1 },
                "properties": { "Sku": { "name": "standard_v2", "Capacity": "2" } } }),
        &json!({ "location": "west", "tags": { "Key": "V", "n": "1" },
                "properties": { "sku": { "name": "Standard_v2", "capacity": 2 } } }),
        &[],
    );
}

#[test]
fn scalars_may_come_as_strings_and_must_be_what_they_are() {
    let settings = Shape::of::<BackendHttpSettings>();
    for (port, expected) in [(json!(80), 80), (json!("80"), 80), (json!(" 80 "), 80), (json!(80.0), 80)] {
        check(&settings, &json!({ "port": port }), &json!({ "port": expected }), &[]);
    }
    for port in [json!(80.5), json!("eighty"), json!(1e300), json!(true), json!([80]), json!({}), json!("")] {
        check(&settings, &json!({ "port": port }), &json!({}), &["port"]);
    }
    for pick in [json!(true), json!("True")] {
        let expected = json!({ "pickHostNameFromBackendAddress": true });
        check(&settings, &json!({ "pickHostNameFromBackendAddress": pick }), &expected, &[]);
    }
    check(
        &settings,
        &json!({ "pickHostNameFromBackendAddress": "yes" }),
        &json!({}),
        &["pickHostNameFromBackendAddress"],
    );
    check(&settings, &json!({ "protocol": "Tcp" }), &json!({}), &["protocol"]);
    check(&settings, &json!({ "protocol": "" }), &json!({}), &[]);
    let suites = json!({ "sslPolicy": { "cipherSuites": [""] } });
    let mut violations = Violations::default();
    let read = normalize(suites, &Shape::of::<SslProfile>(), (&Level::resource(&[]), ""), &mut violations);
    assert_eq!(violations.0.len(), 1, "{read:?}");
    check(&settings, &json!({ "probe": "x" }), &json!({}), &["probe"]);
    let statuses = json!({ "match": { "statusCodes": [200, "300-399", null, {}] } });
    let expected = json!({ "match": { "statusCodes": ["200", "300-399", "", ""] } });
    check(&Shape::of::<Probe>(), &statuses, &expected, &["match.statusCodes[2]", "match.statusCodes[3]"]);
}

#[test]
fn members_are_named_as_children_are_and_keep_their_places() {
    check(
        &Shape::of::<UrlPathMap>(),
        &json!({ "PathRules": [
            { "Name": "a", "etag": "x", "properties": { "Paths": ["/A/*"], "provisioningState": "Succeeded" } },
            { "id": "/x/pathRules/b" },
            7,
            { "name": "A" },
            { "name": "c", "properties": { "paths": "x", "pathRules": [{}] } }
        ] }),
        &json!({ "pathRules": [
            { "name": "a", "properties": { "paths": ["/A/*"] } },
            { "name": "b", "properties": {} },
            { "name": "", "properties": {} },
            { "name": "A", "properties": {} },
            { "name": "c", "properties": {} }
        ] }),
        &[
            "pathRules[2]",
            "pathRules[2].name",
            "pathRules[3].name",
            "pathRules[4].properties.paths",
            "pathRules[4].properties.pathRules",
        ],
    );
}

#[test]
fn delegations_may_be_named_as_services() {
    let list = json!({ "delegations": [{ "name": "Microsoft.Web/serverFarms" }, { "name": "a//b" }] });
    let mut violations = Violations::default();
    let shape = Shape::of::<Subnet>();
    normalize(list, &shape, (&Level::resource(&[]), ""), &mut violations);
    let targets: Vec<&str> = violations.0.iter().map(|violation| violation.target.as_str()).collect();
    assert_eq!(targets, ["delegations[1].name"]);
}

#[test]
fn what_means_nothing_is_dropped() {
    check(
        &Shape::of::<Listener>(),
        &json!({ "provisioningState": "Succeeded", "requestRoutingRules": [{ "id": "x" }], "hostName": null }),
        &json!({}),
        &[],
    );
    // In this type, the same property is a list of members.
    check(
        &Shape::of::<RedirectConfiguration>(),
        &json!({ "pathRules": [{ "id": "x" }], "urlPathMaps": 7, "includePath": "true" }),
        &json!({ "includePath": true }),
        &[],
    );
}

#[test]
fn text_with_a_nul_is_refused_wherever_it_stands() {
    let body = json!({
        "location": "a\0", "tags": { "b\0": "c", "d": "e\0" }, "zones": ["1", "\0"],
        "identity": { "type": "UserAssigned", "userAssignedIdentities": { "x": { "y": [{ "z\0": 1 }] } } }
    });
    let mut violations = Violations::default();
    normalize(body, &Shape::of::<Gateway>(), (&Level::resource(&[]), ""), &mut violations);
    let mut targets: Vec<_> = violations.0.iter().map(|v| v.target.as_str()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["identity.userAssignedIdentities.x", "location", "tags", "tags.d", "zones[1]"]);
}

#[test]
fn one_name_twice_is_refused() {
    check(
        &Shape::of::<BackendHttpSettings>(),
        &json!({ "port": 80, "Port": 81, "PROTOCOL": "Http", "protocol": "Http" }),
        &json!({ "port": 80, "protocol": "Http" }),
        &["port", "protocol"],
    );
}

#[test]
fn what_no_worker_executes_is_refused_unless_it_is_off() {
    let gateway = |value: Value| json!({ "properties": { "EntraJWTValidationConfigs": value } });
    let target = "properties.entraJWTValidationConfigs";
    let empty = json!({ "properties": {} });
    for off in [json!(null), json!({}), json!([]), json!({ "Enabled": false, "other": "Detection" })] {
        check(&Shape::of::<Gateway>(), &gateway(off), &empty, &[]);
    }
    for on in [json!([{}]), json!({ "enabled": true })] {
        check(&Shape::of::<Gateway>(), &gateway(on), &empty, &[target]);
    }
}
