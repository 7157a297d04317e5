//! The violations of policies.

use serde_json::json;

use super::*;

/// The example of Azure's specification.
fn official() -> Value {
    let example = include_str!("../../../../tests/azure-openapi/examples/WafPolicyCreateOrUpdate.json");
    let example: Value = serde_json::from_str(example).unwrap();
    example["parameters"]["parameters"].clone()
}

fn found(body: Value) -> Vec<(&'static str, String)> {
    let mut violations = Violations::default();
    let canonical = FirewallPolicy::read(body, &mut violations);
    let mut more = Violations::default();
    check_firewall_policy(&canonical, &mut more);
    violations.absorb(more);
    violations.0.into_iter().map(|violation| (violation.code, violation.target)).collect()
}

fn policy(properties: Value) -> Value {
    let mut body = json!({"properties": {"managedRules": {"managedRuleSets": []}}});
    if let (Some(own), Value::Object(more)) = (body["properties"].as_object_mut(), properties) {
        own.extend(more);
    }
    body
}

fn rule(changes: Value) -> Value {
    let mut rule = json!({"priority": 1, "ruleType": "MatchRule", "action": "Block", "matchConditions": [
        {"matchVariables": [{"variableName": "RequestUri"}], "operator": "Contains", "matchValues": ["x"]}]});
    if let (Some(own), Value::Object(more)) = (rule.as_object_mut(), changes) {
        own.extend(more);
    }
    rule
}

fn set(kind: &str, version: &str) -> Value {
    json!({"ruleSetType": kind, "ruleSetVersion": version})
}

#[test]
fn the_official_example_is_a_policy() {
    assert_eq!(found(official()), []);
    assert_eq!(found(policy(json!({}))), []);
}

#[test]
fn settings_have_ranges() {
    let settings = |settings: Value| policy(json!({"policySettings": settings}));
    let cases = [
        (json!({"maxRequestBodySizeInKb": 7}), code::OUT_OF_RANGE, "maxRequestBodySizeInKb"),
        (json!({"maxRequestBodySizeInKb": 2001}), code::OUT_OF_RANGE, "maxRequestBodySizeInKb"),
        (json!({"requestBodyInspectLimitInKB": -1}), code::OUT_OF_RANGE, "requestBodyInspectLimitInKB"),
        (json!({"fileUploadLimitInMb": 4001}), code::OUT_OF_RANGE, "fileUploadLimitInMb"),
        (json!({"customBlockResponseStatusCode": 1000}), code::OUT_OF_RANGE, "customBlockResponseStatusCode"),
        (
            json!({"jsChallengeCookieExpirationInMins": 4}),
            code::OUT_OF_RANGE,
            "jsChallengeCookieExpirationInMins",
        ),
        (json!({"captchaExpirationInMins": 1441}), code::OUT_OF_RANGE, "captchaExpirationInMins"),
        (json!({"customBlockResponseBody": "SGVsbG8"}), code::FIREWALL_BLOCK_BODY, "customBlockResponseBody"),
        (json!({"mode": "Off"}), code::INVALID_JSON, "mode"),
        (json!({"state": true}), code::INVALID_JSON, "state"),
        (
            json!({"logScrubbing": {"scrubbingRules": [{"matchVariable": "RequestArgNames"}]}}),
            code::FIREWALL_REQUIRED,
            "logScrubbing.scrubbingRules[0].selectorMatchOperator",
        ),
    ];
    for (body, code, property) in cases {
        let target = format!("properties.policySettings.{property}");
        assert_eq!(found(settings(body.clone())), [(code, target)], "{body}");
    }
    let fine = json!({"maxRequestBodySizeInKb": "8", "fileUploadLimitInMb": 0, "customBlockResponseBody": "SGVsbG8=",
        "customBlockResponseStatusCode": 403, "requestBodyInspectLimitInKB": 2000});
    assert_eq!(found(settings(fine)), []);
}

#[test]
fn custom_rules_are_complete_and_unique() {
    let address = |value: &str| {
        json!({"matchConditions": [{"matchVariables": [{"variableName": "RemoteAddr"}], "operator": "IPMatch",
            "matchValues": ["::1", value]}]})
    };
    let any = json!({"matchConditions": [{"matchVariables": [{"variableName": "RemoteAddr"}], "operator": "Any",
        "matchValues": []}]});
    let rate = json!({"ruleType": "RateLimitRule", "rateLimitDuration": "OneMin", "rateLimitThreshold": 0});
    let unnamed = json!({"groupByUserSession": [{"groupByVariables": [{}]}]});
    let cases: [(Value, &[(&str, &str)]); 12] = [
        (rule(json!({})), &[]),
        (rule(any), &[]),
        (rule(json!({"priority": 101})), &[(code::OUT_OF_RANGE, "priority")]),
        (rule(json!({"priority": null})), &[(code::FIREWALL_REQUIRED, "priority")]),
        (
            rule(json!({"ruleType": null, "action": null})),
            &[(code::FIREWALL_REQUIRED, "ruleType"), (code::FIREWALL_REQUIRED, "action")],
        ),
        (rule(json!({"matchConditions": []})), &[]),
        (
            rule(json!({"matchConditions": [{}]})),
            &[
                (code::FIREWALL_REQUIRED, "matchConditions[0].matchVariables"),
                (code::FIREWALL_REQUIRED, "matchConditions[0].operator"),
            ],
        ),
        (rule(address("10.0.0.0/24")), &[]),
        (rule(address("300.1.1.1")), &[(code::IP_ADDRESS, "matchConditions[0].matchValues[1]")]),
        (
            rule(json!({"ruleType": "RateLimitRule"})),
            &[
                (code::FIREWALL_REQUIRED, "rateLimitDuration"),
                (code::FIREWALL_REQUIRED, "rateLimitThreshold"),
            ],
        ),
        (rule(rate), &[(code::OUT_OF_RANGE, "rateLimitThreshold")]),
        (rule(unnamed), &[(code::FIREWALL_REQUIRED, "groupByUserSession[0].groupByVariables")]),
    ];
    for (rule, expected) in cases {
        let found = found(policy(json!({"customRules": [rule]})));
        let expected: Vec<_> =
            expected.iter().map(|(code, at)| (*code, format!("properties.customRules[0].{at}"))).collect();
        assert_eq!(found, expected, "{rule}");
    }
    let twice = json!({"customRules": [rule(json!({"name": "a"})), rule(json!({"name": "A"}))]});
    let expected = [
        (code::DUPLICATE_NAME, "properties.customRules[1].name".to_owned()),
        (code::FIREWALL_PRIORITY, "properties.customRules[1].priority".to_owned()),
    ];
    assert_eq!(found(policy(twice)), expected);
    let many: Vec<Value> = (1..=101).map(|i| rule(json!({"priority": i.min(100)}))).collect();
    assert_eq!(found(policy(json!({"customRules": many})))[0].0, code::limit::FIREWALL_CUSTOM_RULES);
}

#[test]
fn managed_rules_name_rule_sets_that_exist() {
    let rules = |rules: Value| json!({"properties": {"managedRules": rules}});
    let overridden = |group: &str| {
        let mut set = set("OWASP", "3.2");
        set["ruleGroupOverrides"] = json!([{"ruleGroupName": group, "rules": [{"ruleId": "200002"}, {}]}]);
        rules(json!({"managedRuleSets": [set]}))
    };
    let required = code::FIREWALL_REQUIRED;
    let cases: [(Value, &[(&str, &str)]); 8] = [
        (rules(Value::Null), &[(required, "")]),
        (
            rules(
                json!({"managedRuleSets": [set("Microsoft_DefaultRuleSet", "2.2"), set("OWASP", "2.2.9")]}),
            ),
            &[],
        ),
        (
            rules(json!({"managedRuleSets": [set("OWASP", "4.0")]})),
            &[(code::FIREWALL_RULE_SET, ".managedRuleSets[0].ruleSetVersion")],
        ),
        (
            rules(json!({"managedRuleSets": [set("Other", "1.0")]})),
            &[(code::FIREWALL_RULE_SET, ".managedRuleSets[0].ruleSetType")],
        ),
        (
            rules(json!({"managedRuleSets": [{}]})),
            &[
                (required, ".managedRuleSets[0].ruleSetType"),
                (required, ".managedRuleSets[0].ruleSetVersion"),
            ],
        ),
        (overridden("General"), &[(required, ".managedRuleSets[0].ruleGroupOverrides[0].rules[1].ruleId")]),
        (
            overridden("Generous"),
            &[
                (code::FIREWALL_RULE_SET, ".managedRuleSets[0].ruleGroupOverrides[0].ruleGroupName"),
                (required, ".managedRuleSets[0].ruleGroupOverrides[0].rules[1].ruleId"),
            ],
        ),
        (
            rules(
                json!({"exclusions": [{"exclusionManagedRuleSets": [set("OWASP", "9")]}], "exceptions": [{}]}),
            ),
            &[
                (required, ".exclusions[0].matchVariable"),
                (required, ".exclusions[0].selectorMatchOperator"),
                (required, ".exclusions[0].selector"),
                (code::FIREWALL_RULE_SET, ".exclusions[0].exclusionManagedRuleSets[0].ruleSetVersion"),
                (required, ".exceptions[0].matchVariable"),
                (required, ".exceptions[0].valueMatchOperator"),
            ],
        ),
    ];
    for (body, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(code, at)| (*code, format!("properties.managedRules{at}"))).collect();
        assert_eq!(found(body.clone()), expected, "{body}");
    }
}
