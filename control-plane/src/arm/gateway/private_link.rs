//! Private link: validated, stored and given back; without effect here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpAllocationMethod, Member, SubResource};

/// Where a private endpoint reaches the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PrivateLinkConfiguration {
    /// Its addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-members" = true))]
    pub ip_configurations: Vec<Member<PrivateLinkIpConfiguration>>,
}

/// An address for private endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PrivateLinkIpConfiguration {
    /// The address.
    #[serde(rename = "privateIPAddress")]
    pub private_ip_address: Option<String>,
    /// How it is chosen.
    #[serde(rename = "privateIPAllocationMethod")]
    pub private_ip_allocation_method: IpAllocationMethod,
    /// The subnet that it is in.
    pub subnet: Option<SubResource>,
    /// Whether it is the first of its configuration.
    pub primary: Option<bool>,
}
