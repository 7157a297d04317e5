//! Metadata of the endpoints, for OpenID Connect Discovery 1.0 and Azure's clients.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::api::AppState;
use crate::api::error::ApiError;
use crate::api::extract::BaseUrl;

use super::check_tenant;

/// Returns the OpenID metadata. The authorization endpoint is not implemented, because there are no users; the
/// standard and the clients require its URL.
pub(in crate::api) async fn open_id(
    State(app): AppState,
    Path(tenant): Path<String>,
    base: BaseUrl,
) -> Result<Json<Value>, ApiError> {
    check_tenant(&app, &tenant)?;
    let here = format!("{}/{}", base.0, app.service.issuer.tenant());
    Ok(Json(json!({
        "issuer": app.service.issuer.url(&base.0),
        "authorization_endpoint": format!("{here}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{here}/oauth2/v2.0/token"),
        "jwks_uri": format!("{here}/discovery/v2.0/keys"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })))
}

/// Returns the keys that sign tokens, as a JSON Web Key Set.
pub(in crate::api) async fn keys(
    State(app): AppState,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, ApiError> {
    check_tenant(&app, &tenant)?;
    Ok(Json(json!({"keys": [app.service.issuer.public_key()]})))
}

/// Returns the cloud metadata for `az cloud register`; all endpoints are here. The last three properties are
/// for clients of 2015.
pub(in crate::api) async fn endpoints(State(app): AppState, base: BaseUrl) -> Json<Value> {
    let here = base.0;
    Json(json!({
        "name": "Tidegate",
        "resourceManager": here,
        "authentication": {
            "loginEndpoint": here,
            "audiences": [here],
            "tenant": app.service.issuer.tenant().to_string(),
            "identityProvider": "AAD",
        },
        "suffixes": {},
        "portal": here,
        "gallery": here,
        "graphAudience": here,
        "portalEndpoint": here,
        "galleryEndpoint": here,
        "graphEndpoint": here,
    }))
}
