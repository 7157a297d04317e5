//! Request routing rules.

use std::collections::HashMap;

use tidegate_shared::snapshot::{Routing, Rule};

use super::resources::{Referrer, Resource, Resources, in_range};
use super::route_actions::{Incomplete, RouteAction, Targets};
use crate::arm::document::Document;
use crate::arm::gateway::{Listener, RequestRoutingRule, RuleType, UrlPathMap};
use crate::violation::{Violations, code};

/// A compiled rule with its listener and priority.
pub(super) struct Compiled {
    /// The index of the listener.
    pub(super) listener: usize,
    /// The priority; the lowest is evaluated first.
    pub(super) priority: u32,
    pub(super) rule: Rule,
}

type Source = Resource<RequestRoutingRule>;

const RULE: Referrer = Referrer { kind: "Request Routing Rule", code: code::RULE_MUST_REFERENCE };

/// Compiles the valid rules.
pub(super) fn compile(
    document: &Document,
    (rules, listeners, maps): (&Resources<RequestRoutingRule>, &Resources<Listener>, &Resources<UrlPathMap>),
    targets: &Targets<'_>,
    violations: &mut Violations,
) -> Vec<Compiled> {
    let mut by_listener: HashMap<usize, &Source> = HashMap::new();
    let mut by_priority: HashMap<u32, &Source> = HashMap::new();
    let mut compiled = Vec::new();
    for (_, resource) in rules.listed() {
        let properties = &resource.properties;
        let priority = match document.is_v1() {
            true => priority_of_v1(resource, violations),
            false => priority(resource, violations),
        };
        if let Some(other) = priority.and_then(|priority| by_priority.insert(priority, resource)) {
            let message = format!(
                "Priority must be unique across all the request routing rules; {} has the same as {}.",
                resource.id, other.id
            );
            violations.push(code::PRIORITY_NOT_UNIQUE, resource.at("priority"), message);
        }
        let reference = properties.http_listener.as_ref();
        let property = ("httpListener", "HttpListener");
        let listener = listeners.required(resource, &RULE, property, reference, violations);
        if let Some(other) = listener.and_then(|listener| by_listener.insert(listener, resource)) {
            let message = format!(
                "Two Request Routing Rules {} and {} are using the same Http Listener.",
                other.id, resource.id
            );
            violations.push(code::RULES_SHARE_LISTENER, resource.at("httpListener"), message);
        }
        let routing = routing(resource, maps, targets, violations);
        if let (Some(priority), Some(listener), Some(routing)) = (priority, listener, routing) {
            let rule = Rule { name: resource.name.clone(), routing };
            compiled.push(Compiled { listener, priority, rule });
        }
    }
    compiled
}

/// The highest priority.
const LOWEST_RANK: i64 = 20_000;

/// Returns the priority of a rule of a v1 gateway, which needs none: rules without one come last, as listed.
fn priority_of_v1(resource: &Source, violations: &mut Violations) -> Option<u32> {
    if resource.properties.priority.is_some() {
        return priority(resource, violations);
    }
    u32::try_from(LOWEST_RANK).ok()?.checked_add(u32::try_from(resource.place).ok()?)?.checked_add(1)
}

fn priority(resource: &Source, violations: &mut Violations) -> Option<u32> {
    let target = resource.at("priority");
    let Some(priority) = resource.properties.priority else {
        let message = format!(
            "{} has no priority. All request routing rules should have a priority defined starting from \
             api-version 2021-08-01: a whole number from 1 to 20000, another one for each rule.",
            resource.id
        );
        violations.push(code::PRIORITY_REQUIRED, target, message);
        return None;
    };
    in_range(priority, 1..=LOWEST_RANK, code::OUT_OF_RANGE, target, violations)
}

fn routing(
    resource: &Source,
    maps: &Resources<UrlPathMap>,
    targets: &Targets<'_>,
    violations: &mut Violations,
) -> Option<Routing> {
    let properties = &resource.properties;
    let map = properties.url_path_map.as_ref();
    match properties.rule_type {
        RuleType::Basic => {
            if map.is_some() {
                let message = format!(
                    "{} has a urlPathMap. Leave it out, or set ruleType to 'PathBasedRouting'.",
                    resource.id
                );
                violations.push(code::EXCLUSIVE, resource.at("urlPathMap"), message);
            }
            outcome(resource)
                .compile(resource, Incomplete::RuleMustReference, targets, violations)
                .map(Routing::Basic)
        }
        RuleType::PathBasedRouting => {
            outcome(resource).check_references(resource, targets, violations);
            maps.required(resource, &RULE, ("urlPathMap", "UrlPathMap"), map, violations).map(Routing::ByPath)
        }
    }
}

fn outcome(resource: &Source) -> RouteAction<'_> {
    let properties = &resource.properties;
    RouteAction {
        pool: ("backendAddressPool", properties.backend_address_pool.as_ref()),
        settings: ("backendHttpSettings", properties.backend_http_settings.as_ref()),
        redirect: ("redirectConfiguration", properties.redirect_configuration.as_ref()),
        rewrites: ("rewriteRuleSet", properties.rewrite_rule_set.as_ref()),
        distribution: ("loadDistributionPolicy", properties.load_distribution_policy.as_ref()),
    }
}
