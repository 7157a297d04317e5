//! The types of the resources that are stored under a resource ID.

use super::deployment::DEPLOYMENT_TYPE;
use super::naming::GATEWAY_TYPE;
use super::network::NetworkKind;

/// A type of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    /// An application gateway.
    Gateway,
    /// A network resource.
    Network(NetworkKind),
    Deployment,
    /// A type that Tidegate does not serve, as its creator spelled it.
    Unserved(String),
}

impl ResourceKind {
    /// Returns the ARM type, such as `Microsoft.Network/applicationGateways`.
    pub(crate) fn resource_type(&self) -> &str {
        match self {
            ResourceKind::Gateway => GATEWAY_TYPE,
            ResourceKind::Network(kind) => kind.resource_type(),
            ResourceKind::Deployment => DEPLOYMENT_TYPE,
            ResourceKind::Unserved(kind) => kind,
        }
    }
}
