//! URL path maps: rules by path, and what becomes of all other paths.

use std::collections::HashMap;

use tidegate_shared::snapshot::{self, PathMap};

use super::resources::{Resource, Resources};
use super::ways::{Incomplete, Outcome, Targets};
use crate::arm::gateway::{PathRule, UrlPathMap};
use crate::violation::{Violations, code};

/// The maps, in the order listed.
pub(super) fn compile(
    maps: &Resources<UrlPathMap>,
    targets: &Targets<'_>,
    violations: &mut Violations,
) -> Vec<Option<PathMap>> {
    maps.iter().map(|map| path_map(map, targets, violations)).collect()
}

fn path_map(
    map: &Resource<UrlPathMap>,
    targets: &Targets<'_>,
    violations: &mut Violations,
) -> Option<PathMap> {
    let properties = &map.properties;
    let default = Outcome {
        pool: ("defaultBackendAddressPool", properties.default_backend_address_pool.as_ref()),
        settings: ("defaultBackendHttpSettings", properties.default_backend_http_settings.as_ref()),
        redirect: ("defaultRedirectConfiguration", properties.default_redirect_configuration.as_ref()),
        rewrites: ("defaultRewriteRuleSet", properties.default_rewrite_rule_set.as_ref()),
        distribution: ("defaultLoadDistributionPolicy", properties.default_load_distribution_policy.as_ref()),
    };
    let incomplete = Incomplete::MustSpecify(code::PATH_MAP_DEFAULT);
    let default = default.compile(map, incomplete, targets, violations);
    let rules = rules(map, targets, violations);
    Some(PathMap { name: map.name.clone(), rules, default: default? })
}

fn rules(
    map: &Resource<UrlPathMap>,
    targets: &Targets<'_>,
    violations: &mut Violations,
) -> Vec<snapshot::PathRule> {
    if map.properties.path_rules.is_empty() {
        let message = format!("Url Path Map {} must have a path rule.", map.id);
        violations.push(code::PATH_INVALID, map.at("pathRules"), message);
    }
    let mut taken: HashMap<String, String> = HashMap::new();
    let mut compiled = Vec::with_capacity(map.properties.path_rules.len());
    for (i, rule) in map.properties.path_rules.iter().enumerate() {
        let rule = map.member("pathRules", i, rule);
        let properties = &rule.properties;
        let outcome = Outcome {
            pool: ("backendAddressPool", properties.backend_address_pool.as_ref()),
            settings: ("backendHttpSettings", properties.backend_http_settings.as_ref()),
            redirect: ("redirectConfiguration", properties.redirect_configuration.as_ref()),
            rewrites: ("rewriteRuleSet", properties.rewrite_rule_set.as_ref()),
            distribution: ("loadDistributionPolicy", properties.load_distribution_policy.as_ref()),
        };
        let incomplete = Incomplete::MustSpecify(code::PATH_RULE_TARGET);
        let way = outcome.compile(&rule, incomplete, targets, violations);
        if properties.paths.is_empty() {
            let message = format!("Path Rule {} must have a path.", rule.id);
            violations.push(code::PATH_INVALID, rule.at("paths"), message);
        }
        for (k, path) in properties.paths.iter().enumerate() {
            check_path(&rule, (k, path), &mut taken, violations);
        }
        let (name, patterns) = (rule.name.clone(), properties.paths.clone());
        compiled.extend(way.map(|way| snapshot::PathRule { name, patterns, way }));
    }
    compiled
}

fn check_path(
    rule: &Resource<PathRule>,
    (index, path): (usize, &str),
    taken: &mut HashMap<String, String>,
    violations: &mut Violations,
) {
    let target = rule.at(&format!("paths[{index}]"));
    if path == "/" {
        let message =
            format!("Path / should have a nonempty match value followed by '/' in PathRule {}.", rule.id);
        violations.push(code::PATH_EMPTY, target, message);
        return;
    }
    if let Some(complaint) = complaint_of_path(path) {
        violations.push(code::PATH_INVALID, target, format!("'{path}': {complaint}."));
        return;
    }
    if let Some(other) = taken.insert(path.to_lowercase(), rule.id.clone()) {
        let message = format!("Path {path} is already specified in another PathRule, {other}.");
        violations.push(code::PATHS_NOT_UNIQUE, target, message);
    }
}

/// What is wrong with a pattern, if anything.
fn complaint_of_path(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("A path must begin with '/'");
    }
    if path.contains(['?', '#']) {
        return Some("A path has no query and no fragment: '?' and '#' are not allowed");
    }
    if path.strip_suffix('*').unwrap_or(path).contains('*') {
        return Some("'*' is allowed as the last character only");
    }
    path.contains(char::is_control).then_some("Control characters are not allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_with_a_slash_and_end_with_a_star_at_most() {
        for good in ["/a", "/images/*", "/images*", "/images/", "/*", "/a%2Fb", "/ä"] {
            assert_eq!(complaint_of_path(good), None, "{good}");
        }
        for bad in ["", "a", "*", "/images/*.jpg", "/*.jpg", "/a/*/b", "/a**", "/a?b", "/a#b", "/a\nb"] {
            assert!(complaint_of_path(bad).is_some(), "{bad}");
        }
    }
}
