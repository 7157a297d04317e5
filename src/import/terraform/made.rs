//! Properties that are more than an attribute of another name.

use serde_json::{Map, Value, json};

/// The names of a pool.
pub(in crate::import::terraform) fn host_names(value: &Value) -> Option<Value> {
    addresses(value, "fqdn")
}

/// The addresses of a pool.
pub(in crate::import::terraform) fn ip_addresses(value: &Value) -> Option<Value> {
    addresses(value, "ipAddress")
}

fn addresses(value: &Value, key: &str) -> Option<Value> {
    let list = value.as_array()?;
    (!list.is_empty()).then(|| list.iter().map(|one| json!({key: one})).collect())
}

/// The URL of a rewrite. `components` says which of both texts is meant.
pub(in crate::import::terraform) fn url(value: &Value) -> Option<Value> {
    let block = value.as_array().and_then(|list| list.first()).unwrap_or(value).as_object()?;
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut made = json!({"reroute": block.get("reroute").and_then(Value::as_bool).unwrap_or_default()});
    if text("components") != "query_string_only" {
        made["modifiedPath"] = text("path").into();
    }
    if text("components") != "path_only" {
        made["modifiedQueryString"] = text("query_string").into();
    }
    Some(made)
}

/// A managed identity.
pub(in crate::import::terraform) fn identity(value: &Value) -> Option<Value> {
    let block = value.as_array()?.first()?;
    let ids = block["identity_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids: Map<String, Value> =
        ids.iter().filter_map(|id| Some((id.as_str()?.to_owned(), json!({})))).collect();
    let mut made = json!({"type": block["type"]});
    if !ids.is_empty() {
        made["userAssignedIdentities"] = ids.into();
    }
    Some(made)
}

/// The subnets of a network, each with its first prefix where there is only one.
pub(in crate::import::terraform) fn subnets(value: &Value) -> Option<Value> {
    let subnet = |subnet: &Value| {
        let prefixes = match &subnet["address_prefixes"] {
            Value::Array(list) if !list.is_empty() => list.clone(),
            _ => vec![subnet["address_prefix"].clone()],
        };
        json!({"name": subnet["name"], "properties": {"addressPrefixes": prefixes}})
    };
    let list = value.as_array().filter(|list| !list.is_empty())?;
    Some(list.iter().map(subnet).collect())
}
