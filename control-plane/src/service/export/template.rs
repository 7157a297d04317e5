//! The template of exported resources: names become parameters, IDs become expressions, and references become
//! dependencies. Pure.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use crate::arm::extension;

/// The API version of exported resources of Azure's types. Every version is taken of these.
const API_VERSION: &str = "2025-05-01";

const SCHEMA: &str = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

/// The options of an export.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    /// Give the parameters the present names as defaults.
    defaults: bool,
    /// Say of each resource from which it was made.
    comments: bool,
    /// Write names in place of parameters.
    no_parameters: bool,
}

impl Options {
    /// The names of all options.
    pub(super) const NAMES: [&str; 4] = [
        "IncludeParameterDefaultValue",
        "IncludeComments",
        "SkipResourceNameParameterization",
        "SkipAllParameterization",
    ];

    /// Sets an option by its name, ignoring case. Returns whether there is one.
    pub(super) fn set(&mut self, name: &str) -> bool {
        match Options::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) {
            Some(0) => self.defaults = true,
            Some(1) => self.comments = true,
            Some(_) => self.no_parameters = true,
            None => return false,
        }
        true
    }
}

/// A resource to export.
#[derive(Debug)]
pub(super) struct Exported {
    id: String,
    /// The ID of the resource of which it is an extension, if it is one.
    scope: Option<String>,
    kind: String,
    /// The names of its parents, then its own.
    names: Vec<String>,
    /// The body of a PUT.
    body: Map<String, Value>,
}

impl Exported {
    /// Takes a resource by its ID, which is canonical, and the body of its PUT.
    pub(super) fn new(id: &str, body: Map<String, Value>) -> Exported {
        let (scope, provided) = id.rsplit_once("/providers/").unwrap_or(("", id));
        let mut segments = provided.split('/');
        let mut kind = segments.next().unwrap_or_default().to_owned();
        let mut names = Vec::new();
        while let (Some(of), Some(name)) = (segments.next(), segments.next()) {
            kind = format!("{kind}/{of}");
            names.push(name.to_owned());
        }
        let scope = scope.contains("/providers/").then(|| scope.to_owned());
        Exported { id: id.to_owned(), scope, kind, names, body }
    }

    /// Returns whether it is an extension document of a gateway. The names of these have a meaning.
    fn is_own(&self) -> bool {
        self.kind.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case(extension::NAMESPACE))
    }

    fn api_version(&self) -> &'static str {
        if self.is_own() { extension::API_VERSIONS[0] } else { API_VERSION }
    }

    /// The ID of the resource around it.
    fn parent(&self) -> Option<String> {
        let mut parent = self.id.as_str();
        if self.names.len() > 1 {
            for _ in 0..2 {
                parent = parent.rsplit_once('/')?.0;
            }
            return Some(parent.to_owned());
        }
        self.scope.clone()
    }
}

/// Returns a template of these resources.
pub(super) fn template(resources: &[Exported], options: Options) -> Value {
    let names = Names::of(resources, options);
    let mut order = Dependencies::new(resources.len());
    // A child waits for its parent, even if that refers to the child.
    for (at, resource) in resources.iter().enumerate() {
        let parent = resource.parent().and_then(|parent| names.at(&parent));
        parent.into_iter().for_each(|parent| order.add(at, parent));
    }
    let mut written = Vec::with_capacity(resources.len());
    for (at, resource) in resources.iter().enumerate() {
        let mut used = BTreeSet::new();
        let body = names.rewrite(&Value::Object(resource.body.clone()), &mut used);
        used.into_iter().filter(|other| *other != at).for_each(|other| order.add(at, other));
        let mut shown = Map::new();
        if options.comments {
            let comment = format!("Generalized from resource: '{}'.", resource.id);
            shown.insert("comments".to_owned(), comment.into());
        }
        shown.insert("type".to_owned(), resource.kind.clone().into());
        shown.insert("apiVersion".to_owned(), resource.api_version().into());
        shown.insert("name".to_owned(), names.name(at));
        if let Some(scope) = &resource.scope {
            shown.insert("scope".to_owned(), names.text(scope, &mut BTreeSet::new()));
        }
        if let Value::Object(body) = body {
            shown.extend(body.into_iter().filter(|(key, _)| !matches!(key.as_str(), "name" | "type" | "id")));
        }
        written.push(shown);
    }
    let depends_on = |at: usize| -> Vec<Value> {
        order.of(at).map(|other| format!("[{}]", names.id(other)).into()).collect()
    };
    for (at, shown) in written.iter_mut().enumerate() {
        shown.insert("dependsOn".to_owned(), depends_on(at).into());
    }
    json!({
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": names.parameters,
        "variables": {},
        "resources": written,
    })
}

/// The names of the resources in expressions.
struct Names<'r> {
    resources: &'r [Exported],
    /// The indices by lower-case ID.
    by_id: HashMap<String, usize>,
    /// The parameter with the last name of each resource.
    parameter_of: Vec<Option<String>>,
    parameters: Map<String, Value>,
}

impl<'r> Names<'r> {
    fn of(resources: &'r [Exported], options: Options) -> Names<'r> {
        let by_id =
            (0..).zip(resources).map(|(at, resource)| (resource.id.to_ascii_lowercase(), at)).collect();
        let mut names = Names { resources, by_id, parameter_of: Vec::new(), parameters: Map::new() };
        for resource in resources {
            let is_free = resource.names.len() == 1 && !resource.is_own() && !options.no_parameters;
            let name = resource.names.last().filter(|_| is_free);
            let parameter = name.map(|name| names.declare(resource, name, options));
            names.parameter_of.push(parameter);
        }
        names
    }

    /// Declares the parameter with the name of a resource.
    fn declare(&mut self, resource: &Exported, name: &str, options: Options) -> String {
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let kind = resource.kind.rsplit('/').next().unwrap_or_default();
        let wanted = format!("{}_{}_name", plain(kind), plain(name));
        let taken =
            |parameter: &String| self.parameters.keys().any(|known| known.eq_ignore_ascii_case(parameter));
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        let parameter = std::iter::once(wanted.clone()).chain(numbered).find(|parameter| !taken(parameter));
        let parameter = parameter.unwrap_or(wanted);
        let mut declared = json!({"type": "String"});
        if options.defaults {
            declared["defaultValue"] = escaped(name).into();
        }
        self.parameters.insert(parameter.clone(), declared);
        parameter
    }

    fn at(&self, id: &str) -> Option<usize> {
        self.by_id.get(&id.to_ascii_lowercase()).copied()
    }

    /// Returns the parts of an expression for the names of a resource and its parents.
    fn parts(&self, at: usize) -> Vec<String> {
        let resource = &self.resources[at];
        let quoted = |name: &String| format!("'{}'", name.replace('\'', "''"));
        let mut parts: Vec<String> = resource.names.iter().map(quoted).collect();
        // Only a resource without a parent has a parameter: the first of the names.
        let mut top = Some(at);
        while let Some(one) = top.filter(|one| self.resources[*one].names.len() > 1) {
            top = self.resources[one].parent().and_then(|parent| self.at(&parent));
        }
        if let Some(parameter) = top.and_then(|top| self.parameter_of[top].as_ref()) {
            parts[0] = format!("parameters('{parameter}')");
        }
        parts
    }

    /// Returns the name of a resource, as its template writes it.
    fn name(&self, at: usize) -> Value {
        match &self.parts(at)[..] {
            [only] if only.starts_with('\'') => escaped(&self.resources[at].names[0]).into(),
            [only] => format!("[{only}]").into(),
            [first, ..] if first.starts_with('\'') => escaped(&self.resources[at].names.join("/")).into(),
            parts => format!("[concat({})]", parts.join(", '/', ")).into(),
        }
    }

    /// Returns an expression, without brackets, for the ID of a resource.
    fn id(&self, at: usize) -> String {
        let resource = &self.resources[at];
        let names = self.parts(at).join(", ");
        match &resource.scope {
            None => format!("resourceId('{}', {names})", resource.kind),
            Some(scope) => {
                let scope = match self.at(scope) {
                    Some(scope) => self.id(scope),
                    None => format!("'{}'", scope.replace('\'', "''")),
                };
                format!("extensionResourceId({scope}, '{}', {names})", resource.kind)
            }
        }
    }

    /// Rewrites the IDs in a value to expressions, and adds the resources to which they belong to `used`.
    fn rewrite(&self, value: &Value, used: &mut BTreeSet<usize>) -> Value {
        match value {
            Value::String(text) => self.text(text, used),
            Value::Array(list) => list.iter().map(|value| self.rewrite(value, used)).collect(),
            Value::Object(object) => Value::Object(
                object.iter().map(|(key, value)| (escaped(key), self.rewrite(value, used))).collect(),
            ),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str, used: &mut BTreeSet<usize>) -> Value {
        let mut id = text;
        loop {
            if let Some(at) = self.at(id) {
                used.insert(at);
                let (whole, rest) = (self.id(at), &text[id.len()..]);
                return match rest {
                    "" => format!("[{whole}]").into(),
                    rest => format!("[concat({whole}, '{}')]", rest.replace('\'', "''")).into(),
                };
            }
            match id.rsplit_once('/') {
                Some((shorter, _)) if text.starts_with("/subscriptions/") => id = shorter,
                _ => return escaped(text).into(),
            }
        }
    }
}

/// Returns the text of a template that stands for a literal text.
fn escaped(text: &str) -> String {
    if text.starts_with('[') && text.ends_with(']') { format!("[{text}") } else { text.to_owned() }
}

/// The dependencies of resources, by index. They form no circle: resources that refer to each other cannot
/// wait for each other.
struct Dependencies(Vec<BTreeSet<usize>>);

impl Dependencies {
    fn new(count: usize) -> Dependencies {
        Dependencies(vec![BTreeSet::new(); count])
    }

    /// Lets a resource wait for another one, unless that waits for it already.
    fn add(&mut self, at: usize, other: usize) {
        let (mut open, mut seen) = (vec![other], BTreeSet::new());
        while let Some(next) = open.pop() {
            if next == at {
                return;
            }
            if seen.insert(next) {
                open.extend(&self.0[next]);
            }
        }
        self.0[at].insert(other);
    }

    fn of(&self, at: usize) -> impl Iterator<Item = usize> {
        self.0[at].iter().copied()
    }
}

#[cfg(test)]
mod tests;
