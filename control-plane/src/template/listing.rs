//! The results of `list…` functions: keys of resources that are stored without effect. A served resource has none.

use serde_json::Value;

use super::context::Context;
use crate::arm::unserved::{UnservedPath, list_result, made_key};

/// Returns the result of the function `name` for the resource with this ID.
///
/// # Errors
/// A sentence that says why there is no result, and what to do.
pub(super) fn listing(name: &str, id: &str, context: &Context) -> Result<Value, String> {
    let Ok(path) = UnservedPath::parse(id) else {
        return Err(format!(
            "The function '{name:.100}' has no result for '{id:.300}': resources of this type have nothing \
             to list. Pass the value as a parameter of the type securestring."
        ));
    };
    list_result(&path, name, |label| made_key(&context.key_seed, &path, label))
}
