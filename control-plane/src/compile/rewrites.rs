//! Rewrite rule sets: conditions, and changes of headers and URL.

use std::ops::RangeInclusive;

use tidegate_shared::snapshot::{Condition, HeaderChange, Pattern, RewriteRule, RewriteSet, ValueMatch};

use super::patterns::{PatternCache, Patterns};
use super::resources::{Resource, Resources, given, in_range};
use super::rewrite_text::{self, Sources};
use crate::arm::collection::over_limit;
use crate::arm::gateway::{
    self, HeaderConfiguration, HeaderValueMatcher, RewriteActionSet, RewriteRuleSet, UrlConfiguration,
};
use crate::violation::{Violations, code};

/// The maximum number of conditions of one set, and of changes, as Azure publishes it.
const CONDITIONS: usize = 40;
const ACTIONS: usize = 40;

const SEQUENCE: RangeInclusive<i64> = 1..=1000;

/// Headers that cannot be rewritten: those that Azure reserves, message framing, and hop-by-hop headers.
const FIXED: [&str; 10] = [
    "connection",
    "upgrade",
    "x-original-host",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "expect",
];

/// Compiles the sets, in the order of `sets`.
pub(super) fn compile(
    sets: &Resources<RewriteRuleSet>,
    cache: &PatternCache,
    violations: &mut Violations,
) -> Vec<RewriteSet> {
    let mut patterns = Patterns::new(cache);
    let mut compiled = Vec::new();
    for set in sets.iter() {
        let rules = &set.properties.rewrite_rules;
        let (conditions, actions) = counts(&set.properties);
        for (what, count, limit, code) in [
            ("conditions in a rewrite rule set", conditions, CONDITIONS, code::limit::REWRITE_CONDITIONS),
            ("actions in a rewrite rule set", actions, ACTIONS, code::limit::REWRITE_ACTIONS),
        ] {
            if count > limit {
                violations.push(code, set.at("rewriteRules"), over_limit(what, count, limit));
            }
        }
        // A set over the limit is rejected as a whole; examining its rules would only cost time.
        let mut ordered = Vec::new();
        if is_within_limits(&set.properties) {
            for (i, rule) in rules.iter().enumerate() {
                let mut reader = Reader { patterns: &mut patterns, violations };
                let target = set.at(&format!("rewriteRules[{i}]"));
                ordered.push((rule.rule_sequence, reader.rule(set, rule, &target)));
            }
        }
        // Rules without a number are last; the sort is stable.
        ordered.sort_by_key(|(sequence, _)| sequence.unwrap_or(i64::MAX));
        let rules = ordered.into_iter().map(|(_, rule)| rule).collect();
        compiled.push(RewriteSet { name: set.name.clone(), rules });
    }
    patterns.check_all(violations);
    compiled
}

/// Returns whether the rules of a set are examined at all.
pub(super) fn is_within_limits(set: &RewriteRuleSet) -> bool {
    let (conditions, actions) = counts(set);
    conditions <= CONDITIONS && actions <= ACTIONS
}

/// Returns the numbers of conditions and actions in a set.
fn counts(set: &RewriteRuleSet) -> (usize, usize) {
    let rules = &set.rewrite_rules;
    let actions = rules.iter().filter_map(|rule| rule.action_set.as_ref());
    (rules.iter().map(|rule| rule.conditions.len()).sum(), actions.map(count_of_actions).sum())
}

fn count_of_actions(actions: &RewriteActionSet) -> usize {
    actions.request_header_configurations.len()
        + actions.response_header_configurations.len()
        + usize::from(actions.url_configuration.is_some())
}

/// Compiles rules. The patterns are shared by all rules of a gateway.
struct Reader<'a, 'p> {
    patterns: &'a mut Patterns<'p>,
    violations: &'a mut Violations,
}

impl<'p> Reader<'_, 'p> {
    fn rule(
        &mut self,
        set: &Resource<RewriteRuleSet>,
        rule: &'p gateway::RewriteRule,
        target: &str,
    ) -> RewriteRule {
        if let Some(sequence) = rule.rule_sequence {
            let at = format!("{target}.ruleSequence");
            in_range::<u32>(sequence, SEQUENCE, code::OUT_OF_RANGE, at, self.violations);
        }
        let mut compiled = RewriteRule::default();
        let mut sources = Vec::new();
        for (i, condition) in rule.conditions.iter().enumerate() {
            let at = |property: &str| format!("{target}.conditions[{i}].{property}");
            let name = condition.variable.as_deref().unwrap_or_default();
            let variable = self.accept(rewrite_text::variable(name), code::REWRITE_VARIABLE, at("variable"));
            let pattern = self.pattern(condition.pattern.as_ref(), condition.ignore_case, at("pattern"));
            let negate = condition.negate.unwrap_or_default();
            if let Some(variable) = variable {
                sources.push((!negate).then_some(name));
                compiled.conditions.push(Condition { variable, pattern, negate });
            }
        }
        let actions = rule.action_set.as_ref().filter(|actions| count_of_actions(actions) > 0);
        let Some(actions) = actions else {
            let name = rule.name.as_deref().unwrap_or_default();
            let message = format!(
                "ActionSet is a required field in a RewriteRule. Rule '{name}' of {} changes nothing.",
                set.id
            );
            self.violations.push(code::REWRITE_ACTION_SET, format!("{target}.actionSet"), message);
            return compiled;
        };
        for (i, header) in actions.request_header_configurations.iter().enumerate() {
            let target = format!("{target}.actionSet.requestHeaderConfigurations[{i}]");
            compiled.request_headers.extend(self.header(header, true, &sources, &target));
        }
        for (i, header) in actions.response_header_configurations.iter().enumerate() {
            let target = format!("{target}.actionSet.responseHeaderConfigurations[{i}]");
            compiled.response_headers.extend(self.header(header, false, &sources, &target));
        }
        if let Some(url) = &actions.url_configuration {
            self.url(url, &sources, &format!("{target}.actionSet.urlConfiguration"), &mut compiled);
        }
        compiled
    }

    fn header(
        &mut self,
        header: &'p HeaderConfiguration,
        is_request: bool,
        conditions: &[Option<&str>],
        target: &str,
    ) -> Option<HeaderChange> {
        let name = header.header_name.as_deref().unwrap_or_default();
        let at = |property: &str| format!("{target}.{property}");
        if let Some(complaint) = complaint_of_name(name) {
            self.violations.push(code::REWRITE_HEADER, at("headerName"), complaint);
        }
        let name = name.to_ascii_lowercase();
        let value = given(header.header_value.as_ref());
        if is_request && value.is_none() && name == "host" {
            let message = "The header Host can be set but not deleted.";
            self.violations.push(code::REWRITE_HEADER, at("headerValue"), message);
        }
        let only = header.header_value_matcher.as_ref();
        let only = only.map(|matcher| self.matcher(matcher, is_request || name != "set-cookie", target));
        let sources = Sources { conditions, has_matcher: only.is_some() };
        let value = rewrite_text::template(value.unwrap_or_default(), sources);
        let value = self.accept(value, code::REWRITE_VARIABLE, at("headerValue"))?;
        Some(HeaderChange { name, only, value })
    }

    fn matcher(&mut self, matcher: &'p HeaderValueMatcher, misplaced: bool, target: &str) -> ValueMatch {
        let at = |property: &str| format!("{target}.headerValueMatcher{property}");
        if misplaced {
            let message = "Only Set-Cookie in responses can be selected by its value.";
            self.violations.push(code::REWRITE_HEADER, at(""), message);
        }
        let pattern = self.pattern(matcher.pattern.as_ref(), matcher.ignore_case, at(".pattern"));
        ValueMatch { pattern, negate: matcher.negate.unwrap_or_default() }
    }

    /// Compiles the new path and query. An empty value differs from an absent one: it removes the query or
    /// path.
    fn url(
        &mut self,
        url: &UrlConfiguration,
        conditions: &[Option<&str>],
        target: &str,
        rule: &mut RewriteRule,
    ) {
        let mut template = |property: &str, text: Option<&String>| {
            let template = rewrite_text::template(text?, Sources { conditions, has_matcher: false });
            self.accept(template, code::REWRITE_VARIABLE, format!("{target}.{property}"))
        };
        rule.path = template("modifiedPath", url.modified_path.as_ref());
        rule.query = template("modifiedQueryString", url.modified_query_string.as_ref());
        rule.reroute = url.reroute.unwrap_or_default();
    }

    fn pattern(&mut self, pattern: Option<&'p String>, ignore_case: Option<bool>, target: String) -> Pattern {
        let text = pattern.map(String::as_str).unwrap_or_default();
        let ignore_case = ignore_case.unwrap_or_default();
        self.patterns.check((text, ignore_case), target, self.violations);
        Pattern { text: text.to_owned(), ignore_case }
    }

    fn accept<T>(&mut self, read: Result<T, String>, code: &'static str, target: String) -> Option<T> {
        read.map_err(|complaint| self.violations.push(code, target, complaint)).ok()
    }
}

/// Returns an error message if a header of this name cannot be rewritten.
fn complaint_of_name(name: &str) -> Option<String> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(letters) {
        return Some(format!(
            "'{name}' is not a valid header name. It must contain only letters, digits, '-' and '_'."
        ));
    }
    FIXED
        .contains(&name.to_ascii_lowercase().as_str())
        .then(|| format!("The header {name} cannot be rewritten."))
}

/// Returns whether a request may be evaluated again by the path map because of these rules.
pub(super) fn may_reroute(set: &RewriteRuleSet) -> bool {
    set.rewrite_rules.iter().any(reroutes)
}

/// Returns whether every request is evaluated again by the path map because of these rules.
pub(super) fn always_reroutes(set: &RewriteRuleSet) -> bool {
    !set.rewrite_rules.is_empty()
        && set.rewrite_rules.iter().all(|rule| rule.conditions.is_empty() && reroutes(rule))
}

fn reroutes(rule: &gateway::RewriteRule) -> bool {
    let url = rule.action_set.as_ref().and_then(|actions| actions.url_configuration.as_ref());
    url.and_then(|url| url.reroute) == Some(true)
}
