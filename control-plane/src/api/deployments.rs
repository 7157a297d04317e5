//! Deployments: put, validate, what-if, get, list, delete, cancel, and where their operations stand.
//!
//! A template is hostile until shown otherwise: what can be known to be wrong is said before anything is stored, by
//! `preview`. What is accepted is run in the background, by `run`, which a later process takes up where this one ends.

mod gateway;
mod network;
mod preview;
mod run;
mod target;
mod view;
mod what_if;
mod write;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentBody, DeploymentPath, Failure};
use crate::audit::{Act, Author};
use crate::store::{Deployment, DeploymentState, NewDeployment};

use super::error::{ApiError, CANCELED, DeploymentError};
use super::extract::template::TemplateBody;
use super::extract::{ApiVersionParam, BaseUrl, DeploymentTarget, GroupScope, RequestAuthor};
use super::operations::{PATIENCE, POLL_SECONDS};
use super::{App, Shared};

use preview::preview;

pub use run::run;

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

pub(super) async fn put(
    State(app): Shared,
    version: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    TemplateBody(body): TemplateBody,
) -> Result<Response, ApiError> {
    let preview = preview(&app, &author, &path, read(&path, body)?).await?;
    let act = act(author, &path, "write");
    let new = NewDeployment {
        id: Uuid::new_v4(),
        path,
        request: preview.request.clone(),
        body: view::shown(&preview),
        correlation_id: correlation(&act.author),
    };
    let (deployment, created) = app.store.add_deployment(&act, new).await?;
    app.deployments.notify_one();
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let url = format!(
        "{}{}/operationStatuses/{}?api-version={}",
        base.0, deployment.path, deployment.id, version.text
    );
    let url = HeaderValue::try_from(url).unwrap_or_else(|_| HeaderValue::from_static(""));
    Ok((status, [(ASYNC_OPERATION, url)], Json(view::accepted(&deployment))).into_response())
}

/// What a PUT of the same body would be refused for; nothing is stored.
pub(super) async fn validate(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
    TemplateBody(body): TemplateBody,
) -> Result<Json<Value>, ApiError> {
    let preview = preview(&app, &author, &path, read(&path, body)?).await?;
    Ok(Json(view::validated(&path, &preview, &correlation(&author))))
}

/// What a PUT of the same body would change; nothing is stored.
pub(super) async fn what_if(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
    TemplateBody(body): TemplateBody,
) -> Result<Json<Value>, ApiError> {
    let preview = preview(&app, &author, &path, read(&path, body)?).await?;
    Ok(Json(what_if::show(&preview, &correlation(&author))))
}

pub(super) async fn get(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view::deployment(&find(&app, &path).await?)))
}

/// Whether there is one.
pub(super) async fn head(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<StatusCode, ApiError> {
    find(&app, &path).await.map(|_| StatusCode::NO_CONTENT)
}

pub(super) async fn list(
    State(app): Shared,
    _: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
) -> Result<Json<Value>, ApiError> {
    let deployments = app.store.deployments(&subscription, &group).await?;
    Ok(Json(json!({"value": deployments.iter().map(view::deployment).collect::<Vec<_>>()})))
}

/// Forgets a deployment. What it deployed stays.
pub(super) async fn delete(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
) -> Result<StatusCode, ApiError> {
    app.store.delete_deployment(&path, &act(author, &path, "delete")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a deployment before its time. What it has written stays.
pub(super) async fn cancel(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    RequestAuthor(author): RequestAuthor,
) -> Result<StatusCode, ApiError> {
    let message = "The deployment was cancelled. What it had written by then stays.";
    let error = Failure::new(CANCELED, message);
    match app.store.cancel_deployment(&path, &act(author, &path, "cancel/action"), &error).await? {
        Some(true) => Ok(StatusCode::NO_CONTENT),
        Some(false) => Err(DeploymentError::Ended(path.name).into()),
        None => Err(DeploymentError::Missing(path.name).into()),
    }
}

/// What a deployment did, resource by resource.
pub(super) async fn operations(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
) -> Result<Json<Value>, ApiError> {
    let deployment = find(&app, &path).await?;
    let steps = app.store.deployment_steps(deployment.id).await?;
    let shown: Vec<Value> = steps.iter().map(|step| view::step(&deployment, step)).collect();
    Ok(Json(json!({"value": shown})))
}

/// What a deployment did to one resource.
pub(super) async fn operation(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    Path(named): Path<OperationName>,
) -> Result<Json<Value>, ApiError> {
    let deployment = find(&app, &path).await?;
    let steps = app.store.deployment_steps(deployment.id).await?;
    let step = steps.iter().find(|step| step.id.to_string().eq_ignore_ascii_case(&named.operation));
    let step = step.ok_or_else(|| ApiError::NoOperation(named.operation.clone()))?;
    Ok(Json(view::step(&deployment, step)))
}

/// Where a deployment stands: always 200, the status is in the body. It waits a moment for the end, as most deployments
/// take no longer and clients that hear otherwise sleep for a second and more.
pub(super) async fn status(
    State(app): Shared,
    _: ApiVersionParam,
    DeploymentTarget(path): DeploymentTarget,
    Path(named): Path<OperationName>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::NoOperation(named.operation.clone());
    let id: Uuid = named.operation.parse().map_err(|_| unknown())?;
    let mut endings = app.store.endings();
    let deadline = Instant::now() + PATIENCE;
    let deployment = loop {
        let deployment = app.store.deployment(&path).await?.filter(|deployment| deployment.id == id);
        let deployment = deployment.ok_or_else(unknown)?;
        let ended = deployment.state != DeploymentState::Running;
        if ended || timeout_at(deadline, endings.changed()).await.is_err() {
            break deployment;
        }
    };
    let mut headers = HeaderMap::new();
    if deployment.state == DeploymentState::Running {
        headers.insert(RETRY_AFTER, POLL_SECONDS);
    }
    Ok((headers, Json(view::status(&deployment))).into_response())
}

/// The last segment of an operation's path.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationName {
    operation: String,
}

fn read(path: &DeploymentPath, body: Value) -> Result<DeploymentBody, ApiError> {
    if !path.is_valid() {
        return Err(ApiError::BadName { what: "deployment", value: path.name.clone() });
    }
    Ok(DeploymentBody::read(body).map_err(DeploymentError::Template)?)
}

async fn find(app: &App, path: &DeploymentPath) -> Result<Deployment, ApiError> {
    let deployment = app.store.deployment(path).await?;
    Ok(deployment.ok_or_else(|| DeploymentError::Missing(path.name.clone()))?)
}

fn act(author: Author, path: &DeploymentPath, verb: &str) -> Act {
    Act { author, action: format!("{DEPLOYMENT_TYPE}/{verb}"), resource: path.to_string() }
}

/// What joins a deployment to the requests around it: the ID of the one that asked for it.
fn correlation(author: &Author) -> String {
    author.request.unwrap_or_else(Uuid::new_v4).to_string()
}
