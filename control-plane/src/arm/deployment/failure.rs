//! ARM's structure of errors: a code, a sentence, and causes.

use serde::{Deserialize, Serialize};

use crate::violation::Violation;

/// An ARM error with its causes, in the form of error responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The ARM error code, such as `InvalidTemplate`.
    pub(crate) code: String,
    /// A sentence for the user.
    pub(crate) message: String,
    /// The subject of the error: a path in the request, or a resource ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// The causes of the error.
    #[serde(default)]
    pub(crate) details: Vec<Failure>,
}

impl Failure {
    /// An error with this code and message, without target and details.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure { code: code.into(), message: message.into(), target: None, details: Vec::new() }
    }

    /// Sets the target.
    #[must_use]
    pub(crate) fn about(self, target: impl Into<String>) -> Failure {
        Failure { target: Some(target.into()), ..self }
    }

    /// Sets the causes.
    #[must_use]
    pub(crate) fn because(self, details: Vec<Failure>) -> Failure {
        Failure { details, ..self }
    }

    /// Applies `change` to every message and target.
    #[must_use]
    pub(crate) fn map(self, change: &impl Fn(&str) -> String) -> Failure {
        Failure {
            code: self.code,
            message: change(&self.message),
            target: self.target.map(|target| change(&target)),
            details: self.details.into_iter().map(|detail| detail.map(change)).collect(),
        }
    }
}

impl From<&Violation> for Failure {
    fn from(violation: &Violation) -> Failure {
        Failure::new(violation.code, &violation.message).about(&violation.target)
    }
}
