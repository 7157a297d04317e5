//! Subscriptions, providers and lists of resources on the wire, as types of which only the schema is used.
#![expect(dead_code, reason = "only the schemas are of use")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A list that is never long, so it comes whole.
pub(crate) struct Whole<T>(std::marker::PhantomData<T>);

/// The same for locations.
pub(crate) type Locations<T> = Whole<T>;

impl<T: JsonSchema> JsonSchema for Whole<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}List", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["value"],
            "properties": {"value": {"type": "array", "items": generator.subschema_for::<T>()}},
        })
    }
}

/// A subscription: a part of resource IDs.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Subscription {
    /// Its resource ID.
    id: String,
    /// Its own ID.
    subscription_id: String,
    /// The tenant that it is in.
    #[schemars(extend("format" = "uuid"))]
    tenant_id: String,
    /// Its name for people.
    display_name: String,
    /// Always `Enabled`.
    state: String,
}

/// The tenant, which API clients log in to.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Tenant {
    /// Its resource ID.
    id: String,
    /// Its own ID.
    #[schemars(extend("format" = "uuid"))]
    tenant_id: String,
    /// Its name for people.
    display_name: String,
    /// Always `Home`.
    tenant_category: String,
}

/// Where resources can be.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Location {
    /// Its resource ID.
    id: String,
    /// As it stands in resources.
    name: String,
    /// Always `Region`.
    #[schemars(rename = "type")]
    kind: String,
    /// Its name for people.
    display_name: String,
}

/// A resource provider.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Provider {
    /// Its resource ID.
    id: String,
    /// What its types begin with.
    namespace: String,
    /// Always `Registered`.
    registration_state: String,
    /// Its types.
    resource_types: Vec<ProviderType>,
}

/// A type of a resource provider.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ProviderType {
    /// The type without its namespace.
    resource_type: String,
    /// Where such resources can be.
    locations: Vec<String>,
    /// Versions that are known to be used, the newest first. Any other date is accepted too.
    api_versions: Vec<String>,
}

/// A resource of any type in short.
#[derive(JsonSchema)]
pub(crate) struct GenericResource {
    /// Its resource ID.
    id: String,
    /// Its name.
    name: String,
    /// Its type.
    #[schemars(rename = "type")]
    kind: String,
    /// Where it is.
    location: Option<String>,
    /// Labels of the owner's choice.
    tags: Option<BTreeMap<String, String>>,
}
