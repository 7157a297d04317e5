//! The parameters of a template: declarations, given values, and validation of the values.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde_json::{Map, Value};

use super::parts::{Declaration, Template};
use super::types::{Kind, TypeId, Types};
use super::value::{kind, property};
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The position of the values in the request.
const GIVEN: &str = "properties.parameters";

/// A declared parameter, with the value given for it.
pub(super) struct Parameter {
    pub(super) name: String,
    of: TypeId,
    /// The simple type, for responses.
    pub(super) kind: &'static str,
    pub(super) given: Option<Value>,
    pub(super) default: Option<Value>,
    pub(super) nullable: bool,
    secure: bool,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({}: {})", self.name, self.kind)
    }
}

impl Parameter {
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Validates a value. Returns the error as a sentence that does not repeat the value, which may be a
    /// secret.
    pub(super) fn objection(&self, types: &Types, value: &Value) -> Option<String> {
        types.objection(self.of, &format!("The parameter '{}'", self.name), value)
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
            if let Some(parameter) = declared(&template.types, name, declaration) {
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
                if !template.parameters.iter().any(|(declared, _)| declared.eq_ignore_ascii_case(name)) {
                    flaws.push(code::PARAMETER, place, format!("The template has no parameter '{name}'."));
                }
                continue;
            };
            let parameter = &mut parameters.list[at];
            parameter.given = value_of(name, entry, &place, flaws);
            match &parameter.given {
                // The error of the entry is the only one to report.
                None => parameter.nullable = true,
                // In place of the default, null is like no value.
                Some(Value::Null) if parameter.default.is_some() => parameter.given = None,
                Some(_) => {}
            }
        }
        for parameter in &parameters.list {
            let missing = parameter.given.is_none() && parameter.default.is_none() && !parameter.nullable;
            if missing {
                let name = &parameter.name;
                let why = format!("The value for the template parameter '{name}' is missing.");
                flaws.push(code::PARAMETER, format!("{GIVEN}.{name}"), why);
            } else if let Some(why) =
                parameter.given.as_ref().and_then(|given| parameter.objection(&template.types, given))
            {
                flaws.push(code::PARAMETER, format!("{GIVEN}.{}", parameter.name), why);
            }
        }
        parameters
    }

    /// Marks the parameters with these lower-case names as secret, whatever their declared type.
    pub(super) fn keep_secret(&mut self, names: &BTreeSet<String>) {
        for at in names.iter().filter_map(|name| self.by_name.get(name)) {
            self.list[*at].secure = true;
        }
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

/// Returns the declaration of a parameter whose type was read.
fn declared(types: &Types, name: &str, declaration: &Declaration) -> Option<Parameter> {
    let of = declaration.of?;
    Some(Parameter {
        name: name.to_owned(),
        of,
        kind: types.kind(of).map_or("Object", Kind::as_str),
        given: None,
        default: property(&declaration.body, "defaultValue").cloned(),
        nullable: types.is_nullable(of),
        secure: types.is_secure(of),
    })
}
