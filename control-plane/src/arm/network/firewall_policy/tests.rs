//! Reading of policies: defaults, and the properties that responses alone contain.

use serde_json::json;

use super::*;

fn read(body: Value) -> Value {
    let mut violations = Violations::default();
    let body = FirewallPolicy::read(body, &mut violations);
    assert!(violations.is_empty(), "{violations}");
    body.into()
}

fn with_rule_set(version: &str, settings: &Value) -> Value {
    let sets = json!([{"ruleSetType": "owasp", "ruleSetVersion": version}]);
    read(json!({"properties": {"managedRules": {"managedRuleSets": sets}, "policySettings": settings}}))
}

/// The answer of Azure to the body that `az network application-gateway waf-policy create` sends.
#[test]
fn a_policy_without_settings_is_disabled() {
    let sets = json!([{"ruleSetType": "OWASP", "ruleSetVersion": "3.1"}]);
    assert_eq!(
        read(json!({"location": "westus", "properties": {"managedRules": {"managedRuleSets": sets}}})),
        json!({"location": "westus", "properties": {
            "customRules": [],
            "policySettings": {"requestBodyCheck": true, "maxRequestBodySizeInKb": 128,
                "fileUploadLimitInMb": 100, "state": "Disabled", "mode": "Detection"},
            "managedRules": {"exclusions": [], "managedRuleSets": [
                {"ruleSetType": "OWASP", "ruleSetVersion": "3.1", "ruleGroupOverrides": []}]},
        }})
    );
}

#[test]
fn defaults_depend_on_the_rule_set_and_on_what_was_sent() {
    let old = with_rule_set("3.1", &json!({"mode": "prevention"}));
    let settings = &old["properties"]["policySettings"];
    assert_eq!((&settings["state"], &settings["mode"]), (&json!("Enabled"), &json!("Prevention")));
    assert_eq!(settings["requestBodyEnforcement"], Value::Null);

    let new = with_rule_set("3.2", &json!({"state": "disabled", "fileUploadEnforcement": false}));
    let settings = &new["properties"]["policySettings"];
    assert_eq!(settings["state"], "Disabled");
    assert_eq!(settings["requestBodyInspectLimitInKB"], 128);
    assert_eq!(
        (&settings["requestBodyEnforcement"], &settings["fileUploadEnforcement"]),
        (&json!(true), &json!(false))
    );
    assert!(FirewallPolicy::typed(new.as_object().unwrap()).mode().is_none());
}

#[test]
fn rules_and_changes_of_rules_have_defaults_too() {
    let rule = json!({"name": "r", "priority": 1, "ruleType": "matchrule", "action": "block", "etag": "W/1",
        "matchConditions": [{"operator": "ipmatch", "matchValues": ["10.0.0.0/8"],
            "matchVariables": [{"variableName": "remoteAddr", "selector": null}]}]});
    let change = json!({"ruleGroupName": "REQUEST-921-PROTOCOL-ATTACK", "rules": [{"ruleId": 921_120}]});
    let shown = read(json!({"properties": {
        "customRules": [rule],
        "managedRules": {"managedRuleSets": [
            {"ruleSetType": "OWASP", "ruleSetVersion": "3.1", "ruleGroupOverrides": [change],
             "computedDisabledRules": [{"ruleGroupName": "General", "rules": ["200004"]}]}]},
        "resourceState": "Enabled", "applicationGateways": [{"id": "x"}], "httpListeners": [], "pathBasedRules": [],
    }}));
    let properties = &shown["properties"];
    assert_eq!(
        properties["customRules"],
        json!([{"name": "r", "priority": 1, "state": "Enabled", "ruleType": "MatchRule", "action": "Block",
            "matchConditions": [{"matchVariables": [{"variableName": "RemoteAddr"}], "operator": "IPMatch",
                "negationConditon": false, "matchValues": ["10.0.0.0/8"], "transforms": []}]}])
    );
    assert_eq!(
        properties["managedRules"]["managedRuleSets"],
        json!([{"ruleSetType": "OWASP", "ruleSetVersion": "3.1", "ruleGroupOverrides": [
            {"ruleGroupName": "REQUEST-921-PROTOCOL-ATTACK", "rules": [{"ruleId": "921120", "state": "Disabled"}]}]}])
    );
    for name in ["resourceState", "applicationGateways", "httpListeners", "pathBasedRules"] {
        assert_eq!(properties[name], Value::Null, "{name}");
    }
}
