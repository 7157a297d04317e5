//! Validation of web application firewall policies.

use std::collections::HashSet;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use serde_json::{Map, Value};

use super::firewall_rule_sets::{check_rule_set, check_scopes, required};
use crate::arm::collection::over_limit;
use crate::arm::network::FirewallPolicy;
use crate::arm::network::firewall_policy::{
    CustomRule, ManagedRules, MatchCondition, MatchOperator, PolicySettings, RuleType,
};
use crate::violation::{Violations, code};

/// The maximum number of custom rules of a policy, as Azure publishes it.
const MAX_CUSTOM_RULES: usize = 100;

/// The maximum length of a custom response body, in characters.
const MAX_BLOCK_BODY: usize = 32_768;

/// Checks the canonical body of a policy. Targets are paths within that body.
pub(crate) fn check_firewall_policy(body: &Map<String, Value>, violations: &mut Violations) {
    let policy = FirewallPolicy::typed(body).properties;
    if let Some(settings) = &policy.policy_settings {
        check_settings(settings, violations);
    }
    check_custom_rules(&policy.custom_rules, violations);
    match &policy.managed_rules {
        Some(rules) => check_managed_rules(rules, violations),
        None => required("A policy", "properties.managedRules", violations),
    }
}

fn check_settings(settings: &PolicySettings, violations: &mut Violations) {
    let at = |property: &str| format!("properties.policySettings.{property}");
    let numbers = [
        ("requestBodyInspectLimitInKB", settings.request_body_inspect_limit_in_kb, 0, 2000),
        ("maxRequestBodySizeInKb", Some(settings.max_request_body_size_in_kb), 8, 2000),
        ("fileUploadLimitInMb", Some(settings.file_upload_limit_in_mb), 0, 4000),
        ("customBlockResponseStatusCode", settings.custom_block_response_status_code, 0, 999),
        ("jsChallengeCookieExpirationInMins", settings.js_challenge_cookie_expiration_in_mins, 5, 1440),
        ("captchaExpirationInMins", settings.captcha_expiration_in_mins, 5, 1440),
    ];
    for (property, value, low, high) in numbers {
        in_range(value, low, high, &at(property), violations);
    }
    if let Some(body) = &settings.custom_block_response_body
        && (body.len() > MAX_BLOCK_BODY || STANDARD.decode(body).is_err())
    {
        let message = format!("The value must be Base64 of at most {MAX_BLOCK_BODY} characters.");
        violations.push(code::FIREWALL_BLOCK_BODY, at("customBlockResponseBody"), message);
    }
    let scrubbing = settings.log_scrubbing.iter().flat_map(|scrubbing| &scrubbing.scrubbing_rules);
    for (i, rule) in scrubbing.enumerate() {
        let at = |property: &str| at(&format!("logScrubbing.scrubbingRules[{i}].{property}"));
        if rule.match_variable.is_none() {
            required("A scrubbing rule", &at("matchVariable"), violations);
        }
        if rule.selector_match_operator.is_none() {
            required("A scrubbing rule", &at("selectorMatchOperator"), violations);
        }
    }
}

fn check_custom_rules(rules: &[CustomRule], violations: &mut Violations) {
    const TARGET: &str = "properties.customRules";
    if rules.len() > MAX_CUSTOM_RULES {
        let message = over_limit("customRules", rules.len(), MAX_CUSTOM_RULES);
        violations.push(code::limit::FIREWALL_CUSTOM_RULES, TARGET, message);
    }
    let (mut names, mut priorities) = (HashSet::new(), HashSet::new());
    for (i, rule) in rules.iter().enumerate() {
        let target = format!("{TARGET}[{i}]");
        check_custom_rule(rule, &target, violations);
        if let Some(name) = rule.name.as_ref().filter(|name| !names.insert(name.to_ascii_lowercase())) {
            let message = format!("'customRules' has two rules with the name '{name}'.");
            violations.push(code::DUPLICATE_NAME, format!("{target}.name"), message);
        }
        if let Some(priority) = rule.priority.filter(|priority| !priorities.insert(*priority)) {
            let message =
                format!("Two custom rules have the priority {priority}. Priorities must be unique.");
            violations.push(code::FIREWALL_PRIORITY, format!("{target}.priority"), message);
        }
    }
}

fn check_custom_rule(rule: &CustomRule, target: &str, violations: &mut Violations) {
    const OWNER: &str = "A custom rule";
    let at = |property: &str| format!("{target}.{property}");
    if rule.name.as_ref().is_some_and(|name| name.chars().count() > 128) {
        violations.push(code::INVALID_NAME, at("name"), "A name has at most 128 characters.");
    }
    let missing = [
        ("priority", rule.priority.is_none()),
        ("ruleType", rule.rule_type.is_none()),
        ("action", rule.action.is_none()),
    ];
    let limits = rule.rule_type == Some(RuleType::RateLimitRule);
    let of_rates = [
        ("rateLimitDuration", limits && rule.rate_limit_duration.is_none()),
        ("rateLimitThreshold", limits && rule.rate_limit_threshold.is_none()),
    ];
    for (property, _) in missing.into_iter().chain(of_rates).filter(|(_, missing)| *missing) {
        required(OWNER, &at(property), violations);
    }
    in_range(rule.priority, 1, 100, &at("priority"), violations);
    in_range(rule.rate_limit_threshold, 1, i64::from(i32::MAX), &at("rateLimitThreshold"), violations);
    for (i, condition) in rule.match_conditions.iter().enumerate() {
        check_condition(condition, &at(&format!("matchConditions[{i}]")), violations);
    }
    for (i, group) in rule.group_by_user_session.iter().enumerate() {
        let at = at(&format!("groupByUserSession[{i}].groupByVariables"));
        if group.group_by_variables.iter().all(|variable| variable.variable_name.is_none()) {
            required("A group of requests", &at, violations);
        }
    }
}

fn check_condition(condition: &MatchCondition, target: &str, violations: &mut Violations) {
    const OWNER: &str = "A match condition";
    let at = |property: &str| format!("{target}.{property}");
    if condition.match_variables.is_empty() {
        required(OWNER, &at("matchVariables"), violations);
    }
    for (i, variable) in condition.match_variables.iter().enumerate() {
        if variable.variable_name.is_none() {
            required("A match variable", &at(&format!("matchVariables[{i}].variableName")), violations);
        }
    }
    match condition.operator {
        None => required(OWNER, &at("operator"), violations),
        Some(MatchOperator::Any) => {}
        Some(operator) => {
            if condition.match_values.is_empty() {
                required(OWNER, &at("matchValues"), violations);
            }
            if operator == MatchOperator::IPMatch {
                check_addresses(&condition.match_values, &at("matchValues"), violations);
            }
        }
    }
}

fn check_addresses(values: &[String], target: &str, violations: &mut Violations) {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok();
    for (i, text) in values.iter().enumerate().filter(|(_, text)| !is_address(text)) {
        let message = format!("'{text}' is neither an IP address nor an address range in CIDR notation.");
        violations.push(code::IP_ADDRESS, format!("{target}[{i}]"), message);
    }
}

fn check_managed_rules(rules: &ManagedRules, violations: &mut Violations) {
    let at = |list: &str, i: usize| format!("properties.managedRules.{list}[{i}]");
    for (i, set) in rules.managed_rule_sets.iter().enumerate() {
        let target = at("managedRuleSets", i);
        let known = check_rule_set((set.kind(), set.version()), &target, violations);
        for (group, changes) in set.rule_group_overrides.iter().enumerate() {
            let target = format!("{target}.ruleGroupOverrides[{group}]");
            known.group(changes.rule_group_name.as_deref(), &target, violations);
            for (rule, change) in changes.rules.iter().enumerate() {
                if change.rule_id.is_none() {
                    required("A rule", &format!("{target}.rules[{rule}].ruleId"), violations);
                }
            }
        }
    }
    for (i, exclusion) in rules.exclusions.iter().enumerate() {
        let target = at("exclusions", i);
        let missing = [
            ("matchVariable", exclusion.match_variable.is_none()),
            ("selectorMatchOperator", exclusion.selector_match_operator.is_none()),
            ("selector", exclusion.selector.is_none()),
        ];
        for (property, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            required("An exclusion", &format!("{target}.{property}"), violations);
        }
        let target = format!("{target}.exclusionManagedRuleSets");
        check_scopes(&exclusion.exclusion_managed_rule_sets, &target, violations);
    }
    for (i, exception) in rules.exceptions.iter().enumerate() {
        let target = at("exceptions", i);
        if exception.match_variable.is_none() {
            required("An exception", &format!("{target}.matchVariable"), violations);
        }
        if exception.value_match_operator.is_none() {
            required("An exception", &format!("{target}.valueMatchOperator"), violations);
        }
        let target = format!("{target}.exceptionManagedRuleSets");
        check_scopes(&exception.exception_managed_rule_sets, &target, violations);
    }
}

/// Reports a number outside its range.
pub(super) fn in_range(value: Option<i64>, low: i64, high: i64, target: &str, violations: &mut Violations) {
    if let Some(value) = value.filter(|value| !(low..=high).contains(value)) {
        let message = format!("The current value is {value}. Supported range is [{low}, {high}].");
        violations.push(code::OUT_OF_RANGE, target, message);
    }
}

#[cfg(test)]
mod tests;
