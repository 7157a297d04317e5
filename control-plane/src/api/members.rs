//! Members of children under URLs of their own, such as the path rules of a path map: one set of handlers for every
//! collection of them.
//!
//! A member has no row of its own: its version, which `If-Match` is compared with, is that of the child that it is in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::arm::collection::Nested;
use crate::arm::resource_id::{GatewayPath, MemberPath};
use crate::edit::{Edit, EditAction, EditError};
use crate::store::Gateway;

use super::children::child_not_found;
use super::error::ApiError;
use super::extract::{
    ApiVersionParam, BaseUrl, Conditions, JsonBody, MemberTarget, NestedTarget, RequestAuthor,
};
use super::gateways::not_found;
use super::operations::Links;
use super::{Shared, view};

pub(super) async fn put(
    State(app): Shared,
    version: ApiVersionParam,
    MemberTarget { gateway, member }: MemberTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let body = app.body_preparer.prepare(body, &author.name).await;
    let action = EditAction::PutMember { path: member.clone(), body };
    let written = app.write(author, Edit { path: gateway.clone(), preconditions, action }).await;
    let written = written.map_err(|error| {
        let missing = match error {
            EditError::NoChild => no_child(&gateway, &member.nested, &member.child),
            _ => not_found(&gateway),
        };
        ApiError::from_edit(error, missing)
    })?;
    let status = if written.grown_within { StatusCode::CREATED } else { StatusCode::OK };
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    let (body, etag) = show(&written.gateway, &member)?;
    Ok((status, links.for_put(), [(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn get(
    State(app): Shared,
    _: ApiVersionParam,
    MemberTarget { gateway: path, member }: MemberTarget,
) -> Result<Response, ApiError> {
    let gateway = app.store.gateway(&path).await?.ok_or_else(|| not_found(&path))?;
    let (body, etag) = show(&gateway, &member)?;
    Ok(([(ETAG, etag)], Json(body)).into_response())
}

pub(super) async fn delete(
    State(app): Shared,
    version: ApiVersionParam,
    MemberTarget { gateway: path, member }: MemberTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let action = EditAction::DeleteMember { path: member.clone() };
    match app.write(author, Edit { path: path.clone(), preconditions, action }).await {
        Ok(written) => {
            let links = Links::new(&base, &version, &written.gateway, &written.operation);
            Ok((StatusCode::ACCEPTED, links.for_the_rest()).into_response())
        }
        Err(EditError::NoChild | EditError::NoGateway) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(ApiError::from_edit(error, member_not_found(&path, &member))),
    }
}

pub(super) async fn list(
    State(app): Shared,
    _: ApiVersionParam,
    NestedTarget { gateway: path, nested, child }: NestedTarget,
) -> Result<Json<Value>, ApiError> {
    let gateway = app.store.gateway(&path).await?.ok_or_else(|| not_found(&path))?;
    let found = gateway.document.child(nested.within, &child);
    let found = found.and_then(|child| gateway.child_etag(child).map(|etag| (child, etag)));
    let (found, etag) = found.ok_or_else(|| no_child(&path, &nested, &child))?;
    Ok(Json(json!({"value": view::members(&gateway, found, &nested, etag)})))
}

/// A member as it is shown, with its version.
fn show(gateway: &Gateway, path: &MemberPath) -> Result<(Value, String), ApiError> {
    let found = gateway.document.member(path);
    let found = found.and_then(|(child, member)| Some((child, member, gateway.child_etag(child)?)));
    let (child, member, etag) = found.ok_or_else(|| member_not_found(&gateway.document.path, path))?;
    Ok((view::member(gateway, child, &path.nested, member, etag), etag.0.clone()))
}

fn no_child(path: &GatewayPath, nested: &Nested, child: &str) -> ApiError {
    child_not_found(path, nested.within, child)
}

fn member_not_found(path: &GatewayPath, member: &MemberPath) -> ApiError {
    ApiError::NotFound {
        kind: member.nested.resource_type(),
        name: format!("{}/{}/{}", path.name, member.child, member.name),
        group: path.group.clone(),
    }
}
