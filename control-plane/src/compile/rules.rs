//! Request routing rules.

use std::collections::HashMap;

use tidegate_shared::snapshot::{Action, Rule};

use super::resources::{Referrer, Resource, Resources, in_range};
use crate::arm::gateway::{BackendAddressPool, BackendHttpSettings, Listener, RequestRoutingRule, RuleType};
use crate::violation::{Violations, code};

/// A rule, and what it is for.
pub(super) struct Compiled {
    /// The index of its listener in the order listed.
    pub(super) listener: usize,
    /// The smallest is tried first.
    pub(super) priority: u32,
    /// The rule.
    pub(super) rule: Rule,
}

type Source = Resource<RequestRoutingRule>;

const RULE: Referrer = Referrer { kind: "Request Routing Rule", code: code::RULE_MUST_REFERENCE };

/// The rules, in the order listed.
pub(super) fn compile(
    rules: &Resources<RequestRoutingRule>,
    listeners: &Resources<Listener>,
    pools: &Resources<BackendAddressPool>,
    settings: &Resources<BackendHttpSettings>,
    violations: &mut Violations,
) -> Vec<Compiled> {
    let mut by_listener: HashMap<usize, &Source> = HashMap::new();
    let mut by_priority: HashMap<u32, &Source> = HashMap::new();
    let mut compiled = Vec::new();
    for resource in rules.iter() {
        let properties = &resource.properties;
        let priority = priority(resource, violations);
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
        let action = action(resource, pools, settings, violations);
        if let (Some(priority), Some(listener), Some(action)) = (priority, listener, action) {
            compiled.push(Compiled {
                listener,
                priority,
                rule: Rule { name: resource.name.clone(), action },
            });
        }
    }
    compiled
}

fn priority(resource: &Source, violations: &mut Violations) -> Option<u32> {
    let target = resource.at("priority");
    let Some(priority) = resource.properties.priority else {
        let message = format!(
            "{} has none. All request routing rules should have a priority defined starting from api-version \
             2021-08-01.",
            resource.id
        );
        violations.push(code::PRIORITY_REQUIRED, target, message);
        return None;
    };
    in_range(priority, 1..=20_000, code::OUT_OF_RANGE, target, violations)
}

fn action(
    resource: &Source,
    pools: &Resources<BackendAddressPool>,
    settings: &Resources<BackendHttpSettings>,
    violations: &mut Violations,
) -> Option<Action> {
    let properties = &resource.properties;
    if properties.rule_type == RuleType::PathBasedRouting {
        let message = "Path-based rules are not supported yet. Use 'Basic'.";
        violations.push(code::NOT_SUPPORTED, resource.at("ruleType"), message);
        return None;
    }
    let reference = properties.backend_address_pool.as_ref();
    let property = ("backendAddressPool", "BackendAddressPool");
    let pool = pools.required(resource, &RULE, property, reference, violations);
    let reference = properties.backend_http_settings.as_ref();
    let property = ("backendHttpSettings", "BackendHttpSettings");
    let settings = settings.required(resource, &RULE, property, reference, violations);
    Some(Action::Forward { pool: pool?, settings: settings? })
}
