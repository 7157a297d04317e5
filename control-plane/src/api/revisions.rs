//! The history of a gateway: its revisions, the differences between two, and going back to one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tidegate_shared::id::Generation;

use crate::arm::extension::NAMESPACE;
use crate::service::{RevisionDiff, ShownRevision};

use super::AppState;
use super::error::ApiError;
use super::extract::{BaseUrl, Conditions, ExtensionVersion, RequestAuthor, RevisionTarget, Target};
use super::operations::Links;
use super::paging::{Paging, Parameters};
use super::warnings;

pub(super) async fn list(
    State(app): AppState,
    ExtensionVersion(version): ExtensionVersion,
    Target(path): Target,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let bad = |_| ApiError::BadRequest("$skipToken belongs to another list.".to_owned());
    let before = paging.key::<1>()?.map(|[generation]| generation.parse().map(Generation).map_err(bad));
    let (revisions, last) = app.service.revisions(&path, before.transpose()?, paging.rows).await?;
    let rows = revisions.into_iter().map(|ShownRevision(shown)| shown).collect();
    let url = format!("{path}/providers/{NAMESPACE}/revisions");
    let last = last.map(|generation| generation.to_string());
    let key = last.as_deref().map(|last| [last]);
    Ok(Json(paging.answer((&base, &version), &url, rows, key.as_ref().map(<[&str; 1]>::as_slice))))
}

pub(super) async fn get(
    State(app): AppState,
    _: ExtensionVersion,
    RevisionTarget { gateway: path, name }: RevisionTarget,
) -> Result<Json<Value>, ApiError> {
    let ShownRevision(shown) = app.service.revision(&path, &name).await?;
    Ok(Json(shown))
}

pub(super) async fn diff(
    State(app): AppState,
    _: ExtensionVersion,
    RevisionTarget { gateway: path, name }: RevisionTarget,
    parameters: Parameters,
) -> Result<Json<Value>, ApiError> {
    let to = parameters.get("to").filter(|to| !to.is_empty()).ok_or_else(|| {
        let message = "The parameter 'to' is missing. It must be the number of the revision to compare with.";
        ApiError::BadRequest(message.to_owned())
    })?;
    let RevisionDiff { from, to, patch, changed_secrets } =
        app.service.diff_revisions(&path, (&name, to)).await?;
    Ok(Json(json!({"from": from.0, "to": to.0, "patch": patch, "changedSecrets": changed_secrets})))
}

pub(super) async fn restore(
    State(app): AppState,
    ExtensionVersion(version): ExtensionVersion,
    RevisionTarget { gateway: path, name }: RevisionTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let (written, warnings) = app.service.restore_revision(author, path, preconditions, &name).await?;
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    Ok((StatusCode::ACCEPTED, links.for_the_rest(), warnings::header(&warnings)).into_response())
}
