//! Functions of comparison and logic, except for `if`, which is lazy.

use std::cmp::Ordering;

use serde_json::Value;

use super::{ANY, Function, FunctionResult, boolean, kind, same};

pub(super) const TABLE: &[Function] = &[
    Function::new("and", 2, ANY, |v| Ok(booleans(v)?.into_iter().all(|b| b).into())),
    Function::new("bool", 1, 1, to_bool),
    Function::new("coalesce", 1, ANY, |v| Ok(v.iter().find(|v| !v.is_null()).cloned().unwrap_or_default())),
    Function::new("equals", 2, 2, |v| Ok(same(&v[0], &v[1]).into())),
    Function::new("false", 0, 0, |_| Ok(false.into())),
    Function::new("greater", 2, 2, |v| Ok(order(v)?.is_gt().into())),
    Function::new("greaterOrEquals", 2, 2, |v| Ok(order(v)?.is_ge().into())),
    Function::new("less", 2, 2, |v| Ok(order(v)?.is_lt().into())),
    Function::new("lessOrEquals", 2, 2, |v| Ok(order(v)?.is_le().into())),
    Function::new("not", 1, 1, |v| Ok((!boolean(&v[0])?).into())),
    Function::new("null", 0, 0, |_| Ok(Value::Null)),
    Function::new("or", 2, ANY, |v| Ok(booleans(v)?.into_iter().any(|b| b).into())),
    Function::new("true", 0, 0, |_| Ok(true.into())),
    Function::new("xor", 2, 2, |v| Ok((boolean(&v[0])? != boolean(&v[1])?).into())),
];

fn booleans(values: &[Value]) -> Result<Vec<bool>, String> {
    values.iter().map(boolean).collect()
}

fn to_bool(values: &[Value]) -> FunctionResult {
    match &values[0] {
        Value::Bool(value) => Ok((*value).into()),
        Value::Number(number) => Ok((number.as_f64() != Some(0.0)).into()),
        Value::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true.into()),
        Value::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false.into()),
        other => Err(format!("{} is neither true nor false.", kind(other))),
    }
}

fn order(values: &[Value]) -> Result<Ordering, String> {
    let order = match (&values[0], &values[1]) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64().partial_cmp(&b.as_f64()),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    };
    order.ok_or_else(|| format!("{} and {} cannot be compared.", kind(&values[0]), kind(&values[1])))
}
