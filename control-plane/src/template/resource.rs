//! The resources of a template, one for each iteration of its loops: names, types and conditions. Their bodies
//! are evaluated later, when references can be resolved.

use serde_json::{Map, Value};

use super::declared::Declared;
use super::evaluate::{Binding, Evaluator, Frame, Phase};
use super::fault::EvalError;
use super::fill::copies;
use super::json_path::JsonPath;
use super::kinds::{deployable, is_served};
use super::parts::{DeclaredResource, Template};
use super::resource_id::{parts, resource_path, usual};
use super::scope;
use super::value::{kind, property};
use crate::violation::code::template as code;

/// The maximum number of resources of one template, as in ARM.
pub(super) const MAX_RESOURCES: usize = 800;

/// The base cost of each declared resource.
const DECLARATION: u64 = 16;

/// The properties that control the deployment and are not part of the resource, in lower case.
const FOR_THE_DEPLOYMENT: &[&str] = &[
    "@options",
    "apiversion",
    "comments",
    "condition",
    "copy",
    "dependson",
    "existing",
    "metadata",
    "name",
    "resourcegroup",
    "resources",
    "scope",
    "subscriptionid",
    "type",
];

impl Declared {
    /// Returns the scope of its expressions.
    pub(super) fn frame(&self, phase: Phase) -> Frame<'static> {
        match &self.turn {
            Some((name, index)) => {
                let binding = Binding::Copy { name: name.clone(), index: *index, anonymous: true };
                Frame { outer: None, phase, binding }
            }
            None => Frame::new(phase),
        }
    }

    /// Returns the body of the resource before evaluation.
    pub(super) fn own(&self, template: &Template) -> Map<String, Value> {
        let own = |key: &str| !FOR_THE_DEPLOYMENT.contains(&key.to_ascii_lowercase().as_str());
        template.resources[self.part]
            .body
            .iter()
            .filter(|(key, _)| own(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

/// Declares all resources of the template, in its order; nested ones after their parent.
pub(super) fn declare(evaluator: &mut Evaluator<'_>) -> Vec<Declared> {
    let parts = &evaluator.inputs.template.resources;
    // The indices in `declared` for each part, one for each iteration of its loop.
    let mut made: Vec<Vec<usize>> = Vec::with_capacity(parts.len());
    let mut declared: Vec<Declared> = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let mut own = Vec::new();
        let around: Vec<Option<Declared>> = match part.parent {
            None => vec![None],
            Some(at) => made[at].iter().map(|at| Some(declared[*at].clone())).collect(),
        };
        for around in &around {
            for turn in turns(evaluator, part, around.as_ref()) {
                // Charged even for an invalid resource, because nested loops multiply.
                if let Err(EvalError::Wrong(code, why)) = evaluator.spend(DECLARATION) {
                    evaluator.flaws.push(code, &part.place, why);
                    return declared;
                }
                if declared.len() >= MAX_RESOURCES {
                    let why = format!("The template defines more than {MAX_RESOURCES} resources.");
                    evaluator.flaws.push(code::LIMIT, &part.place, why);
                    return declared;
                }
                if let Some(resource) = declare_one(evaluator, (number, part), around.as_ref(), turn) {
                    own.push(declared.len());
                    declared.push(resource);
                }
            }
        }
        made.push(own);
    }
    declared
}

/// Returns the iterations of a resource's loop; a single one without a name if there is no loop.
fn turns(evaluator: &mut Evaluator<'_>, part: &DeclaredResource, around: Option<&Declared>) -> Vec<Turn> {
    let Some(copy) = property(&part.body, "copy") else {
        return vec![around.and_then(|around| around.turn.clone())];
    };
    let root = JsonPath::Root(&part.place);
    let place = JsonPath::Property(&root, "copy");
    let name = copy.get("name").and_then(Value::as_str);
    let (Some(name), Some(count), None) = (name, copy.get("count"), around) else {
        let why =
            "The loop of a resource must have a name and a count, and must not be within another resource.";
        evaluator.flaws.push(code::RESOURCE, place.to_string(), why);
        return Vec::new();
    };
    let count = evaluator.fill(count, &Frame::new(Phase::Planning), None).and_then(|count| copies(&count));
    match count {
        Ok(count) => (0..count).map(|index| Some((name.to_owned(), index))).collect(),
        Err(fault) => {
            let place = JsonPath::Property(&place, "count");
            // The error is recorded; the value is a placeholder then.
            let _ = evaluator.settle(Err(fault), Some(&place));
            Vec::new()
        }
    }
}

type Turn = Option<(String, i64)>;

fn declare_one(
    evaluator: &mut Evaluator<'_>,
    (number, part): (usize, &DeclaredResource),
    around: Option<&Declared>,
    turn: Turn,
) -> Option<Declared> {
    let mut resource = Declared {
        part: number,
        place: part.place.clone(),
        symbol: part.symbol.clone(),
        turn,
        kind: String::new(),
        name: Vec::new(),
        id: String::new(),
        api_version: String::new(),
        wanted: true,
        existing: false,
    };
    let frame = resource.frame(Phase::Planning);
    let read = |evaluator: &mut Evaluator<'_>, name: &str| text(evaluator, part, name, &frame);
    let (kind, name) = (read(evaluator, "type")?, read(evaluator, "name")?);
    resource.api_version = read(evaluator, "apiVersion")?;
    let there = condition(evaluator, part, &frame)? && around.is_none_or(Declared::is_there);
    resource.existing = there && property(&part.body, "existing") == Some(&Value::Bool(true));
    resource.wanted = there && !resource.existing;
    let (kind, name) = match around {
        // Some templates write the full type even in a nested resource.
        Some(around) if !kind.contains('.') => {
            (format!("{}/{kind}", around.kind), [around.name.join("/"), name].join("/"))
        }
        _ => (kind, name),
    };
    let scope = scope(evaluator, part, &frame, around)?;
    identify(evaluator, part, &mut resource, (kind, name), &scope).then_some(resource)
}

/// Gives a resource its type, name and ID. Returns whether they fit together; errors are recorded.
fn identify(
    evaluator: &mut Evaluator<'_>,
    part: &DeclaredResource,
    resource: &mut Declared,
    (kind, name): (String, String),
    scope: &str,
) -> bool {
    let segments: Vec<&str> = name.split('/').collect();
    // Older templates write an extension as a child: {type}/providers/{its type}.
    let extension = resource_path(&kind, &segments).filter(|_| kind.contains("/providers/"));
    let own = extension.as_deref().and_then(parts);
    let (own_kind, own_name) = own.unwrap_or_else(|| (kind, name.clone()));
    let known = deployable(&own_kind);
    let is_written = known.is_ok() && resource.wanted;
    // Others may refer to a resource of a misspelt type, and need not be told that it does not exist.
    resource.kind = known.unwrap_or_else(|why| {
        if resource.wanted {
            evaluator.flaws.push(code::RESOURCE_TYPE, format!("{}.type", part.place), why);
        }
        own_kind
    });
    if is_written {
        check_deployable(evaluator, part, &resource.kind, scope);
    }
    let is_strict = is_written && is_served(&resource.kind);
    let good = !is_strict || segments.iter().all(|segment| is_segment(segment));
    let path = extension.or_else(|| resource_path(&resource.kind, &segments)).filter(|_| good);
    let Some(path) = path else {
        let why = format!("The name '{name:.200}' does not match the type '{}'.", resource.kind);
        evaluator.flaws.push(code::RESOURCE, format!("{}.name", part.place), why);
        return false;
    };
    resource.name = own_name.split('/').map(str::to_owned).collect();
    resource.id = usual(&format!("{scope}{path}")).into_owned();
    true
}

/// Returns the prefix of the resource's ID: that of the enclosing resource, of its own `scope`,
/// `subscriptionId` or `resourceGroup`, or of the deployment.
fn scope(
    evaluator: &mut Evaluator<'_>,
    part: &DeclaredResource,
    frame: &Frame<'_>,
    around: Option<&Declared>,
) -> Option<String> {
    let own = evaluator.inputs.context.scope_id();
    if let Some(around) = around {
        let path = resource_path(&around.kind, &around.name).unwrap_or_default();
        return Some(around.id.strip_suffix(&path).map_or(own, str::to_owned));
    }
    let mut read = |name: &str| match property(&part.body, name) {
        Some(_) => text(evaluator, part, name, frame).map(Some),
        None => Some(None),
    };
    let (scope, subscription, group) = (read("scope")?, read("subscriptionId")?, read("resourceGroup")?);
    let context = evaluator.inputs.context;
    let subscription =
        || format!("/subscriptions/{}", subscription.as_ref().unwrap_or(&context.subscription));
    Some(match (scope, group) {
        (Some(scope), _) if scope.starts_with('/') => scope.trim_end_matches('/').to_owned(),
        (Some(scope), _) => format!("{own}{}", relative(&scope)),
        (None, Some(group)) => format!("{}/resourceGroups/{group}", subscription()),
        (None, None) if property(&part.body, "subscriptionId").is_some() => subscription(),
        (None, None) => own,
    })
}

/// Returns the end of the ID of a resource that is written as `{namespace}/{type}/{name}…`.
fn relative(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!("/providers/{}", scope.trim_matches('/')) }
}

/// Records what a resource asks for that is not served.
fn check_deployable(evaluator: &mut Evaluator<'_>, part: &DeclaredResource, kind: &str, scope: &str) {
    let objection = scope::objection(evaluator.inputs.context, kind, scope);
    let mut refuse = |name: &str, why: String| {
        evaluator.flaws.push(code::RESOURCE, format!("{}.{name}", part.place), why);
    };
    if let Some(why) = objection {
        let names = ["scope", "resourceGroup", "subscriptionId"];
        let name = names.into_iter().find(|name| property(&part.body, name).is_some()).unwrap_or("type");
        refuse(name, why);
    }
    for name in ["extension", "import"] {
        if property(&part.body, name).is_some() {
            refuse(
                name,
                "Resources of extensions are not served; only resources of Azure's types are.".into(),
            );
        }
    }
    let options = property(&part.body, "@options").and_then(Value::as_object);
    for name in options.into_iter().flat_map(Map::keys) {
        let why = format!("The option '{name:.100}' of resources is not served. Remove it.");
        refuse("@options", why);
    }
}

/// Returns whether a text can be a segment of a resource ID. The stricter rules apply when the resource is
/// written.
fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= 90
        && text.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
}

/// Evaluates a required string property. Errors are recorded.
fn text(
    evaluator: &mut Evaluator<'_>,
    part: &DeclaredResource,
    name: &str,
    frame: &Frame<'_>,
) -> Option<String> {
    let root = JsonPath::Root(&part.place);
    let place = JsonPath::Property(&root, name);
    let outcome = match property(&part.body, name) {
        Some(Value::String(text)) => evaluator.text(text, frame),
        Some(other) => Ok(other.clone()),
        None => Err(EvalError::Wrong(code::RESOURCE, format!("A resource must have the property '{name}'."))),
    };
    let wrong = match outcome {
        Ok(Value::String(text)) if !text.is_empty() => return Some(text),
        Ok(Value::String(_)) => {
            let why = format!("The '{name}' of a resource must not be empty.");
            Err(EvalError::Wrong(code::RESOURCE, why))
        }
        Ok(other) => {
            let why = format!("The '{name}' of a resource must be a string, not {}.", kind(&other));
            Err(EvalError::Wrong(code::RESOURCE, why))
        }
        wrong => wrong,
    };
    // The error is recorded; the value is a placeholder then.
    let _ = evaluator.settle(wrong, Some(&place));
    None
}

fn condition(evaluator: &mut Evaluator<'_>, part: &DeclaredResource, frame: &Frame<'_>) -> Option<bool> {
    let Some(condition) = property(&part.body, "condition") else { return Some(true) };
    let root = JsonPath::Root(&part.place);
    let place = JsonPath::Property(&root, "condition");
    match evaluator.fill(condition, frame, None) {
        Ok(Value::Bool(wanted)) => Some(wanted),
        Ok(other) => {
            let why = format!("A condition must be true or false, not {}.", kind(&other));
            evaluator.flaws.push(code::RESOURCE, place.to_string(), why);
            None
        }
        Err(fault) => {
            // The error is recorded; the value is a placeholder then.
            let _ = evaluator.settle(Err(fault), Some(&place));
            None
        }
    }
}
