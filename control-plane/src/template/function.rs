//! The functions that depend only on the values of their arguments, in one table for each group; `catalog`
//! lists every function that ARM documents.
//!
//! The caller checks the number of arguments. The size of results is checked against [`MAX_TEXT`] and
//! [`MAX_LIST`] before they are built.

mod catalog;
mod collection;
mod date;
mod encoding;
mod format;
mod logic;
mod network;
mod number;
mod text;
mod uri;
mod zone;

use serde_json::{Map, Number, Value};

use super::fault::EvalError;
use super::value::kind;

pub(super) use catalog::unknown;
pub(super) use date::{COMPACT, show as show_time};

/// The maximum length of a text that a function returns, in bytes.
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// The maximum length of a list that `range` returns, as in ARM.
const MAX_LIST: i64 = 10_000;

/// The result of a function: a value, or an error as the end of a sentence.
type FunctionResult = Result<Value, String>;

/// A template function.
#[derive(Debug)]
pub(super) struct Function {
    /// The name in ARM's spelling.
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    pub(super) call: fn(&[Value]) -> FunctionResult,
}

impl Function {
    const fn new(
        name: &'static str,
        least: usize,
        most: usize,
        call: fn(&[Value]) -> FunctionResult,
    ) -> Function {
        Function { name, least, most, call }
    }

    /// Checks the number of arguments.
    pub(super) fn check(&self, count: usize) -> Result<(), EvalError> {
        arity(self.name, self.least, self.most, count)
    }
}

/// No upper bound of the number of arguments.
const ANY: usize = usize::MAX;

/// Finds a function by its lower-case name.
pub(super) fn named(lower: &str) -> Option<&'static Function> {
    all().find(|function| function.name.eq_ignore_ascii_case(lower))
}

/// Iterates over the functions of all groups.
fn all() -> impl Iterator<Item = &'static Function> {
    let groups = [
        text::TABLE,
        format::TABLE,
        collection::TABLE,
        logic::TABLE,
        number::TABLE,
        encoding::TABLE,
        uri::TABLE,
        network::TABLE,
        date::TABLE,
        zone::TABLE,
    ];
    groups.into_iter().flatten()
}

/// Checks that a function that takes `least` to `most` arguments is called with `count`.
pub(super) fn arity(name: &str, least: usize, most: usize, count: usize) -> Result<(), EvalError> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, most) if least == most => format!("{least}"),
        (least, ANY) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    };
    Err(EvalError::function(format!("The function '{name}' takes {wanted} arguments, not {count}.")))
}

fn wanted(what: &str, value: &Value) -> String {
    format!("{what} is expected, not {}.", kind(value))
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| wanted("a string", value))
}

fn integer(value: &Value) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| wanted("an integer", value))
}

fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| wanted("true or false", value))
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| wanted("an array", value))
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| wanted("an object", value))
}

/// Formats a value as text like ARM: booleans with a capital letter, the rest as JSON.
fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A text under construction, bounded by [`MAX_TEXT`].
#[derive(Default)]
struct Text(String);

impl Text {
    fn push(&mut self, text: &str) -> Result<(), String> {
        if self.0.len() + text.len() > MAX_TEXT {
            return Err(format!("the text would be longer than {MAX_TEXT} bytes."));
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        Value::String(text.0)
    }
}

/// Compares two values; numbers are compared by value, not by notation.
fn same(a: &Value, b: &Value) -> bool {
    let float = |number: &Number| number.as_f64();
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || float(a) == float(b),
        (a, b) => a == b,
    }
}

/// Reads a number of elements or characters; a negative number counts as zero.
fn amount(value: &Value) -> Result<usize, String> {
    Ok(usize::try_from(integer(value)?).unwrap_or(0))
}

#[cfg(test)]
mod tests;
