//! Functions on availability zones. Here a location has no zones of its own: the zone `1` of a location is
//! its physical zone `{location}-az1`, and no resource is placed in one.

use serde_json::{Value, json};

use super::{Function, FunctionResult, list, text};

pub(super) const TABLE: &[Function] = &[
    Function::new("pickZones", 3, 5, |_| Ok(json!([]))),
    Function::new("toLogicalZone", 3, 3, |v| Ok(logical(text(&v[1])?, text(&v[2])?).into())),
    Function::new("toLogicalZones", 3, 3, |v| each(v, logical)),
    Function::new("toPhysicalZone", 3, 3, |v| Ok(physical(text(&v[1])?, text(&v[2])?).into())),
    Function::new("toPhysicalZones", 3, 3, |v| each(v, physical)),
];

fn each(values: &[Value], convert: fn(&str, &str) -> String) -> FunctionResult {
    let location = text(&values[1])?;
    let zones = list(&values[2])?.iter().map(|zone| Ok(Value::from(convert(location, text(zone)?))));
    zones.collect::<Result<Vec<Value>, String>>().map(Value::Array)
}

/// The zone of a physical one of this location; empty if it is not one.
fn logical(location: &str, zone: &str) -> String {
    let zone = zone.strip_prefix(location).and_then(|rest| rest.strip_prefix("-az"));
    zone.filter(|zone| is_zone(zone)).unwrap_or_default().to_owned()
}

/// The physical zone of a zone; empty if it is not one.
fn physical(location: &str, zone: &str) -> String {
    if is_zone(zone) { format!("{location}-az{zone}") } else { String::new() }
}

fn is_zone(zone: &str) -> bool {
    ["1", "2", "3"].contains(&zone)
}
