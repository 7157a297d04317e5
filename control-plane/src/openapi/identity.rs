//! Identity of clients on the wire, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

/// An entry of the audit log.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    /// The sequence number: later entries have greater ones.
    id: String,
    /// The time of the change, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    time: String,
    /// The API client's name, `admin`, or `tidegate` for changes by the control plane itself.
    author: String,
    /// The IP address of the client.
    address: Option<String>,
    /// The ID of the request, as in the header `x-ms-request-id` of its response.
    request_id: Option<String>,
    /// The name of the ARM operation.
    action: String,
    /// The resource ID of the target.
    resource_id: String,
    /// The gateway's generation before the change, if the target is an existing gateway.
    generation_before: Option<u64>,
    /// The gateway's generation after the change.
    generation_after: Option<u64>,
}

/// The endpoints of this cloud; in a list for the `api-version`s 2019-05-01 and 2020-06-01, as in Azure.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(crate) enum CloudMetadata {
    /// The endpoints.
    One(CloudEndpoints),
    /// The list of clouds.
    List(Vec<CloudEndpoints>),
}

/// The endpoints of a cloud.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct CloudEndpoints {
    /// The name of this cloud.
    name: String,
    /// The URL of the REST API.
    resource_manager: String,
    /// The login endpoint.
    authentication: CloudAuthentication,
    /// The resource for which clients request tokens to look up users. There is no such service here; tokens
    /// contain the ID of their client.
    microsoft_graph_resource_id: String,
    /// The domains of services that do not exist here.
    suffixes: CloudSuffixes,
}

/// Domains of services that do not exist here. They end in `.invalid`, so that no client finds a server.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct CloudSuffixes {
    /// The domain of storage accounts.
    storage: String,
    /// The domain of key vaults.
    key_vault_dns: String,
}

/// The login endpoint.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct CloudAuthentication {
    /// The URL of the authority, without the tenant.
    login_endpoint: String,
    /// The audiences for which tokens are requested.
    audiences: Vec<String>,
    /// Always `common`: the tenant of a client is that of its credentials.
    tenant: String,
    /// The kind of identity provider.
    identity_provider: String,
}

/// The metadata of OpenID Connect Discovery.
#[derive(JsonSchema)]
pub(crate) struct OpenIdMetadata {
    /// The issuer of tokens.
    issuer: String,
    /// The URL of the authorization endpoint, which is not implemented.
    authorization_endpoint: String,
    /// The URL of the token endpoint.
    token_endpoint: String,
    /// The URL of the public keys.
    jwks_uri: String,
    /// The supported grant types.
    grant_types_supported: Vec<String>,
    /// The supported response types.
    response_types_supported: Vec<String>,
    /// The supported subject types.
    subject_types_supported: Vec<String>,
    /// The supported methods of client authentication.
    token_endpoint_auth_methods_supported: Vec<String>,
    /// The supported signature algorithms of tokens.
    id_token_signing_alg_values_supported: Vec<String>,
}

/// A JSON Web Key Set.
#[derive(JsonSchema)]
pub(crate) struct KeySet {
    /// The keys.
    keys: Vec<PublicKey>,
}

/// A JSON Web Key.
#[derive(JsonSchema)]
struct PublicKey {
    /// The key type.
    kty: String,
    /// The curve.
    crv: String,
    /// The x coordinate.
    x: String,
    /// The y coordinate.
    y: String,
    /// The intended use.
    r#use: String,
    /// The algorithm.
    alg: String,
    /// The key ID, as in the header of tokens.
    kid: String,
}

/// The request for a token. The client's ID and secret may be sent by HTTP Basic authentication instead.
#[derive(JsonSchema)]
pub(crate) struct TokenRequest {
    /// The grant type.
    grant_type: GrantType,
    /// The client's ID.
    client_id: Option<String>,
    /// The client's secret.
    client_secret: Option<String>,
    /// The scope of the token; ignored.
    scope: Option<String>,
    /// The resource, as older clients name the scope; ignored.
    resource: Option<String>,
}

/// The supported grant type.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum GrantType {
    /// The client credentials grant (RFC 6749, section 4.4).
    ClientCredentials,
}

/// A token.
#[derive(JsonSchema)]
pub(crate) struct Token {
    /// `Bearer`.
    token_type: String,
    /// The lifetime in seconds.
    expires_in: u32,
    /// The lifetime in seconds, again.
    ext_expires_in: u32,
    /// The expiry, in seconds since 1970.
    expires_on: u64,
    /// The value of the `Authorization` header, after `Bearer`.
    access_token: String,
}

/// An error of a token request (RFC 6749, section 5.2).
#[derive(JsonSchema)]
pub(crate) struct TokenRefusal {
    /// The code.
    error: String,
    /// A message for people.
    error_description: String,
}
