//! Subscriptions, the tenant and locations, which clients read when they log in.
//!
//! A subscription is only a part of resource IDs: it exists when it contains a resource, and the default one
//! always exists.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::audit::Author;
use crate::identity::scope::Scope;
use crate::service::ResourceGroupError;

use super::error::ApiError;
use super::extract::{ApiVersionParam, RequestAuthor, SubscriptionScope};
use super::{App, AppState};

/// The subscription that always exists, because clients need one to log in.
const DEFAULT: &str = "00000000-0000-0000-0000-000000000000";

/// The name of this service.
const NAME: &str = "Tidegate";

/// The only location that is listed. Any other is accepted and equally without effect.
pub(super) const LOCATION: &str = "local";

pub(super) async fn list(
    State(app): AppState,
    RequestAuthor(author): RequestAuthor,
    _: ApiVersionParam,
) -> Result<Json<Value>, ApiError> {
    let shown: Vec<Value> = all(&app, &author).await?.iter().map(|id| show(&app, id)).collect();
    Ok(Json(json!({"value": shown})))
}

pub(super) async fn get(
    State(app): AppState,
    RequestAuthor(author): RequestAuthor,
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
) -> Result<Json<Value>, ApiError> {
    let known = all(&app, &author).await?.into_iter().find(|id| id.eq_ignore_ascii_case(&subscription));
    let id = known.ok_or(ResourceGroupError::NoSubscription(subscription))?;
    Ok(Json(show(&app, &id)))
}

pub(super) async fn locations(
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
) -> Json<Value> {
    Json(json!({"value": [{
        "id": format!("/subscriptions/{subscription}/locations/{LOCATION}"),
        "name": LOCATION,
        "type": "Region",
        "displayName": "Local",
        "regionalDisplayName": "Local",
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }]}))
}

pub(super) async fn tenants(State(app): AppState, _: ApiVersionParam) -> Json<Value> {
    let tenant = app.service.issuer.tenant().to_string();
    Json(json!({"value": [{
        "id": format!("/tenants/{tenant}"),
        "tenantId": tenant,
        "displayName": NAME,
        "tenantCategory": "Home",
    }]}))
}

/// Returns the subscriptions with resources, and those in the client's scopes, because it must be able to log
/// in before there is a resource.
async fn all(app: &App, author: &Author) -> Result<Vec<String>, ApiError> {
    let mut all = app.service.subscriptions().await?;
    let scopes = author.client.iter().flat_map(|client| &client.scopes);
    for subscription in scopes.filter_map(Scope::subscription) {
        if !all.iter().any(|id| id.eq_ignore_ascii_case(subscription)) {
            all.push(subscription.to_owned());
        }
    }
    if !all.iter().any(|id| id == DEFAULT) {
        all.insert(0, DEFAULT.to_owned());
    }
    Ok(all)
}

/// Some clients distinguish subscriptions by name, so only the default one has the plain name.
fn show(app: &App, id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "tenantId": app.service.issuer.tenant().to_string(),
        "displayName": if id == DEFAULT { NAME.to_owned() } else { format!("{NAME} {id}") },
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}
