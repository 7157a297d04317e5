//! The request of a deployment as it is stored, so that a later process can run it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_shared::secret::Secret;

use crate::arm::deployment::{DeploymentMode, Located};
use crate::template::Request;

/// A request with all that was fetched for it: a second run must not find other templates. Fields that the
/// request of an older version lacks have a default.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRequest<R = Request> {
    #[serde(flatten)]
    pub(super) request: R,
    #[serde(default)]
    pub(super) mode: DeploymentMode,
    /// The place of the template, if it was linked.
    #[serde(default)]
    pub(super) link: Option<Located>,
    /// The linked templates and parameters by URL.
    #[serde(default)]
    pub(super) fetched: BTreeMap<String, Value>,
}

impl StoredRequest<&Request> {
    /// Serializes the request.
    pub(super) fn to_secret(&self) -> Secret {
        Secret::new(serde_json::to_vec(self).expect("a request has a JSON form"))
    }
}
