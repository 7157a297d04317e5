//! JSON Patch (RFC 6902) between two values. Pure.
//!
//! Lists of resources are compared by the names of their elements, so that a removed listener does not make all
//! following ones look changed. The patches are for people and scripts to read; nothing here applies one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Returns the operations that turn `from` into `to`; none if they are equal.
pub(crate) fn diff(from: &Value, to: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    compare("", from, to, &mut operations);
    operations
}

fn compare(path: &str, from: &Value, to: &Value, operations: &mut Vec<Value>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                operations.push(json!({"op": "remove", "path": join(path, key)}));
            }
            for (key, value) in new {
                match old.get(key) {
                    Some(before) => compare(&join(path, key), before, value, operations),
                    None => operations.push(json!({"op": "add", "path": join(path, key), "value": value})),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => match (names(old), names(new)) {
            (Some(old_names), Some(new_names)) => {
                by_name(path, (old, old_names), (new, &new_names), operations);
            }
            _ => by_position(path, old, new, operations),
        },
        _ => operations.push(json!({"op": "replace", "path": path, "value": to})),
    }
}

/// Returns the name of each element, in lower case; `None` if an element has none, or if two have the same.
fn names(list: &[Value]) -> Option<Vec<String>> {
    let name = |element: &Value| Some(element.get("name")?.as_str()?.to_ascii_lowercase());
    let names: Vec<String> = list.iter().map(name).collect::<Option<_>>()?;
    let distinct: BTreeSet<&String> = names.iter().collect();
    (distinct.len() == names.len()).then_some(names)
}

/// Compares two lists of named elements. `names` follows the state of the list while the operations are applied.
fn by_name(
    path: &str,
    (old, mut names): (&[Value], Vec<String>),
    (new, new_names): (&[Value], &[String]),
    operations: &mut Vec<Value>,
) {
    let mut elements: Vec<&Value> = old.iter().collect();
    let kept: BTreeSet<&String> = new_names.iter().collect();
    for at in (0..names.len()).rev() {
        if !kept.contains(&names[at]) {
            operations.push(json!({"op": "remove", "path": format!("{path}/{at}")}));
            names.remove(at);
            elements.remove(at);
        }
    }
    for (at, (value, name)) in new.iter().zip(new_names).enumerate() {
        let place = format!("{path}/{at}");
        match names.iter().position(|other| other == name) {
            Some(found) => {
                if found != at {
                    operations.push(json!({"op": "move", "from": format!("{path}/{found}"), "path": place}));
                    let (name, element) = (names.remove(found), elements.remove(found));
                    names.insert(at, name);
                    elements.insert(at, element);
                }
                compare(&place, elements[at], value, operations);
            }
            None => {
                operations.push(json!({"op": "add", "path": place, "value": value}));
                names.insert(at, name.clone());
                elements.insert(at, value);
            }
        }
    }
}

/// Compares two lists of other elements: what they have in common at the beginning and at the end stays.
fn by_position(path: &str, old: &[Value], new: &[Value], operations: &mut Vec<Value>) {
    let first = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[first..], &new[first..]);
    let last = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[..old.len() - last], &new[..new.len() - last]);
    for at in (new.len()..old.len()).rev() {
        operations.push(json!({"op": "remove", "path": format!("{path}/{}", first + at)}));
    }
    for (at, value) in new.iter().enumerate() {
        let place = format!("{path}/{}", first + at);
        match old.get(at) {
            Some(before) => compare(&place, before, value, operations),
            None => operations.push(json!({"op": "add", "path": place, "value": value})),
        }
    }
}

/// Appends a key to a JSON Pointer (RFC 6901).
fn join(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies a patch, as a client would.
    fn apply(mut value: Value, patch: &[Value]) -> Value {
        for operation in patch {
            let path = operation["path"].as_str().unwrap();
            match operation["op"].as_str().unwrap() {
                "remove" => drop(take(&mut value, path)),
                "add" => put(&mut value, path, operation["value"].clone()),
                "replace" => *value.pointer_mut(path).expect("it exists") = operation["value"].clone(),
                "move" => {
                    let moved = take(&mut value, operation["from"].as_str().unwrap());
                    put(&mut value, path, moved);
                }
                other => panic!("{other}"),
            }
        }
        value
    }

    fn parent<'a>(value: &'a mut Value, path: &str) -> (&'a mut Value, String) {
        let (parent, key) = path.rsplit_once('/').unwrap();
        (value.pointer_mut(parent).unwrap(), key.replace("~1", "/").replace("~0", "~"))
    }

    fn take(value: &mut Value, path: &str) -> Value {
        let (parent, key) = parent(value, path);
        match parent {
            Value::Array(list) => list.remove(key.parse().unwrap()),
            Value::Object(object) => object.remove(&key).unwrap(),
            _ => panic!("{path}"),
        }
    }

    fn put(value: &mut Value, path: &str, new: Value) {
        let (parent, key) = parent(value, path);
        match parent {
            Value::Array(list) => list.insert(key.parse().unwrap(), new),
            Value::Object(object) => drop(object.insert(key, new)),
            _ => panic!("{path}"),
        }
    }

    #[test]
    fn changes_are_named_where_they_are() {
        let pool = |name: &str, address: &str| json!({"name": name, "p": {"address": address}});
        let cases = [
            (json!({"a": 1}), json!({"a": 1}), json!([])),
            (
                json!({"a": 1, "gone": 2, "x/y~": 1}),
                json!({"a": 3, "new": 4, "x/y~": 2}),
                json!([
                    {"op": "remove", "path": "/gone"},
                    {"op": "replace", "path": "/a", "value": 3},
                    {"op": "add", "path": "/new", "value": 4},
                    {"op": "replace", "path": "/x~1y~0", "value": 2},
                ]),
            ),
            (
                json!([pool("a", "1"), pool("b", "2"), pool("c", "3")]),
                json!([pool("b", "2"), pool("c", "4")]),
                json!([
                    {"op": "remove", "path": "/0"},
                    {"op": "replace", "path": "/1/p/address", "value": "4"},
                ]),
            ),
            (
                json!([pool("a", "1"), pool("b", "2")]),
                json!([pool("b", "2"), pool("n", "0"), pool("A", "1")]),
                json!([
                    {"op": "move", "from": "/1", "path": "/0"},
                    {"op": "add", "path": "/1", "value": pool("n", "0")},
                    {"op": "replace", "path": "/2/name", "value": "A"},
                ]),
            ),
            (json!([1, 2, 3]), json!([1, 3]), json!([{"op": "remove", "path": "/1"}])),
            (json!([1, 3]), json!([1, 2, 3]), json!([{"op": "add", "path": "/1", "value": 2}])),
            (json!([1]), json!({}), json!([{"op": "replace", "path": "", "value": {}}])),
        ];
        for (from, to, expected) in cases {
            let patch = diff(&from, &to);
            assert_eq!(Value::from(patch.clone()), expected, "{from} {to}");
            assert_eq!(apply(from, &patch), to);
        }
    }

    #[test]
    fn every_patch_leads_where_it_should() {
        for seed in 0..3000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (from, to) = (value(&mut random, 3), value(&mut random, 3));
            assert_eq!(apply(from.clone(), &diff(&from, &to)), to, "{from} {to}");
        }
    }

    fn value(random: &mut fastrand::Rng, depth: u8) -> Value {
        let kind = if depth == 0 { 0 } else { random.u8(0..4) };
        let count = random.usize(0..4);
        match kind {
            1 => (0..count).map(|_| value(random, depth - 1)).collect(),
            2 => {
                let name = |random: &mut fastrand::Rng| random.choice(["a", "b", "c", "d", "e"]).unwrap();
                (0..count).map(|_| json!({"name": name(random), "v": value(random, depth - 1)})).collect()
            }
            3 => {
                let keys = (0..count).map(|_| random.choice(["a", "b/c", "~"]).unwrap().to_owned());
                let keys: Vec<String> = keys.collect();
                Value::Object(keys.into_iter().map(|key| (key, value(random, depth - 1))).collect())
            }
            _ => random.u8(0..3).into(),
        }
    }
}
