//! Writes that leave a gateway's configuration unchanged: stop, start, tags and deletion.

use crate::arm::document::Document;
use crate::etag::Etag;

use super::database::Connection;
use super::operations::{begin_operation, supersede_operations};
use super::{
    Gateway, OperationKind, OperationState, OperationalState, ProvisioningState, StoreError, Written, rows,
};

/// Marks a gateway as stopping. It keeps its ports.
pub(super) async fn stop(
    connection: &mut Connection,
    mut gateway: Gateway,
    target: &str,
) -> Result<Written, StoreError> {
    if !gateway.operational.is_off() {
        supersede_operations(connection, gateway.id).await?;
        gateway.operational = OperationalState::Stopping;
    }
    let state = if gateway.operational == OperationalState::Stopped {
        OperationState::Succeeded
    } else {
        // A repeated stop joins the first one.
        await_workers(connection, &mut gateway).await?;
        OperationState::InProgress
    };
    unchanged(connection, gateway, target, state).await
}

/// Marks a stopped gateway as starting. Has no effect on others.
pub(super) async fn start(connection: &mut Connection, gateway: &mut Gateway) -> Result<(), StoreError> {
    if gateway.operational.is_off() {
        supersede_operations(connection, gateway.id).await?;
        gateway.operational = OperationalState::Starting;
        await_workers(connection, gateway).await?;
    }
    Ok(())
}

/// Stores a document that differs only in properties that do not affect workers. The time of the last change,
/// which orders the workers' updates, stays the same.
pub(super) async fn replace_tags(
    connection: &mut Connection,
    mut gateway: Gateway,
    document: Document,
    target: &str,
) -> Result<Written, StoreError> {
    if gateway.document != document {
        gateway.document = document;
        gateway.etag = Etag::fresh();
        rows::gateways::update_body(connection, &gateway).await?;
    }
    unchanged(connection, gateway, target, OperationState::Succeeded).await
}

/// Marks a gateway as deleting. It is removed once no worker runs it.
pub(super) async fn mark_deleting(
    connection: &mut Connection,
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
    let operation = begin_operation(connection, &gateway, Some(&target), kind, state, (None, None)).await?;
    Ok(Written { gateway, created: false, grown: false, grown_within: false, operation })
}

async fn unchanged(
    connection: &mut Connection,
    gateway: Gateway,
    target: &str,
    state: OperationState,
) -> Result<Written, StoreError> {
    let kind = OperationKind::Write;
    let operation = begin_operation(connection, &gateway, Some(target), kind, state, (None, None)).await?;
    Ok(Written { gateway, created: false, grown: false, grown_within: false, operation })
}

/// Stores the operational state of a gateway, and that the workers have to reach it.
pub(super) async fn await_workers(
    connection: &mut Connection,
    gateway: &mut Gateway,
) -> Result<(), StoreError> {
    set_state(connection, gateway, ProvisioningState::Updating).await
}

async fn set_state(
    connection: &mut Connection,
    gateway: &mut Gateway,
    state: ProvisioningState,
) -> Result<(), StoreError> {
    gateway.state = state;
    gateway.reason = None;
    rows::gateways::update_states(connection, gateway.id, state, None, gateway.operational).await
}
