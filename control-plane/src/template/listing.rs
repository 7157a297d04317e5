//! Decides what a `list…` function of a resource returns, by type and name: the one place to teach it more.

use serde_json::{Map, Value};

use super::kinds::supported;

/// Makes the result from the resource as GET shows it.
pub(super) type Listing = fn(&Map<String, Value>) -> Value;

/// Returns how the result of the function `name` is made for resources of this type.
///
/// # Errors
/// A sentence that says why there is no result, and what to do.
pub(super) fn listing(name: &str, kind: &str) -> Result<Listing, String> {
    let ours = supported(kind).is_some();
    let why = match ours {
        true => "resources of this type have nothing to list",
        false => "resources of this type are not served, so they have neither keys nor secrets",
    };
    Err(format!(
        "The function '{name:.100}' has no result for '{kind:.200}': {why}. Pass the value as a parameter of the \
         type securestring."
    ))
}
