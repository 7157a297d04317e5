//! The location of a resource: required at creation and immutable afterwards. Pure.
//!
//! The location has no effect here. It is checked so that a template which Azure would reject is rejected by
//! Tidegate too.

use serde_json::{Map, Value};

use crate::violation::{Violations, code};

/// An existing resource.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    /// The body of the resource.
    pub(crate) body: &'a Map<String, Value>,
    /// The name of the resource.
    pub(crate) name: &'a str,
    /// The resource group.
    pub(crate) group: &'a str,
}

/// Adds a violation for a missing location, and for one that differs from the location of `stored`.
pub(crate) fn check(body: &Map<String, Value>, stored: Option<Stored>, violations: &mut Violations) {
    let location = of(body);
    if location.is_empty() {
        let message = "The location property is required for this definition.";
        violations.push(code::LOCATION_REQUIRED, "location", message);
    }
    if let Some(stored) = stored {
        check_unchanged(body, stored, violations);
    }
}

/// Adds a violation for a location that differs from that of `stored`. One that is missing in either is none.
pub(crate) fn check_unchanged(body: &Map<String, Value>, stored: Stored, violations: &mut Violations) {
    let location = of(body);
    let Stored { body, name, group } = stored;
    let before = of(body);
    if !location.is_empty() && !before.is_empty() && canonical(location) != canonical(before) {
        let message = format!(
            "The resource '{name}' already exists in location '{before}' in resource group '{group}'. A resource with \
             the same name cannot be created in location '{location}'. Please select a new resource name."
        );
        violations.push(code::LOCATION_CHANGED, "location", message);
    }
}

/// Keeps the location of a stored resource in a body without one, so that no later write can move the
/// resource.
pub(crate) fn keep(body: &mut Map<String, Value>, stored: &Map<String, Value>) {
    let before = of(stored);
    if of(body).is_empty() && !before.is_empty() {
        body.insert("location".to_owned(), before.into());
    }
}

fn of(body: &Map<String, Value>) -> &str {
    body.get("location").and_then(Value::as_str).unwrap_or_default()
}

/// Returns the name of a location as Azure's host names have it: `West Europe` and `westeurope` are the same.
pub(crate) fn canonical(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}
