//! Load distribution policies: pools with weights.

use super::resources::{Referrer, Resources, in_range};
use crate::arm::gateway::{BackendAddressPool, LoadDistributionPolicy};
use crate::violation::{Violations, code};

const TARGET: Referrer = Referrer { kind: "Load Distribution Target", code: code::LOAD_DISTRIBUTION_TARGET };

/// Checks that each has targets, of pools that are there and with weights in their range.
pub(super) fn check(
    policies: &Resources<LoadDistributionPolicy>,
    pools: &Resources<BackendAddressPool>,
    violations: &mut Violations,
) {
    for resource in policies.iter() {
        let targets = &resource.properties.load_distribution_targets;
        if targets.is_empty() {
            let message = format!("Load Distribution Policy {} must have a target.", resource.id);
            violations.push(code::LOAD_DISTRIBUTION_TARGET, resource.at("loadDistributionTargets"), message);
        }
        for (i, target) in targets.iter().enumerate() {
            let target = resource.member("loadDistributionTargets", i, target);
            let reference = target.properties.backend_address_pool.as_ref();
            let property = ("backendAddressPool", "BackendAddressPool");
            pools.required(&target, &TARGET, property, reference, violations);
            if let Some(weight) = target.properties.weight_per_server {
                let at = target.at("weightPerServer");
                in_range::<u8>(weight, 1..=100, code::OUT_OF_RANGE, at, violations);
            }
        }
    }
}
