//! The network resources that a gateway depends on: virtual networks with their subnets, public IP addresses, and
//! web application firewall policies.
//!
//! The types describe each property, like those of [`super::gateway`]. Only a public IP address has an effect
//! on a gateway: the public frontend binds to it.

pub(crate) mod firewall_policy;
pub(crate) mod path;
pub(crate) mod public_address;
pub(crate) mod virtual_network;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::collection::complete;
use super::level::Level;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations};

pub(crate) use firewall_policy::{FirewallPolicies, FirewallPolicy, PolicyFacts};
pub(crate) use path::{NetworkKind, NetworkPath};
pub(crate) use public_address::{PublicAddress, PublicAddresses, PublicIpAddress};
pub(crate) use virtual_network::{Subnet, SubnetGroups, VirtualNetwork};

/// Returns the canonical form of a body of that type, with defaults. Anything but an object is read as an empty
/// object.
fn read<T: Serialize + DeserializeOwned>(
    body: Value,
    shape: &Shape,
    violations: &mut Violations,
) -> Map<String, Value> {
    let body = expect_object(body, ROOT, violations).unwrap_or_default();
    let properties = shape.properties();
    complete::<T>(normalize_object(body, &Level::resource(properties), violations), properties)
}
