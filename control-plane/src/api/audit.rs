//! The audit log: who changed what, the newest first.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::{Entry, Filter};
use crate::clock::Millis;

use super::AppState;
use super::error::ApiError;
use super::extract::BaseUrl;
use super::paging::Parameters;

/// The default and the maximum number of entries of a page.
const ROWS: u16 = 100;
const MAX_ROWS: u16 = 1000;

/// The filters of the log, which the URL of the next page repeats.
const FILTERS: [&str; 4] = ["resourceId", "author", "from", "to"];

pub(super) async fn list(
    State(app): AppState,
    base: BaseUrl,
    parameters: Parameters,
) -> Result<Json<Value>, ApiError> {
    let (filter, rows) = (filter(&parameters)?, rows(&parameters)?);
    // One entry more than is shown tells whether there is another page.
    let mut entries = app.service.audit(&filter, rows + 1).await?;
    let more = entries.len() > usize::from(rows);
    entries.truncate(rows.into());
    let mut page = json!({"value": entries.iter().map(view).collect::<Vec<_>>()});
    if let Some(last) = entries.last().filter(|_| more) {
        page["nextLink"] = next_link(&base, &parameters, last.id).into();
    }
    Ok(Json(page))
}

/// Renders an entry without absent values.
fn view(entry: &Entry) -> Value {
    let author = &entry.activity.author;
    let mut shown = json!({
        "id": entry.id.to_string(),
        "time": entry.at.to_string(),
        "author": author.name,
        "address": author.address.map(|address| address.to_string()),
        "requestId": author.request.map(|id| id.to_string()),
        "action": entry.activity.action,
        "resourceId": entry.activity.resource,
        "generationBefore": entry.before.map(|generation| generation.0),
        "generationAfter": entry.after.map(|generation| generation.0),
    });
    if let Some(members) = shown.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    shown
}

fn filter(parameters: &Parameters) -> Result<Filter, ApiError> {
    let text = |name| parameters.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let time = |name| {
        let time = text(name).map(|text| text.parse::<Timestamp>()).transpose();
        let bad = |_| {
            ApiError::BadRequest(format!("{name} must be a time in RFC 3339, such as 2030-01-02T03:04:05Z."))
        };
        time.map(|time| time.map(|time| Millis(time.as_millisecond()))).map_err(bad)
    };
    let bad_token = |_| ApiError::BadRequest("$skipToken must come from a nextLink.".to_owned());
    Ok(Filter {
        resource: text("resourceId"),
        author: text("author"),
        from: time("from")?,
        to: time("to")?,
        before: text("$skipToken").map(|token| token.parse()).transpose().map_err(bad_token)?,
    })
}

fn rows(parameters: &Parameters) -> Result<u16, ApiError> {
    let rows = parameters.get("$top").map_or(Some(ROWS), |text| text.parse().ok());
    let rows = rows.filter(|rows| (1..=MAX_ROWS).contains(rows));
    rows.ok_or_else(|| ApiError::BadRequest(format!("$top must be an integer from 1 to {MAX_ROWS}.")))
}

fn next_link(base: &BaseUrl, parameters: &Parameters, last: i64) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in FILTERS.into_iter().chain(["$top"]) {
        if let Some(value) = parameters.get(name) {
            query.append_pair(name, value);
        }
    }
    query.append_pair("$skipToken", &last.to_string());
    format!("{}/audit?{}", base.0, query.finish())
}
