//! The reason why an expression has no value.

use serde_json::Value;

use crate::violation::code::template as code;

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

    /// A function is unknown or not allowed here.
    pub(super) fn function(why: impl Into<String>) -> EvalError {
        EvalError::Wrong(code::FUNCTION, why.into())
    }
}

pub(super) type EvalResult = Result<Value, EvalError>;
