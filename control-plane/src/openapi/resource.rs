//! Gateways and their children as components: the properties of their types, in the envelope of resources.

pub(crate) mod network;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::state::{OperationalState, ProvisioningState};
use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::extension::{ExtensionNames, ExtensionType};
use crate::arm::gateway;
use crate::arm::shape::MEMBERS;

/// A gateway with all of its children.
pub(crate) struct ApplicationGateway;

impl JsonSchema for ApplicationGateway {
    fn schema_name() -> Cow<'static, str> {
        "ApplicationGateway".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties = gateway_properties(generator);
        insert(generator, "ApplicationGatewayProperties", properties);
        let mut own = gateway::Gateway::json_schema(generator).to_value();
        let mut shown = envelope("application gateway", "ApplicationGatewayProperties");
        if let Some(Value::Object(head)) = own.get_mut("properties") {
            head.shift_remove("properties");
            let all = shown["properties"].as_object_mut().expect("an envelope is an object");
            let last = all.shift_remove("properties");
            all.append(head);
            all.extend(last.map(|last| ("properties".to_owned(), last)));
        }
        shown["description"] = "An application gateway with all of its children.".into();
        as_schema(shown)
    }
}

/// Returns the schema of a gateway's properties: its own, its collections, and those that only responses
/// contain.
fn gateway_properties(generator: &mut SchemaGenerator) -> Value {
    let mut schema = gateway::GatewayProperties::json_schema(generator).to_value();
    let collections: Vec<(String, Value)> = COLLECTIONS
        .iter()
        .map(|collection| {
            let items = member(collection, generator);
            (collection.name.to_owned(), json!({"type": "array", "items": items}))
        })
        .collect();
    let state = generator.subschema_for::<ProvisioningState>();
    let operational = generator.subschema_for::<OperationalState>();
    let properties = properties_of(&mut schema);
    properties.extend(collections);
    properties.insert("provisioningState".into(), read_only(&state));
    properties.insert("operationalState".into(), read_only(&operational));
    let guid = json!({"type": "string", "format": "uuid", "readOnly": true,
        "description": "The GUID, which identifies the gateway from its creation to its deletion."});
    properties.insert("resourceGuid".into(), guid);
    let connections = json!({"type": "array", "items": {"type": "object"}, "readOnly": true,
        "description": "Always empty: private endpoints are not supported."});
    properties.insert("privateEndpointConnections".into(), connections);
    schema
}

/// Returns a reference to the component of a collection's members. Creates the component on first use.
pub(super) fn member(collection: &Collection, generator: &mut SchemaGenerator) -> Value {
    let name = member_name(collection);
    if !generator.definitions().contains_key(&name) {
        let properties = format!("{name}Properties");
        let mut schema = collection.schema(generator).to_value();
        name_members(&mut schema, generator);
        show_state(&mut schema, generator);
        insert(generator, &properties, schema);
        insert(generator, &name, envelope(&format!("member of {}", collection.name), &properties));
    }
    reference(&name)
}

/// Returns the component of the members of the collection of that name.
pub(super) fn member_of(collection: &str, generator: &mut SchemaGenerator) -> Schema {
    let collection = Collection::named(collection).expect("the collection exists");
    as_schema(member(collection, generator))
}

/// Returns a reference to the component of a list of a collection's members.
pub(super) fn members(collection: &Collection, generator: &mut SchemaGenerator) -> Value {
    let item = member(collection, generator);
    list(&member_name(collection), &item, generator)
}

/// Returns a reference to the component of a nested member.
pub(super) fn nested(collection: &Collection, within: &str, generator: &mut SchemaGenerator) -> Value {
    member(collection, generator);
    let properties = &generator.definitions()[&format!("{}Properties", member_name(collection))];
    properties["properties"][within]["items"].clone()
}

/// Returns a reference to the component of a list of nested members.
pub(super) fn nested_members(
    collection: &Collection,
    within: &str,
    generator: &mut SchemaGenerator,
) -> Value {
    let item = nested(collection, within, generator);
    list(target(&item).unwrap_or_default(), &item, generator)
}

/// Returns a reference to the component of an extension document. Creates the component on first use.
pub(super) fn extension(kind: &ExtensionType, generator: &mut SchemaGenerator) -> Value {
    let name = kind.singular;
    if !generator.definitions().contains_key(name) {
        let properties = format!("{name}Properties");
        let mut schema = kind.schema(generator).to_value();
        show_state(&mut schema, generator);
        if kind.names == ExtensionNames::Pools {
            let pools = generator.subschema_for::<gateway::SubResource>();
            let pools = json!({"type": "array", "items": pools, "readOnly": true,
                "description": "The pools to which it applies; empty if its pool does not exist."});
            properties_of(&mut schema).insert("appliesTo".into(), pools);
        }
        if kind.names == ExtensionNames::Certificates {
            let fault = json!({"type": "string", "readOnly": true,
                "description": "The reason why nothing could be read yet; absent if something was."});
            properties_of(&mut schema).insert("fault".into(), fault);
        }
        insert(generator, &properties, schema);
        insert(generator, name, envelope(&format!("member of {}", kind.name), &properties));
    }
    reference(name)
}

/// Returns a reference to the component of a list of extension documents.
pub(super) fn extensions(kind: &ExtensionType, generator: &mut SchemaGenerator) -> Value {
    let item = extension(kind, generator);
    list(kind.singular, &item, generator)
}

fn list(name: &str, item: &Value, generator: &mut SchemaGenerator) -> Value {
    let name = format!("{name}List");
    let value = json!({"type": "array", "items": item});
    let schema = json!({"type": "object", "required": ["value"], "properties": {"value": value},
        "description": "All members."});
    insert(generator, &name, schema);
    reference(&name)
}

/// Gives the members of nested collections components like those of other members: a list of `Member` of
/// `PathRule` becomes one of `PathRule`, which contains `PathRuleProperties`.
fn name_members(schema: &mut Value, generator: &mut SchemaGenerator) {
    for property in properties_of(schema).values_mut().filter(|property| property.get(MEMBERS).is_some()) {
        let held = |generator: &SchemaGenerator| {
            let member = generator.definitions().get(target(&property["items"])?)?;
            target(&member["properties"]["properties"]).map(str::to_owned)
        };
        let name = held(generator).expect("members hold a type of their own");
        let properties = format!("{name}Properties");
        let mut schema = generator.definitions_mut().remove(&name).unwrap_or_default();
        name_members(&mut schema, generator);
        show_state(&mut schema, generator);
        insert(generator, &properties, schema);
        insert(generator, &name, envelope("nested member", &properties));
        property["items"] = reference(&name);
    }
}

/// Returns the name of the referenced component.
fn target(reference: &Value) -> Option<&str> {
    reference["$ref"].as_str()?.rsplit('/').next()
}

/// Returns the singular name of a collection's members, such as `HttpListener` for `httpListeners`.
fn member_name(collection: &Collection) -> String {
    let name = capitalised(collection.name);
    if let Some(stem) = name.strip_suffix("Collection") {
        return stem.to_owned();
    }
    match name.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => name.strip_suffix('s').unwrap_or(&name).to_owned(),
    }
}

/// Capitalizes the first letter, as in names of components and operations.
pub(crate) fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Returns the schema of a resource around its properties.
fn envelope(what: &str, properties: &str) -> Value {
    json!({
        "type": "object",
        "description": format!("A {what}."),
        "properties": {
            "id": {"type": "string", "description": "The resource ID. Ignored in requests."},
            "name": {"type": "string", "description": "The name, which is also in the resource ID."},
            "type": {"type": "string", "readOnly": true, "description": "The resource type."},
            "etag": {"type": "string", "readOnly": true, "description": "The entity tag, for If-Match."},
            "properties": reference(properties),
        },
    })
}

/// Adds the provisioning state, which members share with their gateway.
fn show_state(schema: &mut Value, generator: &mut SchemaGenerator) {
    let state = generator.subschema_for::<ProvisioningState>();
    properties_of(schema).insert("provisioningState".into(), read_only(&state));
}

fn properties_of(schema: &mut Value) -> &mut Map<String, Value> {
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    schema["properties"].as_object_mut().expect("the properties are an object")
}

fn read_only(schema: &Schema) -> Value {
    json!({"allOf": [schema], "readOnly": true})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn insert(generator: &mut SchemaGenerator, name: &str, schema: Value) {
    generator.definitions_mut().insert(name.to_owned(), schema);
}

fn as_schema(value: Value) -> Schema {
    Schema::try_from(value).unwrap_or_default()
}
