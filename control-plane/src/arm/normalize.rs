//! Normalizes JSON as clients send it: canonical spelling of names and enumeration values, and one type for
//! each value.
//!
//! Names and enumeration values are compared ignoring case; numbers and booleans may be strings; nulls, and
//! empty texts for enumerations, count as absent; read-only properties are dropped, and [`super::level`]
//! judges unknown ones. A value that cannot be read is reported and left out, so that the rest can still be
//! checked. In a list an empty value replaces it, so that the indices of later entries match those of the
//! request.
//!
//! If an object contains a name twice in the same spelling, the JSON parser has already kept only the last
//! value.

pub(crate) mod named;

pub(crate) use super::level::join;

use serde_json::{Map, Value};

use self::named::normalize_members;
use super::level::Level;
use super::shape::Shape;
use crate::violation::{Violations, code};

/// Returns the canonical form of `value`, which is at the JSON path `target` within the object `around`; `None` if
/// the value is absent or unreadable.
pub(crate) fn normalize(
    value: Value,
    shape: &Shape,
    (around, target): (&Level<'_>, &str),
    violations: &mut Violations,
) -> Option<Value> {
    if value.is_null() {
        return None;
    }
    match shape {
        Shape::Object(properties) => {
            let object = expect_object(value, target, violations)?;
            Some(Value::Object(normalize_object(object, &around.object(properties, target), violations)))
        }
        Shape::Map(values) => {
            let entries = expect_object(value, target, violations)?.into_iter();
            let entry = |(key, value): (String, Value)| {
                refuse_nul(&key, target, violations);
                let value = normalize(value, values, (around, &join(target, &key)), violations)?;
                Some((key, value))
            };
            Some(Value::Object(entries.filter_map(entry).collect()))
        }
        Shape::List(items) => {
            let entries = expect_list(value, target, violations)?.into_iter().enumerate();
            let entry = |(i, value): (usize, Value)| {
                let target = format!("{target}[{i}]");
                if value.is_null() {
                    violations.push(code::INVALID_JSON, target.as_str(), complaint(&value, items, &target));
                }
                normalize(value, items, (around, &target), violations).unwrap_or_else(|| nothing(items))
            };
            Some(Value::Array(entries.map(entry).collect()))
        }
        Shape::Members(properties) => {
            let list = expect_list(value, target, violations)?;
            let name = target.rsplit('.').next().unwrap_or(target);
            Some(Value::Array(normalize_members(list, name, properties, (around, target), violations)))
        }
        Shape::NotServed(advice) => {
            if !is_off(&value) {
                refuse(target, advice, violations);
            }
            None
        }
        Shape::Any => {
            refuse_nul_within(&value, target, violations);
            Some(value)
        }
        Shape::Text | Shape::Integer | Shape::Boolean | Shape::OneOf(_) => {
            let scalar = scalar(&value, shape);
            if scalar.is_none() {
                violations.push(code::INVALID_JSON, target, complaint(&value, shape, target));
            }
            if let Some(Value::String(text)) = &scalar {
                refuse_nul(text, target, violations);
            }
            scalar
        }
    }
}

/// Returns the canonical form of the properties of an object, with the unknown ones that are stored.
pub(crate) fn normalize_object(
    mut object: Map<String, Value>,
    level: &Level<'_>,
    violations: &mut Violations,
) -> Map<String, Value> {
    let mut canonical = Map::new();
    for property in level.properties {
        if property.read_only {
            object.retain(|name, _| !name.eq_ignore_ascii_case(&property.name));
            continue;
        }
        let target = join(level.target, &property.name);
        let value = take(&mut object, &property.name, &target, violations);
        // Some clients always send the property.
        let value = value.filter(|value| !(*value == "" && matches!(property.shape, Shape::OneOf(_))));
        let is_off = |value: &Value| match (&property.off, value) {
            (Some(word), Value::String(text)) => text.eq_ignore_ascii_case(word),
            _ => false,
        };
        let value = value.filter(|value| !is_off(value));
        let normal = value.and_then(|value| normalize(value, &property.shape, (level, &target), violations));
        if let Some(value) = normal {
            canonical.insert(property.name.clone(), value);
        }
    }
    canonical.extend(level.judge(object, violations));
    canonical
}

/// Removes a property from an object and returns it, ignoring the case of its name. Two spellings of one name
/// in an object are a violation: the sender's intention is unknown.
pub(crate) fn take(
    object: &mut Map<String, Value>,
    name: &str,
    target: &str,
    violations: &mut Violations,
) -> Option<Value> {
    let spellings: Vec<String> =
        object.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned().collect();
    let values: Vec<Value> = spellings.iter().filter_map(|spelling| object.remove(spelling)).collect();
    if values.len() > 1 {
        let message =
            format!("The property is given {} times, as {}.", values.len(), spellings.join(" and "));
        violations.push(code::INVALID_JSON, target, message);
    }
    values.into_iter().find(|value| !value.is_null())
}

/// Returns the value as an object, or adds a violation.
pub(crate) fn expect_object(
    value: Value,
    target: &str,
    violations: &mut Violations,
) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        other => {
            violations.push(
                code::INVALID_JSON,
                target,
                complaint(&other, &Shape::Object(Vec::new()), target),
            );
            None
        }
    }
}

/// Returns the value as a list, or adds a violation.
pub(crate) fn expect_list(value: Value, target: &str, violations: &mut Violations) -> Option<Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        other => {
            violations.push(
                code::INVALID_JSON,
                target,
                complaint(&other, &Shape::List(Box::new(Shape::Any)), target),
            );
            None
        }
    }
}

/// The placeholder for a list entry that cannot be read; the entry has been reported already.
fn nothing(shape: &Shape) -> Value {
    match shape {
        Shape::Object(_) | Shape::Map(_) => Value::Object(Map::new()),
        Shape::List(_) | Shape::Members(_) => Value::Array(Vec::new()),
        Shape::Integer => Value::from(0),
        Shape::Boolean => Value::Bool(false),
        Shape::OneOf(spellings) => Value::from(spellings.first().map_or("", String::as_str)),
        Shape::Text | Shape::NotServed(_) | Shape::Any => Value::from(""),
    }
}

/// NUL has no use in any property, and not every database can store it.
fn refuse_nul(text: &str, target: &str, violations: &mut Violations) {
    if text.contains('\0') {
        violations.push(code::INVALID_JSON, target, "The character U+0000 is not allowed.");
    }
}

fn refuse_nul_within(value: &Value, target: &str, violations: &mut Violations) {
    match value {
        Value::String(text) => refuse_nul(text, target, violations),
        Value::Array(list) => list.iter().for_each(|value| refuse_nul_within(value, target, violations)),
        Value::Object(object) => {
            for (key, value) in object {
                refuse_nul(key, target, violations);
                refuse_nul_within(value, target, violations);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn refuse(target: &str, advice: &str, violations: &mut Violations) {
    let property = target.rsplit('.').next().unwrap_or(target);
    let advice = if advice.is_empty() { "Leave it out." } else { advice };
    violations.push(code::NOT_SUPPORTED, target, format!("'{property}' is not supported yet. {advice}"));
}

/// Returns whether a feature is absent, empty, or switched off.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty() || text.eq_ignore_ascii_case("false"),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => {
            let switch = object.iter().find(|(key, _)| key.eq_ignore_ascii_case("enabled"));
            object.values().all(Value::is_null) || switch.is_some_and(|(_, on)| is_off(on))
        }
    }
}

fn scalar(value: &Value, shape: &Shape) -> Option<Value> {
    match shape {
        Shape::Text => match value {
            Value::String(_) => Some(value.clone()),
            Value::Number(_) | Value::Bool(_) => Some(Value::String(value.to_string())),
            _ => None,
        },
        Shape::Integer => integer(value).map(Value::from),
        Shape::Boolean => match value {
            Value::Bool(_) => Some(value.clone()),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
            _ => None,
        },
        Shape::OneOf(spellings) => {
            let text = value.as_str()?;
            let spelling = spellings.iter().find(|spelling| spelling.eq_ignore_ascii_case(text))?;
            Some(Value::String(spelling.clone()))
        }
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    /// Above this, a double cannot represent every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
            format!("{float:.0}").parse().ok()
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Words in the names of properties whose value is never repeated in a message.
const SECRETIVE: [&str; 7] = ["password", "secret", "data", "key", "token", "phrase", "credential"];

/// The maximum number of characters of a value that are repeated in a message.
const SHOWN: usize = 80;

/// Returns the value as it was sent, for a message; its kind only if it may be a secret or is no scalar.
fn found(value: &Value, target: &str) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let name = target.rsplit('.').next().unwrap_or(target).to_ascii_lowercase();
    let secret = target.contains("sslCertificates") || SECRETIVE.iter().any(|word| name.contains(word));
    match value {
        Value::String(text) if !secret => format!("'{}'", text.chars().take(SHOWN).collect::<String>()),
        Value::Number(_) | Value::Bool(_) if !secret => value.to_string(),
        _ => kind.to_owned(),
    }
}

/// Returns the message about a value at `target` that does not have the shape.
fn complaint(value: &Value, shape: &Shape, target: &str) -> String {
    let expected = match shape {
        Shape::Object(_) | Shape::Map(_) => "an object".to_owned(),
        Shape::List(_) | Shape::Members(_) => "a list".to_owned(),
        Shape::Integer => "a whole number of at most 64 bits".to_owned(),
        Shape::Boolean => "true or false".to_owned(),
        Shape::OneOf(spellings) => format!("one of {}", spellings.join(", ")),
        Shape::Text | Shape::NotServed(_) | Shape::Any => "a string".to_owned(),
    };
    format!("The value must be {expected}, not {}.", found(value, target))
}

#[cfg(test)]
mod tests;
