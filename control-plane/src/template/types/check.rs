//! Compares a value with its type. The first deviation is reported, with its path; of a type that may contain
//! secrets, neither path nor names are repeated.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value};

use super::{MAX_CHAIN, Property, Rest, Type, TypeId, Types};
use crate::template::value::kind;

/// The maximum number of values and members that are compared for one template.
const MAX_COMPARED: usize = 4_000_000;

impl Types {
    /// Returns why the value is not one of the type, as a sentence about `subject`. It does not repeat the
    /// value, which may be a secret.
    pub(in crate::template) fn objection(&self, id: TypeId, subject: &str, value: &Value) -> Option<String> {
        let Deviation { path, why } = Check(self).value(id, value, 0).err()?;
        let path = path.trim_start_matches('.');
        Some(match path.is_empty() || self.is_secure(id) {
            true => format!("{subject} {why}."),
            false => format!("{subject} has a wrong value at '{path}': it {why}."),
        })
    }
}

/// The first deviation of a value from its type.
struct Deviation {
    /// The path within the value.
    path: String,
    /// The end of a sentence.
    why: String,
}

type Outcome = Result<(), Deviation>;

fn deviates(why: impl Into<String>) -> Outcome {
    Err(Deviation { path: String::new(), why: why.into() })
}

fn within(step: &str, outcome: Outcome) -> Outcome {
    outcome.map_err(|deviation| Deviation { path: format!("{step}{}", deviation.path), ..deviation })
}

struct Check<'t>(&'t Types);

impl Check<'_> {
    /// Compares a value with a type. `hops` counts the definitions that lead from one to another.
    fn value(&self, id: TypeId, value: &Value, hops: usize) -> Outcome {
        self.spend(1)?;
        let types = self.0;
        let of = &types.list[id.0];
        if value.is_null() && types.is_nullable(id) {
            return Ok(());
        }
        if let Some(definition) = of.definition {
            if hops >= MAX_CHAIN {
                return deviates("has a type whose definition leads to itself");
            }
            self.value(definition, value, hops + 1)?;
        }
        if let Some(wanted) = of.kind.filter(|wanted| !wanted.fits(value)) {
            return deviates(format!("is of type {}, not {}", wanted.as_str(), kind(value)));
        }
        allowed(of, value)?;
        bounds(of, value)?;
        match value {
            Value::Object(object) => self.object(of, object, value),
            Value::Array(list) => self.list(of, list),
            _ => Ok(()),
        }
    }

    fn object(&self, of: &Type, object: &Map<String, Value>, value: &Value) -> Outcome {
        self.spend(of.properties.len() + object.len())?;
        for (key, value) in object {
            let outcome = match (of.properties.get(&key.to_ascii_lowercase()), of.additional) {
                (Some(property), _) => self.value(property.of, value, 0),
                (None, Rest::Of(id)) => self.value(id, value, 0),
                (None, Rest::Any) => Ok(()),
                // The type of a discriminator has its own properties.
                (None, Rest::None) if of.discriminator.is_some() => Ok(()),
                (None, Rest::None) => {
                    deviates(format!("is not a property of its type, which has {}", known(of)))
                }
            };
            within(&format!(".{key:.100}"), outcome)?;
        }
        let given: HashSet<String> = object.keys().map(|key| key.to_ascii_lowercase()).collect();
        let is_missing = |(key, property): &(&String, &Property)| {
            !given.contains(*key) && !self.0.is_nullable(property.of)
        };
        if let Some(missing) =
            of.properties.iter().filter(is_missing).map(|(_, property)| &property.name).min()
        {
            return deviates(format!("lacks the property '{missing:.100}'"));
        }
        let Some(discriminator) = &of.discriminator else { return Ok(()) };
        let name = &discriminator.property;
        let selected = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let selected =
            selected.and_then(Value::as_str).and_then(|selected| discriminator.mapping.get(selected));
        match selected {
            Some(id) => self.value(*id, value, 0),
            None => {
                let mut names: Vec<&str> = discriminator.mapping.keys().map(String::as_str).collect();
                names.sort_unstable();
                names.truncate(20);
                deviates(format!("must have one of these values in '{name:.100}': {}", names.join(", ")))
            }
        }
    }

    fn list(&self, of: &Type, list: &[Value]) -> Outcome {
        for (i, value) in list.iter().enumerate() {
            let outcome = match (of.prefix.get(i).copied(), of.items) {
                (Some(id), _) | (None, Rest::Of(id)) => self.value(id, value, 0),
                (None, Rest::Any) => Ok(()),
                (None, Rest::None) => {
                    deviates(format!("is beyond the {} elements of its type", of.prefix.len()))
                }
            };
            within(&format!("[{i}]"), outcome)?;
        }
        match of.prefix.len() > list.len() {
            true => deviates(format!("has {} elements, but its type {}", list.len(), of.prefix.len())),
            false => Ok(()),
        }
    }

    fn spend(&self, steps: usize) -> Outcome {
        match self.0.compared.fetch_add(steps, Ordering::Relaxed) <= MAX_COMPARED {
            true => Ok(()),
            false => deviates("is too large to be compared with its type"),
        }
    }
}

fn allowed(of: &Type, value: &Value) -> Outcome {
    let Some(allowed) = &of.allowed else { return Ok(()) };
    let is_list_of_allowed =
        || value.as_array().is_some_and(|list| list.iter().all(|member| allowed.values.contains(member)));
    match allowed.values.contains(value) || is_list_of_allowed() {
        true => Ok(()),
        false => deviates(format!("is not one of its allowed values: {}", allowed.shown)),
    }
}

fn bounds(of: &Type, value: &Value) -> Outcome {
    let length = |length: usize| i64::try_from(length).ok();
    let (number, least, most, what) = match value {
        Value::Number(number) => (number.as_i64(), of.least_value, of.most_value, "value"),
        Value::String(text) => (length(text.chars().count()), of.least_length, of.most_length, "length"),
        Value::Array(list) => (length(list.len()), of.least_length, of.most_length, "length"),
        _ => return Ok(()),
    };
    match (number, least, most) {
        (Some(number), Some(least), _) if number < least => deviates(format!("has a {what} below {least}")),
        (Some(number), _, Some(most)) if number > most => deviates(format!("has a {what} above {most}")),
        _ => Ok(()),
    }
}

/// The names of the properties of a type, for a sentence.
fn known(of: &Type) -> String {
    let mut names: Vec<&str> = of.properties.values().map(|property| property.name.as_str()).collect();
    names.sort_unstable();
    names.truncate(20);
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
