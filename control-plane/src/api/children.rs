//! Children at URLs of their own: one set of handlers for every collection.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::arm::collection::Collection;
use crate::edit::{Edit, EditAction};
use crate::service::{ServiceError, not_found, view};
use crate::store::Gateway;

use super::AppState;
use super::error::ApiError;
use super::extract::{
    ApiVersionParam, BaseUrl, ChildTarget, CollectionTarget, Conditions, JsonBody, RequestAuthor,
};
use super::operations::Links;
use super::warnings;

pub(super) async fn put(
    State(app): AppState,
    version: ApiVersionParam,
    ChildTarget { gateway: path, collection, name }: ChildTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let body = app.service.prepare(body, &author).await;
    let action = EditAction::PutChild { collection, name: name.clone(), body, version: version.date };
    let (written, warnings) = app.service.write(author, Edit { path, preconditions, action }).await?;
    let status = if written.grown { StatusCode::CREATED } else { StatusCode::OK };
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    let (body, etag) = show(&written.gateway, collection, &name)?;
    let warnings = warnings::header(&warnings);
    Ok((status, links.for_put(), warnings, [(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    ChildTarget { gateway: path, collection, name }: ChildTarget,
) -> Result<Response, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    let (body, etag) = show(&gateway, collection, &name)?;
    Ok(([(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn delete(
    State(app): AppState,
    version: ApiVersionParam,
    ChildTarget { gateway: path, collection, name }: ChildTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let action = EditAction::DeleteChild { collection, name };
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
    State(app): AppState,
    _: ApiVersionParam,
    CollectionTarget { gateway: path, collection }: CollectionTarget,
) -> Result<Json<Value>, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    Ok(Json(json!({"value": view::collection(&gateway, collection)})))
}

/// Renders a child. Also returns its etag.
fn show(gateway: &Gateway, collection: &'static Collection, name: &str) -> Result<(Value, String), ApiError> {
    let path = &gateway.document.path;
    let found = gateway
        .document
        .child(collection, name)
        .and_then(|child| gateway.child_etag(child).map(|etag| (child, etag)));
    let (child, etag) = found.ok_or_else(|| not_found::child(path, collection, name))?;
    Ok((view::child(gateway, child, etag), etag.0.clone()))
}
