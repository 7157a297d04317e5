//! Resource groups in templates: dry run and write.

use serde_json::Value;
use uuid::Uuid;

use crate::audit::Author;
use crate::resource_groups::{GroupEdit, GroupError};
use crate::store::{Group, ProvisioningState, group_id};
use crate::violation::Warnings;

use super::super::{Service, ServiceError, view};
use super::stage::{Stage, Unwritten};

/// A resource group to write.
pub(super) struct GroupWrite {
    pub(super) subscription: String,
    pub(super) name: String,
    pub(super) body: Value,
}

/// Returns the group as it would be shown after the write, and stores it in the stage for later resources.
///
/// # Errors
/// The error with which the write would fail.
pub(super) async fn dry_run(
    write: &GroupWrite,
    service: &Service,
    stage: &mut Stage,
) -> Result<Value, ServiceError> {
    let GroupWrite { subscription, name, body } = write;
    let stored = service.store.group(subscription, name).await?;
    let decided = GroupEdit::Put(body.clone()).decide(service.rules.unknown_properties, stored.as_ref());
    let (body, warnings) = decided.map_err(|error: GroupError| ServiceError::from_group(error, name))?;
    stage.warnings.append(warnings);
    let group = match stored {
        Some(stored) => Group { body, ..stored },
        None => Group {
            id: Uuid::nil(),
            subscription: subscription.clone(),
            name: name.clone(),
            body,
            state: ProvisioningState::Succeeded,
        },
    };
    let shown = view::group::group(&group);
    stage.groups.insert(group_id(subscription, name).to_ascii_lowercase(), group);
    Ok(shown)
}

/// Writes the group, which completes at once. Returns the warnings for the author.
///
/// # Errors
/// If the write is rejected.
pub(super) async fn apply(
    write: GroupWrite,
    service: &Service,
    author: Author,
) -> Result<Warnings, Unwritten> {
    let GroupWrite { subscription, name, body } = write;
    let (_, _, warnings) = service.write_group(author, &subscription, &name, GroupEdit::Put(body)).await?;
    Ok(warnings)
}
