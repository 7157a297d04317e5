//! The extension documents of gateways: one set of handlers for every type of [`crate::arm::extension`].

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::arm::extension::ExtensionType;
use crate::edit::{Edit, EditAction};
use crate::service::{ServiceError, not_found, view};
use crate::store::Gateway;

use super::AppState;
use super::error::ApiError;
use super::extract::{
    BaseUrl, Conditions, ExtensionTarget, ExtensionVersion, JsonBody, RequestAuthor, Target,
};
use super::operations::Links;
use super::warnings;

pub(super) async fn put(
    kind: &'static ExtensionType,
    State(app): AppState,
    ExtensionTarget { gateway: path, name, version }: ExtensionTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = EditAction::PutExtension { kind, name: name.clone(), body };
    let (written, warnings) = app.service.write(author, Edit { path, preconditions, action }).await?;
    let status = if written.grown { StatusCode::CREATED } else { StatusCode::OK };
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    let (body, etag) = show(&written.gateway, kind, &name)?;
    let warnings = warnings::header(&warnings);
    Ok((status, links.for_put(), warnings, [(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn get(
    kind: &'static ExtensionType,
    State(app): AppState,
    ExtensionTarget { gateway: path, name, .. }: ExtensionTarget,
) -> Result<Response, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    let (body, etag) = show(&gateway, kind, &name)?;
    Ok(([(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn delete(
    kind: &'static ExtensionType,
    State(app): AppState,
    ExtensionTarget { gateway: path, name, version }: ExtensionTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let action = EditAction::DeleteExtension { kind, name };
    match app.service.write(author, Edit { path, preconditions, action }).await {
        Ok((written, _)) => {
            let links = Links::new(&base, &version, &written.gateway, &written.operation);
            Ok((StatusCode::ACCEPTED, links.for_the_rest()).into_response())
        }
        Err(ServiceError::NotFound { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn list(
    kind: &'static ExtensionType,
    State(app): AppState,
    _: ExtensionVersion,
    Target(path): Target,
) -> Result<Json<Value>, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    let of_kind = gateway.extensions().filter(|(extension, _)| extension.kind == kind);
    let shown: Vec<Value> =
        of_kind.map(|(extension, etag)| view::extension(&gateway, extension, etag)).collect();
    Ok(Json(json!({"value": shown})))
}

/// Renders an extension document. Also returns its etag.
fn show(gateway: &Gateway, kind: &ExtensionType, name: &str) -> Result<(Value, String), ApiError> {
    let path = &gateway.document.path;
    let (extension, etag) =
        gateway.extension(kind, name).ok_or_else(|| not_found::extension(path, kind, name))?;
    Ok((view::extension(gateway, extension, etag), etag.0.clone()))
}
