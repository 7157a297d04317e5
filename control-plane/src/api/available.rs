//! The `applicationGatewayAvailable…` lists of a subscription, which clients offer to users.
//!
//! The lists are those of Azure, including features that no worker implements; the compiler decides about those.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::arm::rewrite_names::{REQUEST_HEADERS, RESPONSE_HEADERS, SERVER_VARIABLES};
use crate::arm::tls_policy::{DEFAULT, PREDEFINED, PredefinedPolicy, SUITES, TlsVersion};
use crate::service::ServiceError;

use super::error::ApiError;
use super::extract::{ApiVersionParam, SubscriptionScope};

/// The name of the only set of options.
const OPTIONS: &str = "default";

pub(super) async fn server_variables(_: ApiVersionParam, _: SubscriptionScope) -> Json<Value> {
    Json(json!(SERVER_VARIABLES.as_slice()))
}

pub(super) async fn request_headers(_: ApiVersionParam, _: SubscriptionScope) -> Json<Value> {
    Json(json!(REQUEST_HEADERS.as_slice()))
}

pub(super) async fn response_headers(_: ApiVersionParam, _: SubscriptionScope) -> Json<Value> {
    Json(json!(RESPONSE_HEADERS.as_slice()))
}

pub(super) async fn tls_options(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path((_, options)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    known(&options)?;
    let policies: Vec<Value> =
        PREDEFINED.iter().map(|policy| json!({"id": policy_id(&subscription, policy)})).collect();
    Ok(Json(json!({
        "name": OPTIONS,
        "id": options_id(&subscription),
        "type": "Microsoft.Network/ApplicationGatewayAvailableSslOptions",
        "properties": {
            "predefinedPolicies": policies,
            "defaultPolicy": DEFAULT,
            "availableCipherSuites": SUITES.as_slice(),
            "availableProtocols": TlsVersion::ALL,
        },
    })))
}

pub(super) async fn tls_policies(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path((_, options)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    known(&options)?;
    let policies: Vec<Value> = PREDEFINED.iter().map(|policy| show(&subscription, policy)).collect();
    Ok(Json(json!({"value": policies})))
}

pub(super) async fn tls_policy(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path((_, options, name)): Path<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    known(&options)?;
    let policy = PREDEFINED.iter().find(|policy| policy_name(policy).eq_ignore_ascii_case(&name));
    let policy = policy.ok_or_else(|| ServiceError::UnknownPath(format!("predefinedPolicies/{name}")))?;
    Ok(Json(show(&subscription, policy)))
}

fn known(options: &str) -> Result<(), ApiError> {
    if options.eq_ignore_ascii_case(OPTIONS) {
        return Ok(());
    }
    Err(ServiceError::UnknownPath(format!("applicationGatewayAvailableSslOptions/{options}")).into())
}

/// Azure's specification has no names for the suites of TLS 1.3, which are always on with that version, so they
/// are not listed.
fn show(subscription: &str, policy: &PredefinedPolicy) -> Value {
    let suites: Vec<_> = policy.suites.iter().filter(|suite| SUITES.contains(suite)).collect();
    json!({
        "name": policy.name,
        "id": policy_id(subscription, policy),
        "properties": {"cipherSuites": suites, "minProtocolVersion": policy.oldest},
    })
}

/// The empty resource group is Azure's.
fn options_id(subscription: &str) -> String {
    format!(
        "/subscriptions/{subscription}/resourceGroups//providers/Microsoft.Network/ApplicationGatewayAvailableSslOptions/{OPTIONS}"
    )
}

fn policy_id(subscription: &str, policy: &PredefinedPolicy) -> String {
    let name = policy_name(policy);
    format!("{}/ApplicationGatewaySslPredefinedPolicy/{name}", options_id(subscription))
}

/// The name as in JSON.
fn policy_name(policy: &PredefinedPolicy) -> String {
    format!("{:?}", policy.name)
}
