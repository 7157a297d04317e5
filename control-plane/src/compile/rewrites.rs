//! Rewrite rule sets: conditions, and changes of headers and URL.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::resources::{Resource, Resources, given, in_range};
use super::rewrite_text::{complaint_of_pattern, complaint_of_template, complaint_of_variable};
use crate::arm::collection::over_limit;
use crate::arm::gateway::{
    HeaderConfiguration, RewriteActionSet, RewriteRule, RewriteRuleSet, UrlConfiguration,
};
use crate::violation::{Violations, code};

/// The most conditions of one set, and the most changes, as the official service publishes it.
const CONDITIONS: usize = 40;
const ACTIONS: usize = 40;

/// The most different patterns of one gateway. To try one takes up to milliseconds, and the one writer waits for it.
const PATTERNS: usize = 1000;

const SEQUENCE: RangeInclusive<i64> = 1..=1000;

/// Headers that belong to the gateway alone.
const FIXED: [&str; 3] = ["connection", "upgrade", "x-original-host"];

/// The patterns of one gateway, each tried once, with what is wrong with it.
#[derive(Default)]
struct Patterns<'a> {
    tried: HashMap<&'a str, Option<String>>,
    /// Whether there were more of them than are tried.
    too_many: bool,
}

impl<'a> Patterns<'a> {
    fn check(&mut self, pattern: Option<&'a String>, target: String, violations: &mut Violations) {
        let pattern = pattern.map(String::as_str).unwrap_or_default();
        if self.tried.len() == PATTERNS && !self.tried.contains_key(pattern) {
            self.too_many = true;
            return;
        }
        let complaint = self.tried.entry(pattern).or_insert_with(|| complaint_of_pattern(pattern));
        if let Some(complaint) = complaint {
            violations.push(code::REWRITE_PATTERN, target, complaint.clone());
        }
    }
}

/// Checks the sets.
pub(super) fn check(sets: &Resources<RewriteRuleSet>, violations: &mut Violations) {
    let mut patterns = Patterns::default();
    for set in sets.iter() {
        let rules = &set.properties.rewrite_rules;
        let conditions = rules.iter().map(|rule| rule.conditions.len()).sum();
        let actions = rules.iter().filter_map(|rule| rule.action_set.as_ref()).map(count_of_actions).sum();
        for (what, count, limit, code) in [
            ("conditions in a rewrite rule set", conditions, CONDITIONS, code::limit::REWRITE_CONDITIONS),
            ("actions in a rewrite rule set", actions, ACTIONS, code::limit::REWRITE_ACTIONS),
        ] {
            if count > limit {
                violations.push(code, set.at("rewriteRules"), over_limit(what, count, limit));
            }
        }
        // What is over the limit is refused as a whole: looking into all of it would only cost time.
        if conditions <= CONDITIONS && actions <= ACTIONS {
            for (i, rule) in rules.iter().enumerate() {
                check_rule(set, rule, &set.at(&format!("rewriteRules[{i}]")), &mut patterns, violations);
            }
        }
    }
    if patterns.too_many {
        let message =
            format!("A gateway may have {PATTERNS} different patterns in its rewrite rules. It has more.");
        violations.push(code::limit::REWRITE_PATTERNS, "properties.rewriteRuleSets", message);
    }
}

fn count_of_actions(actions: &RewriteActionSet) -> usize {
    actions.request_header_configurations.len()
        + actions.response_header_configurations.len()
        + usize::from(actions.url_configuration.is_some())
}

fn check_rule<'a>(
    set: &Resource<RewriteRuleSet>,
    rule: &'a RewriteRule,
    target: &str,
    patterns: &mut Patterns<'a>,
    violations: &mut Violations,
) {
    if let Some(sequence) = rule.rule_sequence {
        let at = format!("{target}.ruleSequence");
        in_range::<u32>(sequence, SEQUENCE, code::OUT_OF_RANGE, at, violations);
    }
    for (i, condition) in rule.conditions.iter().enumerate() {
        let at = |property: &str| format!("{target}.conditions[{i}].{property}");
        let variable = condition.variable.as_deref().unwrap_or_default();
        if let Some(complaint) = complaint_of_variable(variable) {
            violations.push(code::REWRITE_VARIABLE, at("variable"), complaint);
        }
        patterns.check(condition.pattern.as_ref(), at("pattern"), violations);
    }
    let actions = rule.action_set.as_ref().filter(|actions| count_of_actions(actions) > 0);
    let Some(actions) = actions else {
        let name = rule.name.as_deref().unwrap_or_default();
        let message = format!(
            "ActionSet is a required field in a RewriteRule. Rule '{name}' of {} changes nothing.",
            set.id
        );
        violations.push(code::REWRITE_ACTION_SET, format!("{target}.actionSet"), message);
        return;
    };
    for (list, headers, is_request) in [
        ("requestHeaderConfigurations", &actions.request_header_configurations, true),
        ("responseHeaderConfigurations", &actions.response_header_configurations, false),
    ] {
        for (i, header) in headers.iter().enumerate() {
            let target = format!("{target}.actionSet.{list}[{i}]");
            check_header(header, is_request, &target, patterns, violations);
        }
    }
    if let Some(url) = &actions.url_configuration {
        check_url(url, &format!("{target}.actionSet.urlConfiguration"), violations);
    }
}

fn check_header<'a>(
    header: &'a HeaderConfiguration,
    is_request: bool,
    target: &str,
    patterns: &mut Patterns<'a>,
    violations: &mut Violations,
) {
    let name = header.header_name.as_deref().unwrap_or_default();
    let at = |property: &str| format!("{target}.{property}");
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(letters) {
        let message = format!("'{name}' is no name of a header: it has letters, digits, '-' and '_' only.");
        violations.push(code::REWRITE_HEADER, at("headerName"), message);
    } else if FIXED.contains(&name.to_ascii_lowercase().as_str()) {
        violations.push(
            code::REWRITE_HEADER,
            at("headerName"),
            format!("The header {name} cannot be rewritten."),
        );
    }
    let value = given(header.header_value.as_ref());
    if is_request && value.is_none() && name.eq_ignore_ascii_case("host") {
        let message = "The header Host can be set, not deleted.";
        violations.push(code::REWRITE_HEADER, at("headerValue"), message);
    }
    if let Some(complaint) = value.and_then(complaint_of_template) {
        violations.push(code::REWRITE_VARIABLE, at("headerValue"), complaint);
    }
    let Some(matcher) = &header.header_value_matcher else { return };
    if is_request || !name.eq_ignore_ascii_case("set-cookie") {
        let message = "Only Set-Cookie in responses can be chosen by its value.";
        violations.push(code::REWRITE_HEADER, at("headerValueMatcher"), message);
    }
    patterns.check(matcher.pattern.as_ref(), at("headerValueMatcher.pattern"), violations);
}

fn check_url(url: &UrlConfiguration, target: &str, violations: &mut Violations) {
    for (property, text) in
        [("modifiedPath", &url.modified_path), ("modifiedQueryString", &url.modified_query_string)]
    {
        if let Some(complaint) = given(text.as_ref()).and_then(complaint_of_template) {
            violations.push(code::REWRITE_VARIABLE, format!("{target}.{property}"), complaint);
        }
    }
    let path = given(url.modified_path.as_ref());
    if let Some(path) = path.filter(|path| !path.starts_with(['/', '{'])) {
        let message = format!("'{path}' is no path. It must begin with '/'.");
        violations.push(code::REWRITE_URL, format!("{target}.modifiedPath"), message);
    }
}
