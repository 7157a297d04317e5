//! Functions on arrays and objects, some of which also accept strings.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Number, Value, json};

use super::{
    ANY, Function, FunctionResult, MAX_LIST, amount, display, integer, list, object, same, text, wanted,
};

pub(super) const TABLE: &[Function] = &[
    Function::new("array", 1, 1, |v| Ok(if v[0].is_array() { v[0].clone() } else { json!([v[0]]) })),
    Function::new("contains", 2, 2, contains),
    Function::new("createArray", 0, ANY, |v| Ok(Value::Array(v.to_vec()))),
    Function::new("createObject", 0, ANY, create_object),
    Function::new("empty", 1, 1, |v| Ok((v[0].is_null() || length(&v[0])? == 0).into())),
    Function::new("first", 1, 1, |v| end(&v[0], true)),
    Function::new("flatten", 1, 1, flatten),
    Function::new("indexFromEnd", 2, 2, index_from_end),
    Function::new("indexOf", 2, 2, |v| index_of(v, |found| found.next())),
    Function::new("intersection", 2, ANY, intersection),
    Function::new("items", 1, 1, items),
    Function::new("last", 1, 1, |v| end(&v[0], false)),
    Function::new("lastIndexOf", 2, 2, |v| index_of(v, |found| found.last())),
    Function::new("length", 1, 1, |v| Ok(length(&v[0])?.into())),
    Function::new("objectKeys", 1, 1, object_keys),
    Function::new("range", 2, 2, range),
    Function::new("shallowMerge", 1, 1, shallow_merge),
    Function::new("skip", 2, 2, |v| cut(v, |count, total| count.min(total)..total)),
    Function::new("take", 2, 2, |v| cut(v, |count, total| 0..count.min(total))),
    Function::new("tryGet", 2, ANY, try_get),
    Function::new("tryIndexFromEnd", 2, 2, |v| Ok(index_from_end(v).unwrap_or_default())),
    Function::new("union", 2, ANY, union),
];

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::String(text) => Ok(text.chars().count()),
        Value::Array(list) => Ok(list.len()),
        Value::Object(object) => Ok(object.len()),
        other => Err(wanted("a string, an array or an object", other)),
    }
}

/// Tests for a substring, an element of a list or a key of an object.
fn contains(values: &[Value]) -> FunctionResult {
    let (container, wanted_value) = (&values[0], &values[1]);
    let found = match container {
        Value::String(whole) => whole.contains(&display(wanted_value)),
        Value::Array(list) => list.iter().any(|value| same(value, wanted_value)),
        Value::Object(object) => {
            let name = text(wanted_value)?;
            object.keys().any(|key| key.eq_ignore_ascii_case(name))
        }
        other => return Err(wanted("a string, an array or an object", other)),
    };
    Ok(found.into())
}

fn create_object(values: &[Value]) -> FunctionResult {
    if !values.len().is_multiple_of(2) {
        return Err("names and values must come in pairs.".to_owned());
    }
    let mut object = Map::new();
    for pair in values.chunks(2) {
        object.insert(text(&pair[0])?.to_owned(), pair[1].clone());
    }
    Ok(object.into())
}

fn end(value: &Value, first: bool) -> FunctionResult {
    match value {
        Value::String(text) => {
            let character = if first { text.chars().next() } else { text.chars().last() };
            Ok(character.map(String::from).unwrap_or_default().into())
        }
        Value::Array(list) => Ok(if first { list.first() } else { list.last() }.cloned().unwrap_or_default()),
        other => Err(wanted("a string or an array", other)),
    }
}

fn flatten(values: &[Value]) -> FunctionResult {
    let mut flat = Vec::new();
    for value in list(&values[0])? {
        match value {
            Value::Array(inner) => flat.extend(inner.iter().cloned()),
            other => flat.push(other.clone()),
        }
    }
    Ok(flat.into())
}

fn index_from_end(values: &[Value]) -> FunctionResult {
    let (list, back) = (list(&values[0])?, amount(&values[1])?);
    let at = list.len().checked_sub(back).filter(|_| back > 0).and_then(|at| list.get(at));
    at.cloned().ok_or_else(|| format!("there is no element {back} from the end in a list of {}.", list.len()))
}

/// Returns the position of an element in a list, or of a part in a string, in characters and ignoring case;
/// -1 if it is absent. `pick` selects one of several positions.
fn index_of(values: &[Value], pick: fn(&mut dyn Iterator<Item = usize>) -> Option<usize>) -> FunctionResult {
    let at = match &values[0] {
        Value::Array(list) => {
            let places = list.iter().enumerate().filter(|(_, value)| same(value, &values[1]));
            pick(&mut places.map(|(at, _)| at))
        }
        Value::String(whole) => {
            let (whole, part) = (whole.to_lowercase(), text(&values[1])?.to_lowercase());
            let ends = [whole.find(&part), whole.rfind(&part)];
            pick(&mut ends.into_iter().flatten()).map(|at| whole[..at].chars().count())
        }
        other => return Err(wanted("a string or an array", other)),
    };
    Ok(at.map_or(Value::from(-1), Value::from))
}

/// Returns the common elements of lists, or the common members of objects.
fn intersection(values: &[Value]) -> FunctionResult {
    let mut left = values[0].clone();
    for value in &values[1..] {
        match (&mut left, value) {
            (Value::Array(left), Value::Array(right)) => {
                let right: HashSet<Cow<'_, Value>> = right.iter().map(alike).collect();
                left.retain(|value| right.contains(&alike(value)));
            }
            (Value::Object(left), Value::Object(right)) => {
                left.retain(|key, value| right.get(key).is_some_and(|other| same(value, other)));
            }
            _ => return Err("the arguments must be all arrays or all objects.".to_owned()),
        }
    }
    if let Value::Array(list) = &mut left {
        *list = distinct(std::mem::take(list));
    }
    Ok(left)
}

fn distinct(mut list: Vec<Value>) -> Vec<Value> {
    let mut known = HashSet::new();
    list.retain(|value| known.insert(alike(value).into_owned()));
    list
}

/// Returns a normal form that is equal for values that are the [`same`], so that long lists can be compared
/// by hash.
fn alike(value: &Value) -> Cow<'_, Value> {
    // Adding zero turns a negative zero into a positive one.
    let float = value.as_f64().and_then(|number| Number::from_f64(number + 0.0));
    float.map_or(Cow::Borrowed(value), |float| Cow::Owned(Value::Number(float)))
}

/// Returns the members of an object as pairs, sorted by key.
fn items(values: &[Value]) -> FunctionResult {
    let mut pairs: Vec<(&String, &Value)> = object(&values[0])?.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    Ok(pairs.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect())
}

fn object_keys(values: &[Value]) -> FunctionResult {
    let mut keys: Vec<&str> = object(&values[0])?.keys().map(String::as_str).collect();
    keys.sort_unstable();
    Ok(keys.into_iter().collect())
}

fn range(values: &[Value]) -> FunctionResult {
    let (start, count) = (integer(&values[0])?, integer(&values[1])?);
    let end = start.checked_add(count).filter(|_| (0..=MAX_LIST).contains(&count));
    let end = end.ok_or_else(|| format!("the count must be from 0 to {MAX_LIST}."))?;
    Ok((start..end).collect())
}

fn shallow_merge(values: &[Value]) -> FunctionResult {
    let mut merged = Map::new();
    for value in list(&values[0])? {
        merged.extend(object(value)?.clone());
    }
    Ok(merged.into())
}

/// Returns a part of a string or list. `part` computes the range from the requested and the total length.
fn cut(values: &[Value], part: fn(usize, usize) -> std::ops::Range<usize>) -> FunctionResult {
    let part = part(amount(&values[1])?, length(&values[0])?);
    match &values[0] {
        Value::String(text) => Ok(text.chars().skip(part.start).take(part.len()).collect::<String>().into()),
        Value::Array(list) => Ok(list[part].to_vec().into()),
        other => Err(wanted("a string or an array", other)),
    }
}

/// Follows a path of members; returns null if a member is missing.
fn try_get(values: &[Value]) -> FunctionResult {
    let mut found = Some(&values[0]);
    for step in &values[1..] {
        found = match (found, step) {
            (Some(Value::Object(object)), Value::String(name)) => object
                .get(name)
                .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v)),
            (Some(Value::Array(list)), index) => {
                usize::try_from(integer(index)?).ok().and_then(|index| list.get(index))
            }
            _ => None,
        };
    }
    Ok(found.cloned().unwrap_or_default())
}

/// Returns the union of lists or objects; for equal keys the later value wins, and nested objects are merged.
fn union(values: &[Value]) -> FunctionResult {
    let mut whole = values[0].clone();
    for value in &values[1..] {
        match (&mut whole, value) {
            (Value::Array(whole), Value::Array(more)) => whole.extend(more.iter().cloned()),
            (Value::Object(whole), Value::Object(more)) => merge(whole, more),
            _ => return Err("the arguments must be all arrays or all objects.".to_owned()),
        }
    }
    if let Value::Array(list) = &mut whole {
        *list = distinct(std::mem::take(list));
    }
    Ok(whole)
}

fn merge(whole: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        match (whole.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
}
