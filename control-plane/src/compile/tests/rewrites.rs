//! Rewrite rule sets: compiled forms, violations and limits.

use tidegate_shared::snapshot::{
    Condition, HeaderChange, Pattern, RewriteRule, RewriteSet, Template, TextPart, ValueMatch, Variable,
};

use super::check::{check_body, check_member};
use super::*;
use crate::arm::samples::defined;

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
    let secured = Template(vec![TextPart::Matched(Some(1)), TextPart::Text("; Secure".to_owned())]);
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
    let map = &content.path_maps[0];
    assert_eq!((map.default.rewrites, map.rules[0].entry.rewrites), (Some(0), Some(0)));
    assert_eq!(map.rules[1].entry.rewrites, None, "a redirect is not rewritten");
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
fn the_patterns_of_a_gateway_are_bounded_together() {
    // Each has the maximum size of a pattern.
    let long = |i: usize| format!("{i:010000}");
    let rule = |i: usize| {
        json!({ "conditions": [{ "variable": "var_host", "pattern": long(i) }],
                "actionSet": { "urlConfiguration": { "modifiedPath": "/" } } })
    };
    let set = |s: usize| {
        let rules = (0..40).map(|i| rule(s * 40 + i)).collect::<Vec<_>>();
        json!({ "name": format!("s{s}"), "properties": { "rewriteRules": rules } })
    };
    let mut body = whole();
    body["properties"]["rewriteRuleSets"] = (0..7).map(set).collect();
    let mut found = compile_body(body).unwrap_err().0;
    let last = found.pop().unwrap();
    assert_eq!(
        (last.code, last.target.as_str()),
        (code::limit::REWRITE_PATTERNS, "properties.rewriteRuleSets")
    );
    assert_eq!(found.len(), 257, "the rest is not looked at");
    assert!(found.iter().all(|violation| violation.code == code::REWRITE_PATTERN));
}
