//! Filters lists for clients that may not see all entries.
//!
//! A client may read the lists above its scopes, and sees in them the resources within its scopes and their
//! parents. The filter is applied to the finished response, so that no handler can forget it: entries without
//! an ID are dropped, and a response that is not a list is replaced by an error.

use axum::Json;
use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::identity::access::Client;

use super::super::error::ApiError;

/// The maximum size of a list in bytes: a page of 1000 large gateways.
const MAX_LIST: usize = 256 * 1024 * 1024;

/// The filter of a response.
#[derive(Debug)]
pub(super) struct ListFilter {
    pub(super) client: Client,
    /// The error in place of a response that is not a list.
    pub(super) otherwise: ApiError,
}

impl ListFilter {
    /// Removes the entries that the client may not see. An error response stays unchanged.
    pub(super) async fn filter(self, response: Response) -> Response {
        if response.status() != StatusCode::OK {
            return response;
        }
        let (mut head, body) = response.into_parts();
        // The length is that of the unfiltered list, also for HEAD.
        let length = head.headers.remove(CONTENT_LENGTH);
        let Ok(bytes) = to_bytes(body, MAX_LIST).await else { return self.otherwise.into_response() };
        if bytes.is_empty() && length.is_some() {
            return head.into_response();
        }
        let list = serde_json::from_slice(&bytes).ok().and_then(|list| filtered(list, &self.client));
        match list {
            Some(list) => (head, Json(list)).into_response(),
            None => self.otherwise.into_response(),
        }
    }
}

/// Returns the list with the entries that the client may see; `None` if it is not a list.
fn filtered(mut list: Value, client: &Client) -> Option<Value> {
    let members = list.get_mut("value")?.as_array_mut()?;
    members.retain(|member| member["id"].as_str().is_some_and(|id| client.sees(id)));
    let left = members.len();
    if let Some(count) = list.get_mut("count").and_then(|count| count.get_mut("value")) {
        *count = left.into();
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::role::Role;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn only_lists_get_through_and_of_them_what_may_be_seen() {
        let scopes = vec!["/subscriptions/s/resourceGroups/g".parse().unwrap()];
        let client = Client { app_id: Uuid::nil(), role: Role::Reader, scopes };
        let group = |name: &str| json!({"id": format!("/subscriptions/s/resourceGroups/{name}")});
        let list =
            json!({"value": [group("f"), group("G"), {"name": "g"}], "nextLink": "n", "count": {"value": 3}});
        let expected = json!({"value": [group("G")], "nextLink": "n", "count": {"value": 1}});
        assert_eq!(filtered(list, &client), Some(expected));
        for other in [json!({}), json!([group("g")]), json!({"value": "x"}), group("g")] {
            assert_eq!(filtered(other, &client), None);
        }
    }
}
