//! Lists for who may not see all of them.
//!
//! A client whose scopes lie further down reads the lists above them, and finds there what lies within and on the way.
//! It is done here, once, to the finished answer, so that no handler can forget it: what has no ID is not shown, and
//! an answer that is no list is not either.

use axum::Json;
use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::identity::access::Client;

use super::super::error::ApiError;

/// The largest list, in bytes: a page of a thousand large gateways.
const MAX_LIST: usize = 256 * 1024 * 1024;

/// What the answer to a client goes through.
#[derive(Debug)]
pub(super) struct ListFilter {
    /// The client.
    pub(super) client: Client,
    /// What it gets for an answer that is no list.
    pub(super) otherwise: ApiError,
}

impl ListFilter {
    /// The answer without what the client may not see. A failure stays as it is.
    pub(super) async fn filter(self, response: Response) -> Response {
        if response.status() != StatusCode::OK {
            return response;
        }
        let (mut head, body) = response.into_parts();
        // It is that of the whole list, for a HEAD too, which has nothing else to show.
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

/// The list with those members that the client sees; none for what is no list.
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
