//! Types of parameters and outputs: the simple ones, their constraints, and the user-defined ones of
//! languageVersion 2.0. Pure; `check` compares values with them.

mod check;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicUsize;

use serde_json::{Map, Value};

use super::json_path::{JsonPath, ROOT};
use super::value::{kind, property};
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The prefix of the path of a definition.
const DEFINITIONS: &str = "#/definitions/";

/// The maximum number of definitions through which one refers to another.
const MAX_CHAIN: usize = 32;

/// The names of the types, for a sentence.
const WORDS: &str = "A type is string, securestring, int, bool, object, secureObject or array.";

/// The code of a violation.
type Code = &'static str;

/// A simple type. Templates may write it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `string`.
    Text,
    /// `securestring`.
    SecureText,
    /// `int`.
    Integer,
    /// `bool`.
    Boolean,
    /// `object`.
    Object,
    /// `secureObject`.
    SecureObject,
    /// `array`.
    List,
}

impl Kind {
    fn read(name: &str) -> Option<Kind> {
        Some(match name.to_ascii_lowercase().as_str() {
            "string" => Kind::Text,
            "securestring" => Kind::SecureText,
            "int" => Kind::Integer,
            "bool" => Kind::Boolean,
            "object" => Kind::Object,
            "secureobject" => Kind::SecureObject,
            "array" => Kind::List,
            _ => return None,
        })
    }

    /// The name in the spelling of responses.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "String",
            Kind::SecureText => "SecureString",
            Kind::Integer => "Int",
            Kind::Boolean => "Bool",
            Kind::Object => "Object",
            Kind::SecureObject => "SecureObject",
            Kind::List => "Array",
        }
    }

    fn is_secure(self) -> bool {
        matches!(self, Kind::SecureText | Kind::SecureObject)
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Kind::Text | Kind::SecureText => value.is_string(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Boolean => value.is_boolean(),
            Kind::Object | Kind::SecureObject => value.is_object(),
            Kind::List => value.is_array(),
        }
    }
}

/// A type among [`Types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

/// All types of a template.
#[derive(Debug, Default)]
pub(super) struct Types {
    list: Vec<Type>,
    /// The definitions by name.
    definitions: HashMap<String, TypeId>,
    /// The number of comparisons so far, for all values of the template.
    compared: AtomicUsize,
}

/// A type with its constraints. A value must satisfy these and, if there is one, the referenced definition.
#[derive(Debug, Default)]
struct Type {
    definition: Option<TypeId>,
    /// `None` for any value, or for that of the definition.
    kind: Option<Kind>,
    nullable: bool,
    /// True if a value may contain a secret.
    secure: bool,
    allowed: Option<Allowed>,
    least_value: Option<i64>,
    most_value: Option<i64>,
    least_length: Option<i64>,
    most_length: Option<i64>,
    /// By lower-case name.
    properties: HashMap<String, Property>,
    additional: Rest,
    discriminator: Option<Discriminator>,
    prefix: Vec<TypeId>,
    items: Rest,
}

#[derive(Debug)]
struct Allowed {
    values: HashSet<Value>,
    /// The first values, for a sentence.
    shown: String,
}

#[derive(Debug)]
struct Property {
    name: String,
    of: TypeId,
}

/// The type of the members that are not listed.
#[derive(Clone, Copy, Debug, Default)]
enum Rest {
    #[default]
    Any,
    None,
    Of(TypeId),
}

/// The property that selects the type of an object.
#[derive(Debug)]
struct Discriminator {
    property: String,
    mapping: HashMap<String, TypeId>,
}

impl Types {
    /// Reads the definitions, which may refer to each other.
    pub(super) fn read(definitions: &Map<String, Value>, flaws: &mut Violations) -> Types {
        let mut types = Types::default();
        for name in definitions.keys() {
            types.definitions.insert(name.clone(), TypeId(types.list.len()));
            types.list.push(Type::default());
        }
        let root = format!("{ROOT}.definitions");
        for (name, definition) in definitions {
            let root = JsonPath::Root(&root);
            let read = types.describe(definition, &JsonPath::Property(&root, name), code::STRUCTURE, flaws);
            if let Some(TypeId(at)) = types.definitions.get(name) {
                types.list[*at] = read;
            }
        }
        types
    }

    /// Adds the type of a parameter or an output, which must have one.
    pub(super) fn declare(
        &mut self,
        declaration: &Map<String, Value>,
        place: &JsonPath<'_>,
        code: &'static str,
        flaws: &mut Violations,
    ) -> Option<TypeId> {
        let noted = flaws.0.len();
        if property(declaration, "type").is_none() && property(declaration, "$ref").is_none() {
            let why = format!("There is no type. {WORDS}");
            flaws.push(code, JsonPath::Property(place, "type").to_string(), why);
            return None;
        }
        let read = self.describe_object(declaration, place, code, flaws);
        (flaws.0.len() == noted).then(|| self.add(read))
    }

    /// Marks every type that contains a secure one. Called once all types are read.
    pub(super) fn seal(&mut self) {
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.list.len()];
        for (at, one) in self.list.iter().enumerate() {
            one.parts().for_each(|TypeId(part)| users[part].push(at));
        }
        let mut left: Vec<usize> = (0..self.list.len()).filter(|at| self.list[*at].secure).collect();
        while let Some(at) = left.pop() {
            for user in std::mem::take(&mut users[at]) {
                if !std::mem::replace(&mut self.list[user].secure, true) {
                    left.push(user);
                }
            }
        }
    }

    /// The simple type, also through definitions.
    pub(super) fn kind(&self, id: TypeId) -> Option<Kind> {
        self.chain(id).find_map(|one| one.kind)
    }

    /// Returns whether null is a value of the type.
    pub(super) fn is_nullable(&self, id: TypeId) -> bool {
        self.chain(id).any(|one| one.nullable)
    }

    /// Returns whether a value of the type may contain a secret.
    pub(super) fn is_secure(&self, TypeId(at): TypeId) -> bool {
        self.list[at].secure
    }

    /// Iterates over the type and the definitions to which it refers.
    fn chain(&self, id: TypeId) -> impl Iterator<Item = &Type> {
        let next = |one: &&Type| one.definition.map(|TypeId(at)| &self.list[at]);
        // Definitions may refer to each other in a circle.
        std::iter::successors(Some(&self.list[id.0]), next).take(MAX_CHAIN)
    }

    fn add(&mut self, one: Type) -> TypeId {
        self.list.push(one);
        TypeId(self.list.len() - 1)
    }

    /// Reads a type within another one.
    fn part(&mut self, json: &Value, place: &JsonPath<'_>, code: Code, flaws: &mut Violations) -> TypeId {
        let one = self.describe(json, place, code, flaws);
        self.add(one)
    }

    fn describe(&mut self, json: &Value, place: &JsonPath<'_>, code: Code, flaws: &mut Violations) -> Type {
        match json {
            Value::Object(object) => self.describe_object(object, place, code, flaws),
            other => {
                let why = format!("A type must be an object, not {}.", kind(other));
                flaws.push(code, place.to_string(), why);
                Type::default()
            }
        }
    }

    fn describe_object(
        &mut self,
        json: &Map<String, Value>,
        place: &JsonPath<'_>,
        code: Code,
        flaws: &mut Violations,
    ) -> Type {
        let mut one =
            Type { nullable: property(json, "nullable") == Some(&Value::Bool(true)), ..Type::default() };
        if let Some(path) = property(json, "$ref") {
            one.definition = self.definition(path);
            if one.definition.is_none() {
                let why = format!(
                    "There is no definition {path:.200}. A reference has the form {DEFINITIONS}name, \
                     with a name in the template's definitions."
                );
                flaws.push(code, JsonPath::Property(place, "$ref").to_string(), why);
            }
        }
        if let Some(word) = property(json, "type") {
            one.kind = word.as_str().and_then(Kind::read);
            if one.kind.is_none() {
                let word = word.as_str().unwrap_or_else(|| kind(word));
                let why = format!("'{word:.40}' is not a type. {WORDS}");
                flaws.push(code, JsonPath::Property(place, "type").to_string(), why);
            }
            one.secure = one.kind.is_some_and(Kind::is_secure);
        }
        match property(json, "allowedValues") {
            Some(Value::Array(values)) => {
                let shown: Value = values.iter().take(20).cloned().collect();
                let shown = format!("{:.1000}", shown.to_string());
                one.allowed = Some(Allowed { values: values.iter().cloned().collect(), shown });
            }
            None => {}
            Some(other) => {
                let why = format!("The allowed values must be an array, not {}.", kind(other));
                flaws.push(code, JsonPath::Property(place, "allowedValues").to_string(), why);
            }
        }
        let bound = |name: &str| property(json, name).and_then(Value::as_i64);
        (one.least_value, one.most_value) = (bound("minValue"), bound("maxValue"));
        (one.least_length, one.most_length) = (bound("minLength"), bound("maxLength"));
        self.describe_members(&mut one, json, place, code, flaws);
        one
    }

    fn describe_members(
        &mut self,
        one: &mut Type,
        json: &Map<String, Value>,
        place: &JsonPath<'_>,
        code: Code,
        flaws: &mut Violations,
    ) {
        let of_properties = JsonPath::Property(place, "properties");
        for (name, json) in members(json, "properties") {
            let of = self.part(json, &JsonPath::Property(&of_properties, name), code, flaws);
            one.properties.insert(name.to_ascii_lowercase(), Property { name: name.clone(), of });
        }
        let of_prefix = JsonPath::Property(place, "prefixItems");
        let prefix = property(json, "prefixItems").and_then(Value::as_array).into_iter().flatten();
        for (i, json) in prefix.enumerate() {
            one.prefix.push(self.part(json, &JsonPath::Element(&of_prefix, i), code, flaws));
        }
        let mut rest = |name: &str| match property(json, name) {
            None | Some(Value::Bool(true)) => Rest::Any,
            Some(Value::Bool(false)) => Rest::None,
            Some(json) => Rest::Of(self.part(json, &JsonPath::Property(place, name), code, flaws)),
        };
        (one.additional, one.items) = (rest("additionalProperties"), rest("items"));
        let Some(Value::Object(discriminator)) = property(json, "discriminator") else { return };
        let of_mapping = JsonPath::Property(place, "discriminator");
        let mut mapping = HashMap::new();
        for (value, json) in members(discriminator, "mapping") {
            mapping
                .insert(value.clone(), self.part(json, &JsonPath::Property(&of_mapping, value), code, flaws));
        }
        match property(discriminator, "propertyName") {
            Some(Value::String(name)) => {
                one.discriminator = Some(Discriminator { property: name.clone(), mapping })
            }
            _ => flaws.push(code, of_mapping.to_string(), "A discriminator must have a propertyName."),
        }
    }

    fn definition(&self, path: &Value) -> Option<TypeId> {
        self.definitions.get(path.as_str()?.strip_prefix(DEFINITIONS)?).copied()
    }
}

impl Type {
    /// Iterates over the types of which this one consists.
    fn parts(&self) -> impl Iterator<Item = TypeId> {
        let rest = |rest: Rest| if let Rest::Of(id) = rest { Some(id) } else { None };
        let mapping = self.discriminator.iter().flat_map(|one| one.mapping.values().copied());
        let single = [self.definition, rest(self.additional), rest(self.items)].into_iter().flatten();
        let properties = self.properties.values().map(|property| property.of);
        single.chain(properties).chain(self.prefix.iter().copied()).chain(mapping)
    }
}

/// Iterates over the members of a property that is an object.
fn members<'j>(json: &'j Map<String, Value>, name: &str) -> impl Iterator<Item = (&'j String, &'j Value)> {
    property(json, name).and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests;
