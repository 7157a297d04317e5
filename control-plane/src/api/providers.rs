//! Resource providers: their types, locations and versions. No registration is needed.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::service::ResourceGroupError;

use super::error::ApiError;
use super::extract::{ApiVersionParam, SubscriptionScope};
use super::subscriptions::LOCATION;

/// A provider with its types.
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
    let shown: Vec<Value> = PROVIDERS.iter().map(|provider| show(&subscription, provider)).collect();
    Json(json!({"value": shown}))
}

/// Also the response to a registration, because every provider is registered.
pub(super) async fn get(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(ProviderPath { namespace }): Path<ProviderPath>,
) -> Result<Json<Value>, ApiError> {
    let known = PROVIDERS.iter().find(|provider| provider.namespace.eq_ignore_ascii_case(&namespace));
    let provider = known.ok_or(ResourceGroupError::NoProvider(namespace))?;
    Ok(Json(show(&subscription, provider)))
}

/// The parameters in the path of a provider, without the subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ProviderPath {
    namespace: String,
}

fn show(subscription: &str, provider: &Provider) -> Value {
    let types = provider.types.iter().map(|kind| {
        json!({
            "resourceType": kind,
            "locations": [LOCATION],
            "apiVersions": provider.versions,
            "defaultApiVersion": provider.versions.first(),
            "capabilities": "SupportsTags, SupportsLocation",
        })
    });
    json!({
        "id": format!("/subscriptions/{subscription}/providers/{}", provider.namespace),
        "namespace": provider.namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree",
        "resourceTypes": types.collect::<Vec<_>>(),
    })
}
