//! The differences of two values by property, in the form of ARM's what-if. Pure.
//!
//! Unlike a JSON Patch ([`crate::json_patch`]), it has the values before and after, and shows a list that differs as a
//! whole.

use serde_json::{Value, json};

/// Returns the differences by property.
pub(crate) fn delta(before: &Value, after: &Value) -> Vec<Value> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Value>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            let kind = if before.is_array() && after.is_array() { "Array" } else { "Modify" };
            let mut change =
                json!({"path": path, "propertyChangeType": kind, "before": before, "after": after});
            if kind == "Array" {
                change["children"] = json!([{
                    "path": "0", "propertyChangeType": "Modify", "before": before, "after": after,
                }]);
            }
            changes.push(change);
        }
        return;
    };
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, value) in old {
        match new.get(key) {
            Some(other) => compare(&join(key), value, other, changes),
            None => changes.push(json!({"path": join(key), "propertyChangeType": "Delete", "before": value})),
        }
    }
    for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        changes.push(json!({"path": join(key), "propertyChangeType": "Create", "after": value}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_paths() {
        let before = json!({"a": {"b": 1, "c": [1], "gone": true}, "same": [2]});
        let after = json!({"a": {"b": 2, "c": [1, 2], "new": 3}, "same": [2]});
        let found: Vec<(String, String)> = delta(&before, &after)
            .iter()
            .map(|change| {
                let text = |name: &str| change[name].as_str().unwrap().to_owned();
                (text("path"), text("propertyChangeType"))
            })
            .collect();
        let expected = [("a.b", "Modify"), ("a.c", "Array"), ("a.gone", "Delete"), ("a.new", "Create")];
        assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind.to_owned())));
        assert!(delta(&before, &before).is_empty());
    }
}
