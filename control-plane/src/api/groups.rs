//! Resource groups: put, patch, get, head, list, delete, export.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::resource_groups::GroupEdit;
use crate::service::view::group as group_view;
use crate::store::OperationState;

use super::AppState;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, GroupScope, JsonBody, RequestAuthor, SubscriptionScope};
use super::filter::Filter;
use super::operations::{come_again, value};
use super::paging::Paging;
use super::warnings;

pub(super) async fn put(
    State(app): AppState,
    _: ApiVersionParam,
    scope: GroupScope,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let (group, created, warnings) =
        app.service.write_group(author, &scope.subscription, &scope.group, GroupEdit::Put(body)).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, warnings::header(&warnings), Json(group_view::group(&group))).into_response())
}

pub(super) async fn patch(
    State(app): AppState,
    _: ApiVersionParam,
    scope: GroupScope,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, ApiError> {
    let (group, _, _) = app
        .service
        .write_group(author, &scope.subscription, &scope.group, GroupEdit::PatchTags(body))
        .await?;
    Ok(Json(group_view::group(&group)))
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(group_view::group(&app.service.group(&subscription, &group).await?)))
}

pub(super) async fn head(
    State(app): AppState,
    _: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
) -> Result<StatusCode, ApiError> {
    app.service.group(&subscription, &group).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes the group with everything in it. The operation is polled at `Location` only, as in Azure.
pub(super) async fn delete(
    State(app): AppState,
    version: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let operation = app.service.delete_group(author, &subscription, &group).await?;
    let location = location(&base, &version, &subscription, &operation.id.to_string());
    Ok(come_again(location))
}

/// Returns the status of a group's deletion: 202 until it has ended.
pub(super) async fn result(
    State(app): AppState,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(OperationPath { operation: id }): Path<OperationPath>,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let operation = app.service.operation(&subscription, &id).await?;
    if operation.state == OperationState::InProgress {
        return Ok(come_again(location(&base, &version, &subscription, &id)));
    }
    // A deletion of a group cannot fail once it has begun. Other operations have their own URLs.
    Ok(StatusCode::OK.into_response())
}

/// The parameters in the path of an operation, without the subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationPath {
    operation: String,
}

fn location(base: &BaseUrl, version: &ApiVersionParam, subscription: &str, operation: &str) -> HeaderValue {
    let path = format!("/subscriptions/{subscription}/operationresults/{operation}");
    value(&format!("{}{path}?api-version={}", base.0, version.text))
}

pub(super) async fn list(
    State(app): AppState,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    filter: Filter,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let groups = app.service.groups(&subscription).await?;
    let shown = groups.iter().map(|group| (group.name.to_lowercase(), group_view::group(group))).collect();
    let path = format!("/subscriptions/{subscription}/resourcegroups");
    filter.page(&paging, (&base, &version), &path, shown).map(Json)
}

/// Exports the resources of the group as a template.
pub(super) async fn export(
    State(app): AppState,
    _: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(app.service.export_group(&subscription, &group, body).await?))
}
