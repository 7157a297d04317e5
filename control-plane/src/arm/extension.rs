//! The extension provider `Tidegate.Network`: documents of a gateway that Azure does not have.
//!
//! They are resources of their own below `{gateway}/providers/Tidegate.Network`, so that a client of Azure, which
//! writes gateways as a whole, neither sends nor removes them. [`EXTENSION_TYPES`] is the list of their types: routes,
//! store, templates, OpenAPI and the compiler read it.

mod certificate_source;
mod http2_policy;
mod path;
mod tunnel_policy;

use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::collection::round_trip;
use super::shape::{Property, Shape};

pub(crate) use certificate_source::CertificateSource;
pub(crate) use http2_policy::Http2Policy;
pub(crate) use path::ExtensionPath;
pub(crate) use tunnel_policy::{CloseFrame, DrainSpread, EventPolicy, TunnelAction, TunnelPolicy};

/// The namespace of the provider.
pub(crate) const NAMESPACE: &str = "Tidegate.Network";

/// The api-versions of its types, the newest first. Unlike Azure's types, these have no older clients, so that no
/// other version is accepted.
pub(crate) const API_VERSIONS: [&str; 1] = ["2026-12-01"];

/// The name of the document that concerns the whole gateway.
pub(crate) const DEFAULT_NAME: &str = "default";

/// The maximum number of documents of one type in a gateway beside [`DEFAULT_NAME`] and those of its pools: documents of
/// pools that are gone.
pub(crate) const MAX_WITHOUT_POOL: usize = 200;

/// A type of documents, such as tunnel policies.
#[derive(Debug)]
pub(crate) struct ExtensionType {
    /// The segment in resource IDs, such as `tunnelPolicies`.
    pub(crate) name: &'static str,
    /// The name of one document in the API description, such as `TunnelPolicy`.
    pub(crate) singular: &'static str,
    /// The names that documents may have.
    pub(crate) names: ExtensionNames,
    shape: LazyLock<Shape>,
    schema: fn(&mut SchemaGenerator) -> Schema,
    round_trip: fn(Map<String, Value>) -> Map<String, Value>,
}

/// The names that documents of a type may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionNames {
    /// Only [`DEFAULT_NAME`].
    Default,
    /// [`DEFAULT_NAME`], or the name of a backend pool, for which the document takes the place of the default one.
    Pools,
    /// The name of a server certificate, which need not exist yet.
    Certificates,
}

/// All types of documents, in the order of their names.
pub(crate) static EXTENSION_TYPES: &[ExtensionType] = &ALL;

static ALL: [ExtensionType; 3] = [
    ExtensionType::of::<CertificateSource>(
        "certificateSources",
        "CertificateSource",
        ExtensionNames::Certificates,
    ),
    ExtensionType::of::<Http2Policy>("http2Policies", "Http2Policy", ExtensionNames::Default),
    ExtensionType::of::<TunnelPolicy>("tunnelPolicies", "TunnelPolicy", ExtensionNames::Pools),
];

/// The type of [`CertificateSource`].
pub(crate) static CERTIFICATE_SOURCES: &ExtensionType = &ALL[0];
/// The type of [`Http2Policy`].
pub(crate) static HTTP2_POLICIES: &ExtensionType = &ALL[1];
/// The type of [`TunnelPolicy`].
pub(crate) static TUNNEL_POLICIES: &ExtensionType = &ALL[2];

impl ExtensionType {
    const fn of<T: JsonSchema + Serialize + DeserializeOwned>(
        name: &'static str,
        singular: &'static str,
        names: ExtensionNames,
    ) -> ExtensionType {
        ExtensionType {
            name,
            singular,
            names,
            shape: LazyLock::new(Shape::of::<T>),
            schema: T::json_schema,
            round_trip: round_trip::<T>,
        }
    }

    /// Finds a type by its name, ignoring case.
    pub(crate) fn named(name: &str) -> Option<&'static ExtensionType> {
        EXTENSION_TYPES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    /// The ARM type, `Tidegate.Network/{name}`.
    pub(crate) fn resource_type(&self) -> String {
        format!("{NAMESPACE}/{}", self.name)
    }

    /// The JSON schema of `properties`, for the OpenAPI description.
    pub(crate) fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }

    pub(super) fn properties(&self) -> &[Property] {
        self.shape.properties()
    }

    /// Fills the defaults into canonical properties.
    pub(super) fn complete(&self, properties: Map<String, Value>) -> Map<String, Value> {
        (self.round_trip)(properties)
    }
}

impl PartialEq for ExtensionType {
    fn eq(&self, other: &ExtensionType) -> bool {
        self.name == other.name
    }
}

impl Eq for ExtensionType {}

/// A document of a gateway. The store keeps one row for each.
#[derive(Clone, PartialEq)]
pub(crate) struct Extension {
    /// Its type.
    pub(crate) kind: &'static ExtensionType,
    /// The name in its creator's spelling, unique within the type ignoring case.
    pub(crate) name: String,
    /// The canonical properties, with all defaults.
    pub(crate) properties: Map<String, Value>,
}

impl Extension {
    /// Returns whether it has that type, and that name ignoring case.
    pub(crate) fn is(&self, kind: &ExtensionType, name: &str) -> bool {
        self.kind == kind && self.name.eq_ignore_ascii_case(name)
    }

    /// The place of the document in paths of violations of the whole gateway, such as
    /// `(Tidegate.Network/tunnelPolicies/default)`.
    pub(crate) fn target(&self) -> String {
        format!("({}/{})", self.kind.resource_type(), self.name)
    }

    /// Its place among all documents of a gateway: by type and name, as its row is ordered.
    pub(super) fn rank(&self) -> (String, String) {
        (self.kind.name.to_ascii_lowercase(), self.name.to_ascii_lowercase())
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.kind.name, self.name, Value::Object(self.properties.clone()))
    }
}
