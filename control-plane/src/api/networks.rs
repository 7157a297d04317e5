//! Virtual networks, public IP addresses and firewall policies: put, get, list, patch, delete. All changes
//! are complete when they are answered.

use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::arm::network::NetworkKind;
use crate::networking::{NetworkAction, NetworkEdit};
use crate::service::ServiceError;
use crate::store::NetworkWritten;
use crate::violation::Warnings;

use super::error::ApiError;
use super::extract::network::{NetworkTarget, OfKind};
use super::extract::{
    ApiVersionParam, BaseUrl, Conditions, GroupScope, JsonBody, RequestAuthor, SubscriptionScope,
};
use super::operations::Links;
use super::paging::Paging;
use super::warnings;
use super::{App, AppState};

pub(super) async fn put(
    State(app): AppState,
    version: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = app.service.network_put(&path, body).await?;
    let edit = NetworkEdit { path, preconditions, action };
    let written = app.service.write_network(author, edit).await?;
    let operation = complete(&base, &version, &written.0);
    Ok((operation, answer(&app, written).await?).into_response())
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
) -> Result<Response, ApiError> {
    let (resource, users) = app.service.network(&path).await?;
    let shown = app.service.show_network(&resource, &users).await?;
    Ok(([(ETAG, resource.etag.0)], Json(shown)).into_response())
}

pub(super) async fn patch(
    State(app): AppState,
    _: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let edit = NetworkEdit { path, preconditions, action: NetworkAction::PatchTags(body) };
    answer(&app, app.service.write_network(author, edit).await?).await
}

pub(super) async fn delete(
    State(app): AppState,
    version: ApiVersionParam,
    NetworkTarget(path): NetworkTarget,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let edit = NetworkEdit { path, preconditions, action: NetworkAction::Delete };
    answer_delete(&base, &version, app.service.write_network(author, edit).await)
}

pub(super) async fn list_in_group(
    State(app): AppState,
    version: ApiVersionParam,
    OfKind(kind): OfKind,
    GroupScope { subscription, group }: GroupScope,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(&app, kind, (&subscription, Some(&group)), (&base, &version), &paging).await
}

pub(super) async fn list_in_subscription(
    State(app): AppState,
    version: ApiVersionParam,
    OfKind(kind): OfKind,
    SubscriptionScope(subscription): SubscriptionScope,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(&app, kind, (&subscription, None), (&base, &version), &paging).await
}

/// Returns the response to a write: the resource, and its warnings.
async fn answer(app: &App, (written, warnings): (NetworkWritten, Warnings)) -> Result<Response, ApiError> {
    let status = if written.before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    let shown = app.service.show_network(&written.resource, &written.users).await?;
    let warnings = warnings::header(&warnings);
    Ok((status, warnings, [(ETAG, written.resource.etag.0)], Json(shown)).into_response())
}

/// Returns the response to a DELETE, which is complete.
pub(super) fn answer_delete(
    base: &BaseUrl,
    version: &ApiVersionParam,
    outcome: Result<(NetworkWritten, Warnings), ServiceError>,
) -> Result<Response, ApiError> {
    match outcome {
        Ok((written, _)) => Ok((StatusCode::OK, complete(base, version, &written)).into_response()),
        Err(ServiceError::NotFound { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the headers of the operation of a write, which is complete.
pub(super) fn complete(base: &BaseUrl, version: &ApiVersionParam, written: &NetworkWritten) -> HeaderMap {
    let resource = &written.resource;
    Links::complete(base, version, &resource.path.subscription, &resource.body).for_put()
}

/// Returns a page of the resources of one kind in a subscription, or in a resource group of it.
async fn list(
    app: &App,
    kind: NetworkKind,
    (subscription, group): (&str, Option<&str>),
    (base, version): (&BaseUrl, &ApiVersionParam),
    paging: &Paging,
) -> Result<Json<Value>, ApiError> {
    let key = paging.key::<2>()?;
    let after = key.as_ref().map_or(("", ""), |[group, name]| (group.as_str(), name.as_str()));
    let page = app.service.networks(kind, subscription, group, after, paging.rows).await?;
    let mut rows = Vec::with_capacity(page.rows.len());
    for (_, (resource, users)) in &page.rows {
        rows.push(app.service.show_network(resource, users).await?);
    }
    let last = page.next.as_ref().map(|[group, name]| [group.as_str(), name.as_str()]);
    let in_group = group.map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
    let path = format!("/subscriptions/{subscription}{in_group}/providers/{}", kind.resource_type());
    Ok(Json(paging.answer((base, version), &path, rows, last.as_ref().map(<[&str; 2]>::as_slice))))
}
