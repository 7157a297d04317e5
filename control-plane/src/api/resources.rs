//! Summaries of all resources in a subscription or in a resource group.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use crate::store::ResourceRow;

use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, GroupScope, SubscriptionScope};
use super::filter::Filter;
use super::paging::Paging;
use super::{App, AppState};

/// The number of rows that are read at once while a filter is applied.
const ROWS_TO_FILTER: usize = 1000;

pub(super) async fn list_in_subscription(
    State(app): AppState,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    filter: Filter,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    list(&app, &format!("/subscriptions/{subscription}"), filter, (&base, &version), &paging).await
}

pub(super) async fn list_in_group(
    State(app): AppState,
    version: ApiVersionParam,
    GroupScope { subscription, group }: GroupScope,
    filter: Filter,
    base: BaseUrl,
    paging: Paging,
) -> Result<Json<Value>, ApiError> {
    let group = format!("/subscriptions/{subscription}/resourceGroups/{group}");
    list(&app, &group, filter, (&base, &version), &paging).await
}

/// Returns a page of the resources in a subscription or a group. Rows are read until the page is full.
async fn list(
    app: &App,
    scope: &str,
    filter: Filter,
    origin: (&BaseUrl, &ApiVersionParam),
    paging: &Paging,
) -> Result<Json<Value>, ApiError> {
    let (filter, mut after) = filter.resume(paging)?;
    let rows = if filter.is_empty() { paging.rows + 1 } else { ROWS_TO_FILTER };
    let mut found = Vec::new();
    loop {
        let page = app.service.page_of_resources(scope, &after, rows).await?;
        let shown = page.rows.into_iter().map(|(key, row)| (key, show(row)));
        found.extend(shown.filter(|(_, member)| filter.admits(member)));
        match page.next {
            Some(next) if found.len() <= paging.rows => after = next,
            _ => break,
        }
    }
    Ok(Json(filter.answer(paging, origin, &format!("{scope}/resources"), found)))
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
