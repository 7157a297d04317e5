//! The body of `getBackendHealthOnDemand`: a probe that is made once.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gateway::{ProbeMatch, Protocol, SubResource};
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations};

/// A probe that is made once. `ApplicationGatewayOnDemandProbe` in the official description.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ApplicationGatewayOnDemandProbe {
    /// That of the settings, which it is if absent.
    pub protocol: Option<Protocol>,
    /// The `Host` to send. This or `pickHostNameFromBackendHttpSettings` is required.
    pub host: Option<String>,
    /// The path and query to ask for; starts with `/`, which it is if absent.
    #[schemars(regex(pattern = "^/"))]
    pub path: Option<String>,
    /// Seconds that an answer may take: 1 to 86400, 30 if absent. All of it takes at most a minute, though.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout: Option<i64>,
    /// Whether to send the `Host` that requests of the settings are sent with.
    pub pick_host_name_from_backend_http_settings: bool,
    /// What a good answer is; statuses 200 to 399 otherwise.
    #[serde(rename = "match")]
    pub criterion: Option<ProbeMatch>,
    /// Whose members to ask. Required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub backend_address_pool: Option<SubResource>,
    /// How to speak with them. Required.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub backend_http_settings: Option<SubResource>,
}

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<ApplicationGatewayOnDemandProbe>);

/// Reads such a body, as good as it can be read, with what was wrong with it.
///
/// # Panics
/// If what was brought into the shape of the type does not fit the type, which would be a bug here.
pub fn read(body: Value) -> (ApplicationGatewayOnDemandProbe, Violations) {
    let mut violations = Violations::default();
    let body = expect_object(body, ROOT, &mut violations).unwrap_or_default();
    let body = normalize_object(body, SHAPE.properties(), "", &mut violations);
    let probe = serde_json::from_value(Value::Object(body)).expect("canonical properties fit their type");
    (probe, violations)
}
