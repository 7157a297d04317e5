//! Metadata of the endpoints, for OpenID Connect Discovery 1.0 and Azure's clients.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
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

/// The versions of the cloud metadata whose response is a list of clouds. `azurerm` 3 reads it.
const LISTS: [&str; 2] = ["2019-05-01", "2020-06-01"];

/// Returns the cloud metadata for `az cloud register`, for Terraform's `metadata_host` and for Pulumi.
pub(in crate::api) async fn endpoints(base: BaseUrl, RawQuery(query): RawQuery) -> Json<Value> {
    let cloud = cloud(&base.0);
    let mut parameters = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let listed = parameters
        .any(|(name, value)| name.eq_ignore_ascii_case("api-version") && LISTS.contains(&value.as_ref()));
    Json(if listed { json!([cloud]) } else { cloud })
}

/// Returns the metadata; all endpoints are here. Pure.
///
/// - `tenant` is `common`, because `go-azure-sdk` takes any other for Azure Stack. Clients take the
///   tenant from their credentials.
/// - `microsoftGraphResourceId` must not be empty for `go-azure-sdk`, which requests a token for it. It reads
///   the client's object ID in that token and does not call the service.
/// - `azurerm` requires the suffixes, and uses them only for storage accounts and key vaults. No name ends in
///   `.invalid` (RFC 6761).
/// - The last three properties are for clients of 2015.
fn cloud(here: &str) -> Value {
    json!({
        "name": "Tidegate",
        "resourceManager": here,
        "authentication": {
            "loginEndpoint": here,
            "audiences": [here],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "microsoftGraphResourceId": here,
        "suffixes": {"storage": "storage.tidegate.invalid", "keyVaultDns": "vault.tidegate.invalid"},
        "portal": here,
        "gallery": here,
        "graph": here,
        "graphAudience": here,
        "portalEndpoint": here,
        "galleryEndpoint": here,
        "graphEndpoint": here,
    })
}
