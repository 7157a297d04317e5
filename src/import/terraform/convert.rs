//! The conversion of attributes to properties, as the table says.

use serde_json::{Map, Value, json};

use super::table::{Attribute, To};

/// Converts the attributes of a resource with this ID. What is not set is left out.
pub(super) fn converted(
    attributes: &[Attribute],
    values: &Map<String, Value>,
    id: &str,
) -> Map<String, Value> {
    let mut body = Value::Object(Map::new());
    for attribute in attributes {
        let value = values.get(attribute.from).filter(|value| !value.is_null());
        if let Some(converted) = value.and_then(|value| property(attribute.kind, value, id)) {
            put(&mut body, attribute.to, converted);
        }
    }
    match body {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

/// Converts one value; `None` if it is not set.
fn property(kind: To, value: &Value, id: &str) -> Option<Value> {
    let text = value.as_str().filter(|text| !text.is_empty());
    let list = || value.as_array().map(Vec::as_slice).unwrap_or_default();
    match kind {
        To::Text => text.map(Value::from),
        To::Flag => value.as_bool().map(Value::from),
        To::Number => value.as_i64().map(Value::from),
        To::Count => value.as_i64().filter(|number| *number != 0).map(Value::from),
        To::Texts => (!list().is_empty()).then(|| value.clone()),
        To::Tags => value.as_object().filter(|tags| !tags.is_empty()).map(|_| value.clone()),
        To::Reference => text.map(|target| json!({"id": target})),
        To::Member(collection) => text.map(|name| member(id, collection, name)),
        To::Members(collection) => {
            let name = |one: &Value| one.as_str().or(one["name"].as_str()).map(str::to_owned);
            let names = list().iter().filter_map(name);
            let members: Vec<Value> = names.map(|name| member(id, collection, &name)).collect();
            (!members.is_empty()).then(|| members.into())
        }
        To::Blocks(attributes) => {
            let blocks = list().iter().filter_map(Value::as_object);
            let blocks: Vec<Value> = blocks.map(|block| converted(attributes, block, id).into()).collect();
            (!blocks.is_empty()).then(|| blocks.into())
        }
        To::Block(attributes) => {
            let block = list().first().unwrap_or(value).as_object()?;
            let converted = converted(attributes, block, id);
            (!converted.is_empty()).then(|| converted.into())
        }
        To::Made(make) => make(value),
    }
}

fn member(id: &str, collection: &str, name: &str) -> Value {
    json!({"id": format!("{id}/{collection}/{name}")})
}

/// Sets a property by its path, such as `properties.sku`. A list at the same place is continued.
fn put(body: &mut Value, path: &str, value: Value) {
    let mut place = body;
    for name in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    match (place, value) {
        (Value::Array(list), Value::Array(more)) => list.extend(more),
        (place, value) => *place = value,
    }
}
