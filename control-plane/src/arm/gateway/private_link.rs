//! Private link: validated, stored and returned; has no effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpAllocationMethod, Member, SubResource};

/// The addresses at which private endpoints reach the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PrivateLinkConfiguration {
    /// The addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-members" = true))]
    pub(crate) ip_configurations: Vec<Member<PrivateLinkIpConfiguration>>,
}

/// An address for private endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PrivateLinkIpConfiguration {
    /// The address.
    #[serde(rename = "privateIPAddress")]
    pub(crate) private_ip_address: Option<String>,
    /// The allocation method.
    #[serde(rename = "privateIPAllocationMethod")]
    pub(crate) private_ip_allocation_method: IpAllocationMethod,
    /// The subnet of the address.
    pub(crate) subnet: Option<SubResource>,
    /// True if this is the primary address of its configuration.
    pub(crate) primary: Option<bool>,
}
