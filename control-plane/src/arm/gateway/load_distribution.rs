//! How requests are spread over several pools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, SubResource};

/// Pools with weights, and how to choose among their members.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadDistributionPolicy {
    /// The pools. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-members" = true))]
    pub load_distribution_targets: Vec<Member<LoadDistributionTarget>>,
    /// How to choose.
    pub load_distribution_algorithm: LoadDistributionAlgorithm,
}

/// A pool with a weight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadDistributionTarget {
    /// 1 to 100, for each member of the pool; 1 when absent.
    #[schemars(range(min = 1, max = 100))]
    pub weight_per_server: Option<i64>,
    /// The pool. Required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub backend_address_pool: Option<SubResource>,
}

/// How a member is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadDistributionAlgorithm {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests and tunnels for its weight.
    LeastConnections,
    /// By the client's address.
    IpHash,
}
