//! Subscriptions, the tenant, and where things can be: what clients ask for when they log in.
//!
//! A subscription is nothing but a part of resource IDs here: one is there when it holds something, and the default
//! one always is.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::audit::Author;
use crate::identity::scope::Scope;
use crate::service::ResourceGroupError;

use super::error::ApiError;
use super::extract::{ApiVersionParam, RequestAuthor, SubscriptionScope};
use super::{App, Shared};

/// The subscription that is there even when it holds nothing: clients need one to log in.
const DEFAULT: &str = "00000000-0000-0000-0000-000000000000";

/// What this service is called.
const NAME: &str = "Tidegate";

/// The one place where things can be. Any other is taken too, and means as little.
pub(super) const LOCATION: &str = "local";

pub(super) async fn list(
    State(app): Shared,
    RequestAuthor(author): RequestAuthor,
    _: ApiVersionParam,
) -> Result<Json<Value>, ApiError> {
    let shown: Vec<Value> = all(&app, &author).await?.iter().map(|id| show(&app, id)).collect();
    Ok(Json(json!({"value": shown})))
}

pub(super) async fn get(
    State(app): Shared,
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

pub(super) async fn tenants(State(app): Shared, _: ApiVersionParam) -> Json<Value> {
    let tenant = app.service.issuer.tenant().to_string();
    Json(json!({"value": [{
        "id": format!("/tenants/{tenant}"),
        "tenantId": tenant,
        "displayName": NAME,
        "tenantCategory": "Home",
    }]}))
}

/// What holds something, and what the client was made for: it must be able to log in before there is anything.
async fn all(app: &App, author: &Author) -> Result<Vec<String>, ApiError> {
    let mut all = app.service.store.subscriptions().await?;
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

/// Names tell subscriptions apart for some clients, so only the default one has the plain name.
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
