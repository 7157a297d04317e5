//! Functions on numbers. Integers have 64 bits; an overflow is an error.

use serde_json::{Number, Value};

use super::{ANY, Function, FunctionResult, integer, list, wanted};

pub(super) const TABLE: &[Function] = &[
    Function::new("add", 2, 2, |v| pair(v, i64::checked_add)),
    Function::new("div", 2, 2, |v| pair(v, i64::checked_div)),
    Function::new("float", 1, 1, float),
    Function::new("int", 1, 1, int),
    Function::new("max", 1, ANY, |v| Ok(integers(v)?.into_iter().max().map_or(Value::Null, Value::from))),
    Function::new("min", 1, ANY, |v| Ok(integers(v)?.into_iter().min().map_or(Value::Null, Value::from))),
    Function::new("mod", 2, 2, |v| pair(v, i64::checked_rem)),
    Function::new("mul", 2, 2, |v| pair(v, i64::checked_mul)),
    Function::new("sub", 2, 2, |v| pair(v, i64::checked_sub)),
];

fn pair(values: &[Value], compute: fn(i64, i64) -> Option<i64>) -> FunctionResult {
    let result = compute(integer(&values[0])?, integer(&values[1])?);
    result.map(Value::from).ok_or_else(|| "the result is not a 64-bit integer.".to_owned())
}

/// Returns the arguments, or the elements of a single array.
fn integers(values: &[Value]) -> Result<Vec<i64>, String> {
    match values {
        [one @ Value::Array(_)] => list(one)?.iter().map(integer).collect(),
        several => several.iter().map(integer).collect(),
    }
}

fn int(values: &[Value]) -> FunctionResult {
    match &values[0] {
        Value::String(text) => {
            text.trim().parse::<i64>().map(Value::from).map_err(|_| "the text is not an integer.".to_owned())
        }
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ok(number.into()),
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            (None, Some(number)) if number.abs() < 9e15 => Ok((number.trunc() as i64).into()),
            _ => Err("the number is too large.".to_owned()),
        },
        other => Err(wanted("a string or a number", other)),
    }
}

fn float(values: &[Value]) -> FunctionResult {
    let number = match &values[0] {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_f64(),
        other => return Err(wanted("a string or a number", other)),
    };
    let number = number.and_then(Number::from_f64);
    number.map(Value::Number).ok_or_else(|| "the text is not a number.".to_owned())
}
