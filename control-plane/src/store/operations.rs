//! Long-running operations: begun with the write they belong to, ended by the rollout, and kept for at least
//! a day.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use crate::audit::Activity;
use crate::clock::Millis;
use crate::violation::code_list::codes;

use super::audit::record;
use super::database::Connection;
use super::model::{Ending, Subject};
use super::retention::{
    HEALTH_OPERATIONS_KEPT, HEALTH_RESULTS_SIZE, NEWEST_OPERATIONS_KEPT, OPERATIONS_KEPT, deleted_before,
};
use super::{Gateway, Operation, OperationKind, OperationState, Problem, Store, StoreError, rows};

codes! { OPERATION_CODES;
    /// A newer write undid the write of this operation before it was applied. Only used as the code of an
    /// operation.
    const SUPERSEDED: &str = "CanceledAndSupersededDueToAnotherOperation";
}

impl Store {
    /// Returns an operation of that subscription.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn operation(
        &self,
        subscription: &str,
        id: Uuid,
    ) -> Result<Option<Operation>, StoreError> {
        rows::operations::find(&mut *self.database.reader().await?, subscription, id).await
    }

    /// Returns the number of operations in each state.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn operation_counts(&self) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let counts = rows::operations::count_by_state(&mut *self.database.reader().await?).await?;
        Ok(counts.into_iter().map(|(state, count)| (state.as_str(), count)).collect())
    }

    /// Returns the resource ID of an operation, even if the resource no longer exists; `None` if there is no
    /// such operation.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn resource_of_operation(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        rows::operations::find_resource_id(&mut *self.database.reader().await?, id).await
    }

    /// Stores an operation that has ended with a result already.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn ended_operation(
        &self,
        gateway: &Gateway,
        kind: OperationKind,
        result: &Value,
    ) -> Result<Operation, StoreError> {
        self.begin_health(gateway, kind, OperationState::Succeeded, Some(result)).await
    }

    /// Stores the operation of an on-demand probe.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_on_demand(&self, gateway: &Gateway) -> Result<Operation, StoreError> {
        self.begin_health(gateway, OperationKind::OnDemandHealth, OperationState::InProgress, None).await
    }

    async fn begin_health(
        &self,
        gateway: &Gateway,
        kind: OperationKind,
        state: OperationState,
        result: Option<&Value>,
    ) -> Result<Operation, StoreError> {
        let mut transaction = self.begin().await?;
        prune_health_operations(&mut transaction).await?;
        let operation = begin_operation(&mut transaction, gateway, None, kind, state, (result, None)).await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// Stores the outcome of an on-demand probe.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_on_demand(
        &self,
        id: Uuid,
        outcome: Result<&Value, &Problem>,
    ) -> Result<(), StoreError> {
        let now = Millis::now();
        let ending = match outcome {
            Ok(result) => Ending { result: Some(result), ..Ending::success(now) },
            Err(problem) => Ending::failure(problem, now),
        };
        let mut transaction = self.begin().await?;
        rows::operations::end(&mut transaction, id, &ending).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Ends all on-demand probes in progress as failed.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_all_on_demand(&self, problem: &Problem) -> Result<(), StoreError> {
        self.end_all_of_kind(OperationKind::OnDemandHealth, problem).await
    }

    /// Ends as failed all operations in progress that close tunnels.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_all_closings(&self, problem: &Problem) -> Result<(), StoreError> {
        self.end_all_of_kind(OperationKind::CloseTunnels, problem).await
    }

    async fn end_all_of_kind(&self, kind: OperationKind, problem: &Problem) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let ending = Ending::failure(problem, Millis::now());
        rows::operations::end_all_of_kind(&mut transaction, kind, &ending).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Stores the operation of an activity that closes tunnels of a gateway, and records the activity.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_closing(
        &self,
        gateway: &Gateway,
        activity: &Activity,
    ) -> Result<Operation, StoreError> {
        let mut transaction = self.begin().await?;
        let (kind, state) = (OperationKind::CloseTunnels, OperationState::InProgress);
        let operation = begin_operation(&mut transaction, gateway, None, kind, state, (None, None)).await?;
        record(&mut transaction, activity, None, None).await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// Stores the end of an operation that closes tunnels. It was canceled if there is a problem.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_closing(
        &self,
        id: Uuid,
        result: &Value,
        canceled: Option<&Problem>,
    ) -> Result<(), StoreError> {
        let state = if canceled.is_some() { OperationState::Canceled } else { OperationState::Succeeded };
        let ending = Ending { state, problem: canceled, result: Some(result), at: Millis::now() };
        let mut transaction = self.begin().await?;
        rows::operations::end(&mut transaction, id, &ending).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }
}

/// Deletes expired operations: at most those of one day, and none of the newest [`NEWEST_OPERATIONS_KEPT`].
pub(super) async fn prune(connection: &mut Connection, now: Millis) -> Result<(), StoreError> {
    let (newest, oldest) = rows::operations::newest_and_oldest(connection).await?;
    let Some(before) = deleted_before(now.0, OPERATIONS_KEPT, newest, oldest) else { return Ok(()) };
    rows::operations::delete_ended_before(connection, Millis(before), NEWEST_OPERATIONS_KEPT).await
}

/// Deletes the oldest health operations beyond their number and size.
async fn prune_health_operations(connection: &mut Connection) -> Result<(), StoreError> {
    rows::operations::delete_oldest_of_health(connection, HEALTH_OPERATIONS_KEPT, HEALTH_RESULTS_SIZE).await
}

/// Stores an operation. `target` is the resource ID of the written resource, if the operation belongs to a
/// write.
pub(super) async fn begin_operation(
    connection: &mut Connection,
    gateway: &Gateway,
    target: Option<&str>,
    kind: OperationKind,
    state: OperationState,
    (result, warnings): (Option<&Value>, Option<Value>),
) -> Result<Operation, StoreError> {
    let now = Millis::now();
    let operation = Operation {
        id: Uuid::new_v4(),
        kind,
        state,
        problem: None,
        result: result.cloned(),
        warnings,
        started_at: now,
        ended_at: (state != OperationState::InProgress).then_some(now),
    };
    let path = &gateway.document.path;
    let subject = Subject {
        id: gateway.id.0,
        resource_id: &path.to_string(),
        subscription: &path.subscription,
        generation: gateway.generation,
        target,
    };
    prune(connection, now).await?;
    rows::operations::insert(connection, &operation, &subject).await?;
    Ok(operation)
}

/// Cancels all operations in progress of a gateway: a stop, a start or a deletion of it undoes them.
pub(super) async fn supersede_operations(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<(), StoreError> {
    rows::operations::end_all(connection, gateway.0, &canceled(&superseded())).await
}

/// Cancels one operation, whose write was undone by a newer one before it was applied.
pub(super) async fn cancel_operation(connection: &mut Connection, id: Uuid) -> Result<(), StoreError> {
    rows::operations::end(connection, id, &canceled(&superseded())).await
}

fn canceled(problem: &Problem) -> Ending<'_> {
    Ending { state: OperationState::Canceled, ..Ending::failure(problem, Millis::now()) }
}

fn superseded() -> Problem {
    Problem {
        code: SUPERSEDED.to_owned(),
        message: "A newer write to the same gateway undid this one before it was applied.".to_owned(),
    }
}
