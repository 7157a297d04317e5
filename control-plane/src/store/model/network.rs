//! Virtual networks, public IP addresses and firewall policies, and what refers to them.

use std::net::IpAddr;

use serde_json::{Map, Value};
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use crate::arm::network::NetworkPath;
use crate::arm::page::Pages;
use crate::arm::private_addresses::PrivateAddresses;
use crate::etag::Etag;

/// A stored network resource.
#[derive(Clone, Debug)]
pub(crate) struct NetworkResource {
    /// The ID, constant from creation to deletion.
    pub(crate) id: Uuid,
    /// The resource ID, in its creator's spelling.
    pub(crate) path: NetworkPath,
    /// The canonical body.
    pub(crate) body: Map<String, Value>,
    pub(crate) etag: Etag,
    /// The address of the pool that a public IP address without an address of its own has got.
    pub(crate) allocated: Option<IpAddr>,
}

/// A gateway, child or path rule that refers to a subnet, a public IP address or a firewall policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) gateway: GatewayId,
    /// The resource ID of what refers.
    pub(crate) source: String,
    /// The resource ID of the target.
    pub(crate) target: String,
}

/// The stored resources outside a gateway's document to which the gateway or a request refers.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredRefs {
    /// The public IP addresses, the firewall policies, and the networks of subnets.
    pub(crate) resources: Vec<NetworkResource>,
    /// The error pages that were fetched for earlier writes.
    pub(crate) pages: Pages,
    /// What is bound in place of private addresses.
    pub(crate) private: PrivateAddresses,
}
