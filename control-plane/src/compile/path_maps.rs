//! URL path maps: path rules, and the default action for other paths.

use std::collections::HashMap;

use tidegate_shared::path::PathPattern;
use tidegate_shared::snapshot::{self, PathMap};

use super::resources::{Resource, Resources};
use super::route_actions::{Incomplete, RouteAction, Targets};
use crate::arm::gateway::{PathRule, UrlPathMap};
use crate::violation::{Violations, code};

/// Compiles the maps, in the order of `maps`; `None` for one without a valid default.
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
    let default = RouteAction {
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
    let mut taken = Taken::new();
    let mut compiled = Vec::with_capacity(map.properties.path_rules.len());
    for (i, rule) in map.properties.path_rules.iter().enumerate() {
        let rule = map.member("pathRules", i, rule);
        let properties = &rule.properties;
        let outcome = RouteAction {
            pool: ("backendAddressPool", properties.backend_address_pool.as_ref()),
            settings: ("backendHttpSettings", properties.backend_http_settings.as_ref()),
            redirect: ("redirectConfiguration", properties.redirect_configuration.as_ref()),
            rewrites: ("rewriteRuleSet", properties.rewrite_rule_set.as_ref()),
            distribution: ("loadDistributionPolicy", properties.load_distribution_policy.as_ref()),
        };
        let incomplete = Incomplete::MustSpecify(code::PATH_RULE_TARGET);
        let entry = outcome.compile(&rule, incomplete, targets, violations);
        if properties.paths.is_empty() {
            let message = format!("Path Rule {} must have a path.", rule.id);
            violations.push(code::PATH_INVALID, rule.at("paths"), message);
        }
        let listed = properties.paths.iter().enumerate();
        let patterns = listed.filter_map(|path| pattern(&rule, path, &mut taken, violations)).collect();
        let name = rule.name.clone();
        compiled.extend(entry.map(|entry| snapshot::PathRule { name, patterns, entry }));
    }
    compiled
}

/// The rule that contains each pattern. The key is the canonical form and whether it is a prefix.
type Taken = HashMap<(Vec<u8>, bool), String>;

fn pattern(
    rule: &Resource<PathRule>,
    (index, path): (usize, &String),
    taken: &mut Taken,
    violations: &mut Violations,
) -> Option<PathPattern> {
    let target = rule.at(&format!("paths[{index}]"));
    if path == "/" {
        let message =
            format!("Path / should have a nonempty match value followed by '/' in PathRule {}.", rule.id);
        violations.push(code::PATH_EMPTY, target, message);
        return None;
    }
    let pattern = match PathPattern::parse(path) {
        Ok(pattern) => pattern,
        Err(complaint) => {
            violations.push(code::PATH_INVALID, target, format!("'{path}': {complaint}."));
            return None;
        }
    };
    let key = (pattern.literal().to_vec(), pattern.is_prefix());
    if let Some(other) = taken.insert(key, rule.id.clone()) {
        let message = format!("Path {path} is already specified in another PathRule, {other}.");
        violations.push(code::PATHS_NOT_UNIQUE, target, message);
    }
    Some(pattern)
}
