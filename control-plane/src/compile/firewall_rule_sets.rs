//! Validation of references to the rule sets of the web application firewall, and the message about a
//! required property of it.

use crate::arm::firewall_rule_sets::{RULE_SETS, RuleSet, find, is_group};
use crate::arm::network::firewall_policy::RuleSetScope;
use crate::violation::{Violations, code};

/// A rule set that was looked up; `None` if it does not exist, which has been reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found(Option<&'static RuleSet>);

/// Looks up the rule set of the object at `target`.
pub(super) fn check_rule_set(
    (kind, version): (Option<&str>, Option<&str>),
    target: &str,
    violations: &mut Violations,
) -> Found {
    if kind.is_none() {
        required("A rule set", &format!("{target}.ruleSetType"), violations);
    }
    if version.is_none() {
        required("A rule set", &format!("{target}.ruleSetVersion"), violations);
    }
    let (Some(kind), Some(version)) = (kind, version) else { return Found(None) };
    let found = find(kind, version);
    if found.is_none() {
        let of_kind = RULE_SETS.iter().any(|set| set.kind.eq_ignore_ascii_case(kind));
        let property = if of_kind { "ruleSetVersion" } else { "ruleSetType" };
        let known: Vec<String> = RULE_SETS.iter().map(RuleSet::to_string).collect();
        let message = format!(
            "There is no rule set '{kind}' of version '{version}'. The rule sets are {}.",
            known.join(", ")
        );
        violations.push(code::FIREWALL_RULE_SET, format!("{target}.{property}"), message);
    }
    Found(found)
}

impl Found {
    /// Checks the name of a group, which is in the object at `target`.
    pub(super) fn group(self, name: Option<&str>, target: &str, violations: &mut Violations) {
        let target = format!("{target}.ruleGroupName");
        let Some(name) = name else { return required("A rule group", &target, violations) };
        let Some(set) = self.0.filter(|_| !is_group(name)) else { return };
        let known: Vec<&str> = set.groups.iter().map(|group| group.name).collect();
        let message =
            format!("The rule set {set} has no group '{name}'. Its groups are {}.", known.join(", "));
        violations.push(code::FIREWALL_RULE_SET, target, message);
    }
}

/// Checks the parts of rule sets to which an exclusion or exception is limited.
pub(super) fn check_scopes(scopes: &[RuleSetScope], target: &str, violations: &mut Violations) {
    for (i, scope) in scopes.iter().enumerate() {
        let target = format!("{target}[{i}]");
        let parts = (scope.rule_set_type.as_deref(), scope.rule_set_version.as_deref());
        let known = check_rule_set(parts, &target, violations);
        for (j, group) in scope.rule_groups.iter().enumerate() {
            let target = format!("{target}.ruleGroups[{j}]");
            known.group(group.rule_group_name.as_deref(), &target, violations);
            for (k, _) in group.rules.iter().enumerate().filter(|(_, rule)| rule.rule_id.is_none()) {
                required("A rule", &format!("{target}.rules[{k}].ruleId"), violations);
            }
        }
    }
}

/// Reports a required property at `target` that is missing.
pub(super) fn required(owner: &str, target: &str, violations: &mut Violations) {
    let property = target.rsplit('.').next().unwrap_or(target);
    violations.push(code::FIREWALL_REQUIRED, target, format!("{owner} requires '{property}'."));
}
