//! What the identity of clients looks like on the wire, as types of which only the schema is of use.
#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

/// A change, as the audit log has it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    /// Its place in the log: a later change has a greater number.
    id: String,
    /// When it was made, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    time: String,
    /// The API client's name, `admin`, or `tidegate` for what the control plane did by itself.
    author: String,
    /// The address that the request came from.
    address: Option<String>,
    /// The request's ID, as in the header `x-ms-request-id` of its answer.
    request_id: Option<String>,
    /// ARM's name of what was done.
    action: String,
    /// What it was done to.
    resource_id: String,
    /// The gateway's generation before, where it is about one that was there.
    generation_before: Option<u64>,
    /// The gateway's generation after.
    generation_after: Option<u64>,
}

/// Where a client finds everything.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct CloudEndpoints {
    /// What this cloud is called.
    name: String,
    /// The REST API.
    resource_manager: String,
    /// Where to log in.
    authentication: CloudAuthentication,
}

/// Where to log in.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct CloudAuthentication {
    /// The authority, without the tenant.
    login_endpoint: String,
    /// What tokens are asked for.
    audiences: Vec<String>,
    /// The tenant.
    tenant: String,
    /// What kind of authority it is.
    identity_provider: String,
}

/// The metadata of OpenID Connect Discovery.
#[derive(JsonSchema)]
pub(crate) struct OpenIdMetadata {
    /// Who gives tokens out.
    issuer: String,
    /// Nothing is served there.
    authorization_endpoint: String,
    /// Where tokens are given out.
    token_endpoint: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// What can be shown for a token.
    grant_types_supported: Vec<String>,
    /// What is given for it.
    response_types_supported: Vec<String>,
    /// Clients are called the same for everybody.
    subject_types_supported: Vec<String>,
    /// How a client shows its secret.
    token_endpoint_auth_methods_supported: Vec<String>,
    /// How tokens are signed.
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
    /// Its kind.
    kty: String,
    /// Its curve.
    crv: String,
    /// One coordinate.
    x: String,
    /// The other.
    y: String,
    /// What it is for.
    r#use: String,
    /// What it is used with.
    alg: String,
    /// What tokens call it.
    kid: String,
}

/// What a token is asked for with. The client's ID and secret may come by HTTP Basic instead.
#[derive(JsonSchema)]
pub(crate) struct TokenRequest {
    /// The one grant that is served.
    grant_type: GrantType,
    /// The client's ID.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<String>,
    /// What the token is for; not looked at.
    scope: Option<String>,
    /// The same, as older clients say it.
    resource: Option<String>,
}

/// The one grant that is served.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum GrantType {
    /// The client for itself.
    ClientCredentials,
}

/// A token.
#[derive(JsonSchema)]
pub(crate) struct Token {
    /// `Bearer`.
    token_type: String,
    /// For how many seconds it is good.
    expires_in: u32,
    /// The same.
    ext_expires_in: u32,
    /// Until when it is good, in seconds since 1970.
    expires_on: u64,
    /// What goes into the `Authorization` header.
    access_token: String,
}

/// Why there is no token, as RFC 6749 has it.
#[derive(JsonSchema)]
pub(crate) struct TokenRefusal {
    /// The code.
    error: String,
    /// A sentence for people.
    error_description: String,
}
