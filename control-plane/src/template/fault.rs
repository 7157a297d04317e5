//! The reason why an expression has no value.

use serde_json::Value;

use crate::violation::code::template as code;

/// What stands between an error and its expression.
const EXPRESSION: &str = " Expression: ";

/// The maximum length of the part of an expression that an error repeats, in characters.
const MAX_SHOWN: usize = 160;

/// The reason why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum EvalError {
    /// The value depends on a resource that is not deployed yet.
    Pending,
    /// A permanent error: a code and a sentence.
    Wrong(&'static str, String),
}

impl EvalError {
    pub(super) fn expression(why: impl Into<String>) -> EvalError {
        EvalError::Wrong(code::EXPRESSION, why.into())
    }

    /// Adds the expression in which the error occurred; the innermost one, if several contain each other.
    pub(super) fn within(self, expression: &str) -> EvalError {
        match self {
            EvalError::Wrong(code, why) if !why.contains(EXPRESSION) => {
                let (shown, end) = match expression.char_indices().nth(MAX_SHOWN) {
                    Some((at, _)) => (&expression[..at], "…"),
                    None => (expression, ""),
                };
                EvalError::Wrong(code, format!("{why}{EXPRESSION}[{shown}{end}]"))
            }
            other => other,
        }
    }

    /// A function is unknown or not allowed here.
    pub(super) fn function(why: impl Into<String>) -> EvalError {
        EvalError::Wrong(code::FUNCTION, why.into())
    }
}

pub(super) type EvalResult = Result<Value, EvalError>;
