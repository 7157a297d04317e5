//! What a document refers to: a client that may write it must be allowed to use that too. Pure.

use serde_json::Value;

use super::access::Client;

/// The first resource that a document names and that the client may not use in a write to `written`.
pub fn forbidden<'a>(client: &Client, written: &str, document: &'a Value) -> Option<&'a str> {
    match document {
        Value::Array(items) => items.iter().find_map(|item| forbidden(client, written, item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| match value {
            Value::String(id) if name.eq_ignore_ascii_case("id") => {
                Some(id.as_str()).filter(|id| is_resource(id) && !client.may_name(written, id))
            }
            other => forbidden(client, written, other),
        }),
        _ => None,
    }
}

/// Whether a text is a resource ID; the slash at its beginning may be missing.
fn is_resource(text: &str) -> bool {
    let text = text.strip_prefix('/').unwrap_or(text);
    text.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case("subscriptions"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::role::Role;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn what_lies_elsewhere_is_found_at_any_depth() {
        let scopes = vec!["/subscriptions/s/resourceGroups/g".parse().unwrap()];
        let client = Client { app_id: Uuid::nil(), role: Role::Contributor, scopes };
        let group = |name: &str| format!("/subscriptions/s/resourceGroups/{name}");
        let kinds = "providers/Microsoft.Network/publicIPAddresses/p";
        let (written, here, there) =
            (group("g"), format!("{}/{kinds}", group("G")), format!("{}/{kinds}", group("h")));
        let bare = &there[1..];
        for (document, expected) in [
            (json!({"a": [{"b": {"id": here}}]}), None),
            (json!({"a": [{"b": {"id": there}}]}), Some(there.as_str())),
            (json!({"a": {"ID": bare}}), Some(bare)),
            (json!({"id": "x", "name": there}), None),
            (json!({"id": {"id": there}}), Some(there.as_str())),
            (json!({"id": "[resourceId('Microsoft.Network/publicIPAddresses', 'p')]"}), None),
        ] {
            assert_eq!(forbidden(&client, &written, &document), expected, "{document}");
        }
    }
}
