//! Compiles the patterns of a body before the body is compiled, so that the results are in the cache by then.

use super::patterns::{ALL, PatternCache, Patterns};
use super::rewrites::is_within_limits;
use crate::arm::gateway::RewriteRuleSet;

/// Compiles the patterns of these sets to fill the cache. Stops at twice the limit of a gateway: a body can
/// contain one rewrite set besides those that count.
pub(crate) fn try_patterns(sets: &[RewriteRuleSet], cache: &PatternCache) {
    let mut patterns = Patterns::with_limit(cache, 2 * ALL);
    for (text, ignore_case) in sets.iter().filter(|set| is_within_limits(set)).flat_map(all) {
        if patterns.are_too_many() {
            return;
        }
        // An error is reported by the later compilation of the document.
        let _ = patterns.look_at(text, ignore_case);
    }
}

/// Returns every pattern of a set, and whether it ignores case.
fn all(set: &RewriteRuleSet) -> impl Iterator<Item = (&str, bool)> {
    let of_rules = set.rewrite_rules.iter().flat_map(|rule| {
        let conditions = rule.conditions.iter().map(|condition| (&condition.pattern, condition.ignore_case));
        let headers = rule.action_set.iter().flat_map(|actions| {
            actions.request_header_configurations.iter().chain(&actions.response_header_configurations)
        });
        let matchers = headers.filter_map(|header| header.header_value_matcher.as_ref());
        conditions.chain(matchers.map(|matcher| (&matcher.pattern, matcher.ignore_case)))
    });
    of_rules.map(|(text, ignore_case)| (text.as_deref().unwrap_or_default(), ignore_case.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_pattern_of_a_set_is_tried() {
        let matcher = |pattern: &str| json!({"headerValueMatcher": {"pattern": pattern, "ignoreCase": true}});
        let set = json!({"rewriteRules": [
            {"conditions": [{"pattern": "a"}, {"pattern": "b", "ignoreCase": true}, {}]},
            {"actionSet": {"requestHeaderConfigurations": [matcher("c"), {}],
                           "responseHeaderConfigurations": [matcher("d")]}},
        ]});
        let set: RewriteRuleSet = serde_json::from_value(set).unwrap();
        assert!(is_within_limits(&set));
        let found: Vec<_> = all(&set).collect();
        assert_eq!(found, [("a", false), ("b", true), ("", false), ("c", true), ("d", true)]);
    }
}
