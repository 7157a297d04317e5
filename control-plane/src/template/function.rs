//! The functions whose value follows from the values of their arguments alone: one table for each family.
//!
//! Each function is given as many arguments as its row allows. What it builds is bounded by [`MAX_TEXT`] and
//! [`MAX_LIST`] before it is built.

mod collection;
mod encoding;
mod logic;
mod network;
mod number;
mod text;

use serde_json::{Map, Number, Value};

use super::evaluate::Fault;
use crate::violation::code::template as code;

/// The longest text that a function makes, in bytes.
pub(super) const MAX_TEXT: usize = 1024 * 1024;

/// The longest list that a function makes out of a number; ARM's own limit.
const MAX_LIST: i64 = 10_000;

/// What a function answers: a value, or what is wrong with its arguments as the end of a sentence.
type Answer = Result<Value, String>;

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name as ARM spells it.
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    pub(super) call: fn(&[Value]) -> Answer,
}

impl Function {
    const fn new(name: &'static str, least: usize, most: usize, call: fn(&[Value]) -> Answer) -> Function {
        Function { name, least, most, call }
    }

    /// Whether it takes that many arguments.
    pub(super) fn check(&self, count: usize) -> Result<(), Fault> {
        arity(self.name, self.least, self.most, count)
    }
}

/// As many arguments as there are.
const ANY: usize = usize::MAX;

/// The function of that name, which is in lower case.
pub(super) fn named(lower: &str) -> Option<&'static Function> {
    let families =
        [text::TABLE, collection::TABLE, logic::TABLE, number::TABLE, encoding::TABLE, network::TABLE];
    families.into_iter().flatten().find(|function| function.name.eq_ignore_ascii_case(lower))
}

/// Whether a function that takes `least` to `most` arguments takes `count`.
pub(super) fn arity(name: &str, least: usize, most: usize, count: usize) -> Result<(), Fault> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, most) if least == most => format!("{least}"),
        (least, ANY) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    };
    Err(Fault::Wrong(code::FUNCTION, format!("The function '{name}' takes {wanted} arguments, not {count}.")))
}

/// What a value is, for a sentence.
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

fn wanted(what: &str, value: &Value) -> String {
    format!("{what} is wanted, not {}.", kind(value))
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

/// A value as text, as ARM writes it: booleans with a capital, the rest as JSON.
fn display(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A text that is being put together and stays within its bound.
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

/// Whether two values are the same; numbers are, whatever they are written as.
fn same(a: &Value, b: &Value) -> bool {
    let float = |number: &Number| number.as_f64();
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || float(a) == float(b),
        (a, b) => a == b,
    }
}

/// A number of elements or characters: what is negative counts as none.
fn amount(value: &Value) -> Result<usize, String> {
    Ok(usize::try_from(integer(value)?).unwrap_or(0))
}

#[cfg(test)]
mod tests;
