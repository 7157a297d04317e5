//! The parameters of a template: declarations, given values, and validation of the values.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::parts::{ROOT, Template};
use super::value::kind;
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The position of the values in the request.
const GIVEN: &str = "properties.parameters";

/// The type of a parameter or an output. Templates may write it in any case.
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
    pub(super) fn read(name: &str) -> Option<Kind> {
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

    pub(super) fn is_secure(self) -> bool {
        matches!(self, Kind::SecureText | Kind::SecureObject)
    }

    pub(super) fn fits(self, value: &Value) -> bool {
        match self {
            Kind::Text | Kind::SecureText => value.is_string(),
            Kind::Integer => value.is_i64() || value.is_u64(),
            Kind::Boolean => value.is_boolean(),
            Kind::Object | Kind::SecureObject => value.is_object(),
            Kind::List => value.is_array(),
        }
    }
}

/// A declared parameter, with the value given for it.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) given: Option<Value>,
    pub(super) default: Option<Value>,
    pub(super) nullable: bool,
    rules: Map<String, Value>,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({}: {})", self.name, self.kind.as_str())
    }
}

impl Parameter {
    pub(super) fn is_secure(&self) -> bool {
        self.kind.is_secure()
    }

    /// Validates a value. Returns the error as a sentence that does not repeat the value, which may be a
    /// secret.
    pub(super) fn objection(&self, value: &Value) -> Option<String> {
        let Parameter { name, kind: wanted, .. } = self;
        if value.is_null() && self.nullable {
            return None;
        }
        if !wanted.fits(value) {
            return Some(format!(
                "The parameter '{name}' is of type {}, not {}.",
                wanted.as_str(),
                kind(value)
            ));
        }
        if let Some(Value::Array(allowed)) = self.rules.get("allowedvalues") {
            let known: HashSet<&Value> = allowed.iter().collect();
            let members_allowed = |list: &Vec<Value>| list.iter().all(|member| known.contains(member));
            if !known.contains(value) && !value.as_array().is_some_and(members_allowed) {
                let allowed = Value::Array(allowed.iter().take(20).cloned().collect());
                return Some(format!("The parameter '{name}' is not one of its allowed values: {allowed}."));
            }
        }
        let (number, words) = match value {
            Value::Number(number) => (number.as_i64(), ("minvalue", "maxvalue")),
            Value::String(text) => (i64::try_from(text.chars().count()).ok(), ("minlength", "maxlength")),
            Value::Array(list) => (i64::try_from(list.len()).ok(), ("minlength", "maxlength")),
            _ => return None,
        };
        let what = if value.is_number() { "value" } else { "length" };
        let bound = |word: &str| self.rules.get(word).and_then(Value::as_i64);
        match (number?, bound(words.0), bound(words.1)) {
            (number, Some(least), _) if number < least => {
                Some(format!("The parameter '{name}' has a {what} below {least}."))
            }
            (number, _, Some(most)) if number > most => {
                Some(format!("The parameter '{name}' has a {what} above {most}."))
            }
            _ => None,
        }
    }
}

/// All parameters of a template.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) list: Vec<Parameter>,
    by_name: HashMap<String, usize>,
}

impl Parameters {
    /// Combines the declarations of the template with the values of the request.
    pub(super) fn read(template: &Template, given: &Value, flaws: &mut Violations) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, declaration) in &template.parameters {
            if let Some(parameter) = declared(name, declaration, flaws) {
                parameters.by_name.insert(name.to_ascii_lowercase(), parameters.list.len());
                parameters.list.push(parameter);
            }
        }
        let empty = Map::new();
        let given = match given {
            Value::Object(given) => given,
            Value::Null => &empty,
            other => {
                flaws.push(
                    code::PARAMETER,
                    GIVEN,
                    format!("An object is expected here, not {}.", kind(other)),
                );
                return parameters;
            }
        };
        for (name, entry) in given {
            let place = format!("{GIVEN}.{name}");
            let Some(at) = parameters.by_name.get(&name.to_ascii_lowercase()).copied() else {
                if !template.parameters.keys().any(|declared| declared.eq_ignore_ascii_case(name)) {
                    flaws.push(code::PARAMETER, place, format!("The template has no parameter '{name}'."));
                }
                continue;
            };
            parameters.list[at].given = value_of(name, entry, &place, flaws);
            // The error of the entry is the only one to report.
            if parameters.list[at].given.is_none() {
                parameters.list[at].nullable = true;
            }
        }
        for parameter in &parameters.list {
            let missing = parameter.given.is_none() && parameter.default.is_none() && !parameter.nullable;
            if missing {
                let name = &parameter.name;
                let why = format!("The value for the template parameter '{name}' is missing.");
                flaws.push(code::PARAMETER, format!("{GIVEN}.{name}"), why);
            } else if let Some(why) = parameter.given.as_ref().and_then(|given| parameter.objection(given)) {
                flaws.push(code::PARAMETER, format!("{GIVEN}.{}", parameter.name), why);
            }
        }
        parameters
    }

    pub(super) fn declared(&self, name: &str) -> Option<&Parameter> {
        self.by_name.get(&name.to_ascii_lowercase()).map(|at| &self.list[*at])
    }
}

/// Returns the value of `{"value": …}`.
fn value_of(name: &str, entry: &Value, place: &str, flaws: &mut Violations) -> Option<Value> {
    let member = |wanted: &str| {
        let members = entry.as_object()?;
        members.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    };
    if member("reference").is_some_and(|reference| !reference.is_null()) {
        let why = format!(
            "The parameter '{name}' refers to a Key Vault, which is not supported. Give its value instead; \
             a secureString is kept secret."
        );
        flaws.push(code::PARAMETER, format!("{place}.reference"), why);
        return None;
    }
    let value = member("value");
    if value.is_none() {
        flaws.push(
            code::PARAMETER,
            place,
            format!("The parameter '{name}' must be given as {{\"value\": …}}."),
        );
    }
    value
}

fn declared(name: &str, declaration: &Value, flaws: &mut Violations) -> Option<Parameter> {
    let place = format!("{ROOT}.parameters.{name}");
    let Value::Object(declaration) = declaration else {
        flaws.push(
            code::PARAMETER,
            place,
            format!("The declaration of the parameter '{name}' must be an object."),
        );
        return None;
    };
    let mut rules: Map<String, Value> =
        declaration.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect();
    if rules.contains_key("$ref") {
        flaws.push(code::PARAMETER, format!("{place}.$ref"), "User-defined types are not supported.");
        return None;
    }
    let word = rules.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = Kind::read(word) else {
        let why = format!(
            "'{word:.40}' is not a type. A parameter must be a string, securestring, int, bool, object, \
             secureObject or array."
        );
        flaws.push(code::PARAMETER, format!("{place}.type"), why);
        return None;
    };
    let default = rules.remove("defaultvalue").filter(|value| !value.is_null());
    let nullable = rules.get("nullable") == Some(&json!(true));
    Some(Parameter { name: name.to_owned(), kind, given: None, default, nullable, rules })
}
