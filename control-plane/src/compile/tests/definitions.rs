//! Path maps, redirects, rewrites, load distribution and private link.

use tidegate_shared::snapshot::{
    Condition, HeaderChange, Pattern, Piece, RewriteRule, RewriteSet, Template, ValueMatch, Variable,
};

use super::wrong::{check_body, check_member};
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
            // What spreads requests over pools stands in the place of one.
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
fn rewrites() {
    let header = |value: Value| json!({ "requestHeaderConfigurations": [value] });
    let header_at = |property: &str| format!(".actionSet.requestHeaderConfigurations[0].{property}");
    let matching =
        json!({ "headerName": "X-A", "headerValue": "b", "headerValueMatcher": { "pattern": "c" } });
    for (changes, expected) in [
        (json!({ "ruleSequence": 0 }), (code::OUT_OF_RANGE, ".ruleSequence")),
        (json!({ "ruleSequence": 1001 }), (code::OUT_OF_RANGE, ".ruleSequence")),
        (json!({ "actionSet": null }), (code::REWRITE_ACTION_SET, ".actionSet")),
        (json!({ "actionSet": {} }), (code::REWRITE_ACTION_SET, ".actionSet")),
        (
            json!({ "conditions": [{ "variable": "var_nothing", "pattern": "a" }] }),
            (code::REWRITE_VARIABLE, ".conditions[0].variable"),
        ),
        (
            json!({ "conditions": [{ "variable": "var_host", "pattern": "(" }] }),
            (code::REWRITE_PATTERN, ".conditions[0].pattern"),
        ),
        (
            json!({ "conditions": [{ "variable": "var_host" }] }),
            (code::REWRITE_PATTERN, ".conditions[0].pattern"),
        ),
        (
            json!({ "actionSet": header(json!({ "headerValue": "a" })) }),
            (code::REWRITE_HEADER, &header_at("headerName")),
        ),
        (
            json!({ "actionSet": header(json!({ "headerName": "a b", "headerValue": "a" })) }),
            (code::REWRITE_HEADER, &header_at("headerName")),
        ),
        (
            json!({ "actionSet": header(json!({ "headerName": "UPGRADE", "headerValue": "a" })) }),
            (code::REWRITE_HEADER, &header_at("headerName")),
        ),
        (
            json!({ "actionSet": header(json!({ "headerName": "Host" })) }),
            (code::REWRITE_HEADER, &header_at("headerValue")),
        ),
        (
            json!({ "actionSet": header(json!({ "headerName": "a", "headerValue": "{var_nothing}" })) }),
            (code::REWRITE_VARIABLE, &header_at("headerValue")),
        ),
        (
            json!({ "actionSet": header(json!({ "headerName": "a", "headerValue": "b\r\nc: d" })) }),
            (code::REWRITE_VARIABLE, &header_at("headerValue")),
        ),
        (json!({ "actionSet": header(matching) }), (code::REWRITE_HEADER, &header_at("headerValueMatcher"))),
        (
            json!({ "actionSet": header(json!({ "headerName": "Content-Length", "headerValue": "1" })) }),
            (code::REWRITE_HEADER, &header_at("headerName")),
        ),
        (
            json!({ "actionSet": header(json!({ "headerName": "a",
                "headerValue": "{capt_header_value_matcher_1}" })) }),
            (code::REWRITE_VARIABLE, &header_at("headerValue")),
        ),
        (
            json!({ "actionSet": { "urlConfiguration": { "modifiedQueryString": "{var_no}" } } }),
            (code::REWRITE_VARIABLE, ".actionSet.urlConfiguration.modifiedQueryString"),
        ),
    ] {
        let mut body = defined();
        let what = changes.to_string();
        let Value::Object(changes) = changes else { panic!("{what}") };
        let rule = &mut properties(&mut body, "rewriteRuleSets", 0)["rewriteRules"][0];
        rule.as_object_mut().unwrap().extend(changes);
        check_body(body, &what, "properties.rewriteRuleSets[0].properties.rewriteRules[0]", &[expected]);
    }
    let deleted = json!({ "rewriteRules": [{ "actionSet": header(json!({ "headerName": "Accept" })) }] });
    check_member(defined(), "rewriteRuleSets", 0, deleted, &[]);
}

#[test]
fn what_a_set_means() {
    let mut body = defined();
    let rules = json!([
        { "name": "last", "actionSet": { "urlConfiguration": { "modifiedQueryString": "" } } },
        { "name": "second", "ruleSequence": 2, "actionSet": { "urlConfiguration": { "reroute": true } },
          "conditions": [{ "variable": "http_req_X-A", "pattern": "^b$", "ignoreCase": true, "negate": true }] },
        { "name": "first", "ruleSequence": 1, "actionSet": { "responseHeaderConfigurations": [
            { "headerName": "Set-Cookie", "headerValue": "{capt_header_value_matcher_1}; Secure",
              "headerValueMatcher": { "pattern": "(.*)" } }, { "headerName": "Server", "headerValue": "" }] } },
    ]);
    properties(&mut body, "rewriteRuleSets", 0)["rewriteRules"] = rules;
    let pattern = |text: &str, ignore_case| Pattern { text: text.to_owned(), ignore_case };
    let only = ValueMatch { pattern: pattern("(.*)", false), negate: false };
    let secured = Template(vec![Piece::Matched(Some(1)), Piece::Text("; Secure".to_owned())]);
    let change = |name: &str, only, value| HeaderChange { name: name.to_owned(), only, value };
    let first = RewriteRule {
        response_headers: vec![
            change("set-cookie", Some(only), secured),
            change("server", None, Template::default()),
        ],
        ..RewriteRule::default()
    };
    let variable = Variable::RequestHeader("x-a".to_owned());
    let condition = Condition { variable, pattern: pattern("^b$", true), negate: true };
    let second = RewriteRule { conditions: vec![condition], reroute: true, ..RewriteRule::default() };
    let last = RewriteRule { query: Some(Template::default()), ..RewriteRule::default() };
    let rules = vec![first, second, last];
    let content = compile_body(body).unwrap();
    assert_eq!(content.rewrites, [RewriteSet { name: "set".to_owned(), rules }]);
    let ways = &content.path_maps[0];
    assert_eq!((ways.default.rewrites, ways.rules[0].way.rewrites), (Some(0), Some(0)));
    assert_eq!(ways.rules[1].way.rewrites, None, "a redirect is not rewritten");
}

#[test]
fn rewrites_must_come_to_an_end() {
    let reroute = |conditions: Value| {
        let url = json!({ "modifiedPath": "/b", "reroute": true });
        json!([{ "name": "r", "conditions": conditions, "actionSet": { "urlConfiguration": url } }])
    };
    let sometimes = json!([{ "variable": "var_host", "pattern": "a" }]);
    for (rules, of_map, of_rule) in [
        (reroute(json!([])), true, true),
        (reroute(sometimes), false, true),
        (
            json!([{ "name": "r", "actionSet": { "urlConfiguration": { "modifiedPath": "/b" } } }]),
            false,
            false,
        ),
        (json!([]), false, false),
    ] {
        let what = rules.to_string();
        let mut body = defined();
        properties(&mut body, "rewriteRuleSets", 0)["rewriteRules"] = rules;
        properties(&mut body, "requestRoutingRules", 0)["rewriteRuleSet"] = reference("rewriteRuleSets/set");
        let map = "urlPathMaps[0].properties";
        let mut expected = Vec::new();
        if of_map {
            expected.push((code::REWRITE_URL, format!(".{map}.defaultRewriteRuleSet")));
            expected.push((code::REWRITE_URL, format!(".{map}.pathRules[0].properties.rewriteRuleSet")));
        }
        if of_rule {
            let at = ".requestRoutingRules[0].properties.rewriteRuleSet".to_owned();
            expected.push((code::REWRITE_URL, at));
        }
        let expected: Vec<_> = expected.iter().map(|(code, at)| (*code, at.as_str())).collect();
        check_body(body, &what, "properties", &expected);
    }
}

#[test]
fn a_set_has_limits() {
    let condition = json!({ "variable": "var_host", "pattern": "a" });
    let action = json!({ "headerName": "a", "headerValue": "b" });
    let rule = |conditions: usize, actions: usize| {
        json!({ "conditions": vec![condition.clone(); conditions],
                "actionSet": { "requestHeaderConfigurations": vec![action.clone(); actions] } })
    };
    for (rules, expected) in [
        (json!([rule(20, 20), rule(20, 20)]), &[][..]),
        (json!([rule(20, 1), rule(21, 1)]), &[(code::limit::REWRITE_CONDITIONS, ".rewriteRules")]),
        (json!([rule(0, 41)]), &[(code::limit::REWRITE_ACTIONS, ".rewriteRules")]),
    ] {
        check_member(defined(), "rewriteRuleSets", 0, json!({ "rewriteRules": rules }), expected);
    }
}

#[test]
fn a_gateway_has_so_many_patterns() {
    let body = |different: usize| {
        let rule = |i: usize| {
            json!({ "name": "r", "conditions": [{ "variable": "var_host", "pattern": format!("{i}") }],
            "actionSet": { "urlConfiguration": { "modifiedPath": "/" } } })
        };
        let set = |s: usize| {
            json!({ "name": format!("s{s}"), "properties": {
            "rewriteRules": (0..40).map(|i| rule((s * 40 + i) % different)).collect::<Vec<_>>() } })
        };
        let mut body = whole();
        body["properties"]["rewriteRuleSets"] = (0..30).map(set).collect();
        body
    };
    let too_many = [(code::limit::REWRITE_PATTERNS, "")];
    for (different, expected) in [(1000, &[][..]), (1001, &too_many[..])] {
        check_body(body(different), &different.to_string(), "properties.rewriteRuleSets", expected);
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
    let subnet = json!({ "id": "/vnet/subnet" });
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
