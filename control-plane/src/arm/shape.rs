//! The JSON that each property accepts: the schemas that schemars derives from the resource types, in the form
//! that reading needs.
//!
//! The types are the single description of each property. Facts that no Rust type can express are schema
//! extensions of the field: [`REFERS_TO`], [`MEMBERS`], [`NOT_SERVED`], [`OFF`], [`RESPONSE_ONLY`], and JSON
//! Schema's own `readOnly` and `writeOnly`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The extension of a property that refers to members of a collection. Its value is the name of the collection.
pub(crate) const REFERS_TO: &str = "x-refers-to";

/// The extension of an Azure property that no worker implements yet. Its value is advice for the user, or
/// empty.
pub(crate) const NOT_SERVED: &str = "x-not-served";

/// The extension of a list of children within a child's properties, each with a name and properties of its own.
/// Its value is `true`.
pub(crate) const MEMBERS: &str = "x-members";

/// The extension of an optional property that clients may also switch off by a word, which is its value. The word
/// counts as absent.
pub(crate) const OFF: &str = "x-off";

/// The extension of a type with properties that only responses contain, here or in Azure, and that its Rust type
/// does not have. Its value is the list of their names.
pub(crate) const RESPONSE_ONLY: &str = "x-response-only";

/// The set of values that a property accepts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// An object with these properties, and others that have no effect.
    Object(Vec<Property>),
    /// An object with arbitrary keys.
    Map(Box<Shape>),
    /// A list.
    List(Box<Shape>),
    /// A list of members of a child: objects with a name and these properties.
    Members(Vec<Property>),
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of these strings.
    OneOf(Vec<String>),
    /// A value that must be off, empty or absent. The text is advice for the user, or empty.
    NotServed(String),
    /// Any value, kept unchanged.
    Any,
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Property {
    /// The name in canonical spelling.
    pub(crate) name: String,
    /// The accepted values.
    pub(crate) shape: Shape,
    /// True if the property appears only in responses and is ignored in requests.
    pub(crate) read_only: bool,
    /// True if the property appears only in requests and is never stored or returned as sent.
    pub(crate) write_only: bool,
    /// The collection to which the property refers: its value is `{"id": …}`, or a list of such objects.
    pub(crate) refers_to: Option<String>,
    /// The word that counts as absent, if there is one.
    pub(crate) off: Option<String>,
}

impl Property {
    fn of_responses(name: &str) -> Property {
        Property {
            name: name.to_owned(),
            shape: Shape::Any,
            read_only: true,
            write_only: false,
            refers_to: None,
            off: None,
        }
    }
}

impl Shape {
    /// Derives the shape of a type.
    ///
    /// # Panics
    /// If the type's schema uses a construct that no resource type needs. Every test that reads the type would
    /// show this.
    pub(crate) fn of<T: JsonSchema>() -> Shape {
        let generator = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator();
        Shape::read(generator.into_root_schema_for::<T>().as_value())
    }

    /// The properties of an object; empty for other shapes.
    pub(crate) fn properties(&self) -> &[Property] {
        match self {
            Shape::Object(properties) => properties,
            _ => &[],
        }
    }

    /// The properties of each member, if this is a list of members.
    pub(crate) fn members(&self) -> Option<&[Property]> {
        match self {
            Shape::Members(properties) => Some(properties),
            _ => None,
        }
    }

    fn read(schema: &Value) -> Shape {
        let Some(schema) = schema.as_object() else { return Shape::Any };
        if let Some(advice) = schema.get(NOT_SERVED) {
            return Shape::NotServed(advice.as_str().unwrap_or_default().to_owned());
        }
        if schema.contains_key(MEMBERS) {
            return Shape::members_of(schema);
        }
        if let Some(options) = alternatives(schema) {
            return options;
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Shape::OneOf(values.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        match json_type(schema) {
            Some("object") => Shape::object(schema),
            Some("array") => Shape::List(Box::new(schema.get("items").map_or(Shape::Any, Shape::read))),
            Some("string") => Shape::Text,
            Some("integer") => Shape::Integer,
            Some("boolean") => Shape::Boolean,
            None => Shape::Any,
            Some(other) => panic!("no resource type holds a {other}"),
        }
    }

    /// Only the properties of the member type matter: `named` reads the rest of each member.
    fn members_of(schema: &Map<String, Value>) -> Shape {
        let Some(Shape::Object(member)) = schema.get("items").map(Shape::read) else {
            panic!("members are objects");
        };
        let properties = member.into_iter().find(|property| property.name == "properties");
        match properties.map(|property| property.shape) {
            Some(Shape::Object(properties)) => Shape::Members(properties),
            _ => panic!("members have properties"),
        }
    }

    fn object(schema: &Map<String, Value>) -> Shape {
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.as_bool().is_none()) {
            return Shape::Map(Box::new(Shape::read(values)));
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return Shape::Map(Box::new(Shape::Any));
        };
        let property = |(name, schema): (&String, &Value)| Property {
            name: name.clone(),
            shape: Shape::read(schema),
            read_only: schema["readOnly"] == true,
            write_only: schema["writeOnly"] == true,
            refers_to: schema[REFERS_TO].as_str().map(str::to_owned),
            off: schema[OFF].as_str().map(str::to_owned),
        };
        let others = schema.get(RESPONSE_ONLY).and_then(Value::as_array).into_iter().flatten();
        let others = others.filter_map(Value::as_str).map(Property::of_responses);
        Shape::Object(properties.iter().map(property).chain(others).collect())
    }
}

/// `Option` of a type, and an enumeration with documented variants, are schemas with alternatives.
fn alternatives(schema: &Map<String, Value>) -> Option<Shape> {
    let options = schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array()?;
    let constants: Vec<String> =
        options.iter().filter_map(|option| option.get("const")?.as_str()).map(str::to_owned).collect();
    if !constants.is_empty() {
        return Some(Shape::OneOf(constants));
    }
    options.iter().find(|option| option["type"] != "null").map(Shape::read)
}

/// The type other than `null`: a null value counts as absent.
fn json_type(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::gateway::{Listener, SslCertificate, UrlPathMap};

    fn property<'a>(shape: &'a Shape, name: &str) -> &'a Property {
        shape.properties().iter().find(|p| p.name == name).unwrap()
    }

    #[test]
    fn a_type_says_all_there_is_to_know_about_its_properties() {
        let listener = Shape::of::<Listener>();
        let frontend = property(&listener, "frontendIPConfiguration");
        assert_eq!(frontend.refers_to.as_deref(), Some("frontendIPConfigurations"));
        assert_eq!(property(&frontend.shape, "id").shape, Shape::Text);
        let protocol = Shape::OneOf(vec!["Http".into(), "Https".into()]);
        assert_eq!(property(&listener, "protocol").shape, protocol);
        assert_eq!(property(&listener, "hostName").shape, Shape::Text);
        assert_eq!(property(&listener, "hostNames").shape, Shape::List(Box::new(Shape::Text)));
        assert_eq!(property(&listener, "requireServerNameIndication").shape, Shape::Boolean);
        assert_eq!(property(&property(&listener, "firewallPolicy").shape, "id").shape, Shape::Text);

        let certificate = Shape::of::<SslCertificate>();
        assert!(property(&certificate, "password").write_only);
        assert!(property(&certificate, "publicCertData").read_only);

        let map = Shape::of::<UrlPathMap>();
        let rules = property(&map, "pathRules").shape.members().unwrap();
        let pool = rules.iter().find(|property| property.name == "backendAddressPool").unwrap();
        assert_eq!(pool.refers_to.as_deref(), Some("backendAddressPools"));
    }
}
