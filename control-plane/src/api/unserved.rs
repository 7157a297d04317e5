//! Resources of types that Tidegate does not serve: every method on every resource ID that no route serves.
//!
//! The depth of such an ID has no bound, so these handlers are the fallback of the router instead of routes. Each answer
//! says in a header that the resource has no effect.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{ALLOW, ETAG};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::arm::unserved::{NOT_ENFORCED, UnservedPath};
use crate::audit::Author;
use crate::etag::Preconditions;
use crate::resource_id::ResourceId;
use crate::service::{Service, ServiceError, ShownUnserved, UnservedAction};

use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, Conditions, JsonBody, RequestAuthor, check_scope};
use super::operations::Links;
use super::paging::Paging;
use super::{App, AppState};

/// The header that says that a resource has no effect, and why.
const HEADER: HeaderName = HeaderName::from_static("x-tidegate-not-enforced");

/// The path of a request in its original spelling.
#[derive(Clone, Debug)]
pub(super) struct SentPath(pub(super) String);

/// Answers a request whose path no route serves.
///
/// # Errors
/// [`ServiceError::UnknownPath`] for a path that is not that of an unserved resource, or the error of the use case.
pub(super) async fn handle(State(app): AppState, request: Request) -> Result<Response, ApiError> {
    let (mut head, body) = request.into_parts();
    let sent =
        head.extensions.get::<SentPath>().map_or_else(|| head.uri.path().to_owned(), |path| path.0.clone());
    let unknown = || ServiceError::UnknownPath(sent.clone());
    let path = decoded(&sent).ok_or_else(unknown)?;
    if head.method == Method::OPTIONS || !path.to_ascii_lowercase().contains("/providers/") {
        return Err(unknown().into());
    }
    let version = ApiVersionParam::from_request_parts(&mut head, &app).await?;
    let base = BaseUrl::from_request_parts(&mut head, &app).await?;
    if ResourceId::parse(&path).is_none() {
        let paging = Paging::from_request_parts(&mut head, &app).await?;
        let list = List { path, sent, base, version, paging };
        return list_or_act(&app, &head.method, &list).await;
    }
    let resource = Service::unserved_path(&path)?;
    let RequestAuthor(author) = RequestAuthor::from_request_parts(&mut head, &app).await?;
    // What a client may read beside its scopes are routes, and no resource.
    if author.client.as_ref().is_some_and(|client| !client.covers(&path)) {
        return Err(unknown().into());
    }
    if head.method == Method::PUT {
        check_scope(&resource.subscription, resource.group.as_deref())?;
    }
    let Conditions(conditions) = Conditions::from_request_parts(&mut head, &app).await?;
    let operation = Links::complete(&base, &version, &resource.subscription, &Map::new()).for_put();
    let method = head.method.clone();
    let request = Request::from_parts(head, body);
    let action = match method {
        Method::GET | Method::HEAD => {
            let found = app.service.unserved(&resource).await?;
            let status = if method == Method::HEAD { StatusCode::NO_CONTENT } else { StatusCode::OK };
            return Ok(answer(status, &found));
        }
        Method::PUT => UnservedAction::Put(JsonBody::from_request(request, &app).await?.0, Map::new()),
        Method::PATCH => UnservedAction::Patch(JsonBody::from_request(request, &app).await?.0),
        Method::DELETE => UnservedAction::Delete,
        _ => {
            let mut refused =
                ApiError::WrongMethod { method: method.to_string(), path: sent }.into_response();
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, PUT, PATCH, DELETE"));
            return Ok(refused);
        }
    };
    let has_operation = !matches!(action, UnservedAction::Patch(_));
    let mut answer = write(&app, author, &resource, conditions, action).await?;
    if has_operation && answer.status() != StatusCode::NO_CONTENT {
        answer.headers_mut().extend(operation);
    }
    Ok(answer)
}

async fn write(
    app: &Arc<App>,
    author: Author,
    resource: &UnservedPath,
    conditions: Preconditions,
    action: UnservedAction,
) -> Result<Response, ApiError> {
    let is_delete = matches!(action, UnservedAction::Delete);
    match app.service.write_unserved(author, resource, &conditions, action).await {
        Ok(_) if is_delete => Ok((StatusCode::OK, [(HEADER, reason())]).into_response()),
        Ok((written, created)) => {
            Ok(answer(if created { StatusCode::CREATED } else { StatusCode::OK }, &written))
        }
        // A repeated DELETE succeeds, as in ARM.
        Err(ServiceError::NotFound { .. }) if is_delete => {
            Ok((StatusCode::NO_CONTENT, [(HEADER, reason())]).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// A request whose path has an odd number of segments.
struct List {
    /// The decoded path.
    path: String,
    /// The path as sent.
    sent: String,
    base: BaseUrl,
    version: ApiVersionParam,
    paging: Paging,
}

/// Answers for a path with an odd number of segments: a list of one type, or an action on a resource.
async fn list_or_act(app: &Arc<App>, method: &Method, list: &List) -> Result<Response, ApiError> {
    let unknown = || ApiError::from(ServiceError::UnknownPath(list.sent.clone()));
    let (parent, last) = list.path.rsplit_once('/').ok_or_else(unknown)?;
    match *method {
        Method::GET | Method::HEAD => {
            // Any name gives the ID of a member of the list.
            let member =
                Service::unserved_path(&format!("{}/*", list.path)).map_err(|error| match error {
                    ServiceError::UnknownPath(_) => unknown(),
                    error => error.into(),
                })?;
            let page = page(app, &member, list).await?;
            Ok(([(HEADER, reason())], Json(page)).into_response())
        }
        Method::POST => {
            let resource = Service::unserved_path(parent)?;
            let result = app.service.list_of_unserved(&resource, last).await?;
            Ok(([(HEADER, reason())], Json(result)).into_response())
        }
        _ => Err(unknown()),
    }
}

async fn page(app: &Arc<App>, member: &UnservedPath, list: &List) -> Result<Value, ApiError> {
    let List { path, base, version, paging, .. } = list;
    let after = paging.key::<1>()?.map(|[after]| after).unwrap_or_default();
    let page = app.service.page_of_unserved((member, path), &after, paging.rows).await?;
    let rows = page.rows.into_iter().map(|(_, shown)| shown).collect();
    let last = page.next.as_deref().map(|next| [next]);
    Ok(paging.answer((base, version), path, rows, last.as_ref().map(<[&str; 1]>::as_slice)))
}

/// Returns every stored resource that has no effect, or whose protection has none, with the reason.
pub(super) async fn not_enforced(
    State(app): AppState,
    RequestAuthor(author): RequestAuthor,
) -> Result<Json<Value>, ApiError> {
    let covered = |id: &str| author.client.as_ref().is_none_or(|client| client.covers(id));
    let all = app.service.not_enforced().await?.into_iter().filter(|found| covered(&found.id));
    let shown: Vec<Value> =
        all.map(|found| json!({"id": found.id, "type": found.kind, "reason": found.reason})).collect();
    Ok(Json(json!({"value": shown})))
}

fn answer(status: StatusCode, found: &ShownUnserved) -> Response {
    let headers = [(HEADER, reason())];
    let mut response = match status {
        StatusCode::NO_CONTENT => (status, headers).into_response(),
        _ => (status, headers, Json(&found.shown)).into_response(),
    };
    if let Ok(etag) = HeaderValue::try_from(&found.etag.0) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

fn reason() -> HeaderValue {
    HeaderValue::from_static(NOT_ENFORCED)
}

/// Returns a path with its segments decoded; `None` if a segment is not UTF-8 or contains an encoded slash.
fn decoded(path: &str) -> Option<String> {
    let segment = |segment: &str| {
        let text = percent_decode_str(segment).decode_utf8().ok()?;
        (!text.contains('/')).then(|| text.into_owned())
    };
    // `az resource show` sends an empty segment after the namespace.
    let segments: Option<Vec<String>> =
        path.split('/').filter(|segment| !segment.is_empty()).map(segment).collect();
    segments.map(|segments| format!("/{}", segments.join("/")))
}
