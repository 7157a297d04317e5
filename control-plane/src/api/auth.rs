//! Authentication and authorization, before a handler sees the request.
//!
//! [`crate::identity::access`] decides; this module parses requests for it and enforces its verdicts. A
//! client's row is read for each request, so that a revocation takes effect at once.

mod list_filter;
mod local_requests;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::audit::{ADMINISTRATOR, Author};
use crate::identity::access::{Client, Verb, Verdict};
use crate::identity::action;

use super::App;
use super::error::{ApiError, answer_for};
use super::extract::authority;
use super::layers::RequestId;
use super::oauth;
use super::server::Peer;

use list_filter::ListFilter;

/// The header with the reason for a change, which its revision shows.
const REASON: HeaderName = HeaderName::from_static("x-tidegate-reason");

/// The maximum length of a reason, in characters.
const MAX_REASON: usize = 256;

/// The caller: its name in the audit log, and the client; `None` for the administrator.
#[derive(Debug)]
struct Caller {
    name: String,
    client: Option<Client>,
}

/// Admits requests that are allowed and attaches their author. Liveness, readiness and the token endpoint are
/// open to everyone.
pub(super) async fn authorise(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    if app.token.is_none()
        && let Err(error) = local_requests::check(&head)
    {
        return error.into_response();
    }
    let path = head.uri.path();
    if matches!(path, "/healthz" | "/readyz" | "/openapi.json") || oauth::is_open_to_all(path) {
        return next.run(Request::from_parts(head, body)).await;
    }
    match admit(&app, &head).await {
        Ok((caller, list_filter)) => {
            let Caller { name, client } = caller;
            let reader = client.clone();
            let reason = match reason(&head.headers) {
                Ok(reason) => reason,
                Err(error) => return error.into_response(),
            };
            let author = Author { name, address: peer(&head), request: request_id(&head), client, reason };
            head.extensions.insert(author);
            let response = next.run(Request::from_parts(head, body)).await;
            let response = match reader {
                Some(client) => answer_for(&client, response),
                None => response,
            };
            match list_filter {
                Some(list_filter) => list_filter.filter(response).await,
                None => response,
            }
        }
        Err(error) => error.into_response(),
    }
}

/// Authenticates and authorizes a request. Also returns the filter for its response.
async fn admit(app: &App, request: &Parts) -> Result<(Caller, Option<ListFilter>), ApiError> {
    let caller = authenticate(app, request).await?;
    let Some(client) = &caller.client else { return Ok((caller, None)) };
    let (verb, path) = (Verb::of(request.method.as_str()), segments(request.uri.path())?);
    let denied = || ApiError::Forbidden {
        client: client.app_id,
        action: action::name(verb, &path),
        scope: action::resource(&path),
    };
    let list_filter = match client.decide(verb, &path) {
        Verdict::Allowed => None,
        Verdict::Sieved => Some(ListFilter { client: client.clone(), otherwise: denied() }),
        Verdict::AboutOperation(id) if is_within(app, client, &id).await? => None,
        Verdict::AboutOperation(_) | Verdict::Denied => return Err(denied()),
    };
    Ok((caller, list_filter))
}

/// Returns whether an operation's resource is within the client's scopes. An unknown operation discloses
/// nothing.
async fn is_within(app: &App, client: &Client, operation: &str) -> Result<bool, ApiError> {
    let Ok(id) = operation.parse() else { return Ok(true) };
    let resource = app.service.resource_of_operation(id).await?;
    Ok(resource.is_none_or(|resource| client.covers(&resource)))
}

/// Returns the decoded segments of a path.
fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    let decoded = path.split('/').skip(1).filter(|segment| !segment.is_empty()).map(|segment| {
        let text = percent_decode_str(segment).decode_utf8();
        text.map(String::from).map_err(|_| ApiError::BadRequest("The path is not valid.".to_owned()))
    });
    decoded.collect()
}

fn peer(request: &Parts) -> Option<IpAddr> {
    request.extensions.get::<Peer>().map(|peer| peer.0)
}

fn request_id(request: &Parts) -> Option<Uuid> {
    request.extensions.get::<RequestId>().map(|id| id.0)
}

/// Returns the caller. With `--no-auth` that is the administrator: [`local_requests`] has ensured that the
/// request comes from this machine.
async fn authenticate(app: &App, request: &Parts) -> Result<Caller, ApiError> {
    let administrator = || Caller { name: ADMINISTRATOR.to_owned(), client: None };
    // A request without a host, or with two, is malformed for every caller.
    authority(&request.uri, &request.headers)?;
    let Some(admin_token) = &app.token else { return Ok(administrator()) };
    let file = || is_here(request).then(|| app.token_file.clone());
    let token = bearer_token(&request.headers).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| ApiError::NoToken(file()))?;
    if admin_token.is(token.as_bytes()) {
        return Ok(administrator());
    }
    if !token.contains('.') {
        return Err(ApiError::WrongToken(file()));
    }
    let client = app.service.client_of_token(token).await?.map_err(ApiError::BadToken)?;
    let known = Client { app_id: client.app_id, role: client.role, scopes: client.scopes };
    Ok(Caller { name: client.name, client: Some(known) })
}

/// Returns whether the request comes from this machine itself, and not through a proxy on it.
fn is_here(request: &Parts) -> bool {
    const OF_PROXIES: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host"];
    let through_proxy = OF_PROXIES.iter().any(|name| request.headers.contains_key(*name));
    !through_proxy && peer(request).is_some_and(|address| address.is_loopback())
}

/// Returns the reason that the author gives for a change.
fn reason(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(&REASON).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).ok().map(str::trim);
    let good = |text: &&str| text.chars().count() <= MAX_REASON && !text.chars().any(char::is_control);
    match text.filter(good) {
        Some(text) if values.next().is_none() => Ok(Some(text.to_owned()).filter(|text| !text.is_empty())),
        _ => {
            let message = format!(
                "The header {REASON} must be a single line of text in UTF-8 with at most {MAX_REASON} characters."
            );
            Err(ApiError::BadRequest(message))
        }
    }
}

/// Returns the token after `Bearer`.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_a_bearer_token_is_one() {
        for (header, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Bearer ", Some("")),
            ("abc", None),
            ("Basic abc", None),
            ("Bearerabc", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(header))]);
            assert_eq!(bearer_token(&headers), token, "{header}");
        }
        assert_eq!(bearer_token(&HeaderMap::new()), None);
    }

    #[test]
    fn a_reason_is_one_short_line() {
        let long = "é".repeat(MAX_REASON);
        for (value, expected) in [
            ("Ticket 7", Some(Some("Ticket 7"))),
            (" ", Some(None)),
            (&long, Some(Some(&*long))),
            (&format!("{long}a"), None),
            ("a\tb", None),
        ] {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            let found = reason(&HeaderMap::from_iter([(REASON, value.clone())]));
            assert_eq!(found.ok(), expected.map(|reason| reason.map(str::to_owned)), "{value:?}");
        }
        let bytes = HeaderValue::from_bytes(&[0xff]).unwrap();
        assert!(reason(&HeaderMap::from_iter([(REASON, bytes)])).is_err());
        let mut twice = HeaderMap::new();
        twice.append(REASON, HeaderValue::from_static("a"));
        twice.append(REASON, HeaderValue::from_static("b"));
        assert!(reason(&twice).is_err());
        assert_eq!(reason(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn a_path_is_judged_by_what_it_names() {
        assert_eq!(segments("/subscriptions/%41/").unwrap(), ["subscriptions", "A"]);
        assert_eq!(segments("/a%2Fb").unwrap(), ["a/b"], "an encoded slash joins no segments and parts none");
        assert!(segments("/").unwrap().is_empty());
        assert!(matches!(segments("/%FF"), Err(ApiError::BadRequest(_))));
    }
}
