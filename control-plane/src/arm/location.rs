//! Where a resource is: said when it is made, and settled from then on. Pure.
//!
//! A location is without effect here. It is checked all the same, for whoever tries a template out against Tidegate
//! wants to hear of what the official service would refuse.

use serde_json::{Map, Value};

use crate::violation::{Violations, code};

/// A resource that is there already.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// Its body.
    pub body: &'a Map<String, Value>,
    /// Its name.
    pub name: &'a str,
    /// Its resource group.
    pub group: &'a str,
}

/// Complains of a location that is missing, and of one that is not that of `stored`.
pub fn check(body: &Map<String, Value>, stored: Option<Stored>, violations: &mut Violations) {
    let location = of(body);
    if location.is_empty() {
        let message = "The location property is required for this definition.";
        violations.push(code::LOCATION_REQUIRED, "location", message);
    }
    let Some(Stored { body, name, group }) = stored else { return };
    let before = of(body);
    if !location.is_empty() && !before.is_empty() && canonical(location) != canonical(before) {
        let message = format!(
            "The resource '{name}' already exists in location '{before}' in resource group '{group}'. A resource with \
             the same name cannot be created in location '{location}'. Please select a new resource name."
        );
        violations.push(code::LOCATION_CHANGED, "location", message);
    }
}

fn of(body: &Map<String, Value>) -> &str {
    body.get("location").and_then(Value::as_str).unwrap_or_default()
}

/// `West Europe` and `westeurope` are one place.
fn canonical(location: &str) -> String {
    location.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect()
}
