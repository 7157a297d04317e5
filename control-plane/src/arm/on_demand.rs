//! The body of `getBackendHealthOnDemand`, which describes a single probe.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gateway::{ProbeMatch, Protocol, SubResource};
use super::level::Level;
use super::normalize::{expect_object, normalize_object};
use super::shape::Shape;
use crate::violation::{ROOT, Violations};

/// A single probe. `ApplicationGatewayOnDemandProbe` in Azure's specification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ApplicationGatewayOnDemandProbe {
    /// The protocol. That of the backend HTTP settings if absent.
    pub(crate) protocol: Option<Protocol>,
    /// The `Host` header to send. Either this or `pickHostNameFromBackendHttpSettings` is required.
    pub(crate) host: Option<String>,
    /// The path and query to request; starts with `/`. `/` if absent.
    #[schemars(regex(pattern = "^/"))]
    pub(crate) path: Option<String>,
    /// The timeout of one response in seconds: 1 to 86400, 30 if absent. The whole operation takes at most one
    /// minute.
    #[schemars(range(min = 1, max = 86400))]
    pub(crate) timeout: Option<i64>,
    /// True to send the same `Host` header as for requests that use the settings.
    pub(crate) pick_host_name_from_backend_http_settings: bool,
    /// The criteria of a healthy response. Status 200 to 399 if absent.
    #[serde(rename = "match")]
    pub(crate) criterion: Option<ProbeMatch>,
    /// The pool whose members are probed. Required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub(crate) backend_address_pool: Option<SubResource>,
    /// The settings of the connections to the members. Required.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub(crate) backend_http_settings: Option<SubResource>,
}

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<ApplicationGatewayOnDemandProbe>);

/// Reads the body, as far as it is readable, and returns the violations.
///
/// # Panics
/// If the normalized body does not fit the type, which would be a bug in [`super::shape`].
pub(crate) fn read(body: Value) -> (ApplicationGatewayOnDemandProbe, Violations) {
    let mut violations = Violations::default();
    let body = expect_object(body, ROOT, &mut violations).unwrap_or_default();
    let body = normalize_object(body, &Level::resource(SHAPE.properties()), &mut violations);
    let probe = serde_json::from_value(Value::Object(body)).expect("canonical properties fit their type");
    (probe, violations)
}
