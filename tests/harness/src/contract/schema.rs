//! Converts the schemas of both OpenAPI versions to JSON Schema draft 7. Pure.

use serde_json::{Map, Value, json};

/// Returns the names of the files that a value refers to.
pub(super) fn files_referred_to(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => {
            let own = object.get("$ref").and_then(Value::as_str).and_then(|target| split(target).0);
            object.values().flat_map(files_referred_to).chain(own).collect()
        }
        Value::Array(list) => list.iter().flat_map(files_referred_to).collect(),
        _ => Vec::new(),
    }
}

/// Returns the value with references to definitions named `file.Name`, all in one place. `own` is the value's file.
pub(super) fn refer_within(own: &str, value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let pairs = object.iter().map(|(key, inner)| match inner {
                Value::String(target) if key == "$ref" => {
                    let (file, name) = split(target);
                    let file = file.as_deref().unwrap_or(own);
                    (key.clone(), json!(format!("#/definitions/{file}.{name}")))
                }
                inner => (key.clone(), refer_within(own, inner)),
            });
            Value::Object(pairs.collect())
        }
        Value::Array(list) => list.iter().map(|inner| refer_within(own, inner)).collect(),
        other => other.clone(),
    }
}

/// Splits `./network.json#/definitions/CloudError` into file and name.
fn split(target: &str) -> (Option<String>, &str) {
    let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
    let file = file.trim_start_matches("./").trim_end_matches(".json");
    let name = pointer.rsplit('/').next().unwrap_or_default();
    ((!file.is_empty()).then(|| file.to_owned()), name)
}

/// Converts an OpenAPI schema to draft 7: a schema with properties becomes an object, exclusive bounds become
/// numbers, and a nullable type allows null. The rest of the two dialects is the same, or has no effect.
pub(super) fn draft7(schema: Value) -> Value {
    let Value::Object(schema) = schema else { return schema };
    if schema.contains_key("$ref") {
        return schema.into();
    }
    let nullable = ["nullable", "x-nullable"].iter().any(|key| schema.get(*key) == Some(&json!(true)));
    let mut shown = Map::new();
    for (key, value) in schema {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties
                .into_iter()
                .map(|(name, inner)| (name, draft7(inner)))
                .collect::<Map<_, _>>()
                .into(),
            ("items" | "additionalProperties" | "not", inner) => draft7(inner),
            ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => list.into_iter().map(draft7).collect(),
            (
                "description" | "title" | "default" | "example" | "discriminator" | "readOnly" | "writeOnly"
                | "nullable" | "xml" | "externalDocs",
                _,
            ) => continue,
            (extension, _) if extension.starts_with("x-") => continue,
            (_, value) => value,
        };
        shown.insert(key, value);
    }
    if shown.contains_key("properties") && !shown.contains_key("type") {
        shown.insert("type".into(), json!("object"));
    }
    exclusive(&mut shown, "exclusiveMinimum", "minimum");
    exclusive(&mut shown, "exclusiveMaximum", "maximum");
    if nullable { json!({"anyOf": [{"type": "null"}, shown]}) } else { shown.into() }
}

fn exclusive(schema: &mut Map<String, Value>, exclusive: &str, bound: &str) {
    match schema.remove(exclusive) {
        Some(Value::Bool(true)) => {
            let value = schema.remove(bound);
            schema.extend(value.map(|value| (exclusive.to_owned(), value)));
        }
        Some(number @ Value::Number(_)) => {
            schema.insert(exclusive.to_owned(), number);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_become_draft_7() {
        for (from, to) in [
            (
                json!({"properties": {"x-odd": {"type": "string", "x-ms-enum": {}, "readOnly": true}}}),
                json!({"properties": {"x-odd": {"type": "string"}}, "type": "object"}),
            ),
            (
                json!({"type": "integer", "minimum": 1, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false}),
                json!({"type": "integer", "exclusiveMinimum": 1, "maximum": 9}),
            ),
            (
                json!({"type": "string", "nullable": true}),
                json!({"anyOf": [{"type": "null"}, {"type": "string"}]}),
            ),
            (
                json!({"$ref": "#/definitions/x.Y", "description": "d"}),
                json!({"$ref": "#/definitions/x.Y", "description": "d"}),
            ),
        ] {
            assert_eq!(draft7(from.clone()), to, "{from}");
        }
        let value =
            json!({"items": {"$ref": "./b.json#/definitions/X"}, "allOf": [{"$ref": "#/definitions/Y"}]});
        assert_eq!(files_referred_to(&value), ["b"]);
        let expected =
            json!({"items": {"$ref": "#/definitions/b.X"}, "allOf": [{"$ref": "#/definitions/a.Y"}]});
        assert_eq!(refer_within("a", &value), expected);
    }
}
