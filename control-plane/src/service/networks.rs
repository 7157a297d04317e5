//! Reads and writes of virtual networks, subnets, public IP addresses and firewall policies. A write is complete when it returns.

use std::net::IpAddr;

use serde_json::Value;

use crate::arm::network::{NetworkKind, NetworkPath};
use crate::audit::{Activity, Author};
use crate::networking::{NetworkAction, NetworkEdit};
use crate::store::{NetworkResource, NetworkWritten, Page, User};
use crate::violation::Warnings;

use super::error::not_found;
use super::gateways::log_gaps;
use super::view::network as network_view;
use super::{Service, ServiceError};

/// The property with the address.
const IP_ADDRESS: &str = "ipAddress";

impl Service {
    /// Returns a network resource, and the references to it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn network(
        &self,
        path: &NetworkPath,
    ) -> Result<(NetworkResource, Vec<User>), ServiceError> {
        self.store.network_resource(path).await?.ok_or_else(|| not_found::network(path))
    }

    /// Returns at most `limit` resources of one kind in a subscription, or in one resource group of it, in
    /// the order of group and name, after that group and name. Each comes with the references to it. Damaged
    /// ones are left out.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn networks(
        &self,
        kind: NetworkKind,
        subscription: &str,
        group: Option<&str>,
        after: (&str, &str),
        limit: usize,
    ) -> Result<Page<(NetworkResource, Vec<User>), [String; 2]>, ServiceError> {
        Ok(self.store.network_resources(kind, subscription, group, after, limit).await?)
    }

    /// Returns a virtual network, and one of its subnets as a GET shows it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if there is no such network or subnet, or an error of the store.
    pub(crate) async fn subnet(
        &self,
        network: &NetworkPath,
        name: &str,
    ) -> Result<(NetworkResource, Value), ServiceError> {
        let missing = || not_found::subnet(network, name);
        let (resource, users) = self.store.network_resource(network).await?.ok_or_else(missing)?;
        let shown = network_view::subnet(&resource, name, &users).ok_or_else(missing)?;
        Ok((resource, shown))
    }

    /// Writes a network resource or a subnet. Also returns the warnings for the author.
    pub(crate) async fn write_network(
        &self,
        author: Author,
        edit: NetworkEdit,
    ) -> Result<(NetworkWritten, Warnings), ServiceError> {
        let activity = Activity { author, action: edit.action_name(), resource: edit.resource_id() };
        let mut warnings = Warnings::default();
        let decide = |stored: Option<&NetworkResource>, users: &[User]| {
            let (decision, found) = edit.decide(&self.rules, stored, users)?;
            warnings = found;
            Ok(decision)
        };
        let written = match edit.action {
            NetworkAction::Delete => self.store.delete_network_resource(&edit.path, &activity, decide).await,
            _ => self.store.write_network_resource(&edit.path, &activity, decide).await,
        };
        let written = written.map_err(|error| ServiceError::from_network(error, &edit))?;
        log_gaps(&activity.resource, &warnings);
        Ok((written, warnings))
    }

    /// Converts the body of a PUT of a network resource to the change to make.
    pub(crate) async fn network_put(
        &self,
        path: &NetworkPath,
        body: Value,
    ) -> Result<NetworkAction, ServiceError> {
        Ok(match path.kind {
            NetworkKind::VirtualNetwork => NetworkAction::PutVirtualNetwork(body),
            NetworkKind::FirewallPolicy => NetworkAction::PutFirewallPolicy(body),
            NetworkKind::PublicAddress => {
                let shown = match self.store.network_resource(path).await? {
                    Some((_, users)) => {
                        self.workers_address(&users).await?.map(|address| address.to_string())
                    }
                    None => None,
                };
                NetworkAction::PutPublicAddress { body, shown }
            }
        })
    }

    /// Returns a network resource as GET shows it.
    pub(crate) async fn show_network(
        &self,
        resource: &NetworkResource,
        users: &[User],
    ) -> Result<Value, ServiceError> {
        let mut shown = network_view::resource(resource, users);
        let properties = &mut shown["properties"];
        let is_address = resource.path.kind == NetworkKind::PublicAddress;
        if is_address
            && properties.get(IP_ADDRESS).is_none()
            && let Some(address) = self.workers_address(users).await?
        {
            properties[IP_ADDRESS] = address.to_string().into();
        }
        Ok(shown)
    }

    /// Returns the address to which the workers have bound the public frontend with this public IP address, if
    /// all that report one agree.
    async fn workers_address(&self, users: &[User]) -> Result<Option<IpAddr>, ServiceError> {
        let Some(user) = users.first() else { return Ok(None) };
        let claimed = self.store.claimed_addresses(user.gateway).await?;
        let private: Vec<IpAddr> = claimed.iter().filter_map(|address| address.parse().ok()).collect();
        if private.len() == claimed.len() {
            return Ok(None);
        }
        let workers = self.fleet.snapshot();
        let bound = workers.values().filter_map(|worker| worker.running.get(&user.gateway));
        let mut public = bound
            .flat_map(|running| running.addresses.iter().map(|address| address.ip().to_canonical()))
            .filter(|address| !address.is_unspecified() && !private.contains(address));
        let first = public.next();
        Ok(first.filter(|first| public.all(|other| other == *first)))
    }
}
