//! Load distribution policies: weighted pools and the algorithm that chooses among their members.

use tidegate_shared::snapshot::{Algorithm, Distribution, Share};

use super::resources::{Referrer, Resource, Resources, in_range};
use crate::arm::gateway::{
    BackendAddressPool, LoadDistributionAlgorithm, LoadDistributionPolicy, LoadDistributionTarget,
};
use crate::violation::{Violations, code};

const TARGET: Referrer = Referrer { kind: "Load Distribution Target", code: code::LOAD_DISTRIBUTION_TARGET };

/// The default weight of a member.
const USUAL_WEIGHT: i64 = 1;

/// Compiles the policies, in the order of `policies`.
pub(super) fn compile(
    policies: &Resources<LoadDistributionPolicy>,
    pools: &Resources<BackendAddressPool>,
    violations: &mut Violations,
) -> Vec<Distribution> {
    let policy = |resource: &Resource<LoadDistributionPolicy>| {
        let targets = &resource.properties.load_distribution_targets;
        if targets.is_empty() {
            let message = format!("Load Distribution Policy {} must have a target.", resource.id);
            violations.push(code::LOAD_DISTRIBUTION_TARGET, resource.at("loadDistributionTargets"), message);
        }
        let mut shares = Vec::with_capacity(targets.len());
        for (i, target) in targets.iter().enumerate() {
            shares.extend(share(&resource.member("loadDistributionTargets", i, target), pools, violations));
        }
        let algorithm = match resource.properties.load_distribution_algorithm {
            LoadDistributionAlgorithm::RoundRobin => Algorithm::RoundRobin,
            LoadDistributionAlgorithm::LeastConnections => Algorithm::LeastConnections,
            LoadDistributionAlgorithm::IpHash => Algorithm::IpHash,
        };
        Distribution { name: resource.name.clone(), algorithm, shares }
    };
    policies.iter().map(policy).collect()
}

fn share(
    target: &Resource<LoadDistributionTarget>,
    pools: &Resources<BackendAddressPool>,
    violations: &mut Violations,
) -> Option<Share> {
    let reference = target.properties.backend_address_pool.as_ref();
    let property = ("backendAddressPool", "BackendAddressPool");
    let pool = pools.required(target, &TARGET, property, reference, violations);
    let weight = target.properties.weight_per_server.unwrap_or(USUAL_WEIGHT);
    let weight = in_range(weight, 1..=100, code::OUT_OF_RANGE, target.at("weightPerServer"), violations);
    Some(Share { pool: pool?, weight: weight? })
}
