//! Splits a template into its parts and checks their shape. Evaluates nothing.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::json_path::{JsonPath, ROOT};
use super::types::{TypeId, Types};
use super::value::{kind, property, take};
use crate::violation::Violations;
use crate::violation::code::template as code;

/// The maximum number of elements of each kind, as in ARM.
const MAX_PARAMETERS: usize = 256;
const MAX_VARIABLES: usize = 512;
const MAX_OUTPUTS: usize = 64;

/// The maximum number of assertions.
const MAX_ASSERTS: usize = 32;

/// The maximum number of type definitions.
const MAX_DEFINITIONS: usize = 2000;

/// The parts of a template, as sent.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) content_version: String,
    pub(super) types: Types,
    /// The parameters by name, in the template's order.
    pub(super) parameters: Vec<(String, Declaration)>,
    /// The variables, by lower-case name.
    pub(super) variables: HashMap<String, Variable>,
    /// The user-defined functions, by lower-case `namespace.name`.
    pub(super) functions: HashMap<String, UserFunction>,
    pub(super) resources: Vec<DeclaredResource>,
    /// The assertions of experimental versions, by name.
    pub(super) asserts: Map<String, Value>,
    /// The outputs by name, in the template's order.
    pub(super) outputs: Vec<(String, Declaration)>,
}

/// The declaration of a parameter or an output.
#[derive(Debug)]
pub(super) struct Declaration {
    /// The type; `None` if it was wrong, which is recorded.
    pub(super) of: Option<TypeId>,
    pub(super) body: Map<String, Value>,
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
        let (mut definitions, mut parameters, mut outputs) = (Map::new(), Map::new(), Map::new());
        for (key, value) in object {
            let place = format!("{ROOT}.{key:.100}");
            match key.to_ascii_lowercase().as_str() {
                "$schema" | "apiprofile" | "metadata" => {}
                "languageversion" => check_language(value, &place, flaws),
                "contentversion" => {
                    has_version = true;
                    template.content_version = value.as_str().unwrap_or_default().to_owned();
                }
                "definitions" => definitions = object_at(value, &place, MAX_DEFINITIONS, flaws),
                "parameters" => parameters = object_at(value, &place, MAX_PARAMETERS, flaws),
                "variables" => {
                    let variables = object_at(value, &place, MAX_VARIABLES, flaws);
                    template.variables = read_variables(variables, &place, flaws);
                }
                "functions" => template.functions = read_functions(value, &place, flaws),
                "resources" => parts(value, &place, None, &mut template.resources, flaws),
                "outputs" => outputs = object_at(value, &place, MAX_OUTPUTS, flaws),
                "imports" | "extensions" if is_empty(value) => {}
                "imports" | "extensions" => {
                    let why = "Extensions of templates are not served: only resources of Azure's types \
                               are. Remove the extension and its resources.";
                    flaws.push(code::STRUCTURE, place, why);
                }
                "asserts" => template.asserts = object_at(value, &place, MAX_ASSERTS, flaws),
                _ => flaws.push(code::STRUCTURE, place, unknown_part(key)),
            }
        }
        if !has_version {
            flaws.push(code::STRUCTURE, ROOT, "A template must have a contentVersion.");
        }
        let mut types = Types::read(&definitions, flaws);
        template.parameters = declarations(&mut types, parameters, "parameters", code::PARAMETER, flaws);
        template.outputs = declarations(&mut types, outputs, "outputs", code::STRUCTURE, flaws);
        types.seal();
        template.types = types;
        template
    }

    /// Iterates over the symbols of resources with a loop.
    pub(super) fn loops(&self) -> impl Iterator<Item = &str> {
        let with_loop = self.resources.iter().filter(|part| property(&part.body, "copy").is_some());
        with_loop.filter_map(|part| part.symbol.as_deref())
    }
}

fn unknown_part(key: &str) -> String {
    format!(
        "The part '{key:.100}' of a template is not supported. The parts are $schema, contentVersion, \
         languageVersion, apiProfile, metadata, definitions, parameters, variables, functions, resources, \
         outputs and asserts."
    )
}

/// Checks the version of the language: the published ones, and the experimental ones that Bicep emits.
fn check_language(value: &Value, place: &str, flaws: &mut Violations) {
    let version = value.as_str().unwrap_or_default();
    let (number, rest) = version.split_once('-').unwrap_or((version, "experimental"));
    let number =
        number.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let is_known = matches!(number, Some((1 | 2, 0..=99))) && rest == "experimental";
    if !is_known {
        let why = format!(
            "The language version {value:.60} is not known. It is \"1.0\" or \"2.0\", or an experimental \
             version of these such as \"2.1-experimental\"."
        );
        flaws.push(code::STRUCTURE, place, why);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Reads the declarations of parameters or outputs with their types.
fn declarations(
    types: &mut Types,
    json: Map<String, Value>,
    part: &str,
    code: &'static str,
    flaws: &mut Violations,
) -> Vec<(String, Declaration)> {
    let root = format!("{ROOT}.{part}");
    let root = JsonPath::Root(&root);
    let mut read = Vec::with_capacity(json.len());
    for (name, declaration) in json {
        let place = JsonPath::Property(&root, &name);
        let Value::Object(body) = declaration else {
            let why =
                format!("The declaration of '{name:.100}' must be an object, not {}.", kind(&declaration));
            flaws.push(code, place.to_string(), why);
            continue;
        };
        let of = types.declare(&body, &place, code, flaws);
        read.push((name, Declaration { of, body }));
    }
    read
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
