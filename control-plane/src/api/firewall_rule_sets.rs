//! The rule sets of the web application firewall, in the two forms in which Azure lists them.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::arm::firewall_rule_sets::{DEFAULT_RULE_SET, RULE_SETS, Rule, RuleGroup, RuleSet};

use super::extract::{ApiVersionParam, SubscriptionScope};

/// The name of the only manifest.
const MANIFEST: &str = "default";

/// Lists the rule sets. `az network application-gateway waf-config list-rule-sets` shows them.
pub(super) async fn list(_: ApiVersionParam, _: SubscriptionScope) -> Json<Value> {
    // The empty segments are Azure's.
    let id =
        "/subscriptions//resourceGroups//providers/Microsoft.Network/applicationGatewayAvailableWafRuleSets/";
    let show = |set: &RuleSet| {
        json!({
            "name": format!("{}_{}", set.kind, set.version),
            "id": id,
            "type": "Microsoft.Network/applicationGatewayAvailableWafRuleSets",
            "properties": {
                "provisioningState": "Succeeded",
                "ruleSetType": set.kind,
                "ruleSetVersion": set.version,
                "ruleGroups": groups(set),
                "tiers": set.tiers,
            },
        })
    };
    let sets: Vec<Value> = RULE_SETS.iter().map(show).collect();
    Json(json!({"value": sets}))
}

/// Lists the manifests of a region: one.
pub(super) async fn manifests(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    _: Path<(String, String)>,
) -> Json<Value> {
    Json(json!({"value": [show_manifest(&subscription)]}))
}

/// Gets the manifest of a region.
pub(super) async fn manifest(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    _: Path<(String, String)>,
) -> Json<Value> {
    Json(show_manifest(&subscription))
}

fn show_manifest(subscription: &str) -> Value {
    let (kind, version) = DEFAULT_RULE_SET;
    let show = |set: &RuleSet| {
        json!({
            "ruleSetType": set.kind,
            "ruleSetVersion": set.version,
            "status": set.status,
            "tiers": set.tiers,
            "ruleGroups": groups(set),
        })
    };
    json!({
        "name": MANIFEST,
        "id": format!(
            "/subscriptions/{subscription}/providers/Microsoft.Network/applicationGatewayWafDynamicManifests/{MANIFEST}"
        ),
        "type": "Microsoft.Network/applicationGatewayWafDynamicManifest",
        "properties": {
            "defaultRuleSet": {"ruleSetType": kind, "ruleSetVersion": version},
            "availableRuleSets": RULE_SETS.iter().map(show).collect::<Vec<_>>(),
        },
    })
}

fn groups(set: &RuleSet) -> Vec<Value> {
    let show = |group: &RuleGroup| {
        let rules: Vec<Value> = group.rules.iter().map(|rule| show_rule(group, *rule)).collect();
        json!({"ruleGroupName": group.name, "description": "", "rules": rules})
    };
    set.groups.iter().map(show).collect()
}

fn show_rule(group: &RuleGroup, rule: Rule) -> Value {
    let state = if rule.enabled { "Enabled" } else { "Disabled" };
    let mut shown = json!({"ruleId": rule.id, "ruleIdString": rule.id.to_string(), "state": state});
    if let Some(action) = group.action {
        shown["action"] = action.into();
    }
    shown
}
