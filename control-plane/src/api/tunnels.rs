//! The tunnels of a gateway: lists of them, single ones, and their closing.
//!
//! These handlers wait for workers, at most two seconds: only workers know their tunnels.

mod filter;
mod listing;
mod properties;
mod show;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tidegate_shared::protocol::ClosingFrame;

use crate::arm::extension::NAMESPACE;
use crate::arm::tunnel_closing::{self, AskedFrame};
use crate::audit::{Activity, Author};
use crate::compile::compile_close_frame;
use crate::identity::access::Verb;
use crate::identity::action;
use crate::service::ServiceError;
use crate::store::{Gateway, Operation};
use crate::tunnels::{ChosenTunnels, Closing};
use crate::violation::{Violations, code};

use super::AppState;
use super::error::ApiError;
use super::extract::{
    ApiVersionParam, BaseUrl, ExtensionVersion, JsonBody, OptionalJsonBody, RequestAuthor, Target,
    TunnelTarget,
};
use super::operations::Links;
use listing::Listing;

pub(super) async fn list(
    State(app): AppState,
    ExtensionVersion(version): ExtensionVersion,
    Target(path): Target,
    listing: Listing,
    base: BaseUrl,
) -> Result<Json<Value>, ApiError> {
    let (gateway, page) = app.service.tunnels(&path, &listing.wanted).await?;
    let path = format!("{}/providers/{NAMESPACE}/tunnels", gateway.document.path);
    Ok(Json(listing.answer((&base, &version), &path, &gateway, page)))
}

pub(super) async fn get(
    State(app): AppState,
    _: ExtensionVersion,
    TunnelTarget { gateway: path, name }: TunnelTarget,
) -> Result<Json<Value>, ApiError> {
    let (gateway, worker, tunnel) = app.service.tunnel(&path, &name).await?;
    Ok(Json(show::tunnel(&gateway, worker, &tunnel)))
}

pub(super) async fn close(
    State(app): AppState,
    ExtensionVersion(version): ExtensionVersion,
    TunnelTarget { gateway: path, name }: TunnelTarget,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    uri: Uri,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, ApiError> {
    let frame = frame(tunnel_closing::read_one(body).map_err(ServiceError::Invalid)?)?;
    let activity = activity(author, &uri);
    let (gateway, operation) = app.service.close_tunnel(&path, &name, frame, &activity).await?;
    Ok(accepted(&base, &version, &gateway, &operation))
}

pub(super) async fn close_many(
    State(app): AppState,
    ExtensionVersion(version): ExtensionVersion,
    Target(path): Target,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    uri: Uri,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let (text, over, asked) = tunnel_closing::read_many(body).map_err(ServiceError::Invalid)?;
    let filter = filter::read(&text).map_err(|why| {
        let mut violations = Violations::default();
        violations.push(code::INVALID_FORMAT, "filter", format!("The filter cannot be read: {why}"));
        ServiceError::Invalid(violations)
    })?;
    let closing = Closing { tunnels: ChosenTunnels::All { filter, over }, frame: frame(asked)? };
    let (gateway, operation) = app.service.close_tunnels(&path, closing, &activity(author, &uri)).await?;
    Ok(accepted(&base, &version, &gateway, &operation))
}

/// Cancels the closing of tunnels. Those that are left stay open.
pub(super) async fn cancel(
    State(app): AppState,
    ExtensionVersion(version): ExtensionVersion,
    Target(path): Target,
    Path(ClosingPath { operation }): Path<ClosingPath>,
    RequestAuthor(author): RequestAuthor,
    base: BaseUrl,
    uri: Uri,
) -> Result<Response, ApiError> {
    let activity = activity(author, &uri);
    let (gateway, operation) = app.service.cancel_closing(&path, &operation, &activity).await?;
    Ok(accepted(&base, &version, &gateway, &operation))
}

/// The operation in the path.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ClosingPath {
    operation: String,
}

/// Checks the frame that a request asks for.
fn frame(asked: AskedFrame) -> Result<ClosingFrame, ServiceError> {
    match asked {
        AskedFrame::OfPolicy => Ok(ClosingFrame::OfPolicy),
        AskedFrame::Nothing => Ok(ClosingFrame::Nothing),
        AskedFrame::Frame(frame) => {
            let mut violations = Violations::default();
            let frame = compile_close_frame(&frame, "closeFrame", &mut violations);
            frame.map(ClosingFrame::Frame).ok_or(ServiceError::Invalid(violations))
        }
    }
}

fn accepted(base: &BaseUrl, version: &ApiVersionParam, gateway: &Gateway, operation: &Operation) -> Response {
    let links = Links::new(base, version, gateway, operation);
    (StatusCode::ACCEPTED, links.for_the_rest(), Json(Value::Null)).into_response()
}

/// Describes an action on the resource in the path.
fn activity(author: Author, uri: &Uri) -> Activity {
    let segments: Vec<String> = uri.path().split('/').skip(1).map(str::to_owned).collect();
    let resource = match &segments[..] {
        [resource @ .., _] => action::resource(resource),
        [] => String::new(),
    };
    Activity { author, action: action::name(Verb::Action, &segments), resource }
}
