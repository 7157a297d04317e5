//! Gateways: put, tag, get, delete, start, stop, list.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::arm::naming::GATEWAY_TYPE;
use crate::edit::{Edit, EditAction};
use crate::service::{ServiceError, view};

use super::AppState;
use super::error::ApiError;
use super::extract::{
    ApiVersionParam, BaseUrl, Conditions, DocumentBody, GroupScope, JsonBody, RequestAuthor,
    SubscriptionScope, Target,
};
use super::operations::Links;
use super::paging::Paging;
use super::warnings;

pub(super) async fn put(
    State(app): AppState,
    version: ApiVersionParam,
    Target(path): Target,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    DocumentBody { json, place }: DocumentBody,
) -> Result<Response, ApiError> {
    let body = app.service.prepare(json, &author).await;
    let action = EditAction::Put { body, version: version.date };
    let (written, warnings) = app.service.write(author, Edit { path, preconditions, action }).await?;
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    let etag = [(ETAG, written.gateway.etag.0.clone())];
    let heads = (links.for_put(), warnings::header(&warnings));
    let answer = (status, heads.0, heads.1, etag, Json(view::gateway(&written.gateway))).into_response();
    drop(place);
    Ok(answer)
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    Target(path): Target,
) -> Result<Response, ApiError> {
    let gateway = app.service.gateway(&path).await?;
    Ok(([(ETAG, gateway.etag.0.clone())], Json(view::gateway(&gateway))).into_response())
}

pub(super) async fn delete(
    State(app): AppState,
    version: ApiVersionParam,
    Target(path): Target,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let edit = Edit { path, preconditions, action: EditAction::Delete };
    match app.service.write(author, edit).await {
        Ok((written, _)) => {
            let links = Links::new(&base, &version, &written.gateway, &written.operation);
            Ok((StatusCode::ACCEPTED, links.for_the_rest()).into_response())
        }
        Err(ServiceError::NotFound { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(error.into()),
    }
}

/// Replaces the tags. No worker is affected, so there is no operation.
pub(super) async fn patch(
    State(app): AppState,
    _: ApiVersionParam,
    Target(path): Target,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let action = EditAction::PutTags { body };
    let (written, _) = app.service.write(author, Edit { path, preconditions, action }).await?;
    Ok(([(ETAG, written.gateway.etag.0.clone())], Json(view::gateway(&written.gateway))).into_response())
}

pub(super) async fn start(
    app: AppState,
    version: ApiVersionParam,
    target: Target,
    conditions: Conditions,
    by: RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    switch(app, version, target, conditions, by, base, EditAction::Start).await
}

pub(super) async fn stop(
    app: AppState,
    version: ApiVersionParam,
    target: Target,
    conditions: Conditions,
    by: RequestAuthor,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    switch(app, version, target, conditions, by, base, EditAction::Stop).await
}

async fn switch(
    State(app): AppState,
    version: ApiVersionParam,
    Target(path): Target,
    Conditions(preconditions): Conditions,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    action: EditAction,
) -> Result<Response, ApiError> {
    let (written, _) = app.service.write(author, Edit { path, preconditions, action }).await?;
    let links = Links::new(&base, &version, &written.gateway, &written.operation);
    Ok((StatusCode::ACCEPTED, links.for_the_rest()).into_response())
}

pub(super) async fn list_in_group(
    app: AppState,
    version: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(app, version, (&subscription, Some(&group)), base, paging).await
}

pub(super) async fn list_in_subscription(
    app: AppState,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(app, version, (&subscription, None), base, paging).await
}

async fn list(
    State(app): AppState,
    version: ApiVersionParam,
    (subscription, group): (&str, Option<&str>),
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let page = app.service.page_of_gateways(subscription, group, paging.key()?.as_ref(), paging.rows).await?;
    let in_group = group.map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
    let path = format!("/subscriptions/{subscription}{in_group}/providers/{GATEWAY_TYPE}");
    let last = page.last.as_ref().map(|[group, name]| [group.as_str(), name]);
    let rows = page.gateways.iter().map(view::gateway).collect();
    Ok(Json(paging.answer((&base, &version), &path, rows, last.as_ref().map(<[&str; 2]>::as_slice))))
}
