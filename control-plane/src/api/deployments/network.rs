//! A virtual network, a subnet or a public IP address, as a template has it: rehearsed or written.

use serde_json::Value;
use uuid::Uuid;

use crate::audit::Author;
use crate::etag::Etag;
use crate::networking::{NetworkAction, NetworkEdit, NetworkError};
use crate::store::{NetworkDecision, NetworkResource};

use super::super::App;
use super::super::error::ApiError;
use super::super::networks::{no_subnet, not_found, subnet};
use super::write::{Stage, Unwritten};

/// What the resource would be, shown, had the write been made; the stage remembers it for those that come after.
///
/// # Errors
/// What the write would be refused for.
pub(super) async fn dry_run(edit: &NetworkEdit, app: &App, stage: &mut Stage) -> Result<Value, ApiError> {
    let key = edit.path.key();
    let found = app.store.network_resource(&edit.path).await?;
    let (stored, users) = found.map_or((None, Vec::new()), |(stored, users)| (Some(stored), users));
    let stored = stage.networks.remove(&key).or(stored);
    let decision = edit.decide(stored.as_ref(), &users).map_err(|error| refusal(error, edit))?;
    let resource = match (decision, stored) {
        (NetworkDecision::Replace { body, .. }, Some(stored)) => NetworkResource { body, ..stored },
        (NetworkDecision::Replace { body, .. }, None) => {
            NetworkResource { id: Uuid::nil(), path: edit.path.clone(), body, etag: Etag(String::new()) }
        }
        (_, Some(stored)) => stored,
        (_, None) => return Err(not_found(&edit.path)),
    };
    let shown = match &edit.action {
        NetworkAction::PutSubnet(name, _) => subnet(&resource, name, &users).unwrap_or_default(),
        _ => app.show_network(&resource, &users).await?,
    };
    stage.networks.insert(key, resource);
    Ok(shown)
}

/// Makes the write, which is done then.
///
/// # Errors
/// That it was refused.
pub(super) async fn apply(edit: NetworkEdit, app: &App, author: Author) -> Result<(), Unwritten> {
    let missing = missing(&edit);
    let written = app.write_network(author, edit).await;
    written.map(drop).map_err(|error| ApiError::from_network(error, missing).into())
}

fn refusal(error: NetworkError, edit: &NetworkEdit) -> ApiError {
    ApiError::from_network(error, missing(edit))
}

fn missing(edit: &NetworkEdit) -> ApiError {
    match &edit.action {
        NetworkAction::PutSubnet(name, _) => no_subnet(&edit.path, name),
        _ => not_found(&edit.path),
    }
}
