//! Nested members at URLs of their own, such as the path rules of a path map: one set of handlers for every
//! nested collection.
//!
//! A member has no row of its own: `If-Match` is compared with the etag of its child.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::arm::resource_id::MemberPath;
use crate::edit::{Edit, EditAction};
use crate::service::{ServiceError, not_found, view};
use crate::store::Gateway;

use super::AppState;
use super::error::ApiError;
use super::extract::{
    ApiVersionParam, BaseUrl, Conditions, JsonBody, MemberTarget, NestedTarget, RequestAuthor,
};
use super::operations::Links;
use super::warnings;

pub(super) async fn put(
    State(app): AppState,
    version: ApiVersionParam,
    MemberTarget { gateway, member }: MemberTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let body = app.service.prepare(body, &author).await;
    let action = EditAction::PutMember { path: member.clone(), body };
    let (written, warnings) =
        app.service.write(author, Edit { path: gateway, preconditions, action }).await?;
    let status = if written.grown_within { StatusCode::CREATED } else { StatusCode::OK };
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    let (body, etag) = show(&written.gateway, &member)?;
    let warnings = warnings::header(&warnings);
    Ok((status, links.for_put(), warnings, [(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    MemberTarget { gateway: path, member }: MemberTarget,
) -> Result<Response, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    let (body, etag) = show(&gateway, &member)?;
    Ok(([(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn delete(
    State(app): AppState,
    version: ApiVersionParam,
    MemberTarget { gateway: path, member }: MemberTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let action = EditAction::DeleteMember { path: member };
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
    NestedTarget { gateway: path, nested, child }: NestedTarget,
) -> Result<Json<Value>, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    let found = gateway.document.child(nested.within, &child);
    let found = found.and_then(|child| gateway.child_etag(child).map(|etag| (child, etag)));
    let (found, etag) = found.ok_or_else(|| not_found::child(&path, nested.within, &child))?;
    Ok(Json(json!({"value": view::members(&gateway, found, &nested, etag)})))
}

/// Renders a member. Also returns its etag.
fn show(gateway: &Gateway, path: &MemberPath) -> Result<(Value, String), ApiError> {
    let found = gateway.document.member(path);
    let found = found.and_then(|(child, member)| Some((child, member, gateway.child_etag(child)?)));
    let (child, member, etag) = found.ok_or_else(|| not_found::member(&gateway.document.path, path))?;
    Ok((view::member(gateway, child, &path.nested, member, etag), etag.0.clone()))
}
