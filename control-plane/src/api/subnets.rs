//! Subnets at URLs of their own: put, get, list, delete. They are part of their network and share its etag.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::networking::{NetworkAction, NetworkEdit, has_new_subnet};
use crate::service::not_found;
use crate::service::view::network::{subnet, subnets};

use super::AppState;
use super::error::ApiError;
use super::extract::network::{NetworkTarget, SubnetTarget};
use super::extract::{ApiVersionParam, BaseUrl, Conditions, JsonBody, RequestAuthor};
use super::networks::{answer_delete, complete};
use super::warnings;

pub(super) async fn put(
    State(app): AppState,
    version: ApiVersionParam,
    SubnetTarget { network, name }: SubnetTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = NetworkAction::PutSubnet(name.clone(), body);
    let edit = NetworkEdit { path: network.clone(), preconditions, action };
    let (written, warnings) = app.service.write_network(author, edit).await?;
    let shown =
        subnet(&written.resource, &name, &written.users).ok_or_else(|| not_found::subnet(&network, &name))?;
    let status = if has_new_subnet(&written) { StatusCode::CREATED } else { StatusCode::OK };
    let (operation, warnings) = (complete(&base, &version, &written), warnings::header(&warnings));
    Ok((status, operation, warnings, [(ETAG, written.resource.etag.0)], Json(shown)).into_response())
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    SubnetTarget { network, name }: SubnetTarget,
) -> Result<Response, ApiError> {
    let (resource, shown) = app.service.subnet(&network, &name).await?;
    Ok(([(ETAG, resource.etag.0)], Json(shown)).into_response())
}

pub(super) async fn delete(
    State(app): AppState,
    version: ApiVersionParam,
    SubnetTarget { network, name }: SubnetTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let action = NetworkAction::DeleteSubnet(name);
    let edit = NetworkEdit { path: network, preconditions, action };
    answer_delete(&base, &version, app.service.write_network(author, edit).await)
}

pub(super) async fn list(
    State(app): AppState,
    _: ApiVersionParam,
    NetworkTarget(network): NetworkTarget,
) -> Result<Json<Value>, ApiError> {
    let (resource, users) = app.service.network(&network).await?;
    Ok(Json(json!({"value": subnets(&resource, &users)})))
}
