//! Resource groups: put, get, look, list, label, delete.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::arm::resource_group::{GROUP_TYPE, GROUP_WRITE};
use crate::audit::{Act, Author};
use crate::resource_groups::GroupEdit;
use crate::store::{Group, OperationState, group_id};

use super::error::{ApiError, ResourceGroupError};
use super::extract::{ApiVersionParam, BaseUrl, GroupScope, JsonBody, RequestAuthor, SubscriptionScope};
use super::filter::Filter;
use super::operations::{come_again, follow, value};
use super::paging::Paging;
use super::{App, Shared};

/// ARM's name of the end of a group, in the audit log.
const GROUP_DELETE: &str = "Microsoft.Resources/subscriptions/resourceGroups/delete";

pub(super) async fn put(
    State(app): Shared,
    _: ApiVersionParam,
    scope: GroupScope,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let (group, created) = write(&app, author, &scope, GroupEdit::Put(body)).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(show(&group))).into_response())
}

pub(super) async fn patch(
    State(app): Shared,
    _: ApiVersionParam,
    scope: GroupScope,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, ApiError> {
    let (group, _) = write(&app, author, &scope, GroupEdit::PatchTags(body)).await?;
    Ok(Json(show(&group)))
}

async fn write(
    app: &App,
    author: Author,
    GroupScope { subscription, group }: &GroupScope,
    edit: GroupEdit,
) -> Result<(Group, bool), ApiError> {
    let act = Act { author, action: GROUP_WRITE.to_owned(), resource: group_id(subscription, group) };
    let written = app.store.write_group(subscription, group, &act, |stored| edit.decide(stored)).await;
    written.map_err(|error| ApiError::from_group(error, missing(group)))
}

pub(super) async fn get(
    State(app): Shared,
    _: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
) -> Result<Json<Value>, ApiError> {
    let found = app.store.group(&subscription, &group).await?;
    Ok(Json(show(&found.ok_or_else(|| missing(&group))?)))
}

pub(super) async fn head(
    State(app): Shared,
    _: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
) -> Result<StatusCode, ApiError> {
    let found = app.store.group(&subscription, &group).await?;
    found.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| missing(&group))
}

/// Deletes the group with everything in it. What follows is asked for at `Location` alone, as it is of Azure.
pub(super) async fn delete(
    State(app): Shared,
    version: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let act = Act { author, action: GROUP_DELETE.to_owned(), resource: group_id(&subscription, &group) };
    let operation = app.store.delete_group(&subscription, &group, &act).await?;
    let operation = operation.ok_or_else(|| missing(&group))?;
    app.fleet.wake();
    let location = location(&base, &version, &subscription, &operation.id.to_string());
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)]).into_response())
}

/// Where the deletion of a group stands: 202 until it has ended.
pub(super) async fn result(
    State(app): Shared,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(OperationPath { operation: id }): Path<OperationPath>,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let operation = follow(&app, &subscription, &id).await?;
    if operation.state == OperationState::InProgress {
        return Ok(come_again(location(&base, &version, &subscription, &id)));
    }
    // A group's deletion cannot fail once it has begun; that of something else is asked for elsewhere.
    Ok(StatusCode::OK.into_response())
}

/// What the path of an operation says beside its subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationPath {
    operation: String,
}

fn location(base: &BaseUrl, version: &ApiVersionParam, subscription: &str, operation: &str) -> HeaderValue {
    let path = format!("/subscriptions/{subscription}/operationresults/{operation}");
    value(&format!("{}{path}?api-version={}", base.0, version.text))
}

pub(super) async fn list(
    State(app): Shared,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    filter: Filter,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let groups = app.store.groups(&subscription).await?;
    let shown = groups.iter().map(|group| (group.name.to_lowercase(), show(group))).collect();
    let path = format!("/subscriptions/{subscription}/resourcegroups");
    filter.page(&paging, (&base, &version), &path, shown).map(Json)
}

fn show(group: &Group) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), group.resource_id().into());
    shown.insert("name".into(), group.name.clone().into());
    shown.insert("type".into(), GROUP_TYPE.into());
    shown.extend(group.body.clone());
    shown.insert("properties".into(), json!({"provisioningState": group.state.as_str()}));
    shown.into()
}

fn missing(group: &str) -> ApiError {
    ResourceGroupError::NoGroup(group.to_owned()).into()
}
