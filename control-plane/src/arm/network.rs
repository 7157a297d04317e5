//! What a gateway leans on in its network: virtual networks with their subnets, and public IP addresses.
//!
//! The types say all there is to know of each property, as those of [`super::gateway`] do. Of all this only a public
//! address means anything to a gateway here: where its public frontend is bound.

pub mod path;
pub mod public_address;
pub mod virtual_network;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::collection::complete;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations};

pub use path::{NetworkKind, NetworkPath};
pub use public_address::{PublicAddress, PublicAddresses, PublicIpAddress};
pub use virtual_network::{Subnet, VirtualNetwork};

/// The canonical form of a body of that type, with defaults. One that is no object reads as an empty one.
fn read<T: Serialize + DeserializeOwned>(
    body: Value,
    shape: &Shape,
    violations: &mut Violations,
) -> Map<String, Value> {
    let body = expect_object(body, ROOT, violations).unwrap_or_default();
    complete::<T>(normalize_object(body, shape.properties(), "", violations))
}
