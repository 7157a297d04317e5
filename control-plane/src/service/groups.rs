//! Reads and writes of resource groups, and reads of what they hold.

use crate::arm::resource_group::GROUP_WRITE;
use crate::audit::{Activity, Author};
use crate::resource_groups::GroupEdit;
use crate::store::{Group, Operation, Page, ResourceRow, group_id};
use crate::violation::Warnings;

use super::{ResourceGroupError, Service, ServiceError};

/// The ARM operation that deletes a group, for the audit log.
const GROUP_DELETE: &str = "Microsoft.Resources/subscriptions/resourceGroups/delete";

impl Service {
    /// Returns a resource group.
    ///
    /// # Errors
    /// [`ResourceGroupError::NoGroup`], or an error of the store.
    pub(crate) async fn group(&self, subscription: &str, name: &str) -> Result<Group, ServiceError> {
        self.store.group(subscription, name).await?.ok_or_else(|| not_found(name))
    }

    /// Returns the resource groups of a subscription, in the order of their names.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn groups(&self, subscription: &str) -> Result<Vec<Group>, ServiceError> {
        Ok(self.store.groups(subscription).await?)
    }

    /// Returns the IDs of the subscriptions that hold a resource.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<String>, ServiceError> {
        Ok(self.store.subscriptions().await?)
    }

    /// Returns at most `rows` resources below an ID, which is that of a subscription or a resource group, in the order of
    /// their keys: those after a key.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn page_of_resources(
        &self,
        below: &str,
        after: &str,
        rows: usize,
    ) -> Result<Page<ResourceRow>, ServiceError> {
        Ok(self.store.page_of_resources(below, after, rows).await?)
    }

    /// Creates or changes a resource group. Returns it, whether it is new, and the warnings for the author.
    ///
    /// # Errors
    /// The reason of rejection, or an error of the store; nothing changes then.
    pub(crate) async fn write_group(
        &self,
        author: Author,
        subscription: &str,
        name: &str,
        edit: GroupEdit,
    ) -> Result<(Group, bool, Warnings), ServiceError> {
        let activity =
            Activity { author, action: GROUP_WRITE.to_owned(), resource: group_id(subscription, name) };
        let mut warnings = Warnings::default();
        let decide = |stored: Option<&Group>| {
            let (body, found) = edit.decide(self.rules.unknown_properties, stored)?;
            warnings = found;
            Ok(body)
        };
        let written = self.store.write_group(subscription, name, &activity, decide).await;
        let (group, is_new) = written.map_err(|error| ServiceError::from_group(error, name))?;
        Ok((group, is_new, warnings))
    }

    /// Deletes a resource group with everything in it. The operation ends when the workers have dropped its
    /// gateways.
    ///
    /// # Errors
    /// [`ResourceGroupError::NoGroup`], [`ResourceGroupError::GroupInUse`], or an error of the store.
    pub(crate) async fn delete_group(
        &self,
        author: Author,
        subscription: &str,
        name: &str,
    ) -> Result<Operation, ServiceError> {
        let activity =
            Activity { author, action: GROUP_DELETE.to_owned(), resource: group_id(subscription, name) };
        let operation = self.store.delete_group(subscription, name, &activity).await?;
        let operation = operation.ok_or_else(|| not_found(name))?;
        self.fleet.wake();
        Ok(operation)
    }
}

/// The error for a group that does not exist.
fn not_found(name: &str) -> ServiceError {
    ResourceGroupError::NoGroup(name.to_owned()).into()
}
