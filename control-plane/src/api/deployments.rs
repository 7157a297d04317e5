//! Deployments: put, validate, what-if, get, list, delete, cancel, and their operations.

mod view;
mod what_if;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::service::view::deployment as shown;
use crate::service::{ServiceError, correlation_id};
use crate::store::DeploymentState;

use super::AppState;
use super::error::ApiError;
use super::extract::template::TemplateBody;
use super::extract::{ApiVersionParam, BaseUrl, DeploymentScope, DeploymentTarget, RequestAuthor};
use super::operations::paced;
use super::warnings;

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

pub(super) async fn put(
    State(app): AppState,
    version: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    TemplateBody(body): TemplateBody,
) -> Result<Response, ApiError> {
    let (deployment, created) = app.service.deploy(author, path, body, &base.0).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let url = format!(
        "{}{}/operationStatuses/{}?api-version={}",
        base.0, deployment.path, deployment.id, version.text
    );
    let url = HeaderValue::try_from(url).unwrap_or_else(|_| HeaderValue::from_static(""));
    let headers = paced(HeaderMap::from_iter([(ASYNC_OPERATION, url)]));
    let warnings = warnings::header_of_stored(deployment.warnings.as_ref());
    Ok((status, headers, warnings, Json(shown::accepted(&deployment))).into_response())
}

/// Returns the errors with which a PUT of the same body would be rejected; stores nothing.
pub(super) async fn validate(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    TemplateBody(body): TemplateBody,
) -> Result<Json<Value>, ApiError> {
    let preview = app.service.preview_deployment(&author, &path, body, (&base.0, false)).await?;
    Ok(Json(view::validated(&path, &preview, &correlation_id(&author))))
}

/// Returns the changes that a PUT of the same body would make; stores nothing.
pub(super) async fn what_if(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    TemplateBody(body): TemplateBody,
) -> Result<Json<Value>, ApiError> {
    let preview = app.service.preview_deployment(&author, &path, body, (&base.0, true)).await?;
    Ok(Json(what_if::show(&preview, &correlation_id(&author))))
}

pub(super) async fn get(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(shown::deployment(&app.service.deployment(&path).await?)))
}

/// Checks whether the deployment exists.
pub(super) async fn head(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<StatusCode, ApiError> {
    app.service.deployment(&path).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentScope { subscription, group }: DeploymentScope,
) -> Result<Json<Value>, ApiError> {
    let deployments = app.service.deployments_of(&subscription, group.as_deref()).await?;
    Ok(Json(json!({"value": deployments.iter().map(shown::deployment).collect::<Vec<_>>()})))
}

/// Deletes a deployment, but not the resources that it deployed.
pub(super) async fn delete(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
) -> Result<StatusCode, ApiError> {
    app.service.delete_deployment(author, &path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancels a deployment. Resources that it has written stay.
pub(super) async fn cancel(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
) -> Result<StatusCode, ApiError> {
    app.service.cancel_deployment(author, path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the template of a deployment.
pub(super) async fn export(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({"template": app.service.export_deployment(&path).await?})))
}

/// Returns the operations of a deployment, one for each resource.
pub(super) async fn operations(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<Json<Value>, ApiError> {
    let (deployment, steps) = app.service.deployment_steps(&path).await?;
    let shown: Vec<Value> = steps.iter().map(|step| view::step(&deployment, step)).collect();
    Ok(Json(json!({"value": shown})))
}

/// Returns the operation of a deployment on one resource.
pub(super) async fn operation(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    Path(named): Path<OperationName>,
) -> Result<Json<Value>, ApiError> {
    let (deployment, steps) = app.service.deployment_steps(&path).await?;
    let step = steps.iter().find(|step| step.id.to_string().eq_ignore_ascii_case(&named.operation));
    let step = step.ok_or_else(|| ServiceError::NoOperation(named.operation.clone()))?;
    Ok(Json(view::step(&deployment, step)))
}

/// Returns the status of a deployment, in the body of a response that is always 200.
pub(super) async fn status(
    State(app): AppState,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    Path(named): Path<OperationName>,
) -> Result<Response, ApiError> {
    let deployment = app.service.deployment_operation(&path, &named.operation).await?;
    let in_progress = deployment.state == DeploymentState::Running;
    let headers = if in_progress { paced(HeaderMap::new()) } else { HeaderMap::new() };
    let warnings = warnings::header_of_stored(deployment.warnings.as_ref());
    Ok((headers, warnings, Json(view::status(&deployment))).into_response())
}

/// The last segment of an operation's path.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationName {
    operation: String,
}
