//! The rollout's view of the store: wanted generations, and their outcomes.

use tidegate_shared::id::{GatewayId, Generation};

use crate::arm::resource_kind::ResourceKind;
use crate::audit::{Activity, Author};
use crate::clock::Millis;

use super::database::Connection;
use super::groups::finish_deletions;
use super::model::{Ending, Progress};
use super::unserved::delete_below;
use super::{
    DesiredState, OperationalState, Problem, ProvisioningState, Settlement, Store, StoreError, rows,
};

impl Store {
    /// Returns every gateway, the longest unchanged first, so that a port that one gateway released and
    /// another one took is released by the workers before it is taken.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn desired_states(&self) -> Result<Vec<DesiredState>, StoreError> {
        rows::gateways::desired_states(&mut *self.database.reader().await?).await
    }

    /// Returns the resource IDs of the failed gateways, with the reasons.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn failures(&self) -> Result<Vec<(String, String)>, StoreError> {
        rows::gateways::failures(&mut *self.database.reader().await?).await
    }

    /// Stores the outcome of a wanted generation. Has no effect and returns false if a newer write has
    /// changed the wanted generation, if the gateway was stopped or started since, or if it is being deleted:
    /// an older rollout must not finish a newer one. A rejection has no effect either if an operation has
    /// begun since `wanted` was read, because workers are asked again for that one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn settle(
        &self,
        wanted: &DesiredState,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let settled = settle(&mut transaction, wanted, settlement).await;
        if let Ok(false) = settled {
            return transaction.undo(settled).await;
        }
        transaction.end(settled).await?;
        self.settled();
        Ok(true)
    }

    /// Ends as succeeded the operations of a running gateway whose writes are part of this generation, which
    /// every worker runs, although a newer one is wanted by now. Writes undone by a newer one have been
    /// canceled by it already.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn settle_up_to(
        &self,
        gateway: GatewayId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let progress = rows::gateways::progress(&mut transaction, gateway).await?;
        if progress.is_some_and(|progress| progress.is_to_run()) {
            rows::operations::end_writes_up_to(&mut transaction, gateway, generation, Millis::now()).await?;
        }
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Ends the overdue operations of a deletion, those that began no later than `began_by`. The deletion
    /// goes on.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn abandon_deletion(
        &self,
        gateway: GatewayId,
        began_by: Millis,
        problem: &Problem,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let ending = Ending::failure(problem, Millis::now());
        rows::operations::end_begun_by(&mut transaction, gateway, began_by, &ending).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Removes a gateway in state `Deleting` with its children and claims, and its group if that is being
    /// deleted and is empty, and ends their operations. Returns false for a gateway in another state.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn remove(&self, gateway: GatewayId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let found = rows::gateways::find_by_id(&mut transaction, gateway).await;
        if !rows::gateways::delete_deleting(&mut transaction, gateway).await? {
            return transaction.undo(Ok(false)).await;
        }
        // What was written below it during the deletion goes too.
        if let Ok(Some(found)) = found {
            let id = found.document.path.to_string();
            let author = Author::itself();
            let activity = Activity::on_member_of_group(author, &ResourceKind::Gateway, id.clone());
            delete_below(&mut transaction, &id, &activity).await?;
        }
        rows::operations::end_all(&mut transaction, gateway.0, &Ending::success(Millis::now())).await?;
        finish_deletions(&mut transaction).await?;
        transaction.commit().await?;
        self.settled();
        Ok(true)
    }
}

/// Stores the outcome of a wanted generation, if it is still wanted. Returns whether it is.
async fn settle(
    connection: &mut Connection,
    wanted: &DesiredState,
    settlement: &Settlement,
) -> Result<bool, StoreError> {
    let gateway = wanted.gateway;
    let progress = rows::gateways::progress(connection, gateway).await?;
    if progress.is_none_or(|progress| !is_still_wanted(wanted, progress)) {
        return Ok(false);
    }
    if let Settlement::Failed(_) = settlement
        && rows::operations::find_newest_in_progress(connection, gateway).await? > wanted.newest_operation
    {
        return Ok(false);
    }
    let are_others_left = end_operations(connection, gateway, settlement).await?;
    let (state, reason) = match settlement {
        Settlement::Applied | Settlement::Stopped => (ProvisioningState::Succeeded, None),
        Settlement::Late(..) if are_others_left => (ProvisioningState::Updating, None),
        Settlement::Failed(p) | Settlement::Late(_, p) => {
            (ProvisioningState::Failed, Some(p.message.as_str()))
        }
        Settlement::Abandoned(..) => (ProvisioningState::Updating, None),
    };
    let operational = match settlement {
        Settlement::Applied => OperationalState::Running,
        Settlement::Stopped => OperationalState::Stopped,
        Settlement::Failed(_) | Settlement::Late(..) | Settlement::Abandoned(..) => wanted.operational,
    };
    rows::gateways::update_states(connection, gateway, state, reason, operational).await?;
    Ok(true)
}

fn is_still_wanted(wanted: &DesiredState, progress: Progress) -> bool {
    progress.generation == wanted.generation
        && progress.state != ProvisioningState::Deleting
        && progress.operational.is_off() == wanted.operational.is_off()
}

/// Ends the operations that a settlement concerns. Returns whether others are still in progress.
async fn end_operations(
    connection: &mut Connection,
    gateway: GatewayId,
    settlement: &Settlement,
) -> Result<bool, StoreError> {
    let now = Millis::now();
    match settlement {
        Settlement::Applied | Settlement::Stopped => {
            rows::operations::end_all(connection, gateway.0, &Ending::success(now)).await?;
            Ok(false)
        }
        Settlement::Failed(problem) => {
            rows::operations::end_all(connection, gateway.0, &Ending::failure(problem, now)).await?;
            Ok(false)
        }
        Settlement::Late(began_by, problem) | Settlement::Abandoned(began_by, problem) => {
            let ending = Ending::failure(problem, now);
            rows::operations::end_begun_by(connection, gateway, *began_by, &ending).await?;
            Ok(rows::operations::find_newest_in_progress(connection, gateway).await?.is_some())
        }
    }
}
