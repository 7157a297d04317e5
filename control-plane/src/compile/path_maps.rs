//! URL path maps: rules by path, and what becomes of all other paths.

use std::collections::HashMap;

use super::resources::{Resource, Resources};
use crate::arm::gateway::{
    BackendAddressPool, BackendHttpSettings, LoadDistributionPolicy, PathRule, RedirectConfiguration,
    RewriteRuleSet, SubResource, UrlPathMap,
};
use crate::violation::{Violations, code};

/// What path maps and path rules may lead to.
pub(super) struct Targets<'a> {
    pub(super) pools: &'a Resources<BackendAddressPool>,
    pub(super) settings: &'a Resources<BackendHttpSettings>,
    pub(super) redirects: &'a Resources<RedirectConfiguration>,
    pub(super) rewrites: &'a Resources<RewriteRuleSet>,
    pub(super) distributions: &'a Resources<LoadDistributionPolicy>,
}

/// Checks the maps.
pub(super) fn check(maps: &Resources<UrlPathMap>, targets: &Targets<'_>, violations: &mut Violations) {
    for resource in maps.iter() {
        let properties = &resource.properties;
        let default = Outcome {
            pool: ("defaultBackendAddressPool", properties.default_backend_address_pool.as_ref()),
            settings: ("defaultBackendHttpSettings", properties.default_backend_http_settings.as_ref()),
            redirect: ("defaultRedirectConfiguration", properties.default_redirect_configuration.as_ref()),
            rewrites: ("defaultRewriteRuleSet", properties.default_rewrite_rule_set.as_ref()),
            distribution: (
                "defaultLoadDistributionPolicy",
                properties.default_load_distribution_policy.as_ref(),
            ),
        };
        default.check(resource, targets, code::PATH_MAP_DEFAULT, violations);
        check_rules(resource, targets, violations);
    }
}

fn check_rules(map: &Resource<UrlPathMap>, targets: &Targets<'_>, violations: &mut Violations) {
    if map.properties.path_rules.is_empty() {
        let message = format!("Url Path Map {} must have a path rule.", map.id);
        violations.push(code::PATH_INVALID, map.at("pathRules"), message);
    }
    let mut taken: HashMap<String, String> = HashMap::new();
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
        outcome.check(&rule, targets, code::PATH_RULE_TARGET, violations);
        if properties.paths.is_empty() {
            let message = format!("Path Rule {} must have a path.", rule.id);
            violations.push(code::PATH_INVALID, rule.at("paths"), message);
        }
        for (k, path) in properties.paths.iter().enumerate() {
            check_path(&rule, (k, path), &mut taken, violations);
        }
    }
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

type Property<'a> = (&'static str, Option<&'a SubResource>);

/// What becomes of a request: the same five properties in a map and in a rule, under other names.
struct Outcome<'a> {
    pool: Property<'a>,
    settings: Property<'a>,
    redirect: Property<'a>,
    rewrites: Property<'a>,
    distribution: Property<'a>,
}

impl Outcome<'_> {
    /// Checks the references, and that there is either a redirect or all that it takes to forward; `incomplete` is the
    /// code where there is neither.
    fn check<T>(
        &self,
        resource: &Resource<T>,
        targets: &Targets<'_>,
        incomplete: &'static str,
        violations: &mut Violations,
    ) {
        targets.pools.optional(resource, self.pool.0, self.pool.1, violations);
        targets.settings.optional(resource, self.settings.0, self.settings.1, violations);
        targets.redirects.optional(resource, self.redirect.0, self.redirect.1, violations);
        targets.rewrites.optional(resource, self.rewrites.0, self.rewrites.1, violations);
        targets.distributions.optional(resource, self.distribution.0, self.distribution.1, violations);
        let id = &resource.id;
        if self.redirect.1.is_some() {
            for (property, reference) in [self.pool, self.settings, self.distribution] {
                if reference.is_some() {
                    let message =
                        format!("{id} cannot specify {property} when {} is specified.", self.redirect.0);
                    violations.push(code::EXCLUSIVE, resource.at(property), message);
                }
            }
            return;
        }
        if self.pool.1.is_none() && self.distribution.1.is_none() {
            let message = format!("{id} must specify {} or {}.", self.pool.0, self.redirect.0);
            violations.push(incomplete, resource.at(self.pool.0), message);
        }
        if self.settings.1.is_none() {
            let message = format!("{id} must specify {} or {}.", self.settings.0, self.redirect.0);
            violations.push(incomplete, resource.at(self.settings.0), message);
        }
    }
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
