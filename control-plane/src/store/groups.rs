//! Resource groups. A group is created by a request or with the first resource in it. A deletion of a group
//! ends with the deletion of its last gateway.

use serde_json::{Map, Value};
use tidegate_shared::id::Generation;
use uuid::Uuid;

use crate::arm::resource_group::ResourceGroup;
use crate::arm::resource_kind::ResourceKind;
use crate::audit::Activity;
use crate::clock::Millis;

use super::audit::record;
use super::database::Connection;
use super::deployments::end_orphans;
use super::lifecycle::mark_deleting;
use super::model::{Ending, RequiredGroup, Subject};
use super::unserved::delete_below;
use super::{Group, Operation, OperationKind, OperationState, ProvisioningState, Store, StoreError, rows};

impl Store {
    /// Sets whether groups must be created explicitly.
    #[must_use]
    pub(crate) fn with_strict_groups(self, strict_groups: bool) -> Store {
        Store { strict_groups, ..self }
    }

    /// Returns whether groups must be created explicitly.
    pub(crate) fn has_strict_groups(&self) -> bool {
        self.strict_groups
    }

    /// Ensures that there is a group for a resource to be stored.
    ///
    /// # Errors
    /// If the database fails, if the group is being deleted, or if it does not exist and must be created
    /// explicitly.
    pub(super) async fn ensure_group(
        &self,
        connection: &mut Connection,
        required: RequiredGroup<'_>,
        activity: &Activity,
    ) -> Result<(), StoreError> {
        let RequiredGroup { subscription, name, location } = required;
        match rows::groups::find(connection, subscription, name).await? {
            Some(group) if group.state == ProvisioningState::Deleting => {
                return Err(StoreError::GroupDeleting(group.name));
            }
            Some(_) => return Ok(()),
            None if self.strict_groups => return Err(StoreError::NoGroup(name.to_owned())),
            None => {}
        }
        let group = new_group(subscription, name, ResourceGroup::implied(location));
        rows::groups::upsert(connection, &group, Millis::now()).await?;
        record(
            connection,
            &Activity::on_implied_group(activity.author.clone(), group.resource_id()),
            None,
            None,
        )
        .await
    }

    /// Returns the subscriptions with at least one resource group.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<String>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::groups::subscriptions(&mut reader).await
    }

    /// Returns a group by name, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn group(&self, subscription: &str, name: &str) -> Result<Option<Group>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::groups::find(&mut reader, subscription, name).await
    }

    /// Returns the groups of a subscription, by name.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn groups(&self, subscription: &str) -> Result<Vec<Group>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::groups::list(&mut reader, subscription).await
    }

    /// Reads a group, calls `decide`, and stores the body it returns. Also returns whether the group is new.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; if the group is being deleted.
    pub(crate) async fn write_group<E: From<StoreError>>(
        &self,
        subscription: &str,
        name: &str,
        activity: &Activity,
        decide: impl FnOnce(Option<&Group>) -> Result<Map<String, Value>, E>,
    ) -> Result<(Group, bool), E> {
        let mut transaction = self.begin().await?;
        let stored = rows::groups::find(&mut transaction, subscription, name).await?;
        if stored.as_ref().is_some_and(|group| group.state == ProvisioningState::Deleting) {
            let deleting = StoreError::GroupDeleting(name.to_owned());
            return transaction.undo(Err(deleting.into())).await;
        }
        let body = match decide(stored.as_ref()) {
            Ok(body) => body,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let created = stored.is_none();
        let group = match stored {
            Some(stored) => Group { body, ..stored },
            None => new_group(subscription, name, body),
        };
        rows::groups::upsert(&mut transaction, &group, Millis::now()).await?;
        record(&mut transaction, activity, None, None).await?;
        transaction.commit().await?;
        Ok((group, created))
    }

    /// Deletes a group with everything in it: its row when the workers have dropped its last gateway,
    /// everything else at once. A repeated deletion joins the first one. Returns `None` if there is no such
    /// group.
    ///
    /// # Errors
    /// If the database fails, or if a gateway of another group refers to a resource in the group.
    pub(crate) async fn delete_group(
        &self,
        subscription: &str,
        name: &str,
        activity: &Activity,
    ) -> Result<Option<Operation>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(group) = rows::groups::find(&mut transaction, subscription, name).await? else {
            return transaction.undo(Ok(None)).await;
        };
        let users =
            rows::network_references::users_outside_group(&mut transaction, &group.subscription, &group.name)
                .await?;
        if !users.is_empty() {
            return transaction.undo(Err(StoreError::GroupInUse { group: group.name, users })).await;
        }
        rows::groups::mark_deleting(&mut transaction, group.id).await?;
        mark_gateways_deleting(&mut transaction, &group, activity).await?;
        delete_other_resources(&mut transaction, &group, activity).await?;
        let mut operation = begin_deletion(&mut transaction, &group).await?;
        record(&mut transaction, activity, None, None).await?;
        if finish_deletions(&mut transaction).await?.contains(&group.id) {
            operation.state = OperationState::Succeeded;
            operation.ended_at = Some(Millis::now());
        }
        transaction.commit().await?;
        self.settled();
        Ok(Some(operation))
    }
}

async fn mark_gateways_deleting(
    connection: &mut Connection,
    group: &Group,
    activity: &Activity,
) -> Result<(), StoreError> {
    for path in rows::gateways::paths_in_group(connection, &group.subscription, &group.name).await? {
        let Some(gateway) = rows::gateways::find_with_any_body(connection, &path).await? else {
            continue;
        };
        if gateway.state != ProvisioningState::Deleting {
            let generation = Some(gateway.generation);
            record_deletion(connection, activity, &ResourceKind::Gateway, path.to_string(), generation)
                .await?;
        }
        mark_deleting(connection, gateway).await?;
    }
    Ok(())
}

/// Deletes the resources of a group other than its gateways.
async fn delete_other_resources(
    connection: &mut Connection,
    group: &Group,
    activity: &Activity,
) -> Result<(), StoreError> {
    let (subscription, name) = (&group.subscription, &group.name);
    for (kind, id) in rows::network_resources::delete_in_group(connection, subscription, name).await? {
        record_deletion(connection, activity, &ResourceKind::Network(kind), id, None).await?;
    }
    for path in rows::deployments::delete_in_group(connection, subscription, name).await? {
        record_deletion(connection, activity, &ResourceKind::Deployment, path.to_string(), None).await?;
    }
    // Those nested in the deleted ones may be in other groups.
    end_orphans(connection).await?;
    delete_below(connection, &group.resource_id(), activity).await
}

/// Records the deletion of a resource together with its group, so that the audit log contains it.
async fn record_deletion(
    connection: &mut Connection,
    activity: &Activity,
    kind: &ResourceKind,
    resource: String,
    generation: Option<Generation>,
) -> Result<(), StoreError> {
    let activity = Activity::on_member_of_group(activity.author.clone(), kind, resource);
    record(connection, &activity, generation, generation).await
}

/// Deletes the groups in state `Deleting` without gateways and ends their operations. Returns their IDs.
pub(super) async fn finish_deletions(connection: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
    let emptied = rows::groups::delete_emptied(connection).await?;
    for id in &emptied {
        rows::operations::end_all(connection, *id, &Ending::success(Millis::now())).await?;
    }
    Ok(emptied)
}

/// Stores the operation of a deletion.
async fn begin_deletion(connection: &mut Connection, group: &Group) -> Result<Operation, StoreError> {
    let operation = Operation {
        id: Uuid::new_v4(),
        kind: OperationKind::Delete,
        state: OperationState::InProgress,
        problem: None,
        result: None,
        warnings: None,
        started_at: Millis::now(),
        ended_at: None,
    };
    let subject = Subject {
        id: group.id,
        resource_id: &group.resource_id(),
        subscription: &group.subscription,
        generation: Generation(0),
        target: None,
    };
    rows::operations::insert(connection, &operation, &subject).await?;
    Ok(operation)
}

fn new_group(subscription: &str, name: &str, body: Map<String, Value>) -> Group {
    Group {
        id: Uuid::new_v4(),
        subscription: subscription.to_owned(),
        name: name.to_owned(),
        body,
        state: ProvisioningState::Succeeded,
    }
}
