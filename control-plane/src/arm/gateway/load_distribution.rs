//! Distribution of requests over several pools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, SubResource};

/// Weighted pools, and the algorithm that chooses among their members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LoadDistributionPolicy {
    /// The pools. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-members" = true))]
    pub(crate) load_distribution_targets: Vec<Member<LoadDistributionTarget>>,
    /// The algorithm.
    pub(crate) load_distribution_algorithm: LoadDistributionAlgorithm,
}

/// A pool with a weight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LoadDistributionTarget {
    /// The weight of each member of the pool: 1 to 100. 1 if absent.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) weight_per_server: Option<i64>,
    /// The pool. Required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub(crate) backend_address_pool: Option<SubResource>,
}

/// The algorithm that chooses a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum LoadDistributionAlgorithm {
    /// Each member in turn.
    #[default]
    RoundRobin,
    /// The member with the fewest requests and tunnels relative to its weight.
    LeastConnections,
    /// By a hash of the client's address.
    IpHash,
}
