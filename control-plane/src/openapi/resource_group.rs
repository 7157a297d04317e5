//! Subscriptions, providers and lists of resources on the wire, as types that exist only for their schema.
#![expect(dead_code, reason = "only the schemas are of use")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A list without paging, because it is never long.
pub(crate) struct Whole<T>(std::marker::PhantomData<T>);

/// A list of locations.
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

/// A subscription, the first part of resource IDs.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Subscription {
    /// The resource ID.
    id: String,
    /// The subscription ID.
    subscription_id: String,
    /// The tenant of the subscription.
    #[schemars(extend("format" = "uuid"))]
    tenant_id: String,
    /// The display name.
    display_name: String,
    /// Always `Enabled`.
    state: String,
}

/// The tenant of API clients.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Tenant {
    /// The resource ID.
    id: String,
    /// The tenant ID.
    #[schemars(extend("format" = "uuid"))]
    tenant_id: String,
    /// The display name.
    display_name: String,
    /// Always `Home`.
    tenant_category: String,
}

/// A location of resources.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Location {
    /// The resource ID.
    id: String,
    /// The name in resources.
    name: String,
    /// Always `Region`.
    #[schemars(rename = "type")]
    kind: String,
    /// The display name.
    display_name: String,
}

/// A resource provider.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(crate) struct Provider {
    /// The resource ID.
    id: String,
    /// The namespace, the prefix of its types.
    namespace: String,
    /// Always `Registered`.
    registration_state: String,
    /// The resource types.
    resource_types: Vec<ProviderType>,
}

/// A type of a resource provider.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ProviderType {
    /// The type without its namespace.
    resource_type: String,
    /// The locations of such resources.
    locations: Vec<String>,
    /// The known versions, newest first. Any other date is accepted too.
    api_versions: Vec<String>,
}

/// A summary of a resource of any type.
#[derive(JsonSchema)]
pub(crate) struct GenericResource {
    /// The resource ID.
    id: String,
    /// The name.
    name: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// The location.
    location: Option<String>,
    /// Labels chosen by the owner.
    tags: Option<BTreeMap<String, String>>,
}
