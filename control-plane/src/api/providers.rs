//! Resource providers: their types, locations and versions. No registration is needed.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::arm::extension::{API_VERSIONS, EXTENSION_TYPES, NAMESPACE};
use crate::service::ResourceGroupError;

use super::error::ApiError;
use super::extract::{ApiVersionParam, ExtensionVersion, SubscriptionScope};
use super::subscriptions::LOCATION;

/// A provider of Azure with its types.
struct Provider {
    namespace: &'static str,
    types: &'static [&'static str],
    /// The versions, newest first. Other dates are accepted too; clients without a version of their own choose
    /// from these.
    versions: &'static [&'static str],
}

static PROVIDERS: [Provider; 2] = [
    Provider {
        namespace: "Microsoft.Network",
        types: &[
            "applicationGateways",
            "virtualNetworks",
            "virtualNetworks/subnets",
            "publicIPAddresses",
            "ApplicationGatewayWebApplicationFirewallPolicies",
            "locations",
            "locations/operations",
            "locations/operationResults",
        ],
        versions: &[
            "2025-07-01",
            "2025-05-01",
            "2025-03-01",
            "2025-01-01",
            "2024-10-01",
            "2024-07-01",
            "2024-05-01",
            "2024-03-01",
            "2024-01-01",
            "2023-11-01",
            "2023-09-01",
            "2022-05-01",
        ],
    },
    Provider {
        namespace: "Microsoft.Resources",
        types: &[
            "subscriptions",
            "subscriptions/resourceGroups",
            "resourceGroups",
            "resources",
            "deployments",
            "deployments/operations",
            "subscriptions/locations",
            "subscriptions/providers",
            "tenants",
        ],
        versions: &[
            "2025-04-01",
            "2024-11-01",
            "2024-07-01",
            "2024-03-01",
            "2022-12-01",
            "2022-09-01",
            "2021-04-01",
        ],
    },
];

pub(super) async fn list(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
) -> Json<Value> {
    let of_azure = PROVIDERS.iter().map(|provider| show(&subscription, provider));
    let shown: Vec<Value> = of_azure.chain([show_own(&subscription)]).collect();
    Json(json!({"value": shown}))
}

/// Also the response to a registration, because every provider is registered.
pub(super) async fn get(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(ProviderPath { namespace }): Path<ProviderPath>,
) -> Result<Json<Value>, ApiError> {
    if namespace.eq_ignore_ascii_case(NAMESPACE) {
        return Ok(Json(show_own(&subscription)));
    }
    let known = PROVIDERS.iter().find(|provider| provider.namespace.eq_ignore_ascii_case(&namespace));
    let provider = known.ok_or(ResourceGroupError::NoProvider(namespace))?;
    Ok(Json(show(&subscription, provider)))
}

/// The parameters in the path of a provider, without the subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ProviderPath {
    namespace: String,
}

/// The operations of the extension provider that concern no document: name, resource and purpose.
const VIEWS: [(&str, &str, &str); 11] = [
    ("tunnels/read", "Tunnel", "see the tunnels of an application gateway"),
    ("tunnels/close/action", "Tunnel", "close a tunnel of an application gateway"),
    ("closeTunnels/action", "Tunnel", "close the tunnels of an application gateway that meet a condition"),
    ("closeTunnels/cancel/action", "Tunnel", "cancel the closing of tunnels"),
    ("revisions/read", "Revision", "see and compare the generations of an application gateway"),
    ("revisions/restore/action", "Revision", "give an application gateway the content of a revision"),
    ("whatIf/action", "WhatIf", "ask what a change of an application gateway would do"),
    ("events/read", "Event", "follow the events of an application gateway"),
    ("workers/read", "Worker", "see the workers"),
    ("workers/drain/action", "Worker", "drain a worker"),
    ("workers/resume/action", "Worker", "have a drained worker serve again"),
];

/// Returns the operations of the extension provider.
pub(super) async fn operations(_: ExtensionVersion) -> Json<Value> {
    let of_documents = EXTENSION_TYPES.iter().flat_map(|kind| {
        ["read", "write", "delete"].map(|verb| {
            let purpose = format!("{verb} the {} of an application gateway", kind.name);
            operation(&format!("{}/{verb}", kind.name), kind.singular, &purpose)
        })
    });
    let views = VIEWS.iter().map(|(name, resource, purpose)| operation(name, resource, purpose));
    Json(json!({"value": of_documents.chain(views).collect::<Vec<_>>()}))
}

fn operation(name: &str, resource: &str, purpose: &str) -> Value {
    json!({
        "name": format!("{NAMESPACE}/{name}"),
        "isDataAction": false,
        "display": {
            "provider": "Tidegate",
            "resource": resource,
            "operation": purpose,
            "description": format!("Permits to {purpose}."),
        },
    })
}

fn show(subscription: &str, provider: &Provider) -> Value {
    let capabilities = "SupportsTags, SupportsLocation";
    let types = provider.types.iter().map(|kind| show_type(kind, provider.versions, capabilities));
    shown(subscription, provider.namespace, types)
}

/// Renders the extension provider, whose resources have neither tags nor a location.
fn show_own(subscription: &str) -> Value {
    let names = EXTENSION_TYPES.iter().map(|kind| kind.name).chain(["tunnels"]);
    let types = names.map(|name| show_type(name, &API_VERSIONS, "SupportsExtension"));
    shown(subscription, NAMESPACE, types)
}

fn show_type(kind: &str, versions: &[&str], capabilities: &str) -> Value {
    json!({
        "resourceType": kind,
        "locations": [LOCATION],
        "apiVersions": versions,
        "defaultApiVersion": versions.first(),
        "capabilities": capabilities,
    })
}

fn shown(subscription: &str, namespace: &str, types: impl Iterator<Item = Value>) -> Value {
    json!({
        "id": format!("/subscriptions/{subscription}/providers/{namespace}"),
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree",
        "resourceTypes": types.collect::<Vec<_>>(),
    })
}
