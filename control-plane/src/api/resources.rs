//! Summaries of all resources in a subscription or in a resource group.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use crate::store::ResourceRow;

use super::AppState;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, GroupScope, SubscriptionScope};
use super::filter::Filter;
use super::paging::Paging;

pub(super) async fn list_in_subscription(
    State(app): AppState,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    filter: Filter,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let rows = app.service.resources(&subscription, None).await?;
    let path = format!("/subscriptions/{subscription}/resources");
    filter.page(&paging, (&base, &version), &path, shown(rows)).map(Json)
}

pub(super) async fn list_in_group(
    State(app): AppState,
    version: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
    filter: Filter,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let rows = app.service.resources(&subscription, Some(&group)).await?;
    let path = format!("/subscriptions/{subscription}/resourceGroups/{group}/resources");
    filter.page(&paging, (&base, &version), &path, shown(rows)).map(Json)
}

/// Renders the rows, in the order of their resource IDs.
fn shown(rows: Vec<ResourceRow>) -> Vec<(String, Value)> {
    rows.into_iter().map(|row| (row.id.to_lowercase(), show(row))).collect()
}

/// Renders a row without properties, as is usual in such lists.
fn show(row: ResourceRow) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), row.id.into());
    shown.insert("name".into(), row.name.into());
    shown.insert("type".into(), row.kind.resource_type().into());
    shown.extend(row.body.into_iter().filter(|(key, _)| key != "properties"));
    shown.into()
}
