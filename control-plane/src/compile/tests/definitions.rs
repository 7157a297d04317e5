//! Path maps, redirects, load distribution and private link.

use super::check::{check_body, check_member};
use super::*;
use crate::arm::samples::defined;

#[test]
fn path_maps() {
    let none = |child: &str| reference(&format!("{child}/none"));
    let redirect = reference("redirectConfigurations/away");
    for (changes, expected) in [
        (json!({ "pathRules": [] }), &[(code::PATH_INVALID, ".pathRules")][..]),
        (
            json!({ "defaultBackendHttpSettings": null }),
            &[(code::PATH_MAP_DEFAULT, ".defaultBackendHttpSettings")],
        ),
        (
            // A distribution policy replaces the pool.
            json!({ "defaultBackendAddressPool": null }),
            &[],
        ),
        (
            json!({ "defaultBackendAddressPool": null, "defaultLoadDistributionPolicy": null }),
            &[(code::PATH_MAP_DEFAULT, ".defaultBackendAddressPool")],
        ),
        (
            json!({ "defaultRedirectConfiguration": redirect }),
            &[
                (code::EXCLUSIVE, ".defaultBackendAddressPool"),
                (code::EXCLUSIVE, ".defaultBackendHttpSettings"),
                (code::EXCLUSIVE, ".defaultLoadDistributionPolicy"),
            ],
        ),
        (
            json!({ "defaultBackendAddressPool": none("backendAddressPools"),
                    "defaultBackendHttpSettings": none("backendHttpSettingsCollection"),
                    "defaultRewriteRuleSet": none("rewriteRuleSets"),
                    "defaultLoadDistributionPolicy": none("loadDistributionPolicies") }),
            &[
                (code::INVALID_REFERENCE, ".defaultBackendAddressPool.id"),
                (code::INVALID_REFERENCE, ".defaultBackendHttpSettings.id"),
                (code::INVALID_REFERENCE, ".defaultRewriteRuleSet.id"),
                (code::INVALID_REFERENCE, ".defaultLoadDistributionPolicy.id"),
            ],
        ),
    ] {
        check_member(defined(), "urlPathMaps", 0, changes, expected);
    }
}

#[test]
fn path_rules() {
    let pool = reference("backendAddressPools/pool");
    for (index, changes, expected) in [
        (0, json!({ "paths": ["/images/*", "/a"] }), &[][..]),
        (0, json!({ "paths": [] }), &[(code::PATH_INVALID, ".paths")]),
        (0, json!({ "paths": ["/"] }), &[(code::PATH_EMPTY, ".paths[0]")]),
        (
            0,
            json!({ "paths": ["/a/*/b", "a"] }),
            &[(code::PATH_INVALID, ".paths[0]"), (code::PATH_INVALID, ".paths[1]")],
        ),
        (1, json!({ "paths": ["/IMAGES/*"] }), &[(code::PATHS_NOT_UNIQUE, ".paths[0]")]),
        (1, json!({ "paths": ["/a", "/A"] }), &[(code::PATHS_NOT_UNIQUE, ".paths[1]")]),
        (1, json!({ "paths": ["/a/b", "/a%2FB"] }), &[(code::PATHS_NOT_UNIQUE, ".paths[1]")]),
        (1, json!({ "paths": ["/a/x", "/a/x*"] }), &[]),
        (
            0,
            json!({ "paths": ["/a//b", "/a/../b", "/a/%2e/*", "/a\\b"] }),
            &[
                (code::PATH_INVALID, ".paths[0]"),
                (code::PATH_INVALID, ".paths[1]"),
                (code::PATH_INVALID, ".paths[2]"),
                (code::PATH_INVALID, ".paths[3]"),
            ],
        ),
        (0, json!({ "backendHttpSettings": null }), &[(code::PATH_RULE_TARGET, ".backendHttpSettings")]),
        (1, json!({ "backendAddressPool": pool }), &[(code::EXCLUSIVE, ".backendAddressPool")]),
        (
            1,
            json!({ "redirectConfiguration": null }),
            &[
                (code::PATH_RULE_TARGET, ".backendAddressPool"),
                (code::PATH_RULE_TARGET, ".backendHttpSettings"),
            ],
        ),
        (
            1,
            json!({ "redirectConfiguration": reference("redirectConfigurations/none") }),
            &[(code::INVALID_REFERENCE, ".redirectConfiguration.id")],
        ),
        (
            0,
            json!({ "rewriteRuleSet": reference("rewriteRuleSets/none") }),
            &[(code::INVALID_REFERENCE, ".rewriteRuleSet.id")],
        ),
    ] {
        let mut body = defined();
        let what = changes.to_string();
        let rule = &mut properties(&mut body, "urlPathMaps", 0)["pathRules"][index]["properties"];
        let Value::Object(changes) = changes else { panic!("{what}") };
        rule.as_object_mut().unwrap().extend(changes);
        let prefix = format!("properties.urlPathMaps[0].properties.pathRules[{index}].properties");
        check_body(body, &what, &prefix, expected);
    }
}

#[test]
fn redirects() {
    let url = |text: &str, expected: &[_]| {
        check_member(defined(), "redirectConfigurations", 0, json!({ "targetUrl": text }), expected);
    };
    for good in ["http://a.test", "HTTPS://a.test:8443/b?c=d#e", "https://[::1]/"] {
        url(good, &[]);
    }
    for bad in ["a.test", "/a", "ftp://a.test", "http://", "https:///a", "http://a b"] {
        url(bad, &[(code::REDIRECT_TARGET, ".targetUrl")]);
    }
    let to_listener = |child: &str| json!({ "targetListener": reference(&format!("httpListeners/{child}")) });
    for (index, changes, expected) in [
        (0, json!({ "redirectType": null }), (code::REDIRECT_TYPE, ".redirectType")),
        (0, json!({ "redirectType": "Moved" }), (code::INVALID_JSON, ".redirectType")),
        (0, json!({ "targetUrl": null }), (code::REDIRECT_TARGET, "")),
        (0, to_listener("ws"), (code::EXCLUSIVE, ".targetUrl")),
        (1, to_listener("none"), (code::INVALID_REFERENCE, ".targetListener.id")),
        (1, to_listener("wss"), (code::REDIRECT_TARGET, ".targetListener")),
    ] {
        check_member(defined(), "redirectConfigurations", index, changes, &[expected]);
    }
}

#[test]
fn load_distribution() {
    let pool = reference("backendAddressPools/pool");
    for (target, expected) in [
        (json!({ "backendAddressPool": pool, "weightPerServer": 100 }), None),
        (json!({ "backendAddressPool": pool }), None),
        (json!({ "weightPerServer": 1 }), Some((code::LOAD_DISTRIBUTION_TARGET, "backendAddressPool"))),
        (
            json!({ "backendAddressPool": reference("backendAddressPools/none") }),
            Some((code::INVALID_REFERENCE, "backendAddressPool.id")),
        ),
        (
            json!({ "backendAddressPool": pool, "weightPerServer": 0 }),
            Some((code::OUT_OF_RANGE, "weightPerServer")),
        ),
        (
            json!({ "backendAddressPool": pool, "weightPerServer": 101 }),
            Some((code::OUT_OF_RANGE, "weightPerServer")),
        ),
    ] {
        let target_of = |property: &str| format!(".loadDistributionTargets[0].properties.{property}");
        let expected = expected.map(|(code, property)| (code, target_of(property)));
        let expected: Vec<_> = expected.iter().map(|(code, target)| (*code, target.as_str())).collect();
        let changes = json!({ "loadDistributionTargets": [{ "name": "t", "properties": target }] });
        check_member(defined(), "loadDistributionPolicies", 0, changes, &expected);
    }
    let expected = [(code::LOAD_DISTRIBUTION_TARGET, ".loadDistributionTargets")];
    check_member(
        defined(),
        "loadDistributionPolicies",
        0,
        json!({ "loadDistributionTargets": [] }),
        &expected,
    );
}

#[test]
fn private_links() {
    let subnet = json!({ "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s" });
    for (addresses, expected) in [
        (json!([]), &[][..]),
        (
            json!([{ "subnet": subnet, "privateIPAllocationMethod": "Static", "privateIPAddress": "10.0.0.1" }]),
            &[],
        ),
        (json!([{}]), &[(code::SUBNET_IS_REQUIRED, ".ipConfigurations[0].properties.subnet")]),
        (
            json!([{ "subnet": subnet, "privateIPAllocationMethod": "Static" }]),
            &[(code::FRONTEND_ALLOCATION, ".ipConfigurations[0].properties.privateIPAllocationMethod")],
        ),
        (
            json!([{ "subnet": subnet, "privateIPAddress": "10.0.0" }]),
            &[(code::IP_ADDRESS, ".ipConfigurations[0].properties.privateIPAddress")],
        ),
        (
            json!([{ "subnet": subnet, "primary": true }, { "subnet": subnet, "primary": true }]),
            &[(code::PRIVATE_LINK_PRIMARY, ".ipConfigurations")],
        ),
        (
            json!(vec![json!({ "subnet": subnet }); 9]),
            &[(code::limit::PRIVATE_LINK_ADDRESSES, ".ipConfigurations")],
        ),
    ] {
        let member = |(i, properties)| json!({ "name": format!("n{i}"), "properties": properties });
        let list: Vec<_> = addresses.as_array().unwrap().iter().enumerate().map(member).collect();
        check_member(
            defined(),
            "privateLinkConfigurations",
            0,
            json!({ "ipConfigurations": list }),
            expected,
        );
    }
    let mut body = defined();
    properties(&mut body, "frontendIPConfigurations", 0)["privateLinkConfiguration"] =
        reference("privateLinkConfigurations/none");
    let target = ".frontendIPConfigurations[0].properties.privateLinkConfiguration.id";
    check_body(body, "frontend", "properties", &[(code::INVALID_REFERENCE, target)]);
}

#[test]
fn the_basic_tier_leaves_things_out() {
    let mut body = defined();
    body["properties"]["sku"] = json!({ "name": "Basic", "tier": "Basic" });
    let expected: Vec<_> = [
        ".trustedClientCertificates",
        ".rewriteRuleSets",
        ".privateLinkConfigurations",
        ".listeners",
        ".backendSettingsCollection",
    ]
    .map(|target| (code::FEATURE_OF_SKU, target))
    .to_vec();
    check_body(body, "basic", "properties", &expected);
}
