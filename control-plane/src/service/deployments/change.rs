//! What a deployment does to each resource.

use std::sync::Arc;

use serde_json::Value;

use crate::template::Plan;

/// The change of a resource.
pub(crate) struct Change {
    /// The resource ID.
    pub(crate) id: String,
    pub(crate) fate: Fate,
    /// The resource as GET shows it now; `None` if it does not exist.
    pub(crate) before: Option<Value>,
    /// The resource as GET would show it; `None` if that depends on other resources, or if it is not written.
    pub(crate) after: Option<Value>,
    /// The plan whose secrets are to be removed from what is shown.
    pub(super) plan: Arc<Plan>,
}

/// What happens to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is written.
    Written,
    /// It is not in the template of a deployment in the mode `Complete`.
    Deleted,
    /// It is not in the template, and kept.
    Ignored,
    /// Its change cannot be known before the deployment, for this reason.
    Unknown(String),
}

impl Change {
    /// Removes the secrets of the template from a text.
    pub(crate) fn without_secrets_in(&self, text: &str) -> String {
        self.plan.without_secrets_in(text)
    }
}
