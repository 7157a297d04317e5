//! The resources that a template can deploy or refer to: their type, by resource ID, and their rendering as a
//! GET shows them.

use serde_json::Value;

use crate::arm::collection::Collection;
use crate::arm::extension::ExtensionPath;
use crate::arm::network::NetworkPath;
use crate::arm::resource_id::{GatewayPath, Reference};
use crate::arm::unserved::UnservedPath;

use super::view::network::subnet;
use super::{DeploymentError, ResourceGroupError, Service, ServiceError, not_found, view};
use crate::arm::deployment::DeploymentPath;
use crate::resource_id::ResourceId;
use crate::store::{Gateway, NetworkResource, Store, StoreError, User, group_id};

/// A resource.
#[derive(Clone, Debug)]
pub(super) enum ResourceTarget {
    Gateway(GatewayPath),
    /// A child of a gateway.
    Child(GatewayPath, &'static Collection, String),
    /// An extension document of a gateway.
    Extension(ExtensionPath),
    /// A virtual network or a public IP address.
    Network(NetworkPath),
    /// A subnet of a virtual network.
    Subnet(NetworkPath, String),
    /// A deployment.
    Deployment(DeploymentPath),
    /// A resource group: its subscription and its name.
    Group(String, String),
    /// A resource of a type that Tidegate does not serve.
    Unserved(UnservedPath),
}

impl ResourceTarget {
    /// Parses the resource ID of a supported type. The resource need not exist.
    pub(super) fn of(id: &str) -> Option<ResourceTarget> {
        if let Some(path) = GatewayPath::parse(id) {
            return Some(ResourceTarget::Gateway(path));
        }
        if let Some(Reference { gateway, collection, name }) = Reference::parse(id) {
            return Some(ResourceTarget::Child(gateway, Collection::named(&collection)?, name));
        }
        if let Some(path) = ExtensionPath::parse(id) {
            return Some(ResourceTarget::Extension(path));
        }
        if let Some(path) = NetworkPath::parse(id) {
            return Some(ResourceTarget::Network(path));
        }
        if let Some(path) = DeploymentPath::parse(id) {
            return Some(ResourceTarget::Deployment(path));
        }
        if let Some((subscription, name)) = group_path(id) {
            return Some(ResourceTarget::Group(subscription, name));
        }
        if let Some((network, name)) = subnet_path(id) {
            return Some(ResourceTarget::Subnet(network, name));
        }
        UnservedPath::parse(id).ok().map(ResourceTarget::Unserved)
    }

    /// Returns the IDs of which the resource is stored under one, if it exists: its own, or that of its parent.
    pub(super) fn stored_ids(&self) -> Vec<String> {
        match self {
            ResourceTarget::Gateway(path) | ResourceTarget::Child(path, ..) => vec![path.to_string()],
            ResourceTarget::Extension(path) => vec![path.gateway.to_string()],
            ResourceTarget::Network(path) | ResourceTarget::Subnet(path, _) => vec![path.to_string()],
            ResourceTarget::Deployment(path) => vec![path.to_string()],
            ResourceTarget::Group(subscription, name) => vec![group_id(subscription, name)],
            ResourceTarget::Unserved(path) => {
                let container = path.container().map(|container| container.to_string());
                [path.to_string()].into_iter().chain(container).collect()
            }
        }
    }

    /// Returns the error for a resource that does not exist.
    pub(super) fn not_found(&self) -> ServiceError {
        match self {
            ResourceTarget::Gateway(path) => not_found::gateway(path),
            ResourceTarget::Child(path, collection, name) => not_found::child(path, collection, name),
            ResourceTarget::Extension(ExtensionPath { gateway, kind, name }) => {
                not_found::extension(gateway, kind, name)
            }
            ResourceTarget::Network(path) => not_found::network(path),
            ResourceTarget::Subnet(path, name) => not_found::subnet(path, name),
            ResourceTarget::Deployment(path) => DeploymentError::Missing(path.name.clone()).into(),
            ResourceTarget::Group(_, name) => ResourceGroupError::NoGroup(name.clone()).into(),
            ResourceTarget::Unserved(path) => not_found::unserved(path),
        }
    }

    /// Returns whether the store finds the resource among all resources ([`Store::stored_among`]).
    pub(super) fn is_indexed(&self) -> bool {
        !matches!(self, ResourceTarget::Deployment(_) | ResourceTarget::Group(..))
    }

    /// Returns the resource as GET shows it; `None` if it does not exist.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn show(&self, service: &Service) -> Result<Option<Value>, ServiceError> {
        self.show_from(&mut LastRead::default(), service).await
    }

    /// Like [`ResourceTarget::show`], for several targets in the order of their IDs: a parent of several
    /// targets is read only once.
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
            ResourceTarget::Gateway(path) => Ok(last.gateway(path, store).await?.map(view::gateway)),
            ResourceTarget::Child(path, collection, name) => {
                Ok(last.gateway(path, store).await?.and_then(|gateway| {
                    let child = gateway.document.child(collection, name)?;
                    Some(view::child(gateway, child, gateway.child_etag(child)?))
                }))
            }
            ResourceTarget::Extension(ExtensionPath { gateway, kind, name }) => {
                Ok(last.gateway(gateway, store).await?.and_then(|gateway| {
                    let (extension, etag) = gateway.extension(kind, name)?;
                    Some(view::extension(gateway, extension, etag))
                }))
            }
            ResourceTarget::Network(path) => match last.network(path, store).await? {
                Some((resource, users)) => service.show_network(resource, users).await.map(Some),
                None => Ok(None),
            },
            ResourceTarget::Subnet(path, name) => {
                let network = last.network(path, store).await?;
                Ok(network.and_then(|(network, users)| subnet(network, name, users)))
            }
            ResourceTarget::Deployment(path) => {
                let found = store.deployment(path).await?;
                Ok(found.as_ref().map(view::deployment::deployment))
            }
            ResourceTarget::Group(subscription, name) => {
                Ok(store.group(subscription, name).await?.as_ref().map(view::group::group))
            }
            ResourceTarget::Unserved(path) => service.show_unserved(path).await,
        }
    }
}

/// Parses the ID of a subnet: that of its network, and its name.
fn subnet_path(id: &str) -> Option<(NetworkPath, String)> {
    let (network, name) = id.rsplit_once('/')?;
    let (network, kind) = network.rsplit_once('/')?;
    let network = NetworkPath::parse(network).filter(|_| kind.eq_ignore_ascii_case("subnets"))?;
    Some((network, name.to_owned()))
}

/// Parses the ID of a resource group.
fn group_path(id: &str) -> Option<(String, String)> {
    let id = ResourceId::parse(id)?;
    match id.segments().collect::<Vec<_>>()[..] {
        [_, subscription, groups, name] if groups.eq_ignore_ascii_case("resourceGroups") => {
            Some((subscription.to_owned(), name.to_owned()))
        }
        _ => None,
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
