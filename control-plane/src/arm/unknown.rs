//! Properties that no type describes: they are stored where they were sent, and have no effect.
//!
//! A round trip of a document through its types would drop them; this module finds and restores them. It does
//! not judge them: [`super::level`] does.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::shape::{Property, Shape};

/// The property of a stored child in which the unknown properties beside its `properties` are kept. No client
/// can send it, because unknown names that begin with `$` are refused.
pub(crate) const BESIDE: &str = "$beside";

/// The properties of a member of a list of members.
const NAME: &str = "name";
const PROPERTIES: &str = "properties";

/// Returns `changed`, which is `sent` after a round trip through its type, with the unknown properties of `sent`
/// restored.
pub(super) fn restored(
    sent: Map<String, Value>,
    properties: &[Property],
    round_trip: impl FnOnce(Map<String, Value>) -> Map<String, Value>,
) -> Map<String, Value> {
    if !is_in(&sent, properties) {
        return round_trip(sent);
    }
    let mut changed = round_trip(sent.clone());
    restore(&sent, &mut changed, properties);
    changed
}

/// Returns the properties without the unknown ones.
pub(super) fn removed<'a>(
    object: &'a Map<String, Value>,
    properties: &[Property],
) -> Cow<'a, Map<String, Value>> {
    if !is_in(object, properties) {
        return Cow::Borrowed(object);
    }
    let mut known = object.clone();
    remove(&mut known, properties);
    Cow::Owned(known)
}

/// Returns the unknown properties beside `name` and `properties` of a member.
pub(crate) fn beside(member: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    member.iter().filter(|(key, _)| ![NAME, PROPERTIES].contains(&key.as_str()))
}

fn find<'p>(properties: &'p [Property], name: &str) -> Option<&'p Property> {
    properties.iter().find(|property| property.name == name)
}

/// Returns whether an object, or an object in it, has an unknown property.
fn is_in(object: &Map<String, Value>, properties: &[Property]) -> bool {
    object.iter().any(|(key, value)| {
        find(properties, key).is_none_or(|property| match (&property.shape, value) {
            (Shape::Object(inner), Value::Object(object)) => is_in(object, inner),
            (Shape::List(items), Value::Array(list)) => {
                let inner = items.properties();
                !inner.is_empty() && list.iter().filter_map(Value::as_object).any(|one| is_in(one, inner))
            }
            (Shape::Members(inner), Value::Array(list)) => {
                list.iter().filter_map(Value::as_object).any(|one| is_in_member(one, inner))
            }
            _ => false,
        })
    })
}

fn is_in_member(member: &Map<String, Value>, inner: &[Property]) -> bool {
    beside(member).next().is_some()
        || member.get(PROPERTIES).and_then(Value::as_object).is_some_and(|object| is_in(object, inner))
}

fn restore(sent: &Map<String, Value>, changed: &mut Map<String, Value>, properties: &[Property]) {
    for (key, value) in sent {
        let Some(property) = find(properties, key) else {
            changed.insert(key.clone(), value.clone());
            continue;
        };
        match (&property.shape, value, changed.get_mut(key)) {
            (Shape::Object(inner), Value::Object(sent), Some(Value::Object(changed))) => {
                restore(sent, changed, inner);
            }
            (Shape::List(items), Value::Array(sent), Some(Value::Array(changed))) => {
                for (sent, changed) in objects(sent, changed) {
                    restore(sent, changed, items.properties());
                }
            }
            (Shape::Members(inner), Value::Array(sent), Some(Value::Array(changed))) => {
                for (sent, changed) in objects(sent, changed) {
                    changed.extend(beside(sent).map(|(key, value)| (key.clone(), value.clone())));
                    if let (Some(Value::Object(sent)), Some(Value::Object(changed))) =
                        (sent.get(PROPERTIES), changed.get_mut(PROPERTIES))
                    {
                        restore(sent, changed, inner);
                    }
                }
            }
            _ => {}
        }
    }
}

fn objects<'a>(
    sent: &'a [Value],
    changed: &'a mut [Value],
) -> impl Iterator<Item = (&'a Map<String, Value>, &'a mut Map<String, Value>)> {
    let both = sent.iter().zip(changed);
    both.filter_map(|(sent, changed)| Some((sent.as_object()?, changed.as_object_mut()?)))
}

fn remove(object: &mut Map<String, Value>, properties: &[Property]) {
    object.retain(|key, value| {
        let Some(property) = find(properties, key) else { return false };
        match (&property.shape, value) {
            (Shape::Object(inner), Value::Object(object)) => remove(object, inner),
            (Shape::List(items), Value::Array(list)) if !items.properties().is_empty() => {
                list.iter_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(|one| remove(one, items.properties()));
            }
            (Shape::Members(inner), Value::Array(list)) => {
                for member in list.iter_mut().filter_map(Value::as_object_mut) {
                    member.retain(|key, _| [NAME, PROPERTIES].contains(&key.as_str()));
                    if let Some(Value::Object(object)) = member.get_mut(PROPERTIES) {
                        remove(object, inner);
                    }
                }
            }
            _ => {}
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arm::collection::Collection;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn unknown_properties_survive_the_types_at_every_level() {
        let maps = Collection::named("urlPathMaps").unwrap();
        let sent = json!({ "new": 1, "pathRules": [
            { "name": "a", "beside": true, "properties": { "paths": ["/a"], "deep": { "x": [1] },
              "backendAddressPool": { "id": "p", "also": "y" } } },
            { "name": "b", "properties": {} },
        ] });
        assert_eq!(Value::Object(maps.complete(map(&sent))), sent);
        let plain = json!({ "pathRules": [
            { "name": "a", "properties": { "paths": ["/a"], "backendAddressPool": { "id": "p" } } },
            { "name": "b", "properties": {} },
        ] });
        assert_eq!(Value::Object(removed(&map(&sent), maps.properties()).into_owned()), plain);
        assert!(matches!(removed(&map(&plain), maps.properties()), Cow::Borrowed(_)));
    }

    #[test]
    fn lists_of_objects_keep_them_entry_by_entry() {
        let pools = Collection::named("backendAddressPools").unwrap();
        let sent = json!({ "backendAddresses": [{ "ipAddress": "10.0.0.1", "zone": 1 }, { "fqdn": "a" }] });
        assert_eq!(Value::Object(pools.complete(map(&sent))), sent);
    }
}
