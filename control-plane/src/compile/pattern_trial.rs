//! Tries the patterns of a body before it is compiled, so that their outcomes are in the cache by then.

use super::patterns::{ALL, PatternCache, Patterns};
use super::rewrites::is_within_limits;
use crate::arm::gateway::RewriteRuleSet;

/// Tries the patterns of these sets, as far as they are looked into when they are compiled: up to what one gateway may
/// have, and one set more, for a body can hold one beside those that will count.
pub fn try_patterns(sets: &[RewriteRuleSet], cache: &PatternCache) {
    let mut patterns = Patterns { most: 2 * ALL, ..Patterns::new(cache) };
    for (text, ignore_case) in sets.iter().filter(|set| is_within_limits(set)).flat_map(all) {
        if patterns.are_too_many() {
            return;
        }
        // What is wrong with it is said when it is compiled.
        let _ = patterns.look_at(text, ignore_case);
    }
}

/// Every pattern of a set, and whether case does not count.
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
