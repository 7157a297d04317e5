//! Converts JSON Schema 2020-12, as schemars generates it, to the dialect of OpenAPI 3.0. Pure.
//!
//! `null` is not described: requests may contain it for an absent property, and responses never do. Unsupported
//! properties are not described either.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::arm::shape::{MEMBERS, NOT_SERVED, OFF, RESPONSE_ONLY};

/// Converts a schema to OpenAPI's dialect.
pub(super) fn published(schema: Value) -> Value {
    let Value::Object(schema) = schema else { return json!({}) };
    let mut schema = without_null(schema);
    schema.remove("$schema");
    schema.remove("title");
    name_constants(&mut schema);
    if schema.get("default").is_some_and(|value| !is_scalar(value) || !is_in_range(value, &schema)) {
        schema.remove("default");
    }
    schema.remove(MEMBERS);
    schema.remove(RESPONSE_ONLY);
    schema.remove(OFF);
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = unwrapped(text);
    }
    if let Some(Value::Object(properties)) = schema.remove("properties") {
        let served = properties.into_iter().filter(|(_, property)| property.get(NOT_SERVED).is_none());
        let properties: Map<String, Value> = served.map(|(name, value)| (name, published(value))).collect();
        schema.insert("properties".into(), properties.into());
    }
    for inner in ["items", "additionalProperties", "not"] {
        if let Some(value) = schema.get_mut(inner).filter(|value| value.is_object()) {
            *value = published(value.take());
        }
    }
    for list in ["allOf", "anyOf", "oneOf"] {
        if let Some(Value::Array(options)) = schema.get_mut(list) {
            *options = options.drain(..).map(published).collect();
        }
    }
    alone(schema)
}

/// Collects the names of the schemas that a part of the document references.
pub(super) fn referred_to(part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(object) => {
            let target = object.get("$ref").and_then(Value::as_str);
            names.extend(
                target.and_then(|target| target.strip_prefix("#/components/schemas/")).map(str::to_owned),
            );
            object.values().for_each(|inner| referred_to(inner, names));
        }
        Value::Array(list) => list.iter().for_each(|inner| referred_to(inner, names)),
        _ => {}
    }
}

/// Removes `null` from a schema: `Option` of a type is an alternative, or a list of two types.
fn without_null(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(types)) = schema.get("type") {
        let kind = types.iter().find(|kind| *kind != "null").cloned();
        schema.insert("type".into(), kind.unwrap_or_default());
    }
    // An enumeration of `null` alone is kept.
    if let Some(Value::Array(values)) = schema.get_mut("enum").filter(|values| **values != json!([null])) {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(options)) = schema.get("anyOf") else { return schema };
    let is_null = |option: &Value| option.get("type").is_some_and(|kind| kind == "null");
    if !options.iter().any(is_null) {
        return schema;
    }
    let rest: Vec<Value> = options.iter().filter(|option| !is_null(option)).cloned().collect();
    schema.remove("anyOf");
    match rest.as_slice() {
        [Value::Object(one)] => {
            for (key, value) in one {
                schema.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => {
            schema.insert("anyOf".into(), rest.into());
        }
    }
    schema
}

/// Merges an enumeration with documented variants, which is a list of alternatives; the documentation becomes
/// part of its description.
fn name_constants(schema: &mut Map<String, Value>) {
    if let Some(constant) = schema.remove("const") {
        schema.insert("enum".into(), json!([constant]));
    }
    let Some(Value::Array(options)) = schema.get("oneOf") else { return };
    let (mut values, mut notes) = (Vec::new(), Vec::new());
    for option in options {
        let listed = option.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
        let constants: Vec<Value> = option.get("const").cloned().into_iter().chain(listed).collect();
        if constants.is_empty() {
            return;
        }
        if let (Some(note), Some(name)) = (option["description"].as_str(), constants[0].as_str()) {
            notes.push(format!("- `{name}`: {note}"));
        }
        values.extend(constants);
    }
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), values.into());
    if !notes.is_empty() {
        let own = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        schema.insert("description".into(), format!("{own}\n\n{}", notes.join("\n")).into());
    }
}

/// Wraps a `$ref` that has siblings into an `allOf`, because OpenAPI 3.0 ignores the siblings.
fn alone(mut schema: Map<String, Value>) -> Value {
    if schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".into(), json!([{"$ref": reference}]));
    }
    schema.into()
}

/// Returns whether a number is within the range of its own schema. The default of a required property may not
/// be.
fn is_in_range(value: &Value, schema: &Map<String, Value>) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
    value.as_i64().is_none_or(|number| {
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
    })
}

/// Removes the line breaks of a comment, except for those of paragraphs and lists.
fn unwrapped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        match line {
            "" => whole.push_str("\n\n"),
            item if item.starts_with("- ") && !whole.ends_with("\n\n") => {
                whole.push('\n');
                whole.push_str(item);
            }
            line => {
                if !(whole.is_empty() || whole.ends_with('\n')) {
                    whole.push(' ');
                }
                whole.push_str(line);
            }
        }
    }
    whole
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_construct_has_its_form_in_openapi() {
        let cases = [
            (json!({"type": ["string", "null"], "default": null}), json!({"type": "string"})),
            (json!(true), json!({})),
            (
                json!({"description": "d", "anyOf": [{"$ref": "#/x"}, {"type": "null"}]}),
                json!({"description": "d", "allOf": [{"$ref": "#/x"}]}),
            ),
            (json!({"anyOf": [{"$ref": "#/x"}, {"type": "null"}]}), json!({"$ref": "#/x"})),
            (
                json!({"description": "d", "oneOf": [
                    {"const": "A", "description": "a", "type": "string"}, {"enum": ["B", "C"]}]}),
                json!({"description": "d\n\n- `A`: a", "type": "string", "enum": ["A", "B", "C"]}),
            ),
            (
                json!({"type": "object", "properties": {
                    "type": {"type": ["integer", "null"], "minimum": 1, "readOnly": true},
                    "const": {"x-not-served": ""},
                    "list": {"type": "array", "items": {"type": ["string", "null"]}, "default": []}}}),
                json!({"type": "object", "properties": {
                    "type": {"type": "integer", "minimum": 1, "readOnly": true},
                    "list": {"type": "array", "items": {"type": "string"}}}}),
            ),
        ];
        for (from, to) in cases {
            assert_eq!(published(from.clone()), to, "{from}");
        }
    }
}
