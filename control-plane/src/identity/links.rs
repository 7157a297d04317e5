//! References to resources in a document: a client that writes the document must be allowed to use them. Pure.

use serde_json::Value;

use super::access::Client;
use crate::resource_id::ResourceId;

/// Returns the first referenced resource that the client may not use in a write to `written`. Text without a
/// canonical form is skipped: reading the document rejects it as a reference.
pub(crate) fn forbidden(client: &Client, written: &str, document: &Value) -> Option<ResourceId> {
    match document {
        Value::Array(items) => items.iter().find_map(|item| forbidden(client, written, item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| match value {
            Value::String(id) if name.eq_ignore_ascii_case("id") => {
                ResourceId::parse(id).filter(|id| !client.may_name(written, id.as_str()))
            }
            other => forbidden(client, written, other),
        }),
        _ => None,
    }
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
            (json!({"a": {"ID": bare}}), Some(there.as_str())),
            (json!({"a": {"id": format!("/{there}")}}), None),
            (json!({"id": "x", "name": there}), None),
            (json!({"id": {"id": there}}), Some(there.as_str())),
            (json!({"id": "[resourceId('Microsoft.Network/publicIPAddresses', 'p')]"}), None),
        ] {
            let found = forbidden(&client, &written, &document);
            assert_eq!(found.as_ref().map(ResourceId::as_str), expected, "{document}");
        }
    }
}
