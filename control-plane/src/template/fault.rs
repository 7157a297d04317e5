//! The reason why an expression has no value.

use serde_json::Value;

use crate::violation::code::template as code;

/// The reason why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// The value depends on a resource that is not deployed yet.
    Pending,
    /// A permanent error: a code and a sentence.
    Wrong(&'static str, String),
}

impl Fault {
    pub(super) fn expression(why: impl Into<String>) -> Fault {
        Fault::Wrong(code::EXPRESSION, why.into())
    }
}

pub(super) type Outcome = Result<Value, Fault>;
