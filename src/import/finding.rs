//! What becomes of a part of a document.

use serde_json::{Value, json};

/// What becomes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It stops the import until somebody changes it.
    MustChange,
    /// It is stored, or left out, and has no effect.
    WithoutEffect,
    /// It is imported and has its effect.
    Taken,
}

impl Outcome {
    /// The words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Outcome::MustChange => "must change",
            Outcome::WithoutEffect => "without effect",
            Outcome::Taken => "taken",
        }
    }
}

/// What becomes of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    /// The resource, such as `applicationGateways/edge`.
    pub(crate) resource: String,
    /// The JSON path within the resource in ARM's form; empty for the whole resource.
    pub(crate) path: String,
    /// What it is, or what to do.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(
        outcome: Outcome,
        resource: &str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Finding {
        Finding { outcome, resource: resource.to_owned(), path: path.into(), message: message.into() }
    }

    /// Returns true if both are about the same part, or one is about a part of the other.
    pub(crate) fn overlaps(&self, other: &Finding) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.resource.eq_ignore_ascii_case(&other.resource)
            && (within(&self.path, &other.path) || within(&other.path, &self.path))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"resource": self.resource, "path": self.path, "message": self.message})
    }
}
