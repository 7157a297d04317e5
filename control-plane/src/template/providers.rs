//! The function `providers`. Any version is accepted of any type, so its answer names the newest ones that
//! the API names.

use serde_json::{Value, json};

use super::context::Context;
use super::fault::EvalResult;
use super::resource_id::texts;
use crate::arm::extension::{self, EXTENSION_TYPES};
use crate::arm::unserved::SERVED_TYPES;

/// The versions of every type, newest first.
const API_VERSIONS: [&str; 3] = ["2025-05-01", "2024-05-01", "2023-09-01"];

/// `providers(namespace, [type])`: a type, or all served types of a namespace.
pub(super) fn providers(context: &Context, values: &[Value]) -> EvalResult {
    let texts = texts(values)?;
    let is_own = texts[0].eq_ignore_ascii_case(extension::NAMESPACE);
    let of_type = |kind: &str| {
        let locations = [&context.location];
        let versions = if is_own { &extension::API_VERSIONS[..] } else { &API_VERSIONS };
        json!({"resourceType": kind, "locations": locations, "apiVersions": versions})
    };
    if let [_, kind] = texts[..] {
        return Ok(of_type(kind));
    }
    let split = SERVED_TYPES.iter().filter_map(|kind| kind.split_once('/'));
    let ours = split.filter(|(namespace, _)| namespace.eq_ignore_ascii_case(texts[0]));
    let extensions = EXTENSION_TYPES.iter().filter(|_| is_own).map(|kind| of_type(kind.name));
    let types: Value = ours.map(|(_, kind)| of_type(kind)).chain(extensions).collect();
    Ok(json!({"namespace": texts[0], "resourceTypes": types}))
}
