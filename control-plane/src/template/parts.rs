//! Splits a template into its parts and checks their shape. Evaluates nothing.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::value::kind;
use super::value::take;
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The position of the template in the request.
pub(super) const ROOT: &str = "properties.template";

/// The maximum number of elements of each kind, as in ARM.
const MAX_PARAMETERS: usize = 256;
const MAX_VARIABLES: usize = 512;
const MAX_OUTPUTS: usize = 64;

/// The parts of a template, as sent.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) content_version: String,
    pub(super) parameters: Map<String, Value>,
    /// The variables, by lower-case name.
    pub(super) variables: HashMap<String, Variable>,
    /// The user-defined functions, by lower-case `namespace.name`.
    pub(super) functions: HashMap<String, UserFunction>,
    pub(super) resources: Vec<DeclaredResource>,
    pub(super) outputs: Map<String, Value>,
}

/// A variable before evaluation.
#[derive(Debug)]
pub(super) enum Variable {
    Plain(Value),
    /// A copy loop that yields a list.
    Loop(Value),
}

#[derive(Debug)]
pub(super) struct UserFunction {
    /// The names of the parameters.
    pub(super) parameters: Vec<String>,
    /// The value of its output.
    pub(super) value: Value,
}

/// A resource as declared in the list of resources.
#[derive(Clone, Debug)]
pub(super) struct DeclaredResource {
    /// The symbolic name, if the resources are an object.
    pub(super) symbol: Option<String>,
    pub(super) body: Map<String, Value>,
    /// The position in the request.
    pub(super) place: String,
    /// The index of the enclosing resource.
    pub(super) parent: Option<usize>,
}

impl Template {
    /// Splits a template into its parts.
    pub(super) fn read(json: &Value, flaws: &mut Violations) -> Template {
        let mut template = Template::default();
        let Value::Object(object) = json else {
            flaws.push(code::STRUCTURE, ROOT, format!("A template must be an object, not {}.", kind(json)));
            return template;
        };
        let mut has_version = false;
        for (key, value) in object {
            let place = format!("{ROOT}.{key}");
            match key.to_ascii_lowercase().as_str() {
                "$schema" | "languageversion" | "apiprofile" | "metadata" => {}
                "contentversion" => {
                    has_version = true;
                    template.content_version = value.as_str().unwrap_or_default().to_owned();
                }
                "parameters" => template.parameters = object_at(value, &place, MAX_PARAMETERS, flaws),
                "variables" => {
                    let variables = object_at(value, &place, MAX_VARIABLES, flaws);
                    template.variables = read_variables(variables, &place, flaws);
                }
                "functions" => template.functions = read_functions(value, &place, flaws),
                "resources" => parts(value, &place, None, &mut template.resources, flaws),
                "outputs" => template.outputs = object_at(value, &place, MAX_OUTPUTS, flaws),
                _ => flaws.push(
                    code::STRUCTURE,
                    place,
                    format!("The part '{key}' of a template is not supported."),
                ),
            }
        }
        if !has_version {
            flaws.push(code::STRUCTURE, ROOT, "A template must have a contentVersion.");
        }
        template
    }
}

fn object_at(value: &Value, place: &str, most: usize, flaws: &mut Violations) -> Map<String, Value> {
    match value {
        Value::Object(object) if object.len() <= most => object.clone(),
        Value::Object(object) => {
            flaws.push(
                code::LIMIT,
                place,
                format!("There are {} members; at most {most} are allowed.", object.len()),
            );
            Map::new()
        }
        Value::Null => Map::new(),
        other => {
            flaws.push(code::STRUCTURE, place, format!("An object is expected here, not {}.", kind(other)));
            Map::new()
        }
    }
}

fn read_variables(
    variables: Map<String, Value>,
    place: &str,
    flaws: &mut Violations,
) -> HashMap<String, Variable> {
    let mut read = HashMap::new();
    for (name, value) in variables {
        let Value::Array(loops) = &value else {
            read.insert(name.to_ascii_lowercase(), Variable::Plain(value));
            continue;
        };
        if name != "copy" {
            read.insert(name.to_ascii_lowercase(), Variable::Plain(value));
            continue;
        }
        for (i, turn) in loops.iter().enumerate() {
            match turn.get("name").and_then(Value::as_str) {
                Some(name) => {
                    read.insert(name.to_ascii_lowercase(), Variable::Loop(turn.clone()));
                }
                None => {
                    flaws.push(code::STRUCTURE, format!("{place}.copy[{i}]"), "A copy loop must have a name.")
                }
            }
        }
    }
    read
}

fn read_functions(value: &Value, place: &str, flaws: &mut Violations) -> HashMap<String, UserFunction> {
    let mut read = HashMap::new();
    for (i, namespace) in value.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate() {
        let prefix = namespace.get("namespace").and_then(Value::as_str);
        let members = namespace.get("members").and_then(Value::as_object);
        let (Some(prefix), Some(members)) = (prefix, members) else {
            flaws.push(
                code::STRUCTURE,
                format!("{place}[{i}]"),
                "Functions must have a namespace and members.",
            );
            continue;
        };
        for (name, member) in members {
            let parameters = member.get("parameters").and_then(Value::as_array).map(Vec::as_slice);
            let parameters = parameters.unwrap_or_default().iter();
            let parameters =
                parameters.filter_map(|parameter| parameter.get("name")?.as_str().map(str::to_owned));
            let Some(value) = member.get("output").and_then(|output| output.get("value")) else {
                let place = format!("{place}[{i}].members.{name}");
                flaws.push(code::STRUCTURE, place, "A function must have an output with a value.");
                continue;
            };
            let function = UserFunction { parameters: parameters.collect(), value: value.clone() };
            read.insert(format!("{prefix}.{name}").to_ascii_lowercase(), function);
        }
    }
    read
}

/// Adds the resources of a list, or of an object keyed by symbol, each before its nested ones.
fn parts(
    value: &Value,
    place: &str,
    parent: Option<usize>,
    list: &mut Vec<DeclaredResource>,
    flaws: &mut Violations,
) {
    let entries: Vec<(Option<String>, String, &Value)> = match value {
        Value::Array(array) => {
            array.iter().enumerate().map(|(i, entry)| (None, format!("{place}[{i}]"), entry)).collect()
        }
        Value::Object(object) => object
            .iter()
            .map(|(key, entry)| (Some(key.clone()), format!("{place}.{key:.100}"), entry))
            .collect(),
        Value::Null => Vec::new(),
        other => {
            let why = format!("A list of resources is expected here, not {}.", kind(other));
            return flaws.push(code::STRUCTURE, place, why);
        }
    };
    for (symbol, place, entry) in entries {
        let Value::Object(body) = entry else {
            flaws.push(code::STRUCTURE, place, format!("A resource must be an object, not {}.", kind(entry)));
            continue;
        };
        let mut body = body.clone();
        let within = take(&mut body, "resources");
        let at = list.len();
        list.push(DeclaredResource { symbol, body, place: place.clone(), parent });
        if let Some(within) = within {
            parts(&within, &format!("{place}.resources"), Some(at), list, flaws);
        }
    }
}
