//! Functions on strings.

use serde_json::Value;

use super::{ANY, Function, FunctionResult, MAX_TEXT, Text, amount, display, integer, list, text, wanted};
use crate::template::unique;

/// The maximum number of delimiters of `split`.
const MAX_DELIMITERS: usize = 16;

pub(super) const TABLE: &[Function] = &[
    Function::new("concat", 1, ANY, concat),
    Function::new("endsWith", 2, 2, |v| Ok(folded(v, |text, part| text.ends_with(part))?.into())),
    Function::new("fail", 1, 1, |v| Err(text(&v[0])?.to_owned())),
    Function::new("guid", 1, ANY, |v| Ok(unique::guid(&texts(v)?).into())),
    Function::new("join", 2, 2, join),
    Function::new("padLeft", 2, 3, pad_left),
    Function::new("replace", 3, 3, replace),
    Function::new("split", 2, 2, split),
    Function::new("startsWith", 2, 2, |v| Ok(folded(v, |text, part| text.starts_with(part))?.into())),
    Function::new("string", 1, 1, |v| Ok(display(&v[0]).into())),
    Function::new("substring", 2, 3, substring),
    Function::new("toLower", 1, 1, |v| Ok(text(&v[0])?.to_lowercase().into())),
    Function::new("toUpper", 1, 1, |v| Ok(text(&v[0])?.to_uppercase().into())),
    Function::new("trim", 1, 1, |v| Ok(text(&v[0])?.trim().into())),
    Function::new("uniqueString", 1, ANY, |v| Ok(unique::string(&texts(v)?).into())),
];

fn texts(values: &[Value]) -> Result<Vec<String>, String> {
    values.iter().map(|value| text(value).map(str::to_owned)).collect()
}

/// Concatenates strings, or arrays.
fn concat(values: &[Value]) -> FunctionResult {
    if values[0].is_array() {
        let lists: Result<Vec<&Vec<Value>>, String> = values.iter().map(list).collect();
        return Ok(lists?.into_iter().flatten().cloned().collect());
    }
    let mut whole = Text::default();
    for value in values {
        if value.is_array() || value.is_object() {
            return Err(wanted("a string", value));
        }
        whole.push(&display(value))?;
    }
    Ok(whole.into())
}

/// Compares two strings, ignoring case.
fn folded(values: &[Value], compare: impl Fn(&str, &str) -> bool) -> Result<bool, String> {
    let (text, part) = (text(&values[0])?.to_lowercase(), text(&values[1])?.to_lowercase());
    Ok(compare(&text, &part))
}

fn join(values: &[Value]) -> FunctionResult {
    let (list, between) = (list(&values[0])?, text(&values[1])?);
    let mut whole = Text::default();
    for (i, value) in list.iter().enumerate() {
        if i > 0 {
            whole.push(between)?;
        }
        whole.push(&display(value))?;
    }
    Ok(whole.into())
}

fn pad_left(values: &[Value]) -> FunctionResult {
    let plain = match &values[0] {
        Value::String(_) | Value::Number(_) => display(&values[0]),
        other => return Err(wanted("a string or an integer", other)),
    };
    let filler = match values.get(2) {
        Some(value) => text(value)?.to_owned(),
        None => " ".to_owned(),
    };
    if filler.chars().count() != 1 {
        return Err("the filler must be one character.".to_owned());
    }
    let missing = amount(&values[1])?.saturating_sub(plain.chars().count());
    if missing > MAX_TEXT / 4 {
        return Err("the text would be too long.".to_owned());
    }
    Ok((filler.repeat(missing) + &plain).into())
}

fn replace(values: &[Value]) -> FunctionResult {
    let (whole, old, new) = (text(&values[0])?, text(&values[1])?, text(&values[2])?);
    if old.is_empty() {
        return Err("the text to replace is empty.".to_owned());
    }
    let mut replaced = Text::default();
    for (i, part) in whole.split(old).enumerate() {
        if i > 0 {
            replaced.push(new)?;
        }
        replaced.push(part)?;
    }
    Ok(replaced.into())
}

/// Splits at one delimiter, or at any of several.
fn split(values: &[Value]) -> FunctionResult {
    let whole = text(&values[0])?;
    let delimiters = match &values[1] {
        Value::Array(list) => texts(list)?,
        one => vec![text(one)?.to_owned()],
    };
    if delimiters.len() > MAX_DELIMITERS {
        return Err(format!("there are more than {MAX_DELIMITERS} delimiters."));
    }
    let delimiters: Vec<&String> = delimiters.iter().filter(|delimiter| !delimiter.is_empty()).collect();
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at < whole.len() {
        match delimiters.iter().find(|delimiter| whole[at..].starts_with(delimiter.as_str())) {
            Some(delimiter) => {
                parts.push(Value::from(&whole[start..at]));
                at += delimiter.len();
                start = at;
            }
            None => at += whole[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    parts.push(Value::from(&whole[start..]));
    Ok(parts.into())
}

fn substring(values: &[Value]) -> FunctionResult {
    let whole = text(&values[0])?;
    let total = whole.chars().count();
    let start = usize::try_from(integer(&values[1])?).ok().filter(|start| *start <= total);
    let start = start.ok_or("the start is outside of the text.")?;
    let length = match values.get(2) {
        None | Some(Value::Null) => total - start,
        Some(length) => {
            let length = usize::try_from(integer(length)?).ok().filter(|length| start + length <= total);
            length.ok_or("the part would end after the text.")?
        }
    };
    Ok(whole.chars().skip(start).take(length).collect::<String>().into())
}
