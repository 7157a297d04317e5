//! Writes that leave a gateway's configuration unchanged: stop, start, tags and deletion.

use sqlx::SqliteConnection;

use crate::arm::document::Document;
use crate::etag::Etag;

use super::model::body_text;
use super::operations::{begin_operation, supersede_operations};
use super::{
    Gateway, OperationKind, OperationState, OperationalState, ProvisioningState, StoreError, Written,
};

/// Marks a gateway as stopping. It keeps its ports.
pub(super) async fn stop(
    connection: &mut SqliteConnection,
    mut gateway: Gateway,
    target: &str,
) -> Result<Written, StoreError> {
    if !gateway.operational.is_off() {
        supersede_operations(connection, gateway.id).await?;
        set_operational(connection, &mut gateway, OperationalState::Stopping).await?;
    }
    let state = if gateway.operational == OperationalState::Stopped {
        OperationState::Succeeded
    } else {
        // A repeated stop joins the first one.
        set_state(connection, &mut gateway, ProvisioningState::Updating).await?;
        OperationState::InProgress
    };
    unchanged(connection, gateway, target, state).await
}

/// Marks a stopped gateway as starting. Has no effect on others.
pub(super) async fn start(
    connection: &mut SqliteConnection,
    gateway: &mut Gateway,
) -> Result<(), StoreError> {
    if gateway.operational.is_off() {
        supersede_operations(connection, gateway.id).await?;
        set_operational(connection, gateway, OperationalState::Starting).await?;
        set_state(connection, gateway, ProvisioningState::Updating).await?;
    }
    Ok(())
}

/// Stores a document that differs only in properties that do not affect workers. The time of the last change,
/// which orders the workers' updates, stays the same.
pub(super) async fn replace_tags(
    connection: &mut SqliteConnection,
    mut gateway: Gateway,
    document: Document,
    target: &str,
) -> Result<Written, StoreError> {
    if gateway.document != document {
        gateway.document = document;
        gateway.etag = Etag::fresh();
        sqlx::query("UPDATE gateways SET body = ?, etag = ? WHERE id = ?")
            .bind(body_text(&gateway.document.body))
            .bind(&gateway.etag.0)
            .bind(gateway.id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    unchanged(connection, gateway, target, OperationState::Succeeded).await
}

/// Marks a gateway as deleting. It is removed once no worker runs it.
pub(super) async fn mark_deleting(
    connection: &mut SqliteConnection,
    mut gateway: Gateway,
) -> Result<Written, StoreError> {
    // A repeated deletion joins the first one.
    if gateway.state != ProvisioningState::Deleting {
        supersede_operations(connection, gateway.id).await?;
        set_state(connection, &mut gateway, ProvisioningState::Deleting).await?;
    }
    let state = OperationState::InProgress;
    let target = gateway.document.path.to_string();
    let kind = OperationKind::Delete;
    let operation = begin_operation(connection, &gateway, Some(&target), kind, state, None).await?;
    Ok(Written { gateway, created: false, grown: false, grown_within: false, operation })
}

async fn unchanged(
    connection: &mut SqliteConnection,
    gateway: Gateway,
    target: &str,
    state: OperationState,
) -> Result<Written, StoreError> {
    let kind = OperationKind::Write;
    let operation = begin_operation(connection, &gateway, Some(target), kind, state, None).await?;
    Ok(Written { gateway, created: false, grown: false, grown_within: false, operation })
}

async fn set_operational(
    connection: &mut SqliteConnection,
    gateway: &mut Gateway,
    operational: OperationalState,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE gateways SET operational_state = ? WHERE id = ?")
        .bind(operational.as_str())
        .bind(gateway.id.to_string())
        .execute(connection)
        .await?;
    gateway.operational = operational;
    Ok(())
}

/// Stores the progress of the workers.
pub(super) async fn set_state(
    connection: &mut SqliteConnection,
    gateway: &mut Gateway,
    state: ProvisioningState,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE gateways SET provisioning_state = ?, state_reason = NULL WHERE id = ?")
        .bind(state.as_str())
        .bind(gateway.id.to_string())
        .execute(connection)
        .await?;
    gateway.state = state;
    gateway.reason = None;
    Ok(())
}
