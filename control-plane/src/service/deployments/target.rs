//! The resources that a template can deploy or refer to: their type, by resource ID, and their rendering. The
//! only module that distinguishes the types.

use serde_json::Value;

use crate::arm::collection::Collection;
use crate::arm::network::NetworkPath;
use crate::arm::resource_id::{GatewayPath, Reference};

use super::super::view::network::subnet;
use super::super::{Service, ServiceError, view};
use crate::store::{Gateway, NetworkResource, Store, StoreError, User};

/// A resource.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Gateway(GatewayPath),
    /// A child of a gateway.
    Child(GatewayPath, &'static Collection, String),
    /// A virtual network or a public IP address.
    Network(NetworkPath),
    /// A subnet of a virtual network.
    Subnet(NetworkPath, String),
}

impl Target {
    /// Parses the resource ID of a supported type. The resource need not exist.
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

    /// Returns the ID under which the resource is stored: its own, or that of its parent.
    pub(super) fn stored_id(&self) -> String {
        match self {
            Target::Gateway(path) | Target::Child(path, ..) => path.to_string(),
            Target::Network(path) | Target::Subnet(path, _) => path.to_string(),
        }
    }

    /// Returns the resource as GET shows it; `None` if it does not exist.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn show(&self, service: &Service) -> Result<Option<Value>, ServiceError> {
        self.show_from(&mut LastRead::default(), service).await
    }

    /// Like [`Target::show`], for several targets in the order of their IDs: a parent of several targets is
    /// read only once.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn show_from(
        &self,
        last: &mut LastRead,
        service: &Service,
    ) -> Result<Option<Value>, ServiceError> {
        let store = &service.store;
        match self {
            Target::Gateway(path) => Ok(last.gateway(path, store).await?.map(view::gateway)),
            Target::Child(path, collection, name) => {
                Ok(last.gateway(path, store).await?.and_then(|gateway| {
                    let child = gateway.document.child(collection, name)?;
                    Some(view::child(gateway, child, gateway.child_etag(child)?))
                }))
            }
            Target::Network(path) => match last.network(path, store).await? {
                Some((resource, users)) => service.show_network(resource, users).await.map(Some),
                None => Ok(None),
            },
            Target::Subnet(path, name) => {
                let network = last.network(path, store).await?;
                Ok(network.and_then(|(network, users)| subnet(network, name, users)))
            }
        }
    }
}

fn is_same(one: &NetworkPath, other: &NetworkPath) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}

/// The gateway and the network that were read last; `None` inside if they do not exist.
#[derive(Debug, Default)]
pub(super) struct LastRead {
    gateway: Option<(GatewayPath, Option<Gateway>)>,
    network: Option<(NetworkPath, Option<(NetworkResource, Vec<User>)>)>,
}

impl LastRead {
    async fn gateway(&mut self, path: &GatewayPath, store: &Store) -> Result<Option<&Gateway>, StoreError> {
        if self.gateway.as_ref().is_none_or(|(last, _)| last != path) {
            self.gateway = Some((path.clone(), store.gateway(path).await?));
        }
        Ok(self.gateway.as_ref().and_then(|(_, gateway)| gateway.as_ref()))
    }

    async fn network(
        &mut self,
        path: &NetworkPath,
        store: &Store,
    ) -> Result<Option<&(NetworkResource, Vec<User>)>, StoreError> {
        if self.network.as_ref().is_none_or(|(last, _)| !is_same(last, path)) {
            self.network = Some((path.clone(), store.network_resource(path).await?));
        }
        Ok(self.network.as_ref().and_then(|(_, network)| network.as_ref()))
    }
}
