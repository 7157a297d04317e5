//! The token endpoint of API clients: OAuth 2.0 client credentials (RFC 6749, section 4.4), and the OpenID
//! metadata by which Azure's clients find it. All of it is open to everyone.
//!
//! URLs in the metadata have the host that the client used, because that is where its TLS certificate is valid.

mod metadata;

use std::net::IpAddr;

use axum::Json;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tidegate_shared::secret::Secret;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::identity::issuer::LIFETIME;
use crate::service::{GrantRefused, Granted};

use super::error::{ApiError, OAuthError};
use super::extract::BaseUrl;
use super::extract::body::collect;
use super::server::Peer;
use super::{App, AppState};

pub(super) use metadata::{endpoints, keys, open_id};

/// Returns whether a path belongs to this module.
pub(super) fn is_open_to_all(path: &str) -> bool {
    let rest = path.trim_start_matches('/').split_once('/').map(|(_, rest)| rest);
    path == "/metadata/endpoints"
        || matches!(
            rest,
            Some(
                "v2.0/.well-known/openid-configuration"
                    | ".well-known/openid-configuration"
                    | "discovery/v2.0/keys"
                    | "oauth2/v2.0/token"
                    | "oauth2/token"
            )
        )
}

/// Issues a token to a client that presents its secret.
pub(super) async fn token(
    State(app): AppState,
    Path(tenant): Path<String>,
    base: BaseUrl,
    form: TokenRequest,
) -> Result<Response, ApiError> {
    check_tenant(&app, &tenant)?;
    let Credentials { client, secret, by_header } = form.credentials;
    let granted = app.service.grant(&client, &secret, form.from).await?;
    let Granted { bearer, now } = match granted {
        Ok(granted) => granted,
        Err(GrantRefused::TooMany) => return Err(OAuthError::Busy.into()),
        Err(GrantRefused::Wrong) => return Err(OAuthError::InvalidClient { by_header }.into()),
    };
    let token = json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "expires_on": now + LIFETIME,
        "access_token": app.service.issuer.issue(bearer, &base.0, now),
    });
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, Json(token)).into_response())
}

/// The placeholders for the tenant that clients such as `az logout` use. There is only one tenant here.
const ANY_TENANT: [&str; 2] = ["common", "organizations"];

fn check_tenant(app: &App, tenant: &str) -> Result<(), OAuthError> {
    let ours = tenant.parse().is_ok_and(|tenant: Uuid| tenant == app.service.issuer.tenant())
        || ANY_TENANT.iter().any(|any| tenant.eq_ignore_ascii_case(any));
    if ours { Ok(()) } else { Err(OAuthError::UnknownTenant(tenant.to_owned())) }
}

/// The request for a token.
#[derive(Debug)]
pub(super) struct TokenRequest {
    credentials: Credentials,
    /// The client's address, if known.
    from: Option<IpAddr>,
}

#[derive(Debug)]
struct Credentials {
    client: String,
    secret: Secret,
    /// True if the credentials were in the header, which the error response depends on.
    by_header: bool,
}

impl<S: Sync> FromRequest<S> for TokenRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<TokenRequest, ApiError> {
        let (parts, body) = request.into_parts();
        let media_type =
            parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(OAuthError::InvalidRequest("The request is not a form.").into());
        }
        let body = Zeroizing::new(collect(body).await?);
        let from = parts.extensions.get::<Peer>().map(|peer| peer.0);
        Ok(TokenRequest { credentials: read(&Form::read(&body)?, &parts.headers)?, from })
    }
}

/// The form parameters that are used.
#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
}

impl Form {
    fn read(body: &[u8]) -> Result<Form, OAuthError> {
        let mut form = Form::default();
        for (name, value) in form_urlencoded::parse(body) {
            // There is only one audience, so `scope` and `resource` are ignored.
            let repeated = match &*name {
                "grant_type" => form.grant_type.replace(value.into_owned()).is_some(),
                "client_id" => form.client_id.replace(value.into_owned()).is_some(),
                "client_secret" => {
                    form.client_secret.replace(Secret::new(value.into_owned().into_bytes())).is_some()
                }
                _ => false,
            };
            if repeated {
                return Err(OAuthError::InvalidRequest("A parameter is given twice."));
            }
        }
        Ok(form)
    }
}

/// Reads the credentials of a request. Pure.
fn read(form: &Form, headers: &HeaderMap) -> Result<Credentials, OAuthError> {
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(OAuthError::UnsupportedGrant),
        None => return Err(OAuthError::InvalidRequest("The parameter grant_type is missing.")),
    }
    match (headers.get(AUTHORIZATION), &form.client_secret) {
        (Some(_), Some(_)) => {
            Err(OAuthError::InvalidRequest("The client uses two authentication methods at once."))
        }
        (Some(header), None) => {
            let refused = OAuthError::InvalidClient { by_header: true };
            basic(header)
                .filter(|basic| form.client_id.as_ref().is_none_or(|id| *id == basic.client))
                .ok_or(refused)
        }
        (None, secret) => {
            let client = form.client_id.clone();
            let client = client.ok_or(OAuthError::InvalidRequest("The parameter client_id is missing."))?;
            // Only authentication by a secret is supported.
            let secret = secret.clone().ok_or(OAuthError::InvalidClient { by_header: false })?;
            Ok(Credentials { client, secret, by_header: false })
        }
    }
}

/// Reads the credentials in an `Authorization: Basic` header, each form-encoded before they were joined
/// (section 2.3.1).
fn basic(header: &HeaderValue) -> Option<Credentials> {
    let (scheme, pair) = header.to_str().ok()?.split_once(' ')?;
    let pair = Zeroizing::new(STANDARD.decode(pair.trim()).ok()?);
    let at = pair.iter().position(|byte| *byte == b':')?;
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_encoding::percent_decode(&spaced).collect::<Vec<u8>>()
    };
    let client = String::from_utf8(decode(&pair[..at])).ok()?;
    let credentials = Credentials { client, secret: Secret::new(decode(&pair[at + 1..])), by_header: true };
    scheme.eq_ignore_ascii_case("Basic").then_some(credentials)
}

#[cfg(test)]
mod tests;
