//! Layer-4 rules. No worker implements them, so each is rejected, together with its other violations.

use std::collections::HashSet;

use super::resources::{Referrer, Resources, in_range};
use crate::arm::gateway::{
    BackendAddressPool, RuleType, TransportListener, TransportRule, TransportSettings,
};
use crate::violation::{Violations, code};

const RULE: Referrer = Referrer { kind: "Routing Rule", code: code::TRANSPORT_RULE_MUST_REFERENCE };

/// Checks the rules, and rejects each.
pub(super) fn check(
    rules: &Resources<TransportRule>,
    listeners: &Resources<TransportListener>,
    pools: &Resources<BackendAddressPool>,
    settings: &Resources<TransportSettings>,
    violations: &mut Violations,
) {
    let (mut by_priority, mut by_listener) = (HashSet::new(), HashSet::new());
    for resource in rules.iter() {
        let properties = &resource.properties;
        let message = "routingRules are not supported yet; only requestRoutingRules are.";
        violations.push(code::NOT_SUPPORTED, resource.target(), message);
        match properties.priority {
            None => {
                let message = format!("Routing Rule {} must have a priority.", resource.id);
                violations.push(code::PRIORITY_REQUIRED, resource.at("priority"), message);
            }
            Some(priority) => {
                let at = resource.at("priority");
                let number = in_range::<u32>(priority, 1..=20_000, code::OUT_OF_RANGE, at, violations);
                if number.is_some_and(|number| !by_priority.insert(number)) {
                    let message = format!(
                        "Priority must be unique across all the routing rules; {} has the same as another \
                         rule.",
                        resource.id
                    );
                    violations.push(code::PRIORITY_NOT_UNIQUE, resource.at("priority"), message);
                }
            }
        }
        if properties.rule_type == RuleType::PathBasedRouting {
            let message = "Layer-4 rules cannot be path-based. Use 'Basic'.";
            violations.push(code::TRANSPORT_RULE_TYPE, resource.at("ruleType"), message);
        }
        let reference = properties.listener.as_ref();
        let listener = listeners.required(resource, &RULE, ("listener", "Listener"), reference, violations);
        if listener.is_some_and(|listener| !by_listener.insert(listener)) {
            let message = format!("Another Routing Rule is using the same Listener as {}.", resource.id);
            violations.push(code::RULES_SHARE_LISTENER, resource.at("listener"), message);
        }
        let reference = properties.backend_address_pool.as_ref();
        let property = ("backendAddressPool", "BackendAddressPool");
        pools.required(resource, &RULE, property, reference, violations);
        let reference = properties.backend_settings.as_ref();
        let property = ("backendSettings", "BackendSettings");
        settings.required(resource, &RULE, property, reference, violations);
    }
}
