//! Properties that are fixed when a gateway is created: location and zones. Pure.
//!
//! Both have no effect here. They are checked so that a template which Azure would reject is rejected by
//! Tidegate too.

use serde_json::Value;

use crate::arm::document::Document;
use crate::arm::location;
use crate::arm::resource_id::GatewayPath;
use crate::violation::{Violations, code};

/// Adds a violation for a missing location, and for a location or zones that differ from those of `stored`.
pub(super) fn check(document: &Document, stored: Option<&Document>, violations: &mut Violations) {
    let before = stored.map(|stored| {
        let GatewayPath { group, name, .. } = &stored.path;
        location::Stored { body: &stored.body, name, group }
    });
    location::check(&document.body, before, violations);
    let Some(stored) = stored else { return };
    if zones(document) != zones(stored) {
        let message =
            "The availability zones of an application gateway cannot be changed after its creation.";
        violations.push(code::ZONES_CHANGED, "zones", message);
    }
}

/// Returns the zones in canonical order; their order in a body has no meaning.
fn zones(document: &Document) -> Vec<&str> {
    let list = document.body.get("zones").and_then(Value::as_array).into_iter().flatten();
    let mut zones: Vec<_> = list.filter_map(Value::as_str).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::samples::read;

    #[test]
    fn where_a_gateway_is_stays() {
        let here = json!({ "location": "West Europe", "zones": ["1", "2"] });
        for (body, stored, expected) in [
            (here.clone(), None, &[][..]),
            (json!({}), None, &[(code::LOCATION_REQUIRED, "location")]),
            (json!({ "location": "" }), None, &[(code::LOCATION_REQUIRED, "location")]),
            (json!({ "location": "WESTEUROPE", "zones": ["2", "1"] }), Some(&here), &[]),
            (
                json!({ "location": "eastus" }),
                Some(&here),
                &[(code::LOCATION_CHANGED, "location"), (code::ZONES_CHANGED, "zones")],
            ),
            (
                json!({ "zones": ["1", "2", "3"] }),
                Some(&here),
                &[(code::LOCATION_REQUIRED, "location"), (code::ZONES_CHANGED, "zones")],
            ),
            // A gateway without location was stored before locations were required.
            (json!({ "location": "eastus" }), Some(&json!({})), &[]),
        ] {
            let stored = stored.map(|stored| read(stored.clone()));
            let mut violations = Violations::default();
            check(&read(body.clone()), stored.as_ref(), &mut violations);
            let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
            assert_eq!(found, expected, "{body}");
        }
    }
}
