//! JSON values in templates: the names of their types, and properties in any case.

use serde_json::{Map, Value};

use super::fault::EvalError;

/// Returns the type of a value, for a sentence.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns the text of a value that is a name.
pub(super) fn text(value: &Value) -> Result<&str, EvalError> {
    value.as_str().ok_or_else(|| EvalError::expression(format!("A name is expected, not {}.", kind(value))))
}

/// Removes a property from an object, ignoring case; an exact match has precedence.
pub(super) fn take(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    if let Some(value) = object.remove(name) {
        return Some(value);
    }
    let key = object.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    object.remove(&key)
}

/// Finds a property that is not null, ignoring case.
pub(super) fn property<'v>(body: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    body.get(name)
        .or_else(|| body.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
        .filter(|value| !value.is_null())
}
