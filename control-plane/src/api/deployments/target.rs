//! What a template can deploy or refer to: which type a resource ID is of, and the resource as its GET shows it. The one
//! place that tells the types apart.

use serde_json::Value;

use crate::arm::collection::Collection;
use crate::arm::network::NetworkPath;
use crate::arm::resource_id::{GatewayPath, Reference};

use super::super::App;
use super::super::error::ApiError;
use super::super::networks::subnet;
use super::super::view;

/// A resource.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A gateway.
    Gateway(GatewayPath),
    /// A child of a gateway.
    Child(GatewayPath, &'static Collection, String),
    /// A virtual network or a public IP address.
    Network(NetworkPath),
    /// A subnet of a virtual network.
    Subnet(NetworkPath, String),
}

impl Target {
    /// What an ID names, which need not exist.
    pub(super) fn of(id: &str) -> Option<Target> {
        if let Some(path) = GatewayPath::parse(id) {
            return Some(Target::Gateway(path));
        }
        if let Some(Reference { gateway, collection, name }) = Reference::parse(id) {
            return Some(Target::Child(gateway, Collection::named(&collection)?, name));
        }
        if let Some(path) = NetworkPath::parse(id) {
            return Some(Target::Network(path));
        }
        let (network, name) = id.rsplit_once('/')?;
        let (network, kind) = network.rsplit_once('/')?;
        let network = NetworkPath::parse(network).filter(|_| kind.eq_ignore_ascii_case("subnets"))?;
        Some(Target::Subnet(network, name.to_owned()))
    }

    /// The resource as it is shown; none if it is not there.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn show(&self, app: &App) -> Result<Option<Value>, ApiError> {
        let store = &app.store;
        match self {
            Target::Gateway(path) => Ok(store.gateway(path).await?.as_ref().map(view::gateway)),
            Target::Child(path, collection, name) => {
                let gateway = store.gateway(path).await?;
                Ok(gateway.and_then(|gateway| {
                    let child = gateway.document.child(collection, name)?;
                    Some(view::child(&gateway, child, gateway.child_etag(child)?))
                }))
            }
            Target::Network(path) => match store.network_resource(path).await? {
                Some((resource, users)) => app.show_network(&resource, &users).await.map(Some),
                None => Ok(None),
            },
            Target::Subnet(path, name) => {
                let network = store.network_resource(path).await?;
                Ok(network.and_then(|(network, users)| subnet(&network, name, &users)))
            }
        }
    }
}
