//! Gateways: put, get, delete, list.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::arm::resource_id::GatewayPath;
use crate::edit::{Edit, EditAction, EditError};

use super::error::ApiError;
use super::extract::{Base, By, Conditions, GroupScope, JsonBody, SubscriptionScope, Target, Version};
use super::operations::Links;
use super::{Shared, view};

pub(super) async fn put(
    State(app): Shared,
    version: Version,
    Target(path): Target,
    Conditions(preconditions): Conditions,
    By(author): By,
    base: Base,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let body = app.opener.open(body).await;
    let action = EditAction::Put { body, version: version.date };
    let written = app
        .write(author, Edit { path: path.clone(), preconditions, action })
        .await
        .map_err(|e| ApiError::from_edit(e, not_found(&path)))?;
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    let etag = [(ETAG, written.gateway.etag.0.clone())];
    Ok((status, links.for_put(), etag, Json(view::gateway(&written.gateway))).into_response())
}

pub(super) async fn get(State(app): Shared, _: Version, Target(path): Target) -> Result<Response, ApiError> {
    let gateway = app.store.gateway(&path).await?.ok_or_else(|| not_found(&path))?;
    Ok(([(ETAG, gateway.etag.0.clone())], Json(view::gateway(&gateway))).into_response())
}

pub(super) async fn delete(
    State(app): Shared,
    version: Version,
    Target(path): Target,
    Conditions(preconditions): Conditions,
    By(author): By,
    base: Base,
) -> Result<Response, ApiError> {
    let edit = Edit { path: path.clone(), preconditions, action: EditAction::Delete };
    match app.write(author, edit).await {
        Ok(written) => {
            let links = Links::new(&base, &version, &written.gateway, &written.operation);
            Ok((StatusCode::ACCEPTED, links.for_the_rest()).into_response())
        }
        Err(EditError::NoGateway) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(ApiError::from_edit(error, not_found(&path))),
    }
}

pub(super) async fn list_in_group(
    State(app): Shared,
    _: Version,
    GroupScope { subscription, group }: GroupScope,
) -> Result<Json<Value>, ApiError> {
    let gateways = app.store.gateways(&subscription, Some(&group)).await?;
    Ok(Json(json!({"value": gateways.iter().map(view::gateway).collect::<Vec<_>>()})))
}

pub(super) async fn list_in_subscription(
    State(app): Shared,
    _: Version,
    SubscriptionScope(subscription): SubscriptionScope,
) -> Result<Json<Value>, ApiError> {
    let gateways = app.store.gateways(&subscription, None).await?;
    Ok(Json(json!({"value": gateways.iter().map(view::gateway).collect::<Vec<_>>()})))
}

/// The answer where a gateway is named that is not there.
pub(super) fn not_found(path: &GatewayPath) -> ApiError {
    ApiError::NotFound {
        kind: view::GATEWAY_TYPE.to_owned(),
        name: path.name.clone(),
        group: path.group.clone(),
    }
}
