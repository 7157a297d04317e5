//! Virtual networks and public IP addresses, and what refers to them.

use serde_json::{Map, Value};
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use crate::arm::network::NetworkPath;
use crate::arm::page::Pages;
use crate::etag::Etag;

/// A stored virtual network or public IP address.
#[derive(Clone, Debug)]
pub(crate) struct NetworkResource {
    /// The ID, constant from creation to deletion.
    pub(crate) id: Uuid,
    /// The resource ID, in its creator's spelling.
    pub(crate) path: NetworkPath,
    /// The canonical body.
    pub(crate) body: Map<String, Value>,
    pub(crate) etag: Etag,
}

/// A child of a gateway that refers to a subnet or a public IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) gateway: GatewayId,
    /// The resource ID of the child.
    pub(crate) source: String,
    /// The resource ID of the target.
    pub(crate) target: String,
}

/// The stored resources outside a gateway's document to which the gateway or a request refers.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredRefs {
    /// The public IP addresses.
    pub(crate) addresses: Vec<NetworkResource>,
    /// The error pages that were fetched for earlier writes.
    pub(crate) pages: Pages,
}
